package provider

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// What discovery says of how clients authenticate, sign and get tokens is what
// happens, and what it does not say does not.
func TestOIDC_2_1_1_ClientsFindWhatDiscoverySays(t *testing.T) {
	one(t, clientsFindWhatDiscoverySays)
}

func clientsFindWhatDiscoverySays(t *testing.T, h *house) {
	key, own := newTestKey(t, "ec"), newAuthority(t, nil, "own", h.clock.now())
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: key.private.Public(), KeyID: "ec"},
		{Key: ed.Public(), KeyID: "ed"},
		{Key: long.Public(), KeyID: "rsa"},
		{Key: own.key.Public(), KeyID: "own", Certificates: []*x509.Certificate{own.cert}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for method, more := range map[string]string{
		"client_secret_basic": `"client_secret":"` + secret + `"`, "client_secret_post": `"client_secret":"` + secret + `"`,
		"private_key_jwt": `"jwks":` + string(set), "self_signed_tls_client_auth": `"jwks":` + string(set), "tls_client_auth": `"tls_client_auth_subject_dn":"CN=own"`,
	} {
		h.apply(`[{"client_id":"` + method + `","client_name":"X","token_endpoint_auth_method":"` + method + `",` + more + `,"grant_types":["client_credentials"],"scope":"x:y"}]`)
	}
	h.clock.add(time.Second)
	for _, tt := range []struct {
		name         string
		certificates bool
		authorities  *Authorities
		absent       []string
	}{
		{"without certificates", false, nil, certificateMethods()},
		{"certificates, no authority", true, nil, []string{"tls_client_auth"}},
		{"certificates", true, authorities(t, own), nil},
	} {
		h.Certificates, h.ClientCAs = tt.certificates, tt.authorities
		said := discovery(h.Config)
		works := map[string]func() bool{
			"client_secret_basic": func() bool { return h.post(PathToken, "client_secret_basic", ownToken()).status == http.StatusOK },
			"client_secret_post": func() bool {
				f := ownToken("client_id", "client_secret_post", "client_secret", secret)
				return h.json(h.do(http.MethodPost, PathToken, f.Encode())).status == http.StatusOK
			},
			methodKeyJWT: func() bool {
				return h.assert(key.sign(t, "JWT", h.assertionClaims(methodKeyJWT))).status == http.StatusOK
			},
			"self_signed_tls_client_auth": func() bool {
				return tt.certificates && h.byCertificate("self_signed_tls_client_auth", own.cert).status == http.StatusOK
			},
			"tls_client_auth": func() bool {
				return tt.certificates && h.byCertificate("tls_client_auth", own.cert).status == http.StatusOK
			},
			"none": func() bool { return h.tokens("mobile", "openid").status == http.StatusOK },
		}
		for method, tries := range works {
			want(t, tt.name+": "+method, tries(), slices.Contains(said.TokenAuthMethods, method))
			want(t, tt.name+": "+method+" is said", slices.Contains(said.TokenAuthMethods, method), !slices.Contains(tt.absent, method))
		}
		want(t, "methods", len(said.TokenAuthMethods)+len(tt.absent), len(works))
	}
	said := discovery(h.Config)
	for alg, signer := range map[jose.SignatureAlgorithm]struct {
		key any
		kid string
	}{
		jose.ES256: {key.private, "ec"}, jose.EdDSA: {ed, "ed"}, jose.RS256: {long, "rsa"}, jose.PS256: {long, "rsa"}, jose.RS384: {long, "rsa"},
		jose.PS512: {long, "rsa"}, jose.HS256: {[]byte(secret), "ec"},
	} {
		got := h.assert(signWith(t, signer.key, alg, signer.kid, "JWT", h.assertionClaims(methodKeyJWT))).status == http.StatusOK
		want(t, string(alg), got, slices.Contains(said.TokenAuthAlgs, string(alg)))
	}
	for grant, error := range map[string]string{
		"authorization_code": "invalid_request", "refresh_token": "invalid_request", "client_credentials": "unauthorized_client", "password": "unsupported_grant_type",
		"urn:ietf:params:oauth:grant-type:jwt-bearer": "unsupported_grant_type", "urn:ietf:params:oauth:grant-type:device_code": "unsupported_grant_type",
		"urn:ietf:params:oauth:grant-type:token-exchange": "unsupported_grant_type", "implicit": "unsupported_grant_type",
	} {
		got := h.post(PathToken, "web", url.Values{"grant_type": {grant}}).get("error")
		want(t, grant, got, error)
		want(t, grant, slices.Contains(said.GrantTypesSupported, grant), error != "unsupported_grant_type")
	}
}

func authorities(t *testing.T, a *authority) *Authorities {
	t.Helper()
	out, err := ReadAuthorities(inPEM(a.cert))
	if err != nil {
		t.Fatal(err)
	}
	return out
}
