package login

import (
	"context"
	"errors"
	"time"

	"iess.gob.ec/clave/storage"
)

// WaiveRenewal gives the clave of a person, whose row tx holds, the due date that
// her passkeys leave it (Renewal.Waive). Whatever adds, ends or restores a passkey
// calls it afterwards, in the same transaction; nothing happens where she has no
// clave.
func WaiveRenewal(ctx context.Context, tx *storage.Tx, r Renewal, afiliadoID string, now time.Time) error {
	facts, err := tx.ClaveFacts(ctx, afiliadoID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	holder, err := tx.Holder(ctx, afiliadoID)
	if err != nil {
		return err
	}
	due := storage.At(r.Waive(storage.HeldClave{Clave: *facts, Holder: holder}, now))
	if due.Equal(facts.DueAt.Time) {
		return nil
	}
	_, err = tx.MoveClaveDue(ctx, *facts, due.Time)
	return err
}
