package provider

import (
	"net/http"
	"net/url"
	"testing"

	"iess.gob.ec/clave/storage"
)

func (h *house) revokeBy(client, token string, pairs ...string) answerOf {
	h.t.Helper()
	return h.post(PathRevoke, client, with(url.Values{"token": {token}}, pairs...))
}

func TestRFC7009_RefreshTokenEndsItsFamily(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, hint := range []string{"", "refresh_token", "access_token", "saml"} {
			a := h.tokens("web", "openid offline_access")
			b := h.useRefresh("web", a.get("refresh_token"))
			before := h.audited(eventTokenRevoked)
			got := h.revokeBy("web", b.get("refresh_token"), "token_type_hint", hint)
			want(t, "hint "+hint, got.status, http.StatusOK)
			want(t, "hint "+hint+": body", got.text, "")
			want(t, "cache", got.header.Get("Cache-Control"), "no-store")
			want(t, "refresh token", h.useRefresh("web", b.get("refresh_token")).get("error"), "invalid_grant")
			want(t, "its first access token", h.userinfoOf(a.get("access_token")).status, http.StatusUnauthorized)
			want(t, "its second", h.userinfoOf(b.get("access_token")).status, http.StatusUnauthorized)
			want(t, "again", h.revokeBy("web", b.get("refresh_token")).status, http.StatusOK)
			want(t, "audited once", h.audited(eventTokenRevoked), before+1)
		}
	})
}

func TestRFC7009_AccessTokenEndsAlone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.machines()
		for _, client := range []string{"web", "jwt"} { // opaque and JWT alike
			a := h.tokens(client, "openid offline_access")
			want(t, client, h.userinfoOf(a.get("access_token")).status, http.StatusOK)
			want(t, client+": revoked", h.revokeBy(client, a.get("access_token")).status, http.StatusOK)
			want(t, client+": userinfo", h.userinfoOf(a.get("access_token")).status, http.StatusUnauthorized)
			want(t, client+": refresh", h.useRefresh(client, a.get("refresh_token")).status, http.StatusOK)
		}
		own := h.machineToken("batch", apiAudience)
		want(t, "a client's own", h.revokeBy("batch", own).status, http.StatusOK)
		want(t, "a client's own", h.introspectBy("api", own).text, `{"active":false}`)
		want(t, "audited", h.audited(eventTokenRevoked), 3)
		pub := h.tokens("mobile", "openid")
		got, _ := h.do(http.MethodPost, PathRevoke, url.Values{"token": {pub.get("access_token")}, "client_id": {"mobile"}}.Encode())
		want(t, "a public client's", got.StatusCode, http.StatusOK)
		want(t, "a public client's", h.userinfoOf(pub.get("access_token")).status, http.StatusUnauthorized)
	})
}

func TestRFC7009_2_1_OnlyItsOwnTokens(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.tokens("web", "openid offline_access")
		for _, kind := range []string{"access_token", "refresh_token"} {
			got := h.revokeBy("other", a.get(kind))
			want(t, kind, got.status, http.StatusBadRequest)
			want(t, kind, got.get("error"), "invalid_grant")
		}
		want(t, "audited", h.audited(eventRevokedForeign), 2)
		want(t, "access token", h.userinfoOf(a.get("access_token")).status, http.StatusOK)
		want(t, "refresh token", h.useRefresh("web", a.get("refresh_token")).status, http.StatusOK)
		for name, token := range map[string]string{"unknown": storage.NewSecret(), "short": "x", "a code": h.code("web")} {
			rows := h.auditRows()
			want(t, name, h.revokeBy("web", token).status, http.StatusOK)
			want(t, name+": audit rows", h.auditRows(), rows)
		}
		want(t, "an ID token", h.revokeBy("web", a.get("id_token")).get("error"), "unsupported_token_type")
		want(t, "no token", h.revokeBy("web", "x", "token", "").get("error"), "invalid_request")
		bad := h.post(PathRevoke, "nobody", url.Values{"token": {"x"}})
		want(t, "nobody", bad.status, http.StatusUnauthorized)
		want(t, "nobody", bad.header.Get("WWW-Authenticate"), basicChallenge)
		res, _ := h.do(http.MethodGet, PathRevoke+"?token=x", "", "Authorization", basic("web", secret))
		want(t, "GET", res.StatusCode, http.StatusMethodNotAllowed)
	})
}
