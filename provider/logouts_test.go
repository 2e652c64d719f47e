package provider

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

// The logout token is what section 2.4 of OpenID Connect Back-Channel Logout 1.0
// says, and nothing that another token could be taken for, or that could be taken
// for another one (JWT-3.11).
func TestASVS_9_2_2_OIDC_2_4_7_LogoutToken(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := newDesk(t, status(http.StatusOK))
		for alg, more := range map[string]string{"ES256": `"subject_type":"pairwise"`, "EdDSA": `"id_token_signed_response_alg":"EdDSA","subject_type":"public"`} {
			id := strings.ToLower(alg)
			if err := EnsureKeys(t.Context(), h.db, h.clock.now(), alg); err != nil {
				t.Fatal(err)
			}
			h.register(id, d.URL+"/"+id+"?app=1", more)
			token, _ := h.leaves(id)
			h.deliver()
			want(t, "state", h.delivery(id).State, storage.DeliveryDelivered)
			all := d.notices()
			got := all[len(all)-1]
			want(t, "where", got.path, "/"+id)
			want(t, "media type", got.media, "application/x-www-form-urlencoded")
			want(t, "parameters", len(got.form), 1)
			raw := got.form.Get("logout_token")
			head, claims := h.logoutClaims(raw, alg)
			want(t, "typ", head.ExtraHeaders[jose.HeaderType], "logout+jwt")
			login := h.claimsOf(token)
			now := h.clock.now().Unix()
			for name, value := range map[string]any{
				"iss": h.url, "aud": id, "iat": now, "exp": now + 120, "events": map[string]struct{}{storage.BackchannelLogout: {}},
				"sub": login["sub"], "sid": login["sid"],
			} {
				text, err := json.Marshal(value)
				if err != nil {
					t.Fatal(err)
				}
				want(t, name, string(claims[name]), string(text))
			}
			want(t, "jti", len(claims["jti"]), 45)
			want(t, "nothing else, no nonce least of all", len(claims), 8)
			// It is no hint, and so no ID token.
			res, _ := h.logoutGet("id_token_hint", raw)
			want(t, "as a hint", res.StatusCode, http.StatusOK)
			want(t, "as a bearer", h.userinfoOf(raw).status, http.StatusUnauthorized)
		}
	})
}

// What an application answers decides whether it is asked again, with a token of
// its own each time and one jti.
func TestLogoutIsRetriedUntilItIsTaken(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		elsewhere := newDesk(t, status(http.StatusOK))
		d := newDesk(t, func(w http.ResponseWriter, r *http.Request, n int) {
			w.Header().Set("Location", elsewhere.URL)
			status(http.StatusServiceUnavailable, http.StatusTemporaryRedirect, http.StatusNotFound, http.StatusNoContent)(w, r, n)
		})
		h.register("slow", d.URL)
		h.leaves("slow")
		jti := map[string]bool{}
		iat := map[string]bool{}
		for i, class := range []string{"status 503", "redirect", "status 404"} {
			h.deliver()
			got := h.delivery("slow")
			want(t, class, got.State, storage.DeliveryPending)
			want(t, class, got.LastError, class)
			want(t, class+": attempts", got.Attempts, i+1)
			want(t, class+": later", got.NextAt.Sub(h.clock.now()), deliveryPause(i))
			h.deliver()
			want(t, class+": not before", len(d.notices()), i+1)
			h.clock.add(deliveryPause(i))
		}
		h.deliver()
		want(t, "state", h.delivery("slow").State, storage.DeliveryDelivered)
		for _, n := range d.notices() {
			_, claims := h.logoutClaims(n.form.Get("logout_token"), "ES256")
			jti[string(claims["jti"])], iat[string(claims["iat"])] = true, true
		}
		want(t, "one jti", len(jti), 1)
		want(t, "a token each time", len(iat), 4)
		want(t, "redirects are not followed", len(elsewhere.notices()), 0)

		refused := newDesk(t, status(http.StatusBadRequest))
		h.register("no", refused.URL)
		h.leaves("no")
		h.deliver()
		want(t, "400 is final", h.delivery("no").State, storage.DeliveryRefused)
	})
}

func TestLogoutIsGivenUpInTheEnd(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := newDesk(t, status(http.StatusInternalServerError))
		h.register("down", d.URL)
		_, first := h.leaves("down")
		for h.delivery("down").State == storage.DeliveryPending {
			h.clock.add(h.delivery("down").NextAt.Sub(h.clock.now()))
			h.deliver()
		}
		got := h.delivery("down")
		want(t, "state", got.State, storage.DeliveryFailed)
		if took := got.DoneAt.Sub(first.CreatedAt.Time); took > h.Logouts.GiveUp || took < h.Logouts.GiveUp-15*time.Minute {
			t.Errorf("given up after %v, want just under %v", took, h.Logouts.GiveUp)
		}
	})
}

// An application that is disabled, or takes logout tokens no longer, gets none;
// one that never took any is not queued.
func TestLogoutOfAnApplicationThatIsGone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := newDesk(t, status(http.StatusOK))
		h.register("disabled", d.URL)
		h.leaves("disabled")
		h.inTx(func(tx *storage.Tx) error { return DisableClient(t.Context(), tx, "disabled", "test", h.clock.now()) })
		h.register("moved", d.URL)
		h.leaves("moved")
		h.apply(`[{"client_id":"moved","client_secret":"` + secret + `","client_name":"moved","redirect_uris":["https://moved.example/cb"]}]`)
		h.clock.add(2 * time.Second)
		h.deliver()
		for _, id := range []string{"disabled", "moved"} {
			want(t, id, h.delivery(id).State, storage.DeliveryCancelled)
		}
		want(t, "told", len(d.notices()), 0)
		h.signIn(h.person)
		h.logoutGet("id_token_hint", h.tokens("web", "openid").get("id_token"))
		if all, err := h.db.ClientDeliveries(t.Context(), "web", 1); err != nil || len(all) != 0 {
			t.Errorf("web: %v, %v; want none queued", all, err)
		}
	})
}

// A program that stops gives back what it was trying; another one goes on at once.
func TestLogoutIsGivenBackByAStop(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, stop := context.WithCancel(t.Context())
		d := newDesk(t, func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				stop()
				<-r.Context().Done()
				return
			}
			w.WriteHeader(http.StatusOK)
		})
		h.register("busy", d.URL)
		h.leaves("busy")
		h.RunDeliveries(ctx)
		got := h.delivery("busy")
		want(t, "state", got.State, storage.DeliveryPending)
		want(t, "attempts", got.Attempts, 0)
		want(t, "lease", got.Lease, "")
		h.deliver()
		want(t, "state", h.delivery("busy").State, storage.DeliveryDelivered)
	})
}

// The page after a logout says which applications have ended their session, at
// once where they answer, and can be looked at again.
func TestLoggedOutPageSaysWhoWasReached(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ready, broken := newDesk(t, status(http.StatusOK)), newDesk(t, status(http.StatusBadGateway, http.StatusOK))
		h.register("niega", newDesk(t, status(http.StatusBadRequest)).URL)
		h.tokens("niega", "openid")
		h.register("pronta", ready.URL)
		h.register("rota", broken.URL)
		h.tokens("pronta", "openid")
		h.tokens("rota", "openid")
		h.tokens("post", "openid")
		hint := h.tokens("web", "openid").get("id_token")
		id := h.session.ID
		res, _ := h.do(http.MethodGet, PathLoggedOut+"?sesion="+id, "")
		want(t, "somebody is signed in", res.Header.Get("Location"), "/")
		res, _ = h.logoutGet("id_token_hint", hint, "ui_locales", "en")
		page := res.Header.Get("Location")
		want(t, "leads to", page, PathLoggedOut+"?client_id=web&ui_locales=en&sesion="+id)
		look := func() string {
			t.Helper()
			res, body := h.do(http.MethodGet, page, "")
			want(t, "status", res.StatusCode, http.StatusOK)
			want(t, "cache", res.Header.Get("Cache-Control"), "no-store")
			return body
		}
		says := func(body, app, state string) {
			t.Helper()
			_, rest, ok := strings.Cut(body, "<h3>"+app+"</h3>")
			item, _, _ := strings.Cut(rest, "</li>")
			if !ok || !strings.Contains(item, state) {
				t.Errorf("%s: got %q, want %q", app, item, state)
			}
		}
		body := look()
		says(body, "pronta", "Being told")
		says(body, "Fondos", "Still open")
		says(body, "Historia Laboral", "Closed") // it asked
		want(t, "can be looked at again", strings.Contains(body, `id="actualizar"`), true)
		h.deliver()
		body = look()
		says(body, "pronta", "Closed")
		says(body, "rota", "No answer")
		says(body, "niega", "Still open")
		h.clock.add(deliveryPause(0))
		h.deliver()
		body = look()
		says(body, "rota", "Closed")
		want(t, "nothing to look for", strings.Contains(body, `id="actualizar"`), false)
		h.clock.add(farewellFor)
		want(t, "an hour later", strings.Contains(look(), "<h3>"), false)
		page = PathLoggedOut + "?sesion=nobody&client_id=nobody"
		want(t, "unknown", strings.Contains(look(), "<h3>"), false)
	})
}

// Replicas share the work: each application is told once of each session, and of
// each event (T18).
func TestT18_ReplicasTellApplicationsOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := newDesk(t, taking)
		h.register("shared", d.URL, subscribing(d.URL, storage.SessionRevoked))
		const all = 30
		h.leaving("shared", all)
		replica, err := New(t.Context(), h.Config)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() { ended <- replica.Deliver(t.Context()) }()
		h.deliver()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		jtis := map[string]bool{}
		for _, n := range d.notices() {
			_, claims := h.logoutClaims(n.form.Get("logout_token")+n.event, "ES256")
			jtis[string(claims["jti"])] = true
		}
		want(t, "told, of the logout and of the event", len(d.notices()), 2*all)
		want(t, "each once", len(jtis), 2*all)
	})
}
