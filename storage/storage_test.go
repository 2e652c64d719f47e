package storage_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// now is when every test takes place.
var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// both runs f on each engine, with a database and a connection beside the
// program, as somebody has who holds the database itself.
func both(t *testing.T, f func(t *testing.T, db *storage.DB, raw *sql.DB), with ...func(*storage.Config)) {
	t.Helper()
	at(t, func(t *testing.T, url string) { f(t, open(t, url, with...), beside(t, url)) })
}

// at runs f on each engine, with the address of a database that nobody has open.
func at(t *testing.T, f func(t *testing.T, url string)) {
	t.Helper()
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) { f(t, storagetest.URL(t, engine)) })
	}
}

// openEngine is for what does not depend on the database.
func openEngine(t testing.TB, engine string) *storage.DB {
	t.Helper()
	return open(t, storagetest.URL(t, engine))
}

func open(t testing.TB, url string, with ...func(*storage.Config)) *storage.DB {
	t.Helper()
	cfg := storage.Config{URL: url, Keys: storagetest.Keys()}
	for _, f := range with {
		f(&cfg)
	}
	db, err := storage.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func beside(t testing.TB, url string) *sql.DB {
	t.Helper()
	driver, source := "postgres", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, source = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)"
	}
	raw, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	raw.SetMaxOpenConns(2)
	t.Cleanup(func() { raw.Close() })
	return raw
}

// must runs a statement beside the program.
func must(t testing.TB, raw *sql.DB, statement string) {
	t.Helper()
	if _, err := raw.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// count is the one number a query gives.
func count(t testing.TB, raw *sql.DB, query string) int {
	t.Helper()
	var n int
	if err := raw.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func inTx(t testing.TB, db *storage.DB, f func(tx *storage.Tx) error) {
	t.Helper()
	if err := db.InTx(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// person adds somebody with that identifier.
func person(t testing.TB, db *storage.DB, identifier string) storage.Afiliado {
	t.Helper()
	a := maria(identifier)
	inTx(t, db, func(tx *storage.Tx) error { return tx.AddAfiliado(t.Context(), a) })
	return a
}

func maria(identifier string) storage.Afiliado {
	return storage.Afiliado{
		ID: storage.NewID(), Identifier: storage.Identifier(identifier), IdentifierType: storage.IdentifierCedula,
		GivenName: "María Fernanda", FamilyName: "Quishpe Andrade", Birthdate: "1985-03-14", Email: "maria@example.org",
		Mobile: "+593991234567", Landline: "+59323945666", Kinds: []string{"afiliado"}, Estado: "activa", Fingerprint: true,
		CreatedAt: storage.At(now), UpdatedAt: storage.At(now),
	}
}

// session adds a live session of a person.
func session(t testing.TB, db *storage.DB, afiliadoID string) storage.Session {
	t.Helper()
	s := storage.Session{
		ID: storage.NewID(), SecretHash: storage.Hash(storage.NewSecret()), AfiliadoID: afiliadoID, AMR: "pwd", ACR: "urn:iess:acr:clave",
		AuthAt: storage.At(now), SeenAt: storage.At(now), CreatedAt: storage.At(now), ExpiresAt: storage.At(now.Add(12 * time.Hour)),
	}
	inTx(t, db, func(tx *storage.Tx) error { return tx.AddSession(t.Context(), s) })
	return s
}

// grant adds a live grant of a person in a session.
func grant(t testing.TB, db *storage.DB, afiliadoID, sessionID, scope string) storage.Grant {
	t.Helper()
	g := storage.Grant{
		ID: storage.NewID(), ClientID: "historia", AfiliadoID: afiliadoID, SessionID: sessionID, SID: storage.NewID(), Scope: scope,
		AuthAt: storage.At(now), CreatedAt: storage.At(now), ExpiresAt: storage.At(now.Add(24 * time.Hour)),
	}
	inTx(t, db, func(tx *storage.Tx) error { return tx.AddGrant(t.Context(), g) })
	return g
}

// tables lists the tables of the program.
func tables(t testing.TB, db *storage.DB, raw *sql.DB) []string {
	t.Helper()
	query := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'`
	if db.Engine() == "postgres" {
		query = `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`
	}
	rows, err := raw.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if name != "goose_db_version" {
			out = append(out, name)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// dump is every row of every table, as text, a line each.
func dump(t testing.TB, db *storage.DB, raw *sql.DB) string {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // or a goroutine waits for the end of each query
	var out strings.Builder
	for _, table := range tables(t, db, raw) {
		var lines []string
		rows, err := raw.QueryContext(ctx, `SELECT * FROM `+table)
		if err != nil {
			t.Fatal(err)
		}
		names, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			cells := make([]any, len(names))
			for i := range cells {
				cells[i] = new(any)
			}
			if err := rows.Scan(cells...); err != nil {
				t.Fatal(err)
			}
			var line strings.Builder
			for i, c := range cells {
				v := *c.(*any) //nolint:forcetypeassert // made above
				switch b := v.(type) {
				case []byte:
					v = strconv.Quote(string(b)) // one line, and texts in it stay readable
				case string:
					v = strconv.Quote(b)
				}
				fmt.Fprintf(&line, " %s=%v", names[i], v)
			}
			lines = append(lines, table+line.String()+"\n")
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil { //nolint:sqlclosecheck // one table after another
			t.Fatal(err)
		}
		slices.Sort(lines)
		out.WriteString(strings.Join(lines, ""))
	}
	return out.String()
}

// parallel runs f n times at once and returns how often it reported true.
func parallel(t testing.TB, n int, f func(ctx context.Context, i int) (bool, error)) int {
	t.Helper()
	type result struct {
		ok  bool
		err error
	}
	results := make(chan result, n)
	start := make(chan struct{})
	for i := range n {
		go func() {
			<-start
			ok, err := f(t.Context(), i)
			results <- result{ok, err}
		}()
	}
	close(start)
	won := 0
	for range n {
		r := <-results
		if r.err != nil {
			t.Error(r.err)
		}
		if r.ok {
			won++
		}
	}
	return won
}
