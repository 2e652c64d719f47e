package clave_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// press lets strangers fail on the person's identifier until a challenge is due,
// and then restores the budget.
func (s *site) press() {
	s.t.Helper()
	for range 5 {
		s.browser().prove(s.who.Identifier, wrongClave)
	}
	s.in(func(tx *storage.Tx) error { return tx.UnlockClave(s.t.Context(), s.DB.IdentifierMAC(s.who.Identifier)) })
}

// forgetLanes makes every browser a strange one.
func (s *site) forgetLanes() {
	s.t.Helper()
	s.in(func(tx *storage.Tx) error { return tx.DropDevices(s.t.Context(), s.who.ID) })
}

// untried reports an attempt that was made though nothing may have been.
func (s *site) untried(f func()) {
	s.t.Helper()
	before, failures := s.Hash.Counts(), s.budget().Failures
	f()
	if s.Hash.Counts() != before || s.budget().Failures != failures {
		s.t.Errorf("an attempt was spent: %+v, then %+v", before, s.Hash.Counts())
	}
}

// T13, S024: every form that asks for the present clave asks for the challenge
// too, under pressure, before anything is tried; a browser known to be hers is
// spared.
func TestT13_S024_EveryFormThatTriesAClaveAsks(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		since := func(b *browser) []string {
			_, rest, _ := strings.Cut(b.get("/cambio").body, `name="desde" value="`)
			value, _, _ := strings.Cut(rest, `"`)
			return []string{"clave_actual", wrongClave, "acuerdo", "1", "desde", value}
		}
		b := s.browser()
		b.signIn("", old)
		s.press()
		known := since(b)
		s.wantText(b.setNew(nueva, known...), "clave_actual-error") // her own browser: tried at once
		s.forgetLanes()
		s.wantText(b.get("/cambio"), `name="reto"`)
		s.untried(func() {
			s.wantText(b.setNew(nueva, since(b)...), refused)
			s.wantText(s.browser().post("/cambio", "cedula", string(s.who.Identifier), "clave_actual", old, "acuerdo", "1"), refused, `name="acuerdo" value="1" checked`)
		})
		reto := b.ticketOf(b.get("/cambio"))
		s.wantText(b.setNew("corta1", append(since(b), "reto", reto)...), "clave_nueva-error", `value="`+reto+`" checked`)
		s.wantText(b.setNew(nueva, append(since(b), "reto", reto)...), "clave_actual-error", `name="reto"`)
		s.wantText(b.setNew(nueva, append(since(b), "reto", reto)...), refused) // used

		s.in(func(tx *storage.Tx) error { return storagetest.MoveDue(t.Context(), tx, s.who.ID, s.now()) })
		c := s.browser()
		c.signIn("", old)
		s.forgetLanes()
		id, _ := c.ask("") // the session is live, but nothing was proved in this request
		page := c.get("/renovar?id=" + id)
		s.wantText(page, `name="clave_actual"`, `name="reto"`)
		s.untried(func() { s.wantText(c.renew(id, nueva, "clave_actual", old), refused) })
		s.want(c.renew(id, nueva, "clave_actual", old, "reto", c.ticketOf(page)), http.StatusSeeOther, "/autorizar")
	})
}

// Without script: a ticket much too early leads to a page that waits, and then
// everything but the claves is as it was.
func TestS025_ChangeWithoutScriptKeepsWhatWasTyped(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		s.Wait = func(_ context.Context, d time.Duration) error { s.pass(d); return nil }
		s.press()
		b := s.browser()
		form := func(reto string) answer {
			return b.post("/cambio", "cedula", string(s.who.Identifier), "clave_actual", old, "acuerdo", "1", "reto", reto)
		}
		first := form("")
		early := form(ticket.FindStringSubmatch(first.body)[1])
		s.wantText(early, "Espere 10 segundos")
		if strings.Contains(early.body, `type="password"`) || strings.Contains(first.body+early.body, old) {
			t.Error("the page asks for a clave that its refresh would lose, or keeps one")
		}
		_, address, _ := strings.Cut(early.header.Get("Refresh"), ";url=")
		page := b.get(address)
		s.wantText(page, `value="`+string(s.who.Identifier)+`"`, `name="acuerdo" value="1" checked`, `name="clave_actual"`)
		s.pass(5 * time.Second)
		s.want(form(ticket.FindStringSubmatch(page.body)[1]), http.StatusSeeOther, "/cambio") // five seconds early: held
		if page := s.browser().get(address); strings.Contains(page.body, `name="acuerdo" value="1" checked`) {
			t.Error("the address ticks the agreement in another browser")
		}

		b = s.browser()
		b.signIn("", old)
		s.forgetLanes()
		reto := ticket.FindStringSubmatch(b.get("/cambio").body)[1]
		early = b.post("/cambio", "clave_actual", old, "clave_nueva", nueva, "clave_confirmacion", nueva, "acuerdo", "1", "reto", reto)
		_, address, _ = strings.Cut(early.header.Get("Refresh"), ";url=")
		s.wantText(b.get(address), `name="acuerdo" value="1" checked`, `name="cerrar_otras" value="1" aria`)
	})
}
