package provider

import (
	"net/http"
	"net/url"
	"testing"

	"iess.gob.ec/clave/storage"
)

// Whatever we sign, are shown or hand out serves in its own place and in no other
// (RFC 8725 section 3.12): a matrix of each artefact in each place.
func TestJWT_3_12_EachTokenInItsOwnPlace(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.machines()
		fresh := func() map[string]string {
			a := h.tokensFor("jwt", "openid profile offline_access", h.url, apiAudience)
			_, info := h.do(http.MethodGet, PathUserinfo, "", "Authorization", "Bearer "+a.get("access_token"))
			api := h.useRefresh("jwt", a.get("refresh_token"), "resource", apiAudience)
			signed := h.introspectBy("api", api.get("access_token"), "Accept", "application/token-introspection+jwt")
			client, err := h.Clients.Client(t.Context(), "jwt")
			if err != nil {
				t.Fatal(err)
			}
			end, err := h.logoutTokenFor(t.Context(), client, storage.Delivery{SID: "sid", ClientID: "jwt", AfiliadoID: h.person.ID}, h.clock.now())
			if err != nil {
				t.Fatal(err)
			}
			event, err := h.securityEventFor(t.Context(), client, storage.Delivery{
				ID: "id", Event: storage.SessionRevoked, SID: "sid", ClientID: "jwt", AfiliadoID: h.person.ID,
			}, h.clock.now())
			if err != nil {
				t.Fatal(err)
			}
			return map[string]string{
				"code": h.code("jwt"), "refresh token": api.get("refresh_token"), "access token": a.get("access_token"), "ID token": a.get("id_token"),
				"client assertion": key.sign(t, "JWT", h.assertionClaims("service")), "signed userinfo": info, "signed introspection": signed.text,
				"resource's token": api.get("access_token"), "logout token": end, "security event": event,
			}
		}
		places := map[string]struct {
			takes string
			try   func(token string) bool
		}{
			"code grant":    {"code", func(s string) bool { return h.token("jwt", h.redeem("jwt", s)).status == http.StatusOK }},
			"refresh grant": {"refresh token", func(s string) bool { return h.useRefresh("jwt", s, "resource", h.url).status == http.StatusOK }},
			"userinfo":      {"access token", func(s string) bool { return h.userinfoOf(s).status == http.StatusOK }},
			"id_token_hint": {"ID token", func(s string) bool {
				return h.authorize(h.request("jwt", "id_token_hint", s, "prompt", "none")).Get("code") != ""
			}},
			"client_assertion": {"client assertion", func(s string) bool { return h.assert(s).status == http.StatusOK }},
			"introspection":    {"resource's token", func(s string) bool { return h.introspectBy("api", s).get("active") == "true" }},
			"logout hint": {"ID token", func(s string) bool {
				h.do(http.MethodGet, PathLogout+"?"+url.Values{"id_token_hint": {s}}.Encode(), "")
				left := h.cleared
				if h.cleared = false; left {
					h.signIn(h.person)
				}
				return left
			}},
		}
		for place, p := range places {
			for kind, token := range fresh() {
				want(t, kind+" as "+place, p.try(token), kind == p.takes)
			}
		}
	})
}
