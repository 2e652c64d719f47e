package recovery_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
)

// took is how often the database was waited for, and what was said to it before.
type took struct{ commits, statements int }

// What a form costs hangs on how often the database is waited for (design.md section
// 5). A form that is refused or wrong takes the same whoever has the identifier
// (T01); a new statement has to earn its place.
func TestT01_Design5_CommitsAndStatementsOfEachForm(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		var done []string
		hook := func(query string) { done = append(done, query) }
		s.Hook.Store(&hook)
		before := map[string]took{}
		takes := func(name string, most took, f func() logintest.Answer) logintest.Answer {
			t.Helper()
			done = nil
			got := f()
			all := slices.Clone(done)
			statements := slices.DeleteFunc(slices.Clone(all), func(q string) bool { return strings.HasPrefix(q, "COMMIT") })
			is := took{len(slices.DeleteFunc(all, func(q string) bool { return q != "COMMITTED" })), len(statements)}
			if is.commits != most.commits || is.statements > most.statements {
				t.Errorf("%s took %+v, want %+v at most:\n%s", name, is, most, strings.Join(statements, "\n"))
			}
			if was, again := before[name]; again && is != was {
				t.Errorf("%s took %+v for nobody, and %+v for her:\n%s", name, was, is, strings.Join(statements, "\n"))
			}
			before[name] = is
			return got
		}
		for _, id := range []storage.Identifier{nobody, s.maria.Identifier} {
			j := s.journey()
			page := takes("the first page", took{0, 0}, func() logintest.Answer { return j.Get("/generar-recuperar") })
			reto := j.Ticket(page)
			takes("the first step", took{2, 6}, func() logintest.Answer {
				return j.Post("/generar-recuperar", "identificacion", string(id), "reto", reto)
			})
			page = takes("the questions", took{0, 0}, func() logintest.Answer { return j.Get("/generar-recuperar") })
			takes("a fault", took{0, 0}, func() logintest.Answer { return j.answer(page, form{}) })
			for range 4 { // alike, whichever it is
				takes("a wrong answer", took{3, 7}, func() logintest.Answer { return j.answer(page, wrong()) })
			}
			takes("the last wrong answer", took{3, 12}, func() logintest.Answer { return j.answer(page, wrong()) })
		}
		j := s.journey()
		page := j.start(diana)
		right := s.answers(s.diana)
		takes("right answers", took{3, 21}, func() logintest.Answer { return j.answer(page, right) })
		page = j.Get("/generar-recuperar")
		takes("the data", took{1, 16}, func() logintest.Answer { return j.data(page) })
		s.Pass(time.Second)
		takes("another link", took{1, 16}, func() logintest.Answer { return j.Post(resent, "caso", page.Hidden("caso")) })
		s.Deliver()
		link, b := s.LinkOf(s.diana.ID, "enlace-generar"), s.journey()
		takes("opening the link", took{0, 0}, func() logintest.Answer { return j.Open(link) })
		b.Open(link)
		takes("wrong elsewhere", took{2, 4}, func() logintest.Answer {
			return b.Post("/generar-recuperar/clave", "dia", "1", "mes", "1", "historia_1", "0")
		})
		page = j.Get("/generar-recuperar/clave")
		takes("the clave", took{1, 34}, func() logintest.Answer { return j.confirm(page, nueva, enrolling()...) })
	})
}
