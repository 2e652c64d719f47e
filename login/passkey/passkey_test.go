package passkey_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"iess.gob.ec/clave/login/passkey"
	"iess.gob.ec/clave/login/passkeytest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

const (
	issuer  = "https://clave.iess.example"
	browser = "browser"
)

// world is a person, her browser and a clock.
type world struct {
	t   testing.TB
	db  *storage.DB
	rp  *passkey.RelyingParty
	her storage.Afiliado
	now time.Time
}

func newWorld(t testing.TB, db *storage.DB) *world {
	t.Helper()
	rp, err := passkey.New(issuer)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, db: db, rp: rp, her: storagetest.AddAfiliado(t, db, storage.Afiliado{}), now: storagetest.Noon()}
}

func newDevice() *passkeytest.Authenticator {
	return &passkeytest.Authenticator{Origin: issuer, Step: 1}
}

func (w *world) beginCreate() []byte {
	w.t.Helper()
	var options []byte
	storagetest.InTx(w.t, w.db, func(tx *storage.Tx) error {
		var err error
		options, err = w.rp.BeginCreate(w.t.Context(), tx, browser, passkey.Person{AfiliadoID: w.her.ID, Name: "María", DisplayName: "María"}, w.now)
		return err
	})
	return options
}

func (w *world) finishCreate(response string) (*storage.Passkey, error) {
	w.t.Helper()
	var made *storage.Passkey
	err := w.settled(func(tx *storage.Tx) error {
		var err error
		if made, err = w.rp.FinishCreate(w.t.Context(), tx, browser, w.her.ID, response, w.now); err != nil {
			return err
		}
		return tx.AddPasskey(w.t.Context(), *made)
	})
	return made, err
}

// settled commits what f does even where it refuses.
func (w *world) settled(f func(tx *storage.Tx) error) error {
	var refused *passkey.Refused
	err := w.db.InTx(w.t.Context(), func(tx *storage.Tx) error {
		err := f(tx)
		if errors.As(err, &refused) {
			return nil
		}
		return err
	})
	if refused != nil {
		return refused
	}
	return err
}

// enrol makes a passkey on the device.
func (w *world) enrol(d *passkeytest.Authenticator) storage.Passkey {
	w.t.Helper()
	response, err := d.Create(w.beginCreate())
	if err != nil {
		w.t.Fatal(err)
	}
	made, err := w.finishCreate(response)
	if err != nil {
		w.t.Fatalf("%v: %v", err, errors.Unwrap(err))
	}
	return *made
}

func (w *world) beginGet(afiliadoID string) []byte {
	w.t.Helper()
	var options []byte
	storagetest.InTx(w.t, w.db, func(tx *storage.Tx) error {
		var err error
		options, err = w.rp.BeginGet(w.t.Context(), tx, browser, afiliadoID, w.now)
		return err
	})
	return options
}

func (w *world) finishGet(afiliadoID, response string) (*passkey.Assertion, error) {
	var proof *passkey.Assertion
	err := w.settled(func(tx *storage.Tx) error {
		var err error
		proof, err = w.rp.FinishGet(w.t.Context(), tx, browser, afiliadoID, response, w.now)
		return err
	})
	return proof, err
}

// prove answers with the device.
func (w *world) prove(d *passkeytest.Authenticator, afiliadoID string) (*passkey.Assertion, error) {
	w.t.Helper()
	response, err := d.Get(w.beginGet(afiliadoID))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.finishGet(afiliadoID, response)
}

func reason(err error) passkey.Reason {
	if refused, ok := errors.AsType[*passkey.Refused](err); ok {
		return refused.Reason
	}
	return ""
}

func each(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	storagetest.Each(t, func(t *testing.T, db *storage.DB) { f(t, newWorld(t, db)) })
}

// one is each for what does not depend on the database.
func one(t *testing.T) *world {
	t.Helper()
	return newWorld(t, storagetest.Open(t, "sqlite"))
}

func TestPasskeyProvesItsPerson(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, alg := range []int{passkeytest.ES256, passkeytest.EdDSA, passkeytest.RS256} { // WA-6
			d := newDevice()
			d.Alg = alg
			made := w.enrol(d)
			for _, who := range []string{"", w.her.ID} {
				w.now = w.now.Add(time.Minute)
				got, err := w.prove(d, who)
				if err != nil {
					t.Fatalf("%d, %q: %v: %v", alg, who, err, errors.Unwrap(err))
				}
				if got.Account.ID != w.her.ID || got.Passkey.ID != made.ID || got.AMR() != "hwk user mfa" || got.BackupChanged {
					t.Errorf("%d, %q: got %+v", alg, who, got)
				}
				stored, err := w.db.PasskeyByCredential(t.Context(), made.CredentialID)
				if err != nil || !stored.LastAt.Equal(w.now) || stored.Credential == made.Credential {
					t.Errorf("%d, %q: stored %+v, %v; want its use noted", alg, who, stored, err)
				}
			}
			storagetest.InTx(t, w.db, func(tx *storage.Tx) error { // or the next one would be the same device's
				_, err := tx.EndFactors(t.Context(), w.her.ID, w.now)
				return err
			})
		}
	})
}

// A challenge has 32 random bytes, lives five minutes, and serves its browser and its
// person once.
func TestWA_1_CeremonyIsOneBrowsersAndShort(t *testing.T) {
	w := one(t)
	d := newDevice()
	w.enrol(d)
	seen := map[string]bool{}
	for range 3 {
		var o struct {
			PublicKey struct{ Challenge string }
		}
		if err := json.Unmarshal(w.beginGet(""), &o); err != nil {
			t.Fatal(err)
		}
		raw, err := base64.RawURLEncoding.DecodeString(o.PublicKey.Challenge)
		if err != nil || len(raw) < 32 || seen[o.PublicKey.Challenge] {
			t.Errorf("got challenge %q", o.PublicKey.Challenge)
		}
		seen[o.PublicKey.Challenge] = true
	}
	for _, tt := range []struct {
		name       string
		begin, end string // whose
		later      time.Duration
		again      bool
	}{
		{name: "too late", later: passkey.Life},
		{name: "twice", again: true},
		{name: "begun for nobody, ended for her", end: w.her.ID},
		{name: "begun for her, ended for nobody", begin: w.her.ID},
	} {
		response, err := d.Get(w.beginGet(tt.begin))
		if err != nil {
			t.Fatal(err)
		}
		if tt.again {
			if _, err := w.finishGet(tt.end, response); err != nil {
				t.Errorf("%s: first: %v", tt.name, err)
			}
		}
		before := w.now
		w.now = w.now.Add(tt.later)
		if _, err := w.finishGet(tt.end, response); reason(err) != passkey.ReasonStale {
			t.Errorf("%s: got %v, want it stale", tt.name, err)
		}
		w.now = before
	}
	response, err := d.Get(w.beginGet(""))
	if err != nil {
		t.Fatal(err)
	}
	err = w.settled(func(tx *storage.Tx) error {
		_, err := w.rp.FinishGet(t.Context(), tx, "another browser", "", response, w.now)
		return err
	})
	if reason(err) != passkey.ReasonStale {
		t.Errorf("in another browser: got %v, want it stale", err)
	}
	if _, err := w.finishGet("", response); err != nil {
		t.Errorf("got %v; want the ceremony left to its own browser", err)
	}
}

// A refused response has spent its ceremony too.
func TestWA_1_RefusedResponseSpendsItsCeremony(t *testing.T) {
	w := one(t)
	d := newDevice()
	w.enrol(d)
	options := w.beginGet("")
	bad := d.Clone()
	bad.Unverified = true
	for i, want := range []passkey.Reason{passkey.ReasonInvalid, passkey.ReasonStale} {
		response, err := []*passkeytest.Authenticator{bad, d}[i].Get(options)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.finishGet("", response); reason(err) != want {
			t.Errorf("answer %d: got %v, want %s", i, err, want)
		}
	}
}

// Whoever has no passkey, a revoked one or somebody else's is told the same.
func TestRefusalOfPasskeysThatProveNobody(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		d := newDevice()
		made := w.enrol(d)
		other := storagetest.AddAfiliado(t, w.db, storage.Afiliado{Identifier: "0959999913"})
		stranger := newDevice()
		mine := w.her
		w.her = other
		w.enrol(stranger)
		w.her = mine
		unknown := newDevice()
		if _, err := unknown.Create(w.beginCreate()); err != nil {
			t.Fatal(err)
		}
		if _, err := w.prove(unknown, ""); reason(err) != passkey.ReasonUnknown {
			t.Errorf("never stored: got %v", err)
		}
		hers := w.beginGet(w.her.ID) // a device that answers with another's passkey
		response, err := stranger.Get([]byte(strings.ReplaceAll(string(hers), "allowCredentials", "ignored")))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.finishGet(w.her.ID, response); reason(err) != passkey.ReasonUnknown {
			t.Errorf("another's: got %v", err)
		}
		storagetest.InTx(t, w.db, func(tx *storage.Tx) error {
			_, err := tx.RevokePasskey(t.Context(), w.her.ID, made.ID, w.now)
			return err
		})
		if _, err := w.prove(d, ""); reason(err) != passkey.ReasonUnknown {
			t.Errorf("revoked: got %v", err)
		}
		if _, err := w.finishGet("", "{}"); reason(err) != passkey.ReasonMalformed {
			t.Errorf("no response: got %v", err)
		}
	})
}

// Of fifty copies of one response sent at once, one proves.
func TestT18_AssertionProvesOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		d := newDevice()
		w.enrol(d)
		response, err := d.Get(w.beginGet(""))
		if err != nil {
			t.Fatal(err)
		}
		errs := make([]error, 50)
		var group sync.WaitGroup
		for i := range errs {
			group.Go(func() { _, errs[i] = w.finishGet("", response) })
		}
		group.Wait()
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case reason(err) != passkey.ReasonStale:
				t.Errorf("got %v, want it stale", err)
			}
		}
		if won != 1 {
			t.Errorf("%d proved, want one", won)
		}
	})
}

func TestIssuerNeedsAHostName(t *testing.T) {
	for issuer, want := range map[string]string{"http://localhost:8080": "localhost", "https://clave.iess.gob.ec": "clave.iess.gob.ec"} {
		if rp, err := passkey.New(issuer); err != nil || rp.ID() != want {
			t.Errorf("%s: got %v, %v; want %s", issuer, rp, err, want)
		}
	}
	for _, issuer := range []string{"http://127.0.0.1:8080", "https://[::1]"} {
		if _, err := passkey.New(issuer); !errors.Is(err, passkey.ErrNoHost) {
			t.Errorf("%s: got %v, want ErrNoHost", issuer, err)
		}
	}
	if _, err := passkey.New("clave"); err == nil {
		t.Error("want an error for what is no URL")
	}
}
