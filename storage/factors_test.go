package storage_test

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

func TestFactorsAreThoseThatServe(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		a, b := person(t, db, "1759999913"), person(t, db, "0959999913")
		if got, err := db.Factors(t.Context(), a.ID, now); err != nil || got != (storage.Factors{}) || got.Any() {
			t.Errorf("got %+v, %v; want none", got, err)
		}
		if _, err := db.Factors(t.Context(), "nobody", now); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("nobody's: got %v", err)
		}
		ending, copied := passkeyOf(a.ID, "ending"), passkeyOf(a.ID, "copied")
		addPasskey(t, db, passkeyOf(a.ID, "one"))
		addPasskey(t, db, ending)
		addPasskey(t, db, copied)
		inTx(t, db, func(tx *storage.Tx) error {
			if _, err := tx.ClonePasskey(t.Context(), copied.ID, now); err != nil {
				return err
			}
			_, err := tx.RevokePasskey(t.Context(), a.ID, ending.ID, now.Add(time.Hour))
			return err
		})
		must(t, raw, `INSERT INTO totp (afiliado_id, secret, created_at, confirmed_at) VALUES ('`+a.ID+`', '', 1, 1)`)
		must(t, raw, `INSERT INTO totp (afiliado_id, secret, created_at) VALUES ('`+b.ID+`', '', 1)`)
		must(t, raw, `INSERT INTO recovery_code (mac, afiliado_id, created_at, used_at) VALUES ('1', '`+a.ID+`', 1, 0), ('2', '`+a.ID+`', 1, 2)`)
		must(t, raw, `INSERT INTO preference (afiliado_id, second_step) VALUES ('`+a.ID+`', TRUE)`)
		want := storage.Factors{Passkeys: 2, TOTP: true, Codes: 1, SecondStep: true}
		if got, err := db.Factors(t.Context(), a.ID, now); err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
		want.Passkeys = 1
		if at, err := db.Standing(t.Context(), a.ID, "historia", now.Add(time.Hour)); err != nil || at.Factors != want {
			t.Errorf("an hour later: got %+v, %v; want %+v", at.Factors, err, want)
		}
		if got, err := db.Factors(t.Context(), b.ID, now); err != nil || got.Any() {
			t.Errorf("one that was never confirmed: got %+v, %v", got, err)
		}
	})
}
