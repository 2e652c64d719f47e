package provider

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

// keyAge is how old the ring may be before the database is asked for news: half
// of the second within which every replica must know of a change.
const keyAge = 500 * time.Millisecond

// keyring keeps parsed keys and ready signers: parsing one costs more than
// signing with it. It is safe for concurrent use, and never makes one caller
// wait for the database connection of another.
type keyring struct {
	db     *storage.DB
	now    func() time.Time
	window time.Duration // how long a retired key stays published

	asking  sync.Mutex
	current atomic.Pointer[keys] // nil until loaded
}

// keys are the keys as of one revision. They are not changed once made.
type keys struct {
	checked   time.Time
	revision  int64
	signers   map[string]jose.Signer // by algorithm
	verifiers map[string]publicKey   // by key id, retired ones included
	jwks      document
	until     time.Time // when the next retired key leaves the document; zero: none does
}

// publicKey is a public key with the one algorithm it serves: ours, never the
// token's word (RFC 8725 section 3.1).
type publicKey struct {
	alg jose.SignatureAlgorithm
	key crypto.PublicKey
}

func newKeyring(db *storage.DB, now func() time.Time, window time.Duration) *keyring {
	return &keyring{db: db, now: now, window: window}
}

// snapshot returns keys that were current half a second ago, or are.
func (k *keyring) snapshot(ctx context.Context) (*keys, error) {
	now := k.now()
	set := k.current.Load()
	switch {
	case set != nil && now.Sub(set.checked) < keyAge && !now.Before(set.checked):
		return set, nil
	case set == nil:
		k.asking.Lock()
	case !k.asking.TryLock():
		return set, nil
	}
	defer k.asking.Unlock()
	if newer := k.current.Load(); newer != set {
		return newer, nil // somebody asked while this one waited
	}
	return k.refresh(ctx, set, now)
}

// refresh asks the database. The caller holds asking.
func (k *keyring) refresh(ctx context.Context, old *keys, now time.Time) (*keys, error) {
	revisions, err := k.db.Revisions(ctx)
	if err != nil {
		return nil, err
	}
	revision := revisions[storage.RevisionSigningKey]
	var set *keys
	if old != nil && revision == old.revision && (old.until.IsZero() || now.Before(old.until)) {
		same := *old
		set = &same
	} else {
		// Read after the revision: a change in between is loaded now, and once more.
		stored, err := k.db.SigningKeys(ctx)
		if err != nil {
			return nil, err
		}
		if set, err = newKeys(stored, k.window, now); err != nil {
			return nil, err
		}
	}
	set.checked, set.revision = now, revision
	k.current.Store(set)
	return set, nil
}

// signer returns what signs with alg, making a key where no client has needed
// that algorithm before. It must not be called inside a transaction.
func (k *keyring) signer(ctx context.Context, alg string) (jose.Signer, error) {
	set, err := k.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if signer, ok := set.signers[alg]; ok {
		return signer, nil
	}
	if err := EnsureKeys(ctx, k.db, k.now(), alg); err != nil {
		return nil, err
	}
	k.asking.Lock()
	defer k.asking.Unlock()
	if set, err = k.refresh(ctx, nil, k.now()); err != nil {
		return nil, err
	}
	if signer, ok := set.signers[alg]; ok {
		return signer, nil
	}
	return nil, fmt.Errorf("provider: no key signs with %s", alg)
}

// newKeys parses the stored keys and makes the document of those that are
// published at now.
func newKeys(stored []storage.SigningKey, window time.Duration, now time.Time) (*keys, error) {
	out := &keys{signers: map[string]jose.Signer{}, verifiers: map[string]publicKey{}}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range stored {
		parsed, err := x509.ParsePKCS8PrivateKey(k.Private)
		if err != nil {
			return nil, fmt.Errorf("provider: key %s: %w", k.KID, err)
		}
		private, ok := parsed.(crypto.Signer)
		if !ok {
			return nil, fmt.Errorf("provider: key %s cannot sign", k.KID)
		}
		alg := jose.SignatureAlgorithm(k.Alg)
		out.verifiers[k.KID] = publicKey{alg, private.Public()}
		if k.State == storage.KeyActive {
			out.signers[k.Alg], err = jose.NewSigner(
				jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: private, KeyID: k.KID}},
				(&jose.SignerOptions{}).WithType("JWT"))
			if err != nil {
				return nil, fmt.Errorf("provider: key %s: %w", k.KID, err)
			}
		}
		if k.State == storage.KeyRetired {
			gone := k.RetiredAt.Add(window)
			if !now.Before(gone) {
				continue
			}
			if out.until.IsZero() || gone.Before(out.until) {
				out.until = gone
			}
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: private.Public(), KeyID: k.KID, Algorithm: k.Alg, Use: "sig"})
	}
	var err error
	out.jwks, err = newDocument(set)
	return out, err
}

var errSignature = errors.New("provider: not a token signed by us")

// verify returns the payload of a compact JWS that one of our keys signed with
// the algorithm of that key.
func (k *keys) verify(token string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, joseAlgs())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSignature, err)
	}
	if len(jws.Signatures) != 1 {
		return nil, errSignature
	}
	header := jws.Signatures[0].Protected
	if typ, ok := header.ExtraHeaders[jose.HeaderType]; ok && typ != "JWT" { // RFC 8725 section 3.11
		return nil, fmt.Errorf("%w: typ %v", errSignature, typ)
	}
	v, ok := k.verifiers[header.KeyID]
	if !ok || string(v.alg) != header.Algorithm {
		return nil, fmt.Errorf("%w: kid or alg", errSignature)
	}
	payload, err := jws.Verify(v.key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSignature, err)
	}
	return payload, nil
}
