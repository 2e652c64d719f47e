package provider

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

func TestBCP_2_2_2_Rotation(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) storage.Instant { return storage.At(now.Add(-d)) }
	fresh := &storage.RefreshToken{}
	for _, tt := range []struct {
		name  string
		token storage.RefreshToken
		child *storage.RefreshToken
		want  rotation
	}{
		{"first use", storage.RefreshToken{}, nil, rotationMint},
		{"lost answer, at once", storage.RefreshToken{UsedAt: ago(0)}, fresh, rotationReplace},
		{"lost answer, 10 s later", storage.RefreshToken{UsedAt: ago(10 * time.Second)}, fresh, rotationReplace},
		{"too late", storage.RefreshToken{UsedAt: ago(10*time.Second + time.Microsecond)}, fresh, rotationReuse},
		{"a month later", storage.RefreshToken{UsedAt: ago(720 * time.Hour)}, fresh, rotationReuse},
		{"second replacement", storage.RefreshToken{UsedAt: ago(time.Second), Replacements: 1}, fresh, rotationReuse},
		{"the child was used: the answer arrived", storage.RefreshToken{UsedAt: ago(time.Second)}, &storage.RefreshToken{UsedAt: ago(0)}, rotationReuse},
		{"the child was ended", storage.RefreshToken{UsedAt: ago(time.Second)}, &storage.RefreshToken{RevokedAt: ago(0)}, rotationReuse},
		{"the child is gone", storage.RefreshToken{UsedAt: ago(time.Second)}, nil, rotationReuse},
		{"a replaced child", storage.RefreshToken{RevokedAt: ago(time.Second)}, nil, rotationReuse},
		{"the clock went back", storage.RefreshToken{UsedAt: ago(-time.Second)}, fresh, rotationReuse},
	} {
		want(t, tt.name, rotate(tt.token, tt.child, now), tt.want)
	}
	want(t, "the zero value refuses", rotation(0), rotationReuse)
}

func TestASVS_10_4_5_ReuseRevokesTheFamily(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.tokens("web", "openid offline_access")
		b := h.useRefresh("web", a.get("refresh_token"))
		h.clock.add(11 * time.Second)
		want(t, "old token", h.useRefresh("web", a.get("refresh_token")).get("error"), "invalid_grant")
		want(t, "the new one", h.useRefresh("web", b.get("refresh_token")).get("error"), "invalid_grant")
		want(t, "the access token", h.userinfoOf(b.get("access_token")).status, http.StatusUnauthorized)
		want(t, "audited", h.audited(eventRefreshReplayed), 1)
	})
}

func TestBCP_2_2_2_LostAnswer(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.tokens("mobile", "openid offline_access")
		lost := h.useRefresh("mobile", a.get("refresh_token"))
		again := h.useRefresh("mobile", a.get("refresh_token"))
		want(t, "replacement", again.status, http.StatusOK)
		next := h.useRefresh("mobile", again.get("refresh_token"))
		want(t, "it goes on", next.status, http.StatusOK)
		want(t, "the lost one is dead", h.useRefresh("mobile", lost.get("refresh_token")).get("error"), "invalid_grant")
		want(t, "and whoever has it ends the family", h.useRefresh("mobile", next.get("refresh_token")).get("error"), "invalid_grant")
	})
}

// Of many at once the rule lets two through (the first and its one replacement);
// the third ends the family, so that no two tokens of one parent are ever alive.
func TestT18_RefreshTokenInParallelLeavesNoTwoAlive(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.tokens("web", "openid offline_access")
		minted := h.useAtOnce(a.get("refresh_token"), 50)
		if len(minted) > 2 {
			t.Errorf("%d answers", len(minted))
		}
		for _, m := range minted {
			want(t, "alive after a third use", h.useRefresh("web", m).get("error"), "invalid_grant")
		}
		want(t, "audited", h.audited(eventRefreshReplayed), 1)
	})
}

func TestFT16_RefreshTokenInParallelSucceedsOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.tokens("web", "openid offline_access")
		minted := h.useAtOnce(a.get("refresh_token"), 2) // a duplicate and no attack: one answer of the two counts
		want(t, "answers", len(minted), 2)
		alive := 0
		for _, m := range minted {
			q, err := h.db.RefreshToken(t.Context(), storage.Hash(m))
			if err != nil {
				t.Fatal(err)
			}
			if q.RevokedAt.IsZero() {
				alive++
			}
		}
		want(t, "alive", alive, 1)
	})
}

func (h *house) useAtOnce(token string, n int) []string {
	var mu sync.Mutex
	var minted []string
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if a := h.useRefresh("web", token); a.status == http.StatusOK {
				mu.Lock()
				minted = append(minted, a.get("refresh_token"))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return minted
}

func TestASVS_10_4_8_RefreshHasAnAbsoluteEnd(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.tokens("web", "openid offline_access")
		for range 29 {
			h.clock.add(24 * time.Hour)
			a = h.useRefresh("web", a.get("refresh_token"))
			want(t, "before the end", a.status, http.StatusOK)
		}
		h.clock.add(24 * time.Hour)
		want(t, "after 30 days", h.useRefresh("web", a.get("refresh_token")).get("error"), "invalid_grant")
	})
}

func TestRefreshEndsWithPersonGrantAndClient(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, now := t.Context(), h.clock.now()
		for name, end := range map[string]func(tx *storage.Tx, sessionID string) error{
			"all sessions ended": func(tx *storage.Tx, _ string) error {
				return tx.EndSessions(ctx, h.person.ID, "", "recovery", now)
			},
			"person disabled": func(tx *storage.Tx, _ string) error { return tx.DisableAfiliado(ctx, h.person.ID, "test", now) },
		} {
			h.person = h.addPerson(map[string]string{"all sessions ended": "0959999913", "person disabled": "0159999911"}[name])
			h.signIn(h.person)
			a := h.tokens("web", "openid offline_access")
			h.inTx(func(tx *storage.Tx) error { return end(tx, h.session.ID) })
			want(t, name, h.useRefresh("web", a.get("refresh_token")).get("error"), "invalid_grant")
			want(t, name+": userinfo", h.userinfoOf(a.get("access_token")).status, http.StatusUnauthorized)
		}
	})
}

func TestNoTokensForAnEndedSession(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		code := h.code("web")
		h.inTx(func(tx *storage.Tx) error {
			_, err := tx.EndSession(t.Context(), h.session.ID, "logout", h.clock.now())
			return err
		})
		want(t, "code after logout", h.token("web", h.redeem("web", code)).get("error"), "invalid_grant")
	})
}

func TestRefreshNarrowsScope(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.tokens("web", "openid profile email offline_access")
		b := h.useRefresh("web", a.get("refresh_token"), "scope", "openid email")
		want(t, "scope", b.get("scope"), "openid email")
		want(t, "name", h.userinfoOf(b.get("access_token")).get("name"), "")
		for _, more := range []string{"openid cedula", "openid claim:cedula", "x"} {
			want(t, more, h.useRefresh("web", b.get("refresh_token"), "scope", more).get("error"), "invalid_scope")
		}
		c := h.useRefresh("web", b.get("refresh_token"))
		want(t, "all of it again", c.get("scope"), "openid profile email offline_access")
		d := h.useRefresh("web", c.get("refresh_token"), "scope", "profile")
		want(t, "no openid, no ID token", d.get("id_token"), "")
		want(t, "OIDC-3.4-12", h.userinfoOf(d.get("access_token")).status, http.StatusForbidden)
		single := h.tokens("web", "openid offline_access", "claims", `{"userinfo":{"cedula":null}}`).get("refresh_token")
		want(t, "a claim is no scope", h.useRefresh("web", single, "scope", "openid claim:cedula").get("error"), "invalid_scope")
	})
}

func TestOIDC_2_2_7_RefreshKeepsHowAndWhen(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.tokens("web", "openid offline_access")
		h.clock.add(time.Hour)
		b := h.useRefresh("web", a.get("refresh_token"))
		old, fresh := h.claimsOf(a.get("id_token")), h.claimsOf(b.get("id_token"))
		for _, name := range []string{"iss", "sub", "aud", "azp", "auth_time", "acr", "amr", "sid"} {
			want(t, name, string(fresh[name]), string(old[name]))
		}
		if string(old["iat"]) == string(fresh["iat"]) {
			t.Error("iat is old")
		}
		want(t, "nonce", string(fresh["nonce"]), "")
	})
}

func TestOfflineAccessOnlyWhereRegistered(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.tokens("web", "openid")
		want(t, "not asked", a.get("refresh_token"), "")
		b := h.tokens("post", "openid offline_access")
		want(t, "not registered", b.get("refresh_token"), "")
		want(t, "scope", b.get("scope"), "openid")
	})
}

// Each answer costs one transaction: two for sign-on with a session, one for
// refresh (design.md section 5: at most 4 and 2).
func TestCommits(t *testing.T) {
	eachWith(t, func(t *testing.T, h *house, commits *counter) {
		before := commits.value()
		code := h.code("web", "scope", "openid offline_access")
		want(t, "authorize", commits.value()-before, 1)
		before = commits.value()
		a := h.token("web", h.redeem("web", code))
		want(t, "token", commits.value()-before, 1)
		before = commits.value()
		h.useRefresh("web", a.get("refresh_token"))
		want(t, "refresh", commits.value()-before, 1)
		before = commits.value()
		h.userinfoOf(a.get("access_token"))
		want(t, "userinfo", commits.value()-before, 0)
	})
}

// counter counts commits.
type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add(_ context.Context, query string) {
	if strings.HasPrefix(query, "COMMITTED") {
		c.mu.Lock()
		c.n++
		c.mu.Unlock()
	}
}

func (c *counter) value() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}
