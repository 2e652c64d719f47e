package storage_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// begun is an application that a person is setting up.
func begun(afiliadoID string, at time.Time) storage.TOTP {
	return storage.TOTP{AfiliadoID: afiliadoID, Secret: []byte("12345678901234567890"), BrowserHash: "browser", CreatedAt: storage.At(at)}
}

// wants runs f in a transaction and checks what it reports.
func wants(t *testing.T, db *storage.DB, what string, want bool, f func(ctx context.Context, tx *storage.Tx) (bool, error)) {
	t.Helper()
	var got bool
	err := db.InTx(t.Context(), func(tx *storage.Tx) error {
		var err error
		got, err = f(t.Context(), tx)
		return err
	})
	if err != nil || got != want {
		t.Errorf("%s: got %v, %v; want %v", what, got, err, want)
	}
}

// An application counts from its first code on until it has ended, which may be put
// off and taken back; none takes the place of one that counts.
func TestTOTPLives(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a, b := person(t, db, "1759999913"), person(t, db, "0959999913")
		type does = func(ctx context.Context, tx *storage.Tx) (bool, error)
		begin := func(at time.Time) does {
			return func(ctx context.Context, tx *storage.Tx) (bool, error) { return tx.BeginTOTP(ctx, begun(a.ID, at)) }
		}
		confirm := func(at, now time.Time) does {
			return func(ctx context.Context, tx *storage.Tx) (bool, error) {
				return tx.ConfirmTOTP(ctx, a.ID, storage.At(at), 7, now)
			}
		}
		use := func(step int64, now time.Time) does {
			return func(ctx context.Context, tx *storage.Tx) (bool, error) { return tx.UseTOTP(ctx, a.ID, step, 0, now) }
		}
		end := func(at, now time.Time) does {
			return func(ctx context.Context, tx *storage.Tx) (bool, error) { return tx.EndTOTP(ctx, a.ID, at, now) }
		}
		if _, err := db.TOTP(t.Context(), a.ID); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v, want none", err)
		}
		wants(t, db, "begun", true, begin(now))
		wants(t, db, "a code before it is confirmed", false, use(8, now))
		wants(t, db, "begun anew", true, begin(now.Add(time.Minute)))
		wants(t, db, "the former one confirmed", false, confirm(now, now))
		got, err := db.TOTP(t.Context(), a.ID)
		if err != nil || !bytes.Equal(got.Secret, begun(a.ID, now).Secret) || got.Live(now) || !got.Begun("browser", now) || got.Begun("other", now) ||
			got.Begun("browser", now.Add(2*time.Hour)) {
			t.Errorf("got %+v, %v; want it begun", got, err)
		}
		wants(t, db, "confirmed", true, confirm(now.Add(time.Minute), now))
		wants(t, db, "confirmed twice", false, confirm(now.Add(time.Minute), now))
		wants(t, db, "another beside it", false, begin(now.Add(time.Hour)))
		wants(t, db, "the code it was confirmed with", false, use(7, now))
		wants(t, db, "the next", true, use(8, now))

		later := now.Add(24 * time.Hour)
		wants(t, db, "ends tomorrow", true, end(later, now))
		wants(t, db, "ends later than that", false, end(later.Add(time.Hour), now))
		wants(t, db, "meanwhile", true, use(9, later.Add(-time.Microsecond)))
		wants(t, db, "when it has ended", false, use(10, later))
		keep := func(now time.Time) does {
			return func(ctx context.Context, tx *storage.Tx) (bool, error) { return tx.KeepTOTP(ctx, a.ID, now) }
		}
		wants(t, db, "kept too late", false, keep(later))
		wants(t, db, "kept", true, keep(now))
		wants(t, db, "kept where it does not end", false, keep(now))
		wants(t, db, "after it was kept", true, use(11, later))
		wants(t, db, "ends at once", true, end(now, now))
		wants(t, db, "ends once more", false, end(now, now.Add(time.Second)))
		wants(t, db, "another after it", true, begin(now.Add(time.Second)))

		wants(t, db, "of another person", false, func(ctx context.Context, tx *storage.Tx) (bool, error) { return tx.UseTOTP(ctx, b.ID, 100, 0, now) })
		err = db.InTx(t.Context(), func(tx *storage.Tx) error { return done(tx.BeginTOTP(t.Context(), begun("nobody", now))) })
		if !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v for nobody, want not found", err)
		}
	})
}

// RFC 6238 section 5.2: of any number of forms with one code at once, one is
// accepted, and none with an older one afterwards.
func TestASVS_6_5_1_ATOTPCodeIsUsedOnce(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(done(tx.BeginTOTP(t.Context(), begun(a.ID, now))), done(tx.ConfirmTOTP(t.Context(), a.ID, storage.At(now), 1, now)))
		})
		won := parallel(t, 20, func(ctx context.Context, _ int) (bool, error) {
			var did bool
			err := db.InTx(ctx, func(tx *storage.Tx) error {
				var err error
				did, err = tx.UseTOTP(ctx, a.ID, 5, 0, now)
				return err
			})
			return did, err
		})
		if won != 1 {
			t.Errorf("%d were accepted, want one", won)
		}
		wants(t, db, "the one before", false, func(ctx context.Context, tx *storage.Tx) (bool, error) { return tx.UseTOTP(ctx, a.ID, 4, 0, now) })
		inTx(t, db, func(tx *storage.Tx) error { return tx.FailTOTP(t.Context(), a.ID, 5, now.Add(time.Minute)) })
		wants(t, db, "with two mistakes", true, func(ctx context.Context, tx *storage.Tx) (bool, error) { return tx.UseTOTP(ctx, a.ID, 6, 2, now) })
		if got, err := db.TOTP(t.Context(), a.ID); err != nil || got.Failures != 3 || !got.FailedAt.Equal(now.Add(time.Minute)) || got.LastStep != 6 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// A secret opens in the row of its person only, and goes with what has ended.
func TestT19_TOTPSecretsAreSealedAndPurged(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		a, b, c := person(t, db, "1759999913"), person(t, db, "0959999913"), person(t, db, "0159999911")
		other := begun(b.ID, now)
		other.Secret = []byte("09876543210987654321")
		inTx(t, db, func(tx *storage.Tx) error {
			ctx := t.Context()
			return errors.Join(done(tx.BeginTOTP(ctx, begun(a.ID, now))), done(tx.BeginTOTP(ctx, other)), done(tx.BeginTOTP(ctx, begun(c.ID, now))),
				done(tx.ConfirmTOTP(ctx, b.ID, storage.At(now), 1, now)), done(tx.ConfirmTOTP(ctx, c.ID, storage.At(now), 1, now)),
				done(tx.EndTOTP(ctx, c.ID, now.Add(time.Hour), now)))
		})
		if n := count(t, raw, `SELECT COUNT(*) FROM totp WHERE length(secret) > 28`); n != 3 {
			t.Errorf("%d secrets are sealed, want 3", n)
		}
		swap(t, raw, "totp", "secret", "afiliado_id", a.ID, b.ID)
		if got, err := db.TOTP(t.Context(), a.ID); err == nil {
			t.Errorf("another's secret opened: %+v", got)
		}
		for at, want := range map[time.Duration]int{59 * time.Minute: 3, 61 * time.Minute: 1} { // what was never confirmed goes too
			if at > time.Hour {
				if _, err := db.Purge(t.Context(), now.Add(at), 1); err != nil {
					t.Fatal(err)
				}
			}
			if n := count(t, raw, `SELECT COUNT(*) FROM totp`); at > time.Hour && n != want {
				t.Errorf("%d left after %v, want %d", n, at, want)
			}
		}
		if _, err := db.TOTP(t.Context(), c.ID); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v, want what has ended gone", err)
		}
	})
}
