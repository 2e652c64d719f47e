package storage

import (
	"context"
	"fmt"
	"time"
)

// ChallengeKey returns 32 bytes with which challenges are signed: the same in
// every replica, and no use for anything else.
func (db *DB) ChallengeKey() []byte { return db.cfg.Keys.MAC("challenge", "key") }

// SpendChallenge notes that the challenge id has been used and reports whether
// this was the first time: of any number of uses at once, one is (T18). It is
// remembered until expires, which must not come before nobody accepts the
// challenge any more.
func (tx *Tx) SpendChallenge(ctx context.Context, id string, expires time.Time) (bool, error) {
	n, err := tx.exec(ctx, `INSERT INTO challenge_spent (id, expires_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`, id, At(expires))
	if err != nil {
		return false, fmt.Errorf("storage: spend challenge: %w", err)
	}
	return n > 0, nil
}
