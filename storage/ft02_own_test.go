package storage_test

import (
	"context"

	"iess.gob.ec/clave/storage"
)

// ownWrites02 are those of what a person chooses in her account.
func ownWrites02() []write {
	add := func(ctx context.Context, tx *storage.Tx, f filled02, id string) error {
		return tx.AddEmailAddress(ctx, storage.EmailAddress{ID: id, AfiliadoID: f.a.ID, Email: id + "@example.org", AddedAt: storage.At(now)})
	}
	return []write{
		{"AddEmailAddress", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			if err := add(ctx, tx, f, "first"); err != nil {
				return err
			}
			return add(ctx, tx, f, "second") // in the place of the first
		}},
		{"ProveEmailAddress", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return done(tx.ProveEmailAddress(ctx, "second", now))
		}},
		{"RemoveEmailAddress", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.RemoveEmailAddress(ctx, f.a.ID, "second", now))
		}},
		{"RemoveEmailAddressesSince", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			if err := add(ctx, tx, f, "third"); err != nil {
				return err
			}
			return done(tx.RemoveEmailAddressesSince(ctx, f.a.ID, now.Add(-1), now))
		}},
		{"SetRenewalDay", func(ctx context.Context, tx *storage.Tx, f filled02) error { return tx.SetRenewalDay(ctx, f.a.ID, 314) }},
		{"SetImage", func(ctx context.Context, tx *storage.Tx, f filled02) error { return tx.SetImage(ctx, f.a.ID, "condor") }},
	}
}
