package clave_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/clave"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

var pagesWithoutMail = sync.OnceValues(func() (*templates.Pages, error) {
	return templates.Parse(templates.Config{Issuer: "http://localhost:8080", Without: []templates.Way{templates.WayMail}})
})

func withoutMail(t *testing.T) func(*login.Config) {
	p, err := pagesWithoutMail()
	if err != nil {
		t.Fatal(err)
	}
	return func(c *login.Config) { c.Pages = p }
}

func expiring(c *login.Config) { c.Lockout.Expires = 24 * time.Hour }

// told is the words of the person's mails of that kind, in the plain form.
func (s *site) told(kind string) string {
	s.T.Helper()
	var all []string
	for _, m := range s.mails() {
		if m.Template != kind {
			continue
		}
		mail, err := templates.DecodeMail(m.Template, m.Data)
		if err != nil {
			s.T.Fatal(err)
		}
		_, text, _, err := s.Pages.RenderMail("es-EC", templates.Minted(mail, templates.Links{}))
		if err != nil {
			s.T.Fatal(err)
		}
		all = append(all, strings.Join(strings.Fields(text), " "))
	}
	return strings.Join(all, "\n")
}

// D04: where nobody unlocks by mail there is no form, a form of before leaves no
// errand and looks nobody up, and no mail offers it, whoever is meant (T17).
func TestD04_T17_WithoutMailNobodyIsAsked(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		for _, id := range []storage.Identifier{s.who.Identifier, nobody} {
			b := s.browser()
			for _, lang := range templates.Languages() {
				got := b.Get("/desbloqueo?ui_locales=" + lang)
				if got.Status != http.StatusOK || strings.Contains(got.Body, `name="identificacion"`) || !strings.Contains(got.Body, "/ayuda#ventanilla") {
					t.Errorf("%s: %d %s", lang, got.Status, got.Main())
				}
			}
			before := s.Stmts.Load()
			s.Want(b.Post("/desbloqueo", "identificacion", string(id), "reto", "x", "desbloquear", "1"), http.StatusSeeOther, "/desbloqueo")
			s.Want(b.Post("/desbloqueo/reenviar", "reenviar", "1"), http.StatusSeeOther, "/desbloqueo")
			s.Want(b.Get("/desbloqueo/enviado"), http.StatusSeeOther, "/desbloqueo")
			s.Want(b.Get("/desbloqueo/codigo"), http.StatusSeeOther, "/desbloqueo")
			s.Want(b.Post("/desbloqueo/codigo", "identificacion", string(id), "codigo_mensaje", "00000000"), http.StatusSeeOther, "/desbloqueo")
			if n := s.Stmts.Load() - before; n != 0 {
				t.Errorf("%s: %d statements of a transaction", id, n)
			}
		}
		if due, err := s.DB.DueErrands(t.Context(), s.Time(), 10); err != nil || len(due) != 0 || s.Events("unlock.asked") != 0 {
			t.Errorf("errands %v, %v", due, err)
		}
		b := s.browser()
		id, _ := b.ask("")
		s.WantText(b.Get("/desbloqueo?id="+id), `name="cancelar"`)
		if got := b.Post("/desbloqueo", "id", id, "cancelar", "1"); !strings.Contains(got.Location, "error=access_denied") {
			t.Errorf("cancelling: %d %q", got.Status, got.Location)
		}
		for range 5 {
			b.signIn("", "Chimborazo63x")
		}
		s.Work()
		s.wantMails("clave-bloqueada")
		if told := s.told("clave-bloqueada"); strings.Contains(told, "/desbloqueo") || !strings.Contains(told, "/generar-recuperar") {
			t.Errorf("the mail offers what there is not: %s", told)
		}
	}, withoutMail(t))
}

// D04: a link sent before the way was closed still opens; once it is dead no other
// is offered, and a wish left before is answered with the other ways.
func TestD04_S072_LinksOfBeforeStillOpen(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.lock(storage.LockLogin)
		b, other := s.browser(), s.browser()
		s.Want(b.askUnlock(s.who.Identifier), http.StatusSeeOther, "/desbloqueo/enviado")
		s.Work()
		s.Deliver()
		link := s.linkOf("enlace-desbloqueo")
		s.Want(other.askUnlock(s.who.Identifier), http.StatusSeeOther, "/desbloqueo/enviado")
		s.close()
		if got := b.Open(link); got.Status != http.StatusOK || strings.Contains(got.Body, "reenviar") {
			t.Errorf("opened: %d %s", got.Status, got.Main())
		}
		s.Want(b.Post("/desbloqueo/abrir", "desbloquear", "1"), http.StatusSeeOther, "/desbloqueo/listo")
		if s.budget().LockReason != "" {
			t.Error("it did not unlock")
		}
		if got := b.Get("/desbloqueo/abrir"); strings.Contains(got.Body, "reenviar") || strings.Contains(got.Body, "pida otro") {
			t.Errorf("another one is offered: %s", got.Main())
		}
		s.Work()
		s.wantMails("enlace-desbloqueo", "desbloqueo-asistido", "clave-desbloqueada")
		if told := s.told("desbloqueo-asistido"); !strings.Contains(told, "no se desbloquean por correo") || strings.Contains(told, "huella") ||
			!strings.Contains(told, "Ventanilla Virtual") {
			t.Errorf("got %s", told)
		}
	})
}

// close has the same site without the mail from now on, as after a restart.
func (s *site) close() {
	s.T.Helper()
	p, err := pagesWithoutMail()
	if err != nil {
		s.T.Fatal(err)
	}
	s.Pages = p
	s.Claves = clave.New(s.Server)
}

// D04: the mail of a lock says when it ends, the page of the unlock how long locks
// last, and when it has ended by itself the person is told, once.
func TestD04_PeopleAreToldOfTheEnd(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.WantText(s.browser().Get("/desbloqueo"), "termina solo después de 24 horas")
		b := s.browser()
		for range 5 {
			b.signIn("", "Chimborazo63x")
		}
		s.Work()
		end := s.budget().LockedAt.Add(24 * time.Hour).In(time.FixedZone("", -5*60*60))
		if told := s.told("clave-bloqueada"); !strings.Contains(told, "El bloqueo termina solo") || !strings.Contains(told, end.Format(", 15:04.")) {
			t.Errorf("%s: %s", end, told)
		}
		s.SetTime(end)
		for range 2 {
			if err := s.EndLocks(t.Context(), s.Time()); err != nil {
				t.Fatal(err)
			}
			s.Work()
		}
		s.wantMails("clave-bloqueada", "clave-desbloqueada")
		if told := s.told("clave-desbloqueada"); !strings.Contains(told, "Terminó el tiempo del bloqueo") || strings.Contains(told, "enlace que enviamos") {
			t.Errorf("got %s", told)
		}
		if s.budget() != (storage.LoginBudget{}) || s.Events("clave.unlocked") != 1 {
			t.Errorf("left %+v", s.budget())
		}
	}, expiring)
}
