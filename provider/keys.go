package provider

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

// Audit events about signing keys.
const (
	eventKeyCreated = "key.created"
	eventKeyRotated = "key.rotated"
	eventKeyRevoked = "key.revoked"
	eventKeyExpired = "key.expired"
)

// Who changes keys, as the audit names them.
const (
	actorOperator = "operator"
	actorSystem   = "system"
)

var (
	// ErrAlg says that ID tokens are not signed with that algorithm here.
	ErrAlg = errors.New("provider: no such signing algorithm; there are ES256, RS256, PS256 and EdDSA")
	// ErrTooSoon says that the next key is not known to applications yet.
	ErrTooSoon = errors.New("provider: the next key has not been published long enough for every application to know it")
)

// Key is a signing key without its secret.
type Key struct {
	KID, Alg, State                   string
	CreatedAt, ActivatedAt, RetiredAt time.Time
}

// Keys lists the signing keys that are not revoked, oldest first.
func Keys(ctx context.Context, db *storage.DB) ([]Key, error) {
	stored, err := db.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Key, len(stored))
	for i, k := range stored {
		out[i] = withoutSecret(k)
	}
	return out, nil
}

func withoutSecret(k storage.SigningKey) Key {
	return Key{k.KID, k.Alg, k.State, k.CreatedAt.Time, k.ActivatedAt.Time, k.RetiredAt.Time}
}

// usedAlgs are the algorithms the registered clients need, and the default.
func usedAlgs(ctx context.Context, db *storage.DB) ([]string, error) {
	clients, err := db.Clients(ctx)
	if err != nil {
		return nil, err
	}
	algs := []string{defaultAlg}
	for _, c := range clients {
		for _, alg := range signedAlgs(c.Metadata) {
			if !slices.Contains(algs, alg) {
				algs = append(algs, alg)
			}
		}
	}
	return algs, nil
}

// EnsureKeys makes sure that each algorithm has a key that signs and the next
// one, already published. It writes nothing where nothing is missing; replicas
// that start together make one pair. An algorithm may be named more than once.
func EnsureKeys(ctx context.Context, db *storage.DB, now time.Time, algs ...string) error {
	stored, err := db.SigningKeys(ctx)
	if err != nil {
		return err
	}
	algs = slices.Compact(slices.Sorted(slices.Values(algs)))
	// Made before the transaction: RSA takes long, and keys are locked in it.
	spare := map[string][]storage.SigningKey{}
	for _, alg := range algs {
		for range missing(stored, alg) {
			k, err := newKey(alg, now)
			if err != nil {
				return err
			}
			spare[alg] = append(spare[alg], k)
		}
	}
	if len(spare) == 0 {
		return nil
	}
	err = db.InTx(ctx, func(tx *storage.Tx) error {
		stored, err := tx.LockSigningKeys(ctx)
		if err != nil {
			return err
		}
		for _, alg := range algs {
			for i, state := range missing(stored, alg) {
				if i >= len(spare[alg]) {
					break // somebody revoked one meanwhile: the next call makes it
				}
				if err := addKey(ctx, tx, spare[alg][i], state, now, actorSystem); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("provider: ensure keys: %w", err)
	}
	return nil
}

// missing are the states in which alg has no key.
func missing(stored []storage.SigningKey, alg string) []string {
	var out []string
	for _, state := range []string{storage.KeyActive, storage.KeyNext} {
		if keyIn(stored, alg, state) == nil {
			out = append(out, state)
		}
	}
	return out
}

func keyIn(stored []storage.SigningKey, alg, state string) *storage.SigningKey {
	for i := range stored {
		if stored[i].Alg == alg && stored[i].State == state {
			return &stored[i]
		}
	}
	return nil
}

func addKey(ctx context.Context, tx *storage.Tx, k storage.SigningKey, state string, now time.Time, actor string) error {
	k.State = state
	if state == storage.KeyActive {
		k.ActivatedAt = storage.At(now)
	}
	if err := tx.AddSigningKey(ctx, k); err != nil {
		return err
	}
	return auditKey(ctx, tx, eventKeyCreated, k, now, actor, nil)
}

// auditKey writes down what actor did to k, and more about it.
func auditKey(ctx context.Context, tx *storage.Tx, event string, k storage.SigningKey, now time.Time, actor string, more map[string]string) error {
	detail := map[string]string{"kid": k.KID, "alg": k.Alg, "state": k.State}
	maps.Copy(detail, more)
	return tx.Audit(ctx, storage.Event{At: storage.At(now), Name: event, Actor: actor, Detail: detail})
}

// RotateKeys lets the next key of alg sign, retires the one that did, which
// stays published until nothing it signed is valid, and publishes a new next
// one. The next key must have been published for times.Lead, so that no
// application meets a signature before it can know the key; else ErrTooSoon.
func RotateKeys(ctx context.Context, db *storage.DB, alg string, times KeyTimes, now time.Time) error {
	return rotateKey(ctx, db, alg, now, actorOperator, func(_, next Key) error {
		if now.Before(next.CreatedAt.Add(times.Lead())) {
			return ErrTooSoon
		}
		return nil
	})
}

// rotateKey is RotateKeys where may, asked while nobody else can change keys, has
// nothing against it.
func rotateKey(ctx context.Context, db *storage.DB, alg string, now time.Time, actor string, may func(active, next Key) error) error {
	spare, err := newKey(alg, now)
	if err != nil {
		return err
	}
	err = db.InTx(ctx, func(tx *storage.Tx) error {
		stored, err := tx.LockSigningKeys(ctx)
		if err != nil {
			return err
		}
		active, next := keyIn(stored, alg, storage.KeyActive), keyIn(stored, alg, storage.KeyNext)
		if active == nil || next == nil {
			return fmt.Errorf("no client has used %s yet: %w", alg, storage.ErrNotFound)
		}
		if err := may(withoutSecret(*active), withoutSecret(*next)); err != nil {
			return err
		}
		return promote(ctx, tx, active, next, storage.KeyRetired, spare, now, actor)
	})
	if err != nil {
		return fmt.Errorf("provider: rotate keys: %w", err)
	}
	return nil
}

// promote moves active on to state, next to active, and adds spare as next.
func promote(ctx context.Context, tx *storage.Tx, active, next *storage.SigningKey, state string, spare storage.SigningKey, now time.Time, actor string) error {
	if err := tx.SetSigningKeyState(ctx, active.KID, state, now); err != nil {
		return err
	}
	if err := tx.SetSigningKeyState(ctx, next.KID, storage.KeyActive, now); err != nil {
		return err
	}
	if err := auditKey(ctx, tx, eventKeyRotated, *next, now, actor, map[string]string{"after": active.KID}); err != nil {
		return err
	}
	return addKey(ctx, tx, spare, storage.KeyNext, now, actor)
}

// RevokeKey withdraws a key at once: it is published no more, its secret is
// destroyed, and what it signed is refused here, by every replica within a second.
// Where it was signing, the next key takes over immediately, known to every
// application or not. Applications that verify by themselves refuse what it signed
// once they have read the JWKS again.
func RevokeKey(ctx context.Context, db *storage.DB, kid, reason string, now time.Time) error {
	alg, err := revocable(ctx, db, kid)
	if err != nil {
		return fmt.Errorf("provider: revoke key: %w", err)
	}
	spare, err := newKey(alg, now)
	if err != nil {
		return err
	}
	err = db.InTx(ctx, func(tx *storage.Tx) error {
		stored, err := tx.LockSigningKeys(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(stored, func(k storage.SigningKey) bool { return k.KID == kid })
		if i < 0 {
			return revokeExpired(ctx, tx, kid, reason, now)
		}
		key, next := stored[i], keyIn(stored, stored[i].Alg, storage.KeyNext)
		if err := auditKey(ctx, tx, eventKeyRevoked, key, now, actorOperator, map[string]string{"reason": reason}); err != nil {
			return err
		}
		switch {
		case key.State == storage.KeyActive && next != nil:
			return promote(ctx, tx, &key, next, storage.KeyRevoked, spare, now, actorOperator)
		case key.State == storage.KeyRetired:
			return tx.SetSigningKeyState(ctx, kid, storage.KeyRevoked, now)
		default: // a next key, or an active one without successor
			if err := tx.SetSigningKeyState(ctx, kid, storage.KeyRevoked, now); err != nil {
				return err
			}
			return addKey(ctx, tx, spare, key.State, now, actorOperator)
		}
	})
	if err != nil {
		return fmt.Errorf("provider: revoke key: %w", err)
	}
	return nil
}

// revocable is the algorithm of a key that is not revoked.
func revocable(ctx context.Context, db *storage.DB, kid string) (string, error) {
	stored, err := db.SigningKeys(ctx)
	if err != nil {
		return "", err
	}
	if i := slices.IndexFunc(stored, func(k storage.SigningKey) bool { return k.KID == kid }); i >= 0 {
		return stored[i].Alg, nil
	}
	expired, err := db.ExpiredKey(ctx, kid)
	if err != nil {
		return "", err
	}
	return expired.Alg, nil
}

// revokeExpired takes what is left of an expired key: no hint counts any more.
func revokeExpired(ctx context.Context, tx *storage.Tx, kid, reason string, now time.Time) error {
	k, err := tx.ExpiredKey(ctx, kid)
	if err != nil {
		return err
	}
	if err := auditKey(ctx, tx, eventKeyRevoked, k.SigningKey, now, actorOperator, map[string]string{"reason": reason}); err != nil {
		return err
	}
	return tx.SetSigningKeyState(ctx, kid, storage.KeyRevoked, now)
}

// newKey makes a key for alg whose id is its thumbprint (RFC 7638). None begins with
// a hyphen: as an argument of a command it would be taken for a flag.
func newKey(alg string, now time.Time) (storage.SigningKey, error) {
	var private crypto.Signer
	var err error
	switch alg {
	case "ES256":
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case "RS256", "PS256":
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	default:
		return storage.SigningKey{}, fmt.Errorf("%w: %q", ErrAlg, alg)
	}
	if err != nil {
		return storage.SigningKey{}, fmt.Errorf("provider: new key: %w", err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return storage.SigningKey{}, fmt.Errorf("provider: new key: %w", err)
	}
	sum, err := (&jose.JSONWebKey{Key: private.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return storage.SigningKey{}, fmt.Errorf("provider: new key: %w", err)
	}
	kid := base64.RawURLEncoding.EncodeToString(sum)
	if kid[0] == '-' {
		return newKey(alg, now)
	}
	return storage.SigningKey{KID: kid, Alg: alg, Private: encoded, CreatedAt: storage.At(now)}, nil
}
