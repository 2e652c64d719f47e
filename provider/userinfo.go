package provider

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"iess.gob.ec/clave/storage"
)

// userinfo is the userinfo endpoint: the token comes in the header or, by POST, in
// a form; never in the URL, and never twice (RFC 6750 section 2).
func (s *Server) userinfo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	s.offerNonce(w, r)
	v, bad := readShown(w, r)
	if bad != nil {
		status := http.StatusBadRequest
		if bad.code == "invalid_token" {
			status = http.StatusUnauthorized
		}
		w.Header().Set("WWW-Authenticate", challengeFor(v.scheme, bad.code))
		s.refuse(w, r, bad, status)
		return
	}
	if v.token == "" { // who shows nothing is told the schemes and no error (RFC 6750 section 3)
		w.Header().Set("WWW-Authenticate", challengeFor("Bearer", ""))
		w.Header().Add("WWW-Authenticate", challengeFor("DPoP", ""))
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	client, body, err := s.userinfoFor(r.Context(), v)
	if err != nil {
		if told := (*oidc.Error)(nil); errors.As(err, &told) && told.ErrorType != oidc.ServerError {
			w.Header().Set("WWW-Authenticate", challengeFor(v.scheme, string(told.ErrorType)))
		}
		op.WriteError(w, r, err, nil)
		return
	}
	media := "application/json"
	if alg := client.Metadata.UserinfoSignedAlg; alg != "" {
		media = "application/jwt"
		if body, err = s.signedUserinfo(r.Context(), client, alg, body); err != nil {
			op.WriteError(w, r, s.fail(r.Context(), serverError(), err, "client_id", client.ID), nil)
			return
		}
	}
	w.Header().Set("Content-Type", media)
	_, _ = w.Write(body) //nolint:gosec // JSON or a JWT, by its media type; whoever asked may have gone
}

// signedUserinfo is body for the client alone, signed with alg (OpenID Core 5.3.2).
// It has no azp and no exp: nobody takes it for an ID token.
func (s *Server) signedUserinfo(ctx context.Context, c *storage.Client, alg string, body []byte) ([]byte, error) {
	signer, err := s.keys.signer(ctx, alg)
	if err != nil {
		return nil, err
	}
	head, err := json.Marshal(struct {
		Iss string `json:"iss"`
		Aud string `json:"aud"`
	}{s.Issuer, c.ID})
	if err != nil {
		return nil, err
	}
	token, err := compact(signer, slices.Concat(head[:len(head)-1], []byte(","), body[1:])) // body has its sub
	return []byte(token), err
}

// maxToken is the most bytes of an access token we take.
const maxToken = 4096

// readShown is how the request shows its one access token; its token is "" where it
// shows none.
func readShown(w http.ResponseWriter, r *http.Request) (shown, *protocolError) {
	v := shown{method: r.Method, proofs: r.Header.Values("DPoP")}
	q, err := queryForm(r)
	if err != nil || len(q["access_token"]) > 0 {
		return v, invalidRequest("an access token does not belong in the URL")
	}
	inForm := ""
	if r.Method == http.MethodPost && r.Header.Get("Content-Type") != "" {
		f, err := bodyForm(w, r)
		if err != nil && !errors.Is(err, errNoForm) {
			return v, invalidRequest("the body cannot be read")
		}
		if bad := f.check(); bad != nil {
			return v, bad
		}
		inForm = f.get("access_token")
	}
	values := r.Header.Values("Authorization")
	switch {
	case len(values) == 0:
		v.token = inForm
		return v, nil
	case len(values) > 1 || inForm != "":
		return v, invalidRequest("one access token in one place")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "DPoP") || token == "" || len(token) > maxToken {
		return v, invalidToken()
	}
	v.scheme, v.token = scheme, token
	return v, nil
}

// userinfoFor is what an access token shows of its person (OpenID Core 5.3), or an
// error as op.WriteError writes it.
func (s *Server) userinfoFor(ctx context.Context, v shown) (*storage.Client, []byte, error) {
	bad := invalidToken()
	b, err := s.DB.Bearer(ctx, storage.Hash(v.token), s.Now())
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil, s.notOfPerson(ctx, v.token, bad)
	}
	if err != nil {
		return nil, nil, s.fail(ctx, serverError(), err)
	}
	if err := s.stillVouched(ctx, v.token, bad); err != nil {
		return nil, nil, err
	}
	client, err := s.Clients.Client(ctx, b.ClientID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && b.Audience != s.Issuer {
		return nil, nil, s.fail(ctx, bad, err, "client_id", b.ClientID, "audience", b.Audience)
	}
	if err != nil {
		return nil, nil, s.fail(ctx, serverError(), err)
	}
	if err := s.owns(ctx, v, b.AccessToken, client, PathUserinfo); err != nil {
		if !errors.As(err, &bad) {
			return nil, nil, s.fail(ctx, serverError(), err)
		}
		return nil, nil, s.failWith(ctx, http.StatusUnauthorized, bad, nil, "client_id", client.ID)
	}
	if !hasScope(b.Scope, storage.ScopeOpenID) {
		return nil, nil, s.fail(ctx, notOpenID(), nil, "client_id", b.ClientID)
	}
	body, err := s.userinfoBody(client, b)
	if err != nil {
		return nil, nil, s.fail(ctx, serverError(), err)
	}
	return client, body, nil
}

// stillVouched refuses a token on record whose key has been revoked.
func (s *Server) stillVouched(ctx context.Context, token string, bad *protocolError) error {
	switch ok, err := s.keys.vouches(ctx, token); {
	case err != nil:
		return s.fail(ctx, serverError(), err)
	case !ok:
		return s.fail(ctx, bad, nil, "cause", "its key is revoked")
	default:
		return nil
	}
}

func notOpenID() *protocolError {
	return &protocolError{"insufficient_scope", "the token is not of scope openid"}
}

// notOfPerson answers for a token that stands for nobody: one of a client's own is
// valid, and not enough here.
func (s *Server) notOfPerson(ctx context.Context, token string, bad *protocolError) error {
	facts, err := s.DB.TokenFacts(ctx, storage.Hash(token), s.Now())
	switch {
	case errors.Is(err, storage.ErrNotFound) || err == nil && facts.GrantID != "":
		return s.fail(ctx, bad, err)
	case err != nil:
		return s.fail(ctx, serverError(), err)
	default:
		if err := s.stillVouched(ctx, token, bad); err != nil {
			return err
		}
		return s.fail(ctx, notOpenID(), nil, "client_id", facts.ClientID)
	}
}

func (s *Server) userinfoBody(c *storage.Client, b *storage.Bearer) (json.RawMessage, error) {
	req, err := storedClaims(b.Claims)
	if err != nil {
		return nil, err
	}
	sub, err := json.Marshal(struct {
		Sub string `json:"sub"`
	}{s.DB.Subject(*c, b.Afiliado.ID)})
	if err != nil {
		return nil, err
	}
	claims := userinfoClaims(*b.Afiliado, s.claveTimes(b.ClaveDueAt, b.RecoveredAt), b.Scope, req)
	s.disclosures.note(b.Afiliado.ID, c.ID, claims, s.Now())
	return withClaims(sub, claims), nil
}
