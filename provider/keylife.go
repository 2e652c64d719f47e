package provider

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"iess.gob.ec/clave/storage"
)

const (
	// keyMargin covers what lies between a change of keys and the last application
	// that goes by it: the second in which every replica learns of it, the way of an
	// answer, and clocks of replicas that differ.
	keyMargin = 10 * time.Second
	// keyRemains is how long the private part of a key outlives its publication: a
	// clock that was a day ahead must not have destroyed what is still needed.
	keyRemains = 24 * time.Hour
)

// KeyTimes says how long a signing key does what. Its life is: published as the
// next one for Lead at least, signing for Life, published for Window more.
type KeyTimes struct {
	Life  time.Duration // how long a key signs; 0: until somebody rotates it
	Cache time.Duration // how long applications may cache the JWKS
	Token time.Duration // the longest life of an ID token or access token
}

// Lead is how long a key is published before it signs: whoever cached the JWKS
// without it, the latest and as long as allowed, has then read it again.
func (t KeyTimes) Lead() time.Duration { return t.Cache + keyMargin }

// Window is how long a key stays published after it has stopped signing: until
// the last thing it signed is over, and Lead more for applications that allow for
// clocks that differ. What has no exp, such as signed userinfo, is read when it comes.
func (t KeyTimes) Window() time.Duration {
	return max(t.Token, logoutLife, signedLife) + t.Lead()
}

// Until is when the state of k, one of all, ends by itself: the next key signs, an
// active one stops, a retired one is published no more. It may have passed; zero:
// it does not end by itself.
func (t KeyTimes) Until(k Key, all []Key) time.Time {
	find := func(state string) *Key {
		i := slices.IndexFunc(all, func(o Key) bool { return o.Alg == k.Alg && o.State == state })
		if i < 0 {
			return nil
		}
		return &all[i]
	}
	if k.State == storage.KeyRetired {
		return k.RetiredAt.Add(t.Window())
	}
	active, next := find(storage.KeyActive), find(storage.KeyNext)
	if t.Life == 0 || active == nil || next == nil {
		return time.Time{}
	}
	due, known := active.ActivatedAt.Add(t.Life), next.CreatedAt.Add(t.Lead())
	if due.Before(known) {
		return known
	}
	return due
}

// Check says what is wrong with t, nil for nothing.
func (t KeyTimes) Check() error {
	if t.Life != 0 && t.Life < t.Lead() {
		return fmt.Errorf("provider: keys that sign for %v would be followed by keys that applications, caching for %v, do not know yet; it must be at least %v, or 0",
			t.Life, t.Cache, t.Lead())
	}
	return nil
}

// KeyTimes are those of s.
func (s *Server) KeyTimes() KeyTimes { return s.keyTimes() }

func (c Config) keyTimes() KeyTimes {
	return KeyTimes{Life: c.KeyLife, Cache: c.KeyCache, Token: max(c.AccessLife, c.IDTokenLife)}
}

// TendKeys does what is due at now: it makes keys that are missing, rotates those
// that have signed for KeyLife, and destroys the private part of those that have
// been out of the JWKS for a day. Each is a transaction of its own, and looks again
// in it: replicas may do it at once, and be stopped anywhere. A key dated after now
// is not due: a clock that goes back delays, and nothing else.
func (s *Server) TendKeys(ctx context.Context, now time.Time) error {
	all, err := Keys(ctx, s.DB)
	if err != nil {
		return err
	}
	var algs []string
	for _, k := range all {
		if !slices.Contains(algs, k.Alg) {
			algs = append(algs, k.Alg)
		}
	}
	errs := []error{EnsureKeys(ctx, s.DB, now, algs...)}
	times := s.keyTimes()
	for _, k := range all {
		until := times.Until(k, all)
		switch {
		case until.IsZero() || now.Before(until):
		case k.State == storage.KeyActive:
			errs = append(errs, s.rotateDue(ctx, k.Alg, times, now))
		case k.State == storage.KeyRetired && !now.Before(until.Add(keyRemains)):
			errs = append(errs, expireKey(ctx, s.DB, k.KID, now))
		}
	}
	return errors.Join(errs...)
}

func (s *Server) rotateDue(ctx context.Context, alg string, times KeyTimes, now time.Time) error {
	err := rotateKey(ctx, s.DB, alg, now, actorSystem, func(active, next Key) error {
		if now.Before(times.Until(active, []Key{active, next})) {
			return ErrTooSoon
		}
		return nil
	})
	if errors.Is(err, ErrTooSoon) { // another replica was first
		return nil
	}
	if err == nil {
		s.Log.LogAttrs(ctx, slog.LevelInfo, "signing key rotated", slog.String("alg", alg))
	}
	return err
}

// expireKey destroys the private part of a retired key. The public one is kept for
// ID tokens that come back as hints, which may be older (OpenID Core 3.1.2.1).
func expireKey(ctx context.Context, db *storage.DB, kid string, now time.Time) error {
	err := db.InTx(ctx, func(tx *storage.Tx) error {
		stored, err := tx.LockSigningKeys(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(stored, func(k storage.SigningKey) bool { return k.KID == kid && k.State == storage.KeyRetired })
		if i < 0 {
			return nil // another replica was first, or somebody revoked it
		}
		private, err := parsePrivate(stored[i])
		if err != nil {
			return err
		}
		public, err := x509.MarshalPKIXPublicKey(private.Public())
		if err != nil {
			return err
		}
		if err := tx.ExpireSigningKey(ctx, kid, public); err != nil {
			return err
		}
		return auditKey(ctx, tx, eventKeyExpired, stored[i], now, actorSystem, nil)
	})
	if err != nil {
		return fmt.Errorf("provider: expire key: %w", err)
	}
	return nil
}

// parsePrivate is the secret of a key that has one.
func parsePrivate(k storage.SigningKey) (crypto.Signer, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(k.Private)
	if err != nil {
		return nil, fmt.Errorf("provider: key %s: %w", k.KID, err)
	}
	private, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("provider: key %s cannot sign", k.KID)
	}
	return private, nil
}
