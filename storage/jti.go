package storage

import (
	"context"
	"fmt"
	"time"
)

// SpendJTI notes that owner has used the identifier jti of a signed request for
// use, a word of the caller's for each kind of request, and reports whether this
// was the first time: of any number of uses at once, at any replica, one is (T18).
// It is remembered until expires, which must not come before nobody accepts the
// request any more.
func (tx *Tx) SpendJTI(ctx context.Context, use, owner, jti string, expires time.Time) (bool, error) {
	n, err := tx.exec(ctx, `INSERT INTO jti_spent (hash, expires_at) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING`,
		Hash(use+"\x00"+owner+"\x00"+jti), At(expires))
	if err != nil {
		return false, fmt.Errorf("storage: spend jti: %w", err)
	}
	return n > 0, nil
}
