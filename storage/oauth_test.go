package storage_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// code adds a completed request with a code that lives a minute.
func code(t testing.TB, db *storage.DB, codeHash string) storage.AuthRequest {
	t.Helper()
	maxAge := int64(0)
	q := storage.AuthRequest{
		ID: storage.NewID(), ClientID: "historia", Scope: "openid", CreatedAt: storage.At(now), ExpiresAt: storage.At(now.Add(time.Hour)),
		Params: storage.AuthParams{MaxAge: &maxAge, ACRValues: []string{"urn:iess:acr:clave"}},
	}
	inTx(t, db, func(tx *storage.Tx) error {
		if err := tx.AddAuthRequest(t.Context(), q); err != nil {
			return err
		}
		q.CodeHash, q.CompletedAt, q.CodeExpiresAt = codeHash, storage.At(now), storage.At(now.Add(time.Minute))
		return tx.CompleteAuthRequest(t.Context(), q)
	})
	return q
}

// One code, fifty redemptions at once: one succeeds (RFC 6749 section 4.1.2).
func TestFT16_CodeIsUsedOnce(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		q := code(t, db, "code")
		won := parallel(t, 50, func(ctx context.Context, _ int) (bool, error) {
			err := db.InTx(ctx, func(tx *storage.Tx) error {
				got, err := tx.UseCode(ctx, "code", "historia", storage.NewID(), now)
				if err == nil && (got.ID != q.ID || *got.Params.MaxAge != 0) {
					t.Errorf("got %+v, want %+v", got, q)
				}
				return err
			})
			if errors.Is(err, storage.ErrNotFound) {
				return false, nil
			}
			return err == nil, err
		})
		if won != 1 {
			t.Errorf("%d redemptions succeeded, want 1", won)
		}
		if got, err := db.AuthRequestByCode(t.Context(), "code"); err != nil || got.CodeUsedAt.IsZero() || got.GrantID == "" {
			t.Errorf("got %+v, %v; want the used code still known, with its grant", got, err)
		}
	})
}

func TestCodeIsRefused(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		code(t, db, "code")
		for _, tt := range []struct {
			name, code, client string
			at                 time.Time
		}{
			{"unknown", "other", "historia", now}, {"another client's", "code", "prestamos", now}, {"expired", "code", "historia", now.Add(time.Minute)},
		} {
			err := db.InTx(t.Context(), func(tx *storage.Tx) error {
				return done(tx.UseCode(t.Context(), tt.code, tt.client, "g", tt.at))
			})
			if !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%s: got %v, want ErrNotFound", tt.name, err)
			}
		}
		inTx(t, db, func(tx *storage.Tx) error { // none of these spent it
			return done(tx.UseCode(t.Context(), "code", "historia", "g", now))
		})
	})
}

func TestAuthRequestCompletesOnce(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		q := code(t, db, "code")
		q.CodeHash = "second"
		err := db.InTx(t.Context(), func(tx *storage.Tx) error { return tx.CompleteAuthRequest(t.Context(), q) })
		if !errors.Is(err, storage.ErrConflict) {
			t.Errorf("got %v, want ErrConflict", err)
		}
		if _, err := db.AuthRequestByCode(t.Context(), "second"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v, want no second code", err)
		}
	})
}

func TestRefreshTokenUses(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		g := grant(t, db, a.ID, session(t, db, a.ID).ID, "openid offline_access")
		inTx(t, db, func(tx *storage.Tx) error {
			return tx.AddRefreshToken(t.Context(), storage.RefreshToken{Hash: "parent", GrantID: g.ID, CreatedAt: storage.At(now)})
		})
		for i, child := range []string{"first", "second", "third"} {
			at := now.Add(time.Duration(i) * time.Second)
			inTx(t, db, func(tx *storage.Tx) error {
				token, got, err := tx.LockRefreshToken(t.Context(), "parent")
				if err != nil {
					return err
				}
				if got.ID != g.ID || token.Replacements != max(0, i-1) || token.UsedAt.IsZero() != (i == 0) {
					t.Errorf("before use %d: got %+v of %+v", i, token, got)
				}
				return tx.UseRefreshToken(t.Context(), "parent", child, at)
			})
		}
		token, err := db.RefreshToken(t.Context(), "parent")
		if err != nil || !token.UsedAt.Equal(now) || token.ChildHash != "third" || token.Replacements != 2 {
			t.Errorf("got %+v, %v; want the first use's time, the last child, two replacements", token, err)
		}
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(tx.RevokeRefreshToken(t.Context(), "parent", now), tx.RevokeRefreshToken(t.Context(), "parent", now.Add(time.Hour)))
		})
		if token, err := db.RefreshToken(t.Context(), "parent"); err != nil || !token.RevokedAt.Equal(now) {
			t.Errorf("got %+v, %v; want the first revocation's time", token, err)
		}
		if _, _, err := lockToken(t, db, "unknown"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	})
}

func lockToken(t *testing.T, db *storage.DB, hash string) (*storage.RefreshToken, *storage.Grant, error) {
	t.Helper()
	var token *storage.RefreshToken
	var g *storage.Grant
	err := db.InTx(t.Context(), func(tx *storage.Tx) error {
		var err error
		token, g, err = tx.LockRefreshToken(t.Context(), hash)
		return err
	})
	return token, g, err
}

// Uses of one family take turns: each sees what the one before has written.
func TestRefreshTokenUsesTakeTurns(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		g := grant(t, db, a.ID, session(t, db, a.ID).ID, "openid")
		inTx(t, db, func(tx *storage.Tx) error {
			return tx.AddRefreshToken(t.Context(), storage.RefreshToken{Hash: "parent", GrantID: g.ID, CreatedAt: storage.At(now)})
		})
		first := parallel(t, 20, func(ctx context.Context, _ int) (bool, error) {
			was := false
			err := db.InTx(ctx, func(tx *storage.Tx) error {
				token, _, err := tx.LockRefreshToken(ctx, "parent")
				if err != nil {
					return err
				}
				was = token.UsedAt.IsZero()
				return tx.UseRefreshToken(ctx, "parent", storage.NewID(), now)
			})
			return was, err
		})
		if first != 1 {
			t.Errorf("%d uses thought they were the first, want 1", first)
		}
		if token, err := db.RefreshToken(t.Context(), "parent"); err != nil || token.Replacements != 19 {
			t.Errorf("got %+v, %v; want 19 replacements", token, err)
		}
	})
}

func TestAccessTokenLivesWithItsGrant(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		g := grant(t, db, a.ID, session(t, db, a.ID).ID, "openid")
		until := now.Add(time.Minute)
		inTx(t, db, func(tx *storage.Tx) error {
			return tx.AddAccessToken(t.Context(), storage.AccessToken{
				Hash: "access", GrantID: g.ID, ClientID: "historia", Scope: "openid profile",
				Audience: "api", CreatedAt: storage.At(now), ExpiresAt: storage.At(until),
			})
		})
		token, err := db.Bearer(t.Context(), "access", now)
		if err != nil || token.GrantID != g.ID || token.Afiliado.ID != a.ID || token.Scope != "openid profile" || token.Audience != "api" || !token.ExpiresAt.Equal(until) {
			t.Errorf("got %+v, %v; want the token, of its grant and person", token, err)
		}
		gone := func(when string, at time.Time) {
			t.Helper()
			if _, err := db.Bearer(t.Context(), "access", at); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%s: got %v, want ErrNotFound", when, err)
			}
		}
		gone("expired", until)
		for _, want := range []bool{true, false} {
			inTx(t, db, func(tx *storage.Tx) error {
				live, err := tx.RevokeGrant(t.Context(), g.ID, "replay", now)
				if live != want {
					t.Errorf("revoking: it was live %v, want %v", live, want)
				}
				return err
			})
		}
		gone("revoked", now)
	})
}
