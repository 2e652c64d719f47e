package clave

import (
	"context"
	"errors"
	"net/http"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// renewal is one visit to /renovar by somebody whose clave is due.
type renewal struct {
	*login.Visit
	session  *storage.Session
	afiliado *storage.Afiliado
	clave    *storage.Clave
	page     templates.Renew
}

// visit reads what both handlers need. It returns nil, having answered, where
// nobody is signed in or nothing is due.
func (s *Server) visit(w http.ResponseWriter, r *http.Request) (*renewal, error) {
	v, err := s.Visit(w, r)
	if err != nil {
		return nil, err
	}
	if v.Form.Has("cancelar") {
		return nil, s.Cancel(w, r, v)
	}
	to := v.Elsewhere()
	elsewhere := func() (*renewal, error) {
		s.Answer(w, r, http.RedirectHandler(to, http.StatusSeeOther))
		return nil, nil //nolint:nilnil // documented: answered
	}
	session, err := s.Session(r.Context(), r)
	if errors.Is(err, storage.ErrNotFound) {
		if v.Request == nil {
			to = "/ingresar"
		}
		return elsewhere()
	}
	if err != nil {
		return nil, err
	}
	a, err := s.DB.Afiliado(r.Context(), session.AfiliadoID)
	if err != nil {
		return nil, err
	}
	c, err := s.DB.Clave(r.Context(), session.AfiliadoID)
	if errors.Is(err, storage.ErrNotFound) {
		return elsewhere()
	}
	if err != nil {
		return nil, err
	}
	cause, due := s.Renewal.Due(c, v.Now)
	if !due {
		return elsewhere()
	}
	n := &renewal{Visit: v, session: session, afiliado: a, clave: c}
	n.page = templates.Renew{
		Layout: s.Layout(r, v), Goal: v.Goal(), Cause: cause, Created: c.CreatedAt.Time, AskCurrent: !s.Proved(v, session),
		Rules: s.ClaveRules(), Session: login.Mark(session.ID),
	}
	if err := s.Touch(r.Context(), session, v.Now); err != nil {
		return nil, err
	}
	n.page.SignedIn, n.page.Countdown = true, s.Countdown(session, v.Now)
	if cause == templates.CauseExpired {
		n.page.Expired = c.DueAt.Time
	}
	return n, nil
}

// getRenew is GET /renovar.
func (s *Server) getRenew(w http.ResponseWriter, r *http.Request) error {
	n, err := s.visit(w, r)
	if n == nil {
		return err
	}
	if n.page.AskCurrent {
		if n.page.Challenge, _, err = s.Resume(w, r, n.Visit, n.afiliado.Identifier); err != nil {
			return err
		}
		n.page.Agreed = n.page.Challenge != nil && n.page.Challenge.Ticked && r.URL.Query().Get("acuerdo") == "1"
	}
	return s.Show(w, n.Visit, http.StatusOK, n.page)
}

// poser is one of the ways of package login to pose a challenge.
type poser func(http.ResponseWriter, *http.Request, *login.Visit, storage.Identifier) (*templates.Challenge, error)

// showRenew shows the form once more, with the challenge that pose says.
func (s *Server) showRenew(w http.ResponseWriter, r *http.Request, n *renewal, pose poser) error {
	if n.page.AskCurrent {
		var err error
		if n.page.Challenge, err = pose(w, r, n.Visit, n.afiliado.Identifier); err != nil {
			return err
		}
	}
	return s.Show(w, n.Visit, http.StatusOK, n.page)
}

// postRenew is POST /renovar: it sets the new clave and goes on.
func (s *Server) postRenew(w http.ResponseWriter, r *http.Request) error {
	n, err := s.visit(w, r)
	if n == nil {
		return err
	}
	if n.Swapped(n.session) { // the claves in it are another person's
		n.page.Swapped = true
		return s.showRenew(w, r, n, s.Keep)
	}
	n.page.Agreed = n.Form.Get("acuerdo") != ""
	if n.page.AskCurrent && !n.Form.Has("clave_actual") { // S039: the form was open too long
		n.page.Stale = true
		return s.showRenew(w, r, n, s.Keep)
	}
	if n.page.Faults = s.faults(n); len(n.page.Faults) > 0 {
		return s.showRenew(w, r, n, s.Keep)
	}
	t, err := s.trying(r, n.Visit, n.afiliado, n.clave, n.page.AskCurrent)
	if err != nil {
		no, err := s.Refusal(w, r, n.Visit, n.afiliado.Identifier, "", err)
		if err != nil {
			return err
		}
		if n.page.Faults, n.page.Busy, n.page.Retry = no.Faults, no.Busy, no.Retry; n.page.AskCurrent {
			n.page.Challenge = no.Challenge
		}
		return s.ShowRefusal(w, n.Visit, no, n.page)
	}
	if t.used && t.attempt == nil {
		n.page.Faults = []templates.Fault{templates.NuevaUsed}
		return s.Show(w, n.Visit, http.StatusOK, n.page)
	}
	return s.effect(w, r, n, t)
}

// faults are the rules that the form breaks, but for the history.
func (s *Server) faults(n *renewal) []templates.Fault {
	var out []templates.Fault
	if n.page.AskCurrent && n.Form.Get("clave_actual") == "" {
		out = append(out, templates.ActualEmpty)
	}
	out = append(out, s.Policy.Check(n.Form.Get("clave_nueva"), n.Form.Get("clave_confirmacion"), *n.afiliado)...)
	if !n.page.Agreed {
		out = append(out, templates.AgreementMissing)
	}
	return out
}

// effect settles the attempt at the present clave, if there was one, and, where
// all is well, sets the new clave with the acceptance of its terms, renews the
// session's secret and goes on, all in one transaction.
func (s *Server) effect(w http.ResponseWriter, r *http.Request, n *renewal, t *trial) error {
	var answer http.Handler
	cookie := func(http.ResponseWriter) {}
	proved := false
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		var err error
		if proved, err = s.settle(ctx, tx, r, n.Visit, n.afiliado.ID, t); err != nil || !proved || t.used {
			return err
		}
		if answer, err = s.Hold(ctx, tx, n.Visit); err != nil || answer != nil {
			return err
		}
		answer, cookie, err = s.set(ctx, tx, r, n, t.phc)
		return err
	})
	switch {
	case err != nil:
		return err
	case answer != nil:
		cookie(w)
		s.Answer(w, r, answer)
		return nil
	case proved:
		n.page.Faults = []templates.Fault{templates.NuevaUsed}
	case s.Spent(t.attempt):
		return s.Show(w, n.Visit, http.StatusOK, templates.Locked{
			Layout: n.page.Layout, Goal: n.page.Goal, Reason: s.Reason(t.attempt), Until: s.Until(t.attempt, n.Visit),
		})
	default:
		n.page.Faults = []templates.Fault{templates.ActualWrong}
	}
	return s.showRenew(w, r, n, s.Pose)
}

// set writes the new clave down, unless the same form has done so before.
func (s *Server) set(ctx context.Context, tx *storage.Tx, r *http.Request, n *renewal, phc string) (http.Handler, func(http.ResponseWriter), error) {
	nothing := func(http.ResponseWriter) {}
	session, err := s.SessionIn(ctx, tx, r, n.Visit)
	if err != nil {
		return nil, nothing, err
	}
	present, err := tx.Clave(ctx, n.afiliado.ID)
	if err != nil {
		return nil, nothing, err
	}
	cause, still := s.Renewal.Due(present, n.Now)
	if session == nil || session.AfiliadoID != n.afiliado.ID || !still || !present.CreatedAt.Equal(n.clave.CreatedAt.Time) {
		answer, err := s.Onward(ctx, tx, n.Visit, session)
		return answer, nothing, err
	}
	nueva := s.Policy.Canonical(n.Form.Get("clave_nueva"))
	due, err := s.replace(ctx, tx, r, n.Visit, n.afiliado, phc, nueva)
	if err != nil {
		return nil, nothing, err
	}
	if err := s.record(ctx, tx, r, n, string(cause), due); err != nil {
		return nil, nothing, err
	}
	cookie, err := s.Raise(ctx, tx, n.Visit, session, nueva, n.page.AskCurrent)
	if err != nil {
		return nil, nothing, err
	}
	answer, err := s.Onward(ctx, tx, n.Visit, session)
	return answer, cookie, err
}

// replace gives the person, whose row tx holds, the new clave, with the terms of
// its use accepted, by version and hash (LAW-20), and ends what the old one's
// troubles called for: the links, and the lock. It returns when the new one has
// to be renewed.
func (s *Server) replace(ctx context.Context, tx *storage.Tx, r *http.Request, v *login.Visit, a *storage.Afiliado, phc, nueva string) (time.Time, error) {
	holder, err := tx.Holder(ctx, a.ID)
	if err != nil {
		return time.Time{}, err
	}
	now, due := storage.At(v.Now), s.Renewal.DueAt(v.Now, nueva, holder)
	err = tx.SetClave(ctx, storage.Clave{
		AfiliadoID: a.ID, PHC: phc, Long: login.Long(nueva), CreatedAt: now, DueAt: storage.At(due),
	}, s.History)
	if err != nil {
		return due, err
	}
	for _, purpose := range []string{storage.LinkDesbloqueo, storage.LinkCambio} {
		if err := tx.KillLinks(ctx, a.ID, purpose, v.Now); err != nil {
			return due, err
		}
	}
	if err := s.reopen(ctx, tx, r, v, a); err != nil {
		return due, err
	}
	agreement := s.Pages.Agreement()
	return due, tx.AddAcceptance(ctx, storage.Acceptance{
		AfiliadoID: a.ID, Document: "acuerdo", Version: agreement.Version, TextHash: agreement.Hash, AcceptedAt: now,
	})
}

// reopen restores the full budget of who has just set a new clave: what was
// guessed against the old one tells nothing of it. She may have come in a lane of
// her own past a lock of LockLogin; that is lifted, with audit and notice, as no
// link outlives the clave it was asked for. Any other lock stays.
func (s *Server) reopen(ctx context.Context, tx *storage.Tx, r *http.Request, v *login.Visit, a *storage.Afiliado) error {
	mac := s.DB.IdentifierMAC(a.Identifier)
	budget, err := tx.LoginBudget(ctx, mac)
	if err != nil {
		return err
	}
	if err := tx.ForgiveAttempts(ctx, mac); err != nil || budget.LockReason != storage.LockLogin {
		return err
	}
	e := v.Event(r, eventUnlocked, a.ID)
	e.Detail = map[string]string{"was": budget.LockReason, "by": "clave"}
	if err := tx.Audit(ctx, e); err != nil {
		return err
	}
	return s.Notify(ctx, tx, r, v, login.NoticeUnlocked, mac, login.Notice{})
}

// record leaves the audit row and the notice of a renewal.
func (s *Server) record(ctx context.Context, tx *storage.Tx, r *http.Request, n *renewal, cause string, due time.Time) error {
	if cause == "" {
		cause = "expired"
	}
	e := n.Event(r, login.EventClaveRenewed, n.afiliado.ID)
	e.Detail = map[string]string{"cause": cause, "acuerdo": s.Pages.Agreement().Version}
	if err := tx.Audit(ctx, e); err != nil {
		return err
	}
	return s.Notify(ctx, tx, r, n.Visit, login.NoticeRenewed, s.DB.IdentifierMAC(n.afiliado.Identifier), login.Notice{Due: due})
}
