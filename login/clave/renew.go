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
		Rules: s.rules(), Session: login.Mark(session),
	}
	n.page.SignedIn = true
	if cause == templates.CauseExpired {
		n.page.Expired = c.DueAt.Time
	}
	return n, nil
}

// rules are those a new clave obeys, as pages tell them.
func (s *Server) rules() templates.Rules {
	return templates.Rules{Min: s.Policy.Min, Max: s.Policy.Max, History: s.History, Waiver: s.Renewal.Waiver}
}

// getRenew is GET /renovar.
func (s *Server) getRenew(w http.ResponseWriter, r *http.Request) error {
	n, err := s.visit(w, r)
	if n == nil {
		return err
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
		n.page.Stale = true
		return s.Show(w, n.Visit, http.StatusOK, n.page)
	}
	n.page.Agreed = n.Form.Get("acuerdo") != ""
	if n.page.AskCurrent && !n.Form.Has("clave_actual") { // S039: the form was open too long
		n.page.Stale = true
		return s.Show(w, n.Visit, http.StatusOK, n.page)
	}
	if n.page.Faults = s.faults(n); len(n.page.Faults) > 0 {
		return s.Show(w, n.Visit, http.StatusOK, n.page)
	}
	var attempt *login.Attempt
	if n.page.AskCurrent {
		attempt, err = s.Try(r.Context(), r, n.Visit, n.afiliado.Identifier, n.Form.Get("clave_actual"))
	}
	phc, used := "", false
	if err == nil && (attempt == nil || attempt.Right()) { // whoever did not prove learns nothing of former claves
		phc, used, err = s.hash(r.Context(), n.clave, n.Form.Get("clave_nueva"))
	}
	if errors.Is(err, login.ErrBusy) {
		n.page.Busy, n.page.Retry = true, s.Hash.RetryAfter()
		return s.ShowBusy(w, n.Visit, n.page.Retry, n.page)
	}
	if err != nil {
		return err
	}
	if used && attempt == nil {
		n.page.Faults = []templates.Fault{templates.NuevaUsed}
		return s.Show(w, n.Visit, http.StatusOK, n.page)
	}
	return s.effect(w, r, n, attempt, phc, used)
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

// hash returns the hash of a new clave in the place of present, or that it is one
// of the last ones (S089).
func (s *Server) hash(ctx context.Context, present *storage.Clave, typed string) (string, bool, error) {
	nueva := s.Policy.Canonical(typed)
	past, err := s.DB.ClaveHistory(ctx, present.AfiliadoID, s.History)
	if err != nil {
		return "", false, err
	}
	if len(past) == 0 || past[0] != present.PHC { // the present one came another way, or was hashed anew
		past = append(past, present.PHC)
	}
	slot, err := s.Hash.Take(ctx)
	if err != nil {
		return "", false, err
	}
	defer slot.Release()
	for _, old := range past {
		same, _, err := slot.Compare(old, nueva)
		if err != nil || same {
			return "", same, err
		}
	}
	phc, err := slot.Make(nueva)
	return phc, false, err
}

// effect settles the attempt at the present clave, if there was one, and, where
// all is well, sets the new clave with the acceptance of its terms, renews the
// session's secret and goes on, all in one transaction.
func (s *Server) effect(w http.ResponseWriter, r *http.Request, n *renewal, attempt *login.Attempt, phc string, used bool) error {
	var answer http.Handler
	cookie := func(http.ResponseWriter) {}
	proved := true
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		var err error
		if attempt == nil {
			_, err = tx.LockAfiliado(ctx, n.afiliado.ID)
		} else {
			var p *login.Proof
			p, err = s.Settle(ctx, tx, r, n.Visit, attempt)
			proved = p != nil
		}
		if err != nil || !proved || used {
			return err
		}
		if answer, err = s.Hold(ctx, tx, n.Visit); err != nil || answer != nil {
			return err
		}
		answer, cookie, err = s.set(ctx, tx, r, n, phc)
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
	case s.Spent(attempt):
		return s.Show(w, n.Visit, http.StatusOK, templates.Locked{Layout: n.page.Layout, Goal: n.page.Goal, Reason: s.Reason(attempt)})
	default:
		n.page.Faults = []templates.Fault{templates.ActualWrong}
	}
	return s.Show(w, n.Visit, http.StatusOK, n.page)
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
	due, err := s.replace(ctx, tx, n.Visit, n.afiliado.ID, phc, nueva)
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

// replace gives the person the new clave, with the terms of its use accepted, by
// version and hash (LAW-20), and ends the links that the old one's troubles
// called for. It returns when the new one has to be renewed.
func (s *Server) replace(ctx context.Context, tx *storage.Tx, v *login.Visit, afiliadoID, phc, nueva string) (time.Time, error) {
	now, due := storage.At(v.Now), s.Renewal.DueAt(v.Now, nueva, afiliadoID)
	err := tx.SetClave(ctx, storage.Clave{
		AfiliadoID: afiliadoID, PHC: phc, Long: login.Long(nueva), CreatedAt: now, DueAt: storage.At(due),
	}, s.History)
	if err != nil {
		return due, err
	}
	for _, purpose := range []string{storage.LinkDesbloqueo, storage.LinkCambio} {
		if err := tx.KillLinks(ctx, afiliadoID, purpose, v.Now); err != nil {
			return due, err
		}
	}
	agreement := s.Pages.Agreement()
	return due, tx.AddAcceptance(ctx, storage.Acceptance{
		AfiliadoID: afiliadoID, Document: "acuerdo", Version: agreement.Version, TextHash: agreement.Hash, AcceptedAt: now,
	})
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

// claveOf is the person's clave, nil where she has none.
func claveOf(ctx context.Context, tx *storage.Tx, afiliadoID string) (*storage.Clave, error) {
	c, err := tx.Clave(ctx, afiliadoID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil //nolint:nilnil // documented: none
	}
	return c, err
}
