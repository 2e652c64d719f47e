package clave

import (
	"context"
	"errors"
	"net/http"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// setNew is the second step, or the only one in session: it sets the new clave.
func (s *Server) setNew(w http.ResponseWriter, r *http.Request, c *change) error {
	inSession := c.grant == nil
	if c.ShownFor() != "" && c.ShownFor() != c.page.Session { // the claves in it are another person's
		c.page.Swapped = true
		return s.showAgain(w, r, c, s.Keep)
	}
	if since := c.Form.Get(fieldSince); inSession && c.Form.Has(fieldSince) && since != c.since() {
		return s.changedSince(w, r, c)
	}
	c.page.Agreed, c.page.Keep = c.Form.Get("acuerdo") != "", c.Form.Get("cerrar_otras") == ""
	if inSession && c.Form.Get("clave_actual") == "" {
		c.page.Faults = append(c.page.Faults, templates.ActualEmpty)
	}
	c.page.Faults = append(c.page.Faults, s.Policy.Check(c.Form.Get("clave_nueva"), c.Form.Get("clave_confirmacion"), *c.afiliado)...)
	if inSession && !c.page.Agreed {
		c.page.Faults = append(c.page.Faults, templates.AgreementMissing)
	}
	if len(c.page.Faults) > 0 {
		return s.showAgain(w, r, c, s.Keep)
	}
	t, err := s.trying(r, c.Visit, c.afiliado, c.clave, inSession)
	if err != nil {
		n, err := s.Refusal(w, r, c.Visit, c.afiliado.Identifier, "", err)
		if err != nil {
			return err
		}
		if c.page.Faults, c.page.Busy, c.page.Retry = n.Faults, n.Busy, n.Retry; inSession {
			c.page.Challenge = n.Challenge
		}
		return s.ShowRefusal(w, c.Visit, n, c.page)
	}
	if t.used && t.attempt == nil {
		c.page.Faults = []templates.Fault{templates.NuevaUsed}
		return s.Show(w, c.Visit, http.StatusOK, c.page)
	}
	return s.settleChange(w, r, c, t)
}

// showAgain shows the form once more, with the challenge that pose says.
func (s *Server) showAgain(w http.ResponseWriter, r *http.Request, c *change, pose poser) error {
	if c.grant == nil { // the other form asks for no clave that could be guessed
		var err error
		if c.page.Challenge, err = pose(w, r, c.Visit, c.afiliado.Identifier); err != nil {
			return err
		}
	}
	return s.Show(w, c.Visit, http.StatusOK, c.page)
}

// changedSince answers an in-session form that was shown for a former clave: the
// change it made itself just before, or a fresh form. No attempt is spent.
func (s *Server) changedSince(w http.ResponseWriter, r *http.Request, c *change) error {
	made, err := s.made(r.Context(), c.Visit, c.clave)
	if err != nil {
		return err
	}
	if made {
		return s.Redirect(w, r, c.PagePath("/cambio/listo"))
	}
	c.page.Stale = true
	return s.showAgain(w, r, c, s.Keep)
}

// made reports whether the visit's form is one that comes again after it set
// present, not long ago (FT-14).
func (s *Server) made(ctx context.Context, v *login.Visit, present *storage.Clave) (bool, error) {
	form := v.Form.Get(fieldForm)
	if form == "" || v.Now.Sub(present.CreatedAt.Time) > login.OpenedFor {
		return false, nil
	}
	detail, err := s.changeOf(ctx, present)
	return detail["form"] == storage.Hash(form), err
}

// outcome is how the transaction of a change ended.
type outcome struct {
	set    bool
	proved bool
	reason templates.Reason // what keeps the clave from being set
	cookie func(http.ResponseWriter)
}

func (s *Server) settleChange(w http.ResponseWriter, r *http.Request, c *change, t *trial) error {
	var out outcome
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		out = outcome{cookie: func(http.ResponseWriter) {}}
		var err error
		if out.proved, err = s.settle(ctx, tx, r, c.Visit, c.afiliado.ID, t); err != nil || !out.proved || t.used {
			return err
		}
		return s.put(ctx, tx, r, c, t.phc, &out)
	})
	switch {
	case err != nil:
		return err
	case out.set:
		out.cookie(w)
		return s.Redirect(w, r, c.PagePath("/cambio/listo"))
	case out.reason != "":
		return s.Show(w, c.Visit, http.StatusOK, templates.Locked{Layout: c.page.Layout, Goal: c.page.Goal, Reason: out.reason})
	case !out.proved && s.Spent(t.attempt):
		return s.Show(w, c.Visit, http.StatusOK, templates.Locked{
			Layout: c.page.Layout, Goal: c.page.Goal, Reason: s.Reason(t.attempt), Until: s.Until(t.attempt, c.Visit),
		})
	case !out.proved:
		c.page.Faults = []templates.Fault{templates.ActualWrong}
	case t.used:
		c.page.Faults = []templates.Fault{templates.NuevaUsed}
	case c.grant != nil:
		return s.overdue(w, r, c.Visit)
	default:
		c.page.Stale = true
	}
	return s.showAgain(w, r, c, s.Pose)
}

// put writes the new clave down, with all that follows from it, in tx, which holds
// the person: the grant is used, terms accepted, other sessions ended where
// asked, audit, notice. out.set stays false where the grant is used already or
// the clave has been changed meanwhile.
func (s *Server) put(ctx context.Context, tx *storage.Tx, r *http.Request, c *change, phc string, out *outcome) error {
	mac := s.DB.IdentifierMAC(c.afiliado.Identifier)
	a, err := tx.Afiliado(ctx, c.afiliado.ID)
	if err != nil {
		return err
	}
	budget, err := tx.LoginBudget(ctx, mac)
	if err != nil {
		return err
	}
	if out.reason = beyondMail(a, budget); out.reason != "" {
		return nil
	}
	present, err := tx.Clave(ctx, a.ID)
	if err != nil || !present.CreatedAt.Equal(c.clave.CreatedAt.Time) {
		return err
	}
	session, err := s.SessionIn(ctx, tx, r, c.Visit)
	if err != nil {
		return err
	}
	if session != nil && session.AfiliadoID != a.ID {
		session = nil
	}
	if c.grant == nil && session == nil {
		return nil
	}
	if c.grant != nil {
		if won, err := tx.UseLink(ctx, c.grant.ID, c.Now); err != nil || !won {
			return err
		}
	}
	nueva := s.Policy.Canonical(c.Form.Get("clave_nueva"))
	due, err := s.replace(ctx, tx, r, c.Visit, a, phc, nueva)
	if err != nil {
		return err
	}
	if err := s.closeOthers(ctx, tx, c, session); err != nil {
		return err
	}
	if session != nil {
		if out.cookie, err = s.Raise(ctx, tx, c.Visit, session, nueva, c.grant == nil); err != nil {
			return err
		}
	}
	closed := !c.page.Keep
	e := c.Event(r, eventChanged, a.ID)
	e.Detail = map[string]string{"from": "form", "closed": "no", "acuerdo": s.Pages.Agreement().Version}
	if c.grant == nil {
		e.Detail["from"] = "session"
	}
	if closed {
		e.Detail["closed"] = "yes"
	}
	if form := c.Form.Get(fieldForm); form != "" {
		e.Detail["form"] = storage.Hash(form)
	}
	if err := tx.Audit(ctx, e); err != nil {
		return err
	}
	out.set = true
	return s.Notify(ctx, tx, r, c.Visit, login.NoticeChanged, mac, login.Notice{Closed: closed, Due: due})
}

// closeOthers ends every other session, and revokes what they had granted, unless
// the person has taken the tick away (ASVS 7.4.3).
func (s *Server) closeOthers(ctx context.Context, tx *storage.Tx, c *change, session *storage.Session) error {
	if c.page.Keep {
		return nil
	}
	except := ""
	if session != nil {
		except = session.ID
	}
	return tx.EndSessions(ctx, c.afiliado.ID, except, storage.CauseChanged, c.Now)
}

// changeOf is what the audit says of the change that set c, nil where none did.
func (s *Server) changeOf(ctx context.Context, c *storage.Clave) (map[string]string, error) {
	rows, err := s.DB.PersonEvents(ctx, c.AfiliadoID, eventChanged, c.CreatedAt.Time, 1)
	if err != nil || len(rows) == 0 || !rows[0].At.Equal(c.CreatedAt.Time) {
		return nil, err
	}
	return rows[0].Details()
}

// getChanged is GET /cambio/listo, for the browser that made the change.
func (s *Server) getChanged(w http.ResponseWriter, r *http.Request) error {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return err
	}
	session, err := s.Session(r.Context(), r)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	grant, err := s.KeptLink(r, storage.LinkCambio)
	if err != nil {
		return err
	}
	who, client, request := "", "", ""
	switch {
	case grant != nil && !grant.UsedAt.IsZero() && v.AskedFor(grant):
		who, client = grant.AfiliadoID, grant.ClientID
	case session != nil:
		who = session.AfiliadoID
	default:
		return s.Redirect(w, r, "/cambio")
	}
	a, err := s.DB.Afiliado(r.Context(), who)
	if err != nil {
		return err
	}
	c, err := s.DB.Clave(r.Context(), who)
	if errors.Is(err, storage.ErrNotFound) || err == nil && v.Now.Sub(c.CreatedAt.Time) > login.OpenedFor {
		return s.Redirect(w, r, "/cambio")
	}
	if err != nil {
		return err
	}
	page := templates.Changed{Layout: s.Layout(r, v), When: c.CreatedAt.Time, Mailed: a.Email != ""}
	page.SignedIn = session != nil
	detail, err := s.changeOf(r.Context(), c)
	if err != nil {
		return err
	}
	page.Closed = detail["closed"] == "yes"
	if v.Request != nil {
		client, request = v.Request.ClientID, v.Request.ID
	}
	if page.Application, err = s.WayBack(r.Context(), v, client, request); err != nil {
		return err
	}
	return s.Show(w, v, http.StatusOK, page)
}
