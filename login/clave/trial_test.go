package clave_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
)

// another adds a second person, with the clave old set at the same moment as the
// first one's, due or not.
func (s *site) another(id storage.Identifier) *storage.Afiliado {
	s.t.Helper()
	other := *s.who
	other.ID, other.Identifier = storage.NewID(), id
	c := *mustClave(s)
	c.AfiliadoID = other.ID
	s.in(func(tx *storage.Tx) error {
		if err := tx.AddAfiliado(s.t.Context(), other); err != nil {
			return err
		}
		return tx.SetClave(s.t.Context(), c, s.History)
	})
	return &other
}

// takeAfter takes the only hash slot, which is held now, as soon as it is given
// back, before whoever asks for it later, and the one place in the queue after it.
// What it returns gives both back.
func (s *site) takeAfter() func() {
	waits := func() chan *login.Slot {
		got := make(chan *login.Slot, 1)
		go func() {
			for {
				slot, err := s.Hash.Take(s.t.Context())
				if err == nil {
					got <- slot
				}
				if !errors.Is(err, login.ErrBusy) {
					close(got)
					return
				}
				runtime.Gosched()
			}
		}()
		return got
	}
	next := waits()
	gone, cancel := context.WithCancel(s.t.Context())
	cancel()
	for { // until the place in the queue is taken
		if _, err := s.Hash.Take(gone); errors.Is(err, login.ErrBusy) {
			break
		}
		runtime.Gosched()
	}
	last := waits()
	return func() {
		(<-next).Release()
		(<-last).Release()
	}
}

// T28: where the new clave finds no hash slot, the answer of 503 costs none of the
// attempts: the present one was right, however often that happens.
func TestT28_BusyAfterTheRightClaveCostsNoAttempt(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.signIn("", old)
		id, _ := b.ask("") // the clave is asked there: nothing was proved in this request
		page := b.get("/cambio")
		var giveBack func()
		hook := func(query string) {
			if strings.Contains(query, "UPDATE device SET failures = failures + 1") {
				giveBack = s.takeAfter()
			}
		}
		renew := func() answer { return b.renew(id, nueva, "clave_actual", old) }
		change := func() answer {
			return b.setNew(nueva, append(hidden(page), "clave_actual", old, "acuerdo", "1")...)
		}
		for i := range 12 { // more than her browser's own attempts and the identifier's together
			send := renew
			if i%2 == 1 {
				send = change
			}
			s.hook.Store(&hook)
			busy := send()
			s.hook.Store(nil)
			giveBack()
			if busy.status != http.StatusServiceUnavailable || busy.header.Get("Retry-After") == "" {
				t.Fatalf("got %d %s, want 503", busy.status, busy.location)
			}
		}
		s.want(change(), http.StatusSeeOther, "/cambio/listo")
	}, func(c *login.Config) {
		c.Hash, _ = login.NewHasher(login.HashConfig{Memory: 8, Passes: 1, Slots: 1, Queue: 1, Wait: time.Second})
	})
}

// A form of /cambio that was shown to one person sets nobody else's clave, though
// hers was set at the same moment (an import): neither in session nor after the
// public form's first step.
func TestD29_ChangeIsOfWhomThePageWasShownTo(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		other := s.another("1759999913")
		b := s.browser()
		b.signIn("", old)
		form := append(hidden(b.get("/cambio")), "clave_actual", old, "acuerdo", "1")
		s.want(b.answering("/ingresar", "cedula", string(other.Identifier), "clave", old), http.StatusSeeOther, "/")
		s.wantText(b.setNew(nueva, form...), swapped)
		s.want(b.prove(other.Identifier, old), http.StatusSeeOther, "/cambio")
		s.wantText(b.setNew(nueva, form...), swapped)
		form = hidden(b.get("/cambio"))
		s.want(b.prove(s.who.Identifier, old), http.StatusSeeOther, "/cambio")
		s.wantText(b.setNew(nueva, form...), swapped)
		if s.events("clave.changed") != 0 {
			t.Error("somebody's clave was set")
		}
	})
}

const swapped = "La sesión de este navegador cambió"

// FT-14: only the form that made the change is told that it did; another one that
// was open meanwhile is shown anew, whatever clave it holds.
func TestFT14_AnotherStaleChangeIsNotToldDone(t *testing.T) {
	const other = "Xk4tRw9pQ2"
	fresh(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.signIn("", old)
		in := []string{"clave_actual", old, "acuerdo", "1"}
		first, second := append(hidden(b.get("/cambio")), in...), append(hidden(b.get("/cambio")), in...)
		s.want(b.setNew(nueva, first...), http.StatusSeeOther, "/cambio/listo")
		s.pass(time.Minute)
		s.untried(func() {
			s.want(b.setNew(nueva, first...), http.StatusSeeOther, "/cambio/listo")
			s.wantText(b.setNew(other, second...), stale, `name="clave_actual"`)
		})

		b = s.browser()
		b.prove(s.who.Identifier, nueva)
		first, second = hidden(b.get("/cambio")), hidden(b.get("/cambio"))
		s.want(b.setNew(other, first...), http.StatusSeeOther, "/cambio/listo")
		s.pass(time.Minute)
		s.want(b.setNew(other, first...), http.StatusSeeOther, "/cambio/listo")
		s.wantText(b.setNew("Xk4tRw9pQ3", second...), stale, `name="cedula"`)
		if s.events("clave.changed") != 2 {
			t.Errorf("changed %d times", s.events("clave.changed"))
		}
	})
}

const stale = "Actualizamos esta página"
