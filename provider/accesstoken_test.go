package provider

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// openJWS verifies a token with the published keys and returns its type and claims.
func (h *house) openJWS(token string) (string, map[string]json.RawMessage) {
	h.t.Helper()
	jws, err := jose.ParseSignedCompact(token, joseAlgs())
	if err != nil {
		h.t.Fatal(err)
	}
	set, err := h.keys.snapshot(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	header := jws.Signatures[0].Protected
	payload, err := jws.Verify(set.verifiers[header.KeyID].key)
	if err != nil {
		h.t.Fatal(err)
	}
	var claims map[string]json.RawMessage
	if err := json.Unmarshal(payload, &claims); err != nil {
		h.t.Fatal(err)
	}
	typ, _ := header.ExtraHeaders[jose.HeaderType].(string)
	return typ, claims
}

func is(t *testing.T, what string, claims map[string]json.RawMessage, members map[string]any) {
	t.Helper()
	for name, value := range members {
		wanted, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		want(t, what+": "+name, string(claims[name]), string(wanted))
	}
	want(t, what+": members", len(claims), len(members))
}

func TestRFC9068_2_2_AccessTokenOfAPerson(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.machines()
		a := h.tokensFor("jwt", "openid profile offline_access", apiAudience)
		typ, claims := h.openJWS(a.get("access_token"))
		want(t, "typ", typ, "at+jwt")
		id := h.claimsOf(a.get("id_token"))
		now := h.clock.now().Unix()
		jti := claims["jti"]
		if len(jti) < 24 {
			t.Errorf("jti %s", jti)
		}
		is(t, "at+jwt", claims, map[string]any{
			"iss": h.url, "sub": id["sub"], "aud": apiAudience, "client_id": "jwt", "iat": now, "exp": now + 600, "jti": jti,
			"scope": "openid profile offline_access", "auth_time": h.session.AuthAt.Unix(), "acr": "urn:iess:acr:clave", "amr": []string{"pwd"},
		})
		want(t, "the ID token is the application's", string(id["aud"]), `"jwt"`)
		want(t, "at_hash", string(id["at_hash"]), `"`+atHash("ES256", a.get("access_token"))+`"`)
		if text := string(claims["sub"]); strings.Contains(text, h.person.ID) || strings.Contains(a.get("access_token"), "1759999913") {
			t.Errorf("sub %s is not opaque", text)
		}
		b := h.useRefresh("jwt", a.get("refresh_token"), "scope", "openid")
		_, narrow := h.openJWS(b.get("access_token"))
		want(t, "narrowed", string(narrow["scope"]), `"openid"`)
		want(t, "the same resource", string(narrow["aud"]), `"`+apiAudience+`"`)
		want(t, "introspection", h.introspectBy("api", a.get("access_token")).get("active"), "true")
		h.revokeBy("jwt", a.get("access_token"))
		want(t, "revoked", h.introspectBy("api", a.get("access_token")).get("active"), "false")
		_, single := h.openJWS(h.tokens("jwt", "openid", "claims", `{"userinfo":{"name":null}}`).get("access_token"))
		want(t, "a claim is no scope", string(single["scope"]), `"openid"`)
	})
}

func TestRFC9068_2_2_AccessTokenOfAClient(t *testing.T) {
	one(t, func(t *testing.T, h *house) {
		key := h.machines()
		a := h.assert(key.sign(t, "JWT", h.assertionClaims("service")), "resource", apiAudience)
		typ, claims := h.openJWS(a.get("access_token"))
		now := h.clock.now().Unix()
		want(t, "typ", typ, "at+jwt")
		is(t, "at+jwt", claims, map[string]any{
			"iss": h.url, "sub": "service", "aud": apiAudience, "client_id": "service", "iat": now, "exp": now + 600, "jti": claims["jti"], "scope": "historia:leer",
		})
	})
}

// Userinfo takes a JWT access token while it is not revoked, and only as it was given.
func TestRFC9068_4_JWTAtUserinfo(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.machines()
		access := h.tokens("jwt", "openid profile").get("access_token")
		want(t, "good", h.userinfoOf(access).status, http.StatusOK)
		parts := strings.Split(access, ".")
		for name, token := range map[string]string{
			"another signature": parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])),
			"no signature":      parts[0] + "." + parts[1] + ".",
			"a letter more":     access + "A",
		} {
			want(t, name, h.userinfoOf(token).status, http.StatusUnauthorized)
		}
		form, _ := h.do(http.MethodPost, PathUserinfo, url.Values{"access_token": {access}}.Encode())
		want(t, "in a form", form.StatusCode, http.StatusOK)
		h.inTx(nothingButEnd(h))
		want(t, "after logout", h.userinfoOf(access).status, http.StatusUnauthorized)
	})
}

// OpenID Core 5.3.2: signed as registered, for the application alone.
func TestOIDC_5_3_2_SignedUserinfo(t *testing.T) {
	one(t, func(t *testing.T, h *house) {
		h.machines()
		a := h.tokens("jwt", "openid profile")
		res, text := h.do(http.MethodGet, PathUserinfo, "", "Authorization", "Bearer "+a.get("access_token"))
		want(t, "media type", res.Header.Get("Content-Type"), "application/jwt")
		want(t, "cache", res.Header.Get("Cache-Control"), "no-store")
		_, claims := h.openJWS(text)
		id := h.claimsOf(a.get("id_token"))
		want(t, "sub", string(claims["sub"]), string(id["sub"]))
		want(t, "iss", string(claims["iss"]), `"`+h.url+`"`)
		want(t, "aud", string(claims["aud"]), `"jwt"`)
		want(t, "name", string(claims["name"]), `"María Fernanda Quishpe Andrade"`)
		want(t, "alone it is no hint", h.authorize(h.request("jwt", "id_token_hint", text)).Get("error"), "invalid_request")
		bad := h.json(h.do(http.MethodGet, PathUserinfo, "", "Authorization", "Bearer x"))
		want(t, "errors are JSON", bad.get("error"), "invalid_token")
	})
}
