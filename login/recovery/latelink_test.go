package recovery_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// S039: who opened the link in time and wrote for too long is told so, and gets
// another with one press; a form that we never showed says nothing of that.
func TestS039_WhoWroteTooLongIsToldSo(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		page := j.Open(j.ask(s.diana))
		s.Pass(15*time.Minute + time.Second)
		got := j.confirm(page, nueva, enrolling()...)
		s.WantText(got, "El tiempo para escribir la clave terminó", `name="reenviar"`)
		if forged := j.confirm(page, nueva, append(enrolling(), "abierto", "1")...); !strings.Contains(forged.Main(), "venció") {
			t.Errorf("forged: %s", forged.Main())
		}
		if s.Events("clave.recovered") != 0 {
			t.Error("it was set")
		}
		s.Want(j.Post("/generar-recuperar/reenviar", "caso", got.Hidden("caso"), "reenviar", "1"), http.StatusSeeOther, "/generar-recuperar/enviado")
		s.Deliver()
		page = j.Open(s.LinkOf(s.diana.ID, "enlace-generar"))
		s.Want(j.confirm(page, nueva, enrolling()...), http.StatusSeeOther, "/generar-recuperar/listo")
	})
}
