package provider

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

// setToken is what a security event token says, as its receiver reads it.
type setToken struct {
	JTI    string                    `json:"jti"`
	Iat    int64                     `json:"iat"`
	Toe    int64                     `json:"toe"`
	Txn    string                    `json:"txn"`
	SubID  map[string]any            `json:"sub_id"`
	Events map[string]map[string]any `json:"events"`
}

// same is want for what == does not compare.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// eventsAt are the security events that came at path, by type.
func (h *house) eventsAt(d *desk, path, client, alg string) map[string]setToken {
	h.t.Helper()
	out := map[string]setToken{}
	for _, n := range d.notices() {
		if n.path != path {
			continue
		}
		want(h.t, "media type", n.media, mediaSecurityEvent)
		want(h.t, "accepted", n.accept, "application/json")
		head, claims := h.logoutClaims(n.event, alg)
		want(h.t, "typ", head.ExtraHeaders[jose.HeaderType], "secevent+jwt")
		same(h.t, "claims", slices.Sorted(maps.Keys(claims)), []string{"aud", "events", "iat", "iss", "jti", "sub_id", "toe", "txn"})
		want(h.t, "iss", string(claims["iss"]), `"`+h.url+`"`)
		want(h.t, "aud", string(claims["aud"]), `"`+client+`"`)
		var set setToken
		text, err := json.Marshal(claims)
		if err == nil {
			err = json.Unmarshal(text, &set)
		}
		if err != nil || len(set.Events) != 1 {
			h.t.Fatalf("%s: %v, %v", text, set, err)
		}
		for event := range set.Events {
			out[event] = set
		}
	}
	return out
}

// A security event token is what RFC 8417, CAEP and RISC say, about the person as
// that application knows her, and for applications that know her only.
func TestRFC8417_SecurityEventToken(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := newDesk(t, taking)
		if err := EnsureKeys(t.Context(), h.db, h.clock.now(), "EdDSA"); err != nil {
			t.Fatal(err)
		}
		all := storage.SecurityEvents()
		h.register("one", d.URL+"/fin", subscribing(d.URL+"/one", all...))
		h.register("two", d.URL+"/fin", subscribing(d.URL+"/two", all...), `"id_token_signed_response_alg":"EdDSA"`)
		h.register("some", d.URL+"/fin", subscribing(d.URL+"/some", storage.AccountDisabled))
		h.register("stranger", d.URL+"/fin", subscribing(d.URL+"/stranger", all...))
		ids := map[string]map[string]string{}
		for _, client := range []string{"one", "two", "some"} {
			claims := h.claimsOf(h.tokens(client, "openid").get("id_token"))
			ids[client] = map[string]string{}
			for _, name := range []string{"sub", "sid"} {
				ids[client][name] = strings.Trim(string(claims[name]), `"`)
			}
		}
		came := h.clock.now()
		h.inTx(func(tx *storage.Tx) error {
			if err := tx.SetClave(t.Context(), storage.Clave{AfiliadoID: h.person.ID, PHC: "x", CreatedAt: storage.At(came)}, 1); err != nil {
				return err
			}
			return tx.EndSessions(t.Context(), h.person.ID, "", storage.CauseChanged, came)
		})
		h.inTx(func(tx *storage.Tx) error {
			return tx.QueueEvent(t.Context(), storage.AccountEnabled, storage.CauseRecovered, h.person.ID, came)
		})
		h.inTx(func(tx *storage.Tx) error {
			return tx.DisableAfiliado(t.Context(), h.person.ID, "test", came.Add(time.Second))
		})
		h.clock.add(time.Hour)
		h.deliver()
		h.deliver() // account-disabled came about later, so it waits until the others are settled
		got := map[string]map[string]setToken{"one": h.eventsAt(d, "/one", "one", "ES256"), "two": h.eventsAt(d, "/two", "two", "EdDSA")}
		for client, events := range got {
			same(t, client+": types", slices.Sorted(maps.Keys(events)), slices.Sorted(slices.Values(all)))
			user := map[string]any{"format": "iss_sub", "iss": h.url, "sub": ids[client]["sub"]}
			for event, set := range events {
				subject, at := user, came
				switch event {
				case storage.SessionRevoked:
					subject = map[string]any{"format": "complex", "user": user, "session": map[string]any{"format": "opaque", "id": ids[client]["sid"]}}
				case storage.AccountDisabled:
					at = came.Add(time.Second)
				}
				same(t, event+": sub_id", set.SubID, subject)
				want(t, event+": iat", set.Iat, h.clock.now().Unix())
				want(t, event+": toe", set.Toe, at.Unix())
				want(t, event+": jti", len(set.JTI), 43)
				guess := storage.Hash("txn " + client + " " + ids[client]["sub"] + " " + strconv.FormatInt(at.UnixMicro(), 10))
				want(t, event+": who tries every microsecond learns which it was", set.Txn == guess, false)
				want(t, event+": txn of one effect", set.Txn == events[storage.SessionRevoked].Txn, event != storage.AccountDisabled)
			}
			change := events[storage.CredentialChange].Events[storage.CredentialChange]
			same(t, "change", change, map[string]any{
				"event_timestamp": float64(came.Unix()), "initiating_entity": "user", "credential_type": "password", "change_type": "update",
			})
			revoked := events[storage.SessionRevoked].Events[storage.SessionRevoked]
			want(t, "why, in Spanish", revoked["reason_user"].(map[string]any)["es"], any("Se cambió su clave."))
			want(t, "by whom", revoked["initiating_entity"], any("user"))
			want(t, "of an officer", len(events[storage.AccountDisabled].Events[storage.AccountDisabled]), 0)
		}
		for event := range got["one"] {
			want(t, event+": nothing in common", got["one"][event].JTI == got["two"][event].JTI || got["one"][event].Txn == got["two"][event].Txn, false)
		}
		want(t, "pairwise", ids["one"]["sub"] == ids["two"]["sub"], false)
		same(t, "what it subscribed to", slices.Collect(maps.Keys(h.eventsAt(d, "/some", "some", "ES256"))), []string{storage.AccountDisabled})
		want(t, "a stranger learns nothing", len(h.eventsAt(d, "/stranger", "stranger", "ES256")), 0)
	})
}

// What each cause is told as.
func TestRFC8417_WhatHappened(t *testing.T) {
	for _, tt := range []struct{ event, cause, initiator, change, reason string }{
		{storage.SessionRevoked, storage.CauseLogout, "user", "", ""},
		{storage.SessionRevoked, storage.CauseReplaced, "policy", "", ""},
		{storage.SessionRevoked, storage.CauseClosed, "user", "", ""},
		{storage.SessionRevoked, storage.CauseTooMany, "policy", "", ""},
		{storage.SessionRevoked, storage.CauseRecovered, "user", "", ""},
		{storage.SessionRevoked, storage.CauseDisabled, "admin", "", ""},
		{storage.SessionRevoked, "another", "policy", "", ""},
		{storage.CredentialChange, storage.CauseGenerated, "user", "create", ""},
		{storage.CredentialChange, storage.CauseRecovered, "user", "update", ""},
		{storage.CredentialChange, storage.CauseDisavowed, "user", "revoke", ""},
		{storage.CredentialChange, storage.CausePasskeyAdded, "user", "create", ""},
		{storage.CredentialChange, storage.CausePasskeyEnded, "user", "delete", ""},
		{storage.CredentialChange, storage.CauseTOTPAdded, "user", "create", ""},
		{storage.CredentialChange, storage.CauseTOTPEnded, "user", "delete", ""},
		{storage.CredentialChange, storage.CauseFactorsEnded, "admin", "revoke", ""},
		{storage.AccountDisabled, storage.CauseDisavowed, "", "", "hijacking"},
		{storage.AccountDisabled, storage.CauseDisabled, "", "", ""},
		{storage.AccountEnabled, storage.CauseRecovered, "", "", ""},
	} {
		got := claimsOf(storage.Delivery{Event: tt.event, Cause: tt.cause})
		if got.Initiator != tt.initiator || got.ChangeType != tt.change || got.Reason != tt.reason {
			t.Errorf("%s, %s: got %+v, want %+v", storage.EventName(tt.event), tt.cause, got, tt)
		}
		for _, words := range []map[string]string{got.ReasonAdmin, got.ReasonUser} {
			if len(words) > 0 && (words["es"] == "" || words["en"] == "") {
				t.Errorf("%s, %s: %v is not in both languages", storage.EventName(tt.event), tt.cause, words)
			}
		}
	}
}

// 202 alone is done; a refusal is kept with its code, but of an unknown key, which may
// be new; whatever else comes again later, with one jti. What the account went through later waits.
func TestRFC8935_EventsArePushedUntilTheyAreTaken(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := newDesk(t, status(http.StatusServiceUnavailable, http.StatusFound, http.StatusOK, http.StatusAccepted))
		h.register("slow", d.URL+"/fin", subscribing(d.URL, storage.AccountDisabled, storage.AccountEnabled))
		h.tokens("slow", "openid")
		queue := func(event string) {
			t.Helper()
			h.inTx(func(tx *storage.Tx) error {
				return tx.QueueEvent(t.Context(), event, storage.CauseDisavowed, h.person.ID, h.clock.now())
			})
		}
		first := func() storage.Delivery {
			t.Helper()
			all, err := h.db.ClientDeliveries(t.Context(), "slow", 10)
			if err != nil || len(all) == 0 {
				t.Fatal(all, err)
			}
			return all[len(all)-1]
		}
		queue(storage.AccountDisabled)
		for i, class := range []string{"status 503", "redirect", "status 200"} {
			h.deliver()
			got := first()
			want(t, class, got.State, storage.DeliveryPending)
			want(t, class, got.LastError, class)
			want(t, class+": later", got.NextAt.Sub(h.clock.now()), deliveryPause(i))
			h.clock.add(deliveryPause(i))
			if i == 1 {
				queue(storage.AccountEnabled) // waits for the first
			}
		}
		h.deliver()
		want(t, "state", first().State, storage.DeliveryDelivered)
		want(t, "one at a time", len(d.notices()), 4)
		h.deliver()
		want(t, "then the next", len(d.notices()), 5)
		jti, iat := map[string]int{}, map[string]bool{}
		for _, n := range d.notices() {
			_, claims := h.logoutClaims(n.event, "ES256")
			jti[string(claims["jti"])]++
			iat[string(claims["iat"])] = true
		}
		same(t, "one jti for each event", slices.Sorted(maps.Values(jti)), []int{1, 4})
		want(t, "a token each time", len(iat), 4)

		for answer, class := range map[string]string{
			`{"err":"invalid_audience","description":"María"}`: "invalid_audience", `{"err":"because of María"}`: "status 400", `no`: "status 400", ``: "status 400",
		} {
			no := newDesk(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, answer)
			})
			h.register("slow", no.URL+"/fin", subscribing(no.URL, storage.AccountDisabled))
			queue(storage.AccountDisabled)
			h.deliver()
			got := h.delivery("slow")
			want(t, answer+" is final", got.State, storage.DeliveryRefused)
			want(t, answer, got.LastError, class)
		}

		stale := newDesk(t, func(w http.ResponseWriter, _ *http.Request, n int) {
			if n > 1 {
				w.WriteHeader(http.StatusAccepted)
				return
			}
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"err":"invalid_key","description":"no such kid"}`)
		})
		h.register("slow", stale.URL+"/fin", subscribing(stale.URL, storage.AccountDisabled))
		queue(storage.AccountDisabled)
		h.deliver()
		want(t, "whose JWKS is of before a revocation", h.delivery("slow").State, storage.DeliveryPending)
		want(t, "class", h.delivery("slow").LastError, "invalid_key")
		h.clock.add(deliveryPause(0))
		h.deliver()
		want(t, "and has been read again", h.delivery("slow").State, storage.DeliveryDelivered)
	})
}

// An application that is disabled, or receives such events no longer, is told of
// none that wait.
func TestRFC8935_EventsForAnApplicationThatIsGone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := newDesk(t, taking)
		for _, id := range []string{"disabled", "less"} {
			h.register(id, d.URL+"/fin", subscribing(d.URL, storage.CredentialChange, storage.AccountEnabled))
			h.tokens(id, "openid")
		}
		h.inTx(func(tx *storage.Tx) error {
			return tx.SetClave(t.Context(), storage.Clave{AfiliadoID: h.person.ID, PHC: "x", CreatedAt: storage.At(h.clock.now())}, 1)
		})
		h.inTx(func(tx *storage.Tx) error { return DisableClient(t.Context(), tx, "disabled", "test", h.clock.now()) })
		h.register("less", d.URL+"/fin", subscribing(d.URL, storage.AccountEnabled))
		h.deliver()
		for _, id := range []string{"disabled", "less"} {
			want(t, id, h.delivery(id).State, storage.DeliveryCancelled)
		}
		want(t, "told", len(d.notices()), 0)
	})
}

// What was registered this very moment counts: a replica whose memory of
// applications is older loses no event.
func TestRFC8935_NoEventIsLostToAMemoryOfApplications(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := newDesk(t, taking)
		if _, err := h.Clients.Client(t.Context(), "web"); err != nil { // it remembers them all
			t.Fatal(err)
		}
		h.apply(`[{"client_id":"new","client_secret":"` + secret + `","client_name":"New","redirect_uris":["https://new.example/cb"],` +
			subscribing(d.URL, storage.AccountEnabled) + `}]`)
		h.inTx(func(tx *storage.Tx) error {
			err := tx.SaveConsent(t.Context(), storage.Consent{AfiliadoID: h.person.ID, ClientID: "new", Kind: "notice"})
			return errors.Join(err, tx.QueueEvent(t.Context(), storage.AccountEnabled, storage.CauseRecovered, h.person.ID, h.clock.now()))
		})
		h.deliver()
		want(t, "state", h.delivery("new").State, storage.DeliveryDelivered)
	})
}

// An application that cannot cope with one event, such as the end of a session it
// has forgotten, hears in time that the account was taken over.
func TestRFC8935_NoEventHoldsUpAnother(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := newDesk(t, status(http.StatusInternalServerError))
		h.register("stuck", d.URL+"/fin", subscribing(d.URL, storage.SecurityEvents()...))
		h.tokens("stuck", "openid")
		h.inTx(func(tx *storage.Tx) error {
			return tx.EndSessions(t.Context(), h.person.ID, "", storage.CauseChanged, h.clock.now())
		})
		h.deliver()
		h.clock.add(time.Second)
		h.inTx(func(tx *storage.Tx) error {
			return tx.QueueEvent(t.Context(), storage.AccountDisabled, storage.CauseDisavowed, h.person.ID, h.clock.now())
		})
		h.deliver()
		want(t, "event", h.delivery("stuck").Event, storage.AccountDisabled)
		want(t, "tried", h.delivery("stuck").LastError, "status 500")
	})
}
