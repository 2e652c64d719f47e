package storage_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"reflect"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

func pushedRequest(uriHash string) storage.PushedRequest {
	return storage.PushedRequest{
		URIHash: uriHash, ClientID: "historia", CreatedAt: storage.At(now), ExpiresAt: storage.At(now.Add(time.Minute)),
		Request: storage.AuthRequest{
			ClientID: "historia", RedirectURI: "https://historia.example/cb", ResponseMode: "form_post", State: "state", Nonce: "nonce",
			Scope: "openid", CodeChallenge: "challenge", Params: storage.AuthParams{Prompt: []string{"login"}, JKT: "thumbprint"},
		},
	}
}

// pushedWrites02 are the writes of pushed requests, for FT-02.
func pushedWrites02() []write {
	return []write{
		{"AddPushedRequest", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return tx.AddPushedRequest(ctx, pushedRequest("pushed"))
		}},
		{"UsePushedRequest", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return tx.UsePushedRequest(ctx, "pushed", now)
		}},
	}
}

// What is pushed is found by its client, in time and until it is used, and fifty
// uses at once are one (T18).
func TestT18_PushedRequestIsUsedOnce(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		p := pushedRequest("pushed")
		inTx(t, db, func(tx *storage.Tx) error { return tx.AddPushedRequest(t.Context(), p) })
		got, err := db.PushedRequest(t.Context(), "pushed", "historia", now)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(*got, p) {
			t.Errorf("got %+v, want %+v", *got, p)
		}
		for _, tt := range []struct {
			name, hash, client string
			at                 time.Time
		}{
			{"unknown", "other", "historia", now}, {"another client's", "pushed", "prestamos", now}, {"expired", "pushed", "historia", now.Add(time.Minute)},
		} {
			if _, err := db.PushedRequest(t.Context(), tt.hash, tt.client, tt.at); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%s: got %v, want ErrNotFound", tt.name, err)
			}
		}
		won := parallel(t, 50, func(ctx context.Context, _ int) (bool, error) {
			err := db.InTx(ctx, func(tx *storage.Tx) error { return tx.UsePushedRequest(ctx, "pushed", now.Add(time.Hour)) })
			if errors.Is(err, storage.ErrConflict) {
				return false, nil
			}
			return err == nil, err
		})
		if won != 1 {
			t.Errorf("%d uses succeeded, want 1", won)
		}
		if _, err := db.PushedRequest(t.Context(), "pushed", "historia", now); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("used: got %v, want ErrNotFound", err)
		}
		if n, err := db.Purge(t.Context(), now.Add(time.Minute+24*time.Hour), 10); err != nil || n != 1 {
			t.Errorf("purged %d, %v; want the one row, a day later", n, err)
		}
	})
}

func TestProofNonceIsOfItsWindow(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a, b := db.ProofNonce("1"), db.ProofNonce("2")
		if len(a) != 32 || bytes.Equal(a, b) || !bytes.Equal(a, db.ProofNonce("1")) {
			t.Errorf("got %x and %x, want 32 bytes that differ by the window alone", a, b)
		}
	})
}
