package contact

import (
	"context"
	"errors"
	"net/http"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Add stores a further address of a, whose row tx holds, and mails there what proves
// that its mail is read; nobody is told until then. Too often asked, nothing is, and
// it reports false. One that is hers already, and one too many, is
// storage.ErrConflict.
func (s *Server) Add(ctx context.Context, tx *storage.Tx, r *http.Request, v *login.Visit, a *storage.Afiliado, email string) (bool, error) {
	people, err := tx.ContactChangePeople(ctx, email, v.Now.Add(-Lately))
	if err != nil || people >= People {
		return false, err
	}
	e := storage.EmailAddress{ID: storage.NewID(), AfiliadoID: a.ID, Email: email, AddedAt: storage.At(v.Now)}
	full, err := s.Full(ctx, tx, a.ID, email, templates.MailAddressNew{}.Template(), v.Now)
	if err != nil || full {
		return false, err
	}
	if err := tx.AddEmailAddress(ctx, e); err != nil {
		return false, err
	}
	event := v.Event(r, login.EventAddressAsked, a.ID)
	event.Detail = map[string]string{"address": e.ID}
	if err := tx.Audit(ctx, event); err != nil {
		return false, err
	}
	return true, s.prove(ctx, tx, r, v, a, e)
}

// Resend mails once more what proves a further address; the mail before opens
// nothing any more. Too often asked, nothing is, and it reports false.
func (s *Server) Resend(ctx context.Context, tx *storage.Tx, r *http.Request, v *login.Visit, a *storage.Afiliado, e storage.EmailAddress) (bool, error) {
	full, err := s.Full(ctx, tx, a.ID, e.Email, templates.MailAddressNew{}.Template(), v.Now)
	if err != nil || full {
		return false, err
	}
	return true, s.prove(ctx, tx, r, v, a, e)
}

func (s *Server) prove(ctx context.Context, tx *storage.Tx, r *http.Request, v *login.Visit, a *storage.Afiliado, e storage.EmailAddress) error {
	link := storage.Link{
		ID: login.LinkID(e.ID), Purpose: storage.LinkCorreoOtro, AfiliadoID: a.ID, BrowserHash: v.Browser, Life: proofLife,
		CreatedAt: storage.At(v.Now), LatestAt: storage.At(v.Now.Add(2 * proofLife)),
	}
	if err := tx.AddLink(ctx, link); err != nil {
		return err
	}
	m := templates.MailAddressNew{When: v.Now, Life: proofLife}
	m.Network, m.Device = login.Origin(r)
	return login.Enqueue(ctx, tx, message(a, e.Email, storage.PriorityAwaited, link.ID, v.Now), m)
}

// Prove spends the link of a further address of a, whose row tx holds: its mail is
// read. All her addresses are told, that one among them. It reports whether it did:
// a link that is over proves nothing.
func (s *Server) Prove(ctx context.Context, tx *storage.Tx, r *http.Request, v *login.Visit, a *storage.Afiliado, link *storage.Link) (bool, error) {
	if link.AfiliadoID != a.ID || link.Purpose != storage.LinkCorreoOtro {
		return false, nil
	}
	if won, err := tx.UseLink(ctx, link.ID, v.Now); err != nil || !won {
		return false, err
	}
	id := login.LinkOwner(link)
	if done, err := tx.ProveEmailAddress(ctx, id, v.Now); err != nil || !done {
		return false, err
	}
	return true, s.TellOwn(ctx, tx, r, v, a, templates.EmailAdded, map[string]string{"address": id}, login.Notice{Ready: v.Now.Add(s.ContactWait)})
}

// Remove takes a further address from a, whose row tx holds; with one that was proved
// all her addresses are told, that one among them. It reports whether she had it.
func (s *Server) Remove(ctx context.Context, tx *storage.Tx, r *http.Request, v *login.Visit, a *storage.Afiliado, id string) (bool, error) {
	gone, err := tx.RemoveEmailAddress(ctx, a.ID, id, v.Now)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if gone.ProvedAt.IsZero() { // nobody was told of it
		e := v.Event(r, login.EventAddressRemoved, a.ID)
		e.Detail = map[string]string{"address": id, "proved": "no"}
		return true, errors.Join(tx.KillLinks(ctx, a.ID, storage.LinkCorreoOtro, v.Now), tx.Audit(ctx, e))
	}
	if err := s.drop(ctx, tx, a, gone.Email, v.Now); err != nil {
		return false, err
	}
	return true, s.TellOwn(ctx, tx, r, v, a, templates.EmailRemoved, map[string]string{"address": id, "proved": "yes"}, login.Notice{Former: gone.Email})
}

// drop ends the links that went to an address that is hers no more, and cancels a
// change under way to it.
func (s *Server) drop(ctx context.Context, tx *storage.Tx, a *storage.Afiliado, email string, now time.Time) error {
	for _, purpose := range []string{storage.LinkGenerar, storage.LinkDesbloqueo} {
		if err := tx.KillLinks(ctx, a.ID, purpose, now); err != nil {
			return err
		}
	}
	open, err := Open(ctx, tx, a.ID)
	if err != nil || open == nil || open.Email != email {
		return err
	}
	_, err = tx.CancelContactChanges(ctx, a.ID, now)
	return err
}

// Promote makes a further address that is proved the one on file of a, whose row tx
// holds, at once; the one before takes its place. It is for one that is Ripe, or
// where a passkey stands for the approval of the address on file (D18). It reports
// whether it did.
func (s *Server) Promote(ctx context.Context, tx *storage.Tx, r *http.Request, v *login.Visit, a *storage.Afiliado, e storage.EmailAddress) (bool, error) {
	c := storage.ContactChange{
		ID: storage.NewID(), AfiliadoID: a.ID, Email: e.Email, AskedAt: storage.At(v.Now), ReadyAt: storage.At(v.Now.Add(s.ContactWait)),
	}
	if err := tx.AskContactChange(ctx, c); err != nil {
		return false, err
	}
	if _, err := tx.ProveContactChange(ctx, c.ID, v.Now); err != nil {
		return false, err
	}
	if _, err := tx.ApproveContactChange(ctx, c.ID, v.Now); err != nil {
		return false, err
	}
	event := v.Event(r, login.EventContactAsked, a.ID)
	event.Detail = map[string]string{"from": "session", "address": e.ID}
	if err := tx.Audit(ctx, event); err != nil {
		return false, err
	}
	return s.settle(ctx, tx, a, c, v.Now)
}
