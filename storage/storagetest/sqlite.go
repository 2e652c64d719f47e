package storagetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"iess.gob.ec/clave/storage"
)

// migrated is a database of this schema, as the file it is. Reading the migrations
// takes most of what a fresh database costs, so a test binary does it once.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "clave-template-")
	if err != nil {
		return nil, fmt.Errorf("storagetest: %w", err)
	}
	path, ctx := filepath.Join(dir, "clave.db"), context.Background()
	db, err := storage.Open(ctx, storage.Config{URL: "sqlite:" + path, Keys: Keys()})
	if err != nil {
		return nil, fmt.Errorf("storagetest: %w", errors.Join(err, os.RemoveAll(dir)))
	}
	_, err = db.Migrate(ctx)
	err = errors.Join(err, db.Close()) // closed, all of it is in the one file
	file, readErr := os.ReadFile(path)
	if err = errors.Join(err, readErr, os.RemoveAll(dir)); err != nil {
		return nil, fmt.Errorf("storagetest: %w", err)
	}
	return file, nil
})

// sqlite writes a copy of the migrated database and returns its address.
func sqlite(t testing.TB) string {
	t.Helper()
	file, err := migrated()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "clave.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}
