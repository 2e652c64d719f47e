package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/net/html"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/provider"
)

func TestFormThatLeadsOn(t *testing.T) {
	page, err := html.Parse(strings.NewReader(`<form action="/idioma"><input name="q"></form><button id="continuar">of no form</button>
		<form method="post" action="/ingresar?a=1&amp;b=2"><input type="hidden" name="id" value="x&#43;y"><input name="cedula" value="">
		<input type="password" name="clave"><input type="checkbox" name="compartido" value="1"><button name="cancelar" value="1">Cancelar</button>
		<button id="ingresar" name="ingresar" value="1">Ingresar</button></form>`))
	if err != nil {
		t.Fatal(err)
	}
	f, ok := formOf(page)
	if want := "cedula=&clave=&id=x%2By&ingresar=1"; !ok || f.action != "/ingresar?a=1&b=2" || f.fields.Encode() != want {
		t.Fatalf("got %+v, want %s", f, want)
	}
	req, err := f.request(t.Context(), &url.URL{Scheme: "http", Host: "localhost:8080", Path: "/ingresar"})
	if err != nil || req.Method != http.MethodPost || req.URL.String() != "http://localhost:8080/ingresar?a=1&b=2" || req.Header.Get("Origin") != "http://localhost:8080" {
		t.Errorf("got %+v, %v", req, err)
	}
	if _, ok := formOf(&html.Node{Type: html.DocumentNode}); ok {
		t.Error("an empty page has a form")
	}
}

// claimsOf are the header and the claims of a compact JWS in ES256 that key signed.
func claimsOf(t *testing.T, token string, key any) (jose.Header, map[string]any) {
	t.Helper()
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := jws.Verify(key)
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return jws.Signatures[0].Protected, claims
}

func TestClientKeyProves(t *testing.T) {
	key, err := newClientKey()
	if err != nil {
		t.Fatal(err)
	}
	public, now, nonce := key.public.Keys[0].Key, time.Unix(1_800_000_000, 0), "n"
	assertion, err := key.assertion("fapi", "http://localhost", now)
	if err != nil {
		t.Fatal(err)
	}
	header, claims := claimsOf(t, assertion, public)
	if header.KeyID != "bench" || claims["iss"] != "fapi" || claims["sub"] != "fapi" || claims["aud"] != "http://localhost" || claims["exp"] != 1_800_000_060.0 || claims["jti"] == nil {
		t.Errorf("assertion: got %v %v", header, claims)
	}
	for _, n := range []*string{nil, &nonce} {
		proof, err := key.proof(http.MethodPost, "http://localhost/oauth/token", n, now)
		if err != nil {
			t.Fatal(err)
		}
		header, claims := claimsOf(t, proof, public)
		_, given := claims["nonce"]
		if header.JSONWebKey == nil || !header.JSONWebKey.IsPublic() || header.ExtraHeaders[jose.HeaderType] != "dpop+jwt" || claims["htm"] != "POST" ||
			claims["htu"] != "http://localhost/oauth/token" || claims["iat"] != 1_800_000_000.0 || claims["jti"] == nil || given != (n != nil) {
			t.Errorf("proof: got %+v %v", header, claims)
		}
	}
	if _, err := key.proof("", "http://localhost", nil, now); err == nil {
		t.Error("a proof of no method")
	}
}

func TestPeopleAndApplicationsAreTaken(t *testing.T) {
	var file bytes.Buffer
	if err := writePeople(&file, 30, "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", time.Now()); err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(&file)
	r.Comma = ';'
	lines, err := r.ReadAll()
	if err != nil || len(lines) != 31 || lines[1][8] != "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA" {
		t.Fatalf("got %v, %v", lines, err)
	}
	seen := map[string]bool{}
	for n := range 100 {
		id, _, err := login.ParseIdentifier(somebody(n).cedula)
		if err != nil || seen[string(id)] {
			t.Errorf("person %d has %q: %v", n, id, err)
		}
		seen[string(id)] = true
	}
	key, err := newClientKey()
	if err != nil {
		t.Fatal(err)
	}
	apps, err := newApplications(key, func() string { return strings.Repeat("only-the-tests-know-", 3) })
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(apps.all())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := provider.ParseClients(text); err != nil || len(got) != 4 {
		t.Errorf("got %d registrations, %v", len(got), err)
	}
}
