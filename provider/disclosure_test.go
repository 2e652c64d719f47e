package provider

import (
	"context"
	"errors"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// What an application was handed of a person, in ID tokens and at userinfo, is
// written down by the names of the claims, with its first and last time, and what it
// was not handed is not. Nobody's answer waits for it.
func TestLAW02_LAW03_WhatIsHandedOutIsWrittenDown(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		start := h.clock.now()
		received := func() map[string][2]time.Duration {
			t.Helper()
			if err := h.WriteDisclosures(t.Context(), h.clock.now()); err != nil {
				t.Fatal(err)
			}
			all, err := h.db.Disclosures(t.Context(), h.person.ID)
			if err != nil {
				t.Fatal(err)
			}
			out := map[string][2]time.Duration{}
			for _, d := range all {
				out[d.ClientID+": "+d.Claims] = [2]time.Duration{d.FirstAt.Sub(start), d.LastAt.Sub(start)}
			}
			return out
		}
		is := func(what string, wanted map[string][2]time.Duration) {
			t.Helper()
			got := received()
			if len(got) != len(wanted) {
				t.Errorf("%s: got %v, want %v", what, got, wanted)
			}
			for k, v := range wanted {
				if got[k] != v {
					t.Errorf("%s: %s: got %v, want %v", what, k, got[k], v)
				}
			}
		}
		is("nobody came", nil)
		a := h.tokens("web", "openid email offline_access", "claims", `{"id_token":{"cedula":null}}`)
		is("an ID token, and nobody asked userinfo", map[string][2]time.Duration{"web: cedula": {}})
		h.clock.add(time.Minute)
		h.userinfoOf(a.get("access_token"))
		is("userinfo", map[string][2]time.Duration{"web: cedula": {}, "web: email email_verified": {time.Minute, time.Minute}})
		h.clock.add(time.Minute)
		b := h.useRefresh("web", a.get("refresh_token"))
		h.userinfoOf(b.get("access_token"))
		is("refreshed", map[string][2]time.Duration{"web: cedula": {0, 2 * time.Minute}, "web: email email_verified": {time.Minute, 2 * time.Minute}})
		h.tokens("other", "openid")
		if got := received(); got["other: "][0] != 2*time.Minute || len(got) != 3 {
			t.Errorf("who knows no more than a sub is known too: %v", got)
		}
		h.userinfoOf("wrong")
		if len(h.disclosures.take()) != 0 {
			t.Error("what was refused was noted")
		}

		// What cannot be written waits.
		h.tokens("web", "openid")
		stopped, stop := context.WithCancel(t.Context())
		stop()
		if err := h.WriteDisclosures(stopped, h.clock.now()); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want it to fail", err)
		}
		if got := received(); len(got) != 4 {
			t.Errorf("got %v: what failed was lost", got)
		}
	})
}

// A code that was given before she took her permission back gives no tokens.
func TestLAW02_CodeAfterWithdrawalGivesNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.inTx(func(tx *storage.Tx) error {
			return tx.SaveConsent(t.Context(), storage.Consent{AfiliadoID: h.person.ID, ClientID: "other", Kind: "consent", Scope: "openid"})
		})
		before := h.tokens("other", "openid offline_access")
		code := h.code("other", "scope", "openid")
		h.inTx(func(tx *storage.Tx) error {
			_, err := tx.CloseAccess(t.Context(), h.person.ID, "other", true, h.clock.now())
			return err
		})
		want(t, "code", h.token("other", h.redeem("other", code)).get("error"), "invalid_grant")
		want(t, "refresh token", h.useRefresh("other", before.get("refresh_token")).get("error"), "invalid_grant")
		if got := h.userinfoOf(before.get("access_token")); got.status != 401 {
			t.Errorf("userinfo: got %d, want 401", got.status)
		}
		// One that is given beside it finds the same.
		want(t, "code given beside it", h.token("other", h.redeem("other", h.code("other", "scope", "openid"))).get("error"), "invalid_grant")
	})
}
