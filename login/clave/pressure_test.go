package clave_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// press lets strangers fail on the person's identifier until a challenge is due,
// and then restores the budget.
func (s *site) press() {
	s.T.Helper()
	for range 5 {
		s.browser().prove(s.who.Identifier, wrongClave)
	}
	s.In(func(tx *storage.Tx) error { return tx.UnlockClave(s.T.Context(), s.DB.IdentifierMAC(s.who.Identifier)) })
}

// forgetLanes makes every browser a strange one.
func (s *site) forgetLanes() {
	s.T.Helper()
	s.In(func(tx *storage.Tx) error { return tx.DropDevices(s.T.Context(), s.who.ID) })
}

// untried reports an attempt that was made though nothing may have been.
func (s *site) untried(f func()) {
	s.T.Helper()
	before, failures := s.Hash.Counts(), s.budget().Failures
	f()
	if s.Hash.Counts() != before || s.budget().Failures != failures {
		s.T.Errorf("an attempt was spent: %+v, then %+v", before, s.Hash.Counts())
	}
}

// T13, S024: every form that asks for the present clave asks for the challenge
// too, under pressure, before anything is tried; a browser known to be hers is
// spared.
func TestT13_S024_EveryFormThatTriesAClaveAsks(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		since := func(b *browser) []string {
			_, rest, _ := strings.Cut(b.Get("/cambio").Body, `name="desde" value="`)
			value, _, _ := strings.Cut(rest, `"`)
			return []string{"clave_actual", wrongClave, "acuerdo", "1", "desde", value}
		}
		b := s.browser()
		b.signIn("", old)
		s.press()
		known := since(b)
		s.WantText(b.setNew(nueva, known...), "clave_actual-error") // her own browser: tried at once
		s.forgetLanes()
		s.WantText(b.Get("/cambio"), `name="reto"`)
		s.untried(func() {
			s.WantText(b.setNew(nueva, since(b)...), logintest.Refused)
			s.WantText(s.browser().Post("/cambio", "cedula", string(s.who.Identifier), "clave_actual", old, "acuerdo", "1"), logintest.Refused, `name="acuerdo" value="1" checked`)
		})
		reto := b.ticketOf(b.Get("/cambio"))
		s.WantText(b.setNew("corta1", append(since(b), "reto", reto)...), "clave_nueva-error", `value="`+reto+`" checked`)
		s.WantText(b.setNew(nueva, append(since(b), "reto", reto)...), "clave_actual-error", `name="reto"`)
		s.WantText(b.setNew(nueva, append(since(b), "reto", reto)...), logintest.Refused) // used

		s.In(func(tx *storage.Tx) error { return storagetest.MoveDue(t.Context(), tx, s.who.ID, s.Time()) })
		c := s.browser()
		c.signIn("", old)
		s.forgetLanes()
		id, _ := c.ask("") // the session is live, but nothing was proved in this request
		page := c.Get("/renovar?id=" + id)
		s.WantText(page, `name="clave_actual"`, `name="reto"`)
		s.untried(func() { s.WantText(c.renew(id, nueva, "clave_actual", old), logintest.Refused) })
		s.Want(c.renew(id, nueva, "clave_actual", old, "reto", c.ticketOf(page)), http.StatusSeeOther, "/autorizar")
	})
}

// Without script: a ticket much too early leads to a page that waits, and then
// everything but the claves is as it was.
func TestS025_ChangeWithoutScriptKeepsWhatWasTyped(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		s.Wait = func(_ context.Context, d time.Duration) error { s.Pass(d); return nil }
		s.press()
		b := s.browser()
		form := func(reto string) answer {
			return b.Post("/cambio", "cedula", string(s.who.Identifier), "clave_actual", old, "acuerdo", "1", "reto", reto)
		}
		first := form("")
		early := form(first.Reto())
		s.WantText(early, "Espere 10 segundos")
		if strings.Contains(early.Body, `type="password"`) || strings.Contains(first.Body+early.Body, old) {
			t.Error("the page asks for a clave that its refresh would lose, or keeps one")
		}
		_, address, _ := strings.Cut(early.Header.Get("Refresh"), ";url=")
		page := b.Get(address)
		s.WantText(page, `value="`+string(s.who.Identifier)+`"`, `name="acuerdo" value="1" checked`, `name="clave_actual"`)
		s.Pass(5 * time.Second)
		s.Want(form(page.Reto()), http.StatusSeeOther, "/cambio") // five seconds early: held
		if page := s.browser().Get(address); strings.Contains(page.Body, `name="acuerdo" value="1" checked`) {
			t.Error("the address ticks the agreement in another browser")
		}

		b = s.browser()
		b.signIn("", old)
		s.forgetLanes()
		reto := b.Get("/cambio").Reto()
		early = b.Post("/cambio", "clave_actual", old, "clave_nueva", nueva, "clave_confirmacion", nueva, "acuerdo", "1", "reto", reto)
		_, address, _ = strings.Cut(early.Header.Get("Refresh"), ";url=")
		s.WantText(b.Get(address), `name="acuerdo" value="1" checked`, `name="cerrar_otras" value="1" aria`)
	})
}
