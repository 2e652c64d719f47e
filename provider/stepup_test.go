package provider

import (
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"
)

func TestRFC9470_4_WhatSatisfies(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	const weak, strong = "urn:iess:acr:clave", "urn:iess:acr:clave15"
	for _, tt := range []struct {
		name string
		ask  StepUp
		acr  string
		ago  time.Duration
		want bool
	}{
		{"nothing asked", StepUp{}, "", 1000 * time.Hour, true},
		{"the level", StepUp{ACRValues: []string{strong}}, strong, 0, true},
		{"a stronger one", StepUp{ACRValues: []string{weak}}, strong, 0, true},
		{"a weaker one", StepUp{ACRValues: []string{strong}}, weak, 0, false},
		{"one of two", StepUp{ACRValues: []string{strong, weak}}, weak, 0, true},
		{"no level", StepUp{ACRValues: []string{weak}}, "", 0, false},
		{"an unknown level", StepUp{ACRValues: []string{"urn:x"}}, strong, 0, false},
		{"recent", StepUp{MaxAge: time.Minute}, weak, time.Minute, true},
		{"not recent", StepUp{MaxAge: time.Minute}, weak, 61 * time.Second, false},
		{"recent and too weak", StepUp{ACRValues: []string{strong}, MaxAge: time.Minute}, weak, 0, false},
	} {
		if got := tt.ask.Satisfied(tt.acr, now.Add(-tt.ago), now); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
	if (StepUp{MaxAge: time.Minute}).Satisfied(weak, time.Time{}, now) {
		t.Error("a token of nobody satisfies max_age")
	}
}

// An API that wants a stronger sign-in says so; the application asks for it in the
// same words, and the new token does.
func TestRFC9470_3_ChallengeLeadsToATokenThatDoes(t *testing.T) {
	one(t, func(t *testing.T, h *house) {
		h.machines()
		ask := StepUp{ACRValues: []string{"urn:iess:acr:clave15"}, MaxAge: 5 * time.Minute}
		api := func(token string) (int, string) { // what an API does
			a := h.introspectBy("api", token)
			at, err := strconv.ParseInt(a.get("auth_time"), 10, 64)
			if err != nil || a.get("active") != "true" {
				return http.StatusUnauthorized, `Bearer error="invalid_token"`
			}
			if !ask.Satisfied(a.get("acr"), time.Unix(at, 0), h.clock.now()) {
				return http.StatusUnauthorized, ask.Challenge("Bearer")
			}
			return http.StatusOK, ""
		}
		status, challenge := api(h.tokensFor("web", "openid", apiAudience).get("access_token"))
		want(t, "weak", status, http.StatusUnauthorized)
		found := regexp.MustCompile(`^Bearer error="insufficient_user_authentication", .*acr_values="([^"]+)", max_age="([0-9]+)"$`).FindStringSubmatch(challenge)
		if found == nil {
			t.Fatalf("challenge: %s", challenge)
		}
		q := h.request("web", "acr_values", found[1], "max_age", found[2], "resource", apiAudience)
		h.wait = true
		h.do(http.MethodGet, PathAuthorize+"?"+q.Encode(), "")
		p := h.pending.Params
		if len(p.ACRValues) != 1 || p.ACRValues[0] != "urn:iess:acr:clave15" || p.MaxAge == nil || *p.MaxAge != 300 {
			t.Fatalf("asked of the person: %+v", p)
		}
		h.wait = false
		h.signIn(h.person) // which she does
		h.session.ACR = "urn:iess:acr:clave15"
		code := h.authorize(q).Get("code")
		strong := h.token("web", h.redeem("web", code)).get("access_token")
		status, _ = api(strong)
		want(t, "strong", status, http.StatusOK)
		h.clock.add(5*time.Minute + time.Second)
		status, _ = api(strong)
		want(t, "strong, and long ago", status, http.StatusUnauthorized)
	})
}
