package templates

import (
	"net/http"
	"time"
)

// MyQuestions is /cuenta/preguntas: the two personal questions of a person, never their answers, and her personal image.
type MyQuestions struct {
	Own
	Enrolled []string // the names of her two questions; none where she has none
	Since    time.Time
	Chosen   [2]string // in the form
	Answers  [2]string // typed
	Image    string    // one of [Images], empty for none
	Picked   string    // in the form
	Faults   []Fault
	// Busy says that no hash slot was free, Unavailable that the registry cannot be asked now: nothing was changed.
	Busy, Unavailable bool
	Retry             time.Duration
	Done              Done
}

func (MyQuestions) name() string   { return "myquestions" }
func (m MyQuestions) path() string { return pathOr(m.Layout, "/cuenta/preguntas") }

// Failed reports whether the page tells of something that has to be mended.
func (m MyQuestions) Failed() bool { return m.Busy || m.Unavailable || len(m.Faults) > 0 }

func myQuestionStates(in Layout) []State {
	ok, away := http.StatusOK, http.StatusServiceUnavailable
	page := MyQuestions{Own: sampleOwn(in), Enrolled: PersonalQuestions()[:2], Since: sampleTime().AddDate(-1, 0, 0)}
	done, wrong, busy, gone, none := page, page, page, page, page
	done.Image, done.Picked, done.Done = "condor", "condor", DoneImage
	wrong.Chosen = [2]string{PersonalQuestions()[2], PersonalQuestions()[2]}
	wrong.Answers = [2]string{"Quishpe", "Quishpe"}
	wrong.Faults = []Fault{Respuesta1Personal, PreguntaSame, Respuesta2Same, ImagenEmpty}
	busy.Busy, busy.Retry = true, 2*time.Second
	gone.Unavailable, gone.Retry = true, 30*time.Second
	none.Enrolled = nil
	return []State{
		{"myquestions", ok, page},
		{"myquestions-done", ok, done},
		{"myquestions-wrong", ok, wrong},
		{"myquestions-busy", away, busy},
		{"myquestions-unavailable", away, gone},
		{"myquestions-none", ok, none},
	}
}
