package clave

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// setNew is the second step, or the only one in session: it sets the new clave.
func (s *Server) setNew(w http.ResponseWriter, r *http.Request, c *change) error {
	inSession := c.grant == nil
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
		return s.Show(w, c.Visit, http.StatusOK, c.page)
	}
	var attempt *login.Attempt
	var err error
	if inSession {
		attempt, err = s.Try(r.Context(), r, c.Visit, c.afiliado.Identifier, c.Form.Get("clave_actual"))
	}
	phc, used := "", false
	if err == nil && (attempt == nil || attempt.Right()) { // whoever did not prove learns nothing of former claves
		phc, used, err = s.hash(r.Context(), c.clave, c.Form.Get("clave_nueva"))
	}
	if errors.Is(err, login.ErrBusy) {
		c.page.Busy, c.page.Retry = true, s.Hash.RetryAfter()
		return s.ShowBusy(w, c.Visit, c.page.Retry, c.page)
	}
	if err != nil {
		return err
	}
	if used && attempt == nil {
		c.page.Faults = []templates.Fault{templates.NuevaUsed}
		return s.Show(w, c.Visit, http.StatusOK, c.page)
	}
	return s.settleChange(w, r, c, attempt, phc, used)
}

// changedSince answers an in-session form that was shown for a former clave: the
// change it made itself just before, or a fresh form. No attempt is spent.
func (s *Server) changedSince(w http.ResponseWriter, r *http.Request, c *change) error {
	if c.Now.Sub(c.clave.CreatedAt.Time) <= s.ProofLife {
		return s.redirect(w, r, withRequest("/cambio/listo", c.Visit))
	}
	c.page.Stale = true
	return s.Show(w, c.Visit, http.StatusOK, c.page)
}

// outcome is how the transaction of a change ended.
type outcome struct {
	set    bool
	proved bool
	reason templates.Reason // what keeps the clave from being set
	cookie func(http.ResponseWriter)
}

func (s *Server) settleChange(w http.ResponseWriter, r *http.Request, c *change, attempt *login.Attempt, phc string, used bool) error {
	var out outcome
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		out = outcome{proved: true, cookie: func(http.ResponseWriter) {}}
		var err error
		if attempt == nil {
			_, err = tx.LockAfiliado(ctx, c.afiliado.ID)
		} else {
			var p *login.Proof
			p, err = s.Settle(ctx, tx, r, c.Visit, attempt)
			out.proved = p != nil
		}
		if err != nil || !out.proved || used {
			return err
		}
		return s.put(ctx, tx, r, c, phc, &out)
	})
	switch {
	case err != nil:
		return err
	case out.set:
		out.cookie(w)
		to := withRequest("/cambio/listo", c.Visit)
		if !c.page.Keep {
			to += separator(to) + closedParam + "=1"
		}
		return s.redirect(w, r, to)
	case out.reason != "":
		return s.Show(w, c.Visit, http.StatusOK, templates.Locked{Layout: c.page.Layout, Goal: c.page.Goal, Reason: out.reason})
	case !out.proved && s.Spent(attempt):
		return s.Show(w, c.Visit, http.StatusOK, templates.Locked{Layout: c.page.Layout, Goal: c.page.Goal, Reason: s.Reason(attempt)})
	case !out.proved:
		c.page.Faults = []templates.Fault{templates.ActualWrong}
	case used:
		c.page.Faults = []templates.Fault{templates.NuevaUsed}
	case c.grant != nil:
		return s.overdue(w, r, c.Visit)
	default:
		c.page.Stale = true
	}
	return s.Show(w, c.Visit, http.StatusOK, c.page)
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
	due, err := s.replace(ctx, tx, c.Visit, a.ID, phc, nueva)
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
	return tx.EndSessions(ctx, c.afiliado.ID, except, "clave changed", true, c.Now)
}

// closedParam tells the last page what it says of other sessions.
const closedParam = "cerradas"

func separator(address string) string {
	if strings.Contains(address, "?") {
		return "&"
	}
	return "?"
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
	grant, err := s.openedLink(r, storage.LinkCambio)
	if err != nil {
		return err
	}
	who, client, request := "", "", ""
	switch {
	case grant != nil && !grant.UsedAt.IsZero() && !elsewhere(grant, v):
		who, client = grant.AfiliadoID, grant.ClientID
	case session != nil:
		who = session.AfiliadoID
	default:
		return s.redirect(w, r, "/cambio")
	}
	a, err := s.DB.Afiliado(r.Context(), who)
	if err != nil {
		return err
	}
	c, err := s.DB.Clave(r.Context(), who)
	if errors.Is(err, storage.ErrNotFound) || err == nil && v.Now.Sub(c.CreatedAt.Time) > openedFor {
		return s.redirect(w, r, "/cambio")
	}
	if err != nil {
		return err
	}
	page := templates.Changed{
		Layout: s.Layout(r, v), When: c.CreatedAt.Time, Mailed: a.Email != "", Closed: r.URL.Query().Get(closedParam) == "1",
	}
	page.SignedIn = session != nil
	if page.Closed {
		page.Path = "/cambio/listo?" + closedParam + "=1"
	}
	if v.Request != nil {
		client, request = v.Request.ClientID, v.Request.ID
	}
	if page.Application, err = s.WayBack(r.Context(), v, client, request); err != nil {
		return err
	}
	return s.Show(w, v, http.StatusOK, page)
}
