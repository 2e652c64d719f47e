package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	example "github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"

	"iess.gob.ec/clave/storage/storagetest"
)

// subject is a provider under probe: ours, or the library's own over its example
// storage, in either of its two router styles.
type subject struct {
	t        *testing.T
	base     string
	token    string
	userinfo string
	login    func(location string) string // from the answer of authorize to the address of the application
}

func (s subject) do(method, path, body string, header ...string) *http.Response {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.base+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(text))
	return res
}

func (s subject) request(pairs ...string) string {
	return PathAuthorize + "?" + with(url.Values{
		"client_id": {"probe"}, "redirect_uri": {"https://probe.example/a/b"}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"},
		"code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"},
	}, pairs...).Encode()
}

// code is what a good sign-in ends with, or "" where the request is refused.
func (s subject) code(pairs ...string) string {
	s.t.Helper()
	res := s.do(http.MethodGet, s.request(pairs...), "")
	location := res.Header.Get("Location")
	if location == "" || strings.Contains(location, "error=") {
		return ""
	}
	u, err := url.Parse(s.login(location))
	if err != nil {
		s.t.Fatal(err)
	}
	return u.Query().Get("code")
}

func (s subject) redeem(code string, pairs ...string) url.Values {
	return with(url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {"https://probe.example/a/b"}, "code_verifier": {verifier}}, pairs...)
}

func (s subject) post(f url.Values, secret string) *http.Response {
	s.t.Helper()
	return s.do(http.MethodPost, s.token, f.Encode(), "Authorization", basic("probe", secret))
}

func (s subject) access() string {
	s.t.Helper()
	var t struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(s.post(s.redeem(s.code()), secret).Body).Decode(&t); err != nil || t.AccessToken == "" {
		s.t.Fatalf("no access token: %v", err)
	}
	return t.AccessToken
}

// outcome is a status and a word on what else matters.
func outcome(res *http.Response, word string) string {
	return strings.TrimSpace(strconv.Itoa(res.StatusCode) + " " + word)
}

func errorOf(res *http.Response) string {
	var e struct {
		Error string `json:"error"`
	}
	if json.NewDecoder(res.Body).Decode(&e) != nil {
		return ""
	}
	return e.Error
}

// The probes of oidc.md sections 2 and 3, run against the library in both its
// styles and against ours. Where the library's column no longer holds, the
// library has changed and its row can go.
func TestOIDC_3_1_LibraryDefectsAreNotOurs(t *testing.T) {
	ours, router, legacy := ourSubject(t), librarySubject(t, false), librarySubject(t, true)
	for _, tt := range []struct {
		name                 string
		probe                func(s subject) string
		router, legacy, ours string
	}{
		{"verifier omitted", func(s subject) string {
			res := s.post(s.redeem(s.code(), "code_verifier", ""), secret)
			return outcome(res, errorOf(res))
		}, "400 invalid_request", "200", "400 invalid_grant"},
		{"challenge method plain", func(s subject) string {
			return map[bool]string{true: "refused", false: "a code"}[s.code("code_challenge", verifier, "code_challenge_method", "plain") == ""]
		}, "a code", "a code", "refused"},
		{"token by GET, secret in the URL", func(s subject) string {
			f := s.redeem(s.code(), "client_id", "probe", "client_secret", secret)
			return outcome(s.do(http.MethodGet, s.token+"?"+f.Encode(), ""), "")
		}, "200", "200", "405"},
		{"wrong secret", func(s subject) string {
			res := s.post(s.redeem(s.code()), "x"+secret)
			return outcome(res, res.Header.Get("WWW-Authenticate"))
		}, "401", "400", `401 Basic realm="clave"`},
		{"secret in the other method", func(s subject) string {
			f := s.redeem(s.code(), "client_id", "probe", "client_secret", secret)
			return outcome(s.do(http.MethodPost, s.token, f.Encode()), "")
		}, "200", "200", "401"},
		{"unknown client", func(s subject) string {
			res := s.do(http.MethodGet, s.request("client_id", "nobody"), "")
			return outcome(res, strings.Split(res.Header.Get("Content-Type"), ";")[0])
		}, "400 text/plain", "500 application/json", "400 text/html"},
		{"percent-encoded redirect_uri", func(s subject) string {
			return outcome(s.do(http.MethodGet, s.request("redirect_uri", "https://probe.example/a%2Fb"), ""), "")
		}, "302", "302", "400"},
		{"state twice", func(s subject) string {
			res := s.do(http.MethodGet, s.request()+"&state=t", "")
			return map[bool]string{true: "refused", false: "accepted"}[strings.Contains(res.Header.Get("Location"), "error=invalid_request")]
		}, "accepted", "accepted", "refused"},
		{"max_age -1", func(s subject) string {
			res := s.do(http.MethodGet, s.request("max_age", "-1"), "")
			return outcome(res, map[bool]string{true: "to the application"}[res.Header.Get("Location") != ""])
		}, "400", "400", "303 to the application"},
		{"prompt nobody knows", func(s subject) string {
			return map[bool]string{true: "refused", false: "accepted"}[strings.Contains(s.do(http.MethodGet, s.request("prompt", "x"), "").Header.Get("Location"), "error=")]
		}, "accepted", "accepted", "refused"},
		{"request_uri by reference", func(s subject) string {
			return map[bool]string{true: "refused", false: "ignored"}[strings.Contains(s.do(http.MethodGet, s.request("request_uri", "https://x.example/"), "").Header.Get("Location"), "error=request_uri_not_supported")]
		}, "ignored", "ignored", "refused"},
		{"error where form_post was asked", func(s subject) string {
			return outcome(s.do(http.MethodGet, s.request("response_mode", "form_post", "prompt", "none login"), ""), "")
		}, "302", "400", "200"},
		{"nothing of openid in the scope", func(s subject) string {
			return map[bool]string{true: "refused", false: "a code"}[s.code("scope", "profile") == ""]
		}, "a code", "a code", "refused"},
		{"iss in the answer", func(s subject) string {
			u, err := url.Parse(s.login(s.do(http.MethodGet, s.request(), "").Header.Get("Location")))
			if err != nil {
				t.Fatal(err)
			}
			return map[bool]string{true: "named", false: "missing"}[u.Query().Get("iss") == s.base]
		}, "missing", "missing", "named"},
		{"token answers may be stored", func(s subject) string {
			return outcome(s.post(s.redeem(s.code()), secret), s.post(s.redeem(s.code()), secret).Header.Get("Cache-Control"))
		}, "200", "200", "200 no-store"},
		{"access token in the URL", func(s subject) string {
			return outcome(s.do(http.MethodGet, s.userinfo+"?access_token="+url.QueryEscape(s.access()), ""), "")
		}, "200", "200", "400"},
		{"invalid bearer", func(s subject) string {
			res := s.do(http.MethodGet, s.userinfo, "", "Authorization", "Bearer x")
			return outcome(res, res.Header.Get("WWW-Authenticate"))
		}, "401", "401", `401 Bearer realm="clave", error="invalid_token"`},
		{"foreign origin at userinfo", func(s subject) string {
			res := s.do(http.MethodGet, s.userinfo, "", "Origin", "https://evil.example")
			return strings.TrimSpace(res.Header.Get("Access-Control-Allow-Origin") + " " + res.Header.Get("Access-Control-Allow-Credentials"))
		}, "https://evil.example true", "https://evil.example true", ""},
	} {
		want(t, tt.name+": library", tt.probe(router), tt.router)
		want(t, tt.name+": library, legacy server", tt.probe(legacy), tt.legacy)
		want(t, tt.name+": ours", tt.probe(ours), tt.ours)
	}
}

func ourSubject(t *testing.T) subject {
	h := newHouse(t, storagetest.Open(t, "sqlite"))
	h.apply(`[{"client_id":"probe","client_secret":"` + secret + `","client_name":"Probe","redirect_uris":["https://probe.example/a/b"]}]`)
	return subject{t, h.url, PathToken, PathUserinfo, func(location string) string { return location }}
}

// librarySubject is the library as its example sets it up.
func librarySubject(t *testing.T, legacy bool) subject {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	base := "http://" + srv.Listener.Addr().String()
	client := example.WebClient("probe", secret, "https://probe.example/a/b")
	store := example.NewStorageWithClients(example.NewUserStore(base), map[string]*example.Client{"probe": client})
	provider, err := op.NewProvider(&op.Config{CodeMethodS256: true, AuthMethodPost: true, GrantTypeRefreshToken: true}, store, op.StaticIssuer(base), op.WithAllowInsecure())
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = provider
	if legacy {
		srv.Config.Handler = op.RegisterLegacyServer(op.NewLegacyServer(provider, *op.DefaultEndpoints), op.AuthorizeCallbackHandler(provider))
	}
	srv.Start()
	t.Cleanup(srv.Close)
	s := subject{t: t, base: base, token: "/oauth/token", userinfo: "/userinfo"}
	s.login = func(location string) string {
		u, err := url.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		id := u.Query().Get("authRequestID")
		if err := store.CheckUsernamePassword("test-user@127.0.0.1", "verysecure", id); err != nil {
			t.Fatal(err)
		}
		path := strings.TrimPrefix(op.AuthCallbackURL(provider)(op.ContextWithIssuer(context.Background(), base), id), base)
		return s.do(http.MethodGet, path, "").Header.Get("Location")
	}
	return s
}
