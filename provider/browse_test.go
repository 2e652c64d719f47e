package provider

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"iess.gob.ec/clave/storage"
)

// do sends a request and reads the answer's body.
func (h *house) do(method, path, body string, header ...string) (*http.Response, string) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := h.http.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res, string(text)
}

// with is a form with pairs set; "" removes.
func with(base url.Values, pairs ...string) url.Values {
	out := url.Values{}
	for name, v := range base {
		out[name] = v
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			out.Del(pairs[i])
		} else {
			out.Set(pairs[i], pairs[i+1])
		}
	}
	return out
}

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// request is a good authorization request of client, changed by pairs.
func (h *house) request(client string, pairs ...string) url.Values {
	h.t.Helper()
	c, err := h.db.Client(h.t.Context(), client)
	if err != nil {
		h.t.Fatal(err)
	}
	return with(url.Values{
		"client_id": {client}, "redirect_uri": {c.Metadata.RedirectURIs[0]}, "response_type": {"code"}, "scope": {"openid"},
		"state": {"s t&te"}, "nonce": {"n-1"}, "code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"},
	}, pairs...)
}

// authorize sends the request by GET and returns the parameters of the redirect.
func (h *house) authorize(q url.Values) url.Values {
	h.t.Helper()
	res, body := h.do(http.MethodGet, PathAuthorize+"?"+q.Encode(), "")
	if res.StatusCode != http.StatusSeeOther {
		h.t.Fatalf("authorize: got %d, want 303: %.300s", res.StatusCode, body)
	}
	u, err := url.Parse(res.Header.Get("Location"))
	if err != nil {
		h.t.Fatal(err)
	}
	return u.Query()
}

// code signs in at client and returns the code.
func (h *house) code(client string, pairs ...string) string {
	h.t.Helper()
	got := h.authorize(h.request(client, pairs...))
	if got.Get("code") == "" {
		h.t.Fatalf("authorize: got %v, want a code", got)
	}
	return got.Get("code")
}

// answer is what the token endpoint or userinfo said.
type answerOf struct {
	status int
	header http.Header
	body   map[string]json.RawMessage
	text   string
}

func (a answerOf) get(name string) string {
	var v string
	if json.Unmarshal(a.body[name], &v) != nil {
		return string(a.body[name])
	}
	return v
}

func (h *house) json(res *http.Response, text string) answerOf {
	h.t.Helper()
	a := answerOf{status: res.StatusCode, header: res.Header, text: text}
	if strings.HasSuffix(res.Header.Get("Content-Type"), "jwt") {
		return a
	}
	if err := json.Unmarshal([]byte(text), &a.body); err != nil && text != "" {
		h.t.Fatalf("not JSON: %v: %.300s", err, text)
	}
	return a
}

// token posts to the token endpoint, as client.
func (h *house) token(client string, f url.Values) answerOf {
	h.t.Helper()
	c, err := h.db.Client(h.t.Context(), client)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		h.t.Fatal(err)
	}
	var header []string
	switch {
	case c == nil || c.Metadata.TokenEndpointAuthMethod == "client_secret_basic":
		header = []string{"Authorization", basic(client, secret)}
	case c.Metadata.TokenEndpointAuthMethod == "client_secret_post":
		f = with(f, "client_id", client, "client_secret", secret)
	default:
		f = with(f, "client_id", client)
	}
	return h.json(h.do(http.MethodPost, PathToken, f.Encode(), header...))
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

// redeem is the form that exchanges code at client, changed by pairs.
func (h *house) redeem(client, code string, pairs ...string) url.Values {
	h.t.Helper()
	return with(url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {h.request(client).Get("redirect_uri")}, "code_verifier": {verifier},
	}, pairs...)
}

// tokens signs in at client with scope and returns what the token endpoint gave.
func (h *house) tokens(client, scope string, pairs ...string) answerOf {
	h.t.Helper()
	code := h.code(client, append([]string{"scope", scope}, pairs...)...)
	a := h.token(client, h.redeem(client, code))
	if a.status != http.StatusOK {
		h.t.Fatalf("token: got %d %s", a.status, a.text)
	}
	return a
}

func (h *house) useRefresh(client, token string, pairs ...string) answerOf {
	h.t.Helper()
	return h.token(client, with(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}, pairs...))
}

func (h *house) userinfoOf(access string) answerOf {
	h.t.Helper()
	return h.json(h.do(http.MethodGet, PathUserinfo, "", "Authorization", "Bearer "+access))
}

// claimsOf verifies an ID token with the published keys and returns its claims.
func (h *house) claimsOf(token string) map[string]json.RawMessage {
	h.t.Helper()
	set, err := h.keys.snapshot(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	payload, err := set.verify(token)
	if err != nil {
		h.t.Fatal(err)
	}
	var out map[string]json.RawMessage
	if err := json.Unmarshal(payload, &out); err != nil {
		h.t.Fatal(err)
	}
	return out
}

// auditRows counts the audit rows of all events.
func (h *house) auditRows() int {
	h.t.Helper()
	rows, err := h.db.AuditRows(h.t.Context(), 0, 10000)
	if err != nil {
		h.t.Fatal(err)
	}
	return len(rows)
}

// audited counts the audit rows of one event.
func (h *house) audited(event string) int {
	h.t.Helper()
	rows, err := h.db.AuditRows(h.t.Context(), 0, 10000)
	if err != nil {
		h.t.Fatal(err)
	}
	n := 0
	for _, r := range rows {
		if r.Event == event {
			n++
		}
	}
	return n
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// served is what handler answers.
func served(t *testing.T, handler http.Handler) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	return w.Result()
}
