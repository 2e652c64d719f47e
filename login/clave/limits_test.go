package clave_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/clave"
	"iess.gob.ec/clave/storage"
)

// D06: an address that several people share gets six links in the window.
func TestD06_SixLinksForOneAddress(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		people := []*storage.Afiliado{s.who, s.another("1759999913"), s.another("0159999911")}
		n := 0
		for _, who := range people {
			for range 3 {
				s.browser().askUnlock(who.Identifier)
			}
		}
		s.Work()
		for _, who := range people {
			all, err := s.DB.Messages(t.Context(), who.ID, 100)
			if err != nil {
				t.Fatal(err)
			}
			n += len(all)
		}
		if n != 6 || s.Events("unlock.capped") != 3 {
			t.Errorf("%d mails, %d capped", n, s.Events("unlock.capped"))
		}
	})
}

// T13: each wish to unlock presses on its network.
func TestT13_AskingPressesOnTheNetwork(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		for i := range 3 {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/desbloqueo", nil)
			r.RemoteAddr = "127.0.0.1:1"
			level, _, err := s.Levels(t.Context(), r, &login.Visit{Now: s.Time()}, "")
			if err != nil || level != i {
				t.Errorf("after %d wishes the network is at %d, %v", i, level, err)
			}
			b.askUnlock(nobody)
		}
	}, func(c *login.Config) { c.Network = login.Limit{Free: 100, Leak: 24 * time.Hour} })
}

// T13: the answer to a challenge that was posed before the identifier was typed is
// refused where the identifier asks for a dearer one, whoever has it.
func TestT13_AnIdentifierUnderPressureAsksForMore(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		for range 10 {
			s.browser().prove(nobody, wrongClave)
		}
		b := s.browser()
		reto := b.ticketOf(b.Get("/desbloqueo"))
		got := b.Post("/desbloqueo", "identificacion", string(nobody), "reto", reto, "desbloquear", "1")
		if got.Status != http.StatusOK || s.Events("unlock.asked") != 0 {
			t.Errorf("a cheap answer counted: %d %s", got.Status, got.Location)
		}
		s.Pass(10 * time.Second)
		got = b.Post("/desbloqueo", "identificacion", string(nobody), "reto", reto, "desbloquear", "1")
		s.Want(got, http.StatusSeeOther, "/desbloqueo/enviado") // held for the twenty seconds that it asks
	}, func(c *login.Config) { c.Network = login.Limit{Free: 1, Leak: time.Nanosecond} })
}

// T15: a press for another link counts from a page of ours only: the cookie of an
// opened link alone, in a browser that says nothing of where the form comes from,
// sends no mail.
func TestT15_ResendFromAnotherSite(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, link := locked(s)
		b.Open(link)
		for origin, asked := range map[string]int{"": 1, s.URL: 2} {
			victim := s.browser()
			victim.SetCookie("enlace-desbloqueo", b.Cookie("enlace-desbloqueo"))
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/desbloqueo/reenviar", strings.NewReader(url.Values{}.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if origin == "" {
				r.Header.Set("User-Agent", "old")
			} else {
				r.Header.Set("Origin", origin)
			}
			before := s.Events("unlock.asked")
			victim.Send(r)
			if n := s.Events("unlock.asked") - before; n != asked-1 {
				t.Errorf("Origin %q: asked %d times", origin, n)
			}
		}
	})
}

// D06: a wish that is worked out later than an hour sends nothing, and its mail is
// worth nothing after that hour.
func TestD06_AWishLivesOneHour(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.lock(storage.LockLogin)
		s.browser().askUnlock(s.who.Identifier)
		asked := s.Time()
		s.Pass(59 * time.Minute)
		s.Work()
		if all := s.mails(); len(all) != 1 || !all[0].ExpiresAt.Equal(asked.Add(time.Hour)) {
			t.Errorf("got %+v, want one mail that ends at %v", all, asked.Add(time.Hour))
		}
		s.browser().askUnlock(s.who.Identifier)
		s.Pass(time.Hour)
		s.Work()
		s.wantMails("enlace-desbloqueo")
	})
}

// "No fui yo" is offered where something is left to close.
func TestT05_NoFuiYoWhereItCloses(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		s.browser().signIn("", old)
		s.disavow()
		if err := clave.DisableByOperator(t.Context(), s.DB, s.who.ID, "pedido", s.Time()); err != nil {
			t.Fatal(err)
		}
		s.Work()
		s.wantMails("equipo-nuevo", "clave-bloqueada", "cuenta-deshabilitada")
		for _, m := range s.mails() {
			if offers := m.LinkID != ""; offers != (m.Template == "equipo-nuevo") {
				t.Errorf("%s offers it: %v", m.Template, offers)
			}
		}
	})
}

// A stranger chooses nobody's language: what she may cause comes in the person's
// own, what only the person causes in her browser's.
func TestT05_StrangersDoNotChooseTheLanguage(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.Get("/?ui_locales=en")
		for range 5 {
			b.signIn("", wrongClave)
		}
		b.askUnlock(s.who.Identifier)
		s.In(func(tx *storage.Tx) error { return tx.UnlockClave(t.Context(), s.DB.IdentifierMAC(s.who.Identifier)) })
		b.prove(s.who.Identifier, old)
		s.Want(b.setNew(nueva), http.StatusSeeOther, "/cambio/listo")
		s.Work()
		s.wantMails("clave-bloqueada", "enlace-desbloqueo", "clave-cambiada")
		for _, m := range s.mails() {
			want := ""
			if m.Template == "clave-cambiada" {
				want = "en"
			}
			if m.Locale != want {
				t.Errorf("%s in %q, want %q", m.Template, m.Locale, want)
			}
		}
	})
}

// What could not be told stands in the audit.
func TestT05_UntoldNoticesAreAudited(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.change(func(a *storage.Afiliado) { a.Email = "" })
		s.Want(s.browser().Answering("/ingresar", "cedula", string(s.who.Identifier), "clave", old), http.StatusSeeOther, "/cuenta")
		s.Pass(5 * time.Minute)
		s.Work()
		rows, err := s.DB.PersonEvents(t.Context(), s.who.ID, "notice.unsent", s.Time(), 10)
		if err != nil || len(rows) != 1 || !strings.Contains(rows[0].Detail, login.NoticeNewDevice) {
			t.Errorf("audit %+v, %v", rows, err)
		}
		s.wantMails()
	})
}
