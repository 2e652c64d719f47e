package cuenta

import (
	"net/http"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Fields of the page that confirms, for a second step.
const (
	fieldCode  = "segundo"
	fieldSaved = "segundo_respaldo"
)

// typedSecond is what came in them.
func typedSecond(v *visit) login.SecondTyped {
	return login.SecondTyped{Code: v.Form.Get(fieldCode), Saved: v.Form.Get(fieldSaved)}
}

// second is the second step that the page has to ask for, nil where that is not its
// turn: of a session, where the guard wants more than a clave, which she has proved,
// and she has codes for it; without a session, where she has just typed her clave.
func (s *Server) second(w http.ResponseWriter, r *http.Request, one route, v *visit) (*login.Second, error) {
	if v.session == nil {
		q, err := s.SecondAsked(r, v.Visit)
		if err != nil || q == nil || q.Over || login.Mark(q.AfiliadoID()) != v.ShownFor() {
			return nil, err
		}
		return q, nil
	}
	if one.guard != strong || !v.Fresh(v.session) {
		return nil, nil //nolint:nilnil // documented: not its turn
	}
	has, err := s.DB.Factors(r.Context(), v.afiliado.ID, v.Now)
	if err != nil || !has.TOTP && has.Codes == 0 {
		return nil, err
	}
	return s.SecondInside(w, r, v.Visit, v.session)
}

// confirmSecond asks for the second step, or compares what was typed for it.
func (s *Server) confirmSecond(w http.ResponseWriter, r *http.Request, one route, v *visit, q *login.Second, page templates.Confirm) error {
	if !v.Form.Has(fieldConfirm) || !v.Form.Has(fieldCode) && !v.Form.Has(fieldSaved) || q.Over {
		return s.showSecond(w, v, q, page)
	}
	return s.trySecond(w, r, one, v, q, page)
}

// showSecond shows the page as it asks for a second step.
func (s *Server) showSecond(w http.ResponseWriter, v *visit, q *login.Second, page templates.Confirm) error {
	return s.Show(w, v.Visit, http.StatusOK, secondPage(q, page))
}

// secondPage is page as it asks for a second step, of what she has for it.
func secondPage(q *login.Second, page templates.Confirm) templates.Confirm {
	page.Second, page.TOTP, page.Codes, page.Over = true, q.Has.TOTP, q.Has.Codes > 0, q.Over
	page.Only = !page.TOTP && !page.Codes
	if page.Passkey != nil {
		page.Passkey.First, page.Passkey.After, page.Passkey.Alone = false, !page.Only, page.Only
	}
	return page
}

// trySecond compares what was typed for the step and goes on with what was posted
// where it was right.
func (s *Server) trySecond(w http.ResponseWriter, r *http.Request, one route, v *visit, q *login.Second, page templates.Confirm) error {
	if typed := typedSecond(v); !q.Has.TOTP && typed.Saved == "" {
		page.SecondFault = templates.SavedEmpty
		return s.showSecond(w, v, q, page)
	}
	var verdict login.SecondVerdict
	cookies := func(http.ResponseWriter) {}
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		var err error
		if verdict, err = s.TrySecond(ctx, tx, r, v.Visit, q, typedSecond(v)); err != nil || verdict.Proof == nil {
			return err
		}
		if v.session != nil {
			cookies, err = s.RaiseBySecond(ctx, tx, r, v.Visit, v.session, verdict.Proof)
			return err
		}
		v.session, cookies, err = s.SignIn(ctx, tx, r, v.Visit, verdict.Proof)
		return err
	})
	if err != nil {
		return err
	}
	if verdict.Proof == nil {
		page = secondPage(q, page)
		page.Left, page.From, page.Over = verdict.Left, verdict.From, verdict.Over
		page.SecondFault = verdict.Fault
		return s.ShowSpent(w, v.Visit, http.StatusOK, page)
	}
	cookies(w)
	return s.confirmed(w, r, one, v)
}
