package storage

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ReserveRecoveryAttempt takes one of limit attempts to answer for an identifier
// and returns which one it is, from 1; 0 where none is left. This one statement
// decides how many answers are ever compared, for identifiers nobody has too. It
// writes in either case, as ReserveAttempt does: the first attempt that finds
// none left counts as one more than limit. The count is forgotten at expires
// (zero: never), which attempts that find none left do not put off.
func (tx *Tx) ReserveRecoveryAttempt(ctx context.Context, identifierMAC []byte, limit int, now, expires time.Time) (int, error) {
	var n int
	err := tx.get(ctx, &n, `INSERT INTO recovery_budget (identifier_mac, failures, last_at, expires_at) VALUES (?, 1, ?, ?)
		ON CONFLICT (identifier_mac) DO UPDATE SET last_at = excluded.last_at,
		failures = CASE WHEN recovery_budget.expires_at > 0 AND recovery_budget.expires_at <= excluded.last_at THEN 1
			WHEN recovery_budget.failures <= ? THEN recovery_budget.failures + 1 ELSE recovery_budget.failures END,
		expires_at = CASE WHEN recovery_budget.failures < ?
			OR (recovery_budget.expires_at > 0 AND recovery_budget.expires_at <= excluded.last_at) THEN excluded.expires_at
			ELSE recovery_budget.expires_at END
		RETURNING CASE WHEN failures <= ? THEN failures ELSE 0 END`, identifierMAC, At(now), At(expires), limit, limit, limit)
	if err != nil {
		return 0, fmt.Errorf("storage: reserve recovery attempt: %w", err)
	}
	return n, nil
}

// RecoveryBudget returns the attempts spent on an identifier, which may be one
// more than there are; 0 where none was, or where they are forgotten at now.
func (r reads) RecoveryBudget(ctx context.Context, identifierMAC []byte, now time.Time) (int, error) {
	var n int
	err := r.get(ctx, &n, `SELECT failures FROM recovery_budget WHERE identifier_mac = ? AND (expires_at = 0 OR expires_at > ?)`, identifierMAC, At(now))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return 0, fmt.Errorf("storage: recovery budget: %w", err)
	}
	return n, nil
}

// ForgiveRecovery restores the full budget of an identifier. UnlockClave and, for a
// lock of LockRecuperacion, EndLock do it too.
func (tx *Tx) ForgiveRecovery(ctx context.Context, identifierMAC []byte) error {
	if err := tx.run(ctx, `DELETE FROM recovery_budget WHERE identifier_mac = ?`, identifierMAC); err != nil {
		return fmt.Errorf("storage: forgive recovery: %w", err)
	}
	return nil
}

// ReturnRecoveryAttempt gives one of limit attempts back, as right answers took it.
// What found none left meanwhile is forgotten too. It holds the row of the budget.
func (tx *Tx) ReturnRecoveryAttempt(ctx context.Context, identifierMAC []byte, limit int) error {
	err := tx.run(ctx, `UPDATE recovery_budget SET failures = CASE WHEN failures > ? THEN ? ELSE failures - 1 END
		WHERE identifier_mac = ? AND failures > 0`, limit, limit-1, identifierMAC)
	if err != nil {
		return fmt.Errorf("storage: return recovery attempt: %w", err)
	}
	return nil
}

// SettleRecovery locks an identifier for LockRecuperacion where limit attempts to
// answer are spent at now, also where it is locked for LockLogin, which recovery
// would lift; a harder lock stays. It reports whether it did. It is one statement
// for every identifier, and no lock ends by itself, nor does that of one nobody has
// (T01). It holds the budget before the lock, as whoever restores both does: after
// that, nothing is spent any more.
func (tx *Tx) SettleRecovery(ctx context.Context, identifierMAC []byte, limit int, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `INSERT INTO login_budget (identifier_mac, failures, lock_reason, locked_at, last_at, expires_at)
		SELECT r.identifier_mac, 0, CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BIGINT), 0 FROM recovery_budget r
		WHERE r.identifier_mac = ? AND r.failures >= ? AND (r.expires_at = 0 OR r.expires_at > ?)`+tx.db.dia.forUpdate+`
		ON CONFLICT (identifier_mac) DO UPDATE SET lock_reason = excluded.lock_reason, locked_at = excluded.locked_at, expires_at = excluded.expires_at
		WHERE login_budget.lock_reason IN ('', ?)`, LockRecuperacion, At(now), At(now), identifierMAC, limit, At(now), LockLogin)
	if err != nil {
		return false, fmt.Errorf("storage: settle recovery: %w", err)
	}
	return n > 0, nil
}

// LetRecoveryEnd forgets the attempts of an identifier at until, where limit of them
// are spent and it is not locked for that: they close the way alone, which is no
// reason to close it for long. What ends before ends then. It reports whether it was
// this that closed the way.
func (tx *Tx) LetRecoveryEnd(ctx context.Context, identifierMAC []byte, limit int, now, until time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE recovery_budget SET expires_at = ?, shut_at = ? WHERE identifier_mac = ? AND failures >= ?
		AND (expires_at = 0 OR expires_at > ?)
		AND NOT EXISTS (SELECT 1 FROM login_budget b WHERE b.identifier_mac = recovery_budget.identifier_mac AND b.lock_reason = ?)`,
		At(until), At(now), identifierMAC, limit, At(until), LockRecuperacion)
	if err != nil {
		return false, fmt.Errorf("storage: let recovery end: %w", err)
	}
	return n > 0, nil
}

// RecoveryShutAt returns when LetRecoveryEnd last closed the way of an identifier;
// zero where it did not since the full budget was restored, or for thirty days.
func (r reads) RecoveryShutAt(ctx context.Context, identifierMAC []byte) (Instant, error) {
	var at Instant
	err := r.get(ctx, &at, `SELECT shut_at FROM recovery_budget WHERE identifier_mac = ?`, identifierMAC)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Instant{}, fmt.Errorf("storage: recovery shut at: %w", err)
	}
	return at, nil
}
