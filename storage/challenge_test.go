package storage_test

import (
	"bytes"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

func TestT18_ChallengeIsSpentOnce(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		for _, tt := range []struct {
			id   string
			want bool
		}{{"a", true}, {"a", false}, {"b", true}, {"b", false}, {"a", false}} {
			var got bool
			storagetest.InTx(t, db, func(tx *storage.Tx) error {
				var err error
				got, err = tx.SpendChallenge(t.Context(), tt.id, storagetest.Noon().Add(time.Minute))
				return err
			})
			if got != tt.want {
				t.Errorf("%s: got %v, want %v", tt.id, got, tt.want)
			}
		}
		if n, err := db.Purge(t.Context(), storagetest.Noon().Add(59*time.Second), 10); err != nil || n != 0 {
			t.Errorf("purged %d that could come again, %v", n, err)
		}
		if n, err := db.Purge(t.Context(), storagetest.Noon().Add(time.Minute), 10); err != nil || n != 2 {
			t.Errorf("purged %d, %v, want 2", n, err)
		}
	})
}

func TestChallengeKeyIsThatOfTheInstallation(t *testing.T) {
	a, b := storagetest.Open(t, "sqlite"), storagetest.Open(t, "sqlite")
	other := storagetest.Open(t, "sqlite", func(c *storage.Config) { c.Keys.Index = bytes.Repeat([]byte{1}, 32) })
	if !bytes.Equal(a.ChallengeKey(), b.ChallengeKey()) || bytes.Equal(a.ChallengeKey(), other.ChallengeKey()) || len(a.ChallengeKey()) != 32 {
		t.Error("the key does not follow from the installation's keys")
	}
}
