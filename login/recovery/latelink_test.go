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

// S039: the form outlives its link on the page too, reloaded or in the other
// language, and no longer than its quarter of an hour; elsewhere it does not.
func TestS039_AReloadedFormIsStillGood(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		link := j.ask(s.diana)
		j.Open(link)
		s.Pass(14 * time.Minute)
		j.Get("/generar-recuperar/clave")
		s.Pass(10 * time.Minute) // the link has ended
		page := j.Get("/generar-recuperar/clave?ui_locales=en")
		s.WantText(page, `data-left="300"`)
		if other := s.NewBrowser().Open(link); other.Hidden("abierto") != "" {
			t.Errorf("another browser may still: %s", other.Main())
		}
		s.Want(j.confirm(page, nueva, enrolling()...), http.StatusSeeOther, "/generar-recuperar/listo")

		j = s.journey()
		j.Open(j.ask(s.maria))
		s.Pass(15*time.Minute + time.Second)
		if late := j.Get("/generar-recuperar/clave"); late.Hidden("abierto") != "" {
			t.Errorf("a quarter of an hour later: %s", late.Main())
		}
	})
}
