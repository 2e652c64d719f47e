package recovery_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
)

// meanwhile answers, and does f just before the first statement that begins so.
func (j *journey) meanwhile(statement string, page logintest.Answer, with form, f func()) logintest.Answer {
	j.s.T.Helper()
	var came atomic.Bool
	late, set := make(chan struct{}), make(chan struct{})
	hook := func(query string) {
		if strings.HasPrefix(query, statement) && came.CompareAndSwap(false, true) {
			close(late)
			<-set
		}
	}
	j.s.Hook.Store(&hook)
	defer j.s.Hook.Store(nil)
	var all sync.WaitGroup
	var got logintest.Answer
	all.Go(func() { got = j.answer(page, with) })
	<-late
	f()
	close(set)
	all.Wait()
	return got
}

const verdictWritten = "UPDATE recovery SET step"

// settledAnew answers for maria, and begins anew in the same browser just before the
// verdict is written down: the case has been ended by then.
func (j *journey) settledAnew(page logintest.Answer, f form) logintest.Answer {
	j.s.T.Helper()
	reto := j.Ticket(j.Get("/generar-recuperar?nuevo=1"))
	return j.meanwhile(verdictWritten, page, f, func() {
		got := j.Post("/generar-recuperar", "identificacion", string(j.s.maria.Identifier), "reto", reto, "buscar", "1")
		j.s.Want(got, http.StatusSeeOther, "/generar-recuperar")
	})
}

// S030, D01: whoever begins anew while the fifth wrong answer is compared has locked
// the clave all the same, and its owner is told.
func TestS030_D01_BeginningAnewEscapesNoLock(t *testing.T) {
	t.Parallel()
	s := newSite(t, "postgres")
	thief := s.journey()
	page := thief.start(s.maria.Identifier)
	for range 4 {
		thief.answer(page, wrong())
	}
	s.WantText(thief.settledAnew(page, wrong()), "Por aquí no podemos seguir")
	if reason := s.locked(s.maria.Identifier); reason != storage.LockRecuperacion {
		t.Errorf("locked for %q", reason)
	}
	s.Work()
	if got := s.kinds(s.maria); !slices.Equal(got, []string{"clave-bloqueada"}) {
		t.Errorf("mails %q", got)
	}
}

// T04: right answers are audited, and told to whoever has the mailbox on file, also
// where their browser begins anew while they are compared; they lead nowhere then.
func TestT04_BeginningAnewHidesNoRightAnswers(t *testing.T) {
	t.Parallel()
	s := newSite(t, "postgres")
	thief := s.journey()
	page := thief.start(s.maria.Identifier)
	thief.settledAnew(page, s.answers(s.maria))
	if n := s.Events("recovery.passed"); n != 1 {
		t.Errorf("%d audit rows", n)
	}
	s.Work()
	if got := s.kinds(s.maria); !slices.Equal(got, []string{"preguntas-superadas"}) {
		t.Errorf("mails %q", got)
	}
	if page := thief.Get("/generar-recuperar"); !strings.Contains(page.Body, `name="historia_1"`) {
		t.Errorf("it goes on: %.300s", page.Main())
	}
}

// T04, T05: right answers that are settled after "No fui yo" are told too, and lead
// nowhere.
func TestT04_T05_RightAnswersSettledAfterNoFuiYo(t *testing.T) {
	t.Parallel()
	s := newSite(t, "postgres")
	s.passes(s.maria)
	s.Work()
	s.Deliver()
	thief := s.journey()
	page, right := thief.start(s.maria.Identifier), s.answers(s.maria)
	thief.meanwhile("INSERT INTO recovery_budget", page, right, func() { s.disavows(s.maria, "preguntas-superadas", s.maria.Email) })
	s.Work()
	if n := s.Events("recovery.passed"); n != 2 {
		t.Errorf("%d audit rows", n)
	}
	told := 0
	for _, kind := range s.kinds(s.maria) {
		if kind == "preguntas-superadas" {
			told++
		}
	}
	if told != 2 {
		t.Errorf("mails %q", s.kinds(s.maria))
	}
	if page := thief.Get("/generar-recuperar"); !strings.Contains(page.Body, `name="identificacion"`) {
		t.Errorf("it goes on: %.300s", page.Main())
	}
	if reason := s.locked(s.maria.Identifier); reason != storage.LockCompromiso {
		t.Errorf("locked for %q", reason)
	}
}
