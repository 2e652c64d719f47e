package provider

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/gorilla/mux"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

const testKeyLife = 90 * 24 * time.Hour

// tend does what is due of the keys, and lets every replica learn of it.
func (h *house) tend() {
	h.t.Helper()
	if err := h.TendKeys(h.t.Context(), h.clock.now()); err != nil {
		h.t.Fatal(err)
	}
	h.clock.add(time.Second)
}

// replica is another server on the same database, for the same issuer.
func (h *house) replica() *house {
	h.t.Helper()
	cfg := h.Config
	cfg.Clients = storage.NewClientCache(h.db, h.clock.now)
	s, err := New(h.t.Context(), cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	r := mux.NewRouter()
	s.Routes(r)
	srv := httptest.NewServer(r)
	h.t.Cleanup(srv.Close)
	other := *h
	other.Server, other.url = s, srv.URL
	return &other
}

func TestOIDC_2_1_3_KeysArePublishedBeforeAndAfter(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, times := t.Context(), h.KeyTimes()
		want(t, "a key is published before it signs for as long as the JWKS is cached, and more", times.Lead(), h.KeyCache+keyMargin)
		active, next := h.kid("ES256", storage.KeyActive), h.kid("ES256", storage.KeyNext)
		for _, kid := range []string{active, next} {
			want(t, "published "+kid, slices.Contains(h.published(), kid), true)
		}
		if err := RotateKeys(ctx, h.db, "ES256", times, h.clock.now().Add(times.Lead()-time.Microsecond)); !errors.Is(err, ErrTooSoon) {
			t.Errorf("a key nobody knows yet may sign: %v", err)
		}
		old := h.tokens("web", "openid").get("id_token")
		want(t, "signed by", kidOf(t, old), active)
		h.clock.add(times.Lead())
		if err := RotateKeys(ctx, h.db, "ES256", times, h.clock.now()); err != nil {
			t.Fatal(err)
		}
		h.clock.add(time.Second) // every replica knows within a second
		fresh := h.tokens("web", "openid").get("id_token")
		want(t, "signed by the next one", kidOf(t, fresh), next)
		h.clock.add(times.Window() - 2*time.Second)
		want(t, "the old one is still published", slices.Contains(h.published(), active), true)
		h.clock.add(2 * time.Second)
		want(t, "until what it signed is over", slices.Contains(h.published(), active), false)
		h.claimsOf(old) // and still serves as a hint
		want(t, "and the one after is there", len(h.published()), 4)
		want(t, "audited", h.audited(eventKeyRotated), 1)
	})
}

// Whatever we sign is over before the key that signed it, at the last moment, is
// published no more; the applications have Lead to spare.
func TestOIDC_2_1_3_TheWindowCoversEverythingSigned(t *testing.T) {
	one(t, func(t *testing.T, h *house) {
		h.machines()
		h.AccessLife, h.IDTokenLife = time.Hour, 50*time.Minute
		d := newDesk(t, status(http.StatusOK))
		h.register("told", d.URL)
		h.leaves("told")
		h.deliver()
		h.signIn(h.person)
		a := h.tokensFor("jwt", "openid", apiAudience)
		signed := map[string]string{
			"at+jwt": a.get("access_token"), "ID token": a.get("id_token"), "logout+jwt": d.notices()[0].form.Get("logout_token"),
			"JARM": h.authorize(h.request("web", "response_mode", "query.jwt")).Get("response"),
		}
		for kind, token := range signed {
			var claims struct{ Iat, Exp int64 }
			jws, err := jose.ParseSignedCompact(token, joseAlgs())
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			if err := json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &claims); err != nil {
				t.Fatal(err)
			}
			times := h.KeyTimes()
			if life := time.Duration(claims.Exp-claims.Iat) * time.Second; life <= 0 || times.Window() < life+times.Cache+keyMargin {
				t.Errorf("%s lives %v, its key stays for %v", kind, life, times.Window())
			}
		}
		if (KeyTimes{Cache: time.Second, Token: time.Second}).Window() < logoutLife {
			t.Error("short-lived tokens shorten the window of the logout tokens")
		}
	})
}

func TestKeysRotateByThemselves(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		was, next := h.kid("ES256", storage.KeyActive), h.kid("ES256", storage.KeyNext)
		h.clock.add(testKeyLife)
		h.tend()
		want(t, "with no life told", h.kid("ES256", storage.KeyActive), was)
		h.KeyLife = testKeyLife
		h.clock.add(-2 * time.Second)
		h.tend()
		want(t, "a second too early", h.kid("ES256", storage.KeyActive), was)
		replicas := []*house{h, h.replica(), h.replica()}
		done := make(chan error)
		for _, r := range replicas {
			go func() { done <- r.TendKeys(t.Context(), h.clock.now()) }()
		}
		for range replicas {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		want(t, "signs now", h.kid("ES256", storage.KeyActive), next)
		want(t, "did", h.kid("ES256", storage.KeyRetired), was)
		want(t, "each algorithm once", h.audited(eventKeyRotated), 2)
		want(t, "a new one for each", h.audited(eventKeyCreated), 6)
		for _, row := range h.eventRows(eventKeyRotated) {
			want(t, "by nobody", row.Actor, actorSystem)
		}
		h.clock.add(-365 * 24 * time.Hour) // nothing is due by a clock that goes back, and nothing rotates for it
		before := storedKeys(t, h)
		h.tend()
		want(t, "a clock that goes back", slices.EqualFunc(before, storedKeys(t, h), sameKey), true)
		h.clock.add(365*24*time.Hour + testKeyLife)
		if err := RevokeKey(t.Context(), h.db, h.kid("ES256", storage.KeyNext), "lost", h.clock.now()); err != nil {
			t.Fatal(err)
		}
		h.tend()
		want(t, "the next one is not known yet", h.kid("ES256", storage.KeyActive), next)
		want(t, "the other is", h.audited(eventKeyRotated), 3)
		h.clock.add(h.KeyTimes().Lead())
		h.tend()
		want(t, "now it is", h.kid("ES256", storage.KeyRetired) != "", true)
		want(t, "rotated", h.audited(eventKeyRotated), 4)
		h.inTx(func(tx *storage.Tx) error {
			return tx.SetSigningKeyState(t.Context(), h.kid("EdDSA", storage.KeyNext), storage.KeyRevoked, h.clock.now())
		})
		h.tend()
		h.kid("EdDSA", storage.KeyNext) // what is missing is made
	})
}

func sameKey(a, b storage.SigningKey) bool {
	return a.KID == b.KID && a.State == b.State && a.CreatedAt.Equal(b.CreatedAt.Time) && a.ActivatedAt.Equal(b.ActivatedAt.Time) &&
		a.RetiredAt.Equal(b.RetiredAt.Time)
}

// eventRows are the audit rows of one event.
func (h *house) eventRows(event string) []storage.AuditRow {
	h.t.Helper()
	rows, err := h.db.AuditRows(h.t.Context(), 0, 10000)
	if err != nil {
		h.t.Fatal(err)
	}
	return slices.DeleteFunc(rows, func(r storage.AuditRow) bool { return r.Event != event })
}

// Only the public part is left of a key that has been out of the JWKS for a day, and
// ID tokens it signed go on being hints.
func TestOIDC_2_2_8_ExpiredKeysVouchForHintsAlone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.machines()
		a := h.tokensFor("jwt", "openid", apiAudience)
		hint, kid := a.get("id_token"), h.kid("ES256", storage.KeyActive)
		leaving := h.tokens("web", "openid").get("id_token")
		h.clock.add(h.KeyTimes().Lead())
		if err := RotateKeys(t.Context(), h.db, "ES256", h.KeyTimes(), h.clock.now()); err != nil {
			t.Fatal(err)
		}
		h.clock.add(h.KeyTimes().Window() + keyRemains - time.Second)
		h.tend()
		want(t, "until then a clock that was ahead costs nothing", h.audited(eventKeyExpired), 0)
		h.tend()
		want(t, "audited", h.audited(eventKeyExpired), 1)
		h.tend()
		want(t, "once", h.audited(eventKeyExpired), 1)
		want(t, "its secret is stored", slices.ContainsFunc(storedKeys(t, h), func(k storage.SigningKey) bool { return k.KID == kid }), false)
		expired, err := h.db.ExpiredKey(t.Context(), kid)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x509.ParsePKIXPublicKey(expired.Public); err != nil || len(expired.Private) > 0 {
			t.Errorf("got %+v, %v; want its public part", expired, err)
		}
		want(t, "published", slices.Contains(h.published(), kid), false)
		h.signIn(h.person)
		accepted := func() bool {
			return h.authorize(h.request("jwt", "id_token_hint", hint)).Get("error") == ""
		}
		want(t, "as a hint", accepted(), true)
		h.session = nil
		bye, _ := h.logoutGet("id_token_hint", leaving, "post_logout_redirect_uri", "https://web.example/bye")
		want(t, "logout leads back for it", bye.StatusCode, http.StatusSeeOther)
		h.signIn(h.person)
		want(t, "revocation knows it", h.post(PathRevoke, "jwt", with(nil, "token", hint)).get("error"), "unsupported_token_type")
		for name, token := range forged(t, h, h.tokens("web", "openid").get("id_token")) {
			if token != "" {
				want(t, name, h.authorize(h.request("web", "id_token_hint", token)).Get("error"), "invalid_request")
			}
		}
		if err := RevokeKey(t.Context(), h.db, kid, "leaked long ago", h.clock.now()); err != nil {
			t.Fatal(err)
		}
		h.clock.add(time.Second)
		want(t, "revoked", accepted(), false)
		if err := RevokeKey(t.Context(), h.db, kid, "again", h.clock.now()); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("again: got %v, want not found", err)
		}
	})
}

// A stop at any statement leaves keys that sign and are published.
func TestKeysAreWholeWhereverTheirRotationStops(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			var left int
			stop := func() {}
			db := storagetest.Open(t, engine, func(cfg *storage.Config) {
				cfg.OnStatement = func(_ context.Context, query string) {
					if query == "COMMITTED" { // too late
						return
					}
					if left--; left == 0 {
						stop()
					}
				}
			})
			h := newHouse(t, db)
			h.KeyLife = testKeyLife
			h.clock.add(h.KeyTimes().Lead())
			if err := RotateKeys(t.Context(), db, "ES256", h.KeyTimes(), h.clock.now()); err != nil {
				t.Fatal(err)
			}
			h.clock.add(testKeyLife)
			stops := 0
			for n := 1; ; n++ {
				ctx, cancel := context.WithCancel(t.Context())
				left, stop = n, cancel
				err := h.TendKeys(ctx, h.clock.now())
				left, stop = 0, func() {}
				ended := ctx.Err() == nil
				cancel()
				if err != nil {
					stops++
				}
				h.clock.add(time.Second)
				all, kerr := Keys(t.Context(), db)
				if kerr != nil {
					t.Fatal(kerr)
				}
				states := map[string]int{}
				for _, k := range all {
					states[k.Alg+" "+k.State]++
				}
				for _, alg := range []string{"ES256", "EdDSA"} {
					want(t, alg+" active", states[alg+" active"], 1)
					want(t, alg+" next", states[alg+" next"], 1)
				}
				h.signIn(h.person)
				if kid := kidOf(t, h.tokens("web", "openid").get("id_token")); !slices.Contains(h.published(), kid) {
					t.Fatalf("stopped at statement %d: signed by a key that is not published", n)
				}
				if ended {
					break
				}
			}
			want(t, "rotated", h.audited(eventKeyRotated), 3)
			want(t, "expired", h.audited(eventKeyExpired), 1)
			if stops < 10 {
				t.Errorf("only %d stops", stops)
			}
		})
	}
}

// Once a key is revoked nothing it signed counts at any replica, and what is asked
// for next is signed by its successor.
func TestT29_WhatARevokedKeySignedIsRefusedEverywhere(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.apply(`[{"client_id":"tool","client_secret":"` + secret + `","client_name":"Tool","grant_types":["client_credentials"],"scope":"historia:leer","iess_access_token_format":"jwt","iess_first_party":true}]`)
		h.machines()
		replicas := []*house{h, h.replica()}
		active, next := h.kid("ES256", storage.KeyActive), h.kid("ES256", storage.KeyNext)
		old := h.tokensFor("jwt", "openid profile offline_access", apiAudience, h.Issuer)
		own := h.useRefresh("jwt", old.get("refresh_token"), "resource", h.Issuer)
		machine := h.machineToken("tool", apiAudience)
		opaque := h.tokens("web", "openid").get("access_token")
		counts := func(r *house) []string {
			return []string{
				r.introspectBy("api", old.get("access_token")).get("active"), r.introspectBy("api", machine).get("active"),
				http.StatusText(r.userinfoOf(own.get("access_token")).status),
				r.authorize(r.request("jwt", "id_token_hint", old.get("id_token"))).Get("error"),
				http.StatusText(r.userinfoOf(opaque).status),
			}
		}
		for i, r := range replicas {
			if got := counts(r); !slices.Equal(got, []string{"true", "true", "OK", "", "OK"}) {
				t.Errorf("replica %d before: %q", i, got)
			}
		}
		want(t, "a client's own at userinfo", h.userinfoOf(machine).get("error"), "insufficient_scope")
		for _, kid := range []string{active, h.kid("EdDSA", storage.KeyNext)} {
			if err := RevokeKey(t.Context(), h.db, kid, "leaked", h.clock.now()); err != nil {
				t.Fatal(err)
			}
		}
		if err := RevokeKey(t.Context(), h.db, "nobody", "x", h.clock.now()); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v, want not found", err)
		}
		h.clock.add(time.Second)
		for i, r := range replicas {
			if got := counts(r); !slices.Equal(got, []string{"false", "false", "Unauthorized", "invalid_request", "OK"}) {
				t.Errorf("replica %d after: %q; want only the opaque token to count", i, got)
			}
			want(t, "a client's own at userinfo", r.userinfoOf(machine).get("error"), "invalid_token")
			want(t, "published", slices.Contains(r.published(), active), false)
			want(t, "the next one's next", len(r.published()), 4)
			again := r.tokensFor("jwt", "openid", apiAudience)
			want(t, "signs now", kidOf(t, again.get("id_token")), next)
			want(t, "and access tokens", kidOf(t, again.get("access_token")), next)
			want(t, "counts", r.introspectBy("api", again.get("access_token")).get("active"), "true")
		}
		renewed := h.useRefresh("jwt", own.get("refresh_token"), "resource", apiAudience)
		want(t, "the family goes on", kidOf(t, renewed.get("id_token")), next)
		want(t, "audited", h.audited(eventKeyRevoked), 2)
		_, err := h.db.ExpiredKey(t.Context(), active)
		want(t, "nothing is left of it", errors.Is(err, storage.ErrNotFound), true)
	})
}
