package storage_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// What was opened while the link lived may be confirmed though it has run out
// (D07): by one, and not if a newer link has taken its place.
func TestD07_AnOpenedLinkOutlivesItsEnd(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		a := person(t, db, "1759999913")
		add := func() storage.Link {
			t.Helper()
			l := unlockLink(a.ID) // three minutes
			l.Purpose = storage.LinkGenerar
			addLink(t, db, l)
			deliver(t, db, l.ID, now)
			return l
		}
		confirm := func(ctx context.Context, id string, opened, at time.Duration) (bool, error) {
			did := false
			err := db.InTx(ctx, func(tx *storage.Tx) error {
				var err error
				did, err = tx.UseLinkOpened(ctx, id, now.Add(opened), now.Add(at))
				return err
			})
			return did, err
		}
		for _, tt := range []struct {
			name       string
			opened, at time.Duration
			want       bool
		}{
			{"before the link", -time.Second, time.Minute, false},
			{"later than now", 2 * time.Minute, time.Minute, false},
			{"when the link was over", 3 * time.Minute, 4 * time.Minute, false},
			{"in its last second", 3*time.Minute - time.Second, 17 * time.Minute, true},
			{"in its first", 0, 0, true},
		} {
			l := add()
			if did, err := confirm(ctx, l.ID, tt.opened, tt.at); err != nil || did != tt.want {
				t.Errorf("opened %s: got %v, %v; want %v", tt.name, did, err, tt.want)
			}
			if got, err := db.Link(ctx, l.ID); err != nil || got.UsedAt.IsZero() == tt.want || (tt.want && !got.UsedAt.Equal(now.Add(tt.at))) {
				t.Errorf("opened %s: got %+v, %v; want used %v", tt.name, got, err, tt.want)
			}
		}
		l := add()
		won := parallel(t, 50, func(ctx context.Context, _ int) (bool, error) { return confirm(ctx, l.ID, time.Minute, 10*time.Minute) })
		if won != 1 {
			t.Errorf("%d confirmed, want one", won)
		}
		older := add()
		add()
		if did, err := confirm(ctx, older.ID, time.Minute, 2*time.Minute); err != nil || did {
			t.Errorf("got %v, %v; want the older link dead", did, err)
		}
	})
}

// A link goes over to the browser that answered; one that is used or replaced to
// none.
func TestRebindLink(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		a := person(t, db, "1759999913")
		rebind := func(id string) error {
			return db.InTx(ctx, func(tx *storage.Tx) error { return tx.RebindLink(ctx, id, "another") })
		}
		replaced, live := addLink(t, db, unlockLink(a.ID)), addLink(t, db, unlockLink(a.ID))
		if err := rebind(live.ID); err != nil {
			t.Error(err)
		}
		if got, err := db.Link(ctx, live.ID); err != nil || got.BrowserHash != "another" || !got.Live(now) {
			t.Errorf("got %+v, %v; want it the other browser's", got, err)
		}
		use(t, db, live.ID, now)
		for name, id := range map[string]string{"replaced": replaced.ID, "used": live.ID, "none": "none"} {
			if err := rebind(id); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%s: got %v, want not found", name, err)
			}
		}
	})
}
