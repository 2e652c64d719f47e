package storage

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Reasons for which a clave is locked.
const (
	LockLogin        = "login"        // five failed sign-ins
	LockRecuperacion = "recuperacion" // five failed recoveries
	LockOperador     = "operador"     // an officer
	LockCompromiso   = "compromiso"   // somebody else knows it
)

// LoginBudget counts the attempts on an identifier from browsers that are not
// known to be its person's. Identifiers nobody has have one too.
type LoginBudget struct {
	Failures   int     `db:"failures"`
	LockReason string  `db:"lock_reason"` // "": not locked
	LockedAt   Instant `db:"locked_at"`
}

// Device is a known-device lane: a person in a browser in which she has signed
// in before, with attempts of its own (D03).
type Device struct {
	ID         string  `db:"id"`
	AfiliadoID string  `db:"afiliado_id"`
	SecretHash string  `db:"secret_hash"`
	Failures   int     `db:"failures"`
	UserAgent  string  `db:"user_agent"`
	CreatedAt  Instant `db:"created_at"`
	LastAt     Instant `db:"last_at"`
	ExpiresAt  Instant `db:"expires_at"`
}

// LoginBudget returns the attempts spent on an identifier; none spent is the
// zero budget.
func (r reads) LoginBudget(ctx context.Context, identifierMAC []byte) (LoginBudget, error) {
	var b LoginBudget
	err := r.get(ctx, &b, `SELECT failures, lock_reason, locked_at FROM login_budget WHERE identifier_mac = ?`, identifierMAC)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return LoginBudget{}, fmt.Errorf("storage: login budget: %w", err)
	}
	return b, nil
}

// ReserveAttempt takes one of limit attempts on an identifier and returns which
// one it is, from 1. It returns 0 where none is left or the clave is locked:
// this one statement decides how many claves are ever compared. It writes in
// either case, or the commit that waits for no disk would tell who is locked
// (T17): the first attempt that finds none left counts as one more than limit.
func (tx *Tx) ReserveAttempt(ctx context.Context, identifierMAC []byte, limit int, now, expires time.Time) (int, error) {
	var n int
	err := tx.get(ctx, &n, `INSERT INTO login_budget (identifier_mac, failures, last_at, expires_at) VALUES (?, 1, ?, ?)
		ON CONFLICT (identifier_mac) DO UPDATE SET last_at = excluded.last_at,
		failures = CASE WHEN login_budget.lock_reason = '' AND login_budget.failures <= ? THEN login_budget.failures + 1
			ELSE login_budget.failures END,
		expires_at = CASE WHEN login_budget.lock_reason = '' THEN excluded.expires_at ELSE login_budget.expires_at END
		RETURNING CASE WHEN lock_reason = '' AND failures <= ? THEN failures ELSE 0 END`,
		identifierMAC, At(now), At(expires), limit, limit)
	if err != nil {
		return 0, fmt.Errorf("storage: reserve attempt: %w", err)
	}
	return n, nil
}

// ReserveDeviceAttempt does the same on the lane of a known device.
func (tx *Tx) ReserveDeviceAttempt(ctx context.Context, deviceID string, limit int, now time.Time) (int, error) {
	var n int
	err := tx.get(ctx, &n, `UPDATE device SET failures = failures + 1, last_at = ? WHERE id = ? AND failures < ? RETURNING failures`,
		At(now), deviceID, limit)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return 0, fmt.Errorf("storage: reserve device attempt: %w", err)
	}
	return n, nil
}

// LockClave locks a person's identifier for reason unless it is locked already,
// and reports whether it did. It stays until somebody lifts it (EndLock too).
func (tx *Tx) LockClave(ctx context.Context, identifierMAC []byte, reason string, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `INSERT INTO login_budget (identifier_mac, failures, lock_reason, locked_at, last_at, expires_at) VALUES (?, 0, ?, ?, ?, 0)
		ON CONFLICT (identifier_mac) DO UPDATE SET lock_reason = excluded.lock_reason, locked_at = excluded.locked_at, expires_at = excluded.expires_at
		WHERE login_budget.lock_reason = ''`, identifierMAC, reason, At(now), At(now))
	if err != nil {
		return false, fmt.Errorf("storage: lock clave: %w", err)
	}
	return n > 0, nil
}

// SettleFailure locks an identifier for LockLogin after a wrong clave where
// limit attempts have been reserved, unless it is locked already, and reports
// whether it did. It is one statement either way: what was the case does not
// show in the work done (T01). Locks of known people (known true) never end by
// themselves; those of identifiers nobody has are purged in time.
func (tx *Tx) SettleFailure(ctx context.Context, identifierMAC []byte, limit int, known bool, now, expires time.Time) (bool, error) {
	if known {
		expires = time.Time{}
	}
	n, err := tx.exec(ctx, `UPDATE login_budget SET lock_reason = ?, locked_at = ?, expires_at = ?
		WHERE identifier_mac = ? AND lock_reason = '' AND failures >= ?`, LockLogin, At(now), At(expires), identifierMAC, limit)
	if err != nil {
		return false, fmt.Errorf("storage: settle failure: %w", err)
	}
	return n > 0, nil
}

// ForgiveAttempts empties the count of an identifier after a right clave that
// was within the budget: a lock of LockLogin has been set since, by attempts made
// beside it, and is lifted too. Any other lock stays.
func (tx *Tx) ForgiveAttempts(ctx context.Context, identifierMAC []byte) error {
	err := tx.run(ctx, `UPDATE login_budget SET failures = 0, lock_reason = '', locked_at = 0
		WHERE identifier_mac = ? AND lock_reason IN ('', ?)`, identifierMAC, LockLogin)
	if err != nil {
		return fmt.Errorf("storage: forgive attempts: %w", err)
	}
	return nil
}

// ForgiveDevice restores the full budget of a lane after a right clave.
func (tx *Tx) ForgiveDevice(ctx context.Context, deviceID string) error {
	if err := tx.run(ctx, `UPDATE device SET failures = 0 WHERE id = ?`, deviceID); err != nil {
		return fmt.Errorf("storage: forgive device: %w", err)
	}
	return nil
}

// UnlockClave lifts any lock and restores the full budgets, that of recovery too:
// its attempts may be what the lock was set for. A lock of a reason in stays is not
// lifted, also where it was set since the caller looked.
func (tx *Tx) UnlockClave(ctx context.Context, identifierMAC []byte, stays ...string) error {
	where, args := "", []any{identifierMAC}
	for _, reason := range stays {
		where, args = where+` AND lock_reason <> ?`, append(args, reason)
	}
	err := tx.ForgiveRecovery(ctx, identifierMAC) // held first, as by SettleRecovery
	if err == nil {
		err = tx.run(ctx, `UPDATE login_budget SET failures = 0, lock_reason = '', locked_at = 0 WHERE identifier_mac = ?`+where, args...)
	}
	if err != nil {
		return fmt.Errorf("storage: unlock clave: %w", err)
	}
	return nil
}

// EndLock lifts the very lock that seen shows and restores the full budget, as
// UnlockClave does, that of recovery where the lock was set for it, and reports
// whether it did: one statement decides who of those who have seen it ends it.
func (tx *Tx) EndLock(ctx context.Context, identifierMAC []byte, seen LoginBudget) (bool, error) {
	var n int64
	var err error
	if seen.LockReason == LockRecuperacion { // held first, as by SettleRecovery
		err = tx.run(ctx, `DELETE FROM recovery_budget WHERE identifier_mac = ? AND EXISTS (SELECT 1 FROM login_budget b
			WHERE b.identifier_mac = recovery_budget.identifier_mac AND b.lock_reason = ? AND b.locked_at = ?)`, identifierMAC, seen.LockReason, seen.LockedAt)
	}
	if err == nil {
		n, err = tx.exec(ctx, `UPDATE login_budget SET failures = 0, lock_reason = '', locked_at = 0
			WHERE identifier_mac = ? AND lock_reason = ? AND locked_at = ? AND lock_reason <> ''`, identifierMAC, seen.LockReason, seen.LockedAt)
	}
	if err != nil {
		return false, fmt.Errorf("storage: end lock: %w", err)
	}
	return n > 0, nil
}

// LocksUntil returns up to limit identifiers' hashes whose locks, of the reasons
// that strangers can cause, were set at until or before, the oldest first.
func (r reads) LocksUntil(ctx context.Context, until time.Time, limit int) ([][]byte, error) {
	var macs [][]byte
	err := r.list(ctx, &macs, `SELECT identifier_mac FROM login_budget WHERE lock_reason IN (?, ?) AND locked_at <= ?
		ORDER BY locked_at LIMIT ?`, LockLogin, LockRecuperacion, At(until), limit)
	if err != nil {
		return nil, fmt.Errorf("storage: locks: %w", err)
	}
	return macs, nil
}

// KeepDevice makes this browser the person's own until d.ExpiresAt, with its
// full budget. d.ID is used where the lane is new.
func (tx *Tx) KeepDevice(ctx context.Context, d Device) error {
	err := tx.run(ctx, `INSERT INTO device (id, secret_hash, afiliado_id, failures, user_agent, created_at, last_at, expires_at)
		VALUES (?, ?, ?, 0, ?, ?, ?, ?)
		ON CONFLICT (secret_hash, afiliado_id) DO UPDATE SET failures = 0, user_agent = excluded.user_agent,
		last_at = excluded.last_at, expires_at = excluded.expires_at`,
		d.ID, d.SecretHash, d.AfiliadoID, d.UserAgent, d.CreatedAt, d.LastAt, d.ExpiresAt)
	if err != nil {
		return fmt.Errorf("storage: keep device: %w", err)
	}
	return nil
}

// DevicePeople counts the people whose own a browser is: many mean a shared
// computer, which gets no lanes.
func (r reads) DevicePeople(ctx context.Context, deviceHash string, now time.Time) (int, error) {
	var n int
	if err := r.get(ctx, &n, `SELECT COUNT(*) FROM device WHERE secret_hash = ? AND expires_at > ?`, deviceHash, At(now)); err != nil {
		return 0, fmt.Errorf("storage: device people: %w", err)
	}
	return n, nil
}

// KnowsDevice reports whether a browser is known to be that of whoever has the
// identifier with that hash. It reads nothing of the person.
func (r reads) KnowsDevice(ctx context.Context, identifierMAC []byte, deviceHash string, now time.Time) (bool, error) {
	var n int
	err := r.get(ctx, &n, `SELECT COUNT(*) FROM device d JOIN afiliado a ON a.id = d.afiliado_id
		WHERE d.secret_hash = ? AND d.expires_at > ? AND a.identifier_mac = ?`, deviceHash, At(now), identifierMAC)
	if err != nil {
		return false, fmt.Errorf("storage: known device: %w", err)
	}
	return n > 0, nil
}

// DropDevices forgets every known device of a person.
func (tx *Tx) DropDevices(ctx context.Context, afiliadoID string) error {
	if err := tx.run(ctx, `DELETE FROM device WHERE afiliado_id = ?`, afiliadoID); err != nil {
		return fmt.Errorf("storage: drop devices: %w", err)
	}
	return nil
}

// DropBrowser forgets that a browser belongs to anybody (shared computers).
func (tx *Tx) DropBrowser(ctx context.Context, deviceHash string) error {
	if err := tx.run(ctx, `DELETE FROM device WHERE secret_hash = ?`, deviceHash); err != nil {
		return fmt.Errorf("storage: drop browser: %w", err)
	}
	return nil
}

// PressureKey names a bucket of Pressure without storing what it is about.
func (db *DB) PressureKey(kind, value string) []byte { return db.cfg.Keys.MAC("pressure/"+kind, value) }

// Pressure returns when each bucket will have leaked empty; a bucket nobody has
// filled is left out.
func (r reads) Pressure(ctx context.Context, a, b []byte) (map[string]Instant, error) {
	var rows []struct {
		Key []byte  `db:"key"`
		TAT Instant `db:"tat"`
	}
	if err := r.list(ctx, &rows, `SELECT key, tat FROM pressure WHERE key IN (?, ?)`, a, b); err != nil {
		return nil, fmt.Errorf("storage: pressure: %w", err)
	}
	out := make(map[string]Instant, len(rows))
	for _, row := range rows {
		out[string(row.Key)] = row.TAT
	}
	return out, nil
}

// EasePressure empties a bucket.
func (tx *Tx) EasePressure(ctx context.Context, key []byte) error {
	if err := tx.run(ctx, `DELETE FROM pressure WHERE key = ?`, key); err != nil {
		return fmt.Errorf("storage: ease pressure: %w", err)
	}
	return nil
}

// AddPressure pours one drop of the given weight into a bucket, which holds what
// leaks out in rim and no more: however long somebody pours, it is empty that long
// after she stops.
func (tx *Tx) AddPressure(ctx context.Context, key []byte, now time.Time, drop, rim time.Duration) error {
	drop = min(drop, rim)
	err := tx.run(ctx, `INSERT INTO pressure (key, tat) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET
		tat = CASE WHEN pressure.tat > ? THEN ? WHEN pressure.tat > ? THEN pressure.tat + ? ELSE excluded.tat END`,
		key, At(now.Add(drop)), At(now.Add(rim-drop)), At(now.Add(rim)), At(now), drop.Microseconds())
	if err != nil {
		return fmt.Errorf("storage: add pressure: %w", err)
	}
	return nil
}
