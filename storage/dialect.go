package storage

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
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
	forUpdate string // appended to a SELECT that locks its row
	skip      string // the same, leaving out rows somebody else holds
}

var (
	postgres = dialect{name: "postgres", bind: sqlx.DOLLAR, forUpdate: " FOR UPDATE", skip: " FOR UPDATE SKIP LOCKED"}
	embedded = dialect{name: "sqlite", bind: sqlx.QUESTION} // a write transaction holds everything already
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
	if errors.As(err, &pe) && pe.Code == "23505" {
		return fmt.Errorf("%w: %s", ErrConflict, pe.Constraint)
	}
	var se *sqlite.Error
	if errors.As(err, &se) && (se.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || se.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY) {
		return ErrConflict
	}
	return err
}

func connect(cfg Config) (dialect, *sqlx.DB, *sqlx.DB, error) {
	switch {
	case strings.HasPrefix(cfg.URL, "postgres://"), strings.HasPrefix(cfg.URL, "postgresql://"):
		db, err := sqlx.Open("postgres", cfg.URL)
		if err != nil {
			return dialect{}, nil, nil, err
		}
		db.SetMaxOpenConns(cfg.MaxConns)
		db.SetMaxIdleConns(cfg.MaxConns)
		return postgres, db, db, nil
	case strings.HasPrefix(cfg.URL, "sqlite:"):
		path := strings.TrimPrefix(cfg.URL, "sqlite:")
		if path == "" {
			return dialect{}, nil, nil, errors.New("sqlite: the URL names no file; write sqlite:PATH")
		}
		w, err := sqlx.Open("sqlite", sqliteDSN(path, "_txlock=immediate"))
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
		if err := w.Ping(); err != nil {
			return dialect{}, nil, nil, errors.Join(err, w.Close(), r.Close())
		}
		return embedded, w, r, nil
	default:
		return dialect{}, nil, nil, errors.New("the database URL must begin with postgres:// or sqlite:")
	}
}

func sqliteDSN(path, extra string) string {
	// WAL with synchronous=FULL: a commit that was answered is on the disk.
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&" + extra
}
