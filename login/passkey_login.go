package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"iess.gob.ec/clave/login/passkey"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// FieldPasskey is the field of a form in which llave.js sends what a passkey
// answered.
const FieldPasskey = "llave"

// pageOptions is where llave.js gets what a passkey is asked.
const pageOptions = "/ingresar/llave/opciones"

// Fields of a request for options.
const (
	fieldWhose   = "para"   // "sesion": only a passkey of the session's person will do
	fieldRefused = "negada" // the id of the credential that was refused just now
)

// AskPasskey is the part of a page that asks for a passkey instead of a clave, nil
// where the issuer has none. With own only those of the session's person will do.
func (s *Server) AskPasskey(w http.ResponseWriter, own bool) *templates.PasskeyAsk {
	if s.Passkeys == nil {
		return nil
	}
	w.Header().Add("Content-Security-Policy", "connect-src 'self'")
	return &templates.PasskeyAsk{Options: pageOptions, Own: own}
}

// postPasskeyOptions is POST /ingresar/llave/opciones: JSON with the options of a
// ceremony that begins, and whether the credential that was refused just now is
// nobody's, for the browser to forget it (WA-10). Who asks without a session learns
// nothing of anybody (WA-9).
func (s *Server) postPasskeyOptions(w http.ResponseWriter, r *http.Request) error {
	v, err := s.OwnVisit(w, r)
	if err != nil {
		return err
	}
	whose := ""
	if v.Form.Get(fieldWhose) == "sesion" {
		found, err := s.liveSession(r.Context(), s.DB, r, v.Now)
		if err != nil {
			return err
		}
		if found != nil {
			whose = found.AfiliadoID
		}
	}
	return s.AnswerOptions(w, r, v, whose)
}

// AnswerOptions begins a ceremony for a passkey of afiliadoID, "" for anybody's, and
// answers with its options.
func (s *Server) AnswerOptions(w http.ResponseWriter, r *http.Request, v *Visit, afiliadoID string) error {
	unknown := false
	if id := v.Form.Get(fieldRefused); id != "" {
		known, err := s.DB.PasskeyByCredential(r.Context(), id)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		unknown = err != nil || !known.Live(v.Now)
	}
	options, err := s.PasskeyOptions(r.Context(), v, afiliadoID)
	if err != nil {
		return err
	}
	text, err := json.Marshal(struct {
		Options json.RawMessage `json:"options"`
		Unknown bool            `json:"unknown"`
	}{options, unknown})
	if err != nil {
		return fmt.Errorf("login: options: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(text) // who does not read it has gone
	return nil
}

// PasskeyOptions begins a ceremony in this browser that proves a person by a passkey:
// afiliadoID by hers, or, with "", whoever has one. Where she has none, it is the same
// as with "".
func (s *Server) PasskeyOptions(ctx context.Context, v *Visit, afiliadoID string) (json.RawMessage, error) {
	var options json.RawMessage
	err := s.DB.InTx(ctx, func(tx *storage.Tx) error {
		var err error
		options, err = s.Passkeys.BeginGet(ctx, tx, v.Browser, afiliadoID, v.Now)
		if errors.Is(err, passkey.ErrNone) {
			options, err = s.Passkeys.BeginGet(ctx, tx, v.Browser, "", v.Now)
		}
		return err
	})
	return options, err
}

// PasskeyVerdict is how a passkey's response ended.
type PasskeyVerdict struct {
	Proof *Proof // nil: it proves nothing, or she may not enter
	// Reason is why a person who has proved who she is may not enter. She is told in a
	// browser known to be hers alone; elsewhere, and with "", there is the one sentence.
	Reason templates.Reason
}

// assertion judges a passkey's response; nil: it proves nobody, which is written down.
func (s *Server) assertion(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, afiliadoID, response string) (*passkey.Assertion, error) {
	if s.Passkeys == nil {
		return nil, s.refusePasskey(ctx, tx, r, v, &passkey.Refused{Reason: passkey.ReasonMalformed})
	}
	a, err := s.Passkeys.FinishGet(ctx, tx, v.Browser, afiliadoID, response, v.Now)
	if refused, ok := errors.AsType[*passkey.Refused](err); ok {
		return nil, s.refusePasskey(ctx, tx, r, v, refused)
	}
	if err != nil || !a.BackupChanged {
		return a, err
	}
	e := v.Event(r, EventPasskeyBackup, a.Account.ID)
	e.Detail = map[string]string{"passkey": a.Passkey.ID, "copied": fmt.Sprint(a.Passkey.BackedUp)}
	return a, tx.Audit(ctx, e)
}

// ProvedByPasskey reports whether a response to options for afiliadoID is of a passkey
// of hers, whether or not she may enter: it signs nobody in. Her row may be held, and
// the transaction is to be committed either way.
func (s *Server) ProvedByPasskey(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, afiliadoID, response string) (bool, error) {
	a, err := s.assertion(ctx, tx, r, v, afiliadoID, response)
	return a != nil, err
}

// TryPasskey judges a passkey's response in tx, writes down how that ended, and where
// it was right gives the proof. A passkey passes the locks that strangers can cause
// (T03), as they are on the clave. With afiliadoID only a response to options for her
// counts, and her row may be held; otherwise no person's may. The transaction is to be
// committed whatever the verdict; the person's row is then held until it ends.
func (s *Server) TryPasskey(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, afiliadoID, response string) (PasskeyVerdict, error) {
	a, err := s.assertion(ctx, tx, r, v, afiliadoID, response)
	if err != nil || a == nil {
		return PasskeyVerdict{}, err
	}
	in, err := tx.Entrance(ctx, a.Account.ID, s.deviceHash(r), v.Now)
	if err != nil {
		return PasskeyVerdict{}, err
	}
	if a.Account.Disabled() || !passes(in.Budget.LockReason, true) {
		verdict := PasskeyVerdict{}
		if in.Known {
			verdict.Reason = exactReason(*a.Account, in.Budget, false)
		}
		return verdict, s.refusePasskey(ctx, tx, r, v, &passkey.Refused{Reason: reasonShut, Account: a.Account, Passkey: &a.Passkey})
	}
	clave, err := claveOf(ctx, tx, a.Account.ID)
	return PasskeyVerdict{Proof: &Proof{
		Account: a.Account, Clave: clave, amr: a.AMR(), acr: ACRPasskey, mac: in.IdentifierMAC, known: in.Known, passkey: a.Passkey.ID,
	}}, err
}

// reasonShut is the reason in the audit for a right passkey of a person who may not
// enter.
const reasonShut passkey.Reason = "locked"

// AfterClave is the proof by a passkey as the second step after a right clave.
func (p *Proof) AfterClave() *Proof {
	after := *p
	after.amr = amrClave + " " + p.amr
	return &after
}

// refusePasskey writes down a passkey's response that lets nobody in: it counts as a
// failed clave does for the alarm and the network. The first sign of a copy is told to
// its person (WA-5).
func (s *Server) refusePasskey(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, refused *passkey.Refused) error {
	s.watch.failed.Add(1)
	e := v.Event(r, EventPasskeyDenied, "")
	e.Detail = map[string]string{"reason": string(refused.Reason)}
	if refused.Account != nil {
		e.AfiliadoID = refused.Account.ID
	}
	if refused.Passkey != nil {
		e.Detail["passkey"] = refused.Passkey.ID
	}
	if err := tx.Audit(ctx, e); err != nil {
		return err
	}
	if refused.Reason == passkey.ReasonCloned {
		a, err := tx.Afiliado(ctx, refused.Account.ID)
		if err == nil {
			err = WaiveRenewal(ctx, tx, s.Renewal, a.ID, v.Now) // it waives nothing any more
		}
		if err == nil {
			made := Notice{Made: DeviceName(refused.Passkey.UserAgent)}
			err = s.TellFactor(ctx, tx, r, v, a, templates.KeyCloned, map[string]string{"passkey": refused.Passkey.ID}, made)
		}
		if err != nil {
			return err
		}
	}
	return s.PressNetwork(ctx, tx, r, v)
}

// postPasskey is POST /ingresar with a passkey's response: it signs its person in and
// goes on, all in one transaction, or tells the same of every response that does not.
func (s *Server) postPasskey(w http.ResponseWriter, r *http.Request, v *Visit, response string) error {
	page, err := s.loginPage(w, r, v)
	if err != nil {
		return err
	}
	page.Cedula, page.Code = Typed(v.Form.Get("cedula")), v.Form.Get("codigo") == "1"
	var answer http.Handler
	var verdict PasskeyVerdict
	cookies := func(http.ResponseWriter) {}
	err = s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		var err error
		if verdict, err = s.TryPasskey(ctx, tx, r, v, "", response); err != nil || verdict.Proof == nil {
			return err
		}
		answer, cookies, err = s.enter(ctx, tx, r, v, verdict.Proof)
		return err
	})
	if err != nil {
		return err
	}
	if answer != nil {
		cookies(w)
		s.Answer(w, r, answer)
		return nil
	}
	if verdict.Reason != "" {
		return s.ShowSpent(w, v, http.StatusOK, templates.Locked{Layout: page.Layout, Goal: page.Goal, Reason: verdict.Reason})
	}
	page.Passkey = RefusedPasskey(page.Passkey, response)
	if page.Challenge, err = s.Keep(w, r, v, ""); err != nil {
		return err
	}
	return s.ShowSpent(w, v, http.StatusOK, page)
}

// RefusedPasskey is ask, nil where the issuer has no passkeys, after a response that
// lets nobody in.
func RefusedPasskey(ask *templates.PasskeyAsk, response string) *templates.PasskeyAsk {
	out := templates.PasskeyAsk{Refused: true}
	if ask != nil {
		out = *ask
		out.Refused = true
	}
	var credential struct {
		ID string `json:"id"`
	}
	if json.Unmarshal([]byte(response), &credential) == nil && len(credential.ID) <= 2*passkey.MaxCredentialID && allURLSafe(credential.ID) {
		out.Credential = credential.ID
	}
	return &out
}

// passkeyFirst reports whether the running request asks the session's person for
// more than her clave can give, and she has a passkey.
func (s *Server) passkeyFirst(ctx context.Context, v *Visit, found *storage.Session) (bool, error) {
	wanted := v.Request.Params.ACRValues
	if len(wanted) == 0 || satisfiesAny(found.ACR, wanted) {
		return false, nil
	}
	is, err := s.DB.Standing(ctx, found.AfiliadoID, v.Request.ClientID, v.Now)
	return err == nil && is.Factors.Passkeys > 0 && (is.Clave == nil || !satisfiesAny(acrOf(is.Clave.Long), wanted)), err
}

// reach is the strongest class that any sign-in here can have.
func (s *Server) reach() string {
	if s.Passkeys == nil {
		return ACR2FA
	}
	return ACRPasskey
}
