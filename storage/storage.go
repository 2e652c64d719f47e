package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jmoiron/sqlx"
)

var (
	// ErrNotFound says that no row answers the question.
	ErrNotFound = errors.New("storage: not found")
	// ErrConflict says that a row with that key exists already.
	ErrConflict = errors.New("storage: conflict")
	// ErrText says that a text is not valid UTF-8 or contains NUL, which
	// PostgreSQL refuses and SQLite would keep. Nothing has been written.
	ErrText = errors.New("storage: text is not valid UTF-8 without NUL")
)

// Config says which database to open and with which keys.
type Config struct {
	// URL is "postgres://…" or "sqlite:PATH".
	URL string
	// Keys seal columns and find people. Required.
	Keys Keys
	// MaxConns bounds the PostgreSQL connections, or SQLite's readers. 0 means
	// 16; 2 is the least.
	MaxConns int
	// OnStatement, where set, is called inside every transaction before each
	// statement and, as "COMMIT" and "COMMITTED", around its end. Kill tests and
	// statement counts use it.
	OnStatement func(ctx context.Context, query string)
	// OnEvents, where set, receives the audit events of each transaction that
	// committed, without their personal parts.
	OnEvents func(events []Event)
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	reads
	cfg   Config
	ring  *ring
	dia   dialect
	write *sqlx.DB // transactions; on SQLite one connection
	read  *sqlx.DB // single reads, which never wait for a transaction to give its connection back
	stmts sync.Map // stmtKey → *sqlx.Stmt
}

// Tx is a running transaction. It must not outlive the function given to InTx.
type Tx struct {
	reads
	missed []string // statements to prepare once the connection is free again
	events []Event
}

// reads carries the methods that *DB and *Tx share.
type reads struct {
	db *DB
	tx *sqlx.Tx // nil on *DB
	t  *Tx      // nil on *DB and in a snapshot
}

// Open connects to the database and checks that it answers.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if err := cfg.Keys.check(); err != nil {
		return nil, err
	}
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 16
	}
	cfg.MaxConns = max(cfg.MaxConns, 2)
	db := &DB{cfg: cfg, ring: &ring{keys: cfg.Keys}}
	db.reads.db = db
	var err error
	db.dia, db.write, db.read, err = connect(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("storage: open: %w", err)
	}
	if err := db.Ping(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("storage: open: %w", err), db.Close())
	}
	return db, nil
}

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.read.PingContext(ctx); err != nil {
		return fmt.Errorf("storage: ping: %w", err)
	}
	return nil
}

// Close releases every connection.
func (db *DB) Close() error {
	return errors.Join(db.read.Close(), db.write.Close())
}

// Engine is "postgres" or "sqlite".
func (db *DB) Engine() string { return db.dia.name }

// InTx runs f in one transaction (READ COMMITTED; on SQLite the only writer)
// and commits if f returns nil. Whatever f returns is returned unchanged. f may
// read through db, which sees what others committed; it must not call InTx,
// which would wait for itself.
func (db *DB) InTx(ctx context.Context, f func(*Tx) error) error {
	sx, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("storage: begin: %w", err)
	}
	tx := &Tx{}
	tx.reads = reads{db: db, tx: sx, t: tx}
	defer sx.Rollback() //nolint:errcheck // after a commit this is a no-op; before it, f's error says more
	if err := f(tx); err != nil {
		return err
	}
	db.onStatement(ctx, "COMMIT")
	if err := sx.Commit(); err != nil {
		return fmt.Errorf("storage: commit: %w", err)
	}
	db.onStatement(ctx, "COMMITTED")
	for _, query := range tx.missed {
		if _, err := db.prepared(ctx, db.write, query); err != nil { //nolint:sqlclosecheck // kept for the life of db
			break // the statement will run unprepared once more
		}
	}
	if db.cfg.OnEvents != nil && len(tx.events) > 0 {
		db.cfg.OnEvents(tx.events)
	}
	return nil
}

func (db *DB) onStatement(ctx context.Context, query string) {
	if db.cfg.OnStatement != nil {
		db.cfg.OnStatement(ctx, query)
	}
}

type stmtKey struct {
	pool  *sqlx.DB
	query string
}

func (db *DB) prepared(ctx context.Context, pool *sqlx.DB, query string) (*sqlx.Stmt, error) {
	key := stmtKey{pool, query}
	if s, ok := db.stmts.Load(key); ok {
		return s.(*sqlx.Stmt), nil //nolint:forcetypeassert // only this function stores here
	}
	s, err := pool.PreparexContext(ctx, db.dia.rebind(query))
	if err != nil {
		return nil, err
	}
	if old, loaded := db.stmts.LoadOrStore(key, s); loaded {
		_ = s.Close()                //nolint:sqlclosecheck // the other one is kept
		return old.(*sqlx.Stmt), nil //nolint:forcetypeassert // as above
	}
	return s, nil
}

// stmt returns the prepared statement for query, or nil where it has to run
// unprepared: inside a transaction nothing is prepared on the pool, which might
// have no connection left to prepare it on.
func (r reads) stmt(ctx context.Context, query string) (*sqlx.Stmt, error) {
	if r.tx == nil {
		return r.db.prepared(ctx, r.db.read, query)
	}
	if r.t == nil {
		return nil, nil //nolint:nilnil // documented: unprepared
	}
	r.db.onStatement(ctx, query)
	if s, ok := r.db.stmts.Load(stmtKey{r.db.write, query}); ok {
		return r.tx.StmtxContext(ctx, s.(*sqlx.Stmt)), nil //nolint:forcetypeassert // see prepared
	}
	r.t.missed = append(r.t.missed, query)
	return nil, nil //nolint:nilnil // documented: unprepared
}

// get scans the one row of query into dest; no row is ErrNotFound.
func (r reads) get(ctx context.Context, dest any, query string, args ...any) error {
	if err := storable(args); err != nil {
		if strings.HasPrefix(query, "SELECT") { // nothing stored can answer
			err = fmt.Errorf("%w: %w", ErrNotFound, err)
		}
		return err
	}
	s, err := r.stmt(ctx, query) //nolint:sqlclosecheck // kept for the life of db
	switch {
	case err != nil:
	case s != nil:
		err = s.GetContext(ctx, dest, args...)
	default:
		err = r.tx.GetContext(ctx, dest, r.db.dia.rebind(query), args...)
	}
	return r.db.dia.mapped(err)
}

// list scans every row of query into the slice dest points to.
func (r reads) list(ctx context.Context, dest any, query string, args ...any) error {
	if storable(args) != nil {
		return nil // nothing stored can answer
	}
	s, err := r.stmt(ctx, query) //nolint:sqlclosecheck // kept for the life of db
	switch {
	case err != nil:
	case s != nil:
		err = s.SelectContext(ctx, dest, args...)
	default:
		err = r.tx.SelectContext(ctx, dest, r.db.dia.rebind(query), args...)
	}
	return r.db.dia.mapped(err)
}

// exec runs query and returns how many rows it touched.
func (tx *Tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := storable(args); err != nil {
		return 0, err
	}
	s, err := tx.stmt(ctx, query) //nolint:sqlclosecheck // kept for the life of db
	var res sql.Result
	switch {
	case err != nil:
	case s != nil:
		res, err = s.ExecContext(ctx, args...)
	default:
		res, err = tx.tx.ExecContext(ctx, tx.db.dia.rebind(query), args...)
	}
	if err != nil {
		return 0, tx.db.dia.mapped(err)
	}
	return res.RowsAffected()
}

// run is exec for statements whose count nobody needs.
func (tx *Tx) run(ctx context.Context, query string, args ...any) error {
	_, err := tx.exec(ctx, query, args...)
	return err
}
