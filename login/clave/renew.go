package clave

import (
	"context"
	"errors"
	"net/http"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Server is the pages of this package.
type Server struct{ *login.Server }

// New returns the pages that go with s.
func New(s *login.Server) *Server { return &Server{s} }

// Routes mounts them on r.
func (s *Server) Routes(r *mux.Router) {
	r.Handle("/renovar", s.Handle(s.getRenew)).Methods(http.MethodGet, http.MethodHead)
	r.Handle("/renovar", s.Handle(s.postRenew)).Methods(http.MethodPost)
}

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
		Rules: templates.Rules{Min: s.Policy.Min, Max: s.Policy.Max, History: s.History, Waiver: s.Renewal.Waiver},
	}
	n.page.SignedIn = true
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
	return s.Show(w, n.Visit, http.StatusOK, n.page)
}

// postRenew is POST /renovar: it sets the new clave and goes on.
func (s *Server) postRenew(w http.ResponseWriter, r *http.Request) error {
	n, err := s.visit(w, r)
	if n == nil {
		return err
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
		phc, used, err = s.hash(r.Context(), n)
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

// hash returns the hash of the new clave, or that it is one of the last ones
// (S089).
func (s *Server) hash(ctx context.Context, n *renewal) (string, bool, error) {
	nueva := s.Policy.Canonical(n.Form.Get("clave_nueva"))
	past, err := s.DB.ClaveHistory(ctx, n.afiliado.ID, s.History)
	if err != nil {
		return "", false, err
	}
	if len(past) == 0 || past[0] != n.clave.PHC { // the present one came another way, or was hashed anew
		past = append(past, n.clave.PHC)
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
	cause, due := s.Renewal.Due(present, n.Now)
	if session == nil || session.AfiliadoID != n.afiliado.ID || !due || !present.CreatedAt.Equal(n.clave.CreatedAt.Time) {
		answer, err := s.Onward(ctx, tx, n.Visit, session)
		return answer, nothing, err
	}
	nueva := s.Policy.Canonical(n.Form.Get("clave_nueva"))
	now := storage.At(n.Now)
	err = tx.SetClave(ctx, storage.Clave{
		AfiliadoID: n.afiliado.ID, PHC: phc, Long: login.Long(nueva), CreatedAt: now,
		DueAt: storage.At(s.Renewal.DueAt(now.Time, nueva, n.afiliado.ID)),
	}, s.History)
	if err != nil {
		return nil, nothing, err
	}
	if err := s.record(ctx, tx, r, n, string(cause), now); err != nil {
		return nil, nothing, err
	}
	cookie, err := s.Raise(ctx, tx, n.Visit, session, nueva, n.page.AskCurrent)
	if err != nil {
		return nil, nothing, err
	}
	answer, err := s.Onward(ctx, tx, n.Visit, session)
	return answer, cookie, err
}

// record keeps the accepted terms by version and hash (LAW-20) and the audit row.
func (s *Server) record(ctx context.Context, tx *storage.Tx, r *http.Request, n *renewal, cause string, now storage.Instant) error {
	agreement := s.Pages.Agreement()
	err := tx.AddAcceptance(ctx, storage.Acceptance{
		AfiliadoID: n.afiliado.ID, Document: "acuerdo", Version: agreement.Version, TextHash: agreement.Hash, AcceptedAt: now,
	})
	if err != nil {
		return err
	}
	if cause == "" {
		cause = "expired"
	}
	e := n.Event(r, login.EventClaveRenewed, n.afiliado.ID)
	e.Detail = map[string]string{"cause": cause, "acuerdo": agreement.Version}
	return tx.Audit(ctx, e)
}
