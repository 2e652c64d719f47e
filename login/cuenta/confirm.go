package cuenta

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/challenge"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Fields of the page that confirms. No form of this package has others of these
// names.
const (
	fieldConfirm = "confirmar"
	fieldCedula  = "cedula"
	fieldClave   = "clave"
)

// confirming are the fields that belong to the page itself; every other one is
// carried.
func confirming() []string {
	return []string{
		fieldConfirm, fieldCedula, fieldClave, fieldCode, fieldSaved, login.FieldPasskey, challenge.FieldWork, challenge.FieldTicket,
	}
}

// confirm asks the person to prove who she is and goes on with what she had
// posted: in one answer where the proof comes with it, else by the page, which
// carries it.
func (s *Server) confirm(w http.ResponseWriter, r *http.Request, one route, v *visit) error {
	page, err := s.confirmPage(w, r, one, v)
	if err != nil {
		return err
	}
	q, err := s.second(w, r, one, v)
	if err != nil {
		return err
	}
	if q != nil && v.Form.Get(login.FieldPasskey) == "" {
		return s.confirmSecond(w, r, one, v, q, page)
	}
	if !v.Form.Has(fieldConfirm) || page.Only && v.Form.Get(login.FieldPasskey) == "" {
		return s.showConfirm(w, r, v, page)
	}
	if response := v.Form.Get(login.FieldPasskey); response != "" {
		return s.confirmByPasskey(w, r, one, v, response, page)
	}
	id := storage.Identifier("")
	if v.session != nil {
		id = v.afiliado.Identifier
	} else if id = s.readConfirm(r, v, &page); id == "" {
		return s.showConfirm(w, r, v, page)
	}
	if v.Form.Get(fieldClave) == "" {
		page.Denied = true
		return s.showConfirm(w, r, v, page)
	}
	a, err := s.Try(r.Context(), r, v.Visit, id, v.Form.Get(fieldClave))
	if err != nil {
		n, err := s.Refusal(w, r, v.Visit, id, page.Cedula, err)
		if err != nil {
			return err
		}
		page.Challenge, page.Faults, page.Busy, page.Retry = n.Challenge, n.Faults, n.Busy, n.Retry
		return s.ShowRefusal(w, v.Visit, n, page)
	}
	return s.settleConfirm(w, r, one, v, a, page)
}

// settleConfirm writes down how the attempt ended. Where it was right it goes on
// with what was posted.
func (s *Server) settleConfirm(w http.ResponseWriter, r *http.Request, one route, v *visit, a *login.Attempt, page templates.Confirm) error {
	proved, q, cookies, err := s.proved(r, v, func(ctx context.Context, tx *storage.Tx) (*login.Proof, error) {
		return s.Settle(ctx, tx, r, v.Visit, a)
	})
	if err != nil {
		return err
	}
	if proved {
		cookies(w)
		if q != nil {
			return s.showSecond(w, v, q, page)
		}
		return s.confirmed(w, r, one, v)
	}
	if reason := s.Reason(a); reason != "" {
		return s.Show(w, v.Visit, http.StatusOK, templates.Locked{Layout: page.Layout, Reason: reason, Until: s.Until(a, v.Visit)})
	}
	page.Denied, page.Advise = true, a.Advise()
	return s.showConfirm(w, r, v, page)
}

// confirmByPasskey is settleConfirm for a passkey's response.
func (s *Server) confirmByPasskey(w http.ResponseWriter, r *http.Request, one route, v *visit, response string, page templates.Confirm) error {
	whose := ""
	if v.session != nil {
		whose = v.session.AfiliadoID
	}
	var verdict login.PasskeyVerdict
	proved, _, cookies, err := s.proved(r, v, func(ctx context.Context, tx *storage.Tx) (*login.Proof, error) {
		var err error
		verdict, err = s.TryPasskey(ctx, tx, r, v.Visit, whose, response)
		return verdict.Proof, err
	})
	if err != nil {
		return err
	}
	if proved {
		cookies(w)
		return s.confirmed(w, r, one, v)
	}
	if verdict.Reason != "" {
		return s.Show(w, v.Visit, http.StatusOK, templates.Locked{Layout: page.Layout, Reason: verdict.Reason})
	}
	page.Passkey = login.RefusedPasskey(page.Passkey, response)
	return s.showConfirm(w, r, v, page)
}

// proved settles a proof in one transaction, and where there is one confirms the
// session by it, or begins one where that has ended, unless a second step has to
// follow. The returned function sets the cookies.
func (s *Server) proved(r *http.Request, v *visit, settle func(ctx context.Context, tx *storage.Tx) (*login.Proof, error)) (bool, *login.Second, func(http.ResponseWriter), error) {
	cookies := func(http.ResponseWriter) {}
	proved := false
	var q *login.Second
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		p, err := settle(ctx, tx)
		if err != nil || p == nil {
			return err
		}
		proved = true
		if v.session != nil {
			cookies, err = s.Confirm(ctx, tx, r, v.Visit, v.session, p)
			return err
		}
		if p.SecondDue(v.Visit) {
			q, cookies, err = s.AskSecond(ctx, tx, r, v.Visit, p)
			return err
		}
		v.session, cookies, err = s.SignIn(ctx, tx, r, v.Visit, p)
		return err
	})
	return proved, q, cookies, err
}

// confirmed goes on with what was posted once its person has proved who she is, or
// asks for what is missing yet.
func (s *Server) confirmed(w http.ResponseWriter, r *http.Request, one route, v *visit) error {
	if v.afiliado == nil {
		var err error
		if v.afiliado, err = s.DB.Afiliado(r.Context(), v.session.AfiliadoID); err != nil {
			return err
		}
		if v.ShownFor() != v.mark() { // somebody else has signed in than the one who filled it in
			return s.toDone(w, r, v, login.PageAccount, doneForAnother)
		}
	}
	passed, err := s.passes(r, one.guard, v)
	if err != nil {
		return err
	}
	if passed {
		return one.page(w, r, v)
	}
	v.Form.Del(login.FieldPasskey)
	v.Form.Del(fieldConfirm) // what proved her by her clave is not what is asked now
	return s.confirm(w, r, one, v)
}

// readConfirm reads whose clave it is, where no session says so; "" where the page
// already says what is wrong.
func (s *Server) readConfirm(r *http.Request, v *visit, page *templates.Confirm) storage.Identifier {
	text := v.Form.Get(fieldCedula)
	page.Cedula = login.Typed(text)
	id, _, err := s.Identifiers.Parse(text)
	switch {
	case !v.SameSite(r):
		page.Stale = true
	case page.Cedula == "":
		page.Denied = true
	case err != nil:
		page.Faults = []templates.Fault{templates.CedulaMalformed}
	default:
		return id
	}
	return ""
}

// confirmPage is the page before anything was tried. It offers a passkey to whom has
// one, and to whoever has to say who she is; nothing else where nothing else will do.
func (s *Server) confirmPage(w http.ResponseWriter, r *http.Request, one route, v *visit) (templates.Confirm, error) {
	page := templates.Confirm{Layout: s.Layout(r, v.Visit), Action: one.path, Params: carried(v)}
	page.Path = login.PageAccount
	if v.session == nil {
		page.Passkey = s.AskPasskey(w, false)
		return page, nil
	}
	page.SignedIn, page.Name, page.Countdown = true, v.afiliado.GivenName, s.Countdown(v.session, v.Now)
	has, err := s.DB.Factors(r.Context(), v.afiliado.ID, v.Now)
	if err == nil && has.Passkeys > 0 {
		page.Only = one.guard == strong && !has.TOTP && has.Codes == 0
		page.Passkey = s.AskPasskey(w, true)
	}
	if page.Passkey != nil {
		page.Passkey.First, page.Passkey.Alone = !page.Only, page.Only // one touch, where her clave may ask for a code as well
	}
	return page, err
}

// carried is what was posted, to be posted again.
func carried(v *visit) []templates.Param {
	var out []templates.Param
	for _, name := range slices.Sorted(maps.Keys(v.Form)) {
		if slices.Contains(confirming(), name) {
			continue
		}
		for _, value := range v.Form[name] {
			out = append(out, templates.Param{Name: name, Value: value})
		}
	}
	return out
}

func (s *Server) showConfirm(w http.ResponseWriter, r *http.Request, v *visit, page templates.Confirm) error {
	id := storage.Identifier("")
	if v.session != nil {
		id = v.afiliado.Identifier
	}
	var err error
	if page.Challenge, err = s.Keep(w, r, v.Visit, id); err != nil {
		return err
	}
	if page.Image, err = s.image(r, v); err != nil {
		return err
	}
	return s.Show(w, v.Visit, http.StatusOK, page)
}

// image is the personal image of the session's person in a browser known to be hers,
// "" for none: who imitates the page that asks for her clave does not know it.
func (s *Server) image(r *http.Request, v *visit) (string, error) {
	if v.session == nil {
		return "", nil
	}
	hers, err := s.Hers(r.Context(), r, v.Visit, s.DB.IdentifierMAC(v.afiliado.Identifier))
	if err != nil || !hers {
		return "", err
	}
	tastes, err := s.DB.Tastes(r.Context(), v.afiliado.ID)
	return tastes.Image, err
}
