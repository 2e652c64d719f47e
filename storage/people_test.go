package storage_test

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

func TestAfiliadoComesBackAsStored(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := maria("1759999913")
		a.Kinds, a.EmailVerified, a.Locale = []string{"afiliado", "pensionista"}, true, "en"
		bare := maria("0959999913")
		bare.Email, bare.Mobile, bare.Landline = "", "", ""
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(tx.AddAfiliado(t.Context(), a), tx.AddAfiliado(t.Context(), bare))
		})
		for _, want := range []storage.Afiliado{a, bare} {
			byID, err := db.Afiliado(t.Context(), want.ID)
			if err != nil {
				t.Fatal(err)
			}
			byIdentifier, err := db.AfiliadoByIdentifier(t.Context(), want.Identifier)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*byID, want) || !reflect.DeepEqual(*byIdentifier, want) {
				t.Errorf("got %+v and %+v, want %+v", *byID, *byIdentifier, want)
			}
		}
		if _, err := db.AfiliadoByIdentifier(t.Context(), "0000000000"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	})
}

// An identifier that is printed or logged by mistake shows its last three
// characters.
func TestASVS_16_2_5_IdentifierMasksItself(t *testing.T) {
	a := maria("1759999913")
	for _, format := range []string{"%v", "%s", "%+v", "%#v", "%q"} {
		if got := fmt.Sprintf(format, a.Identifier); got != "***913" && got != `"***913"` {
			t.Errorf("%s shows %s", format, got)
		}
	}
	if got := storage.Identifier("913").String(); got != "***" {
		t.Errorf("got %q, want nothing of a short one", got)
	}
}

// The last claves are remembered, the present one among them, and older ones go
// (S089).
func TestClaveHistoryKeepsTheLast(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		for i := range 5 {
			inTx(t, db, func(tx *storage.Tx) error {
				return tx.SetClave(t.Context(), storage.Clave{
					AfiliadoID: a.ID, PHC: fmt.Sprint("phc", i), Long: i%2 == 0,
					CreatedAt: storage.At(now.Add(time.Duration(i) * time.Hour)), DueAt: storage.At(now),
				}, 3)
			})
		}
		c, err := db.Clave(t.Context(), a.ID)
		if err != nil || c.PHC != "phc4" || !c.Long || !c.DueAt.Equal(now) {
			t.Errorf("got %+v, %v; want the last clave", c, err)
		}
		past, err := db.ClaveHistory(t.Context(), a.ID, 10)
		if want := []string{"phc4", "phc3", "phc2"}; err != nil || !slices.Equal(past, want) {
			t.Errorf("got %q, %v; want %q", past, err, want)
		}
	})
}

// A login that took long does not put the old clave back.
func TestRehashSparesAClaveChangedMeanwhile(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		old := storage.Clave{AfiliadoID: a.ID, PHC: "old", CreatedAt: storage.At(now)}
		set := func(c storage.Clave) {
			inTx(t, db, func(tx *storage.Tx) error { return tx.SetClave(t.Context(), c, 5) })
		}
		rehash := func() {
			inTx(t, db, func(tx *storage.Tx) error { return tx.RehashClave(t.Context(), old, "stronger") })
		}
		expect := func(want string) {
			t.Helper()
			if c, err := db.Clave(t.Context(), a.ID); err != nil || c.PHC != want {
				t.Errorf("got %+v, %v; want %q", c, err, want)
			}
		}
		set(old)
		rehash()
		expect("stronger")
		set(storage.Clave{AfiliadoID: a.ID, PHC: "new", CreatedAt: storage.At(now.Add(time.Second))})
		rehash()
		expect("new")
	})
}

// What decides whether a person may go on opens nothing that is sealed: values
// that do not open are in nobody's way but theirs who need them (T01).
func TestT01_DecidingOpensNothing(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		a := person(t, db, "1759999913")
		mac := db.IdentifierMAC(a.Identifier)
		if c, err := db.Credentials(t.Context(), mac, "", now); err != nil || c.HasClave() {
			t.Errorf("without a clave: got %+v, %v", c, err)
		}
		inTx(t, db, func(tx *storage.Tx) error {
			return tx.SetClave(t.Context(), storage.Clave{AfiliadoID: a.ID, PHC: "phc", Long: true, CreatedAt: storage.At(now)}, 1)
		})
		c, err := db.Credentials(t.Context(), mac, "", now)
		if err != nil {
			t.Fatal(err)
		}
		if phc, err := db.PHC(c); err != nil || phc != "phc" {
			t.Errorf("got %q, %v", phc, err)
		}
		for _, column := range []string{"identifier", "given_name", "family_name", "birthdate", "email", "mobile", "landline"} {
			must(t, raw, `UPDATE afiliado SET `+column+` = 'xx'`)
		}
		must(t, raw, `UPDATE clave SET phc = 'xx'`)
		if c, err = db.Credentials(t.Context(), mac, "", now); err != nil || c.ID != a.ID || !c.HasClave() || !c.ClaveAt.Equal(now) || c.Disabled() {
			t.Errorf("credentials: got %+v, %v", c, err)
		}
		if phc, err := db.PHC(c); err == nil {
			t.Errorf("got %q of a value that does not open", phc)
		}
		if at, err := db.Standing(t.Context(), a.ID, "historia", now); err != nil || !at.Clave.Long {
			t.Errorf("standing: got %v, %v", at, err)
		}
		if clave, err := db.ClaveFacts(t.Context(), a.ID); err != nil || !clave.Long {
			t.Errorf("facts: got %v, %v", clave, err)
		}
		inTx(t, db, func(tx *storage.Tx) error {
			if account, err := tx.LockAccount(t.Context(), a.ID); err != nil || account.ID != a.ID {
				t.Errorf("account: got %v, %v", account, err)
			}
			return nil
		})
	})
}

func TestConsentIsTheLastOneGiven(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		if at, err := db.Standing(t.Context(), a.ID, "historia", now); err != nil || at != (storage.Standing{}) {
			t.Errorf("got %+v, %v; want nothing and no error", at, err)
		}
		for _, scope := range []string{"openid", "openid profile"} {
			inTx(t, db, func(tx *storage.Tx) error {
				return tx.SaveConsent(t.Context(), storage.Consent{AfiliadoID: a.ID, ClientID: "historia", Kind: "consent", Scope: scope, CreatedAt: storage.At(now)})
			})
		}
		set := storage.Clave{AfiliadoID: a.ID, PHC: "phc", Long: true, CreatedAt: storage.At(now), DueAt: storage.At(now.Add(time.Hour)), Compromised: true}
		inTx(t, db, func(tx *storage.Tx) error { return tx.SetClave(t.Context(), set, 1) })
		set.PHC = "" // it stays sealed
		at, err := db.Standing(t.Context(), a.ID, "historia", now)
		clave, c := at.Clave, at.Consent
		if err != nil || c == nil || c.Scope != "openid profile" || c.Kind != "consent" || !c.CreatedAt.Equal(now) {
			t.Errorf("got %+v, %v; want the later scope", c, err)
		}
		if clave == nil || *clave != set {
			t.Errorf("got %+v, want %+v", clave, set)
		}
		if at, err := db.Standing(t.Context(), a.ID, "prestamos", now); err != nil || at.Consent != nil {
			t.Errorf("got %+v, %v; want nothing for another application", at.Consent, err)
		}
	})
}

func TestAcceptancesAreListed(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		want := storage.Acceptance{AfiliadoID: a.ID, Document: "acuerdo", Version: "2026-11", TextHash: "hash", AcceptedAt: storage.At(now)}
		inTx(t, db, func(tx *storage.Tx) error { return tx.AddAcceptance(t.Context(), want) })
		if got, err := db.Acceptances(t.Context(), a.ID); err != nil || !slices.Equal(got, []storage.Acceptance{want}) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	})
}

// A signing key's private part is gone once it is revoked, and only one key of
// an algorithm signs.
func TestSigningKeyStates(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		add := func(kid, state string) error {
			return db.InTx(t.Context(), func(tx *storage.Tx) error {
				return tx.AddSigningKey(t.Context(), storage.SigningKey{KID: kid, Alg: "ES256", State: state, Private: []byte("private " + kid), CreatedAt: storage.At(now)})
			})
		}
		if err := errors.Join(add("a", storage.KeyActive), add("b", storage.KeyNext)); err != nil {
			t.Fatal(err)
		}
		if err := add("c", storage.KeyActive); !errors.Is(err, storage.ErrConflict) {
			t.Errorf("a second active key: got %v, want ErrConflict", err)
		}
		inTx(t, db, func(tx *storage.Tx) error { return tx.SetSigningKeyState(t.Context(), "a", storage.KeyRevoked, now) })
		keys, err := db.SigningKeys(t.Context())
		if err != nil || len(keys) != 1 || keys[0].KID != "b" || string(keys[0].Private) != "private b" {
			t.Errorf("got %+v, %v; want the one left, opened", keys, err)
		}
		if n := count(t, raw, `SELECT COUNT(*) FROM signing_key WHERE kid = 'a' AND LENGTH(private_key) = 0`); n != 1 {
			t.Error("the revoked key's private part is still there")
		}
		err = db.InTx(t.Context(), func(tx *storage.Tx) error { return tx.SetSigningKeyState(t.Context(), "x", storage.KeyActive, now) })
		if !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
		if r, err := db.Revisions(t.Context()); err != nil || r[storage.RevisionSigningKey] != 3 {
			t.Errorf("got %v, %v; want three changes counted", r, err)
		}
	})
}

// Of a key that expires the public part alone stays, for who asks for it by its id.
func TestExpiredSigningKeyKeepsItsPublicPart(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		expire := func() error {
			return db.InTx(t.Context(), func(tx *storage.Tx) error { return tx.ExpireSigningKey(t.Context(), "a", []byte("public a")) })
		}
		inTx(t, db, func(tx *storage.Tx) error {
			return tx.AddSigningKey(t.Context(), storage.SigningKey{KID: "a", Alg: "ES256", State: storage.KeyActive, Private: []byte("private a"), CreatedAt: storage.At(now)})
		})
		if err := expire(); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("a key that signs: got %v, want ErrNotFound", err)
		}
		inTx(t, db, func(tx *storage.Tx) error { return tx.SetSigningKeyState(t.Context(), "a", storage.KeyRetired, now) })
		if _, err := db.ExpiredKey(t.Context(), "a"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("a retired key: got %v, want ErrNotFound", err)
		}
		if err := expire(); err != nil {
			t.Fatal(err)
		}
		k, err := db.ExpiredKey(t.Context(), "a")
		if err != nil || string(k.Public) != "public a" || len(k.Private) > 0 || k.Alg != "ES256" || !k.RetiredAt.Equal(now) {
			t.Errorf("got %+v, %v; want the public part", k, err)
		}
		if all, err := db.SigningKeys(t.Context()); err != nil || len(all) > 0 {
			t.Errorf("got %+v, %v; want none that signs or is published", all, err)
		}
		if n := count(t, raw, `SELECT COUNT(*) FROM signing_key WHERE kid = 'a' AND state = 'revoked'`); n != 1 {
			t.Error("a replica of the version before would take what is left for a private key")
		}
		inTx(t, db, func(tx *storage.Tx) error { return tx.SetSigningKeyState(t.Context(), "a", storage.KeyRevoked, now) })
		if _, err := db.ExpiredKey(t.Context(), "a"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("a revoked key: got %v, want ErrNotFound", err)
		}
	})
}

// A due date moves only where the clave is still the one that was looked at.
func TestMoveClaveDueLeavesWhatHasChanged(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a, b := person(t, db, "1759999913"), person(t, db, "0959999913")
		inTx(t, db, func(tx *storage.Tx) error {
			for _, id := range []string{a.ID, b.ID} {
				if err := tx.SetClave(t.Context(), storage.Clave{AfiliadoID: id, PHC: "x", Long: true, CreatedAt: storage.At(now), DueAt: storage.At(now)}, 1); err != nil {
					return err
				}
			}
			return nil
		})
		all, err := db.ClaveDates(t.Context(), "", 10)
		if n, cerr := db.ClaveCount(t.Context()); err != nil || cerr != nil || n != 2 || len(all) != 2 || all[0].AfiliadoID >= all[1].AfiliadoID || all[0].Holder.AfiliadoID != all[0].AfiliadoID || !all[0].Long || !all[0].DueAt.Equal(now) {
			t.Fatalf("got %d, %+v, %v, %v", n, all, err, cerr)
		}
		if rest, err := db.ClaveDates(t.Context(), all[0].AfiliadoID, 10); err != nil || len(rest) != 1 || rest[0] != all[1] {
			t.Errorf("after the first: %+v, %v", rest, err)
		}
		inTx(t, db, func(tx *storage.Tx) error {
			for i, want := range []bool{true, false} { // the second time it is not due when it was
				if is, err := tx.MoveClaveDue(t.Context(), all[0].Clave, now.Add(time.Hour)); err != nil || is != want {
					t.Errorf("%d: moved %v, %v", i, is, err)
				}
			}
			changed := all[1].Clave
			changed.PHC, changed.CreatedAt = "y", storage.At(now.Add(time.Minute))
			if err := tx.SetClave(t.Context(), changed, 1); err != nil {
				return err
			}
			if is, err := tx.MoveClaveDue(t.Context(), all[1].Clave, now.Add(time.Hour)); err != nil || is {
				t.Errorf("a changed clave was moved: %v, %v", is, err)
			}
			return nil
		})
	})
}
