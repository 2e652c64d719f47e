package cuenta_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// Whoever has changed her passkeys or her second step can end every other session
// with one press, which asks for nothing more; where there is none, nothing is said.
func TestASVS_7_4_3_OthersEndWithOnePressAfterAChange(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		first, second := s.NewDevice(), s.NewDevice()
		p := s.Enrol(first, s.maria.ID)
		s.Enrol(second, s.maria.ID)
		here := s.byPasskey(first)
		after := func(name, path string, pairs ...string) {
			t.Helper()
			done := s.posts(here, path, pairs...).Location
			other := s.byPasskey(second)
			s.WantText(here.Get(done), "sigue abierta en otros lugares", `name="cual" value="otras"`)
			s.Want(s.posts(here, "/cuenta/sesiones/cerrar", "cual", "otras"), http.StatusSeeOther, "/cuenta/sesiones")
			if s.open(other) || !s.open(here) {
				t.Errorf("%s: the other session is open: %v, this one: %v", name, s.open(other), s.open(here))
			}
			if strings.Contains(here.Get(done).Body, `value="otras"`) {
				t.Errorf("%s: others are spoken of that there are not", name)
			}
		}
		after("a passkey ends", "/cuenta/llaves/quitar-ahora", "cual", p.ID)
		s.Want(s.posts(here, pageStep+"/configurar"), http.StatusSeeOther, pageStep)
		after("an application counts", pageStep+"/activar", "codigo", s.CodeAt(s.maria.ID, s.Time().Add(6*time.Second)))
		after("the clave alone is enough again", pageStep+"/no-siempre")
		after("the application ends", pageStep+"/quitar")
		s.Want(s.post(here, "/cuenta/llaves/agregar"), http.StatusSeeOther, "/cuenta/llaves/nueva")
		after("a passkey is added", "/cuenta/llaves/nueva", "credencial", s.made(s.NewDevice(), here.Get("/cuenta/llaves/nueva")))
	})
}
