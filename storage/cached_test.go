package storage_test

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// While one caller asks the database, the others get what was known less than a
// second ago, and then wait: however slow the database, nobody is answered with
// something older.
func TestCachedIsNeverOlderThanASecond(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		var clock atomic.Int64
		var loads int
		loading, goOn := make(chan struct{}), make(chan struct{})
		cache := storage.NewCached(db, func() time.Time { return now.Add(time.Duration(clock.Load())) }, storage.RevisionClient,
			func(_ context.Context, at time.Time) (int, time.Time, error) {
				if loads++; loads > 1 {
					loading <- struct{}{}
					<-goOn
				}
				return loads, at.Add(time.Hour), nil
			})
		get := func(when string, want int) {
			t.Helper()
			if got, err := cache.Get(t.Context()); err != nil || got != want {
				t.Errorf("%s: got %d, %v; want %d", when, got, err, want)
			}
		}
		get("first", 1)
		inTx(t, db, func(tx *storage.Tx) error {
			return tx.SaveClient(t.Context(), storage.Client{ID: "historia", UpdatedAt: storage.At(now)})
		})
		get("from memory", 1)
		asked := make(chan int, 1)
		ask := func() {
			got, err := cache.Get(t.Context())
			if err != nil {
				t.Error(err)
			}
			asked <- got
		}
		clock.Store(int64(999 * time.Millisecond))
		go ask()
		<-loading
		get("while somebody asks", 1)
		clock.Store(int64(time.Second))
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if got, err := cache.Get(over); !errors.Is(err, context.Canceled) {
			t.Errorf("a second old: got %d, %v; want it to wait", got, err)
		}
		goOn <- struct{}{}
		if got := <-asked; got != 2 {
			t.Errorf("got %d, want what was asked for", got)
		}
		get("after that", 2)
		clock.Store(int64(time.Minute))
		get("nothing has changed", 2)
		clock.Store(int64(2 * time.Hour))
		go ask()
		<-loading
		goOn <- struct{}{}
		if got := <-asked; got != 3 {
			t.Errorf("got %d, want the value that is over made anew", got)
		}
		if got, err := cache.Now(t.Context()); err != nil || got != 3 {
			t.Errorf("now: got %d, %v", got, err)
		}
	})
}
