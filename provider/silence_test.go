package provider

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Neither the log nor an answer holds a secret of the protocol, nor state and
// nonce, which belong to the application. The library's errors log state.
func TestT20_OIDC_3_4_10_LogHoldsNoSecret(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		state, nonce := "state-5f0c1d", "nonce-8a7b6c"
		code := h.code("web", "scope", "openid offline_access profile cedula", "state", state, "nonce", nonce, "login_hint", "1759999913")
		a := h.token("web", h.redeem("web", code))
		h.useRefresh("web", a.get("refresh_token"))
		h.authorize(h.request("web", "prompt", "create", "state", state, "nonce", nonce, "id_token_hint", a.get("id_token")))
		h.token("web", h.redeem("web", code))
		h.useRefresh("web", a.get("refresh_token"))
		h.userinfoOf(a.get("access_token"))
		h.json(h.do(http.MethodPost, PathToken, h.redeem("web", code, "client_id", "web", "client_secret", secret).Encode()))
		h.json(h.do(http.MethodPost, PathToken, h.redeem("web", code).Encode(), "Authorization", basic("web", "x"+secret)))
		h.logoutGet("id_token_hint", a.get("id_token")[:100], "state", state)
		h.do(http.MethodGet, PathAuthorize+"?client_id="+url.QueryEscape("nobody")+"&state="+state, "")
		key := h.machines()
		assertion := key.sign(t, "JWT", h.assertionClaims("service", "jti", "jti-77aa55"))
		own := h.assert(assertion)
		h.assert(assertion)
		h.assert(own.get("access_token"))
		h.introspectBy("api", own.get("access_token"))
		h.introspectBy("web", own.get("access_token"))
		h.revokeBy("web", own.get("access_token"))
		h.revokeBy("web", a.get("id_token"))
		h.revokeBy("web", a.get("refresh_token"))
		h.userinfoOf(own.get("access_token"))
		log := h.log.String()
		for what, word := range map[string]string{
			"code": code, "access token": a.get("access_token"), "refresh token": a.get("refresh_token"), "ID token": a.get("id_token")[:60],
			"state": state, "nonce": nonce, "verifier": verifier, "secret": secret, "cédula": "1759999913", "name": "Quishpe",
			"assertion": assertion[100:160], "jti": "jti-77aa55", "JWT access token": own.get("access_token")[100:160],
		} {
			if strings.Contains(log, word) {
				t.Errorf("the log holds the %s", what)
			}
		}
		if !strings.Contains(log, `"request_id":"request-1"`) {
			t.Error("the log names no request")
		}
	})
}

// When the database is gone, people get the page and applications server_error;
// what the driver said is in the log alone.
func TestOIDC_3_4_1_NoTextOfAGoErrorLeaves(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		code := h.code("web", "scope", "openid offline_access")
		a := h.token("web", h.redeem("web", code))
		q, f := h.request("web"), h.redeem("web", h.code("web"))
		h.clock.add(time.Second) // what is cached is asked for again
		requests := map[string]func() (*http.Response, string){
			"introspect": func() (*http.Response, string) {
				return h.do(http.MethodPost, PathInspect, "token=x", "Authorization", basic("web", secret))
			},
			"revoke": func() (*http.Response, string) {
				return h.do(http.MethodPost, PathRevoke, "token=x", "Authorization", basic("web", secret))
			},
			"authorize": func() (*http.Response, string) { return h.do(http.MethodGet, PathAuthorize+"?"+q.Encode(), "") },
			"token": func() (*http.Response, string) {
				return h.do(http.MethodPost, PathToken, f.Encode(), "Authorization", basic("web", secret))
			},
			"userinfo": func() (*http.Response, string) {
				return h.do(http.MethodGet, PathUserinfo, "", "Authorization", "Bearer "+a.get("access_token"))
			},
			"logout": func() (*http.Response, string) {
				return h.do(http.MethodPost, PathLogout, "salir=1", "Origin", h.url)
			},
			"keys": func() (*http.Response, string) { return h.do(http.MethodGet, PathKeys, "") },
		}
		if err := h.db.Close(); err != nil {
			t.Fatal(err)
		}
		for name, send := range requests {
			res, body := send()
			want(t, name, res.StatusCode, http.StatusInternalServerError)
			for _, word := range []string{"sql", "database", "closed", "storage:", "provider:", "goroutine"} {
				if strings.Contains(body, word) {
					t.Errorf("%s: the answer says %q: %s", name, word, body)
				}
			}
		}
		if !strings.Contains(h.log.String(), "closed") {
			t.Error("the log does not say why")
		}
	})
}
