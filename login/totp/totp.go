// Package totp is the codes of authenticator applications (RFC 6238): six digits,
// SHA-1, a new one every 30 seconds, which is what every such application makes.
// It has no clock and no memory: which codes were accepted is the caller's to know.
package totp

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

const (
	// Digits is how many a code has.
	Digits = 6
	// Period is for how long one is shown.
	Period = 30 * time.Second
	// Skew is how many periods early or late one may come: the clock of a telephone
	// is rarely right to the second (RFC 6238 section 5.2).
	Skew = 1
	// secretBytes is the length of the hash (RFC 4226 section 4, R6).
	secretBytes = 20
)

// NewSecret returns 160 random bits.
func NewSecret() []byte {
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return b
}

// Step is the number of the period at now.
func Step(now time.Time) int64 { return now.Unix() / int64(Period/time.Second) }

// Code is the one of a period.
func Code(secret []byte, step int64) (string, error) {
	code, err := hotp.GenerateCodeCustom(encoded(secret), uint64(step), hotp.ValidateOpts{ //nolint:gosec // after 1970
		Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1,
	})
	if err != nil {
		return "", fmt.Errorf("totp: %w", err)
	}
	return code, nil
}

// Match returns the newest period within Skew of now whose code typed is, however it
// is spaced; false where it is none. It compares with each of them.
func Match(secret []byte, typed string, now time.Time) (int64, bool, error) {
	typed = strings.Map(func(r rune) rune {
		if r < '0' || '9' < r {
			return -1
		}
		return r
	}, typed)
	found, right := int64(0), false
	for step := Step(now) - Skew; step <= Step(now)+Skew; step++ {
		code, err := Code(secret, step)
		if err != nil {
			return 0, false, err
		}
		if subtle.ConstantTimeCompare([]byte(code), []byte(typed)) == 1 {
			found, right = step, true
		}
	}
	return found, right, nil
}

// encoded is a secret in base32, as applications take it.
func encoded(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// Key is a secret to be typed, in groups of four letters and digits.
func Key(secret []byte) []string {
	var groups []string
	for s := encoded(secret); s != ""; {
		n := min(4, len(s))
		groups, s = append(groups, s[:n]), s[n:]
	}
	return groups
}

// URI is what a QR code tells an application: the secret, and under which name of
// which issuer it shows the codes.
func URI(secret []byte, issuer, account string) string {
	q := url.Values{"secret": {encoded(secret)}, "issuer": {issuer}} // the rest is what they take for granted
	label := strings.NewReplacer(":", " ").Replace
	return (&url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/" + label(issuer) + ":" + label(account),
		RawQuery: strings.ReplaceAll(q.Encode(), "+", "%20"), // some take + for itself
	}).String()
}
