package storage_test

import (
	"database/sql"
	"fmt"
	"os"
	"path"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// contactFile is what the registry says of one person's contact data.
func contactFile(email, mobile, landline string) string {
	return afiliadosHeader + "1759999913,María,Quishpe," + "1985-03-14," + email + "," + mobile + "," + landline + ",afiliado,activa,si\n"
}

// changedAddress makes email the address of a person as she does it herself.
func changedAddress(t *testing.T, db *storage.DB, afiliadoID, email string) {
	t.Helper()
	c := askChange(t, db, afiliadoID, email, now)
	if did, err := prove(t.Context(), db, c.ID, now); err != nil || !did {
		t.Fatalf("got %v, %v; want it proved", did, err)
	}
	if did, err := apply(t.Context(), db, c, now.Add(wait72)); err != nil || !did {
		t.Fatalf("got %v, %v; want it applied", did, err)
	}
}

// An address and telephones that a person has changed here stay hers while the
// registry's file says what it has always said, and nobody is told anything; what
// the file says anew holds, and that alone.
func TestD18_T05_ImportLeavesWhatWasChangedHere(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		var refused []string
		const old, hers, newer = "maria@example.org", "propia@example.org", "cau@example.org"
		says := func(file string, added, updated, unchanged, told int, email, mobile, landline string) {
			t.Helper()
			report := importAfiliados(t, db, file, importing(&refused))
			if want := (storage.ImportReport{Lines: 1, Added: int64(added), Updated: int64(updated), Unchanged: int64(unchanged)}); report != want {
				t.Errorf("got %+v, %q; want %+v", report, refused, want)
			}
			a, err := db.AfiliadoByIdentifier(ctx, "1759999913")
			if err != nil {
				t.Fatal(err)
			}
			if got, want := fmt.Sprint(a.Email, a.Mobile, a.Landline), fmt.Sprint(email, mobile, landline); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if all, err := db.DueErrands(ctx, now.Add(time.Hour), 10); err != nil || len(all) != told {
				t.Errorf("got %d errands, %v; want %d", len(all), err, told)
			}
		}
		same := contactFile(old, "0991234567", "")
		says(same, 1, 0, 0, 0, old, "+593991234567", "")
		a, err := db.AfiliadoByIdentifier(ctx, "1759999913")
		if err != nil {
			t.Fatal(err)
		}
		changedAddress(t, db, a.ID, "primera@example.org")
		changedAddress(t, db, a.ID, hers)
		for _, mobile := range []string{"+593987654320", "+593987654321"} {
			inTx(t, db, func(tx *storage.Tx) error { return tx.SetPhones(ctx, a.ID, mobile, "+59322222222", now) })
		}
		open := askChange(t, db, a.ID, "otra@example.org", now.Add(wait72))
		for range 2 {
			says(same, 0, 0, 1, 0, hers, "+593987654321", "+59322222222")
		}
		says(contactFile("Maria@Example.org", "+593 99 123 4567", ""), 0, 0, 1, 0, hers, "+593987654321", "+59322222222") // written another way
		if c, err := db.OpenContactChange(ctx, a.ID); err != nil || c.ID != open.ID {
			t.Errorf("got %+v, %v; want the change that she asked for", c, err)
		}
		if got, err := db.Afiliado(ctx, a.ID); err != nil || !got.EmailVerified || !got.EmailAt.Equal(now) {
			t.Errorf("got %+v, %v; want it hers since %v", got, err, now)
		}

		says(contactFile(old, "0991234567", "023945666"), 0, 1, 0, 0, hers, "+593987654321", "+59323945666") // of one field something new
		says(contactFile(newer, "0991234567", "023945666"), 0, 1, 0, 1, newer, "+593987654321", "+59323945666")
		says(contactFile(old, "0991234567", "023945666"), 0, 1, 0, 2, old, "+593987654321", "+59323945666") // nothing of hers is left to keep

		says(contactFile(old, "0987654321", "023945666"), 0, 0, 1, 2, old, "+593987654321", "+59323945666") // the registry has learnt hers
		says(contactFile(old, "0991234567", "023945666"), 0, 1, 0, 2, old, "+593991234567", "+59323945666")
	})
}

// Emptied by one file and said again by the next, the registry's own is back.
func TestImportPutsTheFilesAddressBack(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		var refused []string
		same := contactFile("maria@example.org", "", "")
		importAfiliados(t, db, same, importing(&refused))
		a, err := db.AfiliadoByIdentifier(t.Context(), "1759999913")
		if err != nil {
			t.Fatal(err)
		}
		changedAddress(t, db, a.ID, "ladron@example.org")
		for _, step := range []struct{ file, want string }{{same, "ladron@example.org"}, {contactFile("", "", ""), ""}, {same, "maria@example.org"}} {
			importAfiliados(t, db, step.file, importing(&refused))
			if got, err := db.Afiliado(t.Context(), a.ID); err != nil || got.Email != step.want {
				t.Errorf("got %+v, %v; want %q", got, err, step.want)
			}
		}
	})
}

// A schema of before: of addresses that were changed here it is not known what the
// file had said of them. The first import notes it and leaves them; what was never
// changed here is the file's.
func TestMigrationKeepsAddressesThatWereChangedHere(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		var refused []string
		file := func(changed, other string) string {
			return contactFile(changed, "", "") + "0959999913,Eva,Mora,1985-03-14," + other + ",,,afiliado,activa,si\n"
		}
		importAfiliados(t, db, file("maria@example.org", "eva@example.org"), importing(&refused))
		a, err := db.AfiliadoByIdentifier(t.Context(), "1759999913")
		if err != nil {
			t.Fatal(err)
		}
		changedAddress(t, db, a.ID, "propia@example.org")
		for _, column := range []string{"email_source", "mobile_source", "landline_source"} {
			must(t, raw, `ALTER TABLE afiliado DROP COLUMN `+column)
		}
		migration, err := os.ReadFile("migrations/" + path.Base(t.Name()) + "/0013_contact_source.sql") // the subtest is named after its engine
		if err != nil {
			t.Fatal(err)
		}
		must(t, raw, string(migration))
		for _, step := range []struct{ file, want, other string }{
			{file("maria@example.org", "eva@example.net"), "propia@example.org", "eva@example.net"},
			{file("maria@example.org", "eva@example.net"), "propia@example.org", "eva@example.net"},
			{file("cau@example.org", "eva@example.net"), "cau@example.org", "eva@example.net"},
		} {
			importAfiliados(t, db, step.file, importing(&refused))
			got, err := db.Afiliado(t.Context(), a.ID)
			eva, errEva := db.AfiliadoByIdentifier(t.Context(), "0959999913")
			if err != nil || errEva != nil || got.Email != step.want || eva.Email != step.other {
				t.Errorf("got %+v, %v and %+v, %v; want %q and %q", got, err, eva, errEva, step.want, step.other)
			}
		}
	})
}
