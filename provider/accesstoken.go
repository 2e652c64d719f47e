package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

// accessToken are the claims of a JWT access token (RFC 9068 section 2.2). It is
// stored by its hash as an opaque one is, and good for no longer than that record.
type accessToken struct {
	Iss      string   `json:"iss"`
	Sub      string   `json:"sub"`
	Aud      string   `json:"aud"`
	ClientID string   `json:"client_id"`
	Exp      int64    `json:"exp"`
	Iat      int64    `json:"iat"`
	JTI      string   `json:"jti"`
	Scope    string   `json:"scope,omitempty"`
	AuthTime int64    `json:"auth_time,omitempty"`
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"`

	CNF *confirmation `json:"cnf,omitempty"`
}

// newAccessToken makes an access token of g for c, as c is registered: 256 random
// bits, or a JWT of type at+jwt signed with the algorithm of its ID tokens. A grant
// without person is the client's own. Nothing is stored.
func (s *Server) newAccessToken(ctx context.Context, c *storage.Client, g storage.Grant, scope string, to target, now time.Time) (string, error) {
	if c.Metadata.AccessTokenFormat != formatJWT {
		return storage.NewSecret(), nil
	}
	t := accessToken{
		Iss: s.Issuer, Sub: c.ID, Aud: to.audience, ClientID: c.ID, Exp: now.Add(s.AccessLife).Unix(), Iat: now.Unix(), JTI: storage.NewSecret(),
		Scope: storage.PlainScope(scope), CNF: confirmationOf(to.jkt, to.x5t),
	}
	if g.AfiliadoID != "" {
		t.Sub, t.AuthTime, t.ACR, t.AMR = s.DB.Subject(*c, g.AfiliadoID), g.AuthAt.Unix(), g.ACR, strings.Fields(g.AMR)
	}
	signer, err := s.keys.typed(ctx, c.Metadata.IDTokenSignedAlg, typeAccess)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("provider: access token: %w", err)
	}
	return compact(signer, payload)
}

// compact is payload as a compact JWS.
func compact(signer jose.Signer, payload []byte) (string, error) {
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("provider: sign: %w", err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("provider: sign: %w", err)
	}
	return token, nil
}
