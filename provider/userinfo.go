package provider

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"iess.gob.ec/clave/storage"
)

// bearerChallenge goes with every 401 of userinfo that had a token (RFC 6750
// section 3).
const bearerChallenge = `Bearer realm="clave", error="invalid_token"` //nolint:gosec // a header, no credential

// userinfo stands before the library at the userinfo endpoint: the token comes
// in the header or, by POST, in a form; never in the URL, and never twice (RFC
// 6750 section 2).
func (s *Server) userinfo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	token, bad := bearer(w, r)
	if bad != nil {
		status := http.StatusBadRequest
		value := `Bearer realm="clave", error="invalid_request"`
		if bad.code == "invalid_token" {
			status, value = http.StatusUnauthorized, bearerChallenge
		}
		w.Header().Set("WWW-Authenticate", value)
		s.refuse(w, r, bad, status)
		return
	}
	if token == "" { // who shows nothing is told the scheme and no error (RFC 6750 section 3)
		w.Header().Set("WWW-Authenticate", `Bearer realm="clave"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	clean := r.Clone(r.Context())
	clean.Body, clean.URL.RawQuery = http.NoBody, ""
	clean.Form, clean.PostForm = nil, nil
	clean.Header = http.Header{"Authorization": {"Bearer " + token}}
	s.machine.ServeHTTP(challenge{w, bearerChallenge}, clean)
}

// bearer is the request's one access token, or "".
func bearer(w http.ResponseWriter, r *http.Request) (string, *protocolError) {
	q, err := queryForm(r)
	if err != nil || len(q["access_token"]) > 0 {
		return "", invalidRequest("an access token does not belong in the URL")
	}
	inForm := ""
	if r.Method == http.MethodPost && r.Header.Get("Content-Type") != "" {
		f, err := bodyForm(w, r)
		if err != nil && !errors.Is(err, errNoForm) {
			return "", invalidRequest("the body cannot be read")
		}
		if bad := f.check(); bad != nil {
			return "", bad
		}
		inForm = f.get("access_token")
	}
	values := r.Header.Values("Authorization")
	switch {
	case len(values) == 0:
		return inForm, nil
	case len(values) > 1 || inForm != "":
		return "", invalidRequest("one access token in one place")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > 512 {
		return "", &protocolError{"invalid_token", "the access token is not valid"}
	}
	return token, nil
}

// UserInfo implements op.Server (OpenID Core 5.3).
func (m *machineServer) UserInfo(ctx context.Context, r *op.Request[oidc.UserInfoRequest]) (*op.Response, error) {
	bad := &protocolError{"invalid_token", "the access token is not valid"}
	b, err := m.DB.Bearer(ctx, storage.Hash(r.Data.AccessToken), m.Now())
	if errors.Is(err, storage.ErrNotFound) {
		return nil, m.fail(ctx, bad, err)
	}
	if err != nil {
		return nil, m.fail(ctx, serverError(), err)
	}
	client, err := m.Clients.Client(ctx, b.ClientID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, m.fail(ctx, bad, err, "client_id", b.ClientID)
	}
	if err != nil {
		return nil, m.fail(ctx, serverError(), err)
	}
	if !hasScope(b.Scope, storage.ScopeOpenID) {
		return nil, m.fail(ctx, &protocolError{"insufficient_scope", "the token is not of scope openid"}, nil, "client_id", b.ClientID)
	}
	body, err := m.userinfoBody(client, b)
	if err != nil {
		return nil, m.fail(ctx, serverError(), err)
	}
	return op.NewResponse(body), nil
}

func (m *machineServer) userinfoBody(c *storage.Client, b *storage.Bearer) (json.RawMessage, error) {
	req, err := storedClaims(b.Claims)
	if err != nil {
		return nil, err
	}
	sub, err := json.Marshal(struct {
		Sub string `json:"sub"`
	}{m.DB.Subject(*c, b.Afiliado.ID)})
	if err != nil {
		return nil, err
	}
	return withClaims(sub, userinfoClaims(*b.Afiliado, m.claveTimes(b.ClaveDueAt, b.RecoveredAt), b.Scope, req)), nil
}
