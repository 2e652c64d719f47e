package templates

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
)

// recoverFuncs are what only the pages of the wizard call.
func (c *catalog) recoverFuncs() template.FuncMap {
	return template.FuncMap{
		"steps":     func() []int { return count(4) },
		"days":      func() []int { return count(31) },
		"months":    func() []int { return count(12) },
		"minutes":   minutes,
		"personal":  PersonalQuestions,
		"asked":     asked,
		"ask":       c.ask,
		"option":    c.option,
		"lastmonth": c.until,
	}
}

// count is 1 to n.
func count(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i + 1
	}
	return all
}

// minutes is d in whole minutes, rounded up, at least one.
func minutes(d time.Duration) int { return max(1, int((d+time.Minute-1)/time.Minute)) }

// question is one of a page's questions, as its part of the template needs it.
type question struct {
	ID       string // of the field
	Number   int    // the Number-th of Of; zero leaves both out
	Of       int
	Question QuizQuestion
	Key      string // of a personal question
	Typed    string
	Faults   []Fault
	Answer   string  // of the field for the answer, where the question is chosen
	Wrong    []Fault // those of the answer
}

// asked is the question of page p whose field is id: historia_1 and such.
func asked(p Page, id string, number, of int) (question, error) {
	kind, digit, _ := strings.Cut(id, "_")
	n, err := strconv.Atoi(digit)
	if err != nil || n < 1 || n > 2 {
		return question{}, fmt.Errorf("templates: no question %q", id)
	}
	q := question{ID: id, Number: number, Of: of}
	switch p := p.(type) {
	case RecoverQuestions:
		q.Question, q.Key = p.History[n-1], p.Personal[n-1]
		q.Typed, q.Faults = p.Typed.History[n-1], faultsOf(p.Faults, id)
		if kind == "personal" {
			q.Typed = p.Typed.Personal[n-1]
		}
	case RecoverElsewhere:
		q.Question, q.Key = p.History, p.Personal
		q.Typed, q.Faults = p.Typed.History[n-1], faultsOf(p.Faults, id)
		if kind == "personal" {
			q.Typed = p.Typed.Personal[n-1]
		}
	case RecoverClave:
		q.Answer = "respuesta_" + digit
		q.Key, q.Typed = p.Chosen[n-1], p.Answers[n-1]
		q.Faults, q.Wrong = faultsOf(p.Faults, id), faultsOf(p.Faults, q.Answer)
	case MyQuestions:
		q.Answer = "respuesta_" + digit
		q.Key, q.Typed = p.Chosen[n-1], p.Answers[n-1]
		q.Faults, q.Wrong = faultsOf(p.Faults, id), faultsOf(p.Faults, q.Answer)
	default:
		return question{}, fmt.Errorf("templates: %T asks nothing", p)
	}
	return q, nil
}
