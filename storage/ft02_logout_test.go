package storage_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// fillLogouts02 ends a session that had entered several applications, and leases
// what tells them, but for one.
func fillLogouts02(t *testing.T, db *storage.DB, afiliadoID string) []storage.LogoutDelivery {
	t.Helper()
	ctx := t.Context()
	s := session(t, db, afiliadoID)
	var out []storage.LogoutDelivery
	for i := range 4 {
		id := "told" + strconv.Itoa(i)
		inTx(t, db, func(tx *storage.Tx) error {
			if err := tx.SaveClient(ctx, told(id)); err != nil {
				return err
			}
			return done(tx.JoinSession(ctx, s.ID, id, now))
		})
	}
	inTx(t, db, func(tx *storage.Tx) error { return done(tx.EndSession(ctx, s.ID, "logout", now)) })
	for i := range 3 {
		out = append(out, leaseLogouts(t, db, "told"+strconv.Itoa(i), 1, now)...)
	}
	return out
}

// logoutWrites02 are the methods of Tx that write deliveries.
func logoutWrites02() []write {
	later := now.Add(time.Minute)
	return []write{
		{"LeaseLogouts", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return done(tx.LeaseLogouts(ctx, "told3", 1, now, later))
		}},
		{"EndLogout", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.EndLogout(ctx, f.logouts[0], storage.LogoutDelivered, "", now)
		}},
		{"RetryLogout", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.RetryLogout(ctx, f.logouts[1], "timeout", later)
		}},
		{"ReleaseLogout", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.ReleaseLogout(ctx, f.logouts[2])
		}},
	}
}
