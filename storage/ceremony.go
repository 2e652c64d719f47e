package storage

import (
	"context"
	"fmt"
	"time"
)

// Kinds of WebAuthn ceremonies.
const (
	CeremonyCreate = "create" // makes a passkey
	CeremonyGet    = "get"    // proves a person by one
)

// Ceremony is a WebAuthn ceremony that has begun. Its id is the Hash of its
// challenge.
type Ceremony struct {
	ID          string  `db:"id"`
	Kind        string  `db:"kind"`
	BrowserHash string  `db:"browser_hash"` // of the browser that began it
	AfiliadoID  string  `db:"afiliado_id"`  // whose it is, "" where the passkey will tell
	Data        string  `db:"data"`         // what the library has to remember, JSON
	CreatedAt   Instant `db:"created_at"`
	ExpiresAt   Instant `db:"expires_at"`
}

// AddCeremony stores a ceremony that begins.
func (tx *Tx) AddCeremony(ctx context.Context, c Ceremony) error {
	err := tx.run(ctx, `INSERT INTO ceremony (id, kind, browser_hash, afiliado_id, data, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		c.ID, c.Kind, c.BrowserHash, c.AfiliadoID, c.Data, c.CreatedAt, c.ExpiresAt)
	if err != nil {
		return fmt.Errorf("storage: add ceremony: %w", err)
	}
	return nil
}

// UseCeremony spends the ceremony of c's id, kind, browser and person, and returns
// its data. That one statement decides who wins (T18, WA-1): one that has been
// spent, has run out at now or is another's is ErrNotFound.
func (tx *Tx) UseCeremony(ctx context.Context, c Ceremony, now time.Time) (string, error) {
	var data string
	err := tx.get(ctx, &data, `UPDATE ceremony SET used_at = ? WHERE id = ? AND kind = ? AND browser_hash = ? AND afiliado_id = ?
		AND used_at = 0 AND expires_at > ? RETURNING data`, At(now), c.ID, c.Kind, c.BrowserHash, c.AfiliadoID, At(now))
	if err != nil {
		return "", fmt.Errorf("storage: use ceremony: %w", err)
	}
	return data, nil
}
