package cuenta_test

import (
	"net/http"
	"testing"
	"time"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/login/passkeytest"
	"iess.gob.ec/clave/storage"
)

// makes adds a passkey of María's by the form of her pages.
func (s *site) makes(b *logintest.Browser) *passkeytest.Authenticator {
	s.T.Helper()
	d := s.NewDevice()
	answer := s.made(d, b.Get("/cuenta/llaves/nueva"))
	s.wantDone(s.post(b, "/cuenta/llaves/nueva", "credencial", answer, "nombre", "Celular", "crear", "1"), "agregada")
	return d
}

// promotes asks for an address to become the first, by a fresh passkey.
func (s *site) promotes(d *passkeytest.Authenticator, e storage.EmailAddress) {
	s.T.Helper()
	b := s.byPasskey(d)
	s.Want(s.contact(b, s.maria, "/correo/principal", "direccion", e.ID), http.StatusSeeOther, "/cuenta/contacto")
}

// D18, T05: whoever knows the clave alone makes a passkey, where she has none, and
// that passkey approves no change of address until it is as old as an address that
// need not wait. Taking it away again does not help.
func TestD18_T05_AYoungPasskeyApprovesNoAddress(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		thief := s.enter(s.maria)
		d := s.makes(thief)
		e := s.adds(s.byPasskey(d), s.maria, "ladron@example.ec")
		s.promotes(d, e)
		if got := s.email(s.maria); got != s.maria.Email {
			t.Errorf("at once it is %s", got)
		}
		b := s.byPasskey(d)
		s.Want(s.post(b, "/cuenta/llaves/quitar", "cual", s.keys()[0].ID), http.StatusSeeOther, "/cuenta/llaves")
		s.Want(s.contact(b, s.maria, "/correo/principal", "direccion", e.ID), http.StatusSeeOther, "/cuenta/contacto")
		if got := s.email(s.maria); got != s.maria.Email {
			t.Errorf("once the passkey is gone it is %s", got)
		}
	})
}

// D18: one that has been hers for that long stands for the approval.
func TestD18_AnOldPasskeyApproves(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		d := s.makes(s.enter(s.maria))
		s.Pass(72 * time.Hour)
		s.promotes(d, s.adds(s.byPasskey(d), s.maria, another))
		if got := s.email(s.maria); got != another {
			t.Errorf("it is %s", got)
		}
	})
}
