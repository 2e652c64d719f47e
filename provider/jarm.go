package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"iess.gob.ec/clave/storage"
)

// signedMode ends the response modes whose answer is one signed JWT (JARM section
// 2.3).
const signedMode = ".jwt"

// signedLife is how long a signed authorization response is good for: as long as a
// code may be, which is what it carries.
const signedLife = time.Minute

// wholeMode is the mode that mode stands for: jwt is the signed form of the default
// of response_type code (JARM section 2.3.4).
func wholeMode(mode string) string {
	if mode == "jwt" {
		return "query" + signedMode
	}
	return mode
}

// responseAlg is the algorithm in which authorization responses for m are signed:
// what it registered, or that of its ID tokens.
func responseAlg(m storage.ClientMetadata) string {
	if m.AuthorizationSignedAlg != "" {
		return m.AuthorizationSignedAlg
	}
	return m.IDTokenSignedAlg
}

// signedResponse is p, which has iss and state already, as the one parameter
// response: a JWT for the client alone (JARM section 2.1). It has no sub and no azp:
// nobody takes it for an ID token.
func (s *Server) signedResponse(ctx context.Context, c *storage.Client, p params) (params, error) {
	signer, err := s.keys.signer(ctx, responseAlg(c.Metadata))
	if err != nil {
		return nil, err
	}
	now := s.Now()
	claims := map[string]any{"aud": c.ID, "iat": now.Unix(), "exp": now.Add(signedLife).Unix()}
	for _, kv := range p {
		claims[kv[0]] = kv[1]
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return nil, fmt.Errorf("provider: signed response: %w", err)
	}
	token, err := compact(signer, payload)
	return params{{"response", token}}, err
}

// plainMode is mode without its signature, and whether it asks for one.
func plainMode(mode string) (string, bool) {
	return strings.CutSuffix(mode, signedMode)
}
