package storage_test

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
	"strings"
	"testing"

	"iess.gob.ec/clave/storage"
)

// A code has 80 random bits and is on file only as a keyed hash.
func TestASVS_6_5_2_6_5_4_RecoveryCodesAreLong(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		a, b := person(t, db, "1759999913"), person(t, db, "0959999913")
		codes, seen := storage.NewRecoveryCodes(), map[string]bool{}
		shape := regexp.MustCompile(`^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$`) // 16 of 32 letters: 80 bits
		for _, c := range append(storage.NewRecoveryCodes(), codes...) {
			if !shape.MatchString(c) || seen[c] {
				t.Errorf("%q is none, or came twice", c)
			}
			seen[c] = true
		}
		if len(codes) != 10 {
			t.Errorf("got %d codes", len(codes))
		}
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(tx.SetRecoveryCodes(t.Context(), a.ID, codes, now), tx.SetRecoveryCodes(t.Context(), b.ID, codes[:1], now))
		})
		for line := range strings.SplitSeq(dump(t, db, raw), "\n") {
			for _, c := range codes {
				if strings.Contains(line, c) || strings.Contains(line, strings.ReplaceAll(c, "-", "")) {
					t.Errorf("a code is on file: %s", line)
				}
			}
		}
		if n := count(t, raw, `SELECT COUNT(DISTINCT mac) FROM recovery_code WHERE length(mac) = 32`); n != 11 {
			t.Errorf("%d hashes, want one for each person and code", n)
		}
	})
}

// A code is good once, for its person, however it is typed; a new set ends the old.
func TestASVS_6_5_1_ARecoveryCodeIsUsedOnce(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		a, b := person(t, db, "1759999913"), person(t, db, "0959999913")
		codes := storage.NewRecoveryCodes()
		codes[1] = "OIB2-OIB3-OIB4-OIB5"
		inTx(t, db, func(tx *storage.Tx) error { return tx.SetRecoveryCodes(ctx, a.ID, codes, now) })
		use := func(id, typed string) func(context.Context, *storage.Tx) (bool, error) {
			return func(ctx context.Context, tx *storage.Tx) (bool, error) {
				return tx.UseRecoveryCode(ctx, id, typed, now)
			}
		}
		won := parallel(t, 20, func(ctx context.Context, _ int) (bool, error) {
			var did bool
			err := db.InTx(ctx, func(tx *storage.Tx) error {
				var err error
				did, err = use(a.ID, codes[0])(ctx, tx)
				return err
			})
			return did, err
		})
		if won != 1 {
			t.Errorf("%d used it, want one", won)
		}
		wants(t, db, "another's", false, use(b.ID, codes[2]))
		wants(t, db, "none", false, use(a.ID, ""))
		wants(t, db, "one with no digits of ours", true, use(a.ID, " 01b2 o1B3-0i84–oib5 "))
		if f, err := db.Factors(ctx, a.ID, now); err != nil || f.Codes != 8 || f.Any() {
			t.Errorf("got %+v, %v; want 8 codes left", f, err)
		}
		if at, err := db.RecoveryCodesAt(ctx, a.ID); err != nil || !at.Equal(now) {
			t.Errorf("got %v, %v; want when they were made", at, err)
		}
		if at, err := db.RecoveryCodesAt(ctx, b.ID); err != nil || !at.IsZero() {
			t.Errorf("got %v, %v; want none", at, err)
		}
		inTx(t, db, func(tx *storage.Tx) error { return tx.SetRecoveryCodes(ctx, a.ID, storage.NewRecoveryCodes(), now) })
		wants(t, db, "one of the old set", false, use(a.ID, codes[3]))
		inTx(t, db, func(tx *storage.Tx) error { return tx.SetRecoveryCodes(ctx, a.ID, nil, now) })
		if f, err := db.Factors(ctx, a.ID, now); err != nil || f.Codes != 0 {
			t.Errorf("got %+v, %v; want none left", f, err)
		}
	})
}
