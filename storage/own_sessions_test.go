package storage_test

import (
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// A person is shown her own sessions that live, and her own devices, and no others.
func TestASVS_7_5_2_OwnSessionsAndDevices(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		a, b := person(t, db, "1759999913"), person(t, db, "0959999913")
		older, newer, ended := session(t, db, a.ID), session(t, db, a.ID), session(t, db, a.ID)
		session(t, db, b.ID)
		device := func(id, of string, last, end time.Time) storage.Device {
			return storage.Device{ID: id, SecretHash: "h" + id, AfiliadoID: of, LastAt: storage.At(last), ExpiresAt: storage.At(end)}
		}
		hour := now.Add(time.Hour)
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(
				done(tx.EndSession(ctx, ended.ID, "logout", now)), tx.TouchSession(ctx, newer.ID, now.Add(time.Minute)),
				tx.KeepDevice(ctx, device("first", a.ID, now, hour)), tx.KeepDevice(ctx, device("last", a.ID, hour, hour)),
				tx.KeepDevice(ctx, device("over", a.ID, now, now)), tx.KeepDevice(ctx, device("other", b.ID, now, hour)))
		})
		sessions := func(at time.Time) []string {
			var out []string
			all, err := db.LiveSessions(ctx, a.ID, at)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range all {
				out = append(out, s.ID)
			}
			return out
		}
		if got := sessions(now); !slices.Equal(got, []string{newer.ID, older.ID}) {
			t.Errorf("got sessions %q, want the one seen last and the other", got)
		}
		if got := sessions(older.ExpiresAt.Time); len(got) != 0 {
			t.Errorf("got %q after their limit", got)
		}
		devices := func() []string {
			var out []string
			all, err := db.Devices(ctx, a.ID, now)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range all {
				out = append(out, d.ID)
			}
			return out
		}
		if got := devices(); !slices.Equal(got, []string{"last", "first"}) {
			t.Errorf("got devices %q", got)
		}
		inTx(t, db, func(tx *storage.Tx) error {
			for id, want := range map[string]bool{"last": true, "other": false, "unknown": false} {
				if found, err := tx.DropDevice(ctx, a.ID, id); err != nil || found != want {
					t.Errorf("forgetting %s: %v, %v", id, found, err)
				}
			}
			return nil
		})
		if got := devices(); !slices.Equal(got, []string{"first"}) {
			t.Errorf("got devices %q after one was forgotten", got)
		}
		if all, err := db.Devices(ctx, b.ID, now); err != nil || len(all) != 1 {
			t.Errorf("another person's device went: %v, %v", all, err)
		}
	})
}

func TestSessionSharedEndsSoonerAndOffersNothing(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx, s := t.Context(), session(t, db, person(t, db, "1759999913").ID)
		s.Offer, s.Network = true, "192.0.2.x"
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(tx.RenewSession(ctx, s), tx.SetSessionShared(ctx, s.ID, true, now.Add(time.Minute)))
		})
		got, err := db.SessionBySecret(ctx, s.SecretHash, now, now.Add(-time.Hour))
		if err != nil || !got.Shared || got.Offer || !got.ExpiresAt.Equal(now.Add(time.Minute)) || got.Network != s.Network {
			t.Errorf("got %+v, %v", got, err)
		}
		for id, want := range map[string]bool{s.ID: true, "unknown": false} {
			if shared, err := db.SessionShared(ctx, id); err != nil || shared != want {
				t.Errorf("%s: shared %v, %v", id, shared, err)
			}
		}
		inTx(t, db, func(tx *storage.Tx) error { return done(tx.EndSession(ctx, s.ID, "logout", now)) })
		err = db.InTx(ctx, func(tx *storage.Tx) error { return tx.SetSessionShared(ctx, s.ID, false, now) })
		if !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("an ended session: got %v", err)
		}
	})
}

// The activity of a person is what is about her, in its order, since a day, by
// pages; the personal parts are read together.
func TestActivityRows(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		for n, e := range []storage.Event{
			{Name: "clave.changed", AfiliadoID: "ana"}, // too old
			{Name: "clave.changed", AfiliadoID: "ana"},
			{Name: "token.issued", AfiliadoID: "ana"},
			{Name: "clave.changed", AfiliadoID: "eva"},
			{Name: "clave.denied", AfiliadoID: "ana", Personal: map[string]string{"address": "192.0.2.5"}},
			{Name: "clave.denied", AfiliadoID: "ana"},
		} {
			e.At, e.Actor, e.Detail = storage.At(now.Add(time.Duration(n)*time.Minute)), "afiliado", map[string]string{"n": strconv.Itoa(n)}
			inTx(t, db, func(tx *storage.Tx) error { return tx.Audit(ctx, e) })
		}
		page := func(before int64, without []string, limit int) ([]int64, []string) {
			var ids []int64
			var which []string
			rows, err := db.ActivityRows(ctx, "ana", now.Add(time.Minute), before, without, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				detail, err := r.Details()
				if err != nil {
					t.Fatal(err)
				}
				ids, which = append(ids, r.ID), append(which, detail["n"])
			}
			return ids, which
		}
		if _, got := page(0, nil, 10); !slices.Equal(got, []string{"5", "4", "2", "1"}) {
			t.Errorf("got %q", got)
		}
		first, got := page(0, []string{"token.issued", "nothing"}, 2)
		if !slices.Equal(got, []string{"5", "4"}) {
			t.Fatalf("first page: got %q", got)
		}
		if _, got := page(first[1], []string{"token.issued", "nothing"}, 2); !slices.Equal(got, []string{"1"}) {
			t.Errorf("second page: got %q", got)
		}
		personal, err := db.AuditPersonals(ctx, append(first, 1<<40))
		if err != nil || len(personal) != 1 || personal[first[1]]["address"] != "192.0.2.5" {
			t.Errorf("got %v, %v", personal, err)
		}
		if row, err := db.ActivityRow(ctx, "ana", first[0]); err != nil || row.Event != "clave.denied" {
			t.Errorf("got %+v, %v", row, err)
		}
		if _, err := db.ActivityRow(ctx, "eva", first[0]); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("another person's row: %v", err)
		}
	})
}
