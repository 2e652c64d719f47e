package provider

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

// What is kept of the keys an application serves itself, and how often it is asked.
const (
	clientKeysAge   = 10 * time.Minute // until they are read anew
	clientKeysStale = 24 * time.Hour   // how long they serve while the application does not answer
	clientKeysPause = 30 * time.Second // between two questions, however many unknown keys are named
	maxClientKeys   = 64 << 10         // bytes of a JWK set
	maxKeysOfClient = 100
)

// ClientKeysConfig says how the keys that applications serve are read.
type ClientKeysConfig struct {
	// Networks are those beside the public internet in which applications live:
	// addresses that are private, of this machine or reserved are refused otherwise.
	Networks []netip.Prefix
	// Roots vouch for applications, nil: those of the system.
	Roots *x509.CertPool
	// Timeout bounds one attempt: 5 seconds.
	Timeout time.Duration
}

// clientKeys finds the public keys of applications: those of their registration,
// or what their jwks_uri serves. It is safe for concurrent use.
type clientKeys struct {
	http *http.Client // guarded: it reaches no address of ours
	now  func() time.Time
	log  *slog.Logger

	mu   sync.Mutex
	sets map[string]*servedKeys // by address
}

// servedKeys are those of one address.
type servedKeys struct {
	asking sync.Mutex // held while the application is asked
	tried  time.Time  // when that was last; under asking

	mu   sync.RWMutex
	set  jose.JSONWebKeySet
	read time.Time // when set was read; zero: never
}

// known is what was last read, and when.
func (s *servedKeys) known() (jose.JSONWebKeySet, time.Time) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.set, s.read
}

func (s *servedKeys) keep(set jose.JSONWebKeySet, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set, s.read = set, now
}

func newClientKeys(client *http.Client, now func() time.Time, log *slog.Logger) *clientKeys {
	return &clientKeys{http: client, now: now, log: log, sets: map[string]*servedKeys{}}
}

// find asks holds of the keys of c, once more of fresh ones where an address
// serves them and the known ones do not satisfy it, and returns missing where
// none do.
func (k *clientKeys) find(ctx context.Context, c *storage.Client, holds func(jose.JSONWebKeySet) bool, missing error) error {
	if len(c.Metadata.JWKS) > 0 {
		set, err := parseClientKeys(c.Metadata.JWKS)
		if err == nil && !holds(set) {
			err = missing
		}
		return err
	}
	if c.Metadata.JWKSURI == "" {
		return missing
	}
	served, now := k.served(c.Metadata.JWKSURI), k.now()
	set, read := served.known()
	useful := !read.IsZero() && now.Sub(read) < clientKeysStale && holds(set)
	if useful && now.Sub(read) < clientKeysAge {
		return nil
	}
	if useful && !served.asking.TryLock() {
		return nil // somebody asks already, and what is known will do until then
	}
	if !useful {
		served.asking.Lock()
	}
	defer served.asking.Unlock()
	now = k.now() // whoever asked before may have taken long
	if served.tried.IsZero() || now.Sub(served.tried) >= clientKeysPause || now.Before(served.tried) {
		k.ask(ctx, c, served, now)
	}
	set, read = served.known()
	if read.IsZero() || now.Sub(read) >= clientKeysStale || !holds(set) {
		return missing
	}
	return nil
}

func (k *clientKeys) served(address string) *servedKeys {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sets[address] == nil {
		k.sets[address] = &servedKeys{} // one for each that is registered: bounded by the operator
	}
	return k.sets[address]
}

// ask reads the keys anew. Where that fails, those known before stay. The caller
// holds served.asking.
func (k *clientKeys) ask(ctx context.Context, c *storage.Client, served *servedKeys, now time.Time) {
	served.tried = now
	// Whoever asks may go away; the answer serves the next one too.
	set, err := k.fetch(context.WithoutCancel(ctx), c.Metadata.JWKSURI)
	if err != nil {
		k.log.WarnContext(ctx, "the keys of an application cannot be read", "client_id", c.ID, "trouble", trouble(err), "error", err)
		return
	}
	served.keep(set, now)
}

func (k *clientKeys) fetch(ctx context.Context, address string) (jose.JSONWebKeySet, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil) //nolint:gosec // registered, and http goes nowhere inside
	if err != nil {
		return jose.JSONWebKeySet{}, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	res, err := k.http.Do(req) //nolint:gosec // as above
	if err != nil {
		return jose.JSONWebKeySet{}, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return jose.JSONWebKeySet{}, fmt.Errorf("provider: jwks_uri answers %d", res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxClientKeys+1))
	if err != nil {
		return jose.JSONWebKeySet{}, err
	}
	return parseClientKeys(body)
}

// parseClientKeys reads a JWK set (RFC 7517 section 5) of public keys. Keys of
// kinds we do not know are left out, as the RFC says; one that holds a secret, or
// is too weak, refuses all.
func parseClientKeys(data []byte) (jose.JSONWebKeySet, error) {
	var out jose.JSONWebKeySet
	if len(data) > maxClientKeys {
		return out, fmt.Errorf("provider: the JWK set has more than %d KiB", maxClientKeys>>10)
	}
	if err := checkJSON(data); err != nil {
		return out, fmt.Errorf("provider: the JWK set: %w", err)
	}
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &raw); err != nil || raw.Keys == nil || len(raw.Keys) > maxKeysOfClient {
		return out, fmt.Errorf("provider: the JWK set must be an object with up to %d keys", maxKeysOfClient)
	}
	for i, member := range raw.Keys {
		var kind struct {
			Kty string          `json:"kty"`
			Crv string          `json:"crv"`
			D   json.RawMessage `json:"d"`
			K   json.RawMessage `json:"k"`
		}
		if err := json.Unmarshal(member, &kind); err != nil {
			return out, fmt.Errorf("provider: key %d is no JWK", i)
		}
		if kind.D != nil || kind.K != nil {
			return out, fmt.Errorf("provider: key %d holds a secret: publish the public part only", i)
		}
		if !knownKind(kind.Kty, kind.Crv) {
			continue
		}
		var key jose.JSONWebKey
		if err := json.Unmarshal(member, &key); err != nil || !key.IsPublic() || !key.Valid() {
			return out, fmt.Errorf("provider: key %d cannot be read as a public key", i)
		}
		if err := strong(key.Key); err != nil {
			return out, fmt.Errorf("provider: key %d: %w", i, err)
		}
		out.Keys = append(out.Keys, key)
	}
	return out, nil
}

func knownKind(kty, crv string) bool {
	return kty == "RSA" || kty == "EC" && crv == "P-256" || kty == "OKP" && crv == "Ed25519"
}

// strong refuses keys that could be guessed (RFC 8725 section 3.4, FAPI-C4). Those
// that would keep us busy, RSA above 4096 bits, are not read in the first place.
func strong(key any) error {
	if k, ok := key.(*rsa.PublicKey); ok && k.N.BitLen() < 2048 {
		return errors.New("RSA keys need 2048 bits")
	}
	return nil
}

// serves reports whether key, as its owner registered it, verifies signatures of
// alg and carries kid ("": any).
func serves(key jose.JSONWebKey, alg, kid string) bool {
	if kid != "" && key.KeyID != kid || key.Algorithm != "" && key.Algorithm != alg || key.Use != "" && key.Use != "sig" {
		return false
	}
	switch k := key.Key.(type) {
	case *ecdsa.PublicKey:
		return alg == "ES256" && k.Curve == elliptic.P256()
	case *rsa.PublicKey:
		return alg == "RS256" || alg == "PS256"
	case ed25519.PublicKey:
		return alg == "EdDSA"
	default:
		return false
	}
}

// keyFor is the one key of c that serves alg and kid. Where no kid is named, only
// one may fit (OpenID Core 10.1).
func (k *clientKeys) keyFor(ctx context.Context, c *storage.Client, alg, kid string) (jose.JSONWebKey, error) {
	var found jose.JSONWebKey
	err := k.find(ctx, c, func(set jose.JSONWebKeySet) bool {
		n := 0
		for _, key := range set.Keys {
			if serves(key, alg, kid) {
				found = key
				n++
			}
		}
		return n == 1
	}, errNoClientKey)
	return found, err
}

var errNoClientKey = errors.New("provider: no key of the client, or more than one, fits kid and alg")
