package recovery

import (
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/personal"
	"iess.gob.ec/clave/login/quiz"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// answers is what a form of questions says.
type answers struct {
	day, month int
	history    [2]int // -1: nothing chosen
	personal   [2]string
}

// typedAnswers is what was typed, fit to be shown again.
func typedAnswers(v *login.Visit) templates.RecoverAnswers {
	number := func(field string) string { return login.TypedUpTo(v.Form.Get(field), 2) }
	return templates.RecoverAnswers{
		Day: number("dia"), Month: number("mes"), History: [2]string{number("historia_1"), number("historia_2")},
		Personal: [2]string{
			login.TypedUpTo(v.Form.Get("personal_1"), personal.AnswerLength), login.TypedUpTo(v.Form.Get("personal_2"), personal.AnswerLength),
		},
	}
}

// readBirth reads day and month; a day that no year has is a fault (S027).
func (a *answers) readBirth(t templates.RecoverAnswers) []templates.Fault {
	var out []templates.Fault
	a.day, a.month = whole(t.Day, 1, 31), whole(t.Month, 1, 12)
	if a.day < 0 {
		out = append(out, templates.DiaEmpty)
	}
	if a.month < 0 {
		out = append(out, templates.MesEmpty)
	}
	if len(out) == 0 {
		const leap = 2024
		if time.Date(leap, time.Month(a.month), a.day, 0, 0, 0, 0, time.UTC).Day() != a.day {
			out = append(out, templates.FechaImpossible)
		}
	}
	return out
}

// read reads all blocks. The personal answers may be blank: who never had any
// leaves them so.
func (a *answers) read(t templates.RecoverAnswers) []templates.Fault {
	out := a.readBirth(t)
	for i, fault := range []templates.Fault{templates.Historia1Empty, templates.Historia2Empty} {
		if a.history[i] = whole(t.History[i], 0, quiz.Last); a.history[i] < 0 {
			out = append(out, fault)
		}
	}
	a.personal = t.Personal
	return out
}

// whole is a number from least to most, -1 for anything else.
func whole(s string, least, most int) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < least || n > most {
		return -1
	}
	return n
}

// questionsPage is the page without its questions.
func (s *Server) questionsPage(r *http.Request, v *visit) templates.RecoverQuestions {
	return templates.RecoverQuestions{
		Layout: s.Layout(r, v.Visit), Goal: v.Goal(), Case: v.caso.ID, Until: v.caso.ExpiresAt.Time,
		Remaining: v.caso.ExpiresAt.Sub(v.Now), Typed: typedAnswers(v.Visit),
	}
}

// ask puts the case's questions on page and remembers them.
func (s *Server) ask(v *visit, page *templates.RecoverQuestions, asked *subject) {
	page.History, page.Personal = wording(asked.quiz), asked.personal
	s.shown.keep(v.caso.ID, shownCase{page.History, page.Personal, v.caso.ExpiresAt.Time}, v.Now)
}

// showQuestions is the second step, nothing answered.
func (s *Server) showQuestions(w http.ResponseWriter, r *http.Request, v *visit, stale bool) error {
	page := s.questionsPage(r, v)
	page.Stale = stale
	return s.showUntried(w, r, v, page)
}

// showUntried shows the questions of the case, and how often they may be tried.
// They are drawn once for a case: whoever opens the page again and again makes
// little work.
func (s *Server) showUntried(w http.ResponseWriter, r *http.Request, v *visit, page templates.RecoverQuestions) error {
	ctx := r.Context()
	if before, found := s.shown.of(v.caso.ID); found {
		page.History, page.Personal = before.history, before.personal
	} else {
		asked, err := s.subject(ctx, v.caso.Identifier, v.caso.CreatedAt.Time)
		if err != nil {
			return s.unavailable(w, v, page, err)
		}
		s.ask(v, &page, asked)
	}
	spent, err := s.DB.RecoveryBudget(ctx, v.caso.IdentifierMAC, v.Now)
	if err != nil {
		return err
	}
	page.Left = max(0, s.cfg.Attempts-spent)
	return s.Show(w, v.Visit, http.StatusOK, page)
}

// unavailable is the second step while the registry is away: with the questions
// that the case was shown before, and what was typed (FT-24).
func (s *Server) unavailable(w http.ResponseWriter, v *visit, page templates.RecoverQuestions, cause error) error {
	if !errors.Is(cause, errRegistry) {
		return cause
	}
	before, found := s.shown.of(v.caso.ID)
	if !found {
		return login.Unavailable(retryRegistry)
	}
	page.History, page.Personal, page.Unavailable, page.Retry = before.history, before.personal, true, retryRegistry
	return s.showLater(w, v.Visit, page.Retry, page)
}

// showLater is Show for a page that says to try again.
func (s *Server) showLater(w http.ResponseWriter, v *login.Visit, retry time.Duration, page templates.Page) error {
	return s.ShowRefusal(w, v, login.Refusal{Busy: true, Retry: retry}, page)
}

// postQuestions takes one attempt for the answers, compares all of them, and moves
// the case by one verdict (S030, T17). The questions are those of when the case began,
// whatever quarter it is by now; answers to others than would be asked now are not
// looked at.
func (s *Server) postQuestions(w http.ResponseWriter, r *http.Request, v *visit) error {
	page := s.questionsPage(r, v)
	var given answers
	if page.Faults = given.read(page.Typed); len(page.Faults) > 0 {
		return s.showUntried(w, r, v, page)
	}
	if err := s.Slow(r.Context(), r, v.Visit, v.caso.Identifier); err != nil {
		return err
	}
	before, found := s.shown.of(v.caso.ID)
	asked, err := s.subject(r.Context(), v.caso.Identifier, v.caso.CreatedAt.Time)
	if err != nil {
		return s.unavailable(w, v, page, err)
	}
	s.ask(v, &page, asked)
	if found && !reflect.DeepEqual(before.history, page.History) { // the registry has learnt something meanwhile
		page.Stale, page.Typed.History = true, [2]string{}
		return s.showUntried(w, r, v, page)
	}
	t, err := s.try(r, v, asked, given)
	if errors.Is(err, login.ErrBusy) {
		page.Busy, page.Retry = true, s.Hash.RetryAfter()
		return s.showLater(w, v.Visit, page.Retry, page)
	}
	if err != nil {
		return err
	}
	if err := s.settle(r, v, asked, t); err != nil {
		return err
	}
	switch {
	case !t.right && !t.last:
		page.Wrong, page.Left = true, s.cfg.Attempts-t.number
		return s.ShowSpent(w, v.Visit, http.StatusOK, page)
	case t.right && t.moved && t.step == StepData:
		return s.Redirect(w, r, v.PagePath(pathStart))
	case !t.moved: // another form of the same case was faster
		return s.showMoved(w, r, v)
	default:
		return s.showFailed(w, r, v)
	}
}

// showMoved shows the case as another form has left it.
func (s *Server) showMoved(w http.ResponseWriter, r *http.Request, v *visit) error {
	caso, err := s.DB.BrowserRecovery(r.Context(), v.Browser, v.Now)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	v.caso = caso
	return s.showCase(w, r, v, true)
}
