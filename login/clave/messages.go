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

// shownMessages is how many messages a person sees of those that went to her.
const shownMessages = 20

// getMessages is GET /cuenta/mensajes: what was mailed to the session's person
// and what became of it. Nothing that a mail held is on the page but its subject.
func (s *Server) getMessages(w http.ResponseWriter, r *http.Request) error {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return err
	}
	session, err := s.Session(r.Context(), r)
	if errors.Is(err, storage.ErrNotFound) {
		return s.SignInFirst(w, r, login.PageMessages)
	}
	if err != nil {
		return err
	}
	a, err := s.DB.Afiliado(r.Context(), session.AfiliadoID)
	if err != nil {
		return err
	}
	all, err := s.DB.Messages(r.Context(), a.ID, shownMessages)
	if err != nil {
		return err
	}
	page := templates.Messages{Layout: s.Layout(r, v), Mailbox: login.MaskEmail(a.Email), Limit: shownMessages}
	if err := s.Touch(r.Context(), session, v.Now); err != nil {
		return err
	}
	page.SignedIn, page.Countdown = true, s.Countdown(session, v.Now)
	refusing := refusals{s.DB, v.Now, map[string]bool{}}
	if page.Refused, err = refusing.has(r.Context(), a.Email); err != nil {
		return err
	}
	for _, m := range all {
		sent := templates.Sent{Template: m.Template, When: m.CreatedAt.Time, Address: login.MaskEmail(m.Recipient), State: stateOf(m), Done: m.DoneAt.Time}
		if sent.State == templates.SentFailed {
			refused, err := refusing.has(r.Context(), m.Recipient)
			if err != nil {
				return err
			}
			if refused {
				sent.State = templates.SentRefused
			}
		}
		page.Messages = append(page.Messages, sent)
	}
	s.Arrived(w, r)
	return s.Show(w, v, http.StatusOK, page)
}

// stateOf is a message's state in the words of the page.
func stateOf(m storage.Message) templates.SentState {
	switch m.State {
	case storage.MessageSent:
		return templates.SentDelivered
	case storage.MessageSuppressed:
		return templates.SentRefused
	case storage.MessageFailed:
		return templates.SentFailed
	case storage.MessageExpired:
		return templates.SentExpired
	}
	if m.Attempts > 0 || m.LastError != "" {
		return templates.SentDelayed
	}
	return templates.SentWaiting
}

// refusals remembers which addresses take no mail, each asked for once.
type refusals struct {
	db    *storage.DB
	now   time.Time
	known map[string]bool
}

func (n refusals) has(ctx context.Context, address string) (bool, error) {
	if refused, ok := n.known[address]; ok || address == "" {
		return refused, nil
	}
	_, err := n.db.Suppressed(ctx, address, n.now)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return false, err
	}
	n.known[address] = err == nil
	return err == nil, nil
}
