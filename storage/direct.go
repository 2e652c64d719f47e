package storage

import (
	"context"
	"database/sql"
	"strings"
	"unicode/utf8"
)

// storable returns ErrText where an argument is a text that PostgreSQL would
// refuse: both databases then refuse alike, and a transaction is not broken.
func storable(args []any) error {
	for _, a := range args {
		switch v := a.(type) {
		case string:
			if !utf8.ValidString(v) || strings.IndexByte(v, 0) >= 0 {
				return ErrText
			}
		case *string:
			if v != nil && (!utf8.ValidString(*v) || strings.IndexByte(*v, 0) >= 0) {
				return ErrText
			}
		}
	}
	return nil
}

// listOnce is list for a statement whose text depends on how many values it
// has: nothing is prepared for next time.
func (r reads) listOnce(ctx context.Context, dest any, query string, args ...any) error {
	if r.tx == nil {
		return r.db.dia.mapped(r.db.read.SelectContext(ctx, dest, r.db.dia.rebind(query), args...))
	}
	if r.t != nil {
		r.db.onStatement(ctx, query)
	}
	return r.db.dia.mapped(r.tx.SelectContext(ctx, dest, r.db.dia.rebind(query), args...))
}

// alone runs a statement that is a transaction by itself: InTx would have the
// database answer twice more.
func (db *DB) alone(ctx context.Context, query string, args ...any) error {
	if err := storable(args); err != nil {
		return err
	}
	s, err := db.prepared(ctx, db.write, query) //nolint:sqlclosecheck // kept for the life of db
	if err != nil {
		return db.dia.mapped(err)
	}
	db.onStatement(ctx, query)
	if _, err := s.ExecContext(ctx, args...); err != nil {
		return db.dia.mapped(err)
	}
	db.onStatement(ctx, "COMMITTED")
	return nil
}

// execOnce is exec, in the same way.
func (tx *Tx) execOnce(ctx context.Context, query string, args ...any) (int64, error) {
	if err := storable(args); err != nil {
		return 0, err
	}
	tx.db.onStatement(ctx, query)
	res, err := tx.tx.ExecContext(ctx, tx.db.dia.rebind(query), args...)
	if err != nil {
		return 0, tx.db.dia.mapped(err)
	}
	return res.RowsAffected()
}

// values is the text of rows rows of columns placeholders each.
func values(rows, columns int) string {
	row := "(" + strings.Repeat("?, ", columns-1) + "?)"
	return strings.Repeat(row+", ", rows-1) + row
}

// places is a parenthesis of n placeholders, for IN.
func places(n int) string { return "(" + strings.Repeat("?, ", n-1) + "?)" }

// snapshot runs f on one unchanging view of the database, which no writer waits
// for.
func (db *DB) snapshot(ctx context.Context, f func(reads) error) error {
	var opts *sql.TxOptions
	if db.dia.name == postgres.name {
		opts = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	sx, err := db.read.BeginTxx(ctx, opts)
	if err != nil {
		return db.dia.mapped(err)
	}
	defer sx.Rollback() //nolint:errcheck // nothing was written
	return f(reads{db: db, tx: sx})
}
