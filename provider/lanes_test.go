package provider

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"iess.gob.ec/clave/storage"
)

// leaving ends n sessions of the person that have been at the application.
func (h *house) leaving(client string, n int) {
	h.t.Helper()
	h.inTx(func(tx *storage.Tx) error {
		for range n {
			s := *h.session
			s.ID, s.SecretHash = storage.NewID(), storage.NewSecret()
			if err := tx.AddSession(h.t.Context(), s); err != nil {
				return err
			}
			if _, err := tx.JoinSession(h.t.Context(), s.ID, client, h.clock.now()); err != nil {
				return err
			}
		}
		return tx.EndSessions(h.t.Context(), h.person.ID, "", "recovery", h.clock.now())
	})
}

// jtis are how often each logout token came.
func (h *house) jtis(d *desk) map[string]int {
	h.t.Helper()
	out := map[string]int{}
	for _, n := range d.notices() {
		_, claims := h.logoutClaims(n.form.Get("logout_token"), "ES256")
		out[string(claims["jti"])]++
	}
	return out
}

// While one replica waits for an application's answers, a second lane of the same
// application sends what the first has not taken, and none of that again (T18).
func TestT18_TwoLanesOfOneApplication(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		replica, err := New(t.Context(), h.Config)
		if err != nil {
			t.Fatal(err)
		}
		d := newDesk(t, func(_ http.ResponseWriter, r *http.Request, n int) {
			if n == 1 { // the other lane runs from beginning to end before this answer
				if err := replica.Deliver(r.Context()); err != nil {
					t.Error(err)
				}
			}
		})
		h.register("shared", d.URL)
		const all = deliveryBatch + 3
		h.leaving("shared", all)
		h.deliver()
		for jti, n := range h.jtis(d) {
			want(t, "times that "+jti+" came", n, 1)
		}
		want(t, "all came", len(d.notices()), all)
		told, err := h.db.ClientDeliveries(t.Context(), "shared", 2*all)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range told {
			want(t, "state", one.State, storage.DeliveryDelivered)
		}
	})
}

// bursting is a network that panics the first time.
type bursting struct {
	http.RoundTripper
	calls atomic.Int32
}

// RoundTrip implements http.RoundTripper.
func (b *bursting) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.calls.Add(1) == 1 {
		panic("burst")
	}
	return b.RoundTripper.RoundTrip(r)
}

// A panic in one attempt ends neither the program nor the other attempts, and is
// tried again like any failure (section 2.8 of OpenID Connect Back-Channel Logout
// 1.0).
func TestDeliverySurvivesAPanic(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := newDesk(t, taking)
		h.register("app", d.URL)
		h.leaving("app", 2)
		h.deliveries.http.Transport = &bursting{RoundTripper: h.deliveries.http.Transport}
		h.deliver()
		want(t, "the other one came", len(d.notices()), 1)
		want(t, "logged", strings.Count(h.log.String(), "deliveries panicked"), 1)
		is := func(state string) int {
			told, err := h.db.ClientDeliveries(t.Context(), "app", 5)
			if err != nil {
				t.Fatal(err)
			}
			return len(slices.DeleteFunc(told, func(d storage.Delivery) bool {
				return d.State != state || state == storage.DeliveryPending && (d.LastError != "panic" || d.Attempts != 1)
			}))
		}
		want(t, "waits for its next attempt", is(storage.DeliveryPending), 1)
		want(t, "delivered", is(storage.DeliveryDelivered), 1)
		h.clock.add(deliveryPause(0))
		h.deliver()
		want(t, "delivered in the end", is(storage.DeliveryDelivered), 2)
	})
}
