package storage

import (
	"context"
	"fmt"
	"time"
)

// States of a signing key. next is published but does not sign, active signs,
// retired is published until nothing it signed is live, revoked is gone: nothing is
// left of one that was withdrawn, and the public part of one that expired. Those
// share the state because a replica of the version before takes every other row for
// a private key.
const (
	KeyNext    = "next"
	KeyActive  = "active"
	KeyRetired = "retired"
	KeyRevoked = "revoked"
)

// SigningKey is a private key of the provider. Private is opened PKCS #8.
type SigningKey struct {
	KID         string
	Alg         string // RS256, PS256, ES256, EdDSA
	State       string
	Private     []byte
	CreatedAt   Instant
	ActivatedAt Instant
	RetiredAt   Instant
}

// SigningKeys returns every key that is not revoked, opened, oldest first.
func (r reads) SigningKeys(ctx context.Context) ([]SigningKey, error) {
	return r.signingKeys(ctx, signingKeyColumns+` WHERE state <> 'revoked' ORDER BY created_at, kid`)
}

const signingKeyColumns = `SELECT kid, alg, state, private_key, created_at, activated_at, retired_at FROM signing_key`

func (r reads) signingKeys(ctx context.Context, query string, args ...any) ([]SigningKey, error) {
	var rows []struct {
		KID         string  `db:"kid"`
		Alg         string  `db:"alg"`
		State       string  `db:"state"`
		Private     []byte  `db:"private_key"`
		CreatedAt   Instant `db:"created_at"`
		ActivatedAt Instant `db:"activated_at"`
		RetiredAt   Instant `db:"retired_at"`
	}
	if err := r.list(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("storage: signing keys: %w", err)
	}
	out := make([]SigningKey, len(rows))
	for i, row := range rows {
		private, err := r.db.ring.open("signing_key", "signing_key.private_key/"+row.KID, row.Private)
		if err != nil {
			return nil, err
		}
		out[i] = SigningKey{row.KID, row.Alg, row.State, private, row.CreatedAt, row.ActivatedAt, row.RetiredAt}
	}
	return out, nil
}

// LockSigningKeys does the same and lets no other transaction change keys.
func (tx *Tx) LockSigningKeys(ctx context.Context) ([]SigningKey, error) {
	if err := tx.bump(ctx, RevisionSigningKey); err != nil { // the row lock of the revision serialises changes
		return nil, err
	}
	return tx.SigningKeys(ctx)
}

// AddSigningKey stores a key, sealed.
func (tx *Tx) AddSigningKey(ctx context.Context, k SigningKey) error {
	sealed, err := tx.db.ring.seal("signing_key", "signing_key.private_key/"+k.KID, k.Private)
	if err != nil {
		return err
	}
	err = tx.run(ctx, `INSERT INTO signing_key (kid, alg, state, private_key, created_at, activated_at) VALUES (?, ?, ?, ?, ?, ?)`,
		k.KID, k.Alg, k.State, sealed, k.CreatedAt, k.ActivatedAt)
	if err != nil {
		return fmt.Errorf("storage: add signing key: %w", err)
	}
	return tx.bump(ctx, RevisionSigningKey)
}

// ExpiredKey is a key that has left by age: it signs and is published no more.
type ExpiredKey struct {
	SigningKey        // without Private
	Public     []byte // opened PKIX
}

// ExpiredKey returns the expired key with that id, or ErrNotFound.
func (r reads) ExpiredKey(ctx context.Context, kid string) (*ExpiredKey, error) {
	found, err := r.signingKeys(ctx, signingKeyColumns+` WHERE kid = ? AND state = 'revoked' AND LENGTH(private_key) > 0`, kid)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, ErrNotFound
	}
	k := &ExpiredKey{found[0], found[0].Private}
	k.Private = nil
	return k, nil
}

// ExpireSigningKey destroys the private part of a retired key and keeps public, its
// public part as PKIX, sealed: whoever writes to the database must not choose what
// vouches for a token.
func (tx *Tx) ExpireSigningKey(ctx context.Context, kid string, public []byte) error {
	sealed, err := tx.db.ring.seal("signing_key", "signing_key.private_key/"+kid, public)
	if err != nil {
		return err
	}
	n, err := tx.exec(ctx, `UPDATE signing_key SET state = ?, private_key = ? WHERE kid = ? AND state = ?`, KeyRevoked, sealed, kid, KeyRetired)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("storage: expire signing key: %w", err)
	}
	return tx.bump(ctx, RevisionSigningKey)
}

// SetSigningKeyState moves a key on. Becoming active or retired is dated;
// a revoked key's private part is destroyed.
func (tx *Tx) SetSigningKeyState(ctx context.Context, kid, state string, now time.Time) error {
	var n int64
	var err error
	switch state {
	case KeyActive:
		n, err = tx.exec(ctx, `UPDATE signing_key SET state = ?, activated_at = ? WHERE kid = ?`, state, At(now), kid)
	case KeyRetired:
		n, err = tx.exec(ctx, `UPDATE signing_key SET state = ?, retired_at = ? WHERE kid = ?`, state, At(now), kid)
	case KeyRevoked:
		n, err = tx.exec(ctx, `UPDATE signing_key SET state = ?, retired_at = ?, private_key = ? WHERE kid = ?`, state, At(now), []byte{}, kid)
	default:
		return fmt.Errorf("storage: signing key state %q", state)
	}
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("storage: signing key state: %w", err)
	}
	return tx.bump(ctx, RevisionSigningKey)
}
