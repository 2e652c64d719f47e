package main

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Where the applications of other people's clients live: nobody listens there,
// their visitors stop at the door.
const (
	interopCallback = "http://localhost:9/retorno"
	interopGoodbye  = "http://localhost:9/adios"
	interopSecret   = "only-the-interop-tests-know-this-secret-0123456789"
)

// withInterop registers an application per authentication method and algorithm,
// and more.
func withInterop(t *testing.T, more ...map[string]any) func(*options) {
	t.Helper()
	file := append(more,
		interopClient("interop-go", "client_secret_basic", "ES256"),
		interopClient("interop-oauth4webapi", "client_secret_basic", "EdDSA"),
		interopClient("interop-rs256", "client_secret_basic", "RS256"))
	data, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "clients.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return func(o *options) { o.clients = path }
}

// interopClient is an application as a team would register it, with the names of
// the standards only.
func interopClient(id, method, alg string) map[string]any {
	return map[string]any{
		"client_id": id, "client_secret": interopSecret, "client_name": "Interop " + alg,
		"client_uri": "http://localhost:9/", "redirect_uris": []string{interopCallback},
		"post_logout_redirect_uris": []string{interopGoodbye}, "grant_types": []string{"authorization_code", "refresh_token"},
		"response_types": []string{"code"}, "token_endpoint_auth_method": method, "id_token_signed_response_alg": alg,
		"scope": "openid profile email cedula afiliacion offline_access",
	}
}

// TestGoOIDC: the clients most Go programs use, coreos/go-oidc and x/oauth2, go
// through login, refresh, userinfo and logout, with two algorithms.
func TestGoOIDC(t *testing.T) {
	w := newWorld(t, "sqlite", withInterop(t))
	for _, id := range []string{"interop-go", "interop-rs256"} {
		t.Run(id, func(t *testing.T) { w.goOIDC(t, id) })
	}
}

func (w *world) goOIDC(t *testing.T, id string) {
	ctx := t.Context()
	provider, err := oidc.NewProvider(ctx, w.issuer)
	if err != nil {
		t.Fatal(err)
	}
	app := oauth2.Config{
		ClientID: id, ClientSecret: interopSecret, Endpoint: provider.Endpoint(), RedirectURL: interopCallback,
		Scopes: []string{oidc.ScopeOpenID, "profile", "cedula", oidc.ScopeOfflineAccess},
	}
	verify := provider.Verifier(&oidc.Config{ClientID: id})
	login := func(v *visitor, cedula, clave string) (*oauth2.Token, *oidc.IDToken) {
		t.Helper()
		verifier := oauth2.GenerateVerifier()
		there := app.AuthCodeURL("state-1", oidc.Nonce("nonce-1"), oauth2.S256ChallengeOption(verifier))
		page := v.open(there)
		if cedula != "" {
			page = v.press(page, "ingresar", credentials(cedula, clave))
		}
		q := v.agree(page).arrival(t)
		if q.Get("state") != "state-1" || q.Get("iss") != w.issuer {
			t.Fatalf("got answer %v", q)
		}
		token, err := app.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := token.Extra("id_token").(string)
		idToken, err := verify.Verify(ctx, raw)
		if err != nil {
			t.Fatal(err)
		}
		if idToken.Nonce != "nonce-1" || idToken.VerifyAccessToken(token.AccessToken) != nil {
			t.Errorf("nonce or at_hash of the ID token are wrong")
		}
		return token, idToken
	}

	v := newVisitor(t, interopCallback)
	token, idToken := login(v, "1759999913", commonClave)
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ Name, Cedula string }
	if err := info.Claims(&claims); err != nil || claims.Cedula != "1759999913" || claims.Name != "María Fernanda Quishpe Andrade" {
		t.Errorf("got claims %+v, %v", claims, err)
	}
	if info.Subject != idToken.Subject || idToken.Subject == "1759999913" {
		t.Errorf("got sub %q and %q", info.Subject, idToken.Subject)
	}

	fresh, err := app.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	if err != nil {
		t.Fatal(err)
	}
	if fresh.RefreshToken == token.RefreshToken || fresh.AccessToken == token.AccessToken {
		t.Error("the refresh rotated nothing")
	}
	if raw, ok := fresh.Extra("id_token").(string); ok {
		if again, err := verify.Verify(ctx, raw); err != nil || again.Subject != idToken.Subject {
			t.Errorf("ID token of the refresh: %v", err)
		}
	}
	if _, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(fresh)); err != nil {
		t.Error(err)
	}

	login(v, "", "") // signed in already: nothing is asked
	raw, _ := token.Extra("id_token").(string)
	bye := discover(t, w.issuer).EndSession + "?" + url.Values{
		"id_token_hint": {raw}, "post_logout_redirect_uri": {interopGoodbye}, "state": {"adios"},
	}.Encode()
	v.until = interopGoodbye
	if q := v.open(bye).arrival(t); q.Get("state") != "adios" {
		t.Errorf("got state %q after the logout", q.Get("state"))
	}
	v.until = interopCallback
	if page := v.open(app.AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))); page.find("clave") == nil {
		t.Errorf("after the logout the clave is not asked for:\n%s", page.words())
	}
}

// arrival is the query with which the visitor came to the application.
func (s *sheet) arrival(t *testing.T) url.Values {
	t.Helper()
	if s.status != 0 {
		t.Fatalf("did not come to the application: %s answered %d\n%s", s.url, s.status, s.words())
	}
	return s.url.Query()
}
