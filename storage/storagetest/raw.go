package storagetest

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
)

// Raw opens the database at url, as URL returned it, beside whoever has it open:
// for invariants over all of it that no method of storage asks. The caller closes
// it.
func Raw(t testing.TB, url string) *sql.DB {
	t.Helper()
	driver, dsn := "postgres", url
	if path, embedded := strings.CutPrefix(url, "sqlite:"); embedded {
		driver, dsn = "sqlite", "file:"+filepath.ToSlash(path)+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	return db
}
