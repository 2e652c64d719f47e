package provider

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

// idToken are the claims of an ID token (OpenID Core 2). Its audience is the
// application alone.
type idToken struct {
	Iss      string   `json:"iss"`
	Sub      string   `json:"sub"`
	Aud      string   `json:"aud"`
	Azp      string   `json:"azp"`
	Exp      int64    `json:"exp"`
	Iat      int64    `json:"iat"`
	AuthTime int64    `json:"auth_time"`
	Nonce    string   `json:"nonce,omitempty"`
	ACR      string   `json:"acr"`
	AMR      []string `json:"amr"`
	SID      string   `json:"sid"`
	AtHash   string   `json:"at_hash"`
}

// idTokenFor is the ID token of g at now, for whoever holds access. No skew is
// added to its times.
func (s *Server) idTokenFor(c *storage.Client, g storage.Grant, nonce, access string, now time.Time) idToken {
	return idToken{
		Iss: s.Issuer, Sub: s.DB.Subject(*c, g.AfiliadoID), Aud: c.ID, Azp: c.ID,
		Exp: now.Add(s.IDTokenLife).Unix(), Iat: now.Unix(), AuthTime: g.AuthAt.Unix(),
		Nonce: nonce, ACR: g.ACR, AMR: strings.Fields(g.AMR), SID: g.SID, AtHash: atHash(c.Metadata.IDTokenSignedAlg, access),
	}
}

// atHash is the left half of the access token's hash, by the hash of the ID
// token's algorithm (OpenID Core 3.1.3.6): SHA-512 for Ed25519, SHA-256 for the
// others.
func atHash(alg, access string) string {
	if alg == "EdDSA" {
		sum := sha512.Sum512([]byte(access))
		return base64.RawURLEncoding.EncodeToString(sum[:32])
	}
	sum := sha256.Sum256([]byte(access))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// sign returns t with the claims about the person as a compact JWS.
func (t idToken) sign(signer jose.Signer, person []storage.Claim) (string, error) {
	payload, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("provider: id token: %w", err)
	}
	payload = withClaims(payload, person)
	return compact(signer, payload)
}

// withClaims adds claims to a JSON object that has members already; those the
// registry has no value for are left out.
func withClaims(object []byte, claims []storage.Claim) []byte {
	out := object[:len(object)-1]
	for _, c := range claims {
		if len(c.Values) > 0 {
			out = append(append(append(append(out, `,"`...), c.Name...), `":`...), c.JSON()...)
		}
	}
	return append(out, '}')
}

// asked returns of the claims released those the claims parameter wants in one
// place, with the values it wants, beside those the plain scopes put there anyway.
func asked(released []storage.Claim, names []string, values wantedValues, plain []string) []storage.Claim {
	return slices.DeleteFunc(slices.Clone(released), func(c storage.Claim) bool {
		return (!slices.Contains(names, c.Name) || !values.fits(c)) && !slices.Contains(plain, storage.ClaimScope(c.Name))
	})
}

// idTokenClaims are the claims about the person in the ID token of g: those the
// claims parameter asked to have there; what scopes hand out is at userinfo
// (OpenID Core 5.4). When her clave falls due is in both, so that an application
// can warn her without a further call. The person is read only where it must be.
func (s *Server) idTokenClaims(ctx context.Context, g storage.Grant, person func(context.Context, string) (*storage.Afiliado, error)) ([]storage.Claim, error) {
	req, err := storedClaims(g.Claims)
	if err != nil {
		return nil, err
	}
	names := req.IDToken
	a := &storage.Afiliado{}
	if len(names) > 0 {
		if a, err = person(ctx, g.AfiliadoID); err != nil {
			return nil, err
		}
	}
	if hasScope(g.Scope, storage.ScopeProfile) {
		names = append(slices.Clone(names), storage.ClaimClaveDue, storage.ClaimRecovered)
	}
	return asked(storage.ScopeClaims(*a, s.claveTimes(g.ClaveDueAt, g.RecoveredAt), strings.Fields(g.Scope)), names, req.IDTokenValues, nil), nil
}

// claveTimes are those stored as the applications are told: no clave falls due
// while claves do not expire.
func (s *Server) claveTimes(due, recovered storage.Instant) storage.ClaveTimes {
	if !s.ClavesExpire {
		due = storage.Instant{}
	}
	return storage.ClaveTimes{Due: due, Recovered: recovered}.At(s.Now())
}

// userinfoClaims are the claims about a and her clave that a token of scope carries
// at userinfo.
func userinfoClaims(a storage.Afiliado, times storage.ClaveTimes, scope string, req claimsRequest) []storage.Claim {
	all := strings.Fields(scope)
	return asked(storage.ScopeClaims(a, times, all), req.Userinfo, req.UserinfoValues, strings.Fields(storage.PlainScope(scope)))
}

func storedClaims(stored string) (claimsRequest, error) {
	var req claimsRequest
	if stored == "" {
		return req, nil
	}
	if err := json.Unmarshal([]byte(stored), &req); err != nil {
		return req, fmt.Errorf("provider: stored claims: %w", err)
	}
	return req, nil
}
