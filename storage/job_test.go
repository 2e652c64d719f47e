package storage_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

func TestJobIsLeasedToOneReplica(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		lease := func(ctx context.Context, at time.Time) (bool, error) {
			mine := false
			err := db.InTx(ctx, func(tx *storage.Tx) error {
				var err error
				mine, err = tx.LeaseJob(ctx, "purge", time.Minute, at, at.Add(5*time.Minute))
				return err
			})
			return mine, err
		}
		release := func(until, at time.Time) {
			inTx(t, db, func(tx *storage.Tx) error { return tx.ReleaseJob(t.Context(), "purge", until, at) })
		}
		expect := func(when string, at time.Time, want bool) {
			t.Helper()
			if got, err := lease(t.Context(), at); err != nil || got != want {
				t.Errorf("%s: got %v, %v; want %v", when, got, err, want)
			}
		}
		if won := parallel(t, 20, func(ctx context.Context, _ int) (bool, error) { return lease(ctx, now) }); won != 1 {
			t.Errorf("%d replicas run the job, want 1", won)
		}
		expect("while it runs", now.Add(2*time.Minute), false)
		release(now.Add(5*time.Minute), now.Add(10*time.Second))
		expect("too soon after it ran", now.Add(30*time.Second), false)
		expect("when it is due", now.Add(time.Minute), true)
		expect("after its replica died", now.Add(6*time.Minute), true)
		release(now.Add(6*time.Minute), now.Add(7*time.Minute)) // the dead one comes back
		expect("while the second one runs", now.Add(8*time.Minute), false)
	})
}

// A replica whose clock was a year ahead does not stop a job for a year.
func TestJobOutlivesAWrongClock(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		for _, tt := range []struct {
			name  string
			ahead time.Duration
			ended bool // it gave its lease back
			want  bool
		}{
			{"a year, and died", 365 * 24 * time.Hour, false, true},
			{"a year, and ended", 365 * 24 * time.Hour, true, true},
			{"an hour", time.Hour, true, false},
		} {
			inTx(t, db, func(tx *storage.Tx) error {
				wrong := now.Add(tt.ahead)
				if err := done(tx.LeaseJob(t.Context(), tt.name, time.Minute, wrong, wrong.Add(5*time.Minute))); err != nil || !tt.ended {
					return err
				}
				return tx.ReleaseJob(t.Context(), tt.name, wrong.Add(5*time.Minute), wrong.Add(time.Second))
			})
			inTx(t, db, func(tx *storage.Tx) error {
				got, err := tx.LeaseJob(t.Context(), tt.name, time.Minute, now, now.Add(5*time.Minute))
				if got != tt.want {
					t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
				}
				return err
			})
		}
	})
}

// Purging takes what has expired with all that hangs from it, in batches, and
// leaves the rest.
func TestPurgeTakesOnlyWhatExpired(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		a := person(t, db, "1759999913")
		inTx(t, db, func(tx *storage.Tx) error {
			ctx := t.Context()
			for i := range 7 { // five of each have expired
				id := fmt.Sprint(i)
				until := storage.At(now.Add(time.Duration(i-4) * time.Minute))
				for _, err := range []error{
					tx.AddSession(ctx, storage.Session{ID: id, SecretHash: id, AfiliadoID: a.ID, ExpiresAt: until}),
					done(tx.JoinSession(ctx, id, "historia", now)),
					tx.AddGrant(ctx, storage.Grant{ID: id, AfiliadoID: a.ID, SessionID: id, ExpiresAt: until}),
					tx.AddRefreshToken(ctx, storage.RefreshToken{Hash: id, GrantID: id}),
					tx.AddAccessToken(ctx, storage.AccessToken{Hash: id, GrantID: id, ExpiresAt: until}),
					tx.AddAuthRequest(ctx, storage.AuthRequest{ID: id, ExpiresAt: until}),
					tx.KeepDevice(ctx, storage.Device{ID: id, SecretHash: id, AfiliadoID: a.ID, ExpiresAt: until}),
					tx.AddPressure(ctx, []byte(id), until.Time, 0, 0),
					done(tx.SpendJTI(ctx, "client_assertion", "historia", id, until.Time)),
					done(tx.ReserveAttempt(ctx, []byte(id), 5, now, until.Time)),
				} {
					if err != nil {
						return err
					}
				}
			}
			return done(tx.LockClave(ctx, []byte("0"), storage.LockLogin, now)) // now it never expires
		})
		n, err := db.Purge(t.Context(), now, 2)
		if err != nil || n != 5*8-1 {
			t.Errorf("purged %d, %v; want %d", n, err, 5*8-1)
		}
		for table, want := range map[string]int{
			"session": 2, "session_client": 2, "oauth_grant": 2, "refresh_token": 2, "access_token": 2,
			"auth_request": 2, "jti_spent": 2, "device": 2, "pressure": 2, "login_budget": 3,
		} {
			if got := count(t, raw, `SELECT COUNT(*) FROM `+table); got != want {
				t.Errorf("%s has %d rows, want %d", table, got, want)
			}
		}
		if b, err := db.LoginBudget(t.Context(), []byte("0")); err != nil || b.LockReason != storage.LockLogin {
			t.Errorf("got %+v, %v; want the lock of a person kept", b, err)
		}
	})
}

// A lock that is set while the purge looks at the row is not purged with it.
func TestPurgeSparesARowThatJustGotALongerLife(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		mac := db.IdentifierMAC("1759999913")
		inTx(t, db, func(tx *storage.Tx) error {
			return done(tx.ReserveAttempt(t.Context(), mac, 5, now, now.Add(-time.Hour)))
		})
		locked, purged := make(chan struct{}), make(chan error)
		inTx(t, db, func(tx *storage.Tx) error {
			if err := done(tx.LockClave(t.Context(), mac, storage.LockLogin, now)); err != nil {
				return err
			}
			go func() {
				close(locked)
				purged <- done(db.Purge(t.Context(), now, 10))
			}()
			<-locked
			return nil
		})
		if err := <-purged; err != nil {
			t.Fatal(err)
		}
		if b, err := db.LoginBudget(t.Context(), mac); err != nil || b.LockReason != storage.LockLogin {
			t.Errorf("got %+v, %v; want the lock", b, err)
		}
	})
}
