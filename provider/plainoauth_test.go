package provider

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// FAPI 2.0 is for OAuth without OpenID Connect too: an application that is
// registered without openid gets access tokens for APIs and no ID token, whatever
// it asks. Whoever is registered with openid cannot leave it out.
func TestOIDC_2_4_10_OIDC_3_4_12_OAuthAlone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.profiled()
		h.apply(`[{"client_id":"alone","client_name":"Alone","iess_profile":"fapi2","token_endpoint_auth_method":"private_key_jwt","jwks":` + key.set(t) + `,
			"redirect_uris":["https://alone.example/cb"],"grant_types":["authorization_code","refresh_token"],"scope":"profile offline_access","dpop_bound_access_tokens":true},
			{"client_id":"watch","client_name":"Watch","client_secret":"` + secret + `","grant_types":[],"response_types":[],"iess_resource_server":"` + h.url + `"}]`)
		h.clock.add(time.Second)
		push := func(client, scope string) answerOf {
			return h.keyed(client, key, PathPush, h.request(client, "scope", scope, "prompt", "consent"))
		}
		a := push("alone", "openid profile cedula offline_access")
		want(t, "push", a.status, http.StatusCreated)
		code := location(t, h.visit("alone", a.get("request_uri"))).Get("code")
		got := h.keyed("alone", key, PathToken, h.redeem("alone", code), h.fresh(key, http.MethodPost, PathToken)...)
		want(t, "token", got.status, http.StatusOK)
		want(t, "scope", got.get("scope"), "profile offline_access")
		want(t, "id_token", got.get("id_token"), "")
		access := got.get("access_token")
		proof := h.proof(key, http.MethodGet, PathUserinfo, "nonce", h.nonce(h.clock.now()), "ath", accessHash(access))
		want(t, "userinfo", h.show("DPoP", access, proof).get("error"), "insufficient_scope")
		again := h.keyed("alone", key, PathToken, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.get("refresh_token")}}, h.fresh(key, http.MethodPost, PathToken)...)
		want(t, "refreshed", again.status, http.StatusOK)
		want(t, "refreshed: id_token", again.get("id_token"), "")
		known := h.introspectBy("watch", again.get("access_token"))
		want(t, "introspection: active", known.get("active"), "true")
		want(t, "introspection: scope", known.get("scope"), "profile offline_access")
		for _, scope := range []string{"", "openid", "offline_access", "cedula", "openid email"} {
			want(t, "alone: scope "+scope, push("alone", scope).get("error"), "invalid_scope")
		}
		_, err := ParseClients([]byte(`[{"client_id":"none","client_name":"None","iess_profile":"fapi2","token_endpoint_auth_method":"private_key_jwt","jwks":` + key.set(t) + `,
			"redirect_uris":["https://none.example/cb"],"grant_types":["authorization_code","client_credentials"],"scope":"historia:leer","dpop_bound_access_tokens":true}]`))
		want(t, "registered for nothing of a person", err != nil && strings.Contains(err.Error(), "scope: must contain openid"), true)
		want(t, "registered with openid", push("fapi", "profile").get("error"), "invalid_scope")
	})
}
