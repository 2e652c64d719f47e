package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"iess.gob.ec/clave/storage"
)

// EndLock lifts the lock of an identifier where that is over at now (D04), and
// returns its budget as it is then. It does what an unlock does: the full budget
// on the identifier and on every lane, audit, notice. Who belongs to the
// identifier is afiliadoID, "" for nobody: the work is the same (T17). Of those who
// come at the same moment one lifts it, and the others find it lifted.
func (s *Server) EndLock(ctx context.Context, tx *storage.Tx, identifierMAC []byte, afiliadoID string, now time.Time) (storage.LoginBudget, error) {
	b, err := tx.LoginBudget(ctx, identifierMAC)
	if err != nil || !s.Lockout.Ended(b, now) {
		return b, err
	}
	account, err := tx.LockAccount(ctx, afiliadoID) // held first, as by whoever else lifts a lock
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return b, err
	}
	mine, err := tx.EndLock(ctx, identifierMAC, b)
	if err != nil {
		return b, err
	}
	if !mine {
		return tx.LoginBudget(ctx, identifierMAC)
	}
	if err := tx.ForgiveDevices(ctx, afiliadoID); err != nil {
		return b, err
	}
	err = tx.Audit(ctx, storage.Event{
		At: storage.At(now), Name: EventClaveUnlocked, AfiliadoID: afiliadoID, Actor: "system",
		Detail: map[string]string{"was": b.LockReason, "by": "time"},
	})
	if err != nil {
		return b, err
	}
	data, err := json.Marshal(Notice{When: now, Expired: true})
	if err != nil {
		return b, fmt.Errorf("login: notice: %w", err)
	}
	// A disabled account opens no more than before: nothing to tell.
	return storage.LoginBudget{}, tx.AddErrandIf(ctx, storage.Errand{
		Kind: NoticeUnlocked, IdentifierMAC: identifierMAC, Data: data, CreatedAt: storage.At(now), NextAt: storage.At(now),
	}, account == nil || !account.Disabled())
}

// expiryBatch is how many locks are looked up at once.
const expiryBatch = 100

// EndLocks lifts every lock that is over at now, also of those who do not try
// their claves meanwhile: they are told that they may. One that fails stays for
// the next time and does not hold the others up. It does nothing where locks do
// not end by themselves.
func (s *Server) EndLocks(ctx context.Context, now time.Time) error {
	if s.Lockout.Expires <= 0 {
		return nil
	}
	for {
		macs, err := s.DB.LocksUntil(ctx, now.Add(-s.Lockout.Expires), expiryBatch)
		if err != nil {
			return err
		}
		var failed []error
		for _, mac := range macs {
			if err := s.DB.InTx(ctx, func(tx *storage.Tx) error { return s.endLockOf(ctx, tx, mac, now) }); err != nil {
				failed = append(failed, err)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if len(failed) > 0 || len(macs) < expiryBatch {
			return errors.Join(failed...)
		}
	}
}

// endLockOf is EndLock for whoever has the identifier with that hash.
func (s *Server) endLockOf(ctx context.Context, tx *storage.Tx, mac []byte, now time.Time) error {
	id := ""
	a, err := tx.LockAfiliadoByMAC(ctx, mac)
	if err == nil {
		id = a.ID
	} else if !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	_, err = s.EndLock(ctx, tx, mac, id, now)
	return err
}
