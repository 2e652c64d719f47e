package provider

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/gorilla/mux"
)

// profiled registers two applications of the FAPI 2.0 profile, fapi with DPoP and
// bank with certificates, and returns the key of both.
func (h *house) profiled() testKey {
	h.t.Helper()
	key := newTestKey(h.t, "fapi-1")
	common := `"client_name":"FAPI","iess_profile":"fapi2","token_endpoint_auth_method":"private_key_jwt","jwks":` + key.set(h.t) + `,
		"grant_types":["authorization_code","refresh_token","client_credentials"],"scope":"openid profile offline_access historia:leer","iess_access_token_format":"jwt",
		"iess_first_party":true`
	h.apply(`[{"client_id":"fapi","dpop_bound_access_tokens":true,"redirect_uris":["https://fapi.example/cb"],` + common + `},
		{"client_id":"bank","tls_client_certificate_bound_access_tokens":true,"redirect_uris":["https://bank.example/cb"],` + common + `}]`)
	h.clock.add(time.Second) // every replica knows within a second
	return key
}

// keyed sends f to path as client, which proves itself by key.
func (h *house) keyed(client string, key testKey, path string, f url.Values, header ...string) answerOf {
	h.t.Helper()
	f = asserted(with(f, "client_id", client), key.sign(h.t, "JWT", h.assertionClaims(client)))
	return h.json(h.do(http.MethodPost, path, f.Encode(), header...))
}

// fapiCode is a code of fapi for scope, from a pushed request.
func (h *house) fapiCode(key testKey, scope string) string {
	h.t.Helper()
	a := h.keyed("fapi", key, PathPush, h.request("fapi", "scope", scope))
	if a.status != http.StatusCreated {
		h.t.Fatalf("push: got %d %s", a.status, a.text)
	}
	return location(h.t, h.visit("fapi", a.get("request_uri"))).Get("code")
}

// fresh is a proof by k with the nonce of now.
func (h *house) fresh(k testKey, method, path string, pairs ...any) []string {
	h.t.Helper()
	return []string{"DPoP", h.proof(k, method, path, append([]any{"nonce", h.nonce(h.clock.now())}, pairs...)...)}
}

func TestFAPI_E2_FAPI_E3_FAPI_E4_FAPI_E5_RequestsArePushed(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.profiled()
		got := h.authorize(h.request("fapi"))
		want(t, "not pushed", got.Get("error"), "invalid_request")
		want(t, "not pushed: code", got.Get("code"), "")
		want(t, "nobody pushes", h.json(h.do(http.MethodPost, PathPush, h.request("fapi").Encode())).status, http.StatusUnauthorized)
		stranger := newTestKey(t, "fapi-1")
		want(t, "a stranger pushes", h.keyed("fapi", stranger, PathPush, h.request("fapi")).status, http.StatusUnauthorized)
		for name, value := range map[string]string{"code_challenge": "", "code_challenge_method": "plain", "redirect_uri": "", "response_type": "code token"} {
			a := h.keyed("fapi", key, PathPush, h.request("fapi", name, value))
			want(t, name+"="+value, a.status, http.StatusBadRequest)
			want(t, name+"="+value+": request_uri", a.get("request_uri"), "")
		}
		long := strings.Repeat("n", 64) // FAPI-E14
		a := h.keyed("fapi", key, PathPush, h.request("fapi", "nonce", long))
		res := location(t, h.visit("fapi", a.get("request_uri")))
		want(t, "iss", res.Get("iss"), h.url) // FAPI-E7
		want(t, "state", res.Get("state"), "s t&te")
		tokens := h.keyed("fapi", key, PathToken, h.redeem("fapi", res.Get("code")), h.fresh(key, http.MethodPost, PathToken)...)
		want(t, "tokens", tokens.status, http.StatusOK)
		want(t, "nonce", string(h.claimsOf(tokens.get("id_token"))["nonce"]), `"`+long+`"`)
	})
}

// A client of the profile gets nothing without its key, and learns the nonce from
// the refusal (RFC 9449 sections 8 and 9, FAPI-G10).
func TestFAPI_G4_FAPI_G10_ASVS_10_4_14_RFC9449_8_NonceAndKeyAreNeeded(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.profiled()
		code := h.fapiCode(key, "openid profile")
		redeem := func(header ...string) answerOf {
			return h.keyed("fapi", key, PathToken, h.redeem("fapi", code), header...)
		}
		want(t, "no proof", redeem().get("error"), "invalid_dpop_proof")
		for name, pairs := range map[string][]any{
			"no nonce": nil, "another nonce": {"nonce", "x"}, "an old nonce": {"nonce", h.nonce(h.clock.now().Add(-2 * nonceWindow))},
		} {
			got := redeem("DPoP", h.proof(key, http.MethodPost, PathToken, pairs...))
			want(t, name, got.status, http.StatusBadRequest)
			want(t, name, got.get("error"), "use_dpop_nonce")
			want(t, name+": the nonce to use", got.header.Get("DPoP-Nonce"), h.nonce(h.clock.now()))
		}
		slow := h.clock.now().Add(-time.Hour).Unix() // a clock that is wrong: the nonce tells the time
		got := redeem(h.fresh(key, http.MethodPost, PathToken, "iat", slow)...)
		want(t, "with the nonce", got.status, http.StatusOK)
		want(t, "token_type", got.get("token_type"), "DPoP")
		access := got.get("access_token")
		want(t, "cnf", cnfOf(t, access).JKT, key.jkt(t))
		ath := []any{"ath", accessHash(access)}
		info := h.show("DPoP", access, h.proof(key, http.MethodGet, PathUserinfo, ath...))
		want(t, "userinfo without nonce", info.status, http.StatusUnauthorized)
		want(t, "userinfo without nonce", info.get("error"), "use_dpop_nonce")
		want(t, "userinfo: challenge", info.header.Get("WWW-Authenticate"), `DPoP realm="clave", algs="ES256 PS256 EdDSA", error="use_dpop_nonce"`)
		again := h.proof(key, http.MethodGet, PathUserinfo, append(ath, "nonce", info.header.Get("DPoP-Nonce"))...)
		want(t, "userinfo", h.show("DPoP", access, again).status, http.StatusOK)
		pushed := h.keyed("fapi", key, PathPush, h.request("fapi"), "DPoP", h.proof(key, http.MethodPost, PathPush))
		want(t, "push without nonce", pushed.get("error"), "use_dpop_nonce")
		other := h.keyed("bank", key, PathPush, h.request("bank"), "DPoP", h.proof(key, http.MethodPost, PathPush))
		want(t, "push of a client whose tokens are bound to a certificate", other.get("error"), "use_dpop_nonce")
		want(t, "push: the nonce to use", pushed.header.Get("DPoP-Nonce"), h.nonce(h.clock.now()))
		want(t, "push", h.keyed("fapi", key, PathPush, h.request("fapi"), h.fresh(key, http.MethodPost, PathPush)...).status, http.StatusCreated)
	})
}

// cnfOf is the cnf of an access token in JWT form.
func cnfOf(t *testing.T, token string) confirmation {
	t.Helper()
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		CNF confirmation `json:"cnf"`
	}
	if err := json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &claims); err != nil {
		t.Fatal(err)
	}
	return claims.CNF
}

// The refresh token of who authenticates and holds a key is used again and again: a
// lost answer costs nothing. It still needs the proof (FAPI-G9).
func TestFAPI_G9_RefreshTokensAreNotRotated(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.profiled()
		code := h.fapiCode(key, "openid offline_access")
		token := h.keyed("fapi", key, PathToken, h.redeem("fapi", code), h.fresh(key, http.MethodPost, PathToken)...).get("refresh_token")
		f := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
		want(t, "without proof", h.keyed("fapi", key, PathToken, f).get("error"), "invalid_dpop_proof")
		other := newTestKey(t, "")
		for _, k := range []testKey{key, key, other} { // the client is what it is bound to, not the first key
			h.clock.add(time.Minute)
			got := h.keyed("fapi", key, PathToken, f, h.fresh(k, http.MethodPost, PathToken)...)
			want(t, "refresh", got.status, http.StatusOK)
			want(t, "a new refresh token", got.get("refresh_token"), "")
			access := got.get("access_token")
			want(t, "userinfo", h.show("DPoP", access, h.fresh(k, http.MethodGet, PathUserinfo, "ath", accessHash(access))[1]).status, http.StatusOK)
		}
		want(t, "another client", h.keyed("bank", key, PathToken, f).status, http.StatusBadRequest)
		want(t, "replays seen", h.audited(eventRefreshReplayed), 0)
	})
}

// FAPI-E9 and FAPI-G11: a code serves once and for a minute.
func TestFAPI_E9_FAPI_G11_CodeServesOnceAndForAMinute(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.profiled()
		code := h.fapiCode(key, "openid")
		redeem := func() answerOf {
			return h.keyed("fapi", key, PathToken, h.redeem("fapi", code), h.fresh(key, http.MethodPost, PathToken)...)
		}
		access := redeem().get("access_token")
		h.clock.add(time.Second)
		want(t, "again", redeem().get("error"), "invalid_grant")
		want(t, "what it gave", h.show("DPoP", access, h.fresh(key, http.MethodGet, PathUserinfo, "ath", accessHash(access))[1]).status, http.StatusUnauthorized)
		code = h.fapiCode(key, "openid")
		h.clock.add(61 * time.Second)
		want(t, "late", redeem().get("error"), "invalid_grant")
	})
}

// Tokens of who promised certificates are bound to the one that was shown, and of
// no use with another or none (RFC 8705 section 3).
func TestRFC8705_3_TokensServeOnlyWithTheirCertificate(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.profiled()
		mine, other := &x509.Certificate{Raw: []byte("mine")}, &x509.Certificate{Raw: []byte("another")}
		holding := func(cert *x509.Certificate) context.Context { return WithClientCertificate(t.Context(), cert) }
		sent := func(f url.Values) url.Values {
			return asserted(with(f, "client_id", "bank"), key.sign(t, "JWT", h.assertionClaims("bank")))
		}
		pushed := h.keyed("bank", key, PathPush, h.request("bank", "scope", "openid offline_access"))
		code := location(t, h.visit("bank", pushed.get("request_uri"))).Get("code")
		want(t, "no certificate", h.json(h.do(http.MethodPost, PathToken, sent(h.redeem("bank", code)).Encode())).get("error"), "invalid_request")
		a := h.postIn(holding(mine), PathToken, sent(h.redeem("bank", code)))
		want(t, "tokens", a.status, http.StatusOK)
		want(t, "token_type", a.get("token_type"), "Bearer")
		show := func(access string, cert *x509.Certificate) int {
			r := mux.NewRouter()
			h.Routes(r)
			req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, h.url+PathUserinfo, nil)
			if cert != nil {
				req = req.WithContext(holding(cert))
			}
			req.Header.Set("Authorization", "Bearer "+access)
			w := httptest.NewRecorder()
			r.ServeHTTP(w, req)
			return w.Code
		}
		access := a.get("access_token")
		want(t, "its certificate", show(access, mine), http.StatusOK)
		want(t, "another", show(access, other), http.StatusUnauthorized)
		want(t, "none", show(access, nil), http.StatusUnauthorized)
		want(t, "cnf", cnfOf(t, access).X5T, certificateHash(mine.Raw))
		f := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.get("refresh_token")}}
		want(t, "refresh without", h.json(h.do(http.MethodPost, PathToken, sent(f).Encode())).get("error"), "invalid_request")
		renewed := h.postIn(holding(other), PathToken, sent(f)) // certificates are renewed; the client stays
		want(t, "refresh with a new one", renewed.status, http.StatusOK)
		want(t, "bound to the new one", show(renewed.get("access_token"), other), http.StatusOK)
		want(t, "and to no other", show(renewed.get("access_token"), mine), http.StatusUnauthorized)
	})
}

// Nothing else binds a public client's refresh token (RFC 8705 section 4).
func TestRFC8705_4_RefreshTokensOfPublicClientsAreBound(t *testing.T) {
	one(t, func(t *testing.T, h *house) {
		h.apply(`[{"client_id":"app","client_name":"App","token_endpoint_auth_method":"none","redirect_uris":["https://app.example/cb"],
			"grant_types":["authorization_code","refresh_token"],"scope":"openid offline_access","tls_client_certificate_bound_access_tokens":true}]`)
		h.clock.add(time.Second)
		send := func(certificate string, f url.Values) answerOf {
			ctx := WithClientCertificate(t.Context(), &x509.Certificate{Raw: []byte(certificate)})
			return h.postIn(ctx, PathToken, with(f, "client_id", "app"))
		}
		a := send("mine", h.redeem("app", h.code("app", "scope", "openid offline_access")))
		f := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.get("refresh_token")}}
		want(t, "another certificate", send("another", f).get("error"), "invalid_grant")
		want(t, "its own", send("mine", f).status, http.StatusOK)
	})
}

// Outside the profile too, who promised proofs makes none beforehand.
func TestRFC9449_8_WhoPromisedProofsNeedsTheNonce(t *testing.T) {
	one(t, func(t *testing.T, h *house) {
		h.apply(`[{"client_id":"proves","client_secret":"` + secret + `","client_name":"Prueba","grant_types":["client_credentials"],
			"scope":"historia:leer","dpop_bound_access_tokens":true}]`)
		h.clock.add(time.Second)
		key := newTestKey(t, "")
		send := func(header ...string) answerOf { return h.post(PathToken, "proves", ownToken(), header...) }
		want(t, "no proof", send().get("error"), "invalid_dpop_proof")
		want(t, "no nonce", send("DPoP", h.proof(key, http.MethodPost, PathToken)).get("error"), "use_dpop_nonce")
		want(t, "with it", send(h.fresh(key, http.MethodPost, PathToken)...).get("token_type"), "DPoP")
	})
}

// Who authenticates by a certificate proves its key there too (RFC 8705 section 5).
func TestRFC9449_4_3_ProofForTheHostOfCertificates(t *testing.T) {
	one(t, func(t *testing.T, h *house) {
		h.machines()
		h.MTLSOrigin = "https://mtls.example"
		send := func(address string) int {
			proof := h.proof(newTestKey(t, ""), http.MethodPost, PathToken, "htu", address)
			return h.post(PathToken, "batch", ownToken(), "DPoP", proof).status
		}
		want(t, "there", send("https://mtls.example"+PathToken), http.StatusOK)
		want(t, "elsewhere", send("https://mtls.example.evil"+PathToken), http.StatusBadRequest)
	})
}

// A machine's own tokens are bound alike, and a resource server learns to what (RFC
// 9449 section 6.2, RFC 8705 section 3.2).
func TestRFC9449_6_2_IntrospectionTellsTheKey(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.machines()
		key := h.profiled()
		f := url.Values{"grant_type": {"client_credentials"}, "resource": {apiAudience}}
		a := h.keyed("fapi", key, PathToken, f, h.fresh(key, http.MethodPost, PathToken)...)
		want(t, "token_type", a.get("token_type"), "DPoP")
		told := h.post(PathInspect, "api", url.Values{"token": {a.get("access_token")}})
		want(t, "active", told.get("active"), "true")
		want(t, "token_type", told.get("token_type"), "DPoP")
		want(t, "cnf", told.get("cnf"), `{"jkt":"`+key.jkt(t)+`"}`)
		cert := &x509.Certificate{Raw: []byte("mine")}
		f = asserted(with(f, "client_id", "bank"), key.sign(t, "JWT", h.assertionClaims("bank")))
		b := h.postIn(WithClientCertificate(t.Context(), cert), PathToken, f)
		told = h.post(PathInspect, "api", url.Values{"token": {b.get("access_token")}})
		want(t, "token_type", told.get("token_type"), "Bearer")
		want(t, "cnf", told.get("cnf"), `{"x5t#S256":"`+certificateHash(cert.Raw)+`"}`)
	})
}

func TestFAPI_G3_FAPI_G6_ASVS_10_4_16_FAPI_C2_FAPI_E8_RegistrationRefusesContradictions(t *testing.T) {
	key := newTestKey(t, "k")
	base := map[string]string{
		"client_id": `"app"`, "client_name": `"App"`, "redirect_uris": `["https://app.example/cb"]`, "iess_profile": `"fapi2"`,
		"token_endpoint_auth_method": `"private_key_jwt"`, "jwks": key.set(t), "dpop_bound_access_tokens": `true`,
	}
	file := func(pairs ...string) string {
		var members []string
		for name, value := range base {
			if i := slices.Index(pairs, name); i < 0 {
				members = append(members, `"`+name+`":`+value)
			}
		}
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i+1] != "" {
				members = append(members, `"`+pairs[i]+`":`+pairs[i+1])
			}
		}
		return `[{` + strings.Join(members, ",") + `}]`
	}
	for _, tt := range []struct {
		pairs []string
		want  string
	}{
		{[]string{"token_endpoint_auth_method", `"client_secret_basic"`, "client_secret", `"` + secret + `"`}, "token_endpoint_auth_method: iess_profile fapi2 takes"},
		{[]string{"token_endpoint_auth_method", `"none"`}, "token_endpoint_auth_method: iess_profile fapi2 takes"},
		{[]string{"dpop_bound_access_tokens", ""}, "dpop_bound_access_tokens: iess_profile fapi2 needs it"},
		{[]string{"dpop_bound_access_tokens", `false`}, "dpop_bound_access_tokens: iess_profile fapi2 needs it"},
		{[]string{"require_pushed_authorization_requests", `false`}, "require_pushed_authorization_requests: false contradicts"},
		{[]string{"iess_pkce", `"optional"`}, "iess_pkce: contradicts"},
		{[]string{"id_token_signed_response_alg", `"RS256"`}, "id_token_signed_response_alg: RS256 contradicts"},
		{[]string{"userinfo_signed_response_alg", `"RS256"`}, "userinfo_signed_response_alg: RS256 contradicts"},
		{[]string{"authorization_signed_response_alg", `"RS256"`}, "authorization_signed_response_alg: RS256 contradicts"},
		{[]string{"token_endpoint_auth_signing_alg", `"RS256"`}, "token_endpoint_auth_signing_alg"},
		{[]string{"request_object_signing_alg", `"none"`}, "request_object_signing_alg"},
		{[]string{"request_object_signing_alg", `"RS256"`}, "request_object_signing_alg"},
		{[]string{"redirect_uris", `["http://127.0.0.1/cb"]`}, "redirect_uris"},
		{[]string{"iess_profile", `"fapi1"`}, "iess_profile"},
		{[]string{"iess_profile", `"FAPI2"`}, "iess_profile"},
		{[]string{"iess_profile", "", "token_endpoint_auth_method", `"none"`, "jwks", "", "require_pushed_authorization_requests", `true`}, "only who authenticates may push"},
		{[]string{"iess_profile", "", "token_endpoint_auth_method", `"none"`, "jwks", "", "require_signed_request_object", `true`}, "require_signed_request_object: needs jwks"},
		{[]string{"iess_profile", "", "token_endpoint_auth_method", `"none"`, "jwks", "", "request_object_signing_alg", `"ES256"`}, "request_object_signing_alg: needs jwks"},
		{[]string{"redirect_uris", "", "grant_types", `["client_credentials"]`, "scope", `"historia:leer"`, "require_signed_request_object", `true`}, "no authorization_code"},
	} {
		_, err := ParseClients([]byte(file(tt.pairs...)))
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), `index 0, client "app": `) {
			t.Errorf("%v: got %v, want %q", tt.pairs, err, tt.want)
		}
	}
	for _, pairs := range [][]string{
		nil,
		{"dpop_bound_access_tokens", "", "tls_client_certificate_bound_access_tokens", `true`},
		{"token_endpoint_auth_method", `"tls_client_auth"`, "jwks", "", "tls_client_auth_san_dns", `"app.example"`},
		{"application_type", `"native"`, "redirect_uris", `["http://127.0.0.1/cb"]`},
		{"redirect_uris", "", "grant_types", `["client_credentials"]`, "scope", `"historia:leer"`, "require_pushed_authorization_requests", `false`},
	} {
		if _, err := ParseClients([]byte(file(pairs...))); err != nil {
			t.Errorf("%v: %v", pairs, err)
		}
	}
	all, err := ParseClients([]byte(file()))
	if err != nil {
		t.Fatal(err)
	}
	want(t, "the profile pushes", all[0].Metadata.RequirePAR, true)
}
