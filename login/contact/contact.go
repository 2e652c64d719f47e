// Package contact is how another e-mail address takes the place of the one on file
// (D18, T05), for whoever lets a person ask for it: the wait, the proof that its mail
// is read, the approval from the address on file, and the pages below /correo to
// which the links of both mails lead.
package contact

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Server is the pages of this package, and what it has to do now and then (Apply).
type Server struct {
	*login.Server
	// Wait is how long another address waits before it counts.
	Wait time.Duration
}

// New returns the pages that go with s.
func New(s *login.Server, wait time.Duration) *Server { return &Server{s, wait} }

// pathDone is where both pages end.
const pathDone = "/correo/listo"

// Routes mounts the pages on r.
func (s *Server) Routes(r *mux.Router) {
	get := func(path string, h login.Handler) {
		r.Handle(path, s.Handle(h)).Methods(http.MethodGet, http.MethodHead)
	}
	post := func(path string, h login.Handler) { r.Handle(path, s.Handle(h)).Methods(http.MethodPost) }
	get(login.PageConfirm, s.getConfirm)
	post(login.PageConfirm, s.postConfirm)
	get(login.PageApprove, s.getApprove)
	post(login.PageApprove, s.postApprove)
	get(pathDone, s.getDone)
}

// Audit events.
const (
	eventProved   = "contact.proved"   // its mail is read
	eventApproved = "contact.approved" // the address on file agrees
	eventUnwarned = "contact.unwarned" // no mail reached the address on file: cancelled; detail: message
	eventApplied  = storage.EventContactChanged
)

// proofLife is how long the link lives that proves another address.
const proofLife = 24 * time.Hour

// People is for how many people one address may be asked for within Lately: more is
// no family.
const (
	People = 5
	Lately = 30 * 24 * time.Hour
)

// Open is the change of address that a person has under way; nil: none.
func Open(ctx context.Context, tx *storage.Tx, afiliadoID string) (*storage.ContactChange, error) {
	c, err := tx.OpenContactChange(ctx, afiliadoID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil //nolint:nilnil // documented: none
	}
	return c, err
}

// Held is until when no link goes to a's mailbox, zero where one may, and whether
// that is because another address, whose mail has proved to be read, is to take its
// place: what somebody just typed holds nothing up. A new one that the former
// approved waits for nothing (D18).
func (s *Server) Held(ctx context.Context, tx *storage.Tx, a *storage.Afiliado, now time.Time) (time.Time, bool, error) {
	change, err := Open(ctx, tx, a.ID)
	if err != nil {
		return time.Time{}, false, err
	}
	if change != nil && !change.ProvedAt.IsZero() && change.ReadyAt.After(now) {
		return change.ReadyAt.Time, true, nil
	}
	ready := a.EmailAt.Add(s.Wait)
	if a.EmailAt.IsZero() || !ready.After(now) {
		return time.Time{}, false, nil
	}
	approved, err := tx.ContactApproved(ctx, a.ID, a.EmailAt)
	if err != nil || approved {
		return time.Time{}, false, err
	}
	return ready, false, nil
}

// Wish is another address that a person asks for.
type Wish struct {
	Afiliado *storage.Afiliado // held; her address on file can be written to
	Email    string
	ClientID string            // of the application that she came from, ""
	Detail   map[string]string // of the audit row
}

// Ask asks for another address (D18). It counts once its mail has proved to be read
// and the wait is over, which begins anew with each; the address on file is told,
// may cut the wait short, and may stop it. Until it is proved, links go to the
// address on file as before. Too often asked, nothing is, and it reports false.
func (s *Server) Ask(ctx context.Context, tx *storage.Tx, r *http.Request, v *login.Visit, w Wish) (bool, error) {
	now := v.Now
	network, device := login.Origin(r)
	c := storage.ContactChange{
		ID: storage.NewID(), AfiliadoID: w.Afiliado.ID, Email: w.Email, AskedAt: storage.At(now), ReadyAt: storage.At(now.Add(s.Wait)),
	}
	first := templates.MailContactNew{When: now, Network: network, Device: device, Ready: c.ReadyAt.Time, Life: proofLife}
	if full, err := s.Full(ctx, tx, w.Afiliado.ID, w.Email, first.Template(), now); err != nil || full {
		return false, err
	}
	people, err := tx.ContactChangePeople(ctx, w.Email, now.Add(-Lately))
	if err != nil || people >= People {
		return false, err
	}
	if err := tx.AskContactChange(ctx, c); err != nil {
		return false, err
	}
	latest := storage.At(now.Add(max(s.Wait, proofLife)))
	for _, send := range []struct {
		purpose, address string
		priority         int
		life             time.Duration
		mail             templates.Mail
	}{
		{storage.LinkCorreoNuevo, w.Email, storage.PriorityAwaited, proofLife, first},
		{storage.LinkCorreoViejo, w.Afiliado.Email, storage.PriorityNotice, s.Wait, templates.MailContactOld{
			Name: w.Afiliado.GivenName, When: now, Network: network, Device: device, Ready: c.ReadyAt.Time,
		}},
	} {
		link := storage.Link{
			ID: login.LinkID(c.ID), Purpose: send.purpose, AfiliadoID: w.Afiliado.ID, BrowserHash: v.Browser, ClientID: w.ClientID,
			Life: send.life, CreatedAt: storage.At(now), LatestAt: latest,
		}
		if err := tx.AddLink(ctx, link); err != nil {
			return false, err
		}
		msg := message(w.Afiliado, send.address, send.priority, now)
		msg.LinkID = link.ID
		if err := login.Enqueue(ctx, tx, msg, send.mail); err != nil {
			return false, err
		}
	}
	if _, err := tx.ShareLink(ctx, login.DisavowLink(w.Afiliado.ID, now)); err != nil { // the second mail finds it
		return false, err
	}
	e := v.Event(r, login.EventContactAsked, w.Afiliado.ID)
	e.Detail = w.Detail
	return true, tx.Audit(ctx, e)
}

// message begins one in the language on file: whoever can answer for her does not
// choose the one that she is warned in.
func message(a *storage.Afiliado, address string, priority int, now time.Time) storage.Message {
	return storage.Message{
		ID: storage.NewID(), AfiliadoID: a.ID, Recipient: address, Locale: a.Locale, Priority: priority, CreatedAt: storage.At(now),
	}
}
