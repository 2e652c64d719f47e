package login_test

import (
	"net/http"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// D17, WA-5: a passkey of which somebody has a copy waives nothing any more.
func TestD17_WA_5_ACopiedPasskeyWaivesNoRenewal(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		her, d := s.person(cedula, clave), s.NewDevice()
		s.Enrol(d, her.ID)
		s.In(func(tx *storage.Tx) error { return storagetest.MoveDue(t.Context(), tx, her.ID, time.Time{}) })
		thief := d.Clone()
		s.Want(s.browser().enter("", d), http.StatusSeeOther, "/cuenta")
		s.Want(s.browser().enter("", thief), http.StatusOK, "")
		c, err := s.DB.ClaveFacts(t.Context(), her.ID)
		if err != nil || c.DueAt.Before(s.Time().Add(30*24*time.Hour)) {
			t.Errorf("due %v, %v, want it due again, in 30 days at the soonest", c.DueAt, err)
		}
	})
}
