package storage_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

func TestInTxRollsBackOnErrorAndPanic(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		before := dump(t, db, raw)
		mine := errors.New("mine")
		add := func(tx *storage.Tx) error { return tx.AddAfiliado(t.Context(), maria("1759999913")) }
		err := db.InTx(t.Context(), func(tx *storage.Tx) error { return errors.Join(add(tx), mine) })
		if !errors.Is(err, mine) {
			t.Errorf("got %v, want the function's own error", err)
		}
		func() {
			defer func() {
				if got := recover(); got != "panicked" {
					t.Errorf("got %v, want the panic to pass", got)
				}
			}()
			_ = db.InTx(t.Context(), func(tx *storage.Tx) error {
				if err := add(tx); err != nil {
					t.Error(err)
				}
				panic("panicked")
			})
		}()
		if after := dump(t, db, raw); after != before {
			t.Errorf("something stayed: %s", after)
		}
		inTx(t, db, add) // the connection is back and the writer free
	})
}

func TestEventsAreToldOnlyOnceCommitted(t *testing.T) {
	var told []storage.Event
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		told = nil
		_ = db.InTx(t.Context(), func(tx *storage.Tx) error {
			return errors.Join(tx.Audit(t.Context(), storage.Event{Name: "lost"}), errors.New("no"))
		})
		kept := storage.Event{Name: "kept", Personal: map[string]string{"address": "192.0.2.44"}}
		inTx(t, db, func(tx *storage.Tx) error { return tx.Audit(t.Context(), kept) })
		if len(told) != 1 || told[0].Name != "kept" || told[0].Personal != nil {
			t.Errorf("got %+v, want the committed event without its personal part", told)
		}
	}, func(c *storage.Config) { c.OnEvents = func(events []storage.Event) { told = append(told, events...) } })
}

func TestConflictByCode(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		again := maria("1759999913")
		sameID := maria("0959999913")
		sameID.ID = a.ID
		for name, b := range map[string]storage.Afiliado{"unique": again, "primary key": sameID} {
			err := db.InTx(t.Context(), func(tx *storage.Tx) error { return tx.AddAfiliado(t.Context(), b) })
			if !errors.Is(err, storage.ErrConflict) {
				t.Errorf("%s: got %v, want ErrConflict", name, err)
			}
		}
		err := db.InTx(t.Context(), func(tx *storage.Tx) error {
			return tx.SetClave(t.Context(), storage.Clave{AfiliadoID: "nobody", PHC: "x"}, 5)
		})
		if err == nil || errors.Is(err, storage.ErrConflict) {
			t.Errorf("a clave of nobody: got %v, want an error that is no conflict", err)
		}
	})
}

// PostgreSQL refuses NUL and invalid UTF-8, SQLite keeps both: both databases
// refuse alike here, and nobody is found by such a text.
func TestTextIsRefusedAlike(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		a := person(t, db, "1759999913")
		before := dump(t, db, raw)
		for _, bad := range []string{"a\x00b", "a\xffb"} {
			for name, write := range map[string]func(tx *storage.Tx) error{
				"insert": func(tx *storage.Tx) error {
					return tx.AddSession(t.Context(), storage.Session{ID: "s", SecretHash: "h", AfiliadoID: a.ID, UserAgent: bad})
				},
				"insert returning": func(tx *storage.Tx) error {
					return tx.Audit(t.Context(), storage.Event{Name: "x", ClientID: bad})
				},
				"update": func(tx *storage.Tx) error { return tx.SetLocale(t.Context(), a.ID, bad, now) },
			} {
				if err := db.InTx(t.Context(), write); !errors.Is(err, storage.ErrText) || errors.Is(err, storage.ErrNotFound) {
					t.Errorf("%s %q: got %v, want ErrText", name, bad, err)
				}
			}
			if _, err := db.AuthRequest(t.Context(), bad); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("read %q: got %v, want ErrNotFound", bad, err)
			}
			if _, err := db.Client(t.Context(), bad); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("list %q: got %v, want ErrNotFound", bad, err)
			}
		}
		if after := dump(t, db, raw); after != before {
			t.Errorf("something was written: %s", after)
		}
	})
}

// Reads and transactions go on after the database has dropped every connection
// that statements had been prepared on.
func TestStatementsSurviveLostConnections(t *testing.T) {
	url := storagetest.URL(t, "postgres")
	db, raw := open(t, url), beside(t, url)
	a := person(t, db, "1759999913")
	work := func() error {
		if _, err := db.Afiliado(t.Context(), a.ID); err != nil {
			return fmt.Errorf("read: %w", err)
		}
		return db.InTx(t.Context(), func(tx *storage.Tx) error { return tx.SetLocale(t.Context(), a.ID, "en", now) })
	}
	for range 3 {
		for range 2 { // the second time everything is prepared
			if err := work(); err != nil {
				t.Fatal(err)
			}
		}
		must(t, raw, `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	}
	if err := work(); err != nil {
		t.Error(err)
	}
}

// Whoever holds a transaction may read beside it, however many do so at once:
// single reads have connections of their own.
func TestReadsBesideTransactionsDoNotWaitForThem(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		n := parallel(t, 12, func(ctx context.Context, _ int) (bool, error) {
			return true, db.InTx(ctx, func(tx *storage.Tx) error {
				if _, err := db.Afiliado(ctx, a.ID); err != nil {
					return err
				}
				_, err := tx.LockAfiliado(ctx, a.ID)
				return err
			})
		})
		if n != 12 {
			t.Errorf("%d of 12 came through", n)
		}
	}, func(c *storage.Config) { c.MaxConns = 3 })
}

// A statement in a transaction is prepared from its second use on, on both
// databases, and what it does is the same.
func TestStatementCountOfARefresh(t *testing.T) {
	var statements []string
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		s := session(t, db, a.ID)
		g := grant(t, db, a.ID, s.ID, "openid offline_access")
		inTx(t, db, func(tx *storage.Tx) error {
			return tx.AddRefreshToken(t.Context(), storage.RefreshToken{Hash: "first", GrantID: g.ID, CreatedAt: storage.At(now)})
		})
		statements = nil
		inTx(t, db, func(tx *storage.Tx) error {
			_, _, err := tx.LockRefreshToken(t.Context(), "first")
			return err
		})
		var got []string
		for _, s := range statements {
			got = append(got, strings.Fields(s)[0])
		}
		if want := []string{"SELECT", "SELECT", "COMMIT", "COMMITTED"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}, func(c *storage.Config) {
		c.OnStatement = func(_ context.Context, query string) { statements = append(statements, query) }
	})
}

func TestOpenRefusesOtherURLs(t *testing.T) {
	for _, url := range []string{"", "mysql://localhost/x", "sqlite:", "/tmp/clave.db"} {
		if db, err := storage.Open(t.Context(), storage.Config{URL: url, Keys: storagetest.Keys()}); err == nil {
			t.Errorf("%q was opened", url)
			db.Close()
		}
	}
}
