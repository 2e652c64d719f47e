package storage_test

import (
	"context"

	"iess.gob.ec/clave/storage"
)

// secondWrites02 are those of second factors. Each uses what the ones before it have
// left.
func secondWrites02() []write {
	later := now.Add(1)
	return []write{
		{"AddLinkBeside", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.AddLinkBeside(ctx, link02(f.a.ID, "second", storage.LinkSegundo))
		}},
		{"ExtraAttempt", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return done(tx.ExtraAttempt(ctx, "second", 5))
		}},
		{"BeginTOTP", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.BeginTOTP(ctx, begun(f.a.ID, now)))
		}},
		{"ConfirmTOTP", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.ConfirmTOTP(ctx, f.a.ID, storage.At(now), 1, now))
		}},
		{"UseTOTP", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.UseTOTP(ctx, f.a.ID, 2, 0, now))
		}},
		{"FailTOTP", func(ctx context.Context, tx *storage.Tx, f filled02) error { return tx.FailTOTP(ctx, f.a.ID, 1, now) }},
		{"EndTOTP", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.EndTOTP(ctx, f.a.ID, later.Add(1000000), now))
		}},
		{"KeepTOTP", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.KeepTOTP(ctx, f.a.ID, now))
		}},
		{"SetSecondStep", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.SetSecondStep(ctx, f.a.ID, true)
		}},
		{"SetRecoveryCodes", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.SetRecoveryCodes(ctx, f.a.ID, []string{"AAAA"}, now)
		}},
		{"UseRecoveryCode", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.UseRecoveryCode(ctx, f.a.ID, "AAAA", now))
		}},
	}
}
