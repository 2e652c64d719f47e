package recovery

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/personal"
	"iess.gob.ec/clave/storage"
)

// verdict is what one form of answers came to.
type verdict struct {
	number int  // of the attempt; 0: none was left, and nothing was compared
	right  bool // all of it
	last   bool // it was wrong, and there is no other attempt
	moved  bool // the case is at step now; false: it had moved before
	step   Step
}

// try takes a hash slot, then one of the attempts, and compares. Without a slot it
// returns login.ErrBusy, and no attempt is spent (T28).
func (s *Server) try(r *http.Request, v *visit, asked *subject, given answers) (*verdict, error) {
	ctx := r.Context()
	slot, err := s.TakeSlot(ctx, r, v.Visit)
	if err != nil {
		return nil, err
	}
	defer slot.Release()
	t := &verdict{}
	var budget storage.LoginBudget
	err = s.DB.InTx(ctx, func(tx *storage.Tx) error { // by itself: elsewhere the attempts are held before the lock
		var err error
		budget, err = s.EndLock(ctx, tx, v.caso.IdentifierMAC, asked.afiliado.ID, v.Now)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(tx *storage.Tx) error {
		var err error
		t.number, err = tx.ReserveRecoveryAttempt(ctx, v.caso.IdentifierMAC, s.cfg.Attempts, v.Now, v.Now.Add(s.BudgetLife))
		return err
	})
	if err != nil {
		return nil, err
	}
	if budget.LockReason == storage.LockRecuperacion {
		t.number = 0
	}
	right, err := asked.compare(slot, given)
	t.right = right && t.number > 0
	t.last = !t.right && (t.number == 0 || t.number >= s.cfg.Attempts)
	return t, err
}

// compare reports whether every block is right. It looks at each of them, whatever
// the others are, and makes two slow comparisons, whoever is asked (T17).
func (s *subject) compare(slot *login.Slot, given answers) (bool, error) {
	right := born(s.afiliado.Birthdate, given)
	right = s.quiz.Right(given.history) && right
	for i, typed := range given.personal {
		same, err := s.answered(slot, i, typed)
		if err != nil {
			return false, err
		}
		right = same && right
	}
	return right && s.hers && s.known(), nil
}

// answered compares one personal answer. Of who never enrolled any, there is
// nothing to compare: what she left blank is right, and so is what she typed.
func (s *subject) answered(slot *login.Slot, i int, typed string) (bool, error) {
	if len(s.enrolled) == 0 {
		return true, slot.Waste(personal.Fold(typed))
	}
	same, _, err := slot.Compare(s.enrolled[i].PHC, personal.Fold(typed))
	if err != nil {
		return false, fmt.Errorf("recovery: personal answer: %w", err)
	}
	return same, nil
}

// born reports whether day and month are those of a date of birth, 2006-01-02.
func born(birthdate string, given answers) bool {
	want := make([]byte, len("01-02"))
	if len(birthdate) == len("2006-01-02") {
		copy(want, birthdate[len("2006-"):])
	}
	return subtle.ConstantTimeCompare(want, fmt.Appendf(nil, "%02d-%02d", given.month, given.day)) == 1
}

// settle writes the verdict down, with all that follows from it, also where the case
// was ended while the answers were compared: whoever begins anew in her browser by
// then escapes nothing.
func (s *Server) settle(r *http.Request, v *visit, asked *subject, t *verdict) error {
	return s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		if t.right {
			return s.settleRight(r.Context(), tx, r, v, asked, t)
		}
		return s.settleWrong(r.Context(), tx, r, v, asked, t)
	})
}

// settleWrong does the same whoever is asked: where no attempt is left the case
// ends, and one statement may lock; one audit event, one errand where it closed
// something, two pressures.
func (s *Server) settleWrong(ctx context.Context, tx *storage.Tx, r *http.Request, v *visit, asked *subject, t *verdict) error {
	var locked, shut bool
	var err error
	t.moved = true
	if t.last {
		t.step = StepFailed
		if t.moved, err = tx.DecideRecovery(ctx, v.caso.Step, v.to(StepFailed), v.Now); err != nil {
			return err
		}
		if locked, shut, err = s.shut(ctx, tx, v, t.moved); err != nil {
			return err
		}
	}
	e := v.Event(r, eventDenied, asked.afiliado.ID)
	kind, notice := login.NoticeShut, login.Notice{}
	switch {
	case locked:
		e.Name, kind, notice.Reason = login.EventClaveLocked, login.NoticeLocked, storage.LockRecuperacion
	case shut:
		e.Name = login.EventRecoveryShut
	}
	e.Detail = map[string]string{"lane": "recovery"}
	if err := tx.Audit(ctx, e); err != nil {
		return err
	}
	if err := s.NotifyIf(ctx, tx, r, v.Visit, kind, v.caso.IdentifierMAC, notice, locked || shut); err != nil {
		return err
	}
	if err := s.PressIdentifier(ctx, tx, v.Visit, v.caso.Identifier); err != nil {
		return err
	}
	return s.PressNetwork(ctx, tx, r, v.Visit)
}

// networkLocks is how many people's claves one network may lock within an hour: who
// goes on from there closes this way for them, and no more, once.
const networkLocks = 10

// shut is what spent attempts close (D01): the clave, or this way alone, and that
// for a day. What the network has done defers the lock and does not spare it:
// whose way was shut within thirty days is locked (T03, or five guesses a day would
// be free for ever). A case that had moved on closes no clave: it would not be
// counted. Forms that are settled at the same moment do not see each other, so that
// there may be as many locks more as there are hash slots. It reports whether the
// clave was locked, and whether the way alone was closed.
func (s *Server) shut(ctx context.Context, tx *storage.Tx, v *visit, moved bool) (bool, bool, error) {
	failed, err := tx.NetworkRecoveriesAt(ctx, v.caso.NetworkMAC, string(StepFailed), v.Now.Add(-time.Hour-s.cfg.CaseLife))
	if err != nil {
		return false, false, err
	}
	before, err := tx.RecoveryShutAt(ctx, v.caso.IdentifierMAC)
	if err != nil {
		return false, false, err
	}
	ago := v.Now.Sub(before.Time)
	again := !before.IsZero() && ago >= wayShut && ago <= lately
	locked := false
	if moved && !s.cfg.WizardOnly && (failed <= networkLocks || again) {
		if locked, err = tx.SettleRecovery(ctx, v.caso.IdentifierMAC, s.cfg.Attempts, v.Now); err != nil {
			return false, false, err
		}
	}
	shut, err := tx.LetRecoveryEnd(ctx, v.caso.IdentifierMAC, s.cfg.Attempts, v.Now, v.Now.Add(wayShut))
	return locked, shut, err
}

// wayShut is for how long spent attempts close this way where they close no more.
const wayShut = 24 * time.Hour

// settleRight weighs the risk and moves the case on; whoever has the mailbox on
// file is told at once, before any link leaves (T04). What right answers took of
// the attempts is given back; what wrong ones took stays spent until there is a new
// clave.
func (s *Server) settleRight(ctx context.Context, tx *storage.Tx, r *http.Request, v *visit, asked *subject, t *verdict) error {
	a, err := tx.LockAfiliado(ctx, asked.afiliado.ID)
	if err != nil {
		return err
	}
	facts, err := s.facts(ctx, tx, r, v, a)
	if err != nil {
		return err
	}
	risk := assessment{facts, Assess(facts)}
	to := v.to(StepData)
	to.AfiliadoID, to.PassedAt = a.ID, storage.At(v.Now)
	if to.Risk, err = risk.text(); err != nil {
		return err
	}
	why, err := s.beyond(ctx, tx, a, v.Now)
	if err != nil {
		return err
	}
	if why == "" && risk.Verdict.Route == RouteOffice {
		why = string(RouteOffice)
	}
	if why != "" {
		to.Step = string(StepAssisted)
	}
	t.step = Step(to.Step)
	if t.moved, err = tx.DecideRecovery(ctx, v.caso.Step, to, v.Now); err != nil {
		return err
	}
	if err := tx.ReturnRecoveryAttempt(ctx, v.caso.IdentifierMAC, s.cfg.Attempts); err != nil || !t.moved {
		return err
	}
	e := v.Event(r, login.EventRecoveryPassed, a.ID)
	e.Detail = map[string]string{"case": v.caso.ID, "route": string(risk.Verdict.Route), "lines": joined(risk.Verdict.Lines)}
	if why != "" {
		e.Detail["assisted"] = why
	}
	if err := tx.Audit(ctx, e); err != nil {
		return err
	}
	return (&letters{s, tx, r, v, &to, a}).passed(ctx)
}

func joined(lines []Line) string {
	words := make([]string, len(lines))
	for i, l := range lines {
		words[i] = string(l)
	}
	return strings.Join(words, " ")
}

// beyond is why no mail opens a's account, "" where one may: an officer has closed
// it, none of its mailboxes takes mail, or the one on file is in doubt.
func (s *Server) beyond(ctx context.Context, tx *storage.Tx, a *storage.Afiliado, now time.Time) (string, error) {
	budget, err := tx.LoginBudget(ctx, s.DB.IdentifierMAC(a.Identifier))
	if err != nil {
		return "", err
	}
	if a.Disabled() {
		return "disabled", nil
	}
	if budget.LockReason == storage.LockOperador {
		return budget.LockReason, nil
	}
	mailboxes, err := tx.LinkMailboxes(ctx, a, now.Add(-s.ContactWait))
	if err != nil {
		return "", err
	}
	reached := false
	for i := 0; i < len(mailboxes) && !reached; i++ {
		if reached, err = takesMail(ctx, tx, mailboxes[i], now); err != nil {
			return "", err
		}
	}
	if !reached {
		return "mailbox", nil
	}
	if doubtful, err := s.doubtful(ctx, tx, a, now); err != nil || doubtful {
		return "disavowed", err
	}
	return "", nil
}

// takesMail reports whether mail reaches an address, as far as its server has said.
func takesMail(ctx context.Context, tx *storage.Tx, address string, now time.Time) (bool, error) {
	if _, err := storage.ParseEmail(address); err != nil {
		return false, nil //nolint:nilerr // an address that cannot be used is the answer
	}
	_, err := tx.Suppressed(ctx, address, now)
	if errors.Is(err, storage.ErrNotFound) {
		return true, nil
	}
	return false, err
}

// doubtful reports whether "No fui yo" was said within thirty days after the
// mailbox on file became a's, and no clave was recovered since: it may be that of
// whom she means (T05). The times are compared with each other: waiting ends
// nothing, nor does what is said later, maybe by whoever reads that mailbox;
// another address from the registry does.
func (s *Server) doubtful(ctx context.Context, tx *storage.Tx, a *storage.Afiliado, now time.Time) (bool, error) {
	if a.EmailAt.IsZero() {
		return false, nil
	}
	until := a.EmailAt.Add(lately)
	if now.Before(until) {
		until = now
	}
	rows, err := tx.PersonEvents(ctx, a.ID, login.EventDisavowed, until, 1)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	said := rows[0].At
	if !said.After(a.EmailAt.Time) {
		return false, nil
	}
	clave, err := tx.ClaveFacts(ctx, a.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return true, nil
	}
	return err == nil && !clave.RecoveredAt.After(said.Time), err
}

// facts gathers what Assess looks at.
func (s *Server) facts(ctx context.Context, tx *storage.Tx, r *http.Request, v *visit, a *storage.Afiliado) (Facts, error) {
	f := Facts{At: v.Now, Listed: s.cfg.Networks.Has(r.RemoteAddr), AddressAt: a.EmailAt.Time}
	var err error
	if f.KnownDevice, err = s.Hers(ctx, r, v.Visit, v.caso.IdentifierMAC); err != nil {
		return f, err
	}
	if f.People, err = tx.NetworkRecoveries(ctx, v.caso.NetworkMAC, v.Now.Add(-crowdIn)); err != nil {
		return f, err
	}
	if f.NewNetwork, err = s.newNetwork(ctx, tx, r, v, a.ID); err != nil {
		return f, err
	}
	rows, err := tx.PersonEvents(ctx, a.ID, login.EventDisavowed, v.Now, 1)
	if err != nil {
		return f, err
	}
	if len(rows) > 0 {
		f.DisavowedAt = rows[0].At.Time
	}
	passkeys, err := tx.Passkeys(ctx, a.ID, v.Now)
	if err != nil {
		return f, err
	}
	f.Passkeys = len(passkeys)
	clave, err := tx.ClaveFacts(ctx, a.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return f, nil
	}
	if err == nil {
		f.RecoveredAt = clave.RecoveredAt.Time
	}
	return f, err
}
