package provider

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage/storagetest"
)

// published are the kids of the JWKS as served.
func (h *house) published() []string {
	h.t.Helper()
	_, body := h.do(http.MethodGet, PathKeys, "")
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(body), &set); err != nil {
		h.t.Fatal(err)
	}
	var kids []string
	for _, k := range set.Keys {
		if !k.IsPublic() || k.Use != "sig" || k.Algorithm == "" || !k.Valid() {
			h.t.Errorf("published %+v", k)
		}
		kids = append(kids, k.KeyID)
	}
	return kids
}

// kid is the key id of alg's key in state.
func (h *house) kid(alg, state string) string {
	h.t.Helper()
	keys, err := Keys(h.t.Context(), h.db)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, k := range keys {
		if k.Alg == alg && k.State == state {
			return k.KID
		}
	}
	h.t.Fatalf("no %s key of %s", state, alg)
	return ""
}

func kidOf(t *testing.T, token string) string {
	t.Helper()
	jws, err := jose.ParseSignedCompact(token, joseAlgs())
	if err != nil {
		t.Fatal(err)
	}
	return jws.Signatures[0].Header.KeyID
}

func TestEachAlgorithmSignsForItsClients(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.apply(rsaClients)
		h.clock.add(time.Second)
		code := h.code("rs")
		want(t, "without a key", h.token("rs", h.redeem("rs", code)).get("error"), "server_error")
		want(t, "keys are not made at the token endpoint", h.audited(eventKeyCreated), 4)
		if err := EnsureKeys(t.Context(), h.db, h.clock.now(), "RS256", "PS256", "RS256"); err != nil {
			t.Fatal(err)
		}
		want(t, "the moment there is one, with the same code", h.token("rs", h.redeem("rs", code)).status, http.StatusOK)
		for client, alg := range map[string]string{"web": "ES256", "rs": "RS256", "ps": "PS256", "ed": "EdDSA"} {
			a := h.tokens(client, "openid")
			jws, err := jose.ParseSignedCompact(a.get("id_token"), joseAlgs())
			if err != nil {
				t.Fatal(err)
			}
			want(t, client, jws.Signatures[0].Header.Algorithm, alg)
			want(t, client+" typ", jws.Signatures[0].Header.ExtraHeaders[jose.HeaderType], any("JWT"))
			want(t, client+" at_hash", string(h.claimsOf(a.get("id_token"))["at_hash"]), `"`+atHash(alg, a.get("access_token"))+`"`)
		}
		want(t, "published", len(h.published()), 8)
	})
}

func TestKeysAreMadeOnceAndKept(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		before := h.published()
		done := make(chan error)
		for range 4 { // replicas that start together
			go func() { done <- EnsureKeys(t.Context(), h.db, h.clock.now(), "ES256", "EdDSA") }()
		}
		for range 4 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		h.clock.add(time.Second)
		if got := h.published(); !slices.Equal(got, before) {
			t.Errorf("got %v, want %v", got, before)
		}
		fresh := storagetest.Open(t, h.db.Engine())
		if err := EnsureKeys(t.Context(), fresh, h.clock.now(), "EdDSA", "ES256", "EdDSA"); err != nil { // as of two applications
			t.Error(err)
		}
		if all, err := Keys(t.Context(), fresh); err != nil || len(all) != 4 {
			t.Errorf("got %+v, %v; want two of each", all, err)
		}
		if err := EnsureKeys(t.Context(), h.db, h.clock.now(), "HS256"); !errors.Is(err, ErrAlg) {
			t.Errorf("HS256: got %v", err)
		}
	})
}

// The library prints implicit, hybrid and jwt-bearer, RS256 everywhere, and
// subjects public only.
func TestOIDC_2_1_1_OIDC_2_1_2_Metadata(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		res, openid := h.do(http.MethodGet, PathDiscovery, "")
		_, oauth := h.do(http.MethodGet, PathMetadata, "")
		want(t, "both documents", oauth, openid)
		var m map[string]json.RawMessage
		if err := json.Unmarshal([]byte(openid), &m); err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{
			"issuer": `"` + h.url + `"`, "response_types_supported": `["code"]`, "grant_types_supported": `["authorization_code","refresh_token","client_credentials"]`,
			"response_modes_supported": `["query","fragment","form_post","jwt","query.jwt","fragment.jwt","form_post.jwt"]`, "code_challenge_methods_supported": `["S256"]`,
			"subject_types_supported": `["pairwise","public"]`, "id_token_signing_alg_values_supported": `["ES256","RS256","PS256","EdDSA"]`,
			"token_endpoint_auth_methods_supported":          `["client_secret_basic","client_secret_post","private_key_jwt","none"]`,
			"authorization_response_iss_parameter_supported": "true", "claims_parameter_supported": "true",
			"backchannel_logout_supported": "true", "backchannel_logout_session_supported": "true",
			"request_parameter_supported": "true", "request_uri_parameter_supported": "false",
			"tls_client_certificate_bound_access_tokens": "false", "mtls_endpoint_aliases": "", // nothing receives certificates
		} {
			want(t, name, string(m[name]), value)
		}
		for name, value := range m {
			if strings.HasSuffix(name, "_endpoint") || name == "jwks_uri" {
				var address string
				if err := json.Unmarshal(value, &address); err != nil {
					t.Fatal(err)
				}
				res, _ := h.do(http.MethodOptions, strings.TrimPrefix(address, h.url), "")
				want(t, name+" exists", res.StatusCode != http.StatusNotFound, true)
			}
		}
		for _, absent := range []string{"registration_endpoint", "check_session_iframe"} {
			if _, ok := m[absent]; ok {
				t.Errorf("%s is promised", absent)
			}
		}
		res2, body := h.do(http.MethodGet, PathDiscovery, "", "If-None-Match", `"x", `+res.Header.Get("ETag"))
		want(t, "not modified", res2.StatusCode, http.StatusNotModified)
		want(t, "not modified", body, "")
		res3, body := h.do(http.MethodHead, PathDiscovery, "")
		want(t, "HEAD", res3.StatusCode, http.StatusOK)
		want(t, "HEAD", body, "")
		keys, _ := h.do(http.MethodGet, PathKeys, "")
		want(t, "JWKS may be cached", keys.Header.Get("Cache-Control"), "public, max-age=600")
	})
}

// The library takes the issuer from Host or Forwarded in some of its set-ups.
func TestOIDC_3_4_3_T16_IssuerIsTheConfiguredOne(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, name := range []string{"Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Original-Host", "X-Host"} {
			_, body := h.do(http.MethodGet, PathDiscovery, "", name, "host=evil.example;proto=https")
			want(t, name, strings.Contains(body, "evil"), false)
			res, _ := h.do(http.MethodGet, PathAuthorize+"?"+h.request("web").Encode(), "", name, "evil.example")
			want(t, name, strings.Contains(res.Header.Get("Location"), "evil"), false)
		}
		for _, issuer := range []string{"", "clave.example", "http://clave.example", "https://clave.example/", "https://clave.example/op", "https://clave.example?x", "https://u@clave.example", "https://clave.example#x"} {
			cfg := h.Config
			cfg.Issuer = issuer
			if _, err := New(t.Context(), cfg); err == nil {
				t.Errorf("issuer %q was accepted", issuer)
			}
		}
	})
}

// The library reflects every origin, with credentials, everywhere.
func TestOIDC_2_4_8_CORS(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, path := range []string{PathDiscovery, PathMetadata, PathKeys, PathToken, PathUserinfo, PathRevoke, PathInspect, PathAuthorize, PathLogout} {
			for origin, allowed := range map[string]bool{
				"https://web.example": true, "https://evil.example": false, "null": false, "http://web.example": false,
				"https://web.example.evil.example": false, "https://web.example:8443": false, "https://WEB.example": false,
			} {
				allowed = allowed && path != PathAuthorize && path != PathLogout && path != PathInspect
				for _, method := range []string{http.MethodOptions, http.MethodGet, http.MethodPost} {
					res, _ := h.do(method, path, "", "Origin", origin, "Access-Control-Request-Method", "POST")
					got := res.Header.Get("Access-Control-Allow-Origin")
					served := res.StatusCode != http.StatusMethodNotAllowed
					if wanted := map[bool]string{true: origin}[allowed && served]; got != wanted {
						t.Errorf("%s %s from %s: got %q, want %q", method, path, origin, got, wanted)
					}
					want(t, "credentials", res.Header.Get("Access-Control-Allow-Credentials"), "")
				}
			}
		}
	})
}

// A key is named in commands, where a hyphen in front would make it a flag.
func TestNoKeyIsNamedLikeAFlag(t *testing.T) {
	for range 400 { // one in 64 would be
		k, err := newKey("EdDSA", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if k.KID[0] == '-' {
			t.Fatalf("got %s", k.KID)
		}
	}
}
