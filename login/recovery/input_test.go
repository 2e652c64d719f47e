package recovery_test

import (
	"net/http"
	"strings"
	"testing"
)

// T26, T27: whatever stands in a field, at whatever step, nothing breaks and no
// markup comes back.
func TestT26_T27_HostileForms(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		evil := []string{
			"\x00", "\xff\xfe", `"><script>alert(1)</script>`, strings.Repeat("ñ", 5000), "-1", "99999999999999999999", "0x10", "a@b.example\r\nBcc: c@d.example", "٣",
			"{{.}}", " ", "../../etc/passwd",
		}
		fields := map[string][]string{
			"/generar-recuperar":          {"caso", "dia", "mes", "historia_1", "historia_2", "personal_1", "personal_2", "correo", "celular", "convencional", "identificacion", "reto", "altcha"},
			"/generar-recuperar/reenviar": {"caso"},
			"/generar-recuperar/clave": {
				"abierto", "declaracion", "pregunta_1", "pregunta_2", "respuesta_1", "respuesta_2", "clave_nueva", "clave_confirmacion", "dia", "mes", "personal_1", "historia_1",
			},
			"/correo/confirmar": {"reto", "altcha"}, "/correo/aprobar": {"reto", "altcha"},
		}
		at := map[string]*journey{"nothing": s.journey(), "questions": s.journey(), "data": s.journey(), "link": s.journey()}
		casos := map[string]string{"questions": at["questions"].start(nobody).Hidden("caso"), "data": at["data"].pass(s.diana).Hidden("caso")}
		abierto := at["link"].Open(at["link"].ask(s.maria)).Hidden("abierto")
		for step, j := range at {
			for path, names := range fields {
				for n, name := range names {
					for _, value := range append(evil[:4:4], evil[4+n%(len(evil)-4)]) {
						pairs := []string{"caso", casos[step], "abierto", abierto, name, value}
						if strings.HasPrefix(name, "clave_") {
							pairs = append(pairs, "clave_nueva", value, "clave_confirmacion", value)
						}
						got := j.Post(path, pairs...)
						if got.Status >= http.StatusInternalServerError || strings.Contains(got.Body, "<script>alert") {
							t.Fatalf("%s at %s, %s %.40q: %d", step, path, name, value, got.Status)
						}
					}
				}
			}
		}
	})
}
