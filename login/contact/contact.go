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
type Server struct{ *login.Server }

// New returns the pages that go with s.
func New(s *login.Server) *Server { return &Server{s} }

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
	ready := a.EmailAt.Add(s.ContactWait)
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
	Proved   bool              // it is one of her further addresses, and its mail is read
	ClientID string            // of the application that she came from, ""
	Detail   map[string]string // of the audit row
}

// Ask asks for another address (D18). It counts once its mail has proved to be read
// and the wait is over, which begins anew with each; the address on file is told,
// may cut the wait short, and may stop it, as may every other address of hers. Until
// it is proved, links go to the address on file as before. Too often asked, nothing
// is, and it reports false.
func (s *Server) Ask(ctx context.Context, tx *storage.Tx, r *http.Request, v *login.Visit, w Wish) (bool, error) {
	c := storage.ContactChange{
		ID: storage.NewID(), AfiliadoID: w.Afiliado.ID, Email: w.Email, AskedAt: storage.At(v.Now), ReadyAt: storage.At(v.Now.Add(s.ContactWait)),
	}
	if often, err := s.often(ctx, tx, w, v.Now); err != nil || often {
		return false, err
	}
	if err := tx.AskContactChange(ctx, c); err != nil {
		return false, err
	}
	if w.Proved {
		if _, err := tx.ProveContactChange(ctx, c.ID, v.Now); err != nil {
			return false, err
		}
		if err := tx.KillLinks(ctx, w.Afiliado.ID, storage.LinkGenerar, v.Now); err != nil { // as where a link proves it
			return false, err
		}
	}
	if err := s.tell(ctx, tx, r, v, w, c); err != nil {
		return false, err
	}
	e := v.Event(r, login.EventContactAsked, w.Afiliado.ID)
	e.Detail = w.Detail
	return true, tx.Audit(ctx, e)
}

// often reports whether too much was asked for lately, by the person or for the
// address.
func (s *Server) often(ctx context.Context, tx *storage.Tx, w Wish, now time.Time) (bool, error) {
	if w.Proved {
		return s.Full(ctx, tx, w.Afiliado.ID, w.Afiliado.Email, templates.MailContactOld{}.Template(), now)
	}
	full, err := s.Full(ctx, tx, w.Afiliado.ID, w.Email, templates.MailContactNew{}.Template(), now)
	if err != nil || full {
		return full, err
	}
	people, err := tx.ContactChangePeople(ctx, w.Email, now.Add(-Lately))
	return people >= People, err
}

// tell writes to the address that is asked for, where that is to be proved, to the
// one on file, and to every other of the person, of which none approves.
func (s *Server) tell(ctx context.Context, tx *storage.Tx, r *http.Request, v *login.Visit, w Wish, c storage.ContactChange) error {
	now, a := v.Now, w.Afiliado
	network, device := login.Origin(r)
	first := templates.MailContactNew{When: now, Network: network, Device: device, Ready: c.ReadyAt.Time, Life: proofLife}
	old := templates.MailContactOld{
		Name: a.GivenName, When: now, Network: network, Device: device, Ready: c.ReadyAt.Time, Account: w.Proved,
	}
	for _, send := range []struct {
		purpose, address string
		priority         int
		life             time.Duration
		mail             templates.Mail
	}{
		{storage.LinkCorreoNuevo, w.Email, storage.PriorityAwaited, proofLife, first},
		{storage.LinkCorreoViejo, a.Email, storage.PriorityNotice, s.ContactWait, old},
	} {
		if w.Proved && send.purpose == storage.LinkCorreoNuevo {
			continue
		}
		link := storage.Link{
			ID: login.LinkID(c.ID), Purpose: send.purpose, AfiliadoID: a.ID, BrowserHash: v.Browser, ClientID: w.ClientID,
			Life: send.life, CreatedAt: storage.At(now), LatestAt: storage.At(now.Add(max(s.ContactWait, proofLife))),
		}
		if err := tx.AddLink(ctx, link); err != nil {
			return err
		}
		if err := login.Enqueue(ctx, tx, message(a, send.address, send.priority, link.ID, now), send.mail); err != nil {
			return err
		}
	}
	disavow, err := tx.ShareLink(ctx, login.DisavowLink(a.ID, now)) // the mail to the address on file finds it
	if err != nil {
		return err
	}
	mailboxes, err := tx.Mailboxes(ctx, a)
	if err != nil {
		return err
	}
	for _, address := range mailboxes {
		if address == a.Email {
			continue
		}
		if err := login.Enqueue(ctx, tx, message(a, address, storage.PriorityNotice, disavow, now), old); err != nil {
			return err
		}
	}
	return nil
}

// message begins one in the language on file: whoever can answer for her does not
// choose the one that she is warned in.
func message(a *storage.Afiliado, address string, priority int, link string, now time.Time) storage.Message {
	return storage.Message{
		ID: storage.NewID(), AfiliadoID: a.ID, Recipient: address, Locale: a.Locale, LinkID: link, Priority: priority, CreatedAt: storage.At(now),
	}
}
