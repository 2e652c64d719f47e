package storage_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"slices"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// passkeyOf is a passkey of the person's with that credential id, made at now.
func passkeyOf(afiliadoID, credentialID string) storage.Passkey {
	return storage.Passkey{
		ID: storage.NewID(), AfiliadoID: afiliadoID, CredentialID: credentialID, Credential: `{"id":"x"}`, Name: "Celular Canario",
		UserAgent: "Firefox", CreatedAt: storage.At(now),
	}
}

func addPasskey(t testing.TB, db *storage.DB, p storage.Passkey) storage.Passkey {
	t.Helper()
	inTx(t, db, func(tx *storage.Tx) error {
		var err error
		if p.Handle, err = tx.UserHandle(t.Context(), p.AfiliadoID, now); err != nil {
			return err
		}
		return tx.AddPasskey(t.Context(), p)
	})
	return p
}

// did runs f, which reports whether it changed something.
func did(t testing.TB, db *storage.DB, f func(tx *storage.Tx) (bool, error)) bool {
	t.Helper()
	changed := false
	inTx(t, db, func(tx *storage.Tx) error {
		var err error
		changed, err = f(tx)
		return err
	})
	return changed
}

func live(t testing.TB, db *storage.DB, afiliadoID string, at time.Time) []string {
	t.Helper()
	list, err := db.Passkeys(t.Context(), afiliadoID, at)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range list {
		if !p.Live(at) {
			t.Errorf("%+v is listed and says it does not live", p)
		}
		out = append(out, p.CredentialID)
	}
	return out
}

// The handle is 32 random bytes, one for each person, and stays.
func TestWA_8_UserHandleIsRandomAndStays(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a, b := person(t, db, "1759999913"), person(t, db, "0959999913")
		seen := map[string]string{}
		for _, id := range []string{a.ID, b.ID, a.ID} {
			inTx(t, db, func(tx *storage.Tx) error {
				handle, err := tx.UserHandle(t.Context(), id, now)
				if raw, bad := base64.RawURLEncoding.DecodeString(handle); bad != nil || len(raw) != 32 {
					t.Errorf("got %q, want 32 bytes", handle)
				}
				if old, found := seen[id]; found && old != handle {
					t.Errorf("got %q, want the same as before", handle)
				}
				seen[id] = handle
				return err
			})
		}
		if seen[a.ID] == seen[b.ID] {
			t.Error("two people have one handle")
		}
	})
}

// A credential belongs to one person for good (WA-7).
func TestWA_7_CredentialIsUnique(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a, b := person(t, db, "1759999913"), person(t, db, "0959999913")
		p := addPasskey(t, db, passkeyOf(a.ID, "one"))
		if !did(t, db, func(tx *storage.Tx) (bool, error) { return tx.RevokePasskey(t.Context(), a.ID, p.ID, now) }) {
			t.Error("it was not revoked")
		}
		err := db.InTx(t.Context(), func(tx *storage.Tx) error {
			if _, err := tx.UserHandle(t.Context(), b.ID, now); err != nil {
				return err
			}
			return tx.AddPasskey(t.Context(), passkeyOf(b.ID, "one"))
		})
		if !errors.Is(err, storage.ErrConflict) {
			t.Errorf("got %v, want ErrConflict", err)
		}
	})
}

func TestPasskeyIsKeptWhole(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		want := addPasskey(t, db, passkeyOf(a.ID, "one"))
		got, err := db.PasskeyByCredential(t.Context(), "one")
		if err != nil || *got != want {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
		want.Credential, want.BackedUp, want.LastAt = `{"id":"y"}`, true, storage.At(now.Add(time.Hour))
		inTx(t, db, func(tx *storage.Tx) error { return tx.UsePasskey(t.Context(), want) })
		if !did(t, db, func(tx *storage.Tx) (bool, error) {
			return tx.RenamePasskey(t.Context(), a.ID, want.ID, "Portátil", now)
		}) {
			t.Error("it was not renamed")
		}
		for _, first := range []bool{true, false} { // the mark stays as it was set first
			at := now.Add(time.Hour)
			if got := did(t, db, func(tx *storage.Tx) (bool, error) { return tx.ClonePasskey(t.Context(), want.ID, at) }); got != first {
				t.Errorf("marked: got %v, want %v", got, first)
			}
		}
		want.Name, want.ClonedAt = "Portátil", storage.At(now.Add(time.Hour))
		list, err := db.Passkeys(t.Context(), a.ID, now)
		if err != nil || len(list) != 1 || list[0] != want {
			t.Errorf("got %+v, %v; want %+v", list, err, want)
		}
		if _, err := db.PasskeyByCredential(t.Context(), "two"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	})
}

// Each row is a step in the life of one passkey among two.
func TestPasskeyEndsWhenItIsTold(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		a, b := person(t, db, "1759999913"), person(t, db, "0959999913")
		p := addPasskey(t, db, passkeyOf(a.ID, "one"))
		two := passkeyOf(a.ID, "two")
		two.CreatedAt = storage.At(now.Add(time.Second))
		addPasskey(t, db, two)
		day := now.Add(24 * time.Hour)
		both := []string{"one", "two"}
		for _, tt := range []struct {
			name string
			do   func(tx *storage.Tx) (bool, error)
			want bool
			now  []string // that live at once
			then []string // that live in a day
		}{
			{"another's", func(tx *storage.Tx) (bool, error) { return tx.RevokePasskey(ctx, b.ID, p.ID, now) }, false, both, both},
			{"another's name", func(tx *storage.Tx) (bool, error) { return tx.RenamePasskey(ctx, b.ID, p.ID, "x", now) }, false, both, both},
			{"all of another", func(tx *storage.Tx) (bool, error) {
				ended, err := tx.EndFactors(ctx, b.ID, now)
				return ended.Any(), err
			}, false, both, both},
			{"in a day", func(tx *storage.Tx) (bool, error) { return tx.RevokePasskey(ctx, a.ID, p.ID, day) }, true, both, both[1:]},
			{"later still", func(tx *storage.Tx) (bool, error) { return tx.RevokePasskey(ctx, a.ID, p.ID, day.Add(1)) }, false, both, both[1:]},
			{"taken back by another", func(tx *storage.Tx) (bool, error) { return tx.KeepPasskey(ctx, b.ID, p.ID, now) }, false, both, both[1:]},
			{"taken back", func(tx *storage.Tx) (bool, error) { return tx.KeepPasskey(ctx, a.ID, p.ID, now) }, true, both, both},
			{"taken back again", func(tx *storage.Tx) (bool, error) { return tx.KeepPasskey(ctx, a.ID, p.ID, now) }, false, both, both},
			{"in a day again", func(tx *storage.Tx) (bool, error) { return tx.RevokePasskey(ctx, a.ID, p.ID, day) }, true, both, both[1:]},
			{"at once", func(tx *storage.Tx) (bool, error) { return tx.RevokePasskey(ctx, a.ID, p.ID, now) }, true, both[1:], both[1:]},
			{"too late", func(tx *storage.Tx) (bool, error) { return tx.KeepPasskey(ctx, a.ID, p.ID, now) }, false, both[1:], both[1:]},
			{"renamed", func(tx *storage.Tx) (bool, error) { return tx.RenamePasskey(ctx, a.ID, p.ID, "x", now) }, false, both[1:], both[1:]},
			{"all", func(tx *storage.Tx) (bool, error) {
				ended, err := tx.EndFactors(ctx, a.ID, now)
				return ended.Passkeys == 1, err
			}, true, nil, nil},
		} {
			if got := did(t, db, tt.do); got != tt.want {
				t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
			}
			if got := live(t, db, a.ID, now); !slices.Equal(got, tt.now) {
				t.Errorf("%s: got %q now, want %q", tt.name, got, tt.now)
			}
			if got := live(t, db, a.ID, day); !slices.Equal(got, tt.then) {
				t.Errorf("%s: got %q in a day, want %q", tt.name, got, tt.then)
			}
		}
	})
}

// What a person calls her passkeys does not lie open, and is sealed again with the
// other columns.
func TestT19_PasskeyNameIsSealed(t *testing.T) {
	at(t, func(t *testing.T, url string) {
		db, raw := open(t, url), beside(t, url)
		a := person(t, db, "1759999913")
		p := addPasskey(t, db, passkeyOf(a.ID, "one"))
		if got := count(t, raw, `SELECT COUNT(*) FROM passkey WHERE CAST(name AS TEXT) LIKE '%Canario%'`); got != 0 {
			t.Error("the name lies open")
		}
		fresh := newKey()
		rotated := withKeys(t, url, func(k *storage.Keys) {
			k.Current, k.Seal = "second", map[string][]byte{"test": k.Seal["test"], "second": fresh}
		})
		if n, err := rotated.Reseal(t.Context(), nil); err != nil || n != 2 {
			t.Errorf("resealed %d, %v; want her and the name", n, err)
		}
		alone := withKeys(t, url, func(k *storage.Keys) { k.Current, k.Seal = "second", map[string][]byte{"second": fresh} })
		if got, err := alone.PasskeyByCredential(t.Context(), "one"); err != nil || got.Name != p.Name {
			t.Errorf("got %+v, %v; want %q", got, err, p.Name)
		}
	})
}

func ceremony(afiliadoID string) storage.Ceremony {
	return storage.Ceremony{
		ID: storage.NewID(), Kind: storage.CeremonyGet, BrowserHash: "browser", AfiliadoID: afiliadoID, Data: `{"challenge":"x"}`,
		CreatedAt: storage.At(now), ExpiresAt: storage.At(now.Add(5 * time.Minute)),
	}
}

// A ceremony is finished once, of its kind, in its browser, by whose it is, in
// time (WA-1); of many answers at once one wins.
func TestT18_CeremonyIsUsedOnce(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		c := ceremony("")
		inTx(t, db, func(tx *storage.Tx) error { return tx.AddCeremony(t.Context(), c) })
		use := func(ctx context.Context, c storage.Ceremony, at time.Time) (bool, error) {
			err := db.InTx(ctx, func(tx *storage.Tx) error {
				data, err := tx.UseCeremony(ctx, c, at)
				if err == nil && data != c.Data {
					t.Errorf("got %q, want %q", data, c.Data)
				}
				return err
			})
			if errors.Is(err, storage.ErrNotFound) {
				return false, nil
			}
			return err == nil, err
		}
		for _, tt := range []struct {
			name string
			as   func(c *storage.Ceremony)
			at   time.Time
		}{
			{"unknown", func(c *storage.Ceremony) { c.ID = "x" }, now},
			{"of another kind", func(c *storage.Ceremony) { c.Kind = storage.CeremonyCreate }, now},
			{"in another browser", func(c *storage.Ceremony) { c.BrowserHash = "y" }, now},
			{"by a person it was not for", func(c *storage.Ceremony) { c.AfiliadoID = "z" }, now},
			{"too late", func(*storage.Ceremony) {}, now.Add(5 * time.Minute)},
		} {
			other := c
			tt.as(&other)
			if won, err := use(t.Context(), other, tt.at); err != nil || won {
				t.Errorf("%s: got %v, %v; want it refused", tt.name, won, err)
			}
		}
		if won := parallel(t, 50, func(ctx context.Context, _ int) (bool, error) { return use(ctx, c, now) }); won != 1 {
			t.Errorf("%d won, want one", won)
		}
	})
}

func TestPurgeTakesCeremonies(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		old := ceremony("")
		old.ExpiresAt = storage.At(now)
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(tx.AddCeremony(t.Context(), old), tx.AddCeremony(t.Context(), ceremony("")))
		})
		if n, err := db.Purge(t.Context(), now, 10); err != nil || n != 1 {
			t.Errorf("purged %d, %v; want 1", n, err)
		}
		if got := count(t, raw, `SELECT COUNT(*) FROM ceremony`); got != 1 {
			t.Errorf("%d ceremonies are left, want 1", got)
		}
	})
}

// A passkey that was revoked is forgotten some time after its person's activity has
// forgotten its end; one that serves, or is still to end, is not.
func TestASVS_14_2_7_RevokedPasskeysArePurged(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		a := person(t, db, "1759999913")
		ended, ending := addPasskey(t, db, passkeyOf(a.ID, "ended")), addPasskey(t, db, passkeyOf(a.ID, "ending"))
		addPasskey(t, db, passkeyOf(a.ID, "serves"))
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(done(tx.RevokePasskey(t.Context(), a.ID, ended.ID, now)), done(tx.RevokePasskey(t.Context(), a.ID, ending.ID, now.Add(24*time.Hour))))
		})
		gone := now.Add(400 * 24 * time.Hour)
		if gone.Before(now.AddDate(0, 13, 0)) {
			t.Error("her activity still tells of it")
		}
		for _, step := range []struct {
			at   time.Time
			left int
		}{{gone.Add(-time.Microsecond), 3}, {gone, 2}} {
			if _, err := db.Purge(t.Context(), step.at, 10); err != nil {
				t.Fatal(err)
			}
			if got := count(t, raw, `SELECT COUNT(*) FROM passkey`); got != step.left {
				t.Errorf("%d passkeys are left at %v, want %d", got, step.at, step.left)
			}
		}
		if _, err := db.PasskeyByCredential(t.Context(), "ended"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v, want the one that was revoked gone", err)
		}
	})
}

// passkeyWrites02 are the writes of passkeys and ceremonies, for FT-02. Each uses
// what the ones before it have left.
func passkeyWrites02() []write {
	c := ceremony("")
	c.ID = "ceremony"
	return []write{
		{"UserHandle", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.UserHandle(ctx, f.a.ID, now))
		}},
		{"AddPasskey", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			p := passkeyOf(f.a.ID, "passkey")
			p.ID = "passkey"
			return tx.AddPasskey(ctx, p)
		}},
		{"UsePasskey", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return tx.UsePasskey(ctx, storage.Passkey{ID: "passkey", Credential: "{}", LastAt: storage.At(now)})
		}},
		{"ClonePasskey", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return done(tx.ClonePasskey(ctx, "passkey", now))
		}},
		{"RenamePasskey", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.RenamePasskey(ctx, f.a.ID, "passkey", "x", now))
		}},
		{"RevokePasskey", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.RevokePasskey(ctx, f.a.ID, "passkey", now.Add(time.Hour)))
		}},
		{"KeepPasskey", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.KeepPasskey(ctx, f.a.ID, "passkey", now))
		}},
		{"AddCeremony", func(ctx context.Context, tx *storage.Tx, _ filled02) error { return tx.AddCeremony(ctx, c) }},
		{"UseCeremony", func(ctx context.Context, tx *storage.Tx, _ filled02) error { return done(tx.UseCeremony(ctx, c, now)) }},
	}
}
