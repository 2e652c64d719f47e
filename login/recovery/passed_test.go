package recovery_test

import (
	"slices"
	"testing"
	"time"
)

// T04: she is told that the questions were passed before the link leaves, whoever
// comes first to the outbox and to the errands.
func TestT04_SheIsToldBeforeTheLinkLeaves(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		for _, errands := range []bool{false, true} {
			j := s.journey()
			page := j.pass(s.maria)
			s.Pass(time.Second)
			j.data(page)
			if errands {
				s.Work()
			}
			var left []string
			for _, m := range s.Deliver() {
				left = append(left, m.Template)
			}
			if want := []string{"preguntas-superadas", "enlace-generar"}; !slices.Equal(left, want) {
				t.Errorf("%q left, want %q", left, want)
			}
		}
	})
}

// T04: whoever knows the answers fills nobody's mailbox: she is told three times
// within a day, and the audit has every time.
func TestT04_PassedThreeMailsADay(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		told := func() int {
			s.Work()
			n := 0
			for _, kind := range s.kinds(s.maria) {
				if kind == "preguntas-superadas" {
					n++
				}
			}
			return n
		}
		for range 5 {
			s.passes(s.maria)
		}
		s.passes(s.diana)
		if n := told(); n != 3 || s.Events("recovery.passed") != 6 || !slices.Equal(s.kinds(s.diana), []string{"preguntas-superadas"}) {
			t.Errorf("told %d times of %d; somebody else: %q", n, s.Events("recovery.passed"), s.kinds(s.diana))
		}
		s.Pass(24 * time.Hour)
		s.passes(s.maria)
		if n := told(); n != 4 {
			t.Errorf("the next day she was told %d times", n)
		}
	})
}
