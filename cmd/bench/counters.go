package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	_ "github.com/lib/pq" // the driver
)

// counters are what PostgreSQL counts of itself.
type counters struct {
	db         *sql.DB
	postmaster int    // the process that starts all the others
	settings   string // in words
}

// count is a reading, of the whole server and so with its background work, or the
// difference of two for each operation.
type count struct {
	commits float64 // transactions, those of a single read included
	writing float64 // those that wrote
	wal     float64 // bytes
}

// errNotDurable says that a server would lose commits: its figures are of no use.
var errNotDurable = errors.New("PostgreSQL runs without fsync or synchronous_commit")

func openCounters(ctx context.Context, address string) (*counters, error) {
	db, err := sql.Open("postgres", address)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	c := &counters{db: db}
	var version, fsync, commit, buffers string
	var backend int
	err = db.QueryRowContext(ctx, `SELECT pg_backend_pid(), current_setting('server_version'), current_setting('fsync'),
		current_setting('synchronous_commit'), current_setting('shared_buffers')`).Scan(&backend, &version, &fsync, &commit, &buffers)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("PostgreSQL: %w", err), db.Close())
	}
	c.postmaster = parentOf(backend)
	c.settings = fmt.Sprintf("PostgreSQL %s, fsync=%s, synchronous_commit=%s, shared_buffers=%s", version, fsync, commit, buffers)
	if fsync != "on" || commit != "on" {
		err = errNotDurable
	}
	return c, err
}

func (c *counters) read(ctx context.Context) (count, error) {
	var out count
	err := c.db.QueryRowContext(ctx, `SELECT xact_commit, txid_snapshot_xmax(txid_current_snapshot()),
		pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 FROM pg_stat_database WHERE datname = current_database()`).
		Scan(&out.commits, &out.writing, &out.wal)
	if err != nil {
		return count{}, fmt.Errorf("PostgreSQL: counters: %w", err)
	}
	return out, nil
}

// analyze does what autovacuum does within a minute of a load: a plan that was made
// when a table was empty reads all of it.
func (c *counters) analyze(ctx context.Context) error {
	_, err := c.db.ExecContext(ctx, "VACUUM ANALYZE")
	if err != nil {
		return fmt.Errorf("PostgreSQL: %w", err)
	}
	return nil
}
