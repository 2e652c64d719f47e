package recovery

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/contact"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// heldBack is how long after the answers the link leaves where the risk says so.
const heldBack = 30 * time.Minute

// letters are what a case puts into the outbox, in the transaction that moves it.
type letters struct {
	*Server
	tx *storage.Tx
	r  *http.Request
	v  *visit
	to *storage.Recovery // the case as it will be
	a  *storage.Afiliado // held
}

// caseLimit is how often one case is written to: whoever has answered once does not
// fill a mailbox for ever.
const caseLimit = 6

// writtenLooked is how many of the last such letters to a person are counted: more
// than she gets in the life of a case.
const writtenLooked = 1000

// errMoved undoes what was put into the outbox for a case that another form has
// moved meanwhile.
var errMoved = errors.New("recovery: the case has moved")

// askLink sends the link that leads to a new clave, one and the same to each of her
// mailboxes, in the place of any other; not
// where the address on file is too new or about to be replaced: its mailbox is
// told why (D18). Too often asked, nothing is sent, and it reports false.
func (l *letters) askLink(ctx context.Context) (bool, error) {
	now := l.v.Now
	network, device := login.Origin(l.r)
	ready, open, err := l.Contacts.Held(ctx, l.tx, l.a, now)
	if err != nil {
		return false, err
	}
	var m templates.Mail = templates.MailGenerateLink{
		Name: l.a.GivenName, When: now, Network: network, Device: device, Life: l.cfg.LinkLife,
	}
	if !ready.IsZero() {
		m = templates.MailGenerateHeld{Name: l.a.GivenName, When: now, Network: network, Device: device, Ready: ready, Open: open}
	}
	written, err := l.written(ctx, l.tx, l.to, now)
	if err != nil {
		return false, err
	}
	if written >= caseLimit {
		return false, l.audit(ctx, eventCapped)
	}
	if full, err := l.full(ctx, m.Template(), l.a.Email); err != nil || full {
		return false, err
	}
	if !ready.IsZero() {
		if err := l.warn(ctx, m, storage.PriorityNotice); err != nil {
			return false, err
		}
		return true, l.audit(ctx, login.EventLinkHeld)
	}
	link := storage.Link{
		ID: login.LinkID(l.to.ID), Purpose: storage.LinkGenerar, AfiliadoID: l.a.ID, BrowserHash: l.v.Browser, ClientID: l.to.ClientID,
		Life: l.cfg.LinkLife, CreatedAt: storage.At(now), LatestAt: storage.At(linkLatest(now)),
	}
	if err := l.tx.AddLink(ctx, link); err != nil {
		return false, err
	}
	mailboxes, err := l.LinkMailboxes(ctx, l.tx, l.a, m.Template(), now)
	if err != nil {
		return false, err
	}
	for _, address := range mailboxes {
		msg := l.message(address, storage.PriorityAwaited)
		msg.LinkID, msg.ExpiresAt, msg.NextAt = link.ID, link.LatestAt, storage.At(leaves(l.to, now))
		if err := login.Enqueue(ctx, l.tx, msg, m); err != nil {
			return false, err
		}
	}
	return true, l.audit(ctx, eventAsked)
}

// events is what *storage.DB and *storage.Tx have in common here.
type events interface {
	PersonEvents(ctx context.Context, afiliadoID, name string, until time.Time, limit int) ([]storage.AuditRow, error)
}

// written is how often a case was answered with a link, or with why there is none.
func (s *Server) written(ctx context.Context, from events, c *storage.Recovery, now time.Time) (int, error) {
	n := 0
	for _, name := range []string{eventAsked, login.EventLinkHeld} {
		rows, err := from.PersonEvents(ctx, c.AfiliadoID, name, now, writtenLooked)
		if err != nil {
			return 0, err
		}
		for _, row := range rows {
			detail, err := row.Details()
			if err != nil {
				return 0, err
			}
			if detail["case"] == c.ID {
				n++
			}
		}
	}
	return n, nil
}

// leaves is when the link of a case may leave.
func leaves(c *storage.Recovery, now time.Time) time.Time {
	var a assessment
	if err := json.Unmarshal([]byte(c.Risk), &a); err != nil || a.Verdict.Route != RouteWait {
		return now // what cannot be read was never weighed: the case passed before
	}
	if at := c.PassedAt.Add(heldBack); at.After(now) {
		return at
	}
	return now
}

// askChange asks for another address (contact.Server.Ask). Too often asked, or where
// nobody could object as the one on file takes no mail, nothing is, and it reports
// false.
func (l *letters) askChange(ctx context.Context, email string) (bool, error) {
	if told, err := takesMail(ctx, l.tx, l.a.Email, l.v.Now); err != nil || !told {
		return false, err
	}
	asked, err := l.Contacts.Ask(ctx, l.tx, l.r, l.v.Visit, contact.Wish{
		Afiliado: l.a, Email: email, ClientID: l.to.ClientID, Detail: map[string]string{"case": l.to.ID},
	})
	if err == nil && !asked {
		err = l.audit(ctx, eventCapped)
	}
	return asked, err
}

// full reports whether there were too many such mails lately, to the person or to
// the address; that is noted.
func (l *letters) full(ctx context.Context, template, address string) (bool, error) {
	full, err := l.Full(ctx, l.tx, l.a.ID, address, template, l.v.Now)
	if err != nil || !full {
		return false, err
	}
	return true, l.audit(ctx, eventCapped)
}

func (l *letters) audit(ctx context.Context, name string) error {
	e := l.v.Event(l.r, name, l.a.ID)
	e.Detail = map[string]string{"case": l.to.ID}
	return l.tx.Audit(ctx, e)
}

// message begins one in the language on file: whoever can answer for her does not
// choose the one that she is warned in.
func (l *letters) message(address string, priority int) storage.Message {
	return storage.Message{
		ID: storage.NewID(), AfiliadoID: l.a.ID, Recipient: address, Locale: l.a.Locale, Priority: priority, CreatedAt: storage.At(l.v.Now),
	}
}

// passedDaily is how often within a day a person is told that the questions were
// passed: whoever knows the answers does not fill her mailbox, and the audit has
// every time.
const passedDaily = 3

// passed tells that somebody answered everything (T04). It goes straight into the
// outbox, and as pressing as the link is, so that it leaves before that.
func (l *letters) passed(ctx context.Context) error {
	network, device := login.Origin(l.r)
	m := templates.MailQuestionsPassed{Name: l.a.GivenName, When: l.v.Now, Network: network, Device: device}
	told, _, err := l.tx.CountMessages(ctx, l.a.ID, l.a.Email, m.Template(), l.v.Now.Add(-24*time.Hour))
	if err != nil || told >= passedDaily {
		return err
	}
	return l.warn(ctx, m, storage.PriorityAwaited)
}

// warn sends a notice with "No fui yo" to each address of hers; where there is none,
// that is written down.
func (l *letters) warn(ctx context.Context, m templates.Mail, priority int) error {
	mailboxes, err := l.tx.Mailboxes(ctx, l.a)
	if err != nil {
		return err
	}
	if len(mailboxes) == 0 {
		return l.tx.Audit(ctx, storage.Event{
			At: storage.At(l.v.Now), Name: login.EventUnreachable, AfiliadoID: l.a.ID, Actor: "system", Detail: map[string]string{"kind": m.Template()},
		})
	}
	link, err := l.tx.ShareLink(ctx, login.DisavowLink(l.a.ID, l.v.Now))
	if err != nil {
		return err
	}
	for _, address := range mailboxes {
		msg := l.message(address, priority)
		msg.LinkID = link
		if err := login.Enqueue(ctx, l.tx, msg, m); err != nil {
			return err
		}
	}
	return nil
}
