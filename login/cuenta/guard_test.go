package cuenta_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

const confirms = `id="confirmar"`

// writes are the statements that change something but a session's sign of life.
func (s *site) writes(f func()) []string {
	var mu sync.Mutex
	var out []string
	note := func(query string) {
		verb, _, _ := strings.Cut(query, " ")
		if slices.Contains([]string{"INSERT", "UPDATE", "DELETE"}, verb) && !strings.HasPrefix(query, "UPDATE session SET seen_at") {
			mu.Lock()
			defer mu.Unlock()
			out = append(out, query)
		}
	}
	s.Hook.Store(&note)
	f()
	s.Hook.Store(nil)
	return out
}

// Every address × every way to come without the proof it wants: nothing is written,
// and the answer is the page that asks for the proof (ASVS 7.5.1, 8.2.3).
func TestASVS7_5_1_NoChangeWithoutFreshProof(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		old := s.enter(s.maria)
		s.Pass(6 * time.Minute)
		var shown []string // on GET, also where a form goes
		for _, a := range s.account.Addresses() {
			if a.Show {
				shown = append(shown, a.Path)
			}
		}
		for _, a := range s.account.Addresses() {
			stranger := s.NewBrowser()
			if a.Show {
				s.Want(stranger.Get(a.Path), http.StatusSeeOther, "/ingresar")
				continue
			}
			if got := old.Get(a.Path); got.Status != http.StatusMethodNotAllowed && !slices.Contains(shown, a.Path) {
				t.Errorf("GET %s: got %d, want 405", a.Path, got.Status)
			}
			form := url.Values{"sesion": {mark(s.maria)}}
			for name, b := range map[string]*logintest.Browser{"without a session": stranger, "with an old proof": old} {
				var got logintest.Answer
				wrote := s.writes(func() { got = b.PostForm(a.Path, form) })
				if (a.Proof || b == stranger) && (!strings.Contains(got.Body, confirms) || len(wrote) > 0) {
					t.Errorf("%s %s: got %d and %q, want to be asked for a proof", a.Path, name, got.Status, wrote)
				}
			}
			form.Set("sesion", mark(s.luis))
			wrote := s.writes(func() { s.Want(old.PostForm(a.Path, form), http.StatusSeeOther, "/cuenta") })
			if len(wrote) > 0 {
				t.Errorf("%s shown to somebody else: %q", a.Path, wrote)
			}
		}
	})
}

func TestConfirmCarriesWhatWasPosted(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		form := []string{"sesion", mark(s.maria), "que", `más "que" esto`}
		s.Want(b.Post("/cuenta/prueba", form...), http.StatusSeeOther, "/cuenta")
		s.Pass(5*time.Minute + time.Second)
		got := b.Post("/cuenta/prueba", form...)
		if !strings.Contains(got.Body, confirms) || !strings.Contains(got.Body, `name="que" value="más &#34;que&#34; esto"`) {
			t.Fatalf("got %d %s, want the page with what was posted", got.Status, got.Body)
		}
		form = append(form, "confirmar", "1")
		if got := b.Post("/cuenta/prueba", append(form, "clave", wrong)...); !strings.Contains(got.Body, confirms) {
			t.Errorf("a wrong clave: got %d", got.Status)
		}
		before := b.Clone()
		s.Want(b.Post("/cuenta/prueba", append(form, "clave", clave)...), http.StatusSeeOther, "/cuenta")
		if want := []string{s.maria.ID + ` más "que" esto`, s.maria.ID + ` más "que" esto`}; !slices.Equal(s.done, want) {
			t.Errorf("got %q, want %q", s.done, want)
		}
		s.Want(before.Get("/cuenta"), http.StatusSeeOther, "/ingresar") // ASVS 7.2.4
		if got := b.Get("/cuenta"); got.Status != http.StatusOK {
			t.Errorf("got %d, want the account", got.Status)
		}
	})
}

// The session ends while she writes: the form is sent all the same, and does for her
// what it says once she has signed in; for anybody else it does nothing.
func TestConfirmAfterTheSessionHasEnded(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		s.Pass(16 * time.Minute)
		form := []string{"sesion", mark(s.maria), "que", "esto", "confirmar", "1"}
		if got := b.Post("/cuenta/prueba", form[:4]...); !strings.Contains(got.Body, `id="cedula"`) {
			t.Fatalf("got %d, want to be asked who she is", got.Status)
		}
		s.Want(b.Post("/cuenta/prueba", append(form, "cedula", string(s.luis.Identifier), "clave", clave)...), http.StatusSeeOther, "/cuenta")
		if len(s.done) > 0 {
			t.Errorf("done for somebody else: %q", s.done)
		}
		s.Pass(16 * time.Minute)
		s.Want(b.Post("/cuenta/prueba", append(form, "cedula", cedula, "clave", clave)...), http.StatusSeeOther, "/cuenta")
		if want := []string{s.maria.ID + " esto"}; !slices.Equal(s.done, want) {
			t.Errorf("got %q, want %q", s.done, want)
		}
	})
}

// She closes the session elsewhere while a form of it is under way: the form does
// nothing, and she is asked to sign in.
func TestASVS_7_4_1_SessionClosedBesideAForm(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		s.Want(s.posts(b, pageStep+"/configurar"), http.StatusSeeOther, pageStep)
		s.Pass(2 * time.Minute)
		hook := func(query string) {
			if query == "COMMITTED" { // her sign of life, after the form has found its session
				s.Hook.Store(nil)
				s.In(func(tx *storage.Tx) error {
					return tx.EndSessions(t.Context(), s.maria.ID, "", storage.CauseClosed, s.Time())
				})
			}
		}
		s.Hook.Store(&hook)
		s.Want(b.Post(pageStep+"/activar", "sesion", mark(s.maria), "codigo", s.Code(s.maria.ID)), http.StatusSeeOther, "/ingresar")
		if app, err := s.DB.TOTP(t.Context(), s.maria.ID); err != nil || app.Live(s.Time()) {
			t.Errorf("the application counts, %v", err)
		}
	})
}

// A clave does not stand in for the second factor that she has (NIST SP 800-63B).
func TestStrongWantsTheSecondFactor(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		form := []string{"sesion", mark(s.maria), "que", "esto"}
		s.Want(b.Post("/cuenta/prueba-fuerte", form...), http.StatusSeeOther, "/cuenta")
		_, err := storagetest.Raw(t, s.Database).ExecContext(t.Context(), `INSERT INTO totp (afiliado_id, secret, created_at, confirmed_at)
			VALUES ('`+s.maria.ID+`', '', 1, 1)`)
		if err != nil {
			t.Fatal(err)
		}
		got := b.Post("/cuenta/prueba-fuerte", append(form, "confirmar", "1", "clave", clave)...)
		if !strings.Contains(got.Body, confirms) || len(s.done) != 1 {
			t.Errorf("got %d and %q, want to be asked for the factor", got.Status, s.done)
		}
	})
}
