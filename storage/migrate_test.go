package storage_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// empty returns the address of a database without tables.
func empty(t *testing.T, engine string) string {
	t.Helper()
	if engine == "sqlite" {
		return "sqlite:" + t.TempDir() + "/empty.db"
	}
	url := storagetest.URL(t, engine)
	raw := beside(t, url)
	must(t, raw, `DROP SCHEMA public CASCADE`)
	must(t, raw, `CREATE SCHEMA public`)
	return url
}

// After the first, which has the triggers, a migration is the same for both
// databases but for the type of bytes, and that PostgreSQL makes indexes beside writers.
func TestMigrationsOfBothDatabasesAreAlike(t *testing.T) {
	files, err := filepath.Glob("migrations/postgres/*.sql")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	if others, err := filepath.Glob("migrations/sqlite/*.sql"); err != nil || len(others) != len(files) {
		t.Errorf("got %q, %v; want a file for each of %q", others, err, files)
	}
	for _, name := range files[1:] {
		text, err := os.ReadFile(name)
		other, oerr := os.ReadFile("migrations/sqlite/" + filepath.Base(name))
		if err := errors.Join(err, oerr); err != nil {
			t.Error(err)
		} else if strings.NewReplacer("BYTEA", "BLOB", " CONCURRENTLY", "").Replace(string(text)) != string(other) {
			t.Errorf("%s differs from that of SQLite by more than BYTEA for BLOB and CONCURRENTLY", name)
		}
	}
}

// Replicas start together: each finds the schema made, none fails.
func TestMigrateFromEmptyAtTheSameTime(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			url := empty(t, engine)
			const replicas = 3
			var dbs []*storage.DB
			for range replicas {
				dbs = append(dbs, open(t, url))
			}
			if err := dbs[0].CheckSchema(t.Context()); !errors.Is(err, storage.ErrSchema) {
				t.Errorf("an empty database: got %v, want ErrSchema", err)
			}
			applied := parallel(t, replicas, func(ctx context.Context, i int) (bool, error) {
				names, err := dbs[i].Migrate(ctx)
				return len(names) > 0, err
			})
			if applied != 1 {
				t.Errorf("%d replicas applied something, want 1", applied)
			}
			for _, db := range dbs {
				if err := db.CheckSchema(t.Context()); err != nil {
					t.Error(err)
				}
				steps, err := db.Migrations(t.Context())
				if err != nil || len(steps) == 0 {
					t.Fatalf("got %v, %v; want the steps", steps, err)
				}
				for _, s := range steps {
					if s.Applied.IsZero() || !strings.HasSuffix(s.Name, ".sql") {
						t.Errorf("step %+v is not applied", s)
					}
				}
			}
			person(t, dbs[1], "1759999913")
		})
	}
}

// The program that is being replaced goes on while the new one has migrated
// (FT-11); the other way round nothing starts.
func TestFT11_SchemaMayBeNewerNotOlder(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		must(t, raw, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)`)
		if err := db.CheckSchema(t.Context()); err != nil {
			t.Errorf("a newer schema: got %v, want it accepted", err)
		}
		must(t, raw, `DELETE FROM goose_db_version WHERE version_id > 0`)
		if err := db.CheckSchema(t.Context()); !errors.Is(err, storage.ErrSchema) {
			t.Errorf("an older schema: got %v, want ErrSchema", err)
		}
	})
}
