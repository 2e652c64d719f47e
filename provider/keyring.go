package provider

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

// keyring keeps parsed keys and ready signers: parsing one costs more than
// signing with it. It is safe for concurrent use, in transactions too.
type keyring struct {
	db   *storage.DB
	sets *storage.Cached[*keys]
}

// keys are the keys as of one revision. They are not changed once made.
type keys struct {
	signers   map[string]jose.Signer                      // of ID tokens, by algorithm
	typed     map[jose.ContentType]map[string]jose.Signer // of what says its type, by type and algorithm
	verifiers map[string]publicKey                        // by key id, retired ones included, expired ones not
	jwks      document
}

// publicKey is a public key with the one algorithm it serves: ours, never the
// token's word (RFC 8725 section 3.1).
type publicKey struct {
	alg jose.SignatureAlgorithm
	key crypto.PublicKey
}

// newKeyring keeps a retired key published for window.
func newKeyring(db *storage.DB, now func() time.Time, window time.Duration) *keyring {
	return &keyring{db, storage.NewCached(db, now, storage.RevisionSigningKey, func(ctx context.Context, now time.Time) (*keys, time.Time, error) {
		stored, err := db.SigningKeys(ctx)
		if err != nil {
			return nil, time.Time{}, err
		}
		return newKeys(stored, window, now)
	})}
}

// snapshot returns the keys as they were less than a second ago, or are.
func (k *keyring) snapshot(ctx context.Context) (*keys, error) { return k.sets.Get(ctx) }

// signer returns what signs with alg. Keys are made where an application is
// registered (EnsureKeys), which may have been this very moment, and never here.
func (k *keyring) signer(ctx context.Context, alg string) (jose.Signer, error) {
	return k.find(ctx, alg, func(set *keys) map[string]jose.Signer { return set.signers })
}

// typed is signer for what is no ID token: its type says so, and nobody takes one
// for the other (RFC 8725 section 3.11).
func (k *keyring) typed(ctx context.Context, alg string, typ jose.ContentType) (jose.Signer, error) {
	return k.find(ctx, alg, func(set *keys) map[string]jose.Signer { return set.typed[typ] })
}

// knowing is snapshot for who is to verify token, which an expired key may have
// signed: of those there are many, and few are asked for.
func (k *keyring) knowing(ctx context.Context, token string) (*keys, error) {
	set, err := k.snapshot(ctx)
	kid := kidIn(token)
	if err != nil || kid == "" || set.has(kid) {
		return set, err
	}
	stored, err := k.db.ExpiredKey(ctx, kid)
	if errors.Is(err, storage.ErrNotFound) {
		return set, nil
	}
	if err != nil {
		return nil, err
	}
	public, err := x509.ParsePKIXPublicKey(stored.Public)
	if err != nil {
		return nil, fmt.Errorf("provider: key %s: %w", kid, err)
	}
	return &keys{verifiers: map[string]publicKey{kid: {jose.SignatureAlgorithm(stored.Alg), public}}}, nil
}

// vouches reports whether the key that signed token, an access token on record, has
// not been revoked; an opaque one no key signed.
func (k *keyring) vouches(ctx context.Context, token string) (bool, error) {
	kid := kidIn(token)
	if kid == "" {
		return true, nil
	}
	for _, look := range []func(context.Context) (*keys, error){k.sets.Get, k.sets.Now} {
		set, err := look(ctx)
		if err != nil || set.has(kid) {
			return err == nil, err
		}
	}
	return false, nil
}

func (k *keys) has(kid string) bool {
	_, ok := k.verifiers[kid]
	return ok
}

// kidIn is the key id that a compact JWS names, "" for none. Nothing is verified.
func kidIn(token string) string {
	head, _, _ := strings.Cut(token, ".")
	var named struct {
		KID string `json:"kid"`
	}
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil || json.Unmarshal(text, &named) != nil {
		return ""
	}
	return named.KID
}

func (k *keyring) find(ctx context.Context, alg string, of func(*keys) map[string]jose.Signer) (jose.Signer, error) {
	for _, look := range []func(context.Context) (*keys, error){k.sets.Get, k.sets.Now} {
		set, err := look(ctx)
		if err != nil {
			return nil, err
		}
		if signer, ok := of(set)[alg]; ok {
			return signer, nil
		}
	}
	return nil, fmt.Errorf("provider: no key signs with %s", alg)
}

// Types of what we sign beside ID tokens.
const (
	typeAccess        jose.ContentType = "at+jwt"                  // RFC 9068
	typeLogout        jose.ContentType = "logout+jwt"              // OpenID Connect Back-Channel Logout 1.0
	typeIntrospection jose.ContentType = "token-introspection+jwt" // RFC 9701
	typeSecurityEvent jose.ContentType = "secevent+jwt"            // RFC 8417
)

func signedTypes() []jose.ContentType {
	return []jose.ContentType{typeAccess, typeIntrospection, typeLogout, typeSecurityEvent}
}

// newKeys parses the stored keys and makes the document of those that are
// published at now. It returns when the next retired one leaves it, zero for none.
func newKeys(stored []storage.SigningKey, window time.Duration, now time.Time) (*keys, time.Time, error) {
	var until time.Time
	out := &keys{signers: map[string]jose.Signer{}, typed: map[jose.ContentType]map[string]jose.Signer{}, verifiers: map[string]publicKey{}}
	for _, typ := range signedTypes() {
		out.typed[typ] = map[string]jose.Signer{}
	}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range stored {
		private, err := parsePrivate(k)
		if err != nil {
			return nil, time.Time{}, err
		}
		alg := jose.SignatureAlgorithm(k.Alg)
		out.verifiers[k.KID] = publicKey{alg, private.Public()}
		if k.State == storage.KeyActive {
			key := jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: private, KeyID: k.KID}}
			if out.signers[k.Alg], err = jose.NewSigner(key, (&jose.SignerOptions{}).WithType("JWT")); err != nil {
				return nil, time.Time{}, fmt.Errorf("provider: key %s: %w", k.KID, err)
			}
			for _, typ := range signedTypes() {
				if out.typed[typ][k.Alg], err = jose.NewSigner(key, (&jose.SignerOptions{}).WithType(typ)); err != nil {
					return nil, time.Time{}, fmt.Errorf("provider: key %s: %w", k.KID, err)
				}
			}
		}
		if k.State == storage.KeyRetired {
			gone := k.RetiredAt.Add(window)
			if !now.Before(gone) {
				continue
			}
			if until.IsZero() || gone.Before(until) {
				until = gone
			}
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: private.Public(), KeyID: k.KID, Algorithm: k.Alg, Use: "sig"})
	}
	var err error
	out.jwks, err = newDocument(set)
	return out, until, err
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
