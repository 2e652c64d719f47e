package cuenta_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
)

// D19: what is on file is whole for herself, and nobody else's.
func TestD19_DataWholeInSessionOnly(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		got := b.Get("/cuenta/datos")
		s.WantText(got, s.maria.GivenName, s.maria.FamilyName, string(s.maria.Identifier), "Así ingresó ahora", "No consta otro ingreso.")
		for _, other := range []string{string(s.luis.Identifier), s.luis.Email} {
			if strings.Contains(got.Body, other) {
				t.Errorf("%s is on the page of somebody else", other)
			}
		}
		s.Pass(time.Hour)
		again := s.enter(s.maria)
		if got := again.Get("/cuenta/datos"); strings.Contains(got.Body, "No consta otro ingreso.") {
			t.Error("the sign-in before is not told")
		}
		if h := got.Header.Get("Cache-Control"); h != "no-store" {
			t.Errorf("it may be kept: %q", h)
		}
	})
}

// The language is that of pages in this browser, and of mails.
func TestLanguageIsChosen(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		for _, lang := range []string{"en", "es-EC", "en"} {
			got := b.Post("/cuenta/idioma", "sesion", mark(s.maria), "idioma", lang)
			s.Want(got, http.StatusSeeOther, "/cuenta/datos")
			a, err := s.DB.Afiliado(t.Context(), s.maria.ID)
			if err != nil || a.Locale != lang {
				t.Errorf("mails are in %q, want %q (%v)", a.Locale, lang, err)
			}
			s.WantText(b.Get(got.Location), `lang="`+lang+`"`, `role="status"`)
			s.Pass(time.Minute)
		}
		s.Want(b.Post("/cuenta/idioma", "sesion", mark(s.maria), "idioma", "xx"), http.StatusSeeOther, "/cuenta/datos")
		if n := s.Events("language.chosen"); n != 3 {
			t.Errorf("%d rows of the audit, want 3", n)
		}
	})
}

func (s *site) due(who storage.Afiliado) time.Time {
	s.T.Helper()
	c, err := s.DB.ClaveFacts(s.T.Context(), who.ID)
	if err != nil {
		s.T.Fatal(err)
	}
	return c.DueAt.Time
}

// D17: she renews on a day of her own where the age of the clave and the time to
// remind her allow it; 29 February is one. Others keep theirs.
func TestD17_RenewalDayOfHerOwn(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		regular := s.Renewal.DueAt(s.Time(), clave, storage.Holder{AfiliadoID: s.maria.ID})
		for _, who := range []storage.Afiliado{s.maria, s.luis} {
			s.SetClave(who.ID, clave, regular)
		}
		b := s.enter(s.maria)
		choose := func(day, month string) logintest.Answer {
			s.Pass(10 * time.Second)
			return b.Post("/cuenta/clave/dia", "sesion", mark(s.maria), "dia", day, "mes", month, "guardar", "1")
		}
		set := s.Time()
		for _, tt := range []struct {
			day, month string
			want       time.Time
		}{
			{"14", "3", time.Date(set.Year()+1, time.March, 14, 5, 0, 0, 0, time.UTC)},
			{"29", "2", time.Date(set.Year()+1, time.February, 28, 5, 0, 0, 0, time.UTC)},
			{set.AddDate(0, 0, 10).Format("2"), set.AddDate(0, 0, 10).Format("1"), regular}, // too near
			{"", "", regular},
		} {
			s.Want(choose(tt.day, tt.month), http.StatusSeeOther, "/cuenta/clave")
			if got := s.due(s.maria); !got.Equal(tt.want) {
				t.Errorf("%s/%s: due %v, want %v", tt.day, tt.month, got, tt.want)
			}
		}
		for _, wrong := range [][2]string{{"31", "2"}, {"14", ""}, {"", "3"}, {"0", "3"}, {"1", "13"}, {"x", "y"}} {
			if got := choose(wrong[0], wrong[1]); got.Status != http.StatusOK || !strings.Contains(got.Body, `class="fault"`) ||
				strings.Contains(got.Body, "nacimiento") {
				t.Errorf("%q: got %d, want to be told, and not of her birthday", wrong, got.Status)
			}
		}
		if got := s.due(s.luis); !got.Equal(regular) {
			t.Errorf("somebody else's clave is due %v", got)
		}
		s.Want(choose("14", "3"), http.StatusSeeOther, "/cuenta/clave")
		s.WantText(b.Get("/cuenta/clave"), "14 de marzo de", `<option value="14" selected>`)
		s.Pass(6 * time.Minute)
		before := s.due(s.maria)
		s.WantText(b.Post("/cuenta/clave/dia", "sesion", mark(s.maria), "dia", "1", "mes", "6"), confirms)
		if got := s.due(s.maria); !got.Equal(before) {
			t.Error("it was moved without a fresh proof (ASVS 7.5.1)")
		}
	})
}

// D17: a long clave has no date, and gets none by a day.
func TestD17_RenewalDayOfALongClave(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		s.Want(b.Post("/cuenta/clave/dia", "sesion", mark(s.maria), "dia", "14", "mes", "3"), http.StatusSeeOther, "/cuenta/clave")
		if got := s.due(s.maria); !got.IsZero() {
			t.Errorf("due %v, want never", got)
		}
		if tastes, err := s.DB.Tastes(t.Context(), s.maria.ID); err != nil || tastes.RenewalDay != 314 {
			t.Errorf("got %+v, %v; want the day kept", tastes, err)
		}
	})
}
