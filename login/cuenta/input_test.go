package cuenta_test

import (
	"net/url"
	"strings"
	"testing"
)

// T27: whatever a form of Mi cuenta holds, it is refused with a page and never breaks
// anything.
func TestT27_BadInputOfTheAccountIsNo500(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		for _, a := range s.account.Addresses() {
			if a.Show {
				continue
			}
			for _, bad := range []string{"\x00", strings.Repeat("é", 900)} {
				form := url.Values{"sesion": {mark(s.maria)}}
				for _, field := range strings.Fields(`cual equipo nombre credencial codigo codigo_mensaje codigos dia mes correo celular
					convencional pregunta_1 pregunta_2 respuesta_1 respuesta_2 imagen idioma entrada aplicacion derecho detalle solicitud
					direccion segundo segundo_respaldo llave seguro`) {
					form.Set(field, bad)
				}
				if got := b.PostForm(a.Path, form); got.Status >= 500 {
					t.Errorf("%s with %.10q: %d", a.Path, bad, got.Status)
				}
			}
		}
		if !s.open(b) {
			t.Error("she is signed out: what came last was not tried")
		}
	})
}
