package provider

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

func TestRFC6749_4_4_ClientCredentials(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.machines()
		for name, tt := range map[string]struct{ scope, resource, want string }{
			"all it has":          {"", "", "historia:leer historia:escribir"},
			"part of it":          {"historia:escribir", apiAudience, "historia:escribir"},
			"in its own order":    {"historia:escribir historia:leer", apiAudience, "historia:leer historia:escribir"},
			"for another service": {"historia:leer", "urn:iess:otra", "historia:leer"},
		} {
			a := h.post(PathToken, "batch", ownToken("scope", tt.scope, "resource", tt.resource))
			want(t, name, a.status, http.StatusOK)
			want(t, name+": scope", a.get("scope"), tt.want)
			want(t, name+": type", a.get("token_type"), "Bearer")
			want(t, name+": expires_in", a.get("expires_in"), "600")
			want(t, name+": refresh token", string(a.body["refresh_token"]), "")
			want(t, name+": ID token", string(a.body["id_token"]), "")
			want(t, name+": cache", a.header.Get("Cache-Control"), "no-store")
		}
		for name, tt := range map[string]struct {
			client string
			f      url.Values
			error  string
		}{
			"another scope":       {"batch", ownToken("scope", "historia:borrar"), "invalid_scope"},
			"of a person":         {"batch", ownToken("scope", "openid"), "invalid_scope"},
			"unknown resource":    {"batch", ownToken("resource", "https://api.example"), "invalid_target"},
			"client not for this": {"web", ownToken(), "unauthorized_client"},
			"resource server":     {"api", ownToken(), "unauthorized_client"},
		} {
			want(t, name, h.post(PathToken, tt.client, tt.f).get("error"), tt.error)
		}
		two := ownToken()
		two["resource"] = []string{apiAudience, "urn:iess:otra"}
		want(t, "two resources", h.post(PathToken, "batch", two).get("error"), "invalid_target")
		public := h.json(h.do(http.MethodPost, PathToken, ownToken("client_id", "mobile").Encode()))
		want(t, "public client", public.get("error"), "unauthorized_client")
		res, _ := h.do(http.MethodGet, PathAuthorize+"?"+url.Values{"client_id": {"batch"}, "redirect_uri": {"https://web.example/cb"}}.Encode(), "")
		want(t, "sends nobody anywhere", res.StatusCode, http.StatusBadRequest)
	})
}

// A token of no person is valid, and not enough where a person is asked for (RFC
// 6750 section 3.1).
func TestRFC6750_3_1_TokenOfNoPersonAtUserinfo(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.machines()
		token := h.machineToken("batch", h.url)
		got := h.userinfoOf(token)
		want(t, "userinfo", got.status, http.StatusForbidden)
		want(t, "error", got.get("error"), "insufficient_scope")
		want(t, "challenge", got.header.Get("WWW-Authenticate"), `Bearer realm="clave", error="insufficient_scope", scope="openid"`)
		h.inTx(func(tx *storage.Tx) error { return DisableClient(t.Context(), tx, "batch", "test", h.clock.now()) })
		want(t, "of a disabled client", h.userinfoOf(token).status, http.StatusUnauthorized)
		h.apply(machineClients(t, newTestKey(t, "x")))
		h.clock.add(time.Second)
		want(t, "and it does not come back with the client", h.userinfoOf(token).status, http.StatusUnauthorized)
		again := h.machineToken("batch", h.url)
		h.clock.add(h.AccessLife)
		want(t, "expired", h.userinfoOf(again).status, http.StatusUnauthorized)
	})
}
