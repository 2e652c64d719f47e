package provider

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"iess.gob.ec/clave/storage"
)

// assertionType is the only client_assertion_type (RFC 7523 section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Bounds of the times in a client assertion. Clocks may differ by clockSkew.
const (
	assertionLife = 5 * time.Minute
	clockSkew     = time.Minute
)

// assertion are the claims of a client assertion (RFC 7523 section 3, OpenID Core 9).
// The JSON of go-jose reads names to the letter (RFC 7519 section 7.3), where that
// of the standard library takes SUB for sub.
type assertion struct {
	Iss string          `json:"iss"`
	Sub string          `json:"sub"`
	Aud json.RawMessage `json:"aud"`
	Exp *numericDate    `json:"exp"`
	Nbf *numericDate    `json:"nbf"`
	Iat *numericDate    `json:"iat"`
	JTI string          `json:"jti"`
}

// numericDate is seconds since the epoch (RFC 7519 section 2), whole or not.
type numericDate float64

func (d numericDate) after(t time.Time) bool { return float64(d) > float64(t.Unix()) }

// assertedClient is the client that an assertion claims to be, unverified, or "".
func assertedClient(token string) string {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, ok := strings.Cut(rest, ".")
	if !ok {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return ""
	}
	var claims struct {
		Sub string `json:"sub"`
	}
	if json.Unmarshal(text, &claims) != nil || faultOf("client_id", claims.Sub) != "" {
		return ""
	}
	return claims.Sub
}

// assertionAlgsOf are the algorithms in which c may sign towards us: the one it
// registered, or those of its profile.
func assertionAlgsOf(m storage.ClientMetadata) []string {
	if m.TokenEndpointAuthAlg != "" {
		return []string{m.TokenEndpointAuthAlg}
	}
	return signingAlgs(m.Profile)
}

// checkAssertion reports whether token proves, at now, that its bearer is c, and
// spends its jti. A fault of the caller's is errClientAuth.
func (s *Server) checkAssertion(ctx context.Context, c *storage.Client, token string) error {
	var algs []jose.SignatureAlgorithm
	for _, alg := range assertionAlgsOf(c.Metadata) {
		algs = append(algs, jose.SignatureAlgorithm(alg))
	}
	payload, err := s.verifyFor(ctx, c, token, algs, "JWT", "client-authentication+jwt")
	if err != nil {
		return fmt.Errorf("%w: %w", errClientAuth, err)
	}
	a, err := readAssertion(payload)
	now := s.Now()
	if err == nil {
		err = a.check(c, s.Issuer, now)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errClientAuth, err)
	}
	first := false
	until := time.Unix(int64(*a.Exp)+1, 0).Add(clockSkew) // at a replica whose clock is behind
	err = s.DB.InTx(ctx, func(tx *storage.Tx) error {
		var err error
		first, err = tx.SpendJTI(ctx, "client_assertion", c.ID, a.JTI, until)
		return err
	})
	if err == nil && !first {
		err = fmt.Errorf("%w: the jti has been used", errClientAuth)
	}
	return err
}

// verifyFor returns the payload of a compact JWS that c signed with a key of its
// registration, in one of algs, with one of the types named or none.
func (s *Server) verifyFor(ctx context.Context, c *storage.Client, token string, algs []jose.SignatureAlgorithm, types ...string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, algs)
	if err != nil {
		return nil, err
	}
	if len(jws.Signatures) != 1 {
		return nil, errSignature
	}
	header := jws.Signatures[0].Protected
	if typ, ok := header.ExtraHeaders[jose.HeaderType]; ok && !isType(typ, types...) {
		return nil, fmt.Errorf("%w: typ %v", errSignature, typ)
	}
	if len(header.KeyID) > maxKID {
		return nil, fmt.Errorf("%w: kid too long", errSignature)
	}
	key, err := s.clientKeys.keyFor(ctx, c, header.Algorithm, header.KeyID)
	if err != nil {
		return nil, err
	}
	return jws.Verify(key.Key)
}

// isType reports whether the typ of a header is one of types: a media type, so in
// whatever case, and with "application/" or without (RFC 7515 section 4.1.9).
func isType(typ any, types ...string) bool {
	named, ok := typ.(string)
	return ok && slices.ContainsFunc(types, func(t string) bool {
		return strings.EqualFold(named, t) || strings.EqualFold(named, "application/"+t)
	})
}

// maxKID is the most bytes of a key id that anybody names to us.
const maxKID = 256

func readAssertion(payload []byte) (assertion, error) {
	var a assertion
	if !utf8.Valid(payload) { // RFC 8725 section 3.7
		return a, errors.New("provider: assertion: not UTF-8")
	}
	if err := checkJSON(payload); err != nil {
		return a, err
	}
	return a, json.Unmarshal(payload, &a)
}

// check says what is wrong with the claims of an assertion by c, or nil.
func (a assertion) check(c *storage.Client, issuer string, now time.Time) error {
	switch {
	case a.Iss != c.ID || a.Sub != c.ID:
		return errors.New("provider: assertion: iss and sub must be the client_id")
	case !audienceOurs(a.Aud, c.Metadata.Profile, issuer):
		return errors.New("provider: assertion: aud is not this provider")
	case a.Exp == nil || !a.Exp.after(now):
		return errors.New("provider: assertion: exp is missing or past")
	case a.Exp.after(now.Add(assertionLife + clockSkew)):
		return errors.New("provider: assertion: exp is too far ahead")
	case a.Nbf != nil && a.Nbf.after(now.Add(clockSkew)), a.Iat != nil && a.Iat.after(now.Add(clockSkew)):
		return errors.New("provider: assertion: nbf or iat is ahead")
	case a.JTI == "" || len(a.JTI) > 256 || !clean(a.JTI, false):
		return errors.New("provider: assertion: jti is missing or not usable")
	default:
		return nil
	}
}

// audienceOurs reports whether an assertion is for us. Under fapi2 its aud is the
// issuer, as a string alone (FAPI 2.0 Security Profile 5.3.2.1); else the issuer
// or the token endpoint, also in an array, which may name nobody else.
func audienceOurs(aud json.RawMessage, profile, issuer string) bool {
	var one string
	if json.Unmarshal(aud, &one) == nil {
		return one == issuer || profile != profileFAPI2 && one == issuer+PathToken
	}
	var several []string
	if profile == profileFAPI2 || json.Unmarshal(aud, &several) != nil || len(several) == 0 {
		return false
	}
	return !slices.ContainsFunc(several, func(a string) bool { return a != issuer && a != issuer+PathToken })
}
