package passkey_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"iess.gob.ec/clave/login/passkey"
	"iess.gob.ec/clave/login/passkeytest"
	"iess.gob.ec/clave/storage"
)

// wrong is one thing wrong with a device.
type wrong struct {
	name string
	with func(d *passkeytest.Authenticator)
}

func clientData(name string, value any) func(d *passkeytest.Authenticator) {
	return func(d *passkeytest.Authenticator) { d.ClientData = func(data map[string]any) { data[name] = value } }
}

// refuses makes and proves with each of the wrong devices.
func refuses(t *testing.T, list []wrong) {
	t.Helper()
	w := one(t)
	honest := newDevice()
	w.enrol(honest)
	for _, tt := range list {
		d := newDevice()
		tt.with(d)
		response, err := d.Create(w.beginCreate())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.finishCreate(response); reason(err) != passkey.ReasonInvalid {
			t.Errorf("%s, making one: got %v, want it refused", tt.name, err)
		}
		d = honest.Clone()
		tt.with(d)
		if _, err := w.prove(d, ""); reason(err) != passkey.ReasonInvalid {
			t.Errorf("%s, proving: got %v, want it refused", tt.name, err)
		}
	}
	if _, err := w.prove(honest, ""); err != nil {
		t.Errorf("the honest device: %v", err)
	}
}

// What a page of any other origin gets signed opens nothing here: the origins are
// one, compared whole.
func TestT08_WA_2_OnlyOurOwnPagesCount(t *testing.T) {
	list := []wrong{
		{"another type", clientData("type", "webauthn.other")},
		{"in a frame of another origin", func(d *passkeytest.Authenticator) { d.CrossOrigin = true }},
		{"in a frame that names its top", func(d *passkeytest.Authenticator) { d.CrossOrigin, d.TopOrigin = true, issuer }},
		{"a top origin without a frame", func(d *passkeytest.Authenticator) { d.TopOrigin = "https://www.iess.example" }},
	}
	for _, origin := range []string{
		"https://clave.iesse.example", "https://clave.iess.example.ec", "https://iess.example", "https://www.clave.iess.example",
		"http://clave.iess.example", "https://clave.iess.example:8443", "https://clave.iess.example@evil.example", "null", "",
	} {
		list = append(list, wrong{"origin " + origin, clientData("origin", origin)})
	}
	refuses(t, list)
}

func TestWA_3_RelyingPartyPresenceAndVerification(t *testing.T) {
	refuses(t, []wrong{
		{"another relying party", func(d *passkeytest.Authenticator) { d.RPID = "iess.example" }},
		{"nobody present", func(d *passkeytest.Authenticator) { d.Absent = true }},
		{"nobody verified", func(d *passkeytest.Authenticator) { d.Unverified = true }},
	})
	var o struct {
		PublicKey struct {
			UserVerification       string
			AuthenticatorSelection struct {
				UserVerification, ResidentKey string
				RequireResidentKey            bool
			}
			Attestation string
		}
	}
	w := one(t)
	if err := json.Unmarshal(w.beginCreate(), &o); err != nil {
		t.Fatal(err)
	}
	sel := o.PublicKey.AuthenticatorSelection
	if sel.UserVerification != "required" || sel.ResidentKey != "required" || !sel.RequireResidentKey || o.PublicKey.Attestation != "none" {
		t.Errorf("got %+v", o.PublicKey)
	}
	if err := json.Unmarshal(w.beginGet(""), &o); err != nil || o.PublicKey.UserVerification != "required" {
		t.Errorf("got %+v, %v", o.PublicKey, err)
	}
}

// A passkey is of one device or synced for good; whether a copy of it lies with its
// provider may change, and is told.
func TestWA_4_BackupFlags(t *testing.T) {
	refuses(t, []wrong{{"backed up but not eligible", func(d *passkeytest.Authenticator) { d.Copied = true }}})
	w := one(t)
	device, synced := newDevice(), newDevice()
	synced.Synced, synced.Copied = true, true
	made := w.enrol(device)
	if made.BackedUp || passkey.Synced(made) {
		t.Errorf("got %+v, want one of its device", made)
	}
	made = w.enrol(synced)
	if !made.BackedUp || !passkey.Synced(made) {
		t.Errorf("got %+v, want a synced one", made)
	}
	for name, d := range map[string]*passkeytest.Authenticator{"of a device": device.Clone(), "synced": synced.Clone()} {
		d.Synced, d.Copied = !d.Synced, false
		if _, err := w.prove(d, ""); reason(err) != passkey.ReasonEligibility {
			t.Errorf("%s: got %v, want its eligibility refused", name, err)
		}
	}
	for _, copied := range []bool{false, false, true} {
		changed := copied != synced.Copied
		synced.Copied = copied
		got, err := w.prove(synced, "")
		if err != nil || got.BackupChanged != changed || got.Passkey.BackedUp != copied || got.AMR() != "swk user mfa" {
			t.Fatalf("got %+v, %v; want the change accepted and told", got, err)
		}
		if stored, err := w.db.PasskeyByCredential(t.Context(), made.CredentialID); err != nil || stored.BackedUp != copied {
			t.Errorf("stored %+v, %v", stored, err)
		}
	}
}

// A counter that goes back means a copy: from then on neither device proves anything.
func TestWA_5_CounterThatGoesBackMarksAClone(t *testing.T) {
	w := one(t)
	d := newDevice()
	made := w.enrol(d)
	thief := d.Clone()
	for range 2 {
		if _, err := w.prove(d, ""); err != nil {
			t.Fatal(err)
		}
	}
	w.now = w.now.Add(time.Hour)
	for _, tt := range []struct {
		name string
		d    *passkeytest.Authenticator
		want passkey.Reason
	}{
		{"the copy", thief, passkey.ReasonCloned},
		{"the copy again", thief, passkey.ReasonMarked},
		{"the first one", d, passkey.ReasonMarked},
	} {
		_, err := w.prove(tt.d, "")
		if reason(err) != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
		if refused, ok := errors.AsType[*passkey.Refused](err); ok && (refused.Account == nil || refused.Passkey.ID != made.ID) {
			t.Errorf("%s: got %+v, want her and her passkey", tt.name, refused)
		}
	}
	if stored, err := w.db.PasskeyByCredential(t.Context(), made.CredentialID); err != nil || !stored.ClonedAt.Equal(w.now) {
		t.Errorf("stored %+v, %v; want the mark", stored, err)
	}
	err := w.settled(func(tx *storage.Tx) error {
		_, err := w.rp.BeginGet(t.Context(), tx, browser, w.her.ID, w.now)
		return err
	})
	if !errors.Is(err, passkey.ErrNone) {
		t.Errorf("got %v, want ErrNone", err)
	}
}

// A device without a counter has no clones to tell of.
func TestWA_5_NoCounterIsNoClone(t *testing.T) {
	w := one(t)
	d := newDevice()
	d.Step = 0
	w.enrol(d)
	for range 2 {
		if _, err := w.prove(d, ""); err != nil {
			t.Error(err)
		}
	}
}

// The signature is over both halves of what was said, by the stored key, of one of
// three algorithms.
func TestWA_6_Signature(t *testing.T) {
	w := one(t)
	d := newDevice()
	w.enrol(d)
	other := newDevice()
	w.enrol(other)
	flip := func(name string) func(map[string]any) {
		return func(response map[string]any) {
			text, _ := response[name].(string)
			raw, err := base64.RawURLEncoding.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			raw[len(raw)-1] ^= 1
			response[name] = base64.RawURLEncoding.EncodeToString(raw)
		}
	}
	for name, change := range map[string]func(map[string]any){
		"the signature":          flip("signature"),
		"the authenticator data": flip("authenticatorData"),
		"the client data": func(response map[string]any) {
			text, _ := response["clientDataJSON"].(string)
			raw, err := base64.RawURLEncoding.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			response["clientDataJSON"] = base64.RawURLEncoding.EncodeToString(append(raw, ' '))
		},
		"no signature": func(response map[string]any) { response["signature"] = "" },
	} {
		bad := d.Clone()
		bad.Response = change
		if _, err := w.prove(bad, ""); reason(err) != passkey.ReasonInvalid {
			t.Errorf("%s: got %v, want it refused", name, err)
		}
	}
	var algs struct {
		PublicKey struct {
			PubKeyCredParams []struct{ Alg int }
		}
	}
	if err := json.Unmarshal(w.beginCreate(), &algs); err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, p := range algs.PublicKey.PubKeyCredParams {
		got = append(got, p.Alg)
	}
	if want := []int{-7, -8, -257}; !slices.Equal(got, want) {
		t.Errorf("got algorithms %v, want %v", got, want)
	}
	odd := newDevice()
	odd.Alg = -47 // ES256K, said of a key on P-256
	response, err := odd.Create(w.beginCreate())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.finishCreate(response); reason(err) == "" {
		t.Errorf("another algorithm: got %v, want it refused", err)
	}
}
