package clave

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// unlockLatest is when a link ends, from the request, however late its mail is (D06).
const unlockLatest = time.Hour

// strangersADay is how many times UnlockLimit mails strangers' wishes send one
// person within a day, and wishesLooked how many of the last mails are counted.
const (
	strangersADay = 4
	wishesLooked  = 1000
)

const (
	errandBatch = 100
	errandRetry = time.Minute // before what failed is tried again
)

// Audit events of errands; their actor is the system.
const (
	eventUnlockSent     = "unlock.sent"     // a link was put into the outbox; detail: for
	eventUnlockAssisted = "unlock.assisted" // a mail with the ways that need no link; detail: for, reason
	eventUnlockCapped   = "unlock.capped"   // too many lately: nothing was sent; detail: for
)

// RunErrands works out what is due at now: it looks up whose the identifiers are,
// mints links and puts mails into the outbox. Each errand is done once, in one
// transaction, however many replicas do this at a time; one that fails is tried
// again later and does not hold the others up.
func (s *Server) RunErrands(ctx context.Context, now time.Time) error {
	for {
		due, err := s.DB.DueErrands(ctx, now, errandBatch)
		if err != nil {
			return err
		}
		var failed []error
		for _, e := range due {
			if err := s.runErrand(ctx, e, now); err != nil {
				failed = append(failed, fmt.Errorf("errand %s: %w", e.Kind, err))
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if len(failed) > 0 || len(due) < errandBatch {
			return errors.Join(failed...)
		}
	}
}

func (s *Server) runErrand(ctx context.Context, e storage.Errand, now time.Time) error {
	err := s.DB.InTx(ctx, func(tx *storage.Tx) error {
		j := &job{Server: s, tx: tx, errand: e, now: now}
		return j.run(ctx)
	})
	if err == nil {
		return nil
	}
	return errors.Join(err, s.DB.InTx(ctx, func(tx *storage.Tx) error { return tx.PutOffErrand(ctx, e.ID, now.Add(errandRetry)) }))
}

// job is one errand being worked out.
type job struct {
	*Server
	tx       *storage.Tx
	errand   storage.Errand
	now      time.Time
	notice   login.Notice
	afiliado *storage.Afiliado
}

func (j *job) run(ctx context.Context) error {
	waiting, err := j.waits(ctx)
	if err != nil || waiting {
		return err
	}
	data, err := j.tx.ErrandData(ctx, j.errand.ID)
	if err != nil {
		return err
	}
	mine, err := j.tx.TakeErrand(ctx, j.errand.ID, j.now)
	if err != nil || !mine {
		return err
	}
	if err := json.Unmarshal(data, &j.notice); err != nil {
		return fmt.Errorf("clave: %w", err)
	}
	j.afiliado, err = j.tx.LockAfiliadoByMAC(ctx, j.errand.IdentifierMAC)
	if errors.Is(err, storage.ErrNotFound) {
		return nil // nobody has it
	}
	if err != nil {
		return err
	}
	if j.errand.Kind == storage.ErrandContact {
		return j.contact(ctx, data)
	}
	if j.errand.Kind == login.ErrandUnlock { // a link: the address on file among those it goes to
		if _, err := storage.ParseEmail(j.afiliado.Email); err != nil {
			return j.audit(ctx, login.EventUnreachable, map[string]string{"kind": j.errand.Kind})
		}
		return j.unlock(ctx)
	}
	m, err := j.mail(ctx)
	if err != nil {
		return err
	}
	return j.tell(ctx, m)
}

// mergeable are the notices that the one of a new device, where it still waits,
// tells too.
func mergeable(kind string) bool {
	return slices.Contains([]string{login.NoticeChanged, login.NoticeRenewed, login.NoticeLocked, login.NoticeUnlocked}, kind)
}

// waits puts the errand off where a notice of a new device, of the same person in
// the same browser, will tell of it.
func (j *job) waits(ctx context.Context) (bool, error) {
	if !mergeable(j.errand.Kind) || j.errand.BrowserHash == "" {
		return false, nil
	}
	open, err := j.tx.OpenErrands(ctx, j.errand.IdentifierMAC, j.errand.BrowserHash)
	if err != nil {
		return false, err
	}
	for _, e := range open {
		if e.Kind == login.NoticeNewDevice && !e.CreatedAt.After(j.errand.CreatedAt.Time) {
			next, due := e.NextAt.Time, e.CreatedAt.Add(j.NewDeviceWait)
			if next.After(due) { // it failed: nothing waits for it any longer than this
				if !j.now.Before(due.Add(errandRetry)) {
					continue
				}
				next = due.Add(errandRetry)
			}
			if soon := j.now.Add(time.Second); soon.After(next) { // it is due too, and comes next
				next = soon
			}
			return true, j.tx.PutOffErrand(ctx, j.errand.ID, next)
		}
	}
	return false, nil
}

// also takes what happened since in the same browser and makes it part of the
// notice of a new device.
func (j *job) also(ctx context.Context) ([]templates.Also, error) {
	open, err := j.tx.OpenErrands(ctx, j.errand.IdentifierMAC, j.errand.BrowserHash)
	if err != nil {
		return nil, err
	}
	var out []templates.Also
	for _, e := range open {
		if !mergeable(e.Kind) || e.CreatedAt.Before(j.errand.CreatedAt.Time) {
			continue
		}
		mine, err := j.tx.TakeErrand(ctx, e.ID, j.now)
		if err != nil {
			return nil, err
		}
		if mine {
			out = append(out, templates.Also{Template: e.Kind, When: e.CreatedAt.Time})
		}
	}
	return out, nil
}

// mail is the notice as a mail.
func (j *job) mail(ctx context.Context) (templates.Mail, error) {
	name, n := j.afiliado.GivenName, j.notice
	switch j.errand.Kind {
	case login.NoticeChanged:
		return templates.MailClaveChanged{Name: name, When: n.When, Network: n.Network, Device: n.Device, Closed: n.Closed}, nil
	case login.NoticeRenewed:
		return templates.MailClaveRenewed{Name: name, When: n.When, Network: n.Network, Device: n.Device, Due: n.Due}, nil
	case login.NoticeLocked:
		return templates.MailClaveLocked{
			Name: name, When: n.When, Network: n.Network, Device: n.Device, Reason: templates.Reason(n.Reason), Operator: n.Operator,
			Online: (j.afiliado.Fingerprint || j.UnlockAnyone) && j.byMail(),
			Until:  j.Lockout.Ends(storage.LoginBudget{LockReason: n.Reason, LockedAt: storage.At(n.When)}),
		}, nil
	case login.NoticeUnlocked:
		return templates.MailClaveUnlocked{Name: name, When: n.When, Network: n.Network, Device: n.Device, Operator: n.Operator, Expired: n.Expired}, nil
	case login.NoticeShut:
		return templates.MailQuestionsSpent{Name: name, When: n.When, Network: n.Network, Device: n.Device}, nil
	case login.NoticeRecovered:
		return templates.MailRecovered{Name: name, When: n.When, Network: n.Network, Device: n.Device, First: n.First}, nil
	case login.NoticeDisabled:
		return templates.MailAccountDisabled{Name: name, When: n.When}, nil
	case login.NoticeNewDevice:
		m := templates.MailNewDevice{Name: name, When: n.When, Network: n.Network, Device: n.Device}
		app, err := j.Application(ctx, j.errand.ClientID)
		if err != nil {
			return nil, err
		}
		if app != nil {
			m.Application = app.Name
		}
		m.Also, err = j.also(ctx)
		return m, err
	default:
		switch {
		case isFactor(j.errand.Kind):
			return j.factor(), nil
		case isData(j.errand.Kind):
			return j.data(), nil
		case isOwn(j.errand.Kind):
			return j.own(), nil
		}
		return nil, fmt.Errorf("clave: no errand is called %q", j.errand.Kind)
	}
}

// sendTo puts a notice to that address into the outbox, with the person's "No fui
// yo" of the day where the mail has a place for it.
func (j *job) sendTo(ctx context.Context, address string, m templates.Mail, priority int) error {
	msg := j.message(priority)
	msg.Recipient = address
	if disavowable(j.errand.Kind, j.notice) {
		var err error
		if msg.LinkID, err = j.tx.ShareLink(ctx, login.DisavowLink(j.afiliado.ID, j.now)); err != nil {
			return err
		}
	}
	return login.Enqueue(ctx, j.tx, msg, m)
}

// disavowable reports whether a notice offers "No fui yo": where an officer or a
// disavowal has closed the account, nothing is left to close.
func disavowable(kind string, n login.Notice) bool {
	return kind != login.NoticeDisabled && (kind != login.NoticeLocked || n.Reason == storage.LockLogin || n.Reason == storage.LockRecuperacion)
}

func (j *job) message(priority int) storage.Message {
	m := storage.Message{
		ID: storage.NewID(), AfiliadoID: j.afiliado.ID, Recipient: j.afiliado.Email, Locale: j.afiliado.Locale, Priority: priority,
		CreatedAt: storage.At(j.now),
	}
	switch j.errand.Kind { // neither a stranger nor who knows her clave chooses the language she is warned in
	case login.NoticeLocked, login.NoticeNewDevice, login.NoticeShut, login.ErrandUnlock:
		return m
	}
	if m.Locale == "" && !isChange(j.errand.Kind) {
		m.Locale = j.notice.Locale
	}
	return m
}

func (j *job) audit(ctx context.Context, name string, detail map[string]string) error {
	return j.tx.Audit(ctx, storage.Event{At: storage.At(j.now), Name: name, AfiliadoID: j.afiliado.ID, Actor: "system", Detail: detail})
}

// unlock answers a wish to unlock by mail: with a link where the person may have
// one (S021, D20), else with the ways that need none.
func (j *job) unlock(ctx context.Context) error {
	latest := j.errand.CreatedAt.Add(unlockLatest)
	if !latest.After(j.now) {
		return nil // nobody waits for it any more
	}
	budget, err := j.tx.LoginBudget(ctx, j.errand.IdentifierMAC)
	if err != nil {
		return err
	}
	reason := beyondMail(j.afiliado, budget)
	link := reason == "" && (j.afiliado.Fingerprint || j.UnlockAnyone) && j.byMail()
	told := reason
	if told == "" && budget.LockReason == storage.LockRecuperacion { // the way to a new clave is shut, too
		told = templates.ReasonRecuperacion
	}
	var m templates.Mail = templates.MailUnlockAssisted{
		Name: j.afiliado.GivenName, When: j.notice.When, Network: j.notice.Network, Device: j.notice.Device, Reason: told, Off: reason == "" && !j.byMail(),
	}
	if link {
		m = templates.MailUnlockLink{
			Name: j.afiliado.GivenName, When: j.notice.When, Network: j.notice.Network, Device: j.notice.Device, Life: j.UnlockLife,
		}
	}
	detail := map[string]string{"for": j.asker()}
	full, err := j.full(ctx, m.Template())
	if err != nil {
		return err
	}
	if full {
		return j.audit(ctx, eventUnlockCapped, detail)
	}
	msg := j.message(storage.PriorityAwaited)
	msg.ExpiresAt = storage.At(latest)
	if !link {
		if err := login.Enqueue(ctx, j.tx, msg, m); err != nil {
			return err
		}
		detail["reason"] = string(reason)
		return j.audit(ctx, eventUnlockAssisted, detail)
	}
	msg.LinkID = storage.NewID()
	err = j.tx.AddLink(ctx, storage.Link{
		ID: msg.LinkID, Purpose: storage.LinkDesbloqueo, AfiliadoID: j.afiliado.ID, BrowserHash: j.errand.BrowserHash,
		ClientID: j.errand.ClientID, Life: j.UnlockLife, CreatedAt: storage.At(j.now), LatestAt: storage.At(latest),
	})
	if err != nil {
		return err
	}
	mailboxes, err := j.LinkMailboxes(ctx, j.tx, j.afiliado, m.Template(), j.now)
	if err != nil {
		return err
	}
	for _, address := range mailboxes {
		msg.ID, msg.Recipient = storage.NewID(), address
		if err := login.Enqueue(ctx, j.tx, msg, m); err != nil {
			return err
		}
	}
	return j.audit(ctx, eventUnlockSent, detail)
}

// asker is whose allowance of mails a wish is counted against: her own, or that
// of everybody who types her identifier, who must not use up hers.
func (j *job) asker() string {
	if j.notice.Hers {
		return "herself"
	}
	return "strangers"
}

// full reports whether there were too many mails lately for the same asker, or,
// of strangers' wishes, to the address.
func (j *job) full(ctx context.Context, template string) (bool, error) {
	window, day := j.now.Add(-j.UnlockWindow), j.now.Add(-24*time.Hour)
	lately, today := 0, 0
	for _, name := range []string{eventUnlockSent, eventUnlockAssisted} {
		rows, err := j.tx.PersonEvents(ctx, j.afiliado.ID, name, j.now, wishesLooked)
		if err != nil {
			return false, err
		}
		for _, row := range rows {
			detail, err := row.Details()
			if err != nil {
				return false, err
			}
			if detail["for"] != j.asker() {
				continue
			}
			if row.At.After(window) {
				lately++
			}
			if row.At.After(day) {
				today++
			}
		}
	}
	if lately >= j.UnlockLimit || j.notice.Hers {
		return lately >= j.UnlockLimit, nil
	}
	_, address, err := j.tx.CountMessages(ctx, j.afiliado.ID, j.afiliado.Email, template, window)
	return address >= j.AddressLimit() || today >= strangersADay*j.UnlockLimit, err
}
