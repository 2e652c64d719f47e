package recovery_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
)

// known reports whether the device cookie of a sign-in's answer is one of a's.
func (s *site) known(a storage.Afiliado, got logintest.Answer) bool {
	s.T.Helper()
	for _, c := range (&http.Response{Header: got.Header}).Cookies() {
		if !strings.Contains(c.Name, "-device-") {
			continue
		}
		known, err := s.DB.KnowsDevice(s.T.Context(), s.DB.IdentifierMAC(a.Identifier), storage.Hash(c.Value), s.Time())
		if err != nil {
			s.T.Fatal(err)
		}
		return known
	}
	s.T.Fatalf("no device: %q", got.Header)
	return false
}

// S038: with the new clave nothing is left of what the former one had opened: known
// devices, a link to unlock, a change under way, the person's other cases. What is
// somebody else's stays.
func TestS038_NothingOfTheFormerClaveIsLeft(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		mac := s.DB.IdentifierMAC(s.maria.Identifier)
		device := s.NewBrowser().Post("/ingresar", "cedula", string(s.maria.Identifier), "clave", old)
		changing := s.journey()
		s.Want(changing.Post("/cambio", "cedula", string(s.maria.Identifier), "clave_actual", old, "acuerdo", "1"), http.StatusSeeOther, "/cambio")
		s.WantText(changing.Get("/cambio"), `name="clave_nueva"`)
		asked, passed, neighbour := s.journey(), s.journey(), s.journey()
		asked.start(s.maria.Identifier)
		passed.pass(s.maria)
		neighbour.pass(s.diana)

		j := s.journey()
		form := j.Open(j.ask(s.maria))
		s.In(func(tx *storage.Tx) error { return second(tx.LockClave(t.Context(), mac, storage.LockLogin, s.Time())) })
		unlocking := s.journey()
		page := unlocking.Get("/desbloqueo")
		s.Want(unlocking.Post("/desbloqueo", "identificacion", string(s.maria.Identifier), "reto", unlocking.Ticket(page)), http.StatusSeeOther, "/desbloqueo/enviado")
		s.Work()
		s.Deliver()
		unlock := s.LinkOf(s.maria.ID, "enlace-desbloqueo")
		if !s.known(s.maria, device) {
			t.Error("the device was not known before")
		}
		s.Want(j.confirm(form, nueva), http.StatusSeeOther, "/generar-recuperar/listo")

		if s.known(s.maria, device) {
			t.Error("the device is known yet")
		}
		if l, err := s.DB.Link(t.Context(), unlock.ID); err != nil || l.Live(s.Time()) || !unlock.Live(s.Time()) {
			t.Errorf("the link to unlock: before %+v, now %+v, %v", unlock, l, err)
		}
		if got := changing.Post("/cambio", "clave_nueva", "Antisana5758", "clave_confirmacion", "Antisana5758"); got.Location == "/cambio/listo" {
			t.Error("the change goes on")
		}
		for what, b := range map[string]*journey{"questions": asked, "data": passed} {
			if got := b.Get("/generar-recuperar"); !strings.Contains(got.Body, `name="identificacion"`) {
				t.Errorf("the case at the %s goes on: %s", what, got.Main())
			}
		}
		s.WantText(neighbour.Get("/generar-recuperar"), `name="correo"`)
		s.Want(s.NewBrowser().Post("/ingresar", "cedula", string(s.maria.Identifier), "clave", nueva), http.StatusSeeOther, "/cuenta")
		s.WantText(j.Get("/generar-recuperar/listo"), "clave") // the case that led to it is shown
	})
}

// S038: a clave that comes into being, or is changed, between the check of the form
// and its effect stays: whether it was the first or not.
func TestS038_AClaveSetAtTheLastMoment(t *testing.T) {
	t.Parallel()
	s := newSite(t, "postgres")
	phc, err := s.Hash.Make(t.Context(), "Antisana5758")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []storage.Afiliado{s.maria, s.diana} {
		s.Pass(time.Hour)
		j := s.journey()
		page := j.Open(j.ask(a))
		var more []string
		if a.ID == s.diana.ID {
			more = enrolling()
		}
		var came atomic.Bool
		hook := func(string) {
			if !came.CompareAndSwap(false, true) {
				return
			}
			ctx := context.WithoutCancel(t.Context())
			err := s.DB.InTx(ctx, func(tx *storage.Tx) error {
				return tx.SetClave(ctx, storage.Clave{AfiliadoID: a.ID, PHC: phc, CreatedAt: storage.At(s.Time())}, 5)
			})
			if err != nil {
				t.Error(err)
			}
		}
		s.Hook.Store(&hook)
		got := j.confirm(page, nueva, more...)
		s.Hook.Store(nil)
		if got.Status != http.StatusOK || got.Hidden("abierto") == "" || s.Events("clave.recovered") != 0 {
			t.Errorf("%s: %d %s", a.GivenName, got.Status, got.Main())
		}
		c, err := s.DB.Clave(t.Context(), a.ID)
		if err != nil || c.PHC != phc {
			t.Errorf("%s has another clave, %v", a.GivenName, err)
		}
	}
}

// S086: an officer's lock that is set while she confirms stays; one of failed
// sign-ins that is set then does not.
func TestS086_AnOfficersLockOutlivesANewClave(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]string{storage.LockOperador: storage.LockOperador, storage.LockLogin: ""} {
		s := newSite(t, "postgres")
		j := s.journey()
		page := j.Open(j.ask(s.maria))
		var came atomic.Bool
		hook := func(query string) {
			if !strings.HasPrefix(query, "UPDATE link SET used_at") || !came.CompareAndSwap(false, true) {
				return
			}
			ctx := context.WithoutCancel(t.Context())
			err := s.DB.InTx(ctx, func(tx *storage.Tx) error {
				return second(tx.LockClave(ctx, s.DB.IdentifierMAC(s.maria.Identifier), reason, s.Time()))
			})
			if err != nil {
				t.Error(err)
			}
		}
		s.Hook.Store(&hook)
		s.Want(j.confirm(page, nueva), http.StatusSeeOther, "/generar-recuperar/listo")
		s.Hook.Store(nil)
		if got := s.locked(s.maria.Identifier); !came.Load() || got != want {
			t.Errorf("%s: locked for %q", reason, got)
		}
	}
}
