package logintest

import (
	"time"

	"iess.gob.ec/clave/storage"
)

// AddAddress gives a person a further e-mail address that she proved at that time,
// or has yet to prove where it is zero, and returns its id.
func (s *Site) AddAddress(afiliadoID, email string, proved time.Time) string {
	s.T.Helper()
	e := storage.EmailAddress{ID: storage.NewID(), AfiliadoID: afiliadoID, Email: email, AddedAt: storage.At(s.Time())}
	s.In(func(tx *storage.Tx) error { return tx.AddEmailAddress(s.T.Context(), e) })
	if !proved.IsZero() {
		s.In(func(tx *storage.Tx) error {
			_, err := tx.ProveEmailAddress(s.T.Context(), e.ID, proved)
			return err
		})
	}
	return e.ID
}
