package storage_test

import (
	"database/sql"
	"slices"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

func TestPersonEvents(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		for n, e := range []storage.Event{
			{Name: "clave.changed", AfiliadoID: "ana"},
			{Name: "clave.changed", AfiliadoID: "eva"},
			{Name: "clave.unlocked", AfiliadoID: "ana"},
			{Name: "clave.changed", AfiliadoID: "ana"},
			{Name: "clave.changed", AfiliadoID: "ana"},
		} {
			e.At, e.Actor = storage.At(now.Add(time.Duration(n)*time.Minute)), "afiliado"
			inTx(t, db, func(tx *storage.Tx) error { return tx.Audit(t.Context(), e) })
		}
		for limit, want := range map[int][]int{5: {3, 0}, 1: {3}} { // the minutes of hers, none of later
			rows, err := db.PersonEvents(t.Context(), "ana", "clave.changed", now.Add(3*time.Minute), limit)
			if err != nil {
				t.Fatal(err)
			}
			var got []int
			for _, r := range rows {
				got = append(got, int(r.At.Sub(now).Minutes()))
			}
			if !slices.Equal(got, want) {
				t.Errorf("limit %d: got %v, want %v", limit, got, want)
			}
		}
	})
}
