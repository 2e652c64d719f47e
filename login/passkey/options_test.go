package passkey_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"iess.gob.ec/clave/login/passkey"
	"iess.gob.ec/clave/login/passkeytest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

func TestWA_7_Registration(t *testing.T) {
	w := one(t)
	d := newDevice()
	made := w.enrol(d)
	if _, err := d.Create(w.beginCreate()); !errors.Is(err, passkeytest.ErrExcluded) {
		t.Errorf("the same device: got %v, want it excluded", err)
	}
	response, err := newDevice().Create(w.beginCreate())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.finishCreate(response); err != nil {
		t.Errorf("another device: %v", err)
	}
	if _, err := w.finishCreate(response); reason(err) != passkey.ReasonStale {
		t.Errorf("sent again: got %v, want it stale", err)
	}
	long := newDevice()
	long.IDLength = passkey.MaxCredentialID + 1
	if response, err = long.Create(w.beginCreate()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.finishCreate(response); reason(err) == "" {
		t.Errorf("an id of %d bytes: got %v, want it refused", long.IDLength, err)
	}
	storagetest.InTx(t, w.db, func(tx *storage.Tx) error { // a revoked one excludes no more
		_, err := tx.RevokePasskey(t.Context(), w.her.ID, made.ID, w.now)
		return err
	})
	if response, err = d.Create(w.beginCreate()); err != nil {
		t.Errorf("after it was revoked: %v", err)
	}
	if _, err := w.finishCreate(response); err != nil {
		t.Errorf("after it was revoked: %v", err)
	}
}

// What devices and their providers store of a person does not name her to them.
func TestWA_8_OptionsHoldNoIdentifier(t *testing.T) {
	w := one(t)
	options := string(w.beginCreate())
	for _, secret := range []string{string(w.her.Identifier), w.her.ID, w.her.Email} {
		if strings.Contains(options, secret) || strings.Contains(options, base64.RawURLEncoding.EncodeToString([]byte(secret))) {
			t.Errorf("the options name %q: %s", secret, options)
		}
	}
	d := newDevice()
	w.enrol(d)
	d.Response = func(response map[string]any) {
		response["userHandle"] = base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	}
	if _, err := w.prove(d, ""); reason(err) != passkey.ReasonInvalid {
		t.Errorf("another's handle: got %v, want it refused", err)
	}
	d.Response = func(response map[string]any) { delete(response, "userHandle") }
	if _, err := w.prove(d, ""); reason(err) != passkey.ReasonInvalid {
		t.Errorf("no handle: got %v, want it refused", err)
	}
}

// Options for whoever comes tell of nobody.
func TestWA_9_OptionsTellOfNobody(t *testing.T) {
	w := one(t)
	before := shape(t, w.beginGet(""))
	made := w.enrol(newDevice())
	options := w.beginGet("")
	if after := shape(t, options); after != before || strings.Contains(string(options), made.CredentialID) {
		t.Errorf("got %s, want %s", after, before)
	}
	if hers := w.beginGet(w.her.ID); !strings.Contains(string(hers), made.CredentialID) {
		t.Errorf("got %s, want her own passkeys after her clave", hers)
	}
}

// shape is JSON without its challenge.
func shape(t testing.TB, options []byte) string {
	t.Helper()
	var o map[string]map[string]any
	if err := json.Unmarshal(options, &o); err != nil {
		t.Fatal(err)
	}
	delete(o["publicKey"], "challenge")
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A synced passkey says so: whoever asks for one of a device is not deceived.
func TestWA_12_SyncedPasskeyIsNoHardwareKey(t *testing.T) {
	for synced, want := range map[bool]string{false: "hwk user mfa", true: "swk user mfa"} {
		if got := (&passkey.Assertion{Synced: synced}).AMR(); got != want {
			t.Errorf("synced %v: got %q, want %q", synced, got, want)
		}
	}
}
