package cuenta_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
)

// T05, DEV-7: a stolen session does not reach back for months to end the passkey
// without which a mailbox recovers nothing: for an entry older than a link of "No fui
// yo" lives, she proves who she is. Then it is done.
func TestT05_DEV7_NotMeOfLongAgoWantsAProof(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		d := s.makes(s.enter(s.maria))
		s.Pass(60 * 24 * time.Hour)
		b := s.byPasskey(d)
		entries := values(b.Get("/cuenta/actividad"), "entrada")
		oldest, newest := entries[len(entries)-1], entries[0]
		s.Pass(6 * time.Minute)
		form := []string{"sesion", mark(s.maria), "seguro", "1", "entrada"}
		got := b.Post("/cuenta/actividad/no-fui-yo", append(form, oldest)...)
		if !strings.Contains(got.Body, confirms) || len(s.keys()) != 1 || s.Events(login.EventDisavowed) != 0 {
			t.Fatalf("got %d to %s, want to be asked for a proof", got.Status, got.Location)
		}
		recent := s.byPasskey(d)
		s.Pass(6 * time.Minute)
		s.Want(recent.Post("/cuenta/actividad/no-fui-yo", append(slices.Clone(form), newest)...), http.StatusSeeOther, "/no-fui-yo/listo")
		if len(s.keys()) != 1 {
			t.Error("what she has used for longer has ended")
		}
	})
}

// With the proof it goes on, and takes back what was done then.
func TestT05_NotMeOfLongAgoByAProof(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		d := s.makes(s.enter(s.maria))
		s.Pass(60 * 24 * time.Hour)
		b := s.byPasskey(d)
		entries := values(b.Get("/cuenta/actividad"), "entrada")
		s.Pass(6 * time.Minute)
		s.Want(b.Post("/cuenta/actividad/no-fui-yo", "sesion", mark(s.maria), "seguro", "1", "entrada", entries[len(entries)-1],
			"confirmar", "1", "clave", clave), http.StatusSeeOther, "/no-fui-yo/listo")
		if len(s.keys()) != 0 {
			t.Error("what was added then has not ended")
		}
	})
}
