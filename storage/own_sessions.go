package storage

import (
	"context"
	"fmt"
	"time"
)

// ownMost bounds the rows that a person is shown of one kind.
const ownMost = 200

// LiveSessions lists a person's sessions that have not ended and are before their
// absolute limit, the one seen last first. Whoever asks leaves out those that have
// been idle too long.
func (r reads) LiveSessions(ctx context.Context, afiliadoID string, now time.Time) ([]Session, error) {
	var out []Session
	err := r.list(ctx, &out, `SELECT `+sessionColumns+` FROM session s WHERE s.afiliado_id = ? AND s.ended_at = 0 AND s.expires_at > ?
		ORDER BY s.seen_at DESC, s.id LIMIT ?`, afiliadoID, At(now), ownMost)
	if err != nil {
		return nil, fmt.Errorf("storage: live sessions: %w", err)
	}
	return out, nil
}

// SessionShared reports whether the session with that id, live or not, is or was
// on a computer that several people share; an unknown one was not.
func (r reads) SessionShared(ctx context.Context, id string) (bool, error) {
	var n int
	if err := r.get(ctx, &n, `SELECT COUNT(*) FROM session WHERE id = ? AND shared`, id); err != nil {
		return false, fmt.Errorf("storage: session shared: %w", err)
	}
	return n > 0, nil
}

// SetSessionShared says whether a live session is on a computer that several people
// share, where no passkey is offered, and until when it lives at most from now on.
// One that has ended is ErrNotFound.
func (tx *Tx) SetSessionShared(ctx context.Context, id string, shared bool, until time.Time) error {
	n, err := tx.exec(ctx, `UPDATE session SET shared = ?, offer = CASE WHEN ? THEN FALSE ELSE offer END, expires_at = ? WHERE id = ? AND ended_at = 0`,
		shared, shared, At(until), id)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("storage: set session shared: %w", err)
	}
	return nil
}

// Devices lists the browsers known as a person's own at now, the one used last
// first.
func (r reads) Devices(ctx context.Context, afiliadoID string, now time.Time) ([]Device, error) {
	var out []Device
	err := r.list(ctx, &out, `SELECT id, afiliado_id, secret_hash, failures, user_agent, created_at, last_at, expires_at FROM device
		WHERE afiliado_id = ? AND expires_at > ? ORDER BY last_at DESC, id LIMIT ?`, afiliadoID, At(now), ownMost)
	if err != nil {
		return nil, fmt.Errorf("storage: devices: %w", err)
	}
	return out, nil
}

// DropDevice forgets one known device of a person and reports whether it was hers.
func (tx *Tx) DropDevice(ctx context.Context, afiliadoID, id string) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM device WHERE id = ? AND afiliado_id = ?`, id, afiliadoID)
	if err != nil {
		return false, fmt.Errorf("storage: drop device: %w", err)
	}
	return n > 0, nil
}
