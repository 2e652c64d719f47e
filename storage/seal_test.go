package storage_test

import (
	"bytes"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// leaked is everything that must not be readable in a stolen database.
type leaked struct {
	name, value string
}

// fill writes something into every table that holds people's data or secrets,
// and returns what must not be found there.
func fill(t *testing.T, db *storage.DB) []leaked {
	t.Helper()
	const phc = "$argon2id$v=19$m=64,t=1,p=1$Y2FuYXJ5c2FsdDEyMzQ1Ng$Y2FuYXJ5aGFzaGNhbmFyeWhhc2gxMjM0NTY3ODkwMTI"
	a := maria("1759999913")
	code, access, refresh, cookie, device, secret, key := storage.NewSecret(), storage.NewSecret(), storage.NewSecret(),
		storage.NewSecret(), storage.NewSecret(), storage.NewSecret(), "PRIVATE-KEY-BYTES"
	link := storage.NewID()
	inTx(t, db, func(tx *storage.Tx) error {
		ctx := t.Context()
		s := storage.Session{ID: storage.NewID(), SecretHash: storage.Hash(cookie), AfiliadoID: a.ID, ExpiresAt: storage.At(now.Add(time.Hour))}
		q := storage.AuthRequest{ID: storage.NewID(), ClientID: "historia", ExpiresAt: storage.At(now.Add(time.Hour))}
		g := storage.Grant{ID: storage.NewID(), ClientID: "historia", AfiliadoID: a.ID, SessionID: s.ID, ExpiresAt: storage.At(now.Add(time.Hour))}
		err := errors.Join(
			tx.AddAfiliado(ctx, a),
			tx.SetClave(ctx, storage.Clave{AfiliadoID: a.ID, PHC: phc, CreatedAt: storage.At(now)}, 5),
			tx.KeepDevice(ctx, storage.Device{ID: storage.NewID(), SecretHash: storage.Hash(device), AfiliadoID: a.ID, ExpiresAt: storage.At(now)}),
			tx.AddSession(ctx, s),
			tx.SaveClient(ctx, storage.Client{ID: "historia", SecretMAC: db.ClientSecretMAC("historia", secret)}),
			tx.AddAuthRequest(ctx, q),
			tx.AddGrant(ctx, g),
			tx.AddAccessToken(ctx, storage.AccessToken{Hash: storage.Hash(access), GrantID: g.ID, ExpiresAt: storage.At(now)}),
			tx.AddRefreshToken(ctx, storage.RefreshToken{Hash: storage.Hash(refresh), GrantID: g.ID}),
			tx.AddSigningKey(ctx, storage.SigningKey{KID: "k", Alg: "ES256", State: storage.KeyActive, Private: []byte(key)}),
			tx.AddLink(ctx, storage.Link{
				ID: link, Purpose: storage.LinkDesbloqueo, AfiliadoID: a.ID, Life: time.Minute, CreatedAt: storage.At(now), LatestAt: storage.At(now.Add(time.Hour)),
			}),
			tx.Enqueue(ctx, storage.Message{
				AfiliadoID: a.ID, Template: "enlace-desbloqueo", Recipient: a.Email, LinkID: link, CreatedAt: storage.At(now),
				Data: []byte(`{"Name":"María Fernanda","Network":"192.0.2.44","Device":"Firefox Canario"}`),
			}),
			tx.AddErrand(ctx, storage.Errand{
				Kind: "clave-bloqueada", IdentifierMAC: db.IdentifierMAC(a.Identifier), Data: []byte(`{"Device":"Firefox Recado"}`), CreatedAt: storage.At(now),
			}),
			tx.SuppressAddress(ctx, "ROSA@example.org", "550", now, now.Add(time.Hour)),
			tx.AddPressure(ctx, db.PressureKey("network", "192.0.2.44"), now, time.Second, time.Minute),
			tx.Audit(ctx, storage.Event{At: storage.At(now), Name: "session.started", AfiliadoID: a.ID, Personal: map[string]string{"ip": "192.0.2.44"}}),
		)
		if err != nil {
			return err
		}
		if _, err := tx.ReserveAttempt(ctx, db.IdentifierMAC(a.Identifier), 5, now, now); err != nil {
			return err
		}
		q.CodeHash, q.CompletedAt, q.AfiliadoID = storage.Hash(code), storage.At(now), a.ID
		return tx.CompleteAuthRequest(ctx, q)
	})
	return []leaked{
		{"cédula", "1759999913"},
		{"given name", "María"},
		{"second name", "Fernanda"},
		{"family name", "Quishpe"},
		{"birth date", "1985-03-14"},
		{"mail", "maria@example.org"},
		{"celular", "991234567"},
		{"convencional", "23945666"},
		{"clave hash", "argon2id"},
		{"salt", "Y2FuYXJ5c2FsdDEyMzQ1Ng"},
		{"code", code},
		{"access token", access},
		{"refresh token", refresh},
		{"session cookie", cookie},
		{"device cookie", device},
		{"client secret", secret},
		{"private key", key},
		{"network address", "192.0.2.44"},
		{"device of a mail", "Canario"},
		{"device of an errand", "Recado"},
		{"suppressed address", "ROSA@"},
		{"suppressed address", "rosa@"},
		{"link token", db.LinkToken(link)},
		{"link code", db.LinkCode(link)},
	}
}

// A stolen database names nobody and opens nothing: every table is read, and on
// SQLite the file itself.
func TestT19_DumpHoldsNoPlaintext(t *testing.T) {
	at(t, func(t *testing.T, url string) {
		db, raw := open(t, url), beside(t, url)
		canaries := fill(t, db)
		all := dump(t, db, raw)
		if file, ok := strings.CutPrefix(url, "sqlite:"); ok {
			for _, part := range []string{file, file + "-wal"} {
				bytes, err := os.ReadFile(part)
				if err != nil {
					t.Fatal(err)
				}
				all += string(bytes)
			}
		}
		for _, c := range canaries {
			if strings.Contains(all, c.value) {
				t.Errorf("the %s lies open in the database", c.name)
			}
		}
		for _, table := range []string{
			"afiliado ", "clave ", "clave_history ", "device ", "session ", "client ", "auth_request ", "oauth_grant ",
			"access_token ", "refresh_token ", "signing_key ", "pressure ", "audit_personal ", "login_budget ",
			"outbox ", "errand ", "link ", "suppression ",
		} {
			if !strings.Contains(all, table) {
				t.Errorf("nothing of table %s was looked at", table)
			}
		}
	})
}

// Nobody else on the machine reads the embedded database, nor its journal.
func TestT19_NewDatabaseFileIsItsOwnersAlone(t *testing.T) {
	name := t.TempDir() + "/clave.db"
	db := open(t, "sqlite:"+name)
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{name, name + "-wal", name + "-shm", name + "-migrate"} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o", file, mode)
		}
	}
}

// A sealed value opens only in its row and column, so nobody who can write to
// the database gives herself another's clave, name or mail.
func TestT19_SealedValuesDoNotMove(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		a, b := person(t, db, "1759999913"), person(t, db, "0959999913")
		inTx(t, db, func(tx *storage.Tx) error {
			for _, id := range []string{a.ID, b.ID} {
				if err := tx.SetClave(t.Context(), storage.Clave{AfiliadoID: id, PHC: "phc of " + id, CreatedAt: storage.At(now)}, 5); err != nil {
					return err
				}
			}
			for _, a := range []storage.Afiliado{a, b} {
				if err := tx.Enqueue(t.Context(), mailTo(a)); err != nil {
					return err
				}
			}
			return tx.AddSigningKey(t.Context(), storage.SigningKey{KID: "k", Alg: "ES256", State: storage.KeyNext, Private: []byte("key")})
		})
		for _, column := range []string{"recipient", "data"} {
			swap(t, raw, "outbox", column, "afiliado_id", a.ID, b.ID)
			if all, err := db.Messages(t.Context(), a.ID, 1); err != nil || len(all) != 1 || all[0].Sealed == nil || all[0].Recipient != "" || len(all[0].Data) > 0 {
				t.Errorf("the %s of another's mail opened: %+v, %v", column, all, err)
			}
			swap(t, raw, "outbox", column, "afiliado_id", a.ID, b.ID)
		}
		for _, column := range []string{"identifier", "given_name", "family_name", "birthdate", "email", "mobile", "landline"} {
			swap(t, raw, "afiliado", column, "id", a.ID, b.ID)
			if _, err := db.Afiliado(t.Context(), a.ID); err == nil {
				t.Errorf("%s of another person opened", column)
			}
			swap(t, raw, "afiliado", column, "id", a.ID, b.ID)
		}
		must(t, raw, `UPDATE afiliado SET given_name = family_name WHERE id = '`+a.ID+`'`)
		if _, err := db.Afiliado(t.Context(), a.ID); err == nil {
			t.Error("a value opened in another column")
		}
		swap(t, raw, "clave", "phc", "afiliado_id", a.ID, b.ID)
		if _, err := db.Clave(t.Context(), a.ID); err == nil {
			t.Error("another's clave opened")
		}
		must(t, raw, `UPDATE clave SET phc = (SELECT phc FROM clave_history WHERE afiliado_id = '`+a.ID+`') WHERE afiliado_id = '`+a.ID+`'`)
		if _, err := db.Clave(t.Context(), a.ID); err == nil {
			t.Error("a former clave opened as the present one")
		}
		swap(t, raw, "clave_history", "phc", "afiliado_id", a.ID, b.ID)
		if _, err := db.ClaveHistory(t.Context(), a.ID, 5); err == nil {
			t.Error("another's former clave opened")
		}
		must(t, raw, `UPDATE signing_key SET kid = 'other'`)
		if _, err := db.SigningKeys(t.Context()); err == nil {
			t.Error("a key opened under another id")
		}
	})
}

func swap(t *testing.T, raw *sql.DB, table, column, key, a, b string) {
	t.Helper()
	var of [2][]byte
	for i, id := range []string{a, b} {
		err := raw.QueryRowContext(t.Context(), fmt.Sprintf(`SELECT %s FROM %s WHERE %s = '%s'`, column, table, key, id)).Scan(&of[i])
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, id := range []string{b, a} {
		_, err := raw.ExecContext(t.Context(), fmt.Sprintf(`UPDATE %s SET %s = $1 WHERE %s = '%s'`, table, column, key, id), of[i])
		if err != nil {
			t.Fatal(err)
		}
	}
}

// withKeys opens the same database with other keys.
func withKeys(t *testing.T, url string, change func(*storage.Keys)) *storage.DB {
	t.Helper()
	return open(t, url, func(c *storage.Config) { change(&c.Keys) })
}

func newKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return key
}

func TestWrongKeyOpensNothing(t *testing.T) {
	at(t, func(t *testing.T, url string) {
		db := open(t, url)
		a := person(t, db, "1759999913")
		for name, change := range map[string]func(*storage.Keys){
			"another key under the same name": func(k *storage.Keys) { k.Seal = map[string][]byte{k.Current: newKey()} },
			"the key is gone":                 func(k *storage.Keys) { k.Current, k.Seal = "new", map[string][]byte{"new": newKey()} },
		} {
			other := withKeys(t, url, change)
			if got, err := other.Afiliado(t.Context(), a.ID); err == nil {
				t.Errorf("%s: got %v, want an error", name, got)
			}
		}
		other := withKeys(t, url, func(k *storage.Keys) { k.Index = newKey() })
		if _, err := other.AfiliadoByIdentifier(t.Context(), a.Identifier); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("with another index key got %v, want nobody found", err)
		}
	})
}

func TestKeyRotationOpensOldSealsNew(t *testing.T) {
	at(t, func(t *testing.T, url string) {
		db, raw := open(t, url), beside(t, url)
		a := person(t, db, "1759999913")
		fresh := newKey()
		rotated := withKeys(t, url, func(k *storage.Keys) {
			k.Seal = maps.Clone(k.Seal)
			k.Current, k.Seal["second"] = "second", fresh
		})
		if got, err := rotated.Afiliado(t.Context(), a.ID); err != nil || got.Email != a.Email {
			t.Errorf("got %v, %v; want what the old key sealed", got, err)
		}
		b := person(t, rotated, "0959999913")
		var sealed []byte
		if err := raw.QueryRowContext(t.Context(), `SELECT email FROM afiliado WHERE id = '`+b.ID+`'`).Scan(&sealed); err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(sealed, []byte("\x06second")) {
			t.Errorf("sealed with %q, want the current key", sealed[:8])
		}
		alone := withKeys(t, url, func(k *storage.Keys) { k.Current, k.Seal = "second", map[string][]byte{"second": fresh} })
		if got, err := alone.Afiliado(t.Context(), b.ID); err != nil || got.Email != b.Email {
			t.Errorf("got %v, %v; want what the new key sealed", got, err)
		}
	})
}

// After resealing, the old key can be dropped and everything still opens.
func TestResealLetsTheOldKeyGo(t *testing.T) {
	at(t, func(t *testing.T, url string) {
		db, raw := open(t, url), beside(t, url)
		fill(t, db)
		fresh := newKey()
		rotated := withKeys(t, url, func(k *storage.Keys) {
			k.Seal = maps.Clone(k.Seal)
			k.Current, k.Seal["second"] = "second", fresh
		})
		for _, want := range []int64{8, 0} { // a person, her clave twice, a signing key, an audit row, a mail's address and data, an errand's data
			var done, total int64
			if n, err := rotated.Reseal(t.Context(), func(d, t int64) { done, total = d, t }); err != nil || n != want || done != total || done < 8 {
				t.Errorf("resealed %d, %v, having looked at %d of %d; want %d", n, err, done, total, want)
			}
		}
		for line := range strings.SplitSeq(dump(t, db, raw), "\n") {
			if strings.Contains(line, `="\x04test`) {
				t.Errorf("the old key's: %s", line)
			}
		}
		alone := withKeys(t, url, func(k *storage.Keys) { k.Current, k.Seal = "second", map[string][]byte{"second": fresh} })
		a, err := alone.AfiliadoByIdentifier(t.Context(), "1759999913")
		if err != nil || a.Email != "maria@example.org" {
			t.Fatalf("got %v, %v; want her", a, err)
		}
		if c, err := alone.Clave(t.Context(), a.ID); err != nil || !strings.HasPrefix(c.PHC, "$argon2id$") {
			t.Errorf("got %v, %v; want her clave", c, err)
		}
		if past, err := alone.ClaveHistory(t.Context(), a.ID, 5); err != nil || len(past) != 1 {
			t.Errorf("got %q, %v; want her history", past, err)
		}
		if keys, err := alone.SigningKeys(t.Context()); err != nil || len(keys) != 1 {
			t.Errorf("got %v, %v; want the signing key", keys, err)
		}
		if mails, err := alone.Messages(t.Context(), a.ID, 5); err != nil || len(mails) != 1 || mails[0].Recipient != a.Email {
			t.Errorf("got %+v, %v; want the mail that waits", mails, err)
		}
		if due, err := alone.DueErrands(t.Context(), now, 5); err != nil || len(due) != 1 {
			t.Errorf("got %v, %v; want the errand", due, err)
		} else if data, err := alone.ErrandData(t.Context(), due[0].ID); err != nil || !strings.Contains(string(data), "Recado") {
			t.Errorf("got %s, %v; want what is in the errand", data, err)
		}
		if fields, err := alone.AuditPersonal(t.Context(), 1); err != nil || fields["ip"] != "192.0.2.44" {
			t.Errorf("got %v, %v; want the audit's personal side", fields, err)
		}
		seal(t, alone, 10)
		if check, found := verify(t, alone, nil); len(found) > 0 || check.Personal != 1 {
			t.Errorf("got %+v, %q; want the audit whole", check, found)
		}
	})
}

func TestKeysAreChecked(t *testing.T) {
	for name, change := range map[string]func(*storage.Keys){
		"none":       func(k *storage.Keys) { *k = storage.Keys{} },
		"no current": func(k *storage.Keys) { k.Current = "other" },
		"short":      func(k *storage.Keys) { k.Seal = map[string][]byte{k.Current: make([]byte, 31)} },
		"long name": func(k *storage.Keys) {
			k.Current = strings.Repeat("n", 33)
			k.Seal = map[string][]byte{k.Current: newKey()}
		},
		"short index":   func(k *storage.Keys) { k.Index = nil },
		"pairwise gone": func(k *storage.Keys) { k.Pairwise = nil },
	} {
		keys := storagetest.Keys()
		change(&keys)
		if db, err := storage.Open(t.Context(), storage.Config{URL: "sqlite:" + t.TempDir() + "/clave.db", Keys: keys}); err == nil {
			t.Errorf("%s: opened", name)
			db.Close()
		}
	}
}

// The hash by which people are found is keyed, and different for each use.
func TestMACsDependOnKeyAndKind(t *testing.T) {
	db := openEngine(t, "sqlite")
	keys := storagetest.Keys()
	seen := map[string]string{}
	for name, mac := range map[string][]byte{
		"identifier": db.IdentifierMAC("1759999913"), "client secret": db.ClientSecretMAC("", "1759999913"), "pressure": db.PressureKey("identifier", "1759999913"),
		"pairwise": db.PairwiseMAC("", "1759999913"), "another key": storage.Keys{Index: newKey()}.MAC("identifier", "1759999913"),
	} {
		if other, twice := seen[string(mac)]; twice || len(mac) != 32 {
			t.Errorf("the hash of %s is that of %s", name, other)
		}
		seen[string(mac)] = name
	}
	if !bytes.Equal(db.IdentifierMAC("1759999913"), keys.MAC("identifier", "1759999913")) {
		t.Error("the hash of an identifier is not stable")
	}
}
