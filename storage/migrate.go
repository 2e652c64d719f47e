package storage

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

var (
	// ErrSchema says that the database's schema is older than this binary needs.
	ErrSchema = errors.New("storage: the schema is too old")
	// ErrBusy says that somebody held a table for longer than a migration waits.
	ErrBusy = errors.New("storage: a table is in use")
)

func (db *DB) migrator() (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, "migrations/"+db.dia.name)
	if err != nil {
		return nil, fmt.Errorf("storage: migrations: %w", err)
	}
	opts := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	dialect := goose.DialectSQLite3
	if db.dia.name == postgres.name {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, fmt.Errorf("storage: migration lock: %w", err)
		}
		opts = append(opts, goose.WithSessionLocker(patient{locker}))
	}
	p, err := goose.NewProvider(dialect, db.write.DB, dir, opts...)
	if err != nil {
		return nil, fmt.Errorf("storage: migrations: %w", err)
	}
	return p, nil
}

// patient is a session lock under which no step waits longer than a second for a
// table (FT-11). Whoever reads or writes that table waits behind it all the while: a step
// that a running backup holds up would otherwise stop every sign-in until it ends.
type patient struct{ lock.SessionLocker }

// SessionLock implements lock.SessionLocker.
func (p patient) SessionLock(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, `SET lock_timeout = '1s'`); err != nil {
		return err
	}
	return p.SessionLocker.SessionLock(ctx, conn)
}

// SessionUnlock implements lock.SessionLocker.
func (p patient) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, `RESET lock_timeout`)
	return errors.Join(err, p.SessionLocker.SessionUnlock(ctx, conn))
}

// Migrate brings the schema up to this binary's version and returns the names
// of what it applied. Replicas may call it at the same time. ErrBusy where somebody
// else holds a table: the steps before that one stay applied.
func (db *DB) Migrate(ctx context.Context) ([]string, error) {
	p, err := db.migrator()
	if err != nil {
		return nil, err
	}
	unlock, err := db.dia.lockMigration(ctx, db.cfg)
	if err != nil {
		return nil, fmt.Errorf("storage: migration lock: %w", err)
	}
	res, err := p.Up(ctx)
	if err = errors.Join(err, unlock()); err != nil {
		return nil, fmt.Errorf("storage: migrate: %w", db.dia.mapped(err))
	}
	var names []string
	for _, r := range res {
		names = append(names, r.Source.Path)
	}
	return names, nil
}

// Migration is one step of the schema.
type Migration struct {
	Name    string
	Applied Instant // zero: not yet
}

// Migrations lists every step this binary knows, in order.
func (db *DB) Migrations(ctx context.Context) ([]Migration, error) {
	p, err := db.migrator()
	if err != nil {
		return nil, err
	}
	res, err := p.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("storage: migration status: %w", err)
	}
	var out []Migration
	for _, r := range res {
		out = append(out, Migration{Name: r.Source.Path, Applied: At(r.AppliedAt)})
	}
	return out, nil
}

// CheckSchema returns an error wrapping ErrSchema if the schema is older than
// this binary needs. A newer one is right: migrations are safe for the binary
// before them, so that replicas can be replaced one by one (FT-11).
func (db *DB) CheckSchema(ctx context.Context) error {
	p, err := db.migrator()
	if err != nil {
		return err
	}
	var want int64
	for _, s := range p.ListSources() {
		want = max(want, s.Version)
	}
	have, err := db.schemaVersion(ctx)
	if err != nil {
		return fmt.Errorf("storage: schema version: %w", err)
	}
	if have < want {
		return fmt.Errorf("%w: the database has version %d, this program needs %d", ErrSchema, have, want)
	}
	return nil
}

// schemaVersion reads what goose noted; 0 is a database nobody has migrated.
func (db *DB) schemaVersion(ctx context.Context) (int64, error) {
	var tables, version int64
	if err := db.get(ctx, &tables, db.dia.gooseTable); err != nil || tables == 0 {
		return 0, err
	}
	err := db.get(ctx, &version, `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied`)
	return version, err
}
