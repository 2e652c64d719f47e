package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"iess.gob.ec/clave/storage"
)

// logoutLife is how long a logout token is good for: no longer than section 2.4
// recommends.
const logoutLife = 2 * time.Minute

// logoutToken are the claims of a logout token (section 2.4). There is no nonce:
// one is not allowed.
type logoutToken struct {
	Iss    string              `json:"iss"`
	Sub    string              `json:"sub"`
	Aud    string              `json:"aud"`
	Iat    int64               `json:"iat"`
	Exp    int64               `json:"exp"`
	JTI    string              `json:"jti"`
	Events map[string]struct{} `json:"events"`
	SID    string              `json:"sid"`
}

// logoutTokenFor is the logout token of d, a logout, at now, signed as the
// application's ID tokens are. Each attempt gets a new one, with the same jti: an application that
// has seen it has done what it asks.
func (s *Server) logoutTokenFor(ctx context.Context, c *storage.Client, d storage.Delivery, now time.Time) (string, error) {
	signer, err := s.keys.typed(ctx, c.Metadata.IDTokenSignedAlg, typeLogout)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(logoutToken{
		Iss: s.Issuer, Sub: s.DB.Subject(*c, d.AfiliadoID), Aud: c.ID, Iat: now.Unix(), Exp: now.Add(logoutLife).Unix(),
		JTI: storage.Hash("logout " + d.SID), Events: map[string]struct{}{storage.BackchannelLogout: {}}, SID: d.SID,
	})
	if err != nil {
		return "", fmt.Errorf("provider: logout token: %w", err)
	}
	return compact(signer, payload)
}
