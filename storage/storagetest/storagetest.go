// Package storagetest gives a test a database of its own, migrated and empty,
// on either engine.
//
// PostgreSQL is the server at CLAVE_TEST_POSTGRES, whose user may create
// databases. "make test" starts one; for a single run there is
// ".ci/postgres go test ./storage/...". Without it a test fails: a promise that
// holds on one database only is not kept.
package storagetest

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"

	"iess.gob.ec/clave/storage"
)

// Engines are the databases on which every promise must hold.
func Engines() []string { return []string{"sqlite", "postgres"} }

// Each runs f as a subtest on each engine, with a fresh database.
func Each(t *testing.T, f func(t *testing.T, db *storage.DB)) {
	t.Helper()
	for _, engine := range Engines() {
		t.Run(engine, func(t *testing.T) { f(t, Open(t, engine)) })
	}
}

// Open returns a fresh migrated database of engine, closed and removed when the
// test ends. Each with may change the configuration before it is opened.
func Open(t testing.TB, engine string, with ...func(*storage.Config)) *storage.DB {
	t.Helper()
	cfg := storage.Config{URL: URL(t, engine), Keys: Keys()}
	for _, f := range with {
		f(&cfg)
	}
	db, err := storage.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("closing the test database: %v", err)
		}
	})
	return db
}

// URL returns the address of a fresh migrated database of engine, removed when
// the test ends. It is for tests that start the program itself.
func URL(t testing.TB, engine string) string {
	t.Helper()
	switch engine {
	case "sqlite":
		return sqlite(t)
	case "postgres":
		return postgres(t)
	default:
		t.Fatalf("engine %q: want one of %q", engine, Engines())
		return ""
	}
}

// Keys are the fixed keys of every test database. They are public: nothing
// outside tests may use them.
func Keys() storage.Keys {
	key := func(purpose string) []byte {
		sum := sha256.Sum256([]byte("storagetest " + purpose))
		return sum[:]
	}
	return storage.Keys{
		Current:  "test",
		Seal:     map[string][]byte{"test": key("seal")},
		Index:    key("index"),
		Pairwise: key("pairwise"),
	}
}

func migrate(t testing.TB, url string) {
	t.Helper()
	db, err := storage.Open(t.Context(), storage.Config{URL: url, Keys: Keys()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// schema returns a hash of the migrations of engine in the working tree, so that a
// template made from other migrations is never taken for this one.
func schema(t testing.TB, engine string) []byte {
	t.Helper()
	dir, err := os.Getwd() // the directory of the package under test
	if err != nil {
		t.Fatal(err)
	}
	for !exists(filepath.Join(dir, "go.mod")) {
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test: storagetest works inside the module only")
		}
		dir = filepath.Dir(dir)
	}
	files, err := filepath.Glob(filepath.Join(dir, "storage", "migrations", engine, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no migrations of %s below %s: %v", engine, dir, err)
	}
	h := sha256.New()
	for _, name := range files { // Glob sorts
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		h.Write([]byte(filepath.Base(name) + "\x00" + string(text) + "\x00"))
	}
	return h.Sum(nil)
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
