package clave

import (
	"errors"
	"net/http"
	"strconv"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Audit events of a change.
const (
	eventProved  = "clave.proved"  // the public form's first step; it signs nobody in
	eventChanged = "clave.changed" // detail: from, closed, acuerdo, form
)

// change is one visit to /cambio by somebody who may set a new clave: with the
// grant of the public form, or in session.
type change struct {
	*login.Visit
	grant    *storage.Link    // nil in session
	session  *storage.Session // nil without one; beside a grant it may be another person's
	afiliado *storage.Afiliado
	clave    *storage.Clave
	page     templates.Change
}

const (
	fieldSince = "desde"      // which clave an in-session form was shown for
	fieldForm  = "formulario" // names one form that was shown, to know it again
)

// changing finds out who may set a clave in this browser; nil: nobody, who has to
// prove the present one first.
func (s *Server) changing(r *http.Request, v *login.Visit) (*change, error) {
	c := &change{Visit: v}
	var err error
	if c.session, err = s.Session(r.Context(), r); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	if c.grant, err = s.KeptLink(r, storage.LinkCambio); err != nil {
		return nil, err
	}
	who, step := "", templates.ChangeNew
	switch {
	case c.grant != nil && c.grant.Live(v.Now) && v.AskedFor(c.grant):
		who = c.grant.AfiliadoID
	case c.session != nil:
		who, step, c.grant = c.session.AfiliadoID, templates.ChangeSession, nil
	default:
		return nil, nil //nolint:nilnil // documented: nobody
	}
	if c.afiliado, err = s.DB.Afiliado(r.Context(), who); err != nil {
		return nil, err
	}
	c.clave, err = s.DB.Clave(r.Context(), who)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil //nolint:nilnil // documented: nobody
	}
	if err != nil {
		return nil, err
	}
	c.page = templates.Change{Layout: s.Layout(r, v), Goal: v.Goal(), Step: step, Rules: s.ClaveRules()}
	if c.session != nil {
		if err := s.Touch(r.Context(), c.session, v.Now); err != nil {
			return nil, err
		}
		c.page.SignedIn = true
		if step == templates.ChangeSession {
			c.page.Countdown = s.Countdown(c.session, v.Now)
		}
	}
	c.page.Params = []templates.Param{{Name: fieldForm, Value: storage.NewID()}}
	if step == templates.ChangeNew {
		c.page.Session = login.Mark(c.grant.ID)
	} else {
		c.page.Session = login.Mark(c.session.ID)
		c.page.Params = append(c.page.Params, templates.Param{Name: fieldSince, Value: c.since()})
	}
	return c, nil
}

func (c *change) since() string { return strconv.FormatInt(c.clave.CreatedAt.UnixMicro(), 10) }

// getChange is GET /cambio.
func (s *Server) getChange(w http.ResponseWriter, r *http.Request) error {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return err
	}
	s.Arrived(w, r)
	c, err := s.changing(r, v)
	if err != nil {
		return err
	}
	id, page := storage.Identifier(""), templates.Change{
		Layout: s.Layout(r, v), Goal: v.Goal(), Rules: s.ClaveRules(), Code: r.URL.Query().Get("codigo") == "1",
	}
	if c != nil {
		id, page = c.afiliado.Identifier, c.page
	}
	if page.Step != templates.ChangeNew { // which asks for no clave that could be guessed
		if page.Challenge, page.Cedula, err = s.Resume(w, r, v, id); err != nil {
			return err
		}
		if page.Challenge != nil && page.Challenge.Ticked {
			page.Agreed, page.Keep = r.URL.Query().Get("acuerdo") == "1", r.URL.Query().Get("cerrar_otras") != "1"
		}
	}
	return s.Show(w, v, http.StatusOK, page)
}

// postChange is POST /cambio: the public form's first step where a cédula comes
// with it, else the new clave.
func (s *Server) postChange(w http.ResponseWriter, r *http.Request) error {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return err
	}
	if v.Form.Has("cancelar") {
		s.DropSecret(w, login.CookieOf(storage.LinkCambio))
		return s.Cancel(w, r, v)
	}
	if v.Form.Has("cedula") {
		return s.prove(w, r, v)
	}
	c, err := s.changing(r, v)
	if err != nil {
		return err
	}
	if c == nil {
		return s.overdue(w, r, v)
	}
	return s.setNew(w, r, c)
}

// overdue answers a form whose grant is over: the change it made, if it made one
// (FT-14), else the first step again.
func (s *Server) overdue(w http.ResponseWriter, r *http.Request, v *login.Visit) error {
	grant, err := s.KeptLink(r, storage.LinkCambio)
	if err != nil {
		return err
	}
	if grant != nil && !grant.UsedAt.IsZero() && v.AskedFor(grant) {
		present, err := s.DB.Clave(r.Context(), grant.AfiliadoID)
		if err != nil {
			return err
		}
		made, err := s.made(r.Context(), v, present)
		if err != nil {
			return err
		}
		if made {
			return s.Redirect(w, r, v.PagePath("/cambio/listo"))
		}
	}
	page := templates.Change{
		Layout: s.Layout(r, v), Goal: v.Goal(), Rules: s.ClaveRules(), Stale: true, Agreed: v.Form.Get("acuerdo") != "",
	}
	if page.Challenge, err = s.Pose(w, r, v, ""); err != nil {
		return err
	}
	return s.Show(w, v, http.StatusOK, page)
}

// prove is the public form's first step: a sign-in in all but the session (S087,
// D29). It counts as one, answers as one, and gives a grant for one change in
// this browser. Whoever wishes a second step after each clave is asked for it here,
// too (ASVS 6.3.4): she is then signed in, and changes it in her session.
func (s *Server) prove(w http.ResponseWriter, r *http.Request, v *login.Visit) error {
	id, page := s.readProof(r, v)
	if id == "" {
		var err error
		if page.Challenge, err = s.Keep(w, r, v, id); err != nil {
			return err
		}
		return s.Show(w, v, http.StatusOK, page)
	}
	a, err := s.Try(r.Context(), r, v, id, v.Form.Get("clave_actual"))
	if err != nil {
		n, err := s.Refusal(w, r, v, id, page.Cedula, err)
		if err != nil {
			return err
		}
		page.Challenge, page.Faults, page.Busy, page.Retry = n.Challenge, n.Faults, n.Busy, n.Retry
		return s.ShowRefusal(w, v, n, page)
	}
	grant := ""
	var second *login.Second
	var keep func(http.ResponseWriter)
	err = s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		p, err := s.Settle(ctx, tx, r, v, a)
		if err != nil || p == nil {
			return err
		}
		if p.Factors.SecondStep && p.SecondDue(v) {
			second, keep, err = s.AskSecond(ctx, tx, r, v, p)
			return err
		}
		grant = storage.NewID()
		link := storage.Link{
			ID: grant, Purpose: storage.LinkCambio, AfiliadoID: p.ID, BrowserHash: v.Browser, Life: s.ProofLife,
			CreatedAt: storage.At(v.Now), LatestAt: storage.At(v.Now.Add(s.ProofLife)),
		}
		if v.Request != nil {
			link.ClientID = v.Request.ClientID
		}
		if err := tx.AddLink(ctx, link); err != nil {
			return err
		}
		return tx.Audit(ctx, v.Event(r, eventProved, p.ID))
	})
	if err != nil {
		return err
	}
	if second != nil {
		keep(w)
		return s.SecondFirst(w, r, v, login.PageChange)
	}
	if grant != "" {
		s.KeepSecret(w, login.CookieOf(storage.LinkCambio), s.DB.LinkToken(grant), login.OpenedFor)
		return s.Redirect(w, r, v.PagePath("/cambio"))
	}
	if reason := s.Reason(a); reason != "" {
		return s.Show(w, v, http.StatusOK, templates.Locked{Layout: page.Layout, Goal: page.Goal, Reason: reason, Until: s.Until(a, v)})
	}
	page.Denied, page.Advise = true, a.Advise()
	if page.Challenge, err = s.Pose(w, r, v, id); err != nil {
		return err
	}
	return s.Show(w, v, http.StatusOK, page)
}

// readProof reads the first step. The identifier is empty where the page already
// says what is wrong: nobody is then looked up and no attempt spent.
func (s *Server) readProof(r *http.Request, v *login.Visit) (storage.Identifier, templates.Change) {
	page := templates.Change{
		Layout: s.Layout(r, v), Goal: v.Goal(), Rules: s.ClaveRules(), Code: v.Form.Get("codigo") == "1",
		Cedula: login.Typed(v.Form.Get("cedula")), Agreed: v.Form.Get("acuerdo") != "",
	}
	if !v.SameSite(r) {
		page.Stale = true
		return "", page
	}
	empty, malformed := templates.CedulaEmpty, templates.CedulaMalformed
	if page.Code {
		empty, malformed = templates.CodigoEmpty, templates.CodigoMalformed
	}
	id, _, err := s.Identifiers.Parse(v.Form.Get("cedula"))
	switch {
	case page.Cedula == "":
		page.Faults = append(page.Faults, empty)
	case err != nil:
		page.Faults = append(page.Faults, malformed)
	}
	if v.Form.Get("clave_actual") == "" {
		page.Faults = append(page.Faults, templates.ActualEmpty)
	}
	if !page.Agreed { // S088
		page.Faults = append(page.Faults, templates.AgreementMissing)
	}
	if len(page.Faults) > 0 {
		return "", page
	}
	return id, page
}
