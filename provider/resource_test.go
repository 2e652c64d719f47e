package provider

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// nothingButEnd ends the session of the person at the browser.
func nothingButEnd(h *house) func(tx *storage.Tx) error {
	return func(tx *storage.Tx) error {
		_, err := tx.EndSession(h.t.Context(), h.session.ID, "logout", h.clock.now())
		return err
	}
}

func TestRFC8707_2_OneAudienceOfThoseGranted(t *testing.T) {
	for _, tt := range []struct {
		name           string
		granted, asked []string
		want, error    string
	}{
		{"nothing anywhere: ourselves", nil, nil, "https://op.example", ""},
		{"ourselves by name", nil, []string{"https://op.example"}, "https://op.example", ""},
		{"asked only now", nil, []string{"urn:a"}, "", "invalid_target"},
		{"the one granted", []string{"urn:a"}, nil, "urn:a", ""},
		{"the one granted, asked", []string{"urn:a"}, []string{"urn:a"}, "urn:a", ""},
		{"another one", []string{"urn:a"}, []string{"urn:b"}, "", "invalid_target"},
		{"ourselves, not granted", []string{"urn:a"}, []string{"https://op.example"}, "", "invalid_target"},
		{"one of two", []string{"urn:a", "urn:b"}, []string{"urn:b"}, "urn:b", ""},
		{"none of two", []string{"urn:a", "urn:b"}, nil, "", "invalid_target"},
		{"both", []string{"urn:a", "urn:b"}, []string{"urn:a", "urn:b"}, "", "invalid_target"},
		{"one more than granted", []string{"urn:a"}, []string{"urn:a", "urn:b"}, "", "invalid_target"},
		{"letter for letter", []string{"urn:a"}, []string{"URN:a"}, "", "invalid_target"},
		{"empty is absent", []string{"urn:a"}, []string{""}, "urn:a", ""},
	} {
		got, bad := audience(tt.granted, tt.asked, "https://op.example")
		code := ""
		if bad != nil {
			code = bad.code
		}
		if got != tt.want || code != tt.error {
			t.Errorf("%s: got %q, %q, want %q, %q", tt.name, got, code, tt.want, tt.error)
		}
	}
}

func TestRFC8707_2_1_ResourcesOfARequest(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.machines()
		ask := func(resources ...string) url.Values {
			q := h.request("web")
			q["resource"] = resources
			return h.authorize(q)
		}
		for name, resource := range map[string]string{
			"unknown": "https://other.example", "no URI": "x", "with a slash more": apiAudience + "/", "a fragment": apiAudience + "#x",
			"a client's id": "api", "another case": strings.ToUpper(apiAudience),
		} {
			want(t, name, ask(resource).Get("error"), "invalid_target")
			want(t, name+" beside a good one", ask(apiAudience, resource).Get("error"), "invalid_target")
		}
		want(t, "twice the same", ask(apiAudience, apiAudience).Get("error"), "")
		res, _ := h.do(http.MethodGet, PathAuthorize+"?"+h.request("web", "resource", strings.Repeat("a", 2049)).Encode(), "")
		want(t, "huge", strings.Contains(res.Header.Get("Location"), "error=invalid_request"), true)
		code := ask(apiAudience).Get("code")
		want(t, "another at the token endpoint", h.token("web", h.redeem("web", code, "resource", "urn:iess:otra")).get("error"), "invalid_target")
		want(t, "it burned nothing", h.token("web", h.redeem("web", code, "resource", apiAudience)).status, http.StatusOK)
		h.inTx(func(tx *storage.Tx) error { return DisableClient(t.Context(), tx, "api2", "test", h.clock.now()) })
		h.clock.add(time.Second)
		want(t, "of a disabled resource server", ask("urn:iess:otra").Get("error"), "invalid_target")
	})
}

// Each refresh may ask a token for another of the resources granted; what is for a
// resource server is refused at userinfo and at other resource servers (T09).
func TestRFC8707_2_2_T09_TokensAreForOneResource(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.machines()
		q := h.request("web", "scope", "openid profile offline_access")
		q["resource"] = []string{apiAudience, "urn:iess:otra", h.url}
		code := h.authorize(q).Get("code")
		want(t, "which one?", h.token("web", h.redeem("web", code)).get("error"), "invalid_target")
		a := h.token("web", h.redeem("web", code, "resource", apiAudience))
		id := h.claimsOf(a.get("id_token"))
		want(t, "the ID token's audience", string(id["aud"]), `"web"`)
		refresh := a.get("refresh_token")
		seen := func(token, api, api2 string, userinfo int) {
			t.Helper()
			want(t, "api", h.introspectBy("api", token).get("active"), api)
			want(t, "api2", h.introspectBy("api2", token).get("active"), api2)
			want(t, "userinfo", h.userinfoOf(token).status, userinfo)
		}
		seen(a.get("access_token"), "true", "false", http.StatusUnauthorized)
		b := h.useRefresh("web", refresh, "resource", "urn:iess:otra")
		seen(b.get("access_token"), "false", "true", http.StatusUnauthorized)
		want(t, "never granted", h.useRefresh("web", b.get("refresh_token"), "resource", "urn:iess:x").get("error"), "invalid_target")
		c := h.useRefresh("web", b.get("refresh_token"), "resource", h.url)
		seen(c.get("access_token"), "false", "false", http.StatusOK)
		want(t, "its ID token's audience", string(h.claimsOf(c.get("id_token"))["aud"]), `"web"`)
	})
}
