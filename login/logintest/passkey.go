package logintest

import (
	"encoding/json"
	"net/http"

	"iess.gob.ec/clave/login/passkey"
	"iess.gob.ec/clave/login/passkeytest"
	"iess.gob.ec/clave/storage"
)

// NewDevice is an honest authenticator in a browser that shows the site.
func (s *Site) NewDevice() *passkeytest.Authenticator {
	return &passkeytest.Authenticator{Origin: s.Issuer, Step: 1}
}

// Enrol makes a passkey of the person's on the device and stores it.
func (s *Site) Enrol(d *passkeytest.Authenticator, afiliadoID string) storage.Passkey {
	s.T.Helper()
	ctx := s.T.Context()
	var options json.RawMessage
	s.In(func(tx *storage.Tx) error {
		var err error
		options, err = s.Passkeys.BeginCreate(ctx, tx, "browser", passkey.Person{AfiliadoID: afiliadoID, Name: "María", DisplayName: "María"}, s.Time())
		return err
	})
	response, err := d.Create(options)
	if err != nil {
		s.T.Fatal(err)
	}
	var made *storage.Passkey
	s.In(func(tx *storage.Tx) error {
		var err error
		if made, err = s.Passkeys.FinishCreate(ctx, tx, "browser", afiliadoID, response, s.Time()); err != nil {
			return err
		}
		made.Name = "Celular"
		return tx.AddPasskey(ctx, *made)
	})
	return *made
}

// PasskeyOptions is what llave.js gets: the options, and whether the credential that
// was refused is nobody's. The pairs are fields of its request.
func (b *Browser) PasskeyOptions(pairs ...string) (json.RawMessage, bool) {
	b.s.T.Helper()
	return b.optionsAt("/ingresar/llave/opciones", pairs...)
}

func (b *Browser) optionsAt(path string, pairs ...string) (json.RawMessage, bool) {
	b.s.T.Helper()
	got := b.Post(path, pairs...)
	var answer struct {
		Options json.RawMessage `json:"options"`
		Unknown bool            `json:"unknown"`
	}
	if err := json.Unmarshal([]byte(got.Body), &answer); err != nil || got.Status != http.StatusOK {
		b.s.T.Errorf("options: got %d %.300s, %v", got.Status, got.Body, err)
	}
	return answer.Options, answer.Unknown
}

// Prove is what the form's field llave holds after the device has answered.
func (b *Browser) Prove(d *passkeytest.Authenticator, pairs ...string) string {
	b.s.T.Helper()
	return b.proveAt(d, "/ingresar/llave/opciones", pairs...)
}

// ProveAt is Prove for a page that gets the options at an address of its own.
func (b *Browser) ProveAt(d *passkeytest.Authenticator, path string) string {
	b.s.T.Helper()
	return b.proveAt(d, path)
}

func (b *Browser) proveAt(d *passkeytest.Authenticator, path string, pairs ...string) string {
	b.s.T.Helper()
	options, _ := b.optionsAt(path, pairs...)
	response, err := d.Get(options)
	if err != nil {
		b.s.T.Error(err)
	}
	return response
}
