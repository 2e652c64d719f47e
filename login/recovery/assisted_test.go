package recovery_test

import (
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// S030: where only an officer goes on, no link was asked for, and the case lives no
// longer for it.
func TestS030_AnAssistedCaseAsksForNothing(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		page := j.pass(s.maria)
		before, err := s.DB.Recovery(t.Context(), page.Hidden("caso"))
		if err != nil {
			t.Fatal(err)
		}
		s.In(func(tx *storage.Tx) error {
			_, err := tx.LockClave(t.Context(), s.DB.IdentifierMAC(s.maria.Identifier), storage.LockOperador, s.Time())
			return err
		})
		s.Pass(10 * time.Minute)
		s.WantText(j.data(page), "Por aquí no podemos seguir")
		after, err := s.DB.Recovery(t.Context(), before.ID)
		if err != nil || after.Step != "asistida" || !after.RequestedAt.IsZero() || !after.ExpiresAt.Equal(before.ExpiresAt.Time) {
			t.Errorf("got %+v, %v; want nothing asked, until %v", after, err, before.ExpiresAt)
		}
	})
}
