package storagetest_test

import (
	"testing"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// A database that lacks a migration, or is not the engine asked for, would let
// every other test pass on nothing.
func TestEachIsFreshAndMigrated(t *testing.T) {
	var engines []string
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		engines = append(engines, db.Engine())
		if err := db.CheckSchema(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if len(engines) != 2 || engines[0] != "sqlite" || engines[1] != "postgres" {
		t.Errorf("ran on %q, want both", engines)
	}
}

func TestURLsAreApart(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		if a, b := storagetest.URL(t, engine), storagetest.URL(t, engine); a == b {
			t.Errorf("%s: two tests share %s", engine, a)
		}
	}
}

func TestFixtures(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		a := storagetest.AddAfiliado(t, db, storage.Afiliado{})
		c := storagetest.AddClave(t, db, a.ID, "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAA", storagetest.Noon())
		storagetest.AddClient(t, db, "historia", "a secret", storage.ClientMetadata{ClientName: "Historia Laboral"})

		found, err := db.AfiliadoByIdentifier(t.Context(), a.Identifier)
		if err != nil || found.ID != a.ID || found.Name() != a.Name() {
			t.Errorf("got %+v, %v, want the person stored", found, err)
		}
		if got, err := db.Clave(t.Context(), a.ID); err != nil || got.PHC != c.PHC || !got.DueAt.Equal(storagetest.Noon()) {
			t.Errorf("got %+v, %v, want the clave stored", got, err)
		}
		if got, err := db.Client(t.Context(), "historia"); err != nil || got.Metadata.ClientName != "Historia Laboral" || got.SecretMAC == nil {
			t.Errorf("got %+v, %v, want the application stored", got, err)
		}
	})
}
