package clave

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Audit events of operators; detail: reason.
const (
	eventDisabled    = "afiliado.disabled" // an account switched off
	eventMailAllowed = "mail.allowed"      // an address is written to again; detail too: was
	eventReopened    = "recovery.reopened" // the attempts to answer are back, the lock stays
)

// ErrNotLocked says that there is nothing to unlock, ErrDisavowed that somebody
// else knows the clave ("No fui yo"), so that only a new one opens the account
// again, and ErrNotSuppressed that mail goes to the person's address anyway. ErrNoFactors
// says that there is no factor to end.
// ErrOnlyRecovery is ErrDisavowed where something was done all the same: the way to
// a new one, which strangers had closed, is open again.
var (
	ErrNotLocked     = errors.New("clave: not locked")
	ErrDisavowed     = errors.New("clave: disavowed")
	ErrOnlyRecovery  = fmt.Errorf("%w, and may be recovered again", ErrDisavowed)
	ErrNotSuppressed = errors.New("clave: not suppressed")
	ErrNoFactors     = errors.New("clave: no passkey, no second factor, no recovery code")
)

// UnlockByOperator lifts a person's lock for reason, restores the full budget
// everywhere, and leaves audit and notice. ErrNotLocked where nothing is locked;
// ErrDisavowed where a disavowal closed the clave: whoever else knows it would be
// the first to sign in with it and set the next. ErrOnlyRecovery where besides the
// attempts to answer were spent, which are restored, with audit and notice.
func UnlockByOperator(ctx context.Context, db *storage.DB, afiliadoID, reason string, now time.Time) error {
	refused := false
	notice := login.Notice{When: now, Operator: true}
	err := byOperator(ctx, db, afiliadoID, login.NoticeUnlocked, notice, func(tx *storage.Tx, a *storage.Afiliado) (storage.Event, error) {
		mac := db.IdentifierMAC(a.Identifier)
		budget, err := tx.LoginBudget(ctx, mac)
		if err == nil && budget.LockReason == "" {
			err = ErrNotLocked
		}
		if err == nil {
			err = refuseDisavowed(ctx, tx, a, budget, now)
		}
		refused = errors.Is(err, ErrDisavowed)
		if err != nil {
			return storage.Event{}, err
		}
		if err := tx.UnlockClave(ctx, mac); err != nil {
			return storage.Event{}, err
		}
		e := storage.Event{Name: eventUnlocked, Detail: map[string]string{"was": budget.LockReason, "by": "operator", "reason": reason}}
		return e, tx.ForgiveDevices(ctx, a.ID)
	})
	if !refused {
		return err
	}
	return reopenByOperator(ctx, db, afiliadoID, reason, now)
}

// reopenByOperator restores the attempts to answer of a person whose clave a
// disavowal closed, and returns ErrOnlyRecovery; ErrDisavowed where none was spent.
func reopenByOperator(ctx context.Context, db *storage.DB, afiliadoID, reason string, now time.Time) error {
	notice := login.Notice{When: now, Operator: true, Reason: storage.LockCompromiso}
	err := byOperator(ctx, db, afiliadoID, login.NoticeLocked, notice, func(tx *storage.Tx, a *storage.Afiliado) (storage.Event, error) {
		mac := db.IdentifierMAC(a.Identifier)
		spent, err := tx.RecoveryBudget(ctx, mac, now)
		if err != nil {
			return storage.Event{}, err
		}
		budget, err := tx.LoginBudget(ctx, mac)
		if err == nil && (spent == 0 || budget.LockReason != storage.LockCompromiso) {
			err = ErrDisavowed
		}
		if err != nil {
			return storage.Event{}, err
		}
		return storage.Event{Name: eventReopened, Detail: map[string]string{"by": "operator", "reason": reason}}, tx.ForgiveRecovery(ctx, mac)
	})
	if err == nil {
		err = ErrOnlyRecovery
	}
	return err
}

// refuseDisavowed returns ErrDisavowed where the lock is "compromiso", or stands
// in the place of one: an officer's lock stays what it is under a disavowal.
func refuseDisavowed(ctx context.Context, tx *storage.Tx, a *storage.Afiliado, b storage.LoginBudget, now time.Time) error {
	if b.LockReason == storage.LockCompromiso {
		return ErrDisavowed
	}
	rows, err := tx.PersonEvents(ctx, a.ID, login.EventDisavowed, now, 1)
	if err != nil || len(rows) == 0 {
		return err
	}
	present, err := tx.Clave(ctx, a.ID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil
	case err == nil && !present.CreatedAt.After(rows[0].At.Time):
		return ErrDisavowed
	default:
		return err
	}
}

// DisableByOperator switches a person's account off for reason: her sessions end,
// what applications hold is revoked, her known devices are forgotten, links in her
// mails die, and so do cases and changes of address under way; audit and notice.
// storage.ErrConflict where it is off already.
func DisableByOperator(ctx context.Context, db *storage.DB, afiliadoID, reason string, now time.Time) error {
	notice := login.Notice{When: now, Operator: true}
	return byOperator(ctx, db, afiliadoID, login.NoticeDisabled, notice, func(tx *storage.Tx, a *storage.Afiliado) (storage.Event, error) {
		e := storage.Event{Name: eventDisabled, Detail: map[string]string{"reason": reason}}
		if a.Disabled() {
			return e, storage.ErrConflict
		}
		if err := tx.DisableAfiliado(ctx, a.ID, reason, now); err != nil {
			return e, err
		}
		if err := tx.EndSessions(ctx, a.ID, "", storage.CauseDisabled, now); err != nil {
			return e, err
		}
		if err := tx.DropDevices(ctx, a.ID); err != nil {
			return e, err
		}
		if _, err := tx.CancelContactChanges(ctx, a.ID, now); err != nil {
			return e, err
		}
		if err := tx.EndRecoveries(ctx, db.IdentifierMAC(a.Identifier), now); err != nil {
			return e, err
		}
		return e, tx.KillLinks(ctx, a.ID, "", now)
	})
}

// AllowMailByOperator lets mail go again, for reason, to a person's address that
// was given up because its server refused it. It leaves an audit row and, as
// nothing of her account changes, no notice; what was given up meanwhile is not
// sent. ErrNotSuppressed where mail goes there anyway, or there is no address.
func AllowMailByOperator(ctx context.Context, db *storage.DB, afiliadoID, reason string, now time.Time) error {
	return byOperator(ctx, db, afiliadoID, "", login.Notice{When: now}, func(tx *storage.Tx, a *storage.Afiliado) (storage.Event, error) {
		why, err := tx.Suppressed(ctx, a.Email, now)
		if errors.Is(err, storage.ErrNotFound) {
			err = ErrNotSuppressed
		}
		if err != nil {
			return storage.Event{}, err
		}
		e := storage.Event{Name: eventMailAllowed, Detail: map[string]string{"was": why.Reason, "reason": reason}}
		return e, tx.AllowAddress(ctx, a.Email)
	})
}

// EndFactorsByOperator ends all of a person's passkeys, her authenticator
// application and her recovery codes for reason, once somebody has seen who she is:
// she has lost what she would need for a new clave (DEV-7). It leaves audit and
// notice, applications that know her are told, and her clave is due again as policy
// says. Clave and sessions stay. ErrNoFactors where there is none.
func EndFactorsByOperator(ctx context.Context, db *storage.DB, policy login.Renewal, afiliadoID, reason string, now time.Time) error {
	notice := login.Notice{When: now, Operator: true}
	return byOperator(ctx, db, afiliadoID, string(templates.AllEnded), notice, func(tx *storage.Tx, a *storage.Afiliado) (storage.Event, error) {
		ended, err := tx.EndFactors(ctx, a.ID, now)
		if err == nil && !ended.Any() {
			err = ErrNoFactors
		}
		if err == nil {
			err = tx.QueueEvent(ctx, storage.CredentialChange, storage.CauseFactorsEnded, a.ID, now)
		}
		if err == nil {
			err = login.WaiveRenewal(ctx, tx, policy, a.ID, now)
		}
		e := storage.Event{Name: login.EventFactorsEnded, Detail: ended.Detail()}
		e.Detail["reason"] = reason
		return e, err
	})
}

// byOperator runs an act of the operator of the machine with its audit row and
// its notice, unless kind is "", in one transaction, at the time of the notice.
func byOperator(ctx context.Context, db *storage.DB, afiliadoID, kind string, n login.Notice, act func(*storage.Tx, *storage.Afiliado) (storage.Event, error)) error {
	data, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("clave: notice: %w", err)
	}
	return db.InTx(ctx, func(tx *storage.Tx) error {
		a, err := tx.LockAfiliado(ctx, afiliadoID)
		if err != nil {
			return err
		}
		e, err := act(tx, a)
		if err != nil {
			return err
		}
		e.At, e.AfiliadoID, e.Actor = storage.At(n.When), a.ID, "operator"
		if err := tx.Audit(ctx, e); err != nil || kind == "" {
			return err
		}
		return tx.AddErrand(ctx, storage.Errand{
			Kind: kind, IdentifierMAC: db.IdentifierMAC(a.Identifier), Data: data, CreatedAt: storage.At(n.When),
		})
	})
}
