package clave

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/challenge"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

func disavowForm(v *login.Visit) login.Asking {
	return login.Asking{Form: challenge.Form{Purpose: "no-fui-yo", Browser: v.Browser, Path: login.PageDisavow}}
}

// getDisavow is GET /no-fui-yo: what the link of a notice would do.
func (s *Server) getDisavow(w http.ResponseWriter, r *http.Request) error {
	v, link, err := s.disavowing(w, r)
	if err != nil || link == nil {
		return err
	}
	page, err := s.disavowPage(r, v, link)
	if err != nil {
		return err
	}
	if page.Challenge, _, err = s.PoseAsking(w, r, v, disavowForm(v)); err != nil {
		return err
	}
	return s.Show(w, v, http.StatusOK, page)
}

// disavowing finds the link; nil: the answer has been written.
func (s *Server) disavowing(w http.ResponseWriter, r *http.Request) (*login.Visit, *storage.Link, error) {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return nil, nil, err
	}
	link, err := s.KeptLink(r, storage.LinkNoFuiYo)
	if err != nil {
		return nil, nil, err
	}
	if link == nil || !link.Live(v.Now) {
		return v, nil, s.showDead(w, r, v, link, templates.LinkToDisavow)
	}
	return v, link, nil
}

// disavowPage says what the newest notice with that link told of, as the mail did.
func (s *Server) disavowPage(r *http.Request, v *login.Visit, link *storage.Link) (templates.Disavow, error) {
	page := templates.Disavow{Layout: s.Layout(r, v), Since: login.Foothold(link.CreatedAt.Time)}
	m, err := s.DB.NoticeOf(r.Context(), *link)
	if errors.Is(err, storage.ErrNotFound) { // purged
		return page, nil
	}
	if err != nil {
		return page, err
	}
	page.Template, page.When = m.Template, m.CreatedAt.Time
	return page, s.recall(r.Context(), *m, &page)
}

// causes are the audit events that notices with "No fui yo" tell of. What was in
// a message is wiped once it is sent; the audit keeps it for longer than a link
// lives.
func causes() map[string]string {
	all := map[string]string{
		login.NoticeChanged: eventChanged, login.NoticeRenewed: login.EventClaveRenewed, login.NoticeLocked: login.EventClaveLocked,
		login.NoticeUnlocked: eventUnlocked, login.NoticeNewDevice: login.EventSessionStarted,
		storage.ErrandContact: storage.EventContactChanged, login.NoticeShut: login.EventRecoveryShut,
		templates.MailQuestionsPassed{}.Template(): login.EventRecoveryPassed, login.NoticeRecovered: login.EventRecovered,
		templates.MailContactOld{}.Template(): login.EventContactAsked, templates.MailGenerateHeld{}.Template(): login.EventLinkHeld,
		templates.MailContactApplied{}.Template(): storage.EventContactChanged,
	}
	maps.Copy(all, factorCauses())
	maps.Copy(all, dataCauses())
	maps.Copy(all, ownCauses())
	return all
}

// recall puts when, where and with what the cause of a notice happened on page.
func (s *Server) recall(ctx context.Context, m storage.Message, page *templates.Disavow) error {
	rows, err := s.DB.PersonEvents(ctx, m.AfiliadoID, causes()[m.Template], m.CreatedAt.Time, 20)
	if err != nil {
		return err
	}
	for _, row := range rows {
		detail, err := row.Details()
		if err != nil {
			return err
		}
		if detail["device"] == login.DeviceKnown { // nobody was told of that one
			continue
		}
		from, err := s.DB.AuditPersonal(ctx, row.ID)
		if err != nil {
			return err
		}
		page.When = row.At.Time
		page.Network, page.Device = login.Whence(from)
		return nil
	}
	return nil
}

// postDisavow is POST /no-fui-yo. The box of the challenge has to be ticked: a
// scanner that runs scripts and sends forms unchanged does nothing (T11).
func (s *Server) postDisavow(w http.ResponseWriter, r *http.Request) error {
	v, link, err := s.disavowing(w, r)
	if err != nil || link == nil {
		return err
	}
	cause := s.Challenges.Verify(r.Context(), v.Form, disavowForm(v).Form, challenge.Cost{})
	if fault := challenge.FaultOf(cause); fault != "" {
		page, err := s.disavowPage(r, v, link)
		if err != nil {
			return err
		}
		page.Faults = []templates.Fault{fault}
		if page.Challenge, err = s.AskAgain(w, r, v, disavowForm(v), "", cause, ""); err != nil {
			return err
		}
		return s.Show(w, v, http.StatusOK, page)
	}
	if cause != nil {
		return cause
	}
	err = s.DB.InTx(r.Context(), func(tx *storage.Tx) error { return s.disavow(r.Context(), tx, r, v, link) })
	if err != nil {
		return err
	}
	return s.Redirect(w, r, login.PageDisavowed)
}

// disavow is login.Disavow for whoever got the link, once.
func (s *Server) disavow(ctx context.Context, tx *storage.Tx, r *http.Request, v *login.Visit, link *storage.Link) error {
	a, err := tx.LockAfiliado(ctx, link.AfiliadoID)
	if err != nil {
		return err
	}
	if won, err := tx.UseLink(ctx, link.ID, v.Now); err != nil || !won {
		return err
	}
	return s.Disavow(ctx, tx, r, v, a, login.Disavowal{Link: link.ID, Since: login.Foothold(link.CreatedAt.Time)})
}

// getDisavowed is GET /no-fui-yo/listo, for the browser that did it.
func (s *Server) getDisavowed(w http.ResponseWriter, r *http.Request) error {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return err
	}
	link, err := s.KeptLink(r, storage.LinkNoFuiYo)
	if err != nil {
		return err
	}
	if link == nil || link.UsedAt.IsZero() {
		return s.Redirect(w, r, "/")
	}
	page := templates.Disavowed{Layout: s.Layout(r, v), When: link.UsedAt.Time, Since: login.Foothold(link.CreatedAt.Time), Case: link.ID}
	rows, err := s.DB.PersonEvents(r.Context(), link.AfiliadoID, login.EventDisavowed, link.UsedAt.Time, 1)
	if err != nil {
		return err
	}
	if len(rows) == 1 && rows[0].At.Equal(link.UsedAt.Time) {
		detail, err := rows[0].Details()
		if err != nil {
			return err
		}
		if since, err := time.Parse(time.RFC3339, detail["since"]); err == nil {
			page.Since = since
		}
	}
	return s.Show(w, v, http.StatusOK, page)
}
