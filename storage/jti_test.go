package storage_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// Of fifty uses of one jti at once, one is the first; another owner's, or another
// use's, is another one.
func TestT18_JTIIsSpentOnce(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		spend := func(ctx context.Context, use, owner, jti string) (bool, error) {
			first := false
			err := db.InTx(ctx, func(tx *storage.Tx) error {
				var err error
				first, err = tx.SpendJTI(ctx, use, owner, jti, now.Add(time.Minute))
				return err
			})
			return first, err
		}
		if won := parallel(t, 50, func(ctx context.Context, _ int) (bool, error) { return spend(ctx, "assertion", "historia", "1") }); won != 1 {
			t.Errorf("%d uses were the first, want 1", won)
		}
		for _, other := range [][3]string{{"assertion", "prestamos", "1"}, {"proof", "historia", "1"}, {"assertion", "historia", "2"}, {"assertion", "", "historia\x001"}} {
			if first, err := spend(t.Context(), other[0], other[1], other[2]); err != nil || !first {
				t.Errorf("%q: got %v, %v, want it to be another one", other, first, err)
			}
		}
	})
}

func TestTokenFactsAreOfLiveTokens(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		f := fill02(t, db)
		machine := storage.AccessToken{Hash: "machine", ClientID: "historia", Audience: "urn:a", Scope: "x:y", ExpiresAt: storage.At(now.Add(time.Hour))}
		if err := db.AddAccessToken(t.Context(), machine); err != nil {
			t.Fatal(err)
		}
		if err := db.AddAccessToken(t.Context(), machine); !errors.Is(err, storage.ErrConflict) {
			t.Errorf("a second time: got %v", err)
		}
		is := func(what, hash string, at time.Time, live bool) *storage.TokenFacts {
			t.Helper()
			got, err := db.TokenFacts(t.Context(), hash, at)
			if (err == nil) != live || err != nil && !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%s: got %+v, %v; want live %v", what, got, err, live)
			}
			return got
		}
		if got := is("a person's", "access", now, true); got.AfiliadoID != f.a.ID || got.GrantID != f.grant.ID {
			t.Errorf("got %+v", got)
		}
		if got := is("a client's own", "machine", now, true); got.AfiliadoID != "" || got.Audience != "urn:a" || got.Scope != "x:y" || got.ClientID != "historia" {
			t.Errorf("got %+v", got)
		}
		is("unknown", "nothing", now, false)
		is("expired", "access", now.Add(time.Hour), false)
		is("a client's own, expired", "machine", now.Add(time.Hour), false)
		inTx(t, db, func(tx *storage.Tx) error {
			if ended, err := tx.RevokeAccessToken(t.Context(), "access", "prestamos"); err != nil || ended {
				t.Errorf("another client ended it: %v, %v", ended, err)
			}
			return tx.DisableAfiliado(t.Context(), f.a.ID, "x", now)
		})
		is("of a disabled person", "access", now, false)
		inTx(t, db, func(tx *storage.Tx) error { return tx.DisableClient(t.Context(), "historia", now) })
		is("of a disabled client", "machine", now, false)
	})
}
