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
	"iess.gob.ec/clave/storage/storagetest"
)

// another adds a second person, with the clave old set at the same moment as the
// first one's, due or not.
func (s *site) another(id storage.Identifier) *storage.Afiliado {
	s.T.Helper()
	other := *s.who
	other.ID, other.Identifier = "", id
	other = storagetest.AddAfiliado(s.T, s.DB, other)
	c := *mustClave(s)
	c.AfiliadoID = other.ID
	s.In(func(tx *storage.Tx) error { return tx.SetClave(s.T.Context(), c, s.History) })
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
				slot, err := s.Hash.Take(s.T.Context())
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
	gone, cancel := context.WithCancel(s.T.Context())
	cancel()
	for { // until the place in the queue is taken
		if _, err := s.Hash.Take(gone); errors.Is(err, login.ErrBusy) {
			break
		}
		runtime.Gosched()
	}
	last := waits()
	return func() { // on a busy machine they may have changed places
		select {
		case slot := <-next:
			slot.Release()
			(<-last).Release()
		case slot := <-last:
			slot.Release()
			(<-next).Release()
		}
	}
}

// T28: where the new clave finds no hash slot, the answer of 503 costs none of the
// attempts: the present one was right, however often that happens.
func TestT28_BusyAfterTheRightClaveCostsNoAttempt(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.signIn("", old)
		id, _ := b.ask("") // the clave is asked there: nothing was proved in this request
		page := b.Get("/cambio")
		var giveBack func()
		hook := func(query string) {
			if strings.Contains(query, "UPDATE device SET failures = failures + 1") {
				giveBack = s.takeAfter()
			}
		}
		renew := func() answer { return b.renew(id, nueva, "clave_actual", old) }
		change := func() answer {
			return b.setNew(nueva, append(page.Fields(), "clave_actual", old, "acuerdo", "1")...)
		}
		for i := range 12 { // more than her browser's own attempts and the identifier's together
			send := renew
			if i%2 == 1 {
				send = change
			}
			s.Hook.Store(&hook)
			busy := send()
			s.Hook.Store(nil)
			giveBack()
			if busy.Status != http.StatusServiceUnavailable || busy.Header.Get("Retry-After") == "" {
				t.Fatalf("got %d %s, want 503", busy.Status, busy.Location)
			}
		}
		s.Want(change(), http.StatusSeeOther, "/cambio/listo")
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
		form := append(b.Get("/cambio").Fields(), "clave_actual", old, "acuerdo", "1")
		s.Want(b.Answering("/ingresar", "cedula", string(other.Identifier), "clave", old), http.StatusSeeOther, "/cuenta")
		s.WantText(b.setNew(nueva, form...), swapped)
		s.Want(b.prove(other.Identifier, old), http.StatusSeeOther, "/cambio")
		s.WantText(b.setNew(nueva, form...), swapped)
		form = b.Get("/cambio").Fields()
		s.Want(b.prove(s.who.Identifier, old), http.StatusSeeOther, "/cambio")
		s.WantText(b.setNew(nueva, form...), swapped)
		if s.Events("clave.changed") != 0 {
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
		first, second := append(b.Get("/cambio").Fields(), in...), append(b.Get("/cambio").Fields(), in...)
		s.Want(b.setNew(nueva, first...), http.StatusSeeOther, "/cambio/listo")
		s.Pass(time.Minute)
		s.untried(func() {
			s.Want(b.setNew(nueva, first...), http.StatusSeeOther, "/cambio/listo")
			s.WantText(b.setNew(other, second...), stale, `name="clave_actual"`)
		})

		b = s.browser()
		b.prove(s.who.Identifier, nueva)
		first, second = b.Get("/cambio").Fields(), b.Get("/cambio").Fields()
		s.Want(b.setNew(other, first...), http.StatusSeeOther, "/cambio/listo")
		s.Pass(time.Minute)
		s.Want(b.setNew(other, first...), http.StatusSeeOther, "/cambio/listo")
		s.WantText(b.setNew("Xk4tRw9pQ3", second...), stale, `name="cedula"`)
		if s.Events("clave.changed") != 2 {
			t.Errorf("changed %d times", s.Events("clave.changed"))
		}
	})
}

const stale = "Actualizamos esta página"
