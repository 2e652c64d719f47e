package storage_test

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	"iess.gob.ec/clave/storage"
)

// C-HL-Q: whoever reads from the same start reads the same people, in the order
// of their ids and round from the last to the first, each with all her months;
// and of her neighbours' employers a month of June.
func TestC_HL_Q_DonorsAndPeersGoRound(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		var file strings.Builder
		file.WriteString(historiaHeader)
		var ids []string
		for _, cedula := range []string{"1759999913", "0959999913", "1359999917", "1859999912", "0159999911"} {
			ids = append(ids, person(t, db, cedula).ID)
			file.WriteString(cedula + ",1790016919001,Favorita,2019,6,30,482,Aportes,Pichincha,Comercio\n" +
				cedula + ",1790016919001,Favorita,2019,7,30,482,Aportes,Pichincha,Comercio\n")
		}
		importHistoria(t, db, file.String(), importing(new([]string)))
		slices.Sort(ids)
		for start, want := range map[string][]string{"": ids[:3], ids[3]: {ids[3], ids[4], ids[0]}, "~": ids[:3]} {
			rows, err := db.Donors(t.Context(), start, 3)
			if got := peopleOf(rows); err != nil || !slices.Equal(got, want) || len(rows) != 6 {
				t.Errorf("from %q: got %d months of %v, %v; want two of each of %v", start, len(rows), got, err, want)
			}
			rows, err = db.Peers(t.Context(), "Pichincha", "Comercio", 2019, start, 3)
			if err != nil || len(rows) != 9 { // of the sector, of the province, of the year; there is no other year
				t.Fatalf("from %q: got %d rows, %v; want 9", start, len(rows), err)
			}
			for circle := range slices.Chunk(rows, 3) {
				if got := peopleOf(circle); !slices.Equal(got, want) {
					t.Errorf("from %q: got %v, want %v", start, got, want)
				}
			}
			if slices.ContainsFunc(rows, func(h storage.Historia) bool { return h.Month != 6 }) {
				t.Errorf("from %q: got another month than June", start)
			}
		}
		if rows, err := db.Peers(t.Context(), "Azuay", "Pesca", 2018, "", 3); err != nil || len(rows) != 3 {
			t.Errorf("elsewhere: got %d rows, %v; want 3 of another year", len(rows), err)
		}
	})
}

// peopleOf are the people of rows in the order in which they come.
func peopleOf(rows []storage.Historia) []string {
	var out []string
	for _, h := range rows {
		out = append(out, h.AfiliadoID)
	}
	return slices.Compact(out)
}
