package provider

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/op"

	"iess.gob.ec/clave/storage"
)

// introspection is what a resource server learns of an access token (RFC 7662
// section 2.2, RFC 9470 section 6).
type introspection struct {
	Active    bool     `json:"active"`
	Iss       string   `json:"iss,omitempty"`
	Sub       string   `json:"sub,omitempty"`
	Aud       string   `json:"aud,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	TokenType string   `json:"token_type,omitempty"`
	Scope     string   `json:"scope,omitempty"`
	Iat       int64    `json:"iat,omitempty"`
	Exp       int64    `json:"exp,omitempty"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	ACR       string   `json:"acr,omitempty"`
	AMR       []string `json:"amr,omitempty"`

	CNF *confirmation `json:"cnf,omitempty"`
}

// postIntrospect tells a resource server about an access token that is for it, and
// of every other one only that it is not active.
func (s *Server) postIntrospect(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	client, f, err := s.machineCall(w, r)
	if err != nil {
		op.WriteError(challenge{w, basicChallenge}, r, err, nil)
		return
	}
	if client.Metadata.ResourceServer == "" {
		bad := &protocolError{"unauthorized_client", "only resource servers may introspect"}
		op.WriteError(w, r, s.failWith(ctx, http.StatusForbidden, bad, nil, "client_id", client.ID), nil)
		return
	}
	answer, err := s.introspect(ctx, client, f.get("token"))
	if err != nil {
		op.WriteError(w, r, s.fail(ctx, serverError(), err, "client_id", client.ID), nil)
		return
	}
	media := "application/json"
	body, err := json.Marshal(answer)
	if alg := client.Metadata.IntrospectionSignedAlg; err == nil && alg != "" && wants(r, "application/"+string(typeIntrospection)) {
		media = "application/" + string(typeIntrospection)
		body, err = s.signedIntrospection(ctx, client, alg, body)
	}
	if err != nil {
		op.WriteError(w, r, s.fail(ctx, serverError(), err, "client_id", client.ID), nil)
		return
	}
	w.Header().Set("Content-Type", media)
	_, _ = w.Write(body) //nolint:gosec // JSON or a JWT, by its media type; whoever asked may have gone
}

// introspect is what resource server rs may know of token.
func (s *Server) introspect(ctx context.Context, rs *storage.Client, token string) (introspection, error) {
	facts, err := s.DB.TokenFacts(ctx, storage.Hash(token), s.Now())
	if errors.Is(err, storage.ErrNotFound) || err == nil && facts.Audience != rs.Metadata.ResourceServer {
		return introspection{}, nil
	}
	if err != nil {
		return introspection{}, err
	}
	if ok, err := s.keys.vouches(ctx, token); err != nil || !ok {
		return introspection{}, err
	}
	owner, err := s.Clients.Client(ctx, facts.ClientID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !asksFor(owner.Metadata, facts.Audience, s.Issuer) {
		return introspection{}, nil // disabled within the second, or the resource was taken from it
	}
	if err != nil {
		return introspection{}, err
	}
	out := introspection{
		Active: true, Iss: s.Issuer, Sub: owner.ID, Aud: facts.Audience, ClientID: owner.ID, TokenType: possession{jkt: facts.JKT}.tokenType(),
		Scope: storage.PlainScope(facts.Scope), Iat: facts.CreatedAt.Unix(), Exp: facts.ExpiresAt.Unix(),
		CNF: confirmationOf(facts.JKT, facts.X5T),
	}
	if facts.GrantID != "" {
		out.Sub, out.AuthTime = s.DB.Subject(*owner, facts.AfiliadoID), facts.AuthAt.Unix()
		out.ACR, out.AMR = facts.ACR, strings.Fields(facts.AMR)
	}
	return out, nil
}

// signedIntrospection is answer for rs alone, signed with alg (RFC 9701 section 5).
func (s *Server) signedIntrospection(ctx context.Context, rs *storage.Client, alg string, answer []byte) ([]byte, error) {
	signer, err := s.keys.typed(ctx, alg, typeIntrospection)
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(struct {
		Iss    string          `json:"iss"`
		Aud    string          `json:"aud"`
		Iat    int64           `json:"iat"`
		Answer json.RawMessage `json:"token_introspection"`
	}{s.Issuer, rs.ID, s.Now().Unix(), answer})
	if err != nil {
		return nil, err
	}
	token, err := compact(signer, payload)
	return []byte(token), err
}

// wants reports whether the request accepts media by name.
func wants(r *http.Request, media string) bool {
	for _, value := range r.Header.Values("Accept") {
		for one := range strings.SplitSeq(value, ",") {
			if named, p, err := mime.ParseMediaType(strings.TrimSpace(one)); err == nil && named == media && p["q"] != "0" {
				return true
			}
		}
	}
	return false
}
