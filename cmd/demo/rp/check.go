package rp

import (
	"fmt"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// Clocks of two machines may differ by this much.
const skew = 30 * time.Second

// checkLogin says what else a careful application asks of the ID token of a
// fresh sign-in (OpenID Core 3.1.3.7): the nonce it sent (ASVS 10.5.1), itself as
// the only audience (10.5.4), a subject it can store, and, where it asked for
// maxAge, a sign-in that is no older.
func checkLogin(c *oidc.IDTokenClaims, clientID, nonce string, maxAge time.Duration, now time.Time) error {
	if !equal(c.Nonce, nonce) {
		return fmt.Errorf("%w: nonce", errUntrusted)
	}
	if err := checkAny(c, clientID); err != nil {
		return err
	}
	at := c.AuthTime.AsTime()
	if c.AuthTime == 0 || at.After(now.Add(skew)) {
		return fmt.Errorf("%w: auth_time", errUntrusted)
	}
	if maxAge > 0 && now.Sub(at) > maxAge+skew {
		return fmt.Errorf("%w: auth_time %s is older than the %s asked for", errUntrusted, at.UTC().Format(time.RFC3339), maxAge)
	}
	return nil
}

// checkRefreshed does the same for the ID token of a refresh, which is about the
// same person and the same sign-in (OpenID Core 12.2).
func checkRefreshed(c, before *oidc.IDTokenClaims, clientID string) error {
	if c.Nonce != "" && !equal(c.Nonce, before.Nonce) {
		return fmt.Errorf("%w: nonce", errUntrusted)
	}
	if c.Subject != before.Subject || c.Issuer != before.Issuer {
		return fmt.Errorf("%w: a refresh changed the person", errUntrusted)
	}
	if c.AuthTime != 0 && c.AuthTime != before.AuthTime {
		return fmt.Errorf("%w: a refresh changed auth_time", errUntrusted)
	}
	return checkAny(c, clientID)
}

func checkAny(c *oidc.IDTokenClaims, clientID string) error {
	if len(c.Audience) != 1 || c.Audience[0] != clientID {
		return fmt.Errorf("%w: aud", errUntrusted)
	}
	if c.Subject == "" || len(c.Subject) > 255 {
		return fmt.Errorf("%w: sub", errUntrusted)
	}
	return nil
}
