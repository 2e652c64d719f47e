package storage_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// fillDeliveries02 ends a session that had entered several applications, and
// leases what tells them, but for what tells the last one.
func fillDeliveries02(t *testing.T, db *storage.DB, afiliadoID string) []storage.Delivery {
	t.Helper()
	ctx := t.Context()
	s := session(t, db, afiliadoID)
	var out []storage.Delivery
	for i := range 4 {
		id := "told" + strconv.Itoa(i)
		inTx(t, db, func(tx *storage.Tx) error {
			if err := tx.SaveClient(ctx, subscriber(id, storage.SecurityEvents()...)); err != nil {
				return err
			}
			return done(tx.JoinSession(ctx, s.ID, id, now))
		})
	}
	inTx(t, db, func(tx *storage.Tx) error { return done(tx.EndSession(ctx, s.ID, "logout", now)) })
	for i, n := range []int{2, 1, 1} {
		out = append(out, leaseDeliveries(t, db, "told"+strconv.Itoa(i), n, now)...)
	}
	return out
}

// deliveryWrites02 are the methods of Tx that write deliveries.
func deliveryWrites02() []write {
	later := now.Add(time.Minute)
	return []write{
		{"LeaseDeliveries", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return done(tx.LeaseDeliveries(ctx, "told3", 2, now, later))
		}},
		{"EndDelivery", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.EndDelivery(ctx, f.told[0], storage.DeliveryDelivered, "", now)
		}},
		{"EndDelivery", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.EndDelivery(ctx, f.told[1], storage.DeliveryRefused, "invalid_key", now)
		}},
		{"RetryDelivery", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.RetryDelivery(ctx, f.told[2], "timeout", later)
		}},
		{"ReleaseDelivery", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.ReleaseDelivery(ctx, f.told[3])
		}},
		{"QueueEvent", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.QueueEvent(ctx, storage.AccountEnabled, storage.CauseRecovered, f.a.ID, now)
		}},
	}
}
