package storage

import (
	"context"
	"fmt"
)

// DeclineOffer notes since when a person wishes to be offered no passkey any more;
// zero: she may be offered one again.
func (tx *Tx) DeclineOffer(ctx context.Context, afiliadoID string, since Instant) error {
	err := tx.run(ctx, `INSERT INTO preference (afiliado_id, declined_at) VALUES (?, ?)
		ON CONFLICT (afiliado_id) DO UPDATE SET declined_at = excluded.declined_at`, afiliadoID, since)
	if err != nil {
		return fmt.Errorf("storage: decline offer: %w", err)
	}
	return nil
}

// SettleOffer notes that no passkey is to be offered in a session any more.
func (tx *Tx) SettleOffer(ctx context.Context, sessionID string) error {
	if err := tx.run(ctx, `UPDATE session SET offer = ? WHERE id = ?`, false, sessionID); err != nil {
		return fmt.Errorf("storage: settle offer: %w", err)
	}
	return nil
}
