package storage_test

import (
	"database/sql"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

func TestErrands(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		ctx, mac, other := t.Context(), db.IdentifierMAC("1759999913"), db.IdentifierMAC("0959999913")
		add := func(id string, mac []byte, at time.Time, so bool) {
			t.Helper()
			inTx(t, db, func(tx *storage.Tx) error {
				return tx.AddErrandIf(ctx, storage.Errand{
					ID: id, Kind: "desbloqueo", IdentifierMAC: mac, BrowserHash: "browser", ClientID: "historia", AuthRequest: "request",
					Data: json.RawMessage(`{"Network":"203.0.113.x"}`), CreatedAt: storage.At(at),
				}, so)
			})
		}
		add("a", mac, now, true)
		add("b", other, now.Add(time.Minute), true)
		add("c", mac, now, false)
		due, err := db.DueErrands(ctx, now, 10)
		if err != nil || len(due) != 1 || due[0].ID != "a" || len(due[0].Data) != 0 || due[0].AuthRequest != "request" {
			t.Fatalf("due %+v, %v", due, err)
		}
		if data, err := db.ErrandData(ctx, "a"); err != nil || string(data) != `{"Network":"203.0.113.x"}` {
			t.Errorf("in it %s, %v", data, err)
		}
		if strings.Contains(dump(t, db, raw), "203.0.113") {
			t.Error("what an errand says lies open")
		}
		mine, err := db.BrowserErrands(ctx, "desbloqueo", "browser", now.Add(-time.Minute))
		if err != nil || len(mine) != 2 || mine[0].ID != "b" {
			t.Errorf("of the browser: %+v, %v", mine, err)
		}
		won := 0
		for range 3 {
			inTx(t, db, func(tx *storage.Tx) error {
				taken, err := tx.TakeErrand(ctx, "a", now)
				if taken {
					won++
				}
				return err
			})
		}
		if data, err := db.ErrandData(ctx, "a"); err != nil || len(data) != 0 {
			t.Errorf("left in a done one: %s, %v", data, err)
		}
		open, err := db.OpenErrands(ctx, mac, "browser")
		if won != 1 || err != nil || len(open) != 0 {
			t.Errorf("taken %d times; open %+v, %v", won, open, err)
		}
		if n, err := db.Purge(ctx, now.Add(2*time.Hour), 100); err != nil || n != 1 { // an undone one is never purged
			t.Errorf("purged %d, %v", n, err)
		}
	})
}

// What does not open holds up nobody who does not need it.
func TestADamagedErrandIsListed(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		ctx, mac := t.Context(), db.IdentifierMAC("1759999913")
		inTx(t, db, func(tx *storage.Tx) error {
			return tx.AddErrand(ctx, storage.Errand{ID: "a", Kind: "desbloqueo", IdentifierMAC: mac, BrowserHash: "browser", CreatedAt: storage.At(now)})
		})
		must(t, raw, `UPDATE errand SET data = identifier_mac WHERE id = 'a'`)
		due, err := db.DueErrands(ctx, now, 10)
		open, openErr := db.OpenErrands(ctx, mac, "browser")
		mine, mineErr := db.BrowserErrands(ctx, "desbloqueo", "browser", now.Add(-time.Minute))
		if len(due) != 1 || len(open) != 1 || len(mine) != 1 || err != nil || openErr != nil || mineErr != nil {
			t.Errorf("listed %d, %d, %d; %v, %v, %v", len(due), len(open), len(mine), err, openErr, mineErr)
		}
		if data, err := db.ErrandData(ctx, "a"); err == nil {
			t.Errorf("opened to %q", data)
		}
	})
}

// S092: whom to remind, once for a due date.
func TestS092_DueClaves(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx, a := t.Context(), person(t, db, "1759999913")
		due := now.Add(20 * 24 * time.Hour)
		inTx(t, db, func(tx *storage.Tx) error {
			return tx.SetClave(ctx, storage.Clave{AfiliadoID: a.ID, PHC: "x", CreatedAt: storage.At(now), DueAt: storage.At(due)}, 5)
		})
		got, err := db.DueClaves(ctx, "vence-30", now, due, 10)
		if err != nil || len(got) != 1 || got[0].AfiliadoID != a.ID {
			t.Fatalf("got %+v, %v", got, err)
		}
		m := mailTo(a)
		m.ID = storage.ReminderID("vence-30", got[0])
		enqueue(t, db, m)
		for prefix, want := range map[string]int{"vence-30": 0, "vence-7": 1} {
			if got, err := db.DueClaves(ctx, prefix, now, due, 10); err != nil || len(got) != want {
				t.Errorf("%s: got %+v, %v", prefix, got, err)
			}
		}
	})
}
