package recovery_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/login/personal"
	"iess.gob.ec/clave/login/recovery"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

const (
	nobody = storage.Identifier("0959999913")
	diana  = storage.Identifier("1359999917") // never had a clave
	old    = "Guayas2019x"
	nueva  = "Chimborazo63"
)

// site is the way on a server, with two people: maria, who has a clave and has
// enrolled her questions, and diana, who has neither.
type site struct {
	*logintest.Site
	way          *recovery.Server
	maria, diana storage.Afiliado
}

func each(t *testing.T, f func(t *testing.T, s *site), change ...func(*recovery.Config)) {
	t.Helper()
	t.Parallel()
	logintest.Each(t, func(t *testing.T, engine string) { f(t, newSite(t, engine, change...)) })
}

func newSite(t testing.TB, engine string, change ...func(*recovery.Config)) *site {
	t.Helper()
	return newSiteOf(t, engine, func(*login.Config) {}, change...)
}

func newSiteOf(t testing.TB, engine string, other func(*login.Config), change ...func(*recovery.Config)) *site {
	t.Helper()
	s := &site{}
	s.Site = logintest.NewSite(t, engine, func(l *logintest.Site, r *mux.Router) {
		var cfg recovery.Config
		for _, c := range change {
			c(&cfg)
		}
		var err error
		if s.way, err = recovery.New(l.Server, cfg); err != nil {
			t.Fatal(err)
		}
		s.way.Routes(r)
	}, other)
	s.maria = storagetest.AddAfiliado(t, s.DB, storage.Afiliado{Mobile: "+593990000001", Fingerprint: true})
	s.diana = storagetest.AddAfiliado(t, s.DB, storage.Afiliado{
		Identifier: diana, GivenName: "Diana", FamilyName: "Zambrano Cedeño", Birthdate: "1996-02-29", Email: "diana.zambrano@example.ec",
		Mobile: "+593990000005",
	})
	s.SetClave(s.maria.ID, old, time.Time{})
	s.enrol(s.maria.ID, "Copito de Nieve", "Ñandú Veloz")
	s.work(s.maria.Identifier, s.diana.Identifier)
	return s
}

// enrol gives a person two questions with these answers.
func (s *site) enrol(afiliadoID string, answers ...string) {
	s.T.Helper()
	var all []storage.Answer
	for i, a := range answers {
		phc, err := s.Hash.Make(s.T.Context(), personal.Fold(a))
		if err != nil {
			s.T.Fatal(err)
		}
		all = append(all, storage.Answer{Question: templates.PersonalQuestions()[i], PHC: phc, CreatedAt: storage.At(s.Time())})
	}
	s.In(func(tx *storage.Tx) error { return tx.SetAnswers(s.T.Context(), afiliadoID, all) })
}

// work gives people histories of several employers.
func (s *site) work(ids ...storage.Identifier) {
	s.T.Helper()
	var b strings.Builder
	b.WriteString("cedula,empleador_ruc,empleador,provincia,sector,tipo,anio,mes,dias,sueldo\n")
	for _, id := range ids {
		for _, job := range []struct {
			ruc, name, province string
			from, to            int // months since 2010
			salary              string
		}{
			{"1790000001001", "Textiles del Machángara S.A.", "Pichincha", 20, 40, "520.00"},
			{"1790000002001", "Comercial Andina Cía. Ltda.", "Azuay", 79, 99, "840.00"},
			{"1790000003001", "Ferretería El Rosal", "Guayas", 165, 200, "1150.00"},
		} {
			for m := job.from; m < job.to; m++ {
				b.WriteString(strings.Join([]string{
					string(id), job.ruc, job.name, job.province, "Comercio", "dependencia", strconv.Itoa(2010 + m/12), strconv.Itoa(m%12 + 1), "30", job.salary,
				}, ",") + "\n")
			}
		}
	}
	report, err := s.DB.ImportHistoria(s.T.Context(), strings.NewReader(b.String()), storage.ImportOptions{
		Identifier: func(text string) (storage.Identifier, string, error) {
			return storage.Identifier(text), storage.IdentifierCedula, nil
		},
		Now: s.Time, Actor: "system", Refused: func(r storage.Refusal) error { s.T.Errorf("line %d: %s", r.Line, r.Reason); return nil },
	})
	if err != nil || report.Refused > 0 {
		s.T.Fatal(err)
	}
}

// fewerMonths leaves of all histories what questions can still be drawn from: who
// draws them often does less work.
func (s *site) fewerMonths() {
	s.T.Helper()
	raw := storagetest.Raw(s.T, s.Database)
	defer raw.Close()
	if _, err := raw.ExecContext(s.T.Context(), `DELETE FROM historia WHERE month NOT IN (1, 6)`); err != nil {
		s.T.Fatal(err)
	}
}

// form is what a browser fills in at the questions.
type form struct {
	day, month string
	history    [2]string
	personal   [2]string
}

// answers are the right ones of a person.
func (s *site) answers(a storage.Afiliado) form {
	s.T.Helper()
	f := form{day: strings.TrimPrefix(a.Birthdate[8:], "0"), month: strings.TrimPrefix(a.Birthdate[5:7], "0")}
	if a.ID == s.maria.ID {
		f.personal = [2]string{"  copito  DE nieve ", "nandu veloz"}
	}
	f.history = s.quiz(a)
	return f
}

// quiz are the right options of a person's questions.
func (s *site) quiz(a storage.Afiliado) [2]string {
	s.T.Helper()
	set := s.way.Quiz(s.T, a.Identifier, s.Time())
	for i := range set[0].Options {
		for j := range set[1].Options {
			if set.Right([2]int{i, j}) {
				return [2]string{strconv.Itoa(i), strconv.Itoa(j)}
			}
		}
	}
	s.T.Fatal("no pair of options is right")
	return [2]string{}
}

// journey is one browser on the way.
type journey struct {
	*logintest.Browser
	s     *site
	forms int // of answers, sent so far
}

func (s *site) journey() *journey { return &journey{Browser: s.NewBrowser(), s: s} }

// start sends the first step and returns the page of the second.
func (j *journey) start(id storage.Identifier) logintest.Answer {
	j.s.T.Helper()
	page := j.Get("/generar-recuperar?nuevo=1")
	got := j.Post("/generar-recuperar", "id", page.Hidden("id"), "identificacion", string(id), "reto", j.Ticket(page), "buscar", "1")
	j.s.Want(got, http.StatusSeeOther, "/generar-recuperar")
	return j.Get("/generar-recuperar")
}

// answer sends the second step as it stands on page. No two such forms are the same:
// one that comes twice in a row is not tried twice.
func (j *journey) answer(page logintest.Answer, f form) logintest.Answer {
	j.forms++
	return j.Post("/generar-recuperar", "vez", strconv.Itoa(j.forms), "caso", page.Hidden("caso"), "dia", f.day, "mes", f.month, "historia_1", f.history[0],
		"historia_2", f.history[1], "personal_1", f.personal[0], "personal_2", f.personal[1], "continuar", "1")
}

// pass goes through both and returns the page of the third step.
func (j *journey) pass(a storage.Afiliado) logintest.Answer {
	j.s.T.Helper()
	j.s.Want(j.answer(j.start(a.Identifier), j.s.answers(a)), http.StatusSeeOther, "/generar-recuperar")
	return j.Get("/generar-recuperar")
}

// data sends the third step.
func (j *journey) data(page logintest.Answer, pairs ...string) logintest.Answer {
	return j.Post("/generar-recuperar", append([]string{
		"caso", page.Hidden("caso"), "correo", "", "celular", "", "convencional", "", "continuar", "1",
	}, pairs...)...)
}

// ask goes as far as the mail, which is delivered, and returns its link.
func (j *journey) ask(a storage.Afiliado) *storage.Link {
	j.s.T.Helper()
	j.s.Want(j.data(j.pass(a)), http.StatusSeeOther, "/generar-recuperar/enviado")
	j.s.Deliver()
	return j.s.LinkOf(a.ID, "enlace-generar")
}

// confirm sends the last form as it stands on page.
func (j *journey) confirm(page logintest.Answer, clave string, more ...string) logintest.Answer {
	return j.Post("/generar-recuperar/clave", append([]string{
		"abierto", page.Hidden("abierto"), "declaracion", "1", "clave_nueva", clave, "clave_confirmacion", clave, "confirmar", "1",
	}, more...)...)
}

// enrolling are the fields of who chooses her questions.
func enrolling() []string {
	q := templates.PersonalQuestions()
	return []string{"pregunta_1", q[2], "respuesta_1", "Doña Eufrosina", "pregunta_2", q[3], "respuesta_2", "El sastre valiente"}
}
