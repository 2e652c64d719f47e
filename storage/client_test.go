package storage_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// What one replica changes, another knows of within the cache's age.
func TestClientCacheSeesOtherReplicas(t *testing.T) {
	at(t, func(t *testing.T, url string) {
		here, there := open(t, url), open(t, url)
		clock := now
		cache := storage.NewClientCache(here, func() time.Time { return clock })
		save := func(name string) {
			inTx(t, there, func(tx *storage.Tx) error {
				return tx.SaveClient(t.Context(), storage.Client{ID: "historia", Metadata: storage.ClientMetadata{ClientName: name}, UpdatedAt: storage.At(now)})
			})
		}
		ask := func(want string) {
			t.Helper()
			got, err := cache.Client(t.Context(), "historia")
			switch {
			case want == "" && !errors.Is(err, storage.ErrNotFound):
				t.Errorf("got %v, %v; want ErrNotFound", got, err)
			case want != "" && (err != nil || got.Metadata.ClientName != want):
				t.Errorf("got %v, %v; want %q", got, err, want)
			}
		}
		ask("")
		save("Historia Laboral")
		clock = clock.Add(time.Second) // every replica within one second
		ask("Historia Laboral")
		save("Historia")
		ask("Historia Laboral") // from memory
		clock = clock.Add(time.Second)
		ask("Historia")
		inTx(t, there, func(tx *storage.Tx) error { return tx.DisableClient(t.Context(), "historia", now) })
		clock = clock.Add(time.Second)
		ask("")
		save("Historia") // applied again: served again
		clock = clock.Add(time.Second)
		ask("Historia")
	})
}

func TestSaveClientKeepsTheSecretOnFile(t *testing.T) {
	at(t, func(t *testing.T, url string) {
		db := open(t, url)
		mac := db.ClientSecretMAC("historia", "s3cret")
		save := func(mac []byte) {
			inTx(t, db, func(tx *storage.Tx) error {
				return tx.SaveClient(t.Context(), storage.Client{ID: "historia", SecretMAC: mac, UpdatedAt: storage.At(now)})
			})
		}
		save(mac)
		save(nil)
		if c, err := db.Client(t.Context(), "historia"); err != nil || !bytes.Equal(c.SecretMAC, mac) {
			t.Errorf("got %+v, %v; want the secret kept", c, err)
		}
		if c, err := db.Client(t.Context(), "unknown"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v, %v; want ErrNotFound", c, err)
		}
	})
}

func TestDisabledClientLosesItsTokens(t *testing.T) {
	at(t, func(t *testing.T, url string) {
		db := open(t, url)
		a := person(t, db, "1759999913")
		g := grant(t, db, a.ID, session(t, db, a.ID).ID, "openid offline_access")
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(tx.SaveClient(t.Context(), storage.Client{ID: g.ClientID}),
				tx.AddAccessToken(t.Context(), storage.AccessToken{Hash: "access", GrantID: g.ID, ClientID: g.ClientID, ExpiresAt: storage.At(now.Add(time.Hour))}))
		})
		inTx(t, db, func(tx *storage.Tx) error { return tx.DisableClient(t.Context(), g.ClientID, now) })
		if _, err := db.Bearer(t.Context(), "access", now); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v, want the token gone", err)
		}
		inTx(t, db, func(tx *storage.Tx) error {
			live, err := tx.RevokeGrant(t.Context(), g.ID, "test", now)
			if live {
				t.Error("the grant is still live")
			}
			return err
		})
		err := db.InTx(t.Context(), func(tx *storage.Tx) error { return tx.DisableClient(t.Context(), "unknown", now) })
		if !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	})
}
