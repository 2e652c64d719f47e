package storage

import (
	"context"
	"fmt"
	"time"
)

// TOTP is a person's authenticator application (RFC 6238). She has one at most.
type TOTP struct {
	AfiliadoID  string  `db:"afiliado_id"`
	Secret      []byte  `db:"-"`            // sealed in its column
	BrowserHash string  `db:"browser_hash"` // in which it is set up
	CreatedAt   Instant `db:"created_at"`
	ConfirmedAt Instant `db:"confirmed_at"` // zero: no code of it was ever typed, and it proves nothing
	RemovedAt   Instant `db:"removed_at"`   // it may lie ahead: the application serves until then
	LastStep    int64   `db:"last_step"`    // the newest time step whose code was accepted
	Failures    int     `db:"failures"`     // wrong codes that weighed at FailedAt
	FailedAt    Instant `db:"failed_at"`    // the last one
}

// Live reports whether codes of the application count at now.
func (t *TOTP) Live(now time.Time) bool { return !t.ConfirmedAt.IsZero() && !t.RemovedAt.Past(now) }

// totpLife is for how long an application that is being set up may be confirmed.
const totpLife = time.Hour

// Begun reports whether the application is being set up at now, in the browser with
// that hash.
func (t *TOTP) Begun(browserHash string, now time.Time) bool {
	return t.ConfirmedAt.IsZero() && t.BrowserHash == browserHash && t.CreatedAt.Add(totpLife).After(now)
}

// TOTP returns a person's application, whether or not it is confirmed or has ended;
// ErrNotFound where there is none.
func (r reads) TOTP(ctx context.Context, afiliadoID string) (*TOTP, error) {
	var row struct {
		TOTP
		Sealed []byte `db:"secret"`
	}
	err := r.get(ctx, &row, `SELECT afiliado_id, secret, browser_hash, created_at, confirmed_at, removed_at, last_step, failures, failed_at
		FROM totp WHERE afiliado_id = ?`, afiliadoID)
	if err == nil {
		row.Secret, err = r.db.ring.open("totp", "totp.secret/"+afiliadoID, row.Sealed)
	}
	if err != nil {
		return nil, fmt.Errorf("storage: totp: %w", err)
	}
	return &row.TOTP, nil
}

// BeginTOTP stores an application that is being set up, in place of one that was
// never confirmed or has ended at t.CreatedAt, and reports whether it did. Of t the
// person, secret, browser and time are read. It holds her row.
func (tx *Tx) BeginTOTP(ctx context.Context, t TOTP) (bool, error) {
	var n int64
	sealed, err := tx.db.ring.seal("totp", "totp.secret/"+t.AfiliadoID, t.Secret)
	if err == nil {
		err = tx.holdAfiliado(ctx, t.AfiliadoID)
	}
	if err == nil {
		n, err = tx.exec(ctx, `INSERT INTO totp (afiliado_id, secret, browser_hash, created_at) VALUES (?, ?, ?, ?)
			ON CONFLICT (afiliado_id) DO UPDATE SET secret = excluded.secret, browser_hash = excluded.browser_hash, created_at = excluded.created_at,
			confirmed_at = 0, removed_at = 0, last_step = 0, failures = 0, failed_at = 0
			WHERE totp.confirmed_at = 0 OR (totp.removed_at > 0 AND totp.removed_at <= ?)`,
			t.AfiliadoID, sealed, t.BrowserHash, t.CreatedAt, t.CreatedAt)
	}
	if err != nil {
		return false, fmt.Errorf("storage: begin totp: %w", err)
	}
	return n > 0, nil
}

// ConfirmTOTP makes the application that was begun at begun count from now on, its
// code of step having been typed, and reports whether it did: one statement decides
// (ASVS 6.5.1).
func (tx *Tx) ConfirmTOTP(ctx context.Context, afiliadoID string, begun Instant, step int64, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE totp SET confirmed_at = ?, last_step = ?, browser_hash = '' WHERE afiliado_id = ? AND confirmed_at = 0 AND created_at = ?`,
		At(now), step, afiliadoID, begun)
	if err != nil {
		return false, fmt.Errorf("storage: confirm totp: %w", err)
	}
	return n > 0, nil
}

// UseTOTP spends the code of step, and takes forgiven of the wrong ones away, where
// the application counts at now and neither that code nor a later one was accepted
// before. It reports whether it did: this one statement alone decides (RFC 6238
// section 5.2).
func (tx *Tx) UseTOTP(ctx context.Context, afiliadoID string, step int64, forgiven int, now time.Time) (bool, error) {
	var used int64
	err := tx.get(ctx, &used, `UPDATE totp SET last_step = ?, failures = CASE WHEN failures > ? THEN failures - ? ELSE 0 END
		WHERE afiliado_id = ? AND last_step < ? AND confirmed_at > 0 AND (removed_at = 0 OR removed_at > ?) RETURNING last_step`,
		step, forgiven, forgiven, afiliadoID, step, At(now))
	return oneRow(err, "use totp")
}

// FailTOTP writes down that failures wrong codes weigh at now, the last of them
// typed just then.
func (tx *Tx) FailTOTP(ctx context.Context, afiliadoID string, failures int, now time.Time) error {
	if err := tx.run(ctx, `UPDATE totp SET failures = ?, failed_at = ? WHERE afiliado_id = ?`, failures, At(now), afiliadoID); err != nil {
		return fmt.Errorf("storage: fail totp: %w", err)
	}
	return nil
}

// EndTOTP lets the application end at at, which may lie ahead of now, if it counts
// at now and would not end sooner, and reports whether it did.
func (tx *Tx) EndTOTP(ctx context.Context, afiliadoID string, at, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE totp SET removed_at = ? WHERE afiliado_id = ? AND confirmed_at > 0
		AND (removed_at = 0 OR (removed_at > ? AND removed_at > ?))`, At(at), afiliadoID, At(now), At(at))
	if err != nil {
		return false, fmt.Errorf("storage: end totp: %w", err)
	}
	return n > 0, nil
}

// KeepTOTP lets an application that was to end after now go on, and reports whether
// it did.
func (tx *Tx) KeepTOTP(ctx context.Context, afiliadoID string, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE totp SET removed_at = 0 WHERE afiliado_id = ? AND removed_at > ?`, afiliadoID, At(now))
	if err != nil {
		return false, fmt.Errorf("storage: keep totp: %w", err)
	}
	return n > 0, nil
}

// SetSecondStep writes down whether a person wishes to be asked for a second step
// after each clave.
func (tx *Tx) SetSecondStep(ctx context.Context, afiliadoID string, on bool) error {
	err := tx.run(ctx, `INSERT INTO preference (afiliado_id, second_step) VALUES (?, ?)
		ON CONFLICT (afiliado_id) DO UPDATE SET second_step = excluded.second_step`, afiliadoID, on)
	if err != nil {
		return fmt.Errorf("storage: set second step: %w", err)
	}
	return nil
}
