package main

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/cmd/demo/rp/rptest"
	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/personal"
	"iess.gob.ec/clave/login/quiz"
	"iess.gob.ec/clave/login/recovery"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// right are the options of the two questions on a person's work history that are
// right, found as the provider draws them.
func (w *world) right(t *testing.T, id storage.Identifier) [2]string {
	t.Helper()
	a, err := w.db().AfiliadoByIdentifier(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	history, err := w.db().Historia(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	seed, now := w.db().QuizSeed(id), w.clock.now()
	province, sector, year := quiz.Near(seed, history, now)
	peers, err := w.db().Peers(t.Context(), province, sector, year, quiz.Start(seed), 64)
	if err != nil {
		t.Fatal(err)
	}
	set, _ := quiz.Ask(seed, history, peers, now)
	for i := range set[0].Options {
		for j := range set[1].Options {
			if set.Right([2]int{i, j}) {
				return [2]string{strconv.Itoa(i), strconv.Itoa(j)}
			}
		}
	}
	t.Fatalf("no pair of options is right for %v", id)
	return [2]string{}
}

// birthday is day and month as the form has them.
func birthday(p person) (string, string) {
	return strings.TrimPrefix(p.birthdate[8:], "0"), strings.TrimPrefix(p.birthdate[5:7], "0")
}

// rightAnswers are those of p as a form sends them.
func (w *world) rightAnswers(t *testing.T, p person) url.Values {
	t.Helper()
	day, month := birthday(p)
	history := w.right(t, p.identifier)
	fields := url.Values{
		"dia": {day}, "mes": {month}, "historia_1": {history[0]}, "historia_2": {history[1]}, "personal_1": {""}, "personal_2": {""},
	}
	for i, a := range p.answers {
		fields.Set("personal_"+strconv.Itoa(i+1), a.text)
	}
	return fields
}

// askRecovery goes through the first step without script.
func (w *world) askRecovery(t *testing.T, b *rptest.Browser, id string) *rptest.Page {
	t.Helper()
	address := w.issuer + "/generar-recuperar?nuevo=1"
	if strings.HasPrefix(id, "EXT") {
		address += "&codigo=1"
	}
	p := b.Get(address)
	w.clock.pass(ticketAge)
	p = b.Press("buscar", url.Values{"identificacion": {id}, "reto": {p.Value("reto")}})
	if !p.Has("continuar") {
		t.Fatalf("%s is not asked anything: %s", id, p.Text())
	}
	return p
}

// ticketAge is more than a page without script says to wait.
const ticketAge = 40 * time.Second

// passQuestions goes as far as the third step, with the right answers.
func (w *world) passQuestions(t *testing.T, b *rptest.Browser, p person) *rptest.Page {
	t.Helper()
	w.askRecovery(t, b, string(p.identifier))
	page := b.Press("continuar", w.rightAnswers(t, p))
	if !strings.Contains(page.Body, `name="correo"`) {
		t.Fatalf("right answers lead to %s: %s", page.URL, page.Text())
	}
	return page
}

// contact are the fields of the third step; "" keeps the address on file.
func contact(email string) url.Values {
	return url.Values{"correo": {email}, "celular": {""}, "convencional": {""}}
}

// applyContacts does what the provider's job does every minute.
func (w *world) applyContacts(t *testing.T) {
	t.Helper()
	way, err := recovery.New(&login.Server{Config: login.Config{DB: w.db()}}, recovery.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := way.Contacts.Apply(t.Context(), w.clock.now()); err != nil {
		t.Fatal(err)
	}
}

// Whatever the demo's people are asked personally, what /personas says is an answer
// that they could have enrolled (S063), and it does say so.
func TestContract2_PersonalAnswers(t *testing.T) {
	pages, err := mailWords()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range people() {
		if want := p.clave != ""; want != (len(p.answers) == 2) {
			t.Errorf("%s has %d answers", p.given, len(p.answers))
			continue
		}
		a, err := p.afiliado(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		var history []storage.Historia
		for _, e := range p.jobs {
			history = append(history, storage.Historia{Employer: e.employer, Province: e.province, Sector: e.sector})
		}
		var typed []string
		for _, given := range p.answers {
			typed = append(typed, given.text)
			if pages.PersonalQuestion(templates.Languages()[0], given.question) == "" {
				t.Errorf("%s: no question %q", p.given, given.question)
			}
		}
		for i, weak := range personal.Check(typed, a, history) {
			if weak != personal.WeakNone {
				t.Errorf("%s could not enrol %q: %d", p.given, typed[i], weak)
			}
		}
	}
}
