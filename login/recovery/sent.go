package recovery

import (
	"errors"
	"net/http"
	"slices"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// getSent is GET /generar-recuperar/enviado.
func (s *Server) getSent(w http.ResponseWriter, r *http.Request) error {
	v, err := s.visit(w, r)
	if err != nil {
		return err
	}
	if v.step() != StepSent {
		return s.Redirect(w, r, v.PagePath(pathStart))
	}
	page := templates.RecoverSent{
		Layout: s.Layout(r, v.Visit), Goal: v.Goal(), Case: v.caso.ID, Asked: v.caso.RequestedAt.Time, Life: s.cfg.LinkLife,
		Limit: s.UnlockLimit, Window: s.UnlockWindow, Wait: s.ContactWait,
	}
	if page.Changed = v.caso.Contact.Email != ""; page.Changed {
		page.Ready = v.caso.RequestedAt.Add(s.ContactWait)
		return s.Show(w, v.Visit, http.StatusOK, page)
	}
	if at := leaves(v.caso, v.caso.RequestedAt.Time); at.After(v.Now) {
		page.Leaves = at
	}
	all, err := s.DB.Messages(r.Context(), v.caso.AfiliadoID, 100)
	if err != nil {
		return err
	}
	answers := slices.DeleteFunc(all, func(m storage.Message) bool {
		return m.Template != templates.MailGenerateLink{}.Template() && m.Template != templates.MailGenerateHeld{}.Template()
	})
	var sent []storage.Message // newest first, one of those that went to several mailboxes at once
	ofCase := 0
	for _, m := range slices.CompactFunc(answers, func(a, b storage.Message) bool { return a.CreatedAt.Equal(b.CreatedAt.Time) }) {
		if m.CreatedAt.After(v.Now.Add(-s.UnlockWindow)) {
			sent = append(sent, m)
		}
		if m.CreatedAt.After(v.caso.PassedAt.Time) {
			ofCase++
		}
	}
	page.Again = ofCase > 1 || len(sent) > 1
	if len(sent) >= s.UnlockLimit {
		page.Next = sent[s.UnlockLimit-1].CreatedAt.Add(s.UnlockWindow)
	}
	written, err := s.written(r.Context(), s.DB, v.caso, v.Now)
	if err != nil {
		return err
	}
	page.Spent = written >= caseLimit
	return s.Show(w, v.Visit, http.StatusOK, page)
}

// postResend is POST /generar-recuperar/reenviar: another link with one press.
func (s *Server) postResend(w http.ResponseWriter, r *http.Request) error {
	v, err := s.visit(w, r)
	if err != nil {
		return err
	}
	if v.step() != StepSent || v.Form.Get("caso") != v.caso.ID || v.caso.Contact.Email != "" || !v.SameSite(r) {
		return s.Redirect(w, r, v.PagePath(pathStart))
	}
	err = s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		a, err := tx.LockAfiliado(ctx, v.caso.AfiliadoID)
		if err != nil {
			return err
		}
		why, err := s.beyond(ctx, tx, a, v.Now)
		if err != nil || why != "" {
			return err
		}
		to := v.to(StepSent)
		to.RequestedAt, to.ExpiresAt = storage.At(v.Now), storage.At(linkLatest(v.Now).Add(s.cfg.Window))
		if sent, err := (&letters{s, tx, r, v, &to, a}).askLink(ctx); err != nil || !sent {
			return err // what sends nothing prolongs nothing
		}
		return move(ctx, tx, v, to)
	})
	if err != nil && !errors.Is(err, errMoved) {
		return err
	}
	return s.Redirect(w, r, v.PagePath(pathSent))
}
