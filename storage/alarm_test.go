package storage_test

import (
	"context"
	"database/sql"
	"slices"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// T02: what replicas add is one tally; slots of the last minute count whole, older
// ones and those of a clock that is ahead do not.
func TestT02_Alarm_FailuresOfAllReplicasAreOneTally(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		add := func(ctx context.Context, n int64, at time.Time) (bool, error) {
			return true, db.InTx(ctx, func(tx *storage.Tx) error { return tx.AddFailures(ctx, n, at) })
		}
		for ago, n := range map[time.Duration]int64{
			80 * time.Second: 1000, 60 * time.Second: 10, 20 * time.Second: 20, -time.Hour: 5000, 30 * time.Hour: 7000,
		} {
			if _, err := add(t.Context(), n, now.Add(-ago)); err != nil {
				t.Fatal(err)
			}
		}
		parallel(t, 20, func(ctx context.Context, _ int) (bool, error) { return add(ctx, 2, now) })
		if n, err := db.Failures(t.Context(), now.Add(-time.Minute), now); err != nil || n != 70 {
			t.Errorf("got %d, %v; want 70 in the last minute", n, err)
		}
		minutes, err := db.FailureMinutes(t.Context(), now.Add(-24*time.Hour), now)
		slices.Sort(minutes)
		if want := []int64{10 + 20, 40, 1000}; err != nil || !slices.Equal(minutes, want) {
			t.Errorf("got %d, %v; want %d", minutes, err, want)
		}
		if n, err := db.Purge(t.Context(), now, 10); err != nil || n != 1 {
			t.Errorf("purged %d, %v; want what is older than a day", n, err)
		}
	})
}

// T02: of many replicas one raises an alarm and one ends it; it never gets
// shorter, and a clock that was a year ahead leaves none that lasts.
func TestT02_Alarm_OneReplicaRaisesAndEndsAnAlarm(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		const name = "login"
		raise := func(at, ends time.Time) int {
			return parallel(t, 10, func(ctx context.Context, _ int) (bool, error) {
				did := false
				err := db.InTx(ctx, func(tx *storage.Tx) error {
					var err error
					did, err = tx.RaiseAlarm(ctx, name, storage.Alarm{RaisedAt: storage.At(at), EndsAt: storage.At(ends), Baseline: 7})
					return err
				})
				return did, err
			})
		}
		end := func(at time.Time) int {
			return parallel(t, 10, func(ctx context.Context, _ int) (bool, error) {
				did := false
				err := db.InTx(ctx, func(tx *storage.Tx) error {
					var err error
					did, err = tx.EndAlarm(ctx, name, at)
					return err
				})
				return did, err
			})
		}
		expect := func(at time.Time, raised, over bool) {
			t.Helper()
			a, err := db.Alarm(t.Context(), name)
			if err != nil || a.Raised(at) != raised || a.Over(at) != over {
				t.Errorf("got %+v, %v; want raised %v, over %v", a, err, raised, over)
			}
		}
		expect(now, false, false)
		for range 2 {
			if n := raise(now, now.Add(10*time.Minute)); n != 1 {
				t.Errorf("%d raised it, want 1", n)
			}
			inTx(t, db, func(tx *storage.Tx) error { return tx.ExtendAlarm(t.Context(), name, now.Add(time.Minute)) })
			expect(now.Add(9*time.Minute), true, false)
			inTx(t, db, func(tx *storage.Tx) error { return tx.ExtendAlarm(t.Context(), name, now.Add(12*time.Minute)) })
			expect(now.Add(11*time.Minute), true, false)
			if n := raise(now.Add(11*time.Minute), now.Add(21*time.Minute)) + end(now.Add(11*time.Minute)); n != 0 {
				t.Errorf("%d raised or ended it, want none", n)
			}
			expect(now.Add(12*time.Minute), false, true)
			if n := end(now.Add(12 * time.Minute)); n != 1 {
				t.Errorf("%d ended it, want 1", n)
			}
			expect(now, false, false)
		}
		ahead := now.AddDate(1, 0, 0)
		if n := raise(ahead, ahead.Add(10*time.Minute)); n != 1 {
			t.Errorf("%d raised it, want 1", n)
		}
		expect(now, false, true)
		if n := end(now); n != 1 {
			t.Errorf("%d ended what a wrong clock raised, want 1", n)
		}
	})
}
