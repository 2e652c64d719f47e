package provider

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// An application turned bad has its own secret, people who sign in to it, and what
// leaked to it of an honest one. None of that opens anything of the honest one, and
// what it breaks on the way is its own.
func TestT09_WhatAnApplicationCannotDoWithAnothersThings(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.machines()
		refused := func(what string, a answerOf, code string) {
			t.Helper()
			want(t, what, a.get("error"), code)
			want(t, what+": nothing beside it", a.get("access_token")+a.get("request_uri"), "")
		}
		honest := h.tokensFor("web", "openid profile cedula offline_access", h.url, apiAudience)
		access, refresh, id := honest.get("access_token"), honest.get("refresh_token"), honest.get("id_token")
		bad := h.tokens("other", "openid profile offline_access")

		code := h.code("web")
		refused("a code", h.token("other", h.redeem("web", code)), "invalid_grant")
		refused("with its own address", h.token("other", h.redeem("other", code)), "invalid_grant")
		want(t, "the code is still the honest one's", h.token("web", h.redeem("web", code)).status, http.StatusOK)
		refused("a refresh token", h.useRefresh("other", refresh), "invalid_grant")
		want(t, "inspection", h.introspectBy("other", access).status, http.StatusForbidden)
		want(t, "revocation of an access token", h.revokeBy("other", access).get("error"), "invalid_grant")
		want(t, "revocation of a refresh token", h.revokeBy("other", refresh).get("error"), "invalid_grant")
		for place, token := range map[string]string{"access": access, "refresh": refresh, "ID": id} {
			want(t, place+" token at a resource server that is not its own", h.introspectBy("api2", token).text, `{"active":false}`)
		}
		want(t, "its own token where the honest one's serves", h.introspectBy("api", bad.get("access_token")).text, `{"active":false}`)

		uri := h.pushed("web")
		want(t, "a request pushed by another", h.visit("other", uri).StatusCode, http.StatusBadRequest)
		want(t, "which is still good", location(t, h.visit("web", uri)).Get("code") != "", true)
		q := h.request("web")
		refused("pushed in another's name", h.push("other", q), "invalid_request")
		q.Set("client_id", "other")
		refused("to another's address", h.push("other", q), "invalid_request")
		res := h.visitQuery(q)
		want(t, "to another's address, at the front", res.StatusCode, http.StatusBadRequest)
		want(t, "which is not followed", res.Header.Get("Location"), "")

		over := h.authorize(h.request("other", "scope", "openid profile cedula email", "claims", `{"userinfo":{"cedula":{"essential":true},"email":null}}`))
		if c := over.Get("code"); c != "" {
			got := h.userinfoOf(h.token("other", h.redeem("other", c)).get("access_token"))
			want(t, "claims it is not registered for", got.get("cedula")+got.get("email"), "")
		} else {
			want(t, "scope it is not registered for", over.Get("error"), "invalid_scope")
		}

		sub := h.userinfoOf(access).get("sub")
		want(t, "two know her by two names", sub != "" && sub != h.userinfoOf(bad.get("access_token")).get("sub"), true)
		want(t, "a hint of another", h.authorize(h.request("other", "id_token_hint", id, "prompt", "none")).Get("code"), "")
		h.logoutGet("id_token_hint", id, "client_id", "other", "post_logout_redirect_uri", "https://other.example/bye")
		want(t, "which ends nothing", h.cleared, false)

		want(t, "after all that: access", h.userinfoOf(access).status, http.StatusOK)
		next := h.useRefresh("web", refresh, "resource", apiAudience)
		want(t, "refresh", next.status, http.StatusOK)
		want(t, "inspection", h.introspectBy("api", next.get("access_token")).get("active"), "true")
	})
}

// Its operator takes an application out: within a second nothing it holds or began
// is worth anything, and the others go on.
func TestT09_ADisabledApplicationIsOutWithinASecond(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.machines()
		honest, bad := h.tokens("web", "openid offline_access"), h.tokensFor("jwt", "openid profile offline_access", h.url, apiAudience)
		api := h.useRefresh("jwt", bad.get("refresh_token"), "resource", apiAudience)
		own := h.machineToken("batch", apiAudience)
		code, uri := h.code("jwt"), h.pushed("jwt")
		want(t, "before", h.introspectBy("api", api.get("access_token")).get("active"), "true")
		want(t, "before", h.introspectBy("api", own).get("active"), "true")
		h.inTx(func(tx *storage.Tx) error {
			if err := DisableClient(t.Context(), tx, "batch", "T09", h.clock.now()); err != nil {
				return err
			}
			return DisableClient(t.Context(), tx, "jwt", "T09", h.clock.now())
		})
		h.clock.add(time.Second)
		want(t, "userinfo", h.userinfoOf(bad.get("access_token")).status, http.StatusUnauthorized)
		want(t, "at a resource server", h.introspectBy("api", api.get("access_token")).text, `{"active":false}`)
		want(t, "a token of its own", h.introspectBy("api", own).text, `{"active":false}`)
		want(t, "refresh", h.useRefresh("jwt", api.get("refresh_token")).get("error"), "invalid_client")
		want(t, "code", h.token("jwt", h.redeem("jwt", code)).get("error"), "invalid_client")
		want(t, "client_credentials", h.token("batch", url.Values{"grant_type": {"client_credentials"}, "resource": {apiAudience}}).get("error"), "invalid_client")
		want(t, "a pushed request", h.visit("jwt", uri).StatusCode, http.StatusBadRequest)
		want(t, "pushing", h.push("jwt", h.request("jwt")).get("error"), "invalid_client")
		want(t, "sign-in", h.visitQuery(h.request("jwt")).StatusCode, http.StatusBadRequest)
		want(t, "the others: userinfo", h.userinfoOf(honest.get("access_token")).status, http.StatusOK)
		want(t, "the others: refresh", h.useRefresh("web", honest.get("refresh_token")).status, http.StatusOK)
	})
}
