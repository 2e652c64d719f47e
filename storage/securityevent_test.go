package storage_test

import (
	"database/sql"
	"errors"
	"slices"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// subscriber is an application that takes logout tokens and those security events.
func subscriber(id string, events ...string) storage.Client {
	c := told(id)
	c.Metadata.Events, c.Metadata.EventsURI = events, "https://"+id+".example/eventos"
	return c
}

// events are the security events for an application, as "type: cause", the newest
// first.
func eventsFor(t testing.TB, db *storage.DB, clientID string) []string {
	t.Helper()
	all, err := db.ClientDeliveries(t.Context(), clientID, 100)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range all {
		if d.Event != storage.BackchannelLogout {
			out = append(out, d.Event+": "+d.Cause)
		}
	}
	return out
}

// A security event is queued in the transaction of its effect for each application
// that receives such events and knows the person. Nobody else learns of her.
func TestRFC8417_EventsGoToWhoKnowsHer(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		ctx := t.Context()
		a, other := person(t, db, "1759999913"), person(t, db, "0959999913")
		all := storage.SecurityEvents()
		half := subscriber("half", all...)
		half.Metadata.EventsURI = ""
		s := session(t, db, a.ID)
		inTx(t, db, func(tx *storage.Tx) error {
			for _, c := range []storage.Client{
				subscriber("historia", all...), subscriber("noted", all...), subscriber("joined", all...), subscriber("accounts", storage.AccountDisabled),
				subscriber("stranger", all...), subscriber("off", all...), subscriber("moved", all...), subscriber("moved"), told("mute"), half,
			} {
				if err := tx.SaveClient(ctx, c); err != nil {
					return err
				}
			}
			for _, id := range []string{"noted", "accounts", "off", "moved", "mute", "half"} {
				if err := tx.SaveConsent(ctx, storage.Consent{AfiliadoID: a.ID, ClientID: id, Kind: "notice"}); err != nil {
					return err
				}
			}
			return errors.Join(done(tx.JoinSession(ctx, s.ID, "joined", now)), tx.DisableClient(ctx, "off", now),
				tx.SaveConsent(ctx, storage.Consent{AfiliadoID: other.ID, ClientID: "stranger", Kind: "notice"}))
		})
		grant(t, db, a.ID, "gone", "openid offline_access") // of historia
		told := func(want map[string][]string) {
			t.Helper()
			for _, id := range []string{"historia", "noted", "joined", "accounts", "stranger", "off", "moved", "mute", "half"} {
				if got := eventsFor(t, db, id); !slices.Equal(got, want[id]) {
					t.Errorf("%s: got %q, want %q", id, got, want[id])
				}
			}
		}
		set := func(tx *storage.Tx, at time.Time, recovered bool) error {
			c := storage.Clave{AfiliadoID: a.ID, PHC: "x", CreatedAt: storage.At(at)}
			if recovered {
				c.RecoveredAt = c.CreatedAt
			}
			return tx.SetClave(ctx, c, 3)
		}
		broken := errors.New("broken off")
		if err := db.InTx(ctx, func(tx *storage.Tx) error { return errors.Join(set(tx, now, true), broken) }); !errors.Is(err, broken) {
			t.Fatal(err)
		}
		told(nil)
		first := storage.CredentialChange + ": " + storage.CauseGenerated
		inTx(t, db, func(tx *storage.Tx) error { return set(tx, now, true) })
		told(map[string][]string{"historia": {first}, "noted": {first}, "joined": {first}})
		changed, again := storage.CredentialChange+": "+storage.CauseChanged, storage.CredentialChange+": "+storage.CauseRecovered
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(set(tx, now.Add(time.Second), false), set(tx, now.Add(2*time.Second), true))
		})
		told(map[string][]string{"historia": {again, changed, first}, "noted": {again, changed, first}, "joined": {again, changed, first}})
		off := storage.AccountDisabled + ": " + storage.CauseDisabled
		inTx(t, db, func(tx *storage.Tx) error { return tx.DisableAfiliado(ctx, a.ID, "r", now.Add(3*time.Second)) })
		told(map[string][]string{
			"historia": {off, again, changed, first}, "noted": {off, again, changed, first}, "joined": {off, again, changed, first}, "accounts": {off},
		})
		must(t, raw, `INSERT INTO consent (afiliado_id, client_id, kind, scope, asked, created_at, withdrawn_at)
			SELECT '`+a.ID+`', id, 'consent', 'openid', 'openid', 1, 2 FROM client WHERE id IN ('historia', 'joined')`) // each knows her by what is still on file
		inTx(t, db, func(tx *storage.Tx) error {
			return tx.QueueEvent(ctx, storage.AccountEnabled, storage.CauseRecovered, a.ID, now.Add(4*time.Second))
		})
		for id, events := range map[string]int{"historia": 4, "joined": 4, "noted": 5} {
			if got := eventsFor(t, db, id); len(got) != events {
				t.Errorf("%s: got %q once the others' consent is taken back, want %d", id, got, events)
			}
		}
		// Of what the account went through, the oldest of each: what comes after waits for it.
		// What she did with her clave waits for nothing, and holds nothing up.
		for id, want := range map[string]int{"historia": 4, "joined": 4, "noted": 4, "accounts": 1} {
			got := leaseDeliveries(t, db, id, 10, now.Add(time.Hour))
			if len(got) != want || slices.ContainsFunc(got, func(d storage.Delivery) bool { return d.Event == storage.AccountEnabled }) {
				t.Errorf("%s: leased %v; want %d, and none of the account's end of being off", id, got, want)
			}
		}
	})
}

// The end of a session revokes it at the applications it had entered, once,
// whoever ends it and however often; one that is known by its grant alone is told
// too where all of a person's sessions end.
func TestRFC8417_EndOfASessionRevokesIt(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		ctx := t.Context()
		a := person(t, db, "1759999913")
		quiet := subscriber("quiet", storage.SessionRevoked)
		quiet.Metadata.BackchannelLogoutURI = ""
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(tx.SaveClient(ctx, quiet), tx.SaveClient(ctx, subscriber("historia", storage.SessionRevoked)),
				tx.SaveClient(ctx, subscriber("changes", storage.CredentialChange)))
		})
		s, sid := joined(t, db, a.ID, "quiet", "changes")
		lives, _ := joined(t, db, a.ID, "quiet")
		g := grant(t, db, a.ID, "gone", "openid offline_access") // of historia
		for range 2 {
			inTx(t, db, func(tx *storage.Tx) error { return done(tx.EndSession(ctx, s.ID, storage.CauseLogout, now)) })
		}
		at := now.Add(time.Second)
		for range 2 {
			inTx(t, db, func(tx *storage.Tx) error { return tx.EndSessions(ctx, a.ID, lives.ID, storage.CauseChanged, at) })
		}
		left, revoked := storage.SessionRevoked+": "+storage.CauseLogout, storage.SessionRevoked+": "+storage.CauseChanged
		for id, want := range map[string][]string{"quiet": {left}, "historia": {revoked}, "changes": nil} {
			if got := eventsFor(t, db, id); !slices.Equal(got, want) {
				t.Errorf("%s: got %q, want %q", id, got, want)
			}
		}
		if due, err := db.DeliveryClients(ctx, at); err != nil || !slices.Equal(due, []string{"changes", "historia", "quiet"}) {
			t.Errorf("got %q, %v; want all of them", due, err)
		}
		d := leaseDeliveries(t, db, "quiet", 5, at)
		if len(d) != 1 || d[0].SID != sid || d[0].AfiliadoID != a.ID || !d[0].CreatedAt.Equal(now) {
			t.Fatalf("got %+v, want the session %s", d, sid)
		}
		both := leaseDeliveries(t, db, "historia", 5, at)
		if len(both) != 2 || both[0].SID != g.SID || both[1].SID != g.SID || both[0].Event == both[1].Event {
			t.Errorf("got %+v, want a logout and an event about %s", both, g.SID)
		}
		inTx(t, db, func(tx *storage.Tx) error { return tx.EndDelivery(ctx, d[0], storage.DeliveryDelivered, "", at) })
		counts, err := db.DeliveryCounts(ctx, now)
		if err != nil || !slices.ContainsFunc(counts, func(c storage.DeliveryCount) bool {
			return c.ClientID == "quiet" && c.Event == storage.SessionRevoked && c.State == storage.DeliveryDelivered && c.Count == 1
		}) {
			t.Errorf("got %+v, %v", counts, err)
		}
		if _, err := db.Purge(ctx, now.Add(31*24*time.Hour), 100); err != nil || count(t, raw, `SELECT COUNT(*) FROM event_delivery`) != 1 {
			t.Errorf("%v; want the one that is done purged", err)
		}
	})
}
