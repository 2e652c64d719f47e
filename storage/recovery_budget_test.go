package storage_test

import (
	"cmp"
	"context"
	"database/sql"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// However many answers arrive at once, five are compared, for identifiers nobody
// has too.
func TestS030_T01_ExactlyFiveAnswersAreCompared(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		person(t, db, "1759999913")
		for _, identifier := range []storage.Identifier{"1759999913", "0000000000"} { // somebody and nobody
			mac := db.IdentifierMAC(identifier)
			reserved := parallel(t, 50, func(ctx context.Context, _ int) (bool, error) {
				n := 0
				err := db.InTx(ctx, func(tx *storage.Tx) error {
					var err error
					n, err = tx.ReserveRecoveryAttempt(ctx, mac, 5, now, now.Add(time.Hour))
					return err
				})
				return n > 0, err
			})
			if reserved != 5 {
				t.Errorf("%v: %d attempts reserved, want five", identifier, reserved)
			}
			if n, err := db.RecoveryBudget(t.Context(), mac, now); err != nil || n != 6 {
				t.Errorf("%v: got %d, %v; want five and one refused", identifier, n, err)
			}
		}
		if n := count(t, raw, `SELECT COUNT(*) FROM recovery_budget`); n != 2 {
			t.Errorf("%d budgets, want one for each identifier", n)
		}
	})
}

// Attempts are forgotten some time after the last that was one, or once forgiven;
// asking on does not put that off.
func TestS030_AttemptsEndAndAreForgiven(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		mac := db.IdentifierMAC("1759999913")
		reserve := func(at time.Duration) int {
			t.Helper()
			n := 0
			inTx(t, db, func(tx *storage.Tx) error {
				var err error
				n, err = tx.ReserveRecoveryAttempt(t.Context(), mac, 2, now.Add(at), now.Add(at+time.Hour))
				return err
			})
			return n
		}
		left := func(at time.Duration, want int) {
			t.Helper()
			if n, err := db.RecoveryBudget(t.Context(), mac, now.Add(at)); err != nil || n != want {
				t.Errorf("got %d, %v; want %d", n, err, want)
			}
		}
		left(0, 0)
		for i, step := range []struct {
			at   time.Duration
			want int
		}{
			{0, 1}, {10 * time.Minute, 2}, {20 * time.Minute, 0}, {70*time.Minute - time.Second, 0}, {70 * time.Minute, 1},
		} {
			before := dump(t, db, raw)
			if n := reserve(step.at); n != step.want {
				t.Errorf("%d: got attempt %d, want %d", i, n, step.want)
			}
			if dump(t, db, raw) == before {
				t.Errorf("%d: nothing was written", i)
			}
			if i == 3 {
				left(step.at, 3)
				left(70*time.Minute, 0)
			}
		}
		inTx(t, db, func(tx *storage.Tx) error { return tx.ForgiveRecovery(t.Context(), mac) })
		left(70*time.Minute, 0)
		if n := reserve(70 * time.Minute); n != 1 {
			t.Errorf("got attempt %d, want the full budget", n)
		}
	})
}

// Spent attempts lock, above a lock of failed sign-ins and below every other; who
// unlocks gives the attempts back.
func TestS030_SpentAttemptsLock(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		for was, want := range map[string]string{
			"": storage.LockRecuperacion, storage.LockLogin: storage.LockRecuperacion, storage.LockRecuperacion: "",
			storage.LockOperador: "", storage.LockCompromiso: "",
		} {
			mac := db.IdentifierMAC(storage.Identifier("was " + was))
			inTx(t, db, func(tx *storage.Tx) error {
				if was != "" {
					if _, err := tx.LockClave(ctx, mac, was, now.Add(-time.Hour)); err != nil {
						return err
					}
				}
				if _, err := tx.ReserveRecoveryAttempt(ctx, mac, 1, now, now.Add(time.Hour)); err != nil {
					return err
				}
				if did, err := tx.SettleRecovery(ctx, mac, 1, now); err != nil || did != (want != "") {
					t.Errorf("%q: got %v, %v; want %v", was, did, err, want != "")
				}
				return nil
			})
			b, err := db.LoginBudget(ctx, mac)
			if err != nil || b.LockReason != cmp.Or(want, was) {
				t.Errorf("%q: got %+v, %v; want %q", was, b, err, want)
			}
			inTx(t, db, func(tx *storage.Tx) error { return tx.UnlockClave(ctx, mac) })
			if n, err := db.RecoveryBudget(ctx, mac, now); err != nil || n != 0 {
				t.Errorf("%q: got %d spent, %v; want the full budget", was, n, err)
			}
		}
		for reason, want := range map[string]int{storage.LockRecuperacion: 0, storage.LockLogin: 1} { // locks that end by themselves
			mac := db.IdentifierMAC(storage.Identifier("ends " + reason))
			inTx(t, db, func(tx *storage.Tx) error {
				_, err := tx.ReserveRecoveryAttempt(ctx, mac, 1, now, now.Add(time.Hour))
				if err == nil {
					_, err = tx.LockClave(ctx, mac, reason, now)
				}
				if err != nil {
					return err
				}
				return done(tx.EndLock(ctx, mac, storage.LoginBudget{LockReason: reason, LockedAt: storage.At(now)}))
			})
			if n, err := db.RecoveryBudget(ctx, mac, now); err != nil || n != want {
				t.Errorf("%s ended: got %d spent, %v; want %d", reason, n, err, want)
			}
		}
	})
}

// What was kept of cases, attempts and addresses goes in time; locks stay, nobody's
// too, or waiting would tell whose identifier is whose (T01).
func TestASVS_14_2_7_RecoveryIsPurged(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		a := person(t, db, "1759999913")
		const day = 24 * time.Hour
		macs := [][]byte{db.IdentifierMAC(a.Identifier), db.IdentifierMAC("0000000000")} // hers, and nobody's
		inTx(t, db, func(tx *storage.Tx) error {
			for i, expires := range []time.Time{now.Add(2 * time.Hour), {}} {
				if _, err := tx.ReserveRecoveryAttempt(ctx, macs[i], 1, now, expires); err != nil {
					return err
				}
				if _, err := tx.SettleRecovery(ctx, macs[i], 1, now); err != nil {
					return err
				}
			}
			if err := tx.AddRecovery(ctx, recoveryCase([]byte("mac"))); err != nil {
				return err
			}
			return tx.AskContactChange(ctx, storage.ContactChange{
				ID: "change", AfiliadoID: a.ID, Email: "new@example.org", AskedAt: storage.At(now), ReadyAt: storage.At(now.Add(3 * day)),
			})
		})
		for _, tt := range []struct {
			after time.Duration
			want  int64
		}{
			{30*day + time.Hour - time.Second, 0},
			{30*day + time.Hour, 1}, // the case
			{30*day + 2*time.Hour - time.Second, 0},
			{30*day + 2*time.Hour, 1}, // the attempts
			{93*day - time.Second, 0},
			{93 * day, 1},
			{1000 * day, 0},
		} {
			if n, err := db.Purge(ctx, now.Add(tt.after), 10); err != nil || n != tt.want {
				t.Errorf("%v later: purged %d, %v; want %d", tt.after, n, err, tt.want)
			}
		}
		for _, mac := range macs {
			if b, err := db.LoginBudget(ctx, mac); err != nil || b.LockReason != storage.LockRecuperacion {
				t.Errorf("got %+v, %v; want the lock kept, whoever has the identifier", b, err)
			}
		}
	})
}

// Attempts that were given back, or forgiven, lock nothing any more, however late
// the statement that would lock comes.
func TestS030_OnlySpentAttemptsLock(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		mac := db.IdentifierMAC("1759999913")
		reserve := func(times int) {
			t.Helper()
			for range times {
				inTx(t, db, func(tx *storage.Tx) error {
					return done(tx.ReserveRecoveryAttempt(ctx, mac, 2, now, now.Add(time.Hour)))
				})
			}
		}
		settle := func(at time.Time, want bool) {
			t.Helper()
			inTx(t, db, func(tx *storage.Tx) error {
				if did, err := tx.SettleRecovery(ctx, mac, 2, at); err != nil || did != want {
					t.Errorf("got %v, %v; want %v", did, err, want)
				}
				return nil
			})
		}
		settle(now, false)
		for _, given := range []func(tx *storage.Tx) error{
			func(tx *storage.Tx) error { return tx.ForgiveRecovery(ctx, mac) },
			func(tx *storage.Tx) error { return tx.ReturnRecoveryAttempt(ctx, mac, 2) },
		} {
			reserve(3)
			inTx(t, db, given)
			settle(now, false)
		}
		if n, err := db.RecoveryBudget(ctx, mac, now); err != nil || n != 1 {
			t.Errorf("got %d spent, %v; want the other one", n, err)
		}
		reserve(1)
		settle(now.Add(time.Hour), false) // forgotten
		settle(now, true)
	})
}

// Where spent attempts lock nothing, they end when they are let; that is not put off,
// nor does it touch those of a lock, or those that are not all spent.
func TestD01_TheWayAloneIsClosedForADay(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		for name, tt := range map[string]struct {
			spent int
			lock  string
			want  int // after an hour
		}{
			"spent": {2, "", 0}, "more": {3, "", 0}, "not all": {1, "", 1}, "another lock": {2, storage.LockCompromiso, 0},
			"its lock": {2, storage.LockRecuperacion, 2},
		} {
			mac := db.IdentifierMAC(storage.Identifier(name))
			inTx(t, db, func(tx *storage.Tx) error {
				for range tt.spent {
					if _, err := tx.ReserveRecoveryAttempt(ctx, mac, 2, now, now.Add(48*time.Hour)); err != nil {
						return err
					}
				}
				if tt.lock != "" {
					if _, err := tx.LockClave(ctx, mac, tt.lock, now); err != nil {
						return err
					}
				}
				for i, until := range []time.Duration{time.Hour, 2 * time.Hour} {
					shut, err := tx.LetRecoveryEnd(ctx, mac, 2, now.Add(time.Duration(i)*time.Minute), now.Add(until))
					if err != nil {
						return err
					}
					if want := i == 0 && tt.want == 0; shut != want {
						t.Errorf("%s: shut %v, want %v", name, shut, want)
					}
				}
				return nil
			})
			if at, err := db.RecoveryShutAt(ctx, mac); err != nil || at.Equal(now) != (tt.want == 0) || at.IsZero() != (tt.want != 0) {
				t.Errorf("%s: shut at %s, %v", name, at, err)
			}
			if n, err := db.RecoveryBudget(ctx, mac, now.Add(time.Hour-time.Second)); err != nil || n != tt.spent {
				t.Errorf("%s: got %d, %v; want %d before", name, n, err, tt.spent)
			}
			if n, err := db.RecoveryBudget(ctx, mac, now.Add(time.Hour)); err != nil || n != tt.want {
				t.Errorf("%s: got %d, %v; want %d", name, n, err, tt.want)
			}
		}
	})
}

// Whoever restores the attempts and whoever locks for them hold the same rows in the
// same order: none waits for ever, and what was restored first stays open.
func TestFT14_LockingBesideRestoring(t *testing.T) {
	url := storagetest.URL(t, "postgres")
	one, two, raw := open(t, url), open(t, url), beside(t, url)
	mac := one.IdentifierMAC("1759999913")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, restore := range []func(tx *storage.Tx) error{
		func(tx *storage.Tx) error { return tx.UnlockClave(ctx, mac) },
		func(tx *storage.Tx) error {
			return done(tx.EndLock(ctx, mac, storage.LoginBudget{LockReason: storage.LockRecuperacion, LockedAt: storage.At(now)}))
		},
	} {
		inTx(t, one, func(tx *storage.Tx) error {
			if err := done(tx.ReserveRecoveryAttempt(ctx, mac, 1, now, now.Add(time.Hour))); err != nil {
				return err
			}
			return done(tx.SettleRecovery(ctx, mac, 1, now))
		})
		settled := make(chan error, 1)
		err := one.InTx(ctx, func(tx *storage.Tx) error {
			if err := restore(tx); err != nil {
				return err
			}
			go func() {
				settled <- two.InTx(ctx, func(tx *storage.Tx) error {
					if did, err := tx.SettleRecovery(ctx, mac, 1, now.Add(time.Second)); err != nil || did {
						t.Errorf("got %v, %v; want nothing to lock for", did, err)
					}
					return nil
				})
			}()
			for ctx.Err() == nil && count(t, raw, `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 0 {
				continue // until it waits
			}
			return ctx.Err()
		})
		if err != nil {
			t.Error(err)
		}
		if err := <-settled; err != nil {
			t.Error(err)
		}
		if b, err := one.LoginBudget(ctx, mac); err != nil || b.LockReason != "" {
			t.Errorf("got %+v, %v; want it open", b, err)
		}
	}
}
