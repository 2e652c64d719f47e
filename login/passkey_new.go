package login

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"iess.gob.ec/clave/login/passkey"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// MaxPasskeys is how many live passkeys a person may have.
const MaxPasskeys = 10

// FieldCreated is the field in which a form brings what the device answered that
// made a passkey, FieldName what its person calls it.
const (
	FieldCreated = "credencial"
	FieldName    = "nombre"
)

// maxPasskeyName is how long that name may be, in characters.
const maxPasskeyName = 40

// ErrTooManyPasskeys says that a person has MaxPasskeys.
var ErrTooManyPasskeys = errors.New("login: the person has as many passkeys as she may")

// BeginPasskey begins in tx a ceremony that makes a passkey for a, whose row it
// holds, in the visit's browser, and returns the options for the page.
// ErrTooManyPasskeys; passkey.ErrNoHost where this issuer can have none.
func (s *Server) BeginPasskey(ctx context.Context, tx *storage.Tx, v *Visit, a *storage.Afiliado) (json.RawMessage, error) {
	if s.Passkeys == nil {
		return nil, passkey.ErrNoHost
	}
	if has, err := tx.Passkeys(ctx, a.ID, v.Now); err != nil || len(has) >= MaxPasskeys {
		return nil, cmp.Or(err, ErrTooManyPasskeys)
	}
	who := passkey.Person{AfiliadoID: a.ID, Name: strings.TrimSpace(a.GivenName + " " + a.FamilyName), DisplayName: a.GivenName}
	return s.Passkeys.BeginCreate(ctx, tx, v.Browser, who, v.Now)
}

// AddPasskey makes a passkey of a, whose row tx holds, of what her device answered
// in the visit's form, and does all that follows: name, audit, notice, event, and
// the due date of her clave. Whoever calls it has seen to the proof that it asks
// for. ErrTooManyPasskeys, or *passkey.Refused, beside which the transaction is to
// be committed.
func (s *Server) AddPasskey(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, a *storage.Afiliado) error {
	if s.Passkeys == nil {
		return passkey.ErrNoHost
	}
	has, err := tx.Passkeys(ctx, a.ID, v.Now)
	if err != nil {
		return err
	}
	if len(has) >= MaxPasskeys && !again(has, v) {
		return ErrTooManyPasskeys
	}
	made, err := s.Passkeys.FinishCreate(ctx, tx, v.Browser, a.ID, v.Form.Get(FieldCreated), v.Now)
	if refused, is := errors.AsType[*passkey.Refused](err); is {
		if again(has, v) {
			return nil
		}
		e := v.Event(r, eventPasskeyUnmade, a.ID)
		e.Detail = map[string]string{"reason": string(refused.Reason)}
		return cmp.Or(tx.Audit(ctx, e), err)
	}
	if err != nil {
		return err
	}
	made.UserAgent = userAgent(r)
	if made.Name = PasskeyName(v.Form.Get(FieldName)); made.Name == "" {
		made.Name = NameOfDevice(r, v.Lang)
	}
	if err := tx.AddPasskey(ctx, *made); err != nil {
		return err
	}
	if err := WaiveRenewal(ctx, tx, s.Renewal, a.ID, v.Now); err != nil {
		return err
	}
	return s.TellFactor(ctx, tx, r, v, a, templates.KeyAdded, map[string]string{"passkey": made.ID}, Notice{Made: DeviceName(made.UserAgent)})
}

// again reports whether what the device answered made one of these passkeys just
// before: the same form has come twice, to two replicas, or its answer was lost
// (FT-14).
func again(has []storage.Passkey, v *Visit) bool {
	var answer struct {
		ID string `json:"id"`
	}
	if json.Unmarshal([]byte(v.Form.Get(FieldCreated)), &answer) != nil {
		return false
	}
	return slices.ContainsFunc(has, func(p storage.Passkey) bool {
		return p.CredentialID == answer.ID && v.Now.Sub(p.CreatedAt.Time) <= passkey.Life
	})
}

// PasskeyName is what was typed as the name of a passkey, fit to be kept: one line
// of at most 40 characters, "" for none.
func PasskeyName(typed string) string {
	return strings.Join(strings.Fields(TypedUpTo(typed, maxPasskeyName)), " ")
}

// NameOfDevice is what a passkey made by r is called until its person says
// otherwise.
func NameOfDevice(r *http.Request, lang string) string {
	if name := DeviceName(r.UserAgent()); name != "" {
		return name
	}
	if lang == "en" {
		return "My device"
	}
	return "Mi equipo"
}
