package login

import (
	"context"
	"net/http"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// pageSecond asks for a second step. Whoever comes there after a clave has no session
// yet, and is let go on by the grant in her browser alone.
const (
	pageSecond        = "/ingresar/segundo"
	pageSecondOptions = "/ingresar/segundo/opciones" // what a passkey of hers is asked there
)

// Fields of the page.
const (
	fieldCode  = "codigo"
	fieldSaved = "codigo_respaldo"
)

// secondVisit is somebody at the page.
type secondVisit struct {
	*Visit
	*Second
	session *storage.Session // that the step raises; nil: it signs its person in
	page    templates.Second
}

// atSecond finds out who is at the page; nil: nobody whom it has anything to ask.
func (s *Server) atSecond(w http.ResponseWriter, r *http.Request, v *Visit) (*secondVisit, error) {
	q, err := s.SecondAsked(r, v)
	if err != nil {
		return nil, err
	}
	at := &secondVisit{Visit: v, Second: q}
	if q == nil {
		if at.session, err = s.liveSession(r.Context(), s.DB, r, v.Now); err != nil || at.session == nil {
			return nil, err
		}
		has, err := s.DB.Factors(r.Context(), at.session.AfiliadoID, v.Now)
		if err != nil || v.Request == nil || !secondDue(has, at.session.ACR, v.Request) {
			return nil, err
		}
		if at.Second, err = s.SecondInside(w, r, v, at.session); err != nil {
			return nil, err
		}
	}
	at.page = templates.Second{
		Layout: s.Layout(r, v), Goal: v.Goal(), Session: at.Mark(), Inside: at.session != nil, Over: at.Over,
		TOTP: at.Has.TOTP, Codes: at.Has.Codes > 0,
	}
	if at.Has.Passkeys > 0 {
		if at.page.Passkey = s.AskPasskey(w, false); at.page.Passkey != nil {
			at.page.Passkey.Options, at.page.Passkey.After = pageSecondOptions, true
			if passkeyDue(ACR2FA, v.Request) { // she would type a code for nothing
				at.page.TOTP, at.page.Codes = false, false
			}
		}
	}
	at.page.SignedIn = at.page.Inside
	return at, nil
}

// getSecond is GET /ingresar/segundo.
func (s *Server) getSecond(w http.ResponseWriter, r *http.Request) error {
	v, err := s.Visit(w, r)
	if err != nil {
		return err
	}
	at, err := s.atSecond(w, r, v)
	if err != nil {
		return err
	}
	if at == nil {
		return s.Redirect(w, r, v.unasked())
	}
	return s.Show(w, v, http.StatusOK, at.page)
}

// unasked is where a page leads whoever has nothing to prove there: to sign in, or
// to where the running request stands.
func (v *Visit) unasked() string {
	if v.Request == nil {
		return "/ingresar"
	}
	return v.Elsewhere()
}

// postSecond is POST /ingresar/segundo.
func (s *Server) postSecond(w http.ResponseWriter, r *http.Request) error {
	v, err := s.Visit(w, r)
	if err != nil {
		return err
	}
	at, err := s.atSecond(w, r, v)
	if err != nil {
		return err
	}
	if at == nil {
		return s.Redirect(w, r, v.unasked())
	}
	switch {
	case v.Form.Has("cancelar"):
		if err := s.LeaveSecond(r.Context(), at.Second, v.Now); err != nil {
			return err
		}
		return s.Cancel(w, r, v)
	case v.ShownFor() != at.Mark(), !v.SameSite(r):
		at.page.Stale = true
		return s.Show(w, v, http.StatusOK, at.page)
	case at.Over:
		return s.Show(w, v, http.StatusOK, at.page)
	}
	if response := v.Form.Get(FieldPasskey); response != "" {
		return s.settleSecond(w, r, at, func(ctx context.Context, tx *storage.Tx) (SecondVerdict, error) {
			return s.TrySecondPasskey(ctx, tx, r, v, at.Second, response)
		})
	}
	typed := SecondTyped{Code: v.Form.Get(fieldCode), Saved: v.Form.Get(fieldSaved)}
	if v.Form.Has(fieldSaved) && typed.Saved == "" {
		at.page.Faults = []templates.Fault{templates.SavedEmpty}
		return s.Show(w, v, http.StatusOK, at.page)
	}
	return s.settleSecond(w, r, at, func(ctx context.Context, tx *storage.Tx) (SecondVerdict, error) {
		return s.TrySecond(ctx, tx, r, v, at.Second, typed)
	})
}

// postSecondOptions is POST /ingresar/segundo/opciones: what a passkey of the person
// who is at the page is asked.
func (s *Server) postSecondOptions(w http.ResponseWriter, r *http.Request) error {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return err
	}
	q, err := s.SecondAsked(r, v)
	if err != nil {
		return err
	}
	whose := ""
	if q != nil && !q.Over {
		whose = q.AfiliadoID()
	} else if found, err := s.liveSession(r.Context(), s.DB, r, v.Now); err != nil {
		return err
	} else if found != nil {
		whose = found.AfiliadoID
	}
	return s.AnswerOptions(w, r, v, whose)
}

// settleSecond writes down how the step ended and, where it was right, goes on, all
// in one transaction.
func (s *Server) settleSecond(w http.ResponseWriter, r *http.Request, at *secondVisit, try func(ctx context.Context, tx *storage.Tx) (SecondVerdict, error)) error {
	var answer http.Handler
	var verdict SecondVerdict
	cookies := func(http.ResponseWriter) {}
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		var err error
		if verdict, err = try(ctx, tx); err != nil || verdict.Proof == nil {
			return err
		}
		if at.session == nil {
			answer, cookies, err = s.enter(ctx, tx, r, at.Visit, verdict.Proof)
			return err
		}
		if over, err := s.Hold(ctx, tx, at.Visit); err != nil || over != nil {
			answer = over
			return err
		}
		if cookies, err = s.RaiseBySecond(ctx, tx, r, at.Visit, at.session, verdict.Proof); err != nil {
			return err
		}
		answer, err = s.Onward(ctx, tx, at.Visit, at.session)
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
	at.page.Left, at.page.From, at.page.Over = verdict.Left, verdict.From, verdict.Over
	if response := at.Form.Get(FieldPasskey); response != "" && at.page.Passkey != nil {
		at.page.Passkey = RefusedPasskey(at.page.Passkey, response)
	}
	if verdict.Fault != "" {
		at.page.Faults = []templates.Fault{verdict.Fault}
	}
	return s.ShowSpent(w, at.Visit, http.StatusOK, at.page)
}

// RaiseBySecond gives a live session a new secret and the class of a proof by a
// second step (ASVS 7.2.4). When she proved who she is moves on where that was a
// passkey, or she typed her clave, too, within the last five minutes: a code alone is
// one factor. The returned function sets the cookie once tx has committed.
func (s *Server) RaiseBySecond(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, found *storage.Session, p *Proof) (func(http.ResponseWriter), error) {
	value, now := storage.NewSecret(), storage.At(v.Now)
	if p.passkey != "" || v.Fresh(found) {
		found.AuthAt = now
	}
	found.SecretHash, found.SeenAt, found.ACR, found.AMR = storage.Hash(value), now, p.acr, p.amr
	if err := unlessEnded(v, tx.RenewSession(ctx, *found)); err != nil {
		return nil, err
	}
	e := v.Event(r, eventSecondProved, found.AfiliadoID)
	e.Detail = map[string]string{"amr": p.amr}
	if err := tx.Audit(ctx, e); err != nil {
		return nil, err
	}
	return func(w http.ResponseWriter) { s.set(w, s.cookies.session, value, 0) }, nil
}

// RaiseByTOTP is RaiseBySecond for the code that has just made an authenticator
// application count.
func (s *Server) RaiseByTOTP(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, found *storage.Session) (func(http.ResponseWriter), error) {
	amr := amrClave + " " + amrOTP + " " + amrMFA
	if Satisfies(found.ACR, ACRPasskey) { // she proved more already
		return func(http.ResponseWriter) {}, nil
	}
	return s.RaiseBySecond(ctx, tx, r, v, found, &Proof{amr: amr, acr: ACR2FA})
}
