package storage

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// addressMAC is how an address is found without being stored. Case does not
// tell addresses apart here: it does with no mailbox that exists.
func (db *DB) addressMAC(address string) []byte {
	return db.cfg.Keys.MAC("address", strings.ToLower(address))
}

// Suppression says why an address gets no mail, and until when.
type Suppression struct {
	Reason    string  `db:"reason"`
	CreatedAt Instant `db:"created_at"`
	ExpiresAt Instant `db:"expires_at"`
}

// SuppressAddress keeps mail from an address until until, because its server
// refused it for reason.
func (tx *Tx) SuppressAddress(ctx context.Context, address, reason string, now, until time.Time) error {
	err := tx.run(ctx, `INSERT INTO suppression (address_mac, reason, created_at, expires_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (address_mac) DO UPDATE SET reason = excluded.reason, created_at = excluded.created_at, expires_at = excluded.expires_at`,
		tx.db.addressMAC(address), reason, At(now), At(until))
	if err != nil {
		return fmt.Errorf("storage: suppress address: %w", err)
	}
	return nil
}

// AllowAddress lifts the suppression of an address: somebody vouches that it
// takes mail.
func (tx *Tx) AllowAddress(ctx context.Context, address string) error {
	if err := tx.run(ctx, `DELETE FROM suppression WHERE address_mac = ?`, tx.db.addressMAC(address)); err != nil {
		return fmt.Errorf("storage: allow address: %w", err)
	}
	return nil
}

// Suppressed returns why an address gets no mail at now; ErrNotFound where it
// does get it.
func (r reads) Suppressed(ctx context.Context, address string, now time.Time) (*Suppression, error) {
	var s Suppression
	err := r.get(ctx, &s, `SELECT reason, created_at, expires_at FROM suppression WHERE address_mac = ? AND expires_at > ?`,
		r.db.addressMAC(address), At(now))
	if err != nil {
		return nil, fmt.Errorf("storage: suppressed: %w", err)
	}
	return &s, nil
}
