package recovery

import (
	"context"
	"errors"
	"net/http"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/challenge"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// addressPeople is for how many people one address may be asked for within thirty
// days: more is no family.
const addressPeople = 5

// openChange is the change of address that a person has under way; nil: none.
func openChange(ctx context.Context, tx *storage.Tx, afiliadoID string) (*storage.ContactChange, error) {
	c, err := tx.OpenContactChange(ctx, afiliadoID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil //nolint:nilnil // documented: none
	}
	return c, err
}

// askChange asks for another address (D18). It counts once its mail has proved to
// be read and the wait is over, which begins anew with each; the address on file
// is told, may cut the wait short, and may stop it. Until it is proved, links go to
// the address on file as before. Too often asked, nothing is, and it reports false.
func (l *letters) askChange(ctx context.Context, email string) (bool, error) {
	now := l.v.Now
	network, device := login.Origin(l.r)
	c := storage.ContactChange{
		ID: storage.NewID(), AfiliadoID: l.a.ID, Email: email, AskedAt: storage.At(now), ReadyAt: storage.At(now.Add(l.cfg.ContactWait)),
	}
	first := templates.MailContactNew{When: now, Network: network, Device: device, Ready: c.ReadyAt.Time, Life: proofLife}
	if full, err := l.full(ctx, first.Template(), email); err != nil || full {
		return false, err
	}
	people, err := l.tx.ContactChangePeople(ctx, email, now.Add(-lately))
	if err != nil {
		return false, err
	}
	if people >= addressPeople {
		return false, l.audit(ctx, eventCapped)
	}
	if err := l.tx.AskContactChange(ctx, c); err != nil {
		return false, err
	}
	latest := storage.At(now.Add(max(l.cfg.ContactWait, proofLife)))
	for _, send := range []struct {
		purpose, address string
		priority         int
		life             time.Duration
		mail             templates.Mail
	}{
		{storage.LinkCorreoNuevo, email, storage.PriorityAwaited, proofLife, first},
		{storage.LinkCorreoViejo, l.a.Email, storage.PriorityNotice, l.cfg.ContactWait, templates.MailContactOld{
			Name: l.a.GivenName, When: now, Network: network, Device: device, Ready: c.ReadyAt.Time,
		}},
	} {
		link := storage.Link{
			ID: linkID(c.ID), Purpose: send.purpose, AfiliadoID: l.a.ID, BrowserHash: l.v.Browser, ClientID: l.to.ClientID,
			Life: send.life, CreatedAt: storage.At(now), LatestAt: latest,
		}
		if err := l.tx.AddLink(ctx, link); err != nil {
			return false, err
		}
		msg := l.message(send.address, send.priority)
		msg.LinkID = link.ID
		if err := login.Enqueue(ctx, l.tx, msg, send.mail); err != nil {
			return false, err
		}
	}
	if _, err := l.tx.ShareLink(ctx, login.DisavowLink(l.a.ID, now)); err != nil { // the second mail finds it
		return false, err
	}
	return true, l.audit(ctx, login.EventContactAsked)
}

// contactForm is where the challenge of both pages is posed: a scanner that opens
// links and sends forms unchanged does nothing (T11).
func contactForm(v *login.Visit, path string) login.Asking {
	return login.Asking{Form: challenge.Form{Purpose: path, Browser: v.Browser, Path: path}}
}

// contactLink is one of the two links of a changed address, opened.
type contactLink struct {
	path, purpose string
	step          templates.ContactStep
	event         string
	act           func(tx *storage.Tx, ctx context.Context, id string, now time.Time) (bool, error)
}

func confirming() contactLink {
	return contactLink{login.PageConfirm, storage.LinkCorreoNuevo, templates.ContactConfirm, eventProved, (*storage.Tx).ProveContactChange}
}

func approving() contactLink {
	return contactLink{login.PageApprove, storage.LinkCorreoViejo, templates.ContactApprove, eventApproved, (*storage.Tx).ApproveContactChange}
}

func (s *Server) getConfirm(w http.ResponseWriter, r *http.Request) error {
	return s.getContact(w, r, confirming())
}

func (s *Server) postConfirm(w http.ResponseWriter, r *http.Request) error {
	return s.postContact(w, r, confirming())
}

func (s *Server) getApprove(w http.ResponseWriter, r *http.Request) error {
	return s.getContact(w, r, approving())
}

func (s *Server) postApprove(w http.ResponseWriter, r *http.Request) error {
	return s.postContact(w, r, approving())
}

// contact finds the link and its change; a nil change: the answer has been
// written.
func (s *Server) contact(w http.ResponseWriter, r *http.Request, k contactLink) (*login.Visit, *storage.Link, *storage.ContactChange, error) {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return nil, nil, nil, err
	}
	link, err := s.KeptLink(r, k.purpose)
	if err != nil {
		return v, nil, nil, err
	}
	if v.Opens(link) {
		c, err := s.DB.ContactChange(r.Context(), ownerOf(link))
		return v, link, c, err
	}
	if link != nil && !link.UsedAt.IsZero() {
		return v, link, nil, s.Redirect(w, r, "/correo/listo")
	}
	page := templates.LinkExpired{Layout: s.Layout(r, v), Purpose: templates.LinkToContact}
	page.State, page.Ended = login.DeadLink(link)
	return v, link, nil, s.Show(w, v, http.StatusOK, page)
}

func (s *Server) contactPage(r *http.Request, v *login.Visit, step templates.ContactStep, c *storage.ContactChange) templates.ContactLink {
	return templates.ContactLink{
		Layout: s.Layout(r, v), Step: step, Address: login.MaskEmail(c.Email), Asked: c.AskedAt.Time, Ready: c.ReadyAt.Time,
		Applied: !c.AppliedAt.IsZero(),
	}
}

func (s *Server) getContact(w http.ResponseWriter, r *http.Request, k contactLink) error {
	v, _, c, err := s.contact(w, r, k)
	if err != nil || c == nil {
		return err
	}
	page := s.contactPage(r, v, k.step, c)
	if page.Challenge, _, err = s.PoseAsking(w, r, v, contactForm(v, k.path)); err != nil {
		return err
	}
	return s.Show(w, v, http.StatusOK, page)
}

// postContact does what the link is for, once; the change is then applied where that
// was all it waited for.
func (s *Server) postContact(w http.ResponseWriter, r *http.Request, k contactLink) error {
	v, link, c, err := s.contact(w, r, k)
	if err != nil || c == nil {
		return err
	}
	f := contactForm(v, k.path)
	cause := s.Challenges.Verify(r.Context(), v.Form, f.Form, challenge.Cost{})
	if fault := challenge.FaultOf(cause); fault != "" {
		page := s.contactPage(r, v, k.step, c)
		page.Faults = []templates.Fault{fault}
		if page.Challenge, err = s.AskAgain(w, r, v, f, "", cause, ""); err != nil {
			return err
		}
		return s.Show(w, v, http.StatusOK, page)
	}
	if cause != nil {
		return cause
	}
	err = s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		if _, err := tx.LockAfiliado(ctx, link.AfiliadoID); err != nil {
			return err
		}
		if won, err := tx.UseLink(ctx, link.ID, v.Now); err != nil || !won {
			return err
		}
		if done, err := k.act(tx, ctx, c.ID, v.Now); err != nil || !done {
			return err
		}
		if k.purpose == storage.LinkCorreoNuevo { // none waits beside a change that is proved
			if err := tx.KillLinks(ctx, link.AfiliadoID, storage.LinkGenerar, v.Now); err != nil {
				return err
			}
		}
		return tx.Audit(ctx, v.Event(r, k.event, link.AfiliadoID))
	})
	if err != nil {
		return err
	}
	// What ApplyContacts would do within the minute. By itself, as it holds messages
	// before links.
	err = s.DB.InTx(r.Context(), func(tx *storage.Tx) error { return s.apply(r.Context(), tx, *c, v.Now) })
	if err != nil {
		return err
	}
	return s.Redirect(w, r, "/correo/listo")
}

// getContactDone is GET /correo/listo, for the browser that pressed: what it did
// last.
func (s *Server) getContactDone(w http.ResponseWriter, r *http.Request) error {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return err
	}
	var used *storage.Link
	var step templates.ContactStep
	for _, k := range []struct {
		contactLink
		step templates.ContactStep
	}{{confirming(), templates.ContactConfirmed}, {approving(), templates.ContactApproved}} {
		link, err := s.KeptLink(r, k.purpose)
		if err != nil {
			return err
		}
		if link != nil && !link.UsedAt.IsZero() && (used == nil || link.UsedAt.After(used.UsedAt.Time)) {
			used, step = link, k.step
		}
	}
	if used == nil {
		return s.Redirect(w, r, "/")
	}
	c, err := s.DB.ContactChange(r.Context(), ownerOf(used))
	if err != nil {
		return err
	}
	if !c.CancelledAt.IsZero() {
		step = templates.ContactCancelled
	}
	return s.Show(w, v, http.StatusOK, s.contactPage(r, v, step, c))
}

// applyBatch is how many changes are looked up at once.
const applyBatch = 100

// ApplyContacts makes every changed address that is due at now the one on file.
// One that fails does not hold the others up.
func (s *Server) ApplyContacts(ctx context.Context, now time.Time) error {
	due, err := s.DB.DueContactChanges(ctx, now, applyBatch)
	if err != nil {
		return err
	}
	var failed []error
	for _, c := range due {
		if err := s.DB.InTx(ctx, func(tx *storage.Tx) error { return s.apply(ctx, tx, c, now) }); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// warned reports whether the address on file was told of c: no address takes its
// place behind its back (D18, T05). Where it never will be, c is cancelled.
func (s *Server) warned(ctx context.Context, tx *storage.Tx, c storage.ContactChange, now time.Time) (bool, error) {
	state, err := tx.LinkMessageState(ctx, c.AfiliadoID, templates.MailContactOld{}.Template(), c.ID)
	if err != nil || state == storage.MessageSent || state == storage.MessagePending {
		return state == storage.MessageSent, err
	}
	open, err := openChange(ctx, tx, c.AfiliadoID)
	if err != nil || open == nil || open.ID != c.ID {
		return false, err
	}
	if _, err := tx.CancelContactChanges(ctx, c.AfiliadoID, now); err != nil {
		return false, err
	}
	return false, tx.Audit(ctx, storage.Event{
		At: storage.At(now), Name: eventUnwarned, AfiliadoID: c.AfiliadoID, Actor: "system", Detail: map[string]string{"message": state},
	})
}

// apply makes c's address the one on file if that is due and the one before has
// been told of it, and tells both mailboxes.
func (s *Server) apply(ctx context.Context, tx *storage.Tx, c storage.ContactChange, now time.Time) error {
	before, err := tx.LockAfiliado(ctx, c.AfiliadoID)
	if err != nil {
		return err
	}
	if told, err := s.warned(ctx, tx, c, now); err != nil || !told {
		return err
	}
	if done, err := tx.ApplyContactChange(ctx, c, now); err != nil || !done {
		return err
	}
	err = tx.Audit(ctx, storage.Event{
		At: storage.At(now), Name: eventApplied, AfiliadoID: c.AfiliadoID, Actor: "afiliado", Detail: map[string]string{"by": "recovery"},
	})
	if err != nil {
		return err
	}
	for _, to := range []struct {
		address string
		former  bool
	}{{before.Email, true}, {c.Email, false}} {
		if _, err := storage.ParseEmail(to.address); err != nil {
			continue
		}
		link, err := tx.ShareLink(ctx, login.DisavowLink(c.AfiliadoID, now))
		if err != nil {
			return err
		}
		msg := storage.Message{
			ID: storage.NewID(), AfiliadoID: c.AfiliadoID, Recipient: to.address, Locale: before.Locale, LinkID: link,
			Priority: storage.PriorityNotice, CreatedAt: storage.At(now),
		}
		m := templates.MailContactApplied{Name: before.GivenName, When: now, Former: to.former}
		if err := login.Enqueue(ctx, tx, msg, m); err != nil {
			return err
		}
	}
	return nil
}
