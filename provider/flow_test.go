package provider

import (
	"net/http"
	"testing"
)

func TestSignInRefreshUserinfo(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.tokens("web", "openid profile email offline_access")
		want(t, "token_type", a.get("token_type"), "Bearer")
		want(t, "expires_in", a.get("expires_in"), "600")
		want(t, "scope", a.get("scope"), "openid profile email offline_access")
		id := h.claimsOf(a.get("id_token"))
		want(t, "nonce", string(id["nonce"]), `"n-1"`)
		info := h.userinfoOf(a.get("access_token"))
		want(t, "userinfo", info.status, http.StatusOK)
		want(t, "name", info.get("name"), "María Fernanda Quishpe Andrade")
		want(t, "sub", string(info.body["sub"]), string(id["sub"]))
		b := h.useRefresh("web", a.get("refresh_token"))
		want(t, "refresh", b.status, http.StatusOK)
		again := h.claimsOf(b.get("id_token"))
		for _, name := range []string{"sub", "sid", "acr", "amr", "auth_time"} {
			want(t, name+" after refresh", string(again[name]), string(id[name]))
		}
		want(t, "nonce after refresh", string(again["nonce"]), "")
	})
}
