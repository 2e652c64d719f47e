package storage_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// told is an application that takes logout tokens.
func told(id string) storage.Client {
	return storage.Client{ID: id, Metadata: storage.ClientMetadata{BackchannelLogoutURI: "https://" + id + ".example/fin"}}
}

func leaseDeliveries(t testing.TB, db *storage.DB, clientID string, n int, at time.Time) []storage.Delivery {
	t.Helper()
	var out []storage.Delivery
	inTx(t, db, func(tx *storage.Tx) error {
		var err error
		out, err = tx.LeaseDeliveries(t.Context(), clientID, n, at, at.Add(time.Minute))
		return err
	})
	return out
}

// joined is a session of a person that has entered the applications, and the sid
// of the first one.
func joined(t testing.TB, db *storage.DB, afiliadoID string, clients ...string) (storage.Session, string) {
	t.Helper()
	s := session(t, db, afiliadoID)
	var first string
	inTx(t, db, func(tx *storage.Tx) error {
		for i, id := range clients {
			sid, err := tx.JoinSession(t.Context(), s.ID, id, now)
			if err != nil {
				return err
			}
			if i == 0 {
				first = sid
			}
		}
		return nil
	})
	return s, first
}

// states are the deliveries to an application, by sid.
func states(t testing.TB, db *storage.DB, clientID string) map[string]string {
	t.Helper()
	all, err := db.ClientDeliveries(t.Context(), clientID, 100)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, d := range all {
		out[d.SID] = d.State
	}
	return out
}

// Whoever ends sessions queues what tells their applications, in the same
// transaction, once: those that take logout tokens and are not disabled.
func TestTheEndOfASessionQueuesItsApplications(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		a, other := person(t, db, "1759999913"), person(t, db, "0959999913")
		inTx(t, db, func(tx *storage.Tx) error {
			for _, c := range []storage.Client{told("one"), told("two"), told("off"), {ID: "mute"}} {
				if err := tx.SaveClient(ctx, c); err != nil {
					return err
				}
			}
			return tx.DisableClient(ctx, "off", now)
		})
		s, sid := joined(t, db, a.ID, "one", "two", "off", "mute")
		lives, livesSID := joined(t, db, a.ID, "one")
		joined(t, db, other.ID, "one")

		broken := errors.New("broken off")
		err := db.InTx(ctx, func(tx *storage.Tx) error {
			return errors.Join(done(tx.EndSession(ctx, s.ID, "logout", now)), broken)
		})
		if !errors.Is(err, broken) || len(states(t, db, "one")) != 0 {
			t.Errorf("after a rollback: %v, %v; want nothing queued", err, states(t, db, "one"))
		}
		for range 2 { // a second time there is nothing to end
			inTx(t, db, func(tx *storage.Tx) error { return done(tx.EndSession(ctx, s.ID, "logout", now)) })
		}
		for client, want := range map[string]int{"one": 1, "two": 1, "off": 0, "mute": 0} {
			if got := states(t, db, client); len(got) != want {
				t.Errorf("%s: %v queued, want %d", client, got, want)
			}
		}
		if got := states(t, db, "one")[sid]; got != storage.DeliveryPending {
			t.Errorf("got %q for the sid of one, want it pending", got)
		}
		// All but one: the one that goes on is not told.
		ends, endsSID := joined(t, db, a.ID, "one")
		inTx(t, db, func(tx *storage.Tx) error {
			return tx.EndSessions(ctx, a.ID, lives.ID, "clave changed", now.Add(time.Second))
		})
		got := states(t, db, "one")
		if got[endsSID] == "" || got[livesSID] != "" || len(got) != 2 {
			t.Errorf("ended %s; got %v", ends.ID, got)
		}
		inTx(t, db, func(tx *storage.Tx) error { return tx.EndSessions(ctx, a.ID, "", "recovery", now.Add(2*time.Second)) })
		if got := states(t, db, "one"); got[livesSID] == "" || len(got) != 3 {
			t.Errorf("after all ended: %v", got)
		}
		ended, err := db.EndedClients(ctx, s.ID, now.Add(-time.Hour))
		if err != nil || len(ended) != 4 {
			t.Errorf("got %v, %v; want the four applications", ended, err)
		}
		if live, err := db.EndedClients(ctx, session(t, db, a.ID).ID, now.Add(-time.Hour)); err != nil || len(live) != 0 {
			t.Errorf("got %v, %v for a session that lives", live, err)
		}
	})
}

// A session that ran out, and is not even on file any more, may live on at an
// application that holds a grant of it: where all of a person's sessions end it is
// told, unless it was before.
func TestTheEndOfAGrantIsToldWhereItsSessionIsGone(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		a := person(t, db, "1759999913")
		inTx(t, db, func(tx *storage.Tx) error { return tx.SaveClient(ctx, told("historia")) })
		s, sid := joined(t, db, a.ID, "historia")
		g := storage.Grant{
			ID: "old", ClientID: "historia", AfiliadoID: a.ID, SessionID: s.ID, SID: sid, Scope: "openid offline_access",
			ExpiresAt: storage.At(now.Add(30 * 24 * time.Hour)),
		}
		twin := g
		twin.ID = "twin"
		over := grant(t, db, a.ID, "gone", "openid")
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(tx.AddGrant(ctx, g), tx.AddGrant(ctx, twin), done(tx.RevokeGrant(ctx, over.ID, "r", now)))
		})
		if _, err := db.Purge(ctx, now.Add(13*time.Hour), 100); err != nil { // the session has run out
			t.Fatal(err)
		}
		late := now.Add(14 * time.Hour)
		inTx(t, db, func(tx *storage.Tx) error { return tx.EndSessions(ctx, a.ID, "", "recovery", late) })
		if got := states(t, db, "historia"); len(got) != 1 || got[sid] != storage.DeliveryPending {
			t.Errorf("got %v, want %s pending", got, sid)
		}
		// Told of the logout, it need not be told of the recovery too.
		s, sid = joined(t, db, a.ID, "historia")
		g.ID, g.SessionID, g.SID = "new", s.ID, sid
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(tx.AddGrant(ctx, g), done(tx.EndSession(ctx, s.ID, "logout", late)))
		})
		d := leaseDeliveries(t, db, "historia", 10, late)
		inTx(t, db, func(tx *storage.Tx) error {
			for _, d := range d {
				if err := tx.EndDelivery(ctx, d, storage.DeliveryDelivered, "", late); err != nil {
					return err
				}
			}
			return tx.EndSessions(ctx, a.ID, "", "recovery", late.Add(time.Minute))
		})
		if got := states(t, db, "historia"); len(got) != 2 || got[sid] != storage.DeliveryDelivered {
			t.Errorf("got %v, want %s delivered still", got, sid)
		}
	})
}

// No two replicas hold a delivery; who lost its lease cannot settle it.
func TestDeliveriesAreLeasedOnce(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		ctx := t.Context()
		a := person(t, db, "1759999913")
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(tx.SaveClient(ctx, told("one")), tx.SaveClient(ctx, told("two")))
		})
		const all = 20
		for range all {
			joined(t, db, a.ID, "one", "two")
		}
		inTx(t, db, func(tx *storage.Tx) error { return tx.EndSessions(ctx, a.ID, "", "recovery", now) })
		if due, err := db.DeliveryClients(ctx, now); err != nil || strings.Join(due, " ") != "one two" {
			t.Errorf("got %q, %v; want both due", due, err)
		}
		if due, err := db.DeliveryClients(ctx, now.Add(-time.Second)); err != nil || len(due) != 0 {
			t.Errorf("got %q, %v; want none due yet", due, err)
		}
		held := make(chan []storage.Delivery, all)
		parallel(t, all, func(ctx context.Context, _ int) (bool, error) {
			var got []storage.Delivery
			err := db.InTx(ctx, func(tx *storage.Tx) error {
				var err error
				got, err = tx.LeaseDeliveries(ctx, "one", 3, now, now.Add(time.Minute))
				return err
			})
			held <- got
			return len(got) > 0, err
		})
		close(held)
		seen := map[string]storage.Delivery{}
		n := 0
		for batch := range held {
			for _, d := range batch {
				seen[d.SID] = d
				n++
			}
		}
		if rest := leaseDeliveries(t, db, "one", all, now); n+len(rest) != all || len(seen) != n {
			t.Errorf("leased %d, %d different, and %d were left; want %d once", n, len(seen), len(rest), all)
		}
		again := leaseDeliveries(t, db, "one", all, now.Add(2*time.Minute)) // the leases have run out
		if len(again) != all {
			t.Errorf("%d leased again, want %d", len(again), all)
		}
		for _, d := range seen {
			err := db.InTx(ctx, func(tx *storage.Tx) error { return tx.EndDelivery(ctx, d, storage.DeliveryDelivered, "", now) })
			if !errors.Is(err, storage.ErrConflict) {
				t.Errorf("a lost lease: got %v, want ErrConflict", err)
			}
			break
		}
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(tx.EndDelivery(ctx, again[0], storage.DeliveryRefused, "status 400", now), tx.RetryDelivery(ctx, again[1], "timeout", now.Add(time.Hour)))
		})
		got := map[string]int64{}
		counts, err := db.DeliveryCounts(ctx, now.Add(-time.Hour))
		for _, c := range counts {
			got[c.ClientID+" "+c.State] = c.Count
		}
		if err != nil || got["one pending"] != all-1 || got["one refused"] != 1 || got["two pending"] != all {
			t.Errorf("got %v, %v", got, err)
		}
		if n, err := db.Purge(ctx, now.Add(31*24*time.Hour), 100); err != nil || count(t, raw, `SELECT COUNT(*) FROM logout_delivery`) != 2*all-1 {
			t.Errorf("purged %d, %v; want the one that is done", n, err)
		}
	})
}

// One statement ends sessions, and it queues.
func TestSessionsEndInOnePlace(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		n += strings.Count(string(text), "SET ended_at = ? WHERE s.ended_at")
		if strings.Contains(string(text), "UPDATE session SET ended_at") {
			t.Errorf("%s ends sessions without telling their applications", name)
		}
	}
	if n != 1 {
		t.Errorf("%d statements end sessions, want 1", n)
	}
}
