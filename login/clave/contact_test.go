package clave_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
)

// imported takes the person's data from the registry, with that address.
func (s *site) imported(address string) {
	s.T.Helper()
	file := "cedula,nombres,apellidos,fecha_nacimiento,correo,tipo_asegurado,estado,huella\n" +
		strings.Join([]string{string(s.who.Identifier), s.who.GivenName, s.who.FamilyName, s.who.Birthdate, address, "afiliado", "activa", "si"}, ",") + "\n"
	report, err := s.DB.ImportAfiliados(s.T.Context(), strings.NewReader(file), storage.ImportOptions{Identifier: login.ParseIdentifier, Now: s.Time})
	if err != nil || report.Updated != 1 {
		s.T.Fatalf("got %+v, %v; want her changed", report, err)
	}
}

// T05: where the registry changes her address, a link in the former mailbox opens
// nothing, both addresses are told once, and "No fui yo" works from either.
func TestT05_S072_AnotherAddressTellsBothAndKillsLinks(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		const present = "carlos@nuevo.example"
		b, link := locked(s)
		s.imported(present)
		s.WantText(b.Open(link), resendButton)
		if got := b.Post("/desbloqueo/abrir", "desbloquear", "1"); got.Location == "/desbloqueo/listo" || s.budget().LockReason == "" {
			t.Errorf("a link to the former address unlocks: %d %s", got.Status, got.Location)
		}
		s.Work()
		s.Work()
		s.wantMails("enlace-desbloqueo", "contacto-cambiado", "contacto-cambiado")
		var told []string
		for _, m := range s.mails() {
			if m.Template == storage.ErrandContact {
				told = append(told, m.Recipient)
				if m.LinkID == "" {
					t.Errorf("%s is offered no way to object", m.Recipient)
				}
			}
		}
		slices.Sort(told)
		if want := []string{s.who.Email, present}; !slices.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
		s.Deliver()
		owner := s.browser()
		page := owner.Open(s.linkOf("contacto-cambiado"))
		s.WantText(page, "El correo de su cuenta cambió")
		s.Want(owner.Post("/no-fui-yo", "no-fui-yo", "1", "reto", owner.ticketOf(page)), http.StatusSeeOther, "/no-fui-yo/listo")
		if got := s.budget().LockReason; got != storage.LockCompromiso {
			t.Errorf("got lock %q, want %q", got, storage.LockCompromiso)
		}
	})
}

// Who has no address any more is told at the former.
func TestT05_AnAddressTakenAway(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.imported("")
		s.Work()
		s.wantMails("contacto-cambiado")
		if m := s.mails()[0]; m.Recipient != s.who.Email {
			t.Errorf("told %s, want %s", m.Recipient, s.who.Email)
		}
	})
}
