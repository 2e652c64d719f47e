package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is what differs between the two databases.
type dialect struct {
	name      string
	bind      int
	forUpdate string // appended to a SELECT that locks its row; rows that refer to it may be written meanwhile
	skip      string // the same, leaving out rows somebody else holds
	blob      string // the type of bytes
	// gooseTable counts the tables in which applied migrations are noted.
	gooseTable string
}

var (
	postgres = dialect{
		name: "postgres", bind: sqlx.DOLLAR, forUpdate: " FOR NO KEY UPDATE", skip: " FOR NO KEY UPDATE SKIP LOCKED", blob: "BYTEA",
		gooseTable: `SELECT COUNT(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('goose_db_version')`,
	}
	// A write transaction of SQLite holds everything already.
	embedded = dialect{
		name: "sqlite", bind: sqlx.QUESTION, blob: "BLOB",
		gooseTable: `SELECT COUNT(*) FROM sqlite_master WHERE name = 'goose_db_version'`,
	}
)

func (d dialect) rebind(query string) string { return sqlx.Rebind(d.bind, query) }

// mapped turns the drivers' errors into ours, by code and never by words.
func (d dialect) mapped(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	var pe *pq.Error
	if errors.As(err, &pe) {
		switch pe.Code {
		case "23505":
			return fmt.Errorf("%w: %s", ErrConflict, pe.Constraint)
		case "55P03": // lock_timeout
			return fmt.Errorf("%w: %w", ErrBusy, err)
		}
	}
	var se *sqlite.Error
	if errors.As(err, &se) && (se.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || se.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY) {
		return ErrConflict
	}
	return err
}

func connect(ctx context.Context, cfg Config) (dialect, *sqlx.DB, *sqlx.DB, error) {
	switch {
	case strings.HasPrefix(cfg.URL, "postgres://"), strings.HasPrefix(cfg.URL, "postgresql://"):
		w, err := sqlx.Open("postgres", cfg.URL)
		if err != nil {
			return dialect{}, nil, nil, err
		}
		r, err := sqlx.Open("postgres", cfg.URL)
		if err != nil {
			return dialect{}, nil, nil, errors.Join(err, w.Close())
		}
		// Two pools: a function that holds a transaction and reads beside it would
		// otherwise wait for a connection that only its like could give back.
		readers := max(1, cfg.MaxConns*3/8)
		for db, n := range map[*sqlx.DB]int{w: cfg.MaxConns - readers, r: readers} {
			db.SetMaxOpenConns(n)
			db.SetMaxIdleConns(n)
		}
		return postgres, w, r, nil
	case strings.HasPrefix(cfg.URL, "sqlite:"):
		path := strings.TrimPrefix(cfg.URL, "sqlite:")
		if path == "" {
			return dialect{}, nil, nil, errors.New("sqlite: the URL names no file; write sqlite:PATH")
		}
		if err := private(path); err != nil {
			return dialect{}, nil, nil, err
		}
		w, err := sqlx.Open("sqlite", sqliteDSN(path, "_txlock=immediate&_pragma=cache_size(-32768)&_pragma=wal_autocheckpoint(4000)"))
		if err != nil {
			return dialect{}, nil, nil, err
		}
		w.SetMaxOpenConns(1)
		r, err := sqlx.Open("sqlite", sqliteDSN(path, "_pragma=query_only(1)"))
		if err != nil {
			return dialect{}, nil, nil, errors.Join(err, w.Close())
		}
		r.SetMaxOpenConns(cfg.MaxConns)
		r.SetMaxIdleConns(cfg.MaxConns)
		// The writer goes first: it creates the file and turns the journal to WAL.
		if err := w.PingContext(ctx); err != nil {
			return dialect{}, nil, nil, errors.Join(err, w.Close(), r.Close())
		}
		return embedded, w, r, nil
	default:
		return dialect{}, nil, nil, errors.New("the database URL has neither the form postgres://… nor sqlite:PATH")
	}
}

// private makes sure that a new database file, and with it its journal, is its
// owner's alone: SQLite itself would let everybody on the machine read it. The
// mode of one that exists is the operator's.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	return f.Close()
}

func sqliteDSN(path, extra string) string {
	// WAL with synchronous=FULL: a commit that was answered is on the disk.
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&" + extra
}

// lockMigration lets one process at a time migrate. On PostgreSQL goose has a
// session lock of its own. Beside an SQLite file lies an empty second one, whose
// lock goes with the process that holds it.
func (d dialect) lockMigration(ctx context.Context, cfg Config) (func() error, error) {
	if d.name == postgres.name {
		return func() error { return nil }, nil
	}
	beside := strings.TrimPrefix(cfg.URL, "sqlite:") + "-migrate"
	if err := private(beside); err != nil {
		return nil, err
	}
	db, err := sqlx.Open("sqlite", "file:"+(&url.URL{Path: beside}).EscapedPath()+
		"?_pragma=busy_timeout(60000)&_txlock=exclusive")
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return func() error { return errors.Join(tx.Rollback(), db.Close()) }, nil
}
