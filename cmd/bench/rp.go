package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// rp is the applications' side of one provider: all of those of applications.
type rp struct {
	endpoints
	http     *http.Client // no cookies, follows no redirect
	key      *clientKey
	nonce    atomic.Pointer[string] // the newest DPoP-Nonce
	verifier func(app application) *oidc.IDTokenVerifier
}

// endpoints are what discovery says.
type endpoints struct {
	Issuer        string `json:"issuer"`
	JWKS          string `json:"jwks_uri"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	Introspection string `json:"introspection_endpoint"`
	Userinfo      string `json:"userinfo_endpoint"`
	Push          string `json:"pushed_authorization_request_endpoint"`
}

// discovery is where a provider says where its endpoints are.
const discovery = "/.well-known/openid-configuration"

// newRP learns the endpoints of issuer, which listens at address: no connection
// goes anywhere else, whatever a redirect says.
func newRP(ctx context.Context, issuer, address string, key *clientKey, connections int) (*rp, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	r := &rp{key: key, http: &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "tcp", address) },
			MaxIdleConnsPerHost: connections, DisableCompression: true,
		},
	}}
	if err := r.get(ctx, issuer+discovery, "", &r.endpoints); err != nil {
		return nil, err
	}
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(context.WithoutCancel(ctx), r.http), r.JWKS)
	r.verifier = func(app application) *oidc.IDTokenVerifier {
		return oidc.NewVerifier(issuer, keys, &oidc.Config{ClientID: app.ClientID, SupportedSigningAlgs: []string{oidc.ES256}})
	}
	return r, nil
}

// tokens are an answer of the token endpoint.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
	Type    string `json:"token_type"`
}

// signIn is the authorization code flow with PKCE, state and nonce in b, as who;
// what comes back is checked, the ID token included.
func (r *rp) signIn(ctx context.Context, b *browser, app application, who person) (tokens, error) {
	verifier, state, nonce := rand.Text()+rand.Text(), rand.Text(), rand.Text()
	challenge := sha256.Sum256([]byte(verifier))
	ask := url.Values{
		"response_type": {"code"}, "client_id": {app.ClientID}, "redirect_uri": {app.redirect()}, "scope": {app.Scope},
		"state": {state}, "nonce": {nonce}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])},
	}
	if app.bound() {
		var pushed struct {
			RequestURI string `json:"request_uri"`
		}
		if err := r.post(ctx, app, r.Push, ask, &pushed); err != nil {
			return tokens{}, err
		}
		ask = url.Values{"client_id": {app.ClientID}, "request_uri": {pushed.RequestURI}}
	}
	back, err := b.walk(ctx, r.Authorization+"?"+ask.Encode(), app.redirect(), who)
	if err != nil {
		return tokens{}, err
	}
	if back.Get("state") != state || back.Get("iss") != r.Issuer || back.Get("code") == "" {
		return tokens{}, fmt.Errorf("authorize: came back with error %q, or another state or iss", back.Get("error"))
	}
	var t tokens
	err = r.post(ctx, app, r.Token, url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Get("code")}, "redirect_uri": {app.redirect()}, "code_verifier": {verifier},
	}, &t)
	if err != nil {
		return tokens{}, err
	}
	id, err := r.verifier(app).Verify(ctx, t.ID)
	if err == nil && id.Nonce != nonce {
		err = errors.New("ID token: another nonce")
	}
	if want := map[bool]string{true: "DPoP", false: "Bearer"}[app.bound()]; err == nil && t.Type != want {
		err = fmt.Errorf("token_type is %q, want %s", t.Type, want)
	}
	return t, err
}

func (r *rp) refresh(ctx context.Context, app application, token string) (tokens, error) {
	var t tokens
	err := r.post(ctx, app, r.Token, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}, &t)
	if err == nil && (t.Refresh == "" || t.Refresh == token) {
		err = errors.New("refresh: the token was not rotated")
	}
	return t, err
}

func (r *rp) clientCredentials(ctx context.Context, app application) (string, error) {
	var t tokens
	err := r.post(ctx, app, r.Token, url.Values{"grant_type": {"client_credentials"}, "resource": {apiURI}}, &t)
	return t.Access, err
}

func (r *rp) introspect(ctx context.Context, api application, token string) error {
	var answer struct{ Active bool }
	if err := r.post(ctx, api, r.Introspection, url.Values{"token": {token}}, &answer); err != nil {
		return err
	}
	if !answer.Active {
		return errors.New("introspect: the token is not active")
	}
	return nil
}

func (r *rp) userinfo(ctx context.Context, token string) error {
	var answer struct{ Sub, Name string }
	if err := r.get(ctx, r.Userinfo, token, &answer); err != nil {
		return err
	}
	if answer.Sub == "" || answer.Name == "" {
		return errors.New("userinfo: no sub or no name")
	}
	return nil
}

// get asks for a document; into nil it is only read.
func (r *rp) get(ctx context.Context, address, bearer string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	_, err = r.send(req, into)
	return err
}

// post sends f as app, with what proves that: its secret, or a client assertion and
// a DPoP proof, again where the nonce was not of today.
func (r *rp) post(ctx context.Context, app application, address string, f url.Values, into any) error {
	for again := false; ; again = true {
		if app.bound() {
			assertion, err := r.key.assertion(app.ClientID, r.Issuer, time.Now())
			if err != nil {
				return err
			}
			f.Set("client_id", app.ClientID)
			f.Set("client_assertion_type", assertionType)
			f.Set("client_assertion", assertion)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(f.Encode()))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		nonce := r.nonce.Load()
		if app.bound() {
			proof, err := r.key.proof(http.MethodPost, address, nonce, time.Now())
			if err != nil {
				return err
			}
			req.Header.Set("DPoP", proof)
		} else {
			req.SetBasicAuth(url.QueryEscape(app.ClientID), url.QueryEscape(app.Secret))
		}
		res, err := r.send(req, into)
		if res != nil {
			if next := res.Header.Get("DPoP-Nonce"); next != "" {
				r.nonce.Store(&next)
			}
		}
		if again || err == nil || !strings.Contains(err.Error(), "use_dpop_nonce") {
			return err
		}
	}
}

// send reads the JSON of an answer 200 or 201 into into; any other is an error.
func (r *rp) send(req *http.Request, into any) (*http.Response, error) {
	res, err := r.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return res, err
	}
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusCreated {
		return res, fmt.Errorf("%s: %s %.200s", req.URL.Path, res.Status, bytes.TrimSpace(body))
	}
	if into == nil {
		return res, nil
	}
	return res, json.Unmarshal(body, into)
}
