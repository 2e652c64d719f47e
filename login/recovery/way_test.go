package recovery_test

import (
	"net/http"
	"testing"
)

// S022–S039, S060–S066: the first time, from the identifier to the sign-in.
func TestS022_FirstTime(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		link := j.ask(s.diana)
		page := j.Open(link)
		s.WantText(page, `name="pregunta_1"`, `name="declaracion"`)
		s.Want(j.confirm(page, nueva, enrolling()...), http.StatusSeeOther, "/generar-recuperar/listo")
		s.WantText(j.Get("/generar-recuperar/listo"), "Ingresar")
		s.Want(j.Post("/ingresar", "cedula", string(diana), "clave", nueva), http.StatusSeeOther, "/")
	})
}

// S029, S038: recovery with the personal answers that were enrolled; signs nobody
// in, ends what the former clave had opened, and leads to where she came from.
func TestS038_Recovery(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		other := s.NewBrowser()
		s.Want(other.Post("/ingresar", "cedula", string(s.maria.Identifier), "clave", old), http.StatusSeeOther, "/")
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
