package storage_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// However many wrong claves arrive at once, five are reserved and compared, and
// the lock is set once (FT-15).
func TestFT15_ExactlyFiveAttempts(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		for _, identifier := range []storage.Identifier{"1759999913", "0000000000"} { // somebody and nobody
			mac := db.IdentifierMAC(identifier)
			locked := make(chan bool, 200)
			reserved := parallel(t, 200, func(ctx context.Context, _ int) (bool, error) {
				n := 0
				err := db.InTx(ctx, func(tx *storage.Tx) error {
					var err error
					n, err = tx.ReserveAttempt(ctx, mac, 5, now, now.Add(time.Hour))
					return err
				})
				if err == nil && n > 0 {
					err = db.InTx(ctx, func(tx *storage.Tx) error {
						is, err := tx.SettleFailure(ctx, mac, 5, true, now, time.Time{})
						locked <- is
						return err
					})
				}
				return n > 0, err
			})
			close(locked)
			locks := 0
			for is := range locked {
				if is {
					locks++
				}
			}
			if reserved != 5 || locks != 1 {
				t.Errorf("%d attempts reserved, locked %d times; want 5 and 1", reserved, locks)
			}
			b, err := db.LoginBudget(t.Context(), mac)
			if err != nil || b.Failures < 5 || b.Failures > 6 || b.LockReason != storage.LockLogin {
				t.Errorf("got %+v, %v; want five failures, perhaps one refused, and the lock", b, err)
			}
		}
		if n := count(t, raw, `SELECT COUNT(*) FROM login_budget`); n != 2 {
			t.Errorf("%d budgets, want one for each identifier", n)
		}
	})
}

func TestReserveCountsUpAndStopsAtALock(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		mac := db.IdentifierMAC("1759999913")
		reserve := func(tx *storage.Tx) int {
			n, err := tx.ReserveAttempt(t.Context(), mac, 5, now, now)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		inTx(t, db, func(tx *storage.Tx) error {
			if a, b := reserve(tx), reserve(tx); a != 1 || b != 2 {
				t.Errorf("got attempts %d, %d; want 1, 2", a, b)
			}
			if is, err := tx.LockClave(t.Context(), mac, storage.LockOperador, now); err != nil || !is {
				t.Errorf("got %v, %v; want it locked", is, err)
			}
			if is, err := tx.LockClave(t.Context(), mac, storage.LockLogin, now); err != nil || is {
				t.Errorf("got %v, %v; want the first lock kept", is, err)
			}
			if n := reserve(tx); n != 0 {
				t.Errorf("attempt %d was reserved on a locked clave", n)
			}
			if err := tx.ForgiveAttempts(t.Context(), mac); err != nil {
				return err
			}
			if n := reserve(tx); n != 0 {
				t.Errorf("attempt %d was reserved: a right clave lifted the officer's lock", n)
			}
			if err := tx.UnlockClave(t.Context(), mac); err != nil {
				return err
			}
			if n := reserve(tx); n != 1 {
				t.Errorf("got attempt %d after unlocking, want 1", n)
			}
			return nil
		})
	})
}

// S086: whoever may not lift a lock does not lift one that was set since she looked.
func TestS086_UnlockingSparesALock(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx, mac := t.Context(), db.IdentifierMAC("1759999913")
		for _, reason := range []string{storage.LockLogin, storage.LockRecuperacion, storage.LockOperador, storage.LockCompromiso} {
			inTx(t, db, func(tx *storage.Tx) error {
				if _, err := tx.LockClave(ctx, mac, reason, now); err != nil {
					return err
				}
				return tx.UnlockClave(ctx, mac, storage.LockOperador, storage.LockCompromiso)
			})
			want := ""
			if reason == storage.LockOperador || reason == storage.LockCompromiso {
				want = reason
			}
			if b, err := db.LoginBudget(ctx, mac); err != nil || b.LockReason != want {
				t.Errorf("%s: locked for %q, %v", reason, b.LockReason, err)
			}
			inTx(t, db, func(tx *storage.Tx) error { return tx.UnlockClave(ctx, mac) })
			if b, err := db.LoginBudget(ctx, mac); err != nil || b.LockReason != "" {
				t.Errorf("%s: locked for %q after all, %v", reason, b.LockReason, err)
			}
		}
	})
}

// A right clave that was among the five lifts the lock its neighbours set
// meanwhile, and no lock of another reason.
func TestForgiveLiftsOnlyTheLockOfAttempts(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		for _, reason := range []string{storage.LockLogin, storage.LockRecuperacion, storage.LockOperador, storage.LockCompromiso} {
			mac, want := db.IdentifierMAC(storage.Identifier(reason)), reason
			if reason == storage.LockLogin {
				want = ""
			}
			inTx(t, db, func(tx *storage.Tx) error {
				if _, err := tx.LockClave(t.Context(), mac, reason, now); err != nil {
					return err
				}
				return tx.ForgiveAttempts(t.Context(), mac)
			})
			if b, err := db.LoginBudget(t.Context(), mac); err != nil || b.LockReason != want {
				t.Errorf("%s: got %+v, %v; want lock %q", reason, b, err, want)
			}
		}
	})
}

func TestDeviceLaneHasItsOwnBudget(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a, b := person(t, db, "1759999913"), person(t, db, "0959999913")
		keep := func(id, person string, until time.Time) {
			inTx(t, db, func(tx *storage.Tx) error {
				return tx.KeepDevice(t.Context(), storage.Device{ID: id, SecretHash: "cookie", AfiliadoID: person, ExpiresAt: storage.At(until)})
			})
		}
		keep("mine", a.ID, now.Add(time.Hour))
		won := parallel(t, 40, func(ctx context.Context, _ int) (bool, error) {
			n := 0
			err := db.InTx(ctx, func(tx *storage.Tx) error {
				var err error
				n, err = tx.ReserveDeviceAttempt(ctx, "mine", 5, now)
				return err
			})
			return n > 0, err
		})
		if won != 5 {
			t.Errorf("%d attempts in the lane, want 5", won)
		}
		keep("other id", a.ID, now.Add(time.Hour))
		keep("hers", b.ID, now.Add(-time.Hour))
		if n, err := db.DevicePeople(t.Context(), "cookie", now); err != nil || n != 1 {
			t.Errorf("the browser is %d people's, %v; want 1, the other lane has run out", n, err)
		}
		for _, tt := range []struct {
			id     storage.Identifier
			cookie string
			want   bool
		}{{a.Identifier, "cookie", true}, {a.Identifier, "other", false}, {b.Identifier, "cookie", false}, {"0000000000", "cookie", false}} {
			if got, err := db.KnowsDevice(t.Context(), db.IdentifierMAC(tt.id), tt.cookie, now); err != nil || got != tt.want {
				t.Errorf("%s with %s: known %v, %v", tt.id, tt.cookie, got, err)
			}
		}
		c, err := db.Credentials(t.Context(), db.IdentifierMAC(a.Identifier), "cookie", now)
		if err != nil || c.Device == nil || c.Device.ID != "mine" || c.Device.Failures != 0 || c.HasClave() || c.ID != a.ID {
			t.Errorf("got %+v, %v; want her, her lane restored, and no clave", c, err)
		}
		if c, err := db.Credentials(t.Context(), db.IdentifierMAC(b.Identifier), "cookie", now); err != nil || c.Device != nil {
			t.Errorf("got %+v, %v; want no lane", c, err)
		}
		if _, err := db.Credentials(t.Context(), db.IdentifierMAC("0000000000"), "cookie", now); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("nobody: got %v, want ErrNotFound", err)
		}
		inTx(t, db, func(tx *storage.Tx) error { return tx.DropDevices(t.Context(), a.ID) })
		inTx(t, db, func(tx *storage.Tx) error {
			if n, err := tx.ReserveDeviceAttempt(t.Context(), "mine", 5, now); err != nil || n != 0 {
				t.Errorf("got %d, %v; want a dropped lane to let nothing through", n, err)
			}
			return nil
		})
	})
}

func TestPressureLeaks(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		key, other := db.PressureKey("network", "192.0.2.0/24"), db.PressureKey("identifier", "x")
		for _, at := range []time.Duration{0, time.Second, 100 * time.Second} { // 10 s each: 10, 20, then empty and 110
			inTx(t, db, func(tx *storage.Tx) error {
				return tx.AddPressure(t.Context(), key, now.Add(at), 10*time.Second, time.Minute)
			})
		}
		got, err := db.Pressure(t.Context(), key, other)
		if want := now.Add(110 * time.Second); err != nil || len(got) != 1 || !got[string(key)].Equal(want) {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	})
}

// A flood does not press for longer than its bucket takes to leak, however many
// drops it had, and neither does one drop heavier than the bucket.
func TestT13_PressureHasARim(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		key, other := db.PressureKey("identifier", "x"), db.PressureKey("identifier", "y")
		inTx(t, db, func(tx *storage.Tx) error {
			for range 30 {
				if err := tx.AddPressure(t.Context(), key, now, time.Hour, 20*time.Hour+time.Minute); err != nil {
					return err
				}
			}
			return tx.AddPressure(t.Context(), other, now, time.Hour, time.Minute)
		})
		got, err := db.Pressure(t.Context(), key, other)
		if err != nil || !got[string(key)].Equal(now.Add(20*time.Hour+time.Minute)) || !got[string(other)].Equal(now.Add(time.Minute)) {
			t.Errorf("got %v, %v; want both at their rims", got, err)
		}
	})
}
