package recovery_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// S022–S039, S060–S066, D22: the first time, from the identifier to the sign-in. The
// clave is the one she chooses behind the link; there is none before, and nobody else
// sets one.
func TestS022_S066_D22_FirstTime(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		link := j.ask(s.diana)
		page := j.Open(link)
		s.WantText(page, `name="pregunta_1"`, `name="declaracion"`)
		if c, err := s.DB.Clave(t.Context(), s.diana.ID); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("before she has chosen one: %+v, %v", c, err)
		}
		s.Want(j.confirm(page, nueva, enrolling()...), http.StatusSeeOther, "/generar-recuperar/listo")
		s.WantText(j.Get("/generar-recuperar/listo"), "Ingresar")
		s.Want(j.Post("/ingresar", "cedula", string(diana), "clave", nueva), http.StatusSeeOther, "/cuenta")
	})
}

// S029, S038: recovery with the personal answers that were enrolled; signs nobody
// in, ends what the former clave had opened, and leads to where she came from.
func TestS038_Recovery(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		other := s.NewBrowser()
		s.Want(other.Post("/ingresar", "cedula", string(s.maria.Identifier), "clave", old), http.StatusSeeOther, "/cuenta")
		j := s.journey()
		request := j.Ask()
		link := j.ask(s.maria)
		page := j.Open(link)
		if page.Hidden("pregunta_1") != "" {
			t.Error("she is asked to enrol again")
		}
		s.Want(j.confirm(page, nueva), http.StatusSeeOther, "/generar-recuperar/listo")
		s.WantText(j.Get("/generar-recuperar/listo"), "/continuar?id="+request)
		s.Want(other.Get("/cuenta/mensajes"), http.StatusSeeOther, "/ingresar")
		s.Want(j.Get("/cuenta/mensajes"), http.StatusSeeOther, "/ingresar")
		s.Want(j.Post("/ingresar", "id", request, "cedula", string(s.maria.Identifier), "clave", nueva), http.StatusSeeOther, "/autorizar")
	})
}

// S033: the step, the link and its mail are written in one transaction.
func TestS033_TheRequestAndItsMailAreOne(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		page := j.pass(s.maria)
		var done []string
		hook := func(query string) { done = append(done, query) }
		s.Hook.Store(&hook)
		s.Want(j.data(page), http.StatusSeeOther, "/generar-recuperar/enviado")
		s.Hook.Store(nil)
		at := -1
		for _, want := range []string{"UPDATE recovery", "INSERT INTO link", "INSERT INTO outbox"} {
			i := slices.IndexFunc(done, func(q string) bool { return strings.HasPrefix(q, want) })
			if i < 0 {
				t.Errorf("no %s among\n%s", want, strings.Join(done, "\n"))
			}
			at = max(at, i)
		}
		if first := slices.Index(done, "COMMIT"); first < at {
			t.Errorf("what belongs together is committed in parts:\n%s", strings.Join(done, "\n"))
		}
	})
}

// D09, S063: who has no personal questions enrols two, and sets no clave with fewer.
func TestD09_S063_TwoQuestionsAreEnrolled(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		page := j.Open(j.ask(s.diana))
		for _, missing := range []string{"pregunta_1", "respuesta_1", "pregunta_2", "respuesta_2"} {
			if got := j.confirm(page, nueva, append(enrolling(), missing, "")...); got.Status != http.StatusOK {
				t.Errorf("without %s: %d", missing, got.Status)
			}
		}
		if all, err := s.DB.Answers(t.Context(), s.diana.ID); err != nil || len(all) != 0 {
			t.Errorf("%d answers are kept, %v", len(all), err)
		}
		s.Want(j.confirm(page, nueva, enrolling()...), http.StatusSeeOther, "/generar-recuperar/listo")
		all, err := s.DB.Answers(t.Context(), s.diana.ID)
		if q := templates.PersonalQuestions(); err != nil || len(all) != 2 || all[0].Question != q[2] || all[1].Question != q[3] {
			t.Errorf("got %+v, %v; want the two she chose", all, err)
		}
	})
}
