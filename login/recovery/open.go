package recovery

import (
	"errors"
	"net/http"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/personal"
	"iess.gob.ec/clave/login/quiz"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// link is the one to a new clave that was opened in this browser; nil for none.
func (s *Server) link(w http.ResponseWriter, r *http.Request) (*visit, *storage.Link, error) {
	v, err := s.visit(w, r)
	if err != nil {
		return nil, nil, err
	}
	link, err := s.KeptLink(r, storage.LinkGenerar)
	return v, link, err
}

// getClave is GET /generar-recuperar/clave: what an opened link leads to. Nothing
// is spent (T11).
func (s *Server) getClave(w http.ResponseWriter, r *http.Request) error {
	v, link, err := s.link(w, r)
	if err != nil {
		return err
	}
	opened, running := s.running(r, v, link)
	switch {
	case !v.Opens(link) && running: // reloaded, or in the other language
		return s.showClave(w, r, v, link, opened, false)
	case !v.Opens(link):
		return s.showDead(w, r, v, link)
	case !v.AskedFor(link):
		return s.showElsewhere(w, r, v, link)
	default:
		return s.showClave(w, r, v, link, v.Now, false)
	}
}

// cookieOpened keeps in the browser what the field abierto says, so that the form
// outlives its link on the page too.
const cookieOpened = "abierto"

// running is when the form was first shown that this browser has of link and may
// still send, though the link may have ended; false where there is none.
func (s *Server) running(r *http.Request, v *visit, link *storage.Link) (time.Time, bool) {
	if link == nil || !link.UsedAt.IsZero() || !link.ReplacedAt.IsZero() || !v.AskedFor(link) {
		return time.Time{}, false
	}
	opened, ours := s.readOpened(link, s.KeptSecret(r, cookieOpened))
	return opened, ours && v.Now.Before(opened.Add(s.cfg.Window))
}

// postClave is POST /generar-recuperar/clave: the questions of another browser, or
// the new clave.
func (s *Server) postClave(w http.ResponseWriter, r *http.Request) error {
	v, link, err := s.link(w, r)
	switch {
	case err != nil:
		return err
	case link == nil || !link.UsedAt.IsZero() || !link.ReplacedAt.IsZero():
		return s.showDead(w, r, v, link)
	case !v.AskedFor(link):
		if !v.Opens(link) {
			return s.showDead(w, r, v, link)
		}
		return s.postElsewhere(w, r, v, link)
	}
	opened, ours := s.readOpened(link, v.Form.Get("abierto"))
	late := !v.Now.Before(opened.Add(s.cfg.Window)) // S039
	switch {
	case !ours || late || !v.SameSite(r):
		switch {
		case v.Opens(link):
			return s.showClave(w, r, v, link, v.Now, true)
		case ours && late:
			return s.showLate(w, r, v, link)
		default:
			return s.showDead(w, r, v, link)
		}
	default:
		return s.setClave(w, r, v, link, opened)
	}
}

// showDead says why a link opens nothing, and offers another with one press where
// this browser asked for it. One that has served here leads to what it did.
func (s *Server) showDead(w http.ResponseWriter, r *http.Request, v *visit, link *storage.Link) error {
	if link != nil && !link.UsedAt.IsZero() && v.AskedFor(link) {
		return s.Redirect(w, r, pathDone)
	}
	return s.Show(w, v.Visit, http.StatusOK, s.deadPage(r, v, link))
}

// showLate is showDead for a form that a link opened in time, and that came when
// both had ended.
func (s *Server) showLate(w http.ResponseWriter, r *http.Request, v *visit, link *storage.Link) error {
	page := s.deadPage(r, v, link)
	page.State = templates.LinkLate
	return s.Show(w, v.Visit, http.StatusOK, page)
}

func (s *Server) deadPage(r *http.Request, v *visit, link *storage.Link) templates.LinkExpired {
	page := templates.LinkExpired{Layout: s.Layout(r, v.Visit), Purpose: templates.LinkToGenerate}
	page.State, page.Ended = login.DeadLink(link)
	if link != nil && v.step() == StepSent && v.caso.AfiliadoID == link.AfiliadoID && page.State != templates.LinkUsed {
		page.Resend, page.Case = true, v.caso.ID
	}
	return page
}

// elsewhere is what a link asks in a browser that did not ask for it (T04, C7).
type elsewhere struct {
	afiliado *storage.Afiliado
	asked    *subject
	page     templates.RecoverElsewhere
}

// elsewhere gathers it. The registry is asked only where the person enrolled no
// question of her own; while it is away, what the case of the link was shown is on
// the page, and nothing can be compared with it (FT-24).
func (s *Server) elsewhere(r *http.Request, v *visit, link *storage.Link) (*elsewhere, error) {
	ctx := r.Context()
	a, err := s.DB.Afiliado(ctx, link.AfiliadoID)
	if err != nil {
		return nil, err
	}
	e := &elsewhere{afiliado: a, asked: &subject{afiliado: a}}
	e.page = templates.RecoverElsewhere{Layout: s.Layout(r, v.Visit), Typed: typedAnswers(v.Visit)}
	if !link.DeliveredAt.IsZero() {
		e.page.Until, e.page.Remaining = link.ExpiresAt.Time, link.ExpiresAt.Sub(v.Now)
	}
	if e.asked.enrolled, err = s.enrolled(ctx, a.ID); err != nil {
		return nil, err
	}
	if len(e.asked.enrolled) > 0 {
		e.page.Personal = e.asked.enrolled[0].Question
		return e, nil
	}
	e.asked, err = s.subject(ctx, a.Identifier, link.CreatedAt.Time)
	if errors.Is(err, errRegistry) {
		before, found := s.shown.of(login.LinkOwner(link))
		if !found {
			return nil, login.Unavailable(retryRegistry)
		}
		e.page.History, e.page.Unavailable, e.page.Retry = before.history[0], true, retryRegistry
		return e, nil
	}
	if err != nil {
		return nil, err
	}
	e.page.History = wording(e.asked.quiz)[0]
	return e, nil
}

func (s *Server) showElsewhere(w http.ResponseWriter, r *http.Request, v *visit, link *storage.Link) error {
	e, err := s.elsewhere(r, v, link)
	switch {
	case err != nil:
		return err
	case e.page.Unavailable:
		return s.showLater(w, v.Visit, e.page.Retry, e.page)
	default:
		return s.Show(w, v.Visit, http.StatusOK, e.page)
	}
}

// faults are what is missing in the form; where something is, no attempt is taken.
func (e *elsewhere) faults(given *answers) []templates.Fault {
	out := given.readBirth(e.page.Typed)
	given.personal = e.page.Typed.Personal
	given.history = [2]int{whole(e.page.Typed.History[0], 0, quiz.Last), -1}
	switch {
	case e.page.Personal != "" && personal.Fold(given.personal[0]) == "":
		out = append(out, templates.Personal1Empty)
	case e.page.Personal == "" && given.history[0] < 0:
		out = append(out, templates.Historia1Empty)
	}
	return out
}

// compare reports whether the day, the month and the one question are right.
func (e *elsewhere) compare(slot *login.Slot, given answers) (bool, error) {
	right := born(e.afiliado.Birthdate, given)
	if e.page.Personal != "" {
		same, err := e.asked.answered(slot, 0, given.personal[0])
		return same && right, err
	}
	first := false
	for second := range e.asked.quiz[1].Options {
		first = e.asked.quiz.Right([2]int{given.history[0], second}) || first
	}
	return first && e.asked.hers && right, slot.Waste("")
}

// postElsewhere takes one of the link's attempts and, where the answers are right,
// makes the link this browser's.
func (s *Server) postElsewhere(w http.ResponseWriter, r *http.Request, v *visit, link *storage.Link) error {
	ctx := r.Context()
	e, err := s.elsewhere(r, v, link)
	if err != nil {
		return err
	}
	if e.page.Unavailable {
		return s.showLater(w, v.Visit, e.page.Retry, e.page)
	}
	var given answers
	if e.page.Faults = e.faults(&given); len(e.page.Faults) > 0 || !v.SameSite(r) {
		return s.Show(w, v.Visit, http.StatusOK, e.page)
	}
	slot, err := s.TakeSlot(ctx, r, v.Visit)
	if errors.Is(err, login.ErrBusy) {
		e.page.Busy, e.page.Retry = true, s.Hash.RetryAfter()
		return s.showLater(w, v.Visit, e.page.Retry, e.page)
	}
	if err != nil {
		return err
	}
	defer slot.Release()
	number := 0
	err = s.DB.InTx(ctx, func(tx *storage.Tx) error {
		number, err = tx.LinkAttempt(ctx, link.ID, login.LinkAttempts, v.Now)
		return err
	})
	if err != nil {
		return err
	}
	if number == 0 {
		return s.showDead(w, r, v, link)
	}
	right, err := e.compare(slot, given)
	if err != nil {
		return err
	}
	if err := s.settleElsewhere(r, v, link, right); err != nil {
		return err
	}
	switch left := login.LinkAttempts - number; {
	case right:
		return s.Redirect(w, r, login.PageNewClave)
	case left == 0:
		link.Attempts = login.LinkAttempts
		return s.showDead(w, r, v, link)
	default:
		e.page.Wrong, e.page.Left = true, left
		return s.ShowSpent(w, v.Visit, http.StatusOK, e.page)
	}
}

func (s *Server) settleElsewhere(r *http.Request, v *visit, link *storage.Link, right bool) error {
	return s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		e := v.Event(r, eventElsewhere, link.AfiliadoID)
		e.Detail = map[string]string{"case": login.LinkOwner(link), "right": "no"}
		if right {
			e.Detail["right"] = "yes"
		}
		if err := tx.Audit(ctx, e); err != nil {
			return err
		}
		if !right {
			return s.PressNetwork(ctx, tx, r, v.Visit)
		}
		err := tx.RebindLink(ctx, link.ID, v.Browser)
		if errors.Is(err, storage.ErrNotFound) { // used or replaced meanwhile: the page tells
			return nil
		}
		return err
	})
}

// until is when a form may last be sent that was opened then.
func (s *Server) until(opened time.Time) time.Time { return opened.Add(s.cfg.Window) }
