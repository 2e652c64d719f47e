package storagetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// postgres copies the migrated template database of this schema, which is far
// quicker than migrating anew, and returns the copy's address.
func postgres(t testing.TB) string {
	t.Helper()
	server := os.Getenv("CLAVE_TEST_POSTGRES")
	if server == "" {
		t.Fatal("CLAVE_TEST_POSTGRES is not set, and every test runs on PostgreSQL too. Run: make test (or: .ci/postgres go test ./...)")
	}
	admin, err := sql.Open("postgres", server)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()

	template := ensureTemplate(t, admin, server)
	name := "clave_test_" + strings.ToLower(rand.Text())
	run(t, admin, `CREATE DATABASE `+name+` TEMPLATE `+template)
	t.Cleanup(func() { drop(t, server, name) })
	return database(t, server, name)
}

// ensureTemplate makes the template database once per schema. Test binaries that
// run at the same time wait for the one that makes it.
func ensureTemplate(t testing.TB, admin *sql.DB, server string) string {
	t.Helper()
	hash := schema(t, "postgres")
	name := "clave_template_" + hex.EncodeToString(hash[:10])
	if known(t, admin, name) {
		return name
	}
	conn, err := admin.Conn(t.Context()) // a session lock belongs to its connection, and dies with it
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	key := int64(binary.BigEndian.Uint64(hash) >> 1)
	if _, err := conn.ExecContext(t.Context(), `SELECT pg_advisory_lock($1)`, key); err != nil {
		t.Fatal(err)
	}
	defer conn.ExecContext(context.WithoutCancel(t.Context()), `SELECT pg_advisory_unlock($1)`, key) //nolint:errcheck // closing the connection unlocks too
	if known(t, admin, name) {
		return name
	}
	// Under another name until it is whole: a run that is killed leaves no half template.
	draft := name + "_draft"
	run(t, admin, `DROP DATABASE IF EXISTS `+draft+` WITH (FORCE)`)
	run(t, admin, `CREATE DATABASE `+draft)
	migrate(t, database(t, server, draft))
	run(t, admin, `ALTER DATABASE `+draft+` RENAME TO `+name)
	return name
}

func known(t testing.TB, admin *sql.DB, name string) bool {
	t.Helper()
	var is bool
	if err := admin.QueryRowContext(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)`, name).Scan(&is); err != nil {
		t.Fatalf("PostgreSQL at CLAVE_TEST_POSTGRES does not answer: %v", err)
	}
	return is
}

// drop has a context of its own: the test's is over when cleanup runs.
func drop(t testing.TB, server, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
	defer cancel()
	admin, err := sql.Open("postgres", server)
	if err != nil {
		t.Error(err)
		return
	}
	defer admin.Close()
	if _, err := admin.ExecContext(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`); err != nil {
		t.Error(err)
	}
}

func run(t testing.TB, admin *sql.DB, statement string) {
	t.Helper()
	if _, err := admin.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// database is the address of one database on server.
func database(t testing.TB, server, name string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("CLAVE_TEST_POSTGRES is not a URL: %v", err)
	}
	u.Path = "/" + name
	return u.String()
}
