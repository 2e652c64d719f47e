package storage_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// Two forms of one request, in two tabs: one signs the person in, holding her row
// before the request's; the other holds the request and writes what refers to her.
// The second does not wait for the first, or each would wait for the other for
// ever. (SQLite has one writer.)
func TestFT14_FormsOfOneRequestDoNotDeadlock(t *testing.T) {
	url := storagetest.URL(t, "postgres")
	one, two := open(t, url), open(t, url)
	a := person(t, one, "1759999913")
	s := session(t, one, a.ID)
	q := storage.AuthRequest{ID: storage.NewID(), ClientID: "historia", CreatedAt: storage.At(now), ExpiresAt: storage.At(now.Add(time.Hour))}
	inTx(t, one, func(tx *storage.Tx) error { return tx.AddAuthRequest(t.Context(), q) })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // what waits for the other here waits for ever
	defer cancel()
	err := one.InTx(ctx, func(login *storage.Tx) error {
		if _, err := login.LockAfiliado(ctx, a.ID); err != nil {
			return err
		}
		if _, err := login.LockSession(ctx, s.ID); err != nil {
			return err
		}
		err := two.InTx(ctx, func(consent *storage.Tx) error {
			if _, err := consent.LockAuthRequest(ctx, q.ID); err != nil {
				return err
			}
			if err := consent.SaveConsent(ctx, storage.Consent{AfiliadoID: a.ID, ClientID: "historia", Kind: "notice", CreatedAt: storage.At(now)}); err != nil {
				return err
			}
			return done(consent.JoinSession(ctx, s.ID, "historia", now))
		})
		if err != nil {
			t.Errorf("beside a sign-in: %v", err)
		}
		_, err = login.LockAuthRequest(ctx, q.ID)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// An import takes people in the order of their ids, as Reseal does: while it
// waits for the first, it holds nobody after her.
func TestImportHoldsPeopleInTheOrderOfTheirIDs(t *testing.T) {
	url := storagetest.URL(t, "postgres")
	db, raw := open(t, url), beside(t, url)
	first, second := maria("1700000001"), maria("1700000002")
	if bytes.Compare(db.IdentifierMAC(first.Identifier), db.IdentifierMAC(second.Identifier)) < 0 {
		first.Identifier, second.Identifier = second.Identifier, first.Identifier
	}
	first.ID, second.ID = "A", "B" // her hash comes last
	inTx(t, db, func(tx *storage.Tx) error {
		if err := tx.AddAfiliado(t.Context(), first); err != nil {
			return err
		}
		return tx.AddAfiliado(t.Context(), second)
	})
	file := afiliadosHeader
	for _, a := range []storage.Afiliado{first, second} {
		file += string(a.Identifier) + ",Rosa,Chimbo,1980-05-17,rosa@example.org,0991234567,,afiliado,activa,si\n"
	}
	finished := make(chan error, 1)
	hold, err := raw.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Rollback()
	if _, err := hold.ExecContext(t.Context(), `SELECT 1 FROM afiliado WHERE id = 'A' FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	go func() {
		var refused []string
		_, err := db.ImportAfiliados(t.Context(), strings.NewReader(file), importing(&refused))
		finished <- err
	}()
	waiting, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for count(t, raw, `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 0 {
		if err := waiting.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := hold.ExecContext(t.Context(), `SELECT 1 FROM afiliado WHERE id = 'B' FOR UPDATE NOWAIT`); err != nil {
		t.Errorf("the second person is held already: %v", err)
	}
	if err := hold.Commit(); err != nil {
		t.Error(err)
	}
	if err := <-finished; err != nil {
		t.Error(err)
	}
}
