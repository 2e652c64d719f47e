package recovery_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// D18, T05, DEV-7: the link goes to each further address of hers that has been proved
// for 72 hours, one and the same; a younger one gets none.
func TestD18_DEV7_TheLinkGoesToEveryRipeAddress(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		const ripe, young, unproved = "copito@example.ec", "nueva@example.ec", "luego@example.ec"
		s.AddAddress(s.maria.ID, ripe, s.Time().Add(-72*time.Hour))
		s.AddAddress(s.maria.ID, young, s.Time().Add(-71*time.Hour))
		s.AddAddress(s.maria.ID, unproved, time.Time{})

		j := s.journey()
		page := j.pass(s.maria)
		s.WantText(page, "uno de estos correos", "c•••o@e…", "todos esos correos")
		if strings.Contains(page.Body, "n•••a@e…") || strings.Contains(page.Body, "l•••o@e…") {
			t.Errorf("the page shows an address that gets no link: %s", page.Main())
		}
		s.Want(j.data(page, "correo", strings.ToUpper(ripe)), http.StatusSeeOther, "/generar-recuperar/enviado") // the link goes there anyway
		s.WantText(j.Get("/generar-recuperar/enviado"), "enviamos un enlace")
		var to, links []string
		for _, m := range s.Mails(s.maria.ID) {
			if m.Template == "enlace-generar" {
				to, links = append(to, m.Recipient), append(links, m.LinkID)
			}
		}
		slices.Sort(to)
		if want := []string{ripe, s.maria.Email}; !slices.Equal(to, want) {
			t.Fatalf("the link went to %q, want %q", to, want)
		}
		if links[0] != links[1] {
			t.Error("there are two links")
		}

		for range 2 { // three times, however many addresses
			s.Pass(time.Minute)
			s.Want(j.Post("/generar-recuperar/reenviar", "caso", page.Hidden("caso")), http.StatusSeeOther, "/generar-recuperar/enviado")
		}
		s.WantText(j.Get("/generar-recuperar/enviado"), "Podrá pedir otro enlace")
		if n := len(s.mailsTo(s.maria, ripe)) - 1; n != 3 { // and that the questions were passed
			t.Errorf("after three times there went %d links to a further address", n)
		}

		s.Deliver()
		s.Want(j.confirm(j.Open(s.LinkOf(s.maria.ID, "enlace-generar")), nueva), http.StatusSeeOther, "/generar-recuperar/listo")
	})
}

// DEV-7: who has lost the mailbox on file is not lost with it: the link goes to her
// other one. Another address cannot take its place that way, as nobody who reads the
// one on file could object (T05).
func TestDEV7_T05_TheMailboxOnFileIsLost(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.AddAddress(s.diana.ID, "copito@example.ec", s.Time().Add(-72*time.Hour))
		s.In(func(tx *storage.Tx) error {
			return tx.SuppressAddress(t.Context(), s.diana.Email, "550", s.Time(), s.Time().Add(24*time.Hour))
		})
		j := s.journey()
		page := j.pass(s.diana)
		s.WantText(j.data(page, "correo", elsewhere), `id="correo-error"`, elsewhere)
		if _, err := s.DB.OpenContactChange(t.Context(), s.diana.ID); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("another address is to take its place: %v", err)
		}
		s.Want(j.data(page), http.StatusSeeOther, "/generar-recuperar/enviado")
		s.Deliver()
		s.Want(j.confirm(j.Open(s.LinkOf(s.diana.ID, "enlace-generar")), nueva, enrolling()...), http.StatusSeeOther, "/generar-recuperar/listo")
	})
}
