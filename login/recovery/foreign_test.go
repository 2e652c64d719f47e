package recovery_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/storage"
)

// sheet is a form of the way that has an effect where it is sent as it stands.
type sheet struct {
	name, path string
	fill       func(s *site) (*journey, []string)
}

// sheets are all of them.
func sheets() []sheet {
	const start, clave = "/generar-recuperar", "/generar-recuperar/clave"
	contact := func(kind string) func(s *site) (*journey, []string) {
		return func(s *site) (*journey, []string) {
			s.asksChange(s.journey(), s.maria, elsewhere)
			j := s.journey()
			return j, []string{"reto", j.Ticket(j.Open(s.LinkOf(s.maria.ID, kind)))}
		}
	}
	return []sheet{
		{"start", start, func(s *site) (*journey, []string) {
			j := s.journey()
			return j, []string{"identificacion", string(s.maria.Identifier), "reto", j.Ticket(j.Get(start))}
		}},
		{"cancel", start, func(s *site) (*journey, []string) {
			j := s.journey()
			return j, []string{"id", j.Ask(), "cancelar", "1"}
		}},
		{"questions", start, func(s *site) (*journey, []string) {
			j := s.journey()
			return j, []string{"caso", j.start(s.maria.Identifier).Hidden("caso"), "dia", "1", "mes", "1", "historia_1", "0", "historia_2", "0"}
		}},
		{"data", start, func(s *site) (*journey, []string) {
			j := s.journey()
			return j, []string{"caso", j.pass(s.maria).Hidden("caso"), "correo", ""}
		}},
		{"resend", "/generar-recuperar/reenviar", func(s *site) (*journey, []string) {
			j := s.journey()
			j.ask(s.maria)
			return j, []string{"caso", j.Get("/generar-recuperar/enviado").Hidden("caso")}
		}},
		{"elsewhere", clave, func(s *site) (*journey, []string) {
			link, j := s.journey().ask(s.maria), s.journey()
			j.Open(link)
			return j, []string{"dia", "1", "mes", "1", "personal_1", "nada de eso"}
		}},
		{"clave", clave, func(s *site) (*journey, []string) {
			j := s.journey()
			abierto := j.Open(j.ask(s.maria)).Hidden("abierto")
			return j, []string{"abierto", abierto, "declaracion", "1", "clave_nueva", nueva, "clave_confirmacion", nueva}
		}},
		{"extra", clave, func(s *site) (*journey, []string) {
			s.Enrol(s.NewDevice(), s.maria.ID)
			j := s.journey()
			return j, []string{"abierto", j.Open(j.ask(s.maria)).Hidden("abierto"), "codigo_respaldo", "AAAA-BBBB-CCCC-DDDD"}
		}},
		{"passkey", "/generar-recuperar/llave", func(s *site) (*journey, []string) {
			s.Enrol(s.NewDevice(), s.maria.ID)
			j := s.journey()
			j.Open(j.ask(s.maria))
			return j, []string{"para", "sesion"}
		}},
		{"confirm", "/correo/confirmar", contact("correo-nuevo")},
		{"approve", "/correo/aprobar", contact("correo-viejo")},
	}
}

// posts are the addresses of the way that take a form.
func (s *site) posts() []string {
	s.T.Helper()
	r := mux.NewRouter()
	s.way.Routes(r)
	var out []string
	err := r.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		if err != nil {
			return err
		}
		methods, err := route.GetMethods()
		if slices.Contains(methods, http.MethodPost) {
			out = append(out, path)
		}
		return err
	})
	if err != nil || len(out) == 0 {
		s.T.Fatalf("addresses: %q, %v", out, err)
	}
	return out
}

// T15: no form of the way has an effect that is sent from elsewhere, with whatever
// cookies; sent as it stands, each has one.
func TestT15_NoFormFromElsewhereHasAnEffect(t *testing.T) {
	pages(t, func(t *testing.T, s *site) {
		all := sheets()
		for _, path := range s.posts() {
			if !slices.ContainsFunc(all, func(f sheet) bool { return f.path == path }) {
				t.Errorf("no form of %s is tried", path)
			}
		}
		g := s.gate()
		keep := func(r *http.Request, part string) {
			cookies := r.Cookies()
			r.Header.Del("Cookie")
			for _, c := range cookies {
				if part != "" && strings.Contains(c.Name, part) {
					r.AddCookie(c)
				}
			}
		}
		for _, f := range all {
			j, pairs := f.fill(s)
			before := s.content()
			for _, from := range []struct {
				name   string
				status int // 0: any page
				change func(*http.Request)
			}{
				{"another origin", http.StatusForbidden, func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }},
				{"another site", http.StatusForbidden, func(r *http.Request) { r.Header.Del("Origin"); r.Header.Set("Sec-Fetch-Site", "cross-site") }},
				{"another host", http.StatusForbidden, func(r *http.Request) { r.Header.Del("Origin"); r.Header.Set("Sec-Fetch-Site", "same-site") }},
				{"an old browser without cookies", 0, func(r *http.Request) { r.Header.Del("Origin"); keep(r, "") }},
				{"an old browser with the link alone", 0, func(r *http.Request) { r.Header.Del("Origin"); keep(r, "-enlace-") }},
				{"another browser", 0, func(r *http.Request) { keep(r, "") }},
			} {
				g.change.Store(&from.change)
				got := j.Post(f.path, pairs...)
				g.change.Store(nil)
				if from.status != 0 && got.Status != from.status || got.Status >= http.StatusInternalServerError {
					t.Errorf("%s from %s: got %d", f.name, from.name, got.Status)
				}
			}
			if s.content() != before {
				t.Fatalf("%s has an effect that is sent from elsewhere", f.name)
			}
			if got := j.Post(f.path, pairs...); s.content() == before {
				t.Errorf("%s sent as it stands has none: %d %s", f.name, got.Status, got.Main())
			}
			s.Pass(16 * time.Minute)
			s.In(func(tx *storage.Tx) error {
				return tx.ForgiveRecovery(t.Context(), s.DB.IdentifierMAC(s.maria.Identifier))
			})
		}
	})
}
