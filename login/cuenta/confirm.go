package cuenta

import (
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
	return []string{fieldConfirm, fieldCedula, fieldClave, challenge.FieldWork, challenge.FieldTicket}
}

// confirm asks the person to prove who she is and goes on with what she had
// posted: in one answer where the proof comes with it, else by the page, which
// carries it.
func (s *Server) confirm(w http.ResponseWriter, r *http.Request, one route, v *visit) error {
	page := s.confirmPage(r, one, v)
	if !v.Form.Has(fieldConfirm) {
		return s.showConfirm(w, r, v, page)
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
	cookies := func(http.ResponseWriter) {}
	proved := false
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		p, err := s.Settle(ctx, tx, r, v.Visit, a)
		if err != nil || p == nil {
			return err
		}
		proved = true
		if v.session != nil {
			cookies, err = s.Confirm(ctx, tx, r, v.Visit, v.session, p)
			return err
		}
		v.session, cookies, err = s.SignIn(ctx, tx, r, v.Visit, p)
		return err
	})
	if err != nil {
		return err
	}
	if !proved {
		if reason := s.Reason(a); reason != "" {
			return s.Show(w, v.Visit, http.StatusOK, templates.Locked{Layout: page.Layout, Reason: reason, Until: s.Until(a, v.Visit)})
		}
		page.Denied, page.Advise = true, a.Advise()
		return s.showConfirm(w, r, v, page)
	}
	cookies(w)
	if v.afiliado == nil {
		if v.afiliado, err = s.DB.Afiliado(r.Context(), v.session.AfiliadoID); err != nil {
			return err
		}
		if v.ShownFor() != v.mark() { // somebody else has signed in than the one who filled it in
			return s.Redirect(w, r, login.PageAccount+"?otra=1")
		}
	}
	passed, err := s.passes(r, one.guard, v)
	if err != nil {
		return err
	}
	if !passed {
		return s.showConfirm(w, r, v, s.confirmPage(r, one, v))
	}
	return one.page(w, r, v)
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

func (s *Server) confirmPage(r *http.Request, one route, v *visit) templates.Confirm {
	page := templates.Confirm{Layout: s.Layout(r, v.Visit), Action: one.path, Params: carried(v)}
	page.Path = login.PageAccount
	if v.session != nil {
		page.SignedIn, page.Name = true, v.afiliado.GivenName
	}
	return page
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
	return s.Show(w, v.Visit, http.StatusOK, page)
}
