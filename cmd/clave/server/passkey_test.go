package server

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"iess.gob.ec/clave/login/passkey"
	"iess.gob.ec/clave/login/passkeytest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// enrol makes a passkey of the person's on a device of her own.
func enrol(t *testing.T, s *Server, afiliadoID string) *passkeytest.Authenticator {
	t.Helper()
	d := &passkeytest.Authenticator{Origin: s.issuer.String(), Step: 1}
	storagetest.InTx(t, s.db, func(tx *storage.Tx) error {
		ctx, now := t.Context(), time.Now()
		options, err := s.people.Passkeys.BeginCreate(ctx, tx, "browser", passkey.Person{AfiliadoID: afiliadoID, Name: "María", DisplayName: "María"}, now)
		if err != nil {
			return err
		}
		response, err := d.Create(options)
		if err != nil {
			return err
		}
		made, err := s.people.Passkeys.FinishCreate(ctx, tx, "browser", afiliadoID, response, now)
		if err != nil {
			return err
		}
		return tx.AddPasskey(ctx, *made)
	})
	return d
}

// prove is what the person's device answers to the options of the login page.
func (p *person) prove() string {
	p.t.Helper()
	_, body := p.send(http.MethodPost, "/ingresar/llave/opciones", nil, func(r *http.Request) { r.Header.Set("Origin", p.server.issuer.String()) })
	var answer struct {
		Options json.RawMessage `json:"options"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		p.t.Fatalf("%v: %s", err, body)
	}
	response, err := p.device.Get(answer.Options)
	if err != nil {
		p.t.Fatal(err)
	}
	return response
}
