package main

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"iess.gob.ec/clave/cmd/demo/rp/rptest"
	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/clave"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// lull is as long as many people of one network are a crowd, whose links wait.
const lull = 11 * time.Minute

// fifteenMinutes: from hand-over on, a link opens at 14:59 and not at 15:01, and
// what it opened is taken as long, also where the link itself has ended meanwhile;
// then one press sends another (S034, S039, D07).
func (s *suite) fifteenMinutes(t *testing.T) {
	p := s.withPast(t, forWindow)
	t.Cleanup(s.clock.goOn)
	s.clock.pass(lull)
	b := s.window(t)
	s.asksRecovery(b, p.identifier)
	s.answers(b, p)
	b.press("continuar")
	b.press("continuar")
	b.at(s.issuer, "/generar-recuperar/enviado")
	opens := func(nth int, after time.Duration) time.Time {
		t.Helper()
		link := linkIn(t, s.mailed(t, p.email, templates.MailGenerateLink{}, nth), 1)
		at := s.delivered(t, p, storage.LinkGenerar).Add(after)
		s.clock.stop(at)
		b.open(link)
		b.at(s.issuer, "/generar-recuperar/clave")
		return at
	}
	sends := func(at time.Time) {
		t.Helper()
		s.clock.stop(at)
		b.click("#declaracion")
		b.fill("clave_nueva", newClave)
		b.fill("clave_confirmacion", newClave)
		b.press("confirmar")
	}
	another := func(why string) {
		t.Helper()
		b.says(why, "Pida otro con un toque")
		s.clock.goOn()
		b.press("reenviar")
		b.at(s.issuer, "/generar-recuperar/enviado")
		b.says("enviamos otro enlace")
	}
	const within, beyond = 15*time.Minute - time.Second, 15*time.Minute + time.Second
	opens(1, beyond)
	b.look("generar-enlace-vencido")
	another("Este enlace venció")
	opened := opens(2, within)
	b.says("Cree su clave nueva")
	sends(opened.Add(beyond))
	another("El tiempo para escribir la clave terminó")
	opened = opens(3, within)
	sends(opened.Add(within))
	b.at(s.issuer, "/generar-recuperar/listo")
	s.clock.goOn()
	s.enters(b, p.identifier, newClave)
}

// recoverAlike: with five wrong answers, one to a browser, everybody gets the same
// pages, whoever she is and whether or not anybody is; and Luis, who has no
// mailbox, gets the last of them also for right answers (S026, S030, T01, T17).
func (s *suite) recoverAlike(t *testing.T) {
	if !s.script {
		s.recoverWrong(t)
		return
	}
	s.noSuchDay(t)
	all := s.withPast(t, forWrong)
	answers := map[string][]string{}
	for _, id := range []string{string(all.identifier), "1859999912", "1059999910", unknownCedula, "EXT-0990099"} {
		for range login.LinkAttempts {
			b := rptest.New(t)
			answers[id] = append(answers[id], s.unlike(s.askRecovery(t, b, id), id),
				s.unlike(b.Press("continuar", url.Values{
					"dia": {"31"}, "mes": {"12"}, "historia_1": {"5"}, "historia_2": {"5"}, "personal_1": {"nada"}, "personal_2": {""},
				}), id))
		}
	}
	want := answers[string(all.identifier)]
	for id, got := range answers {
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("page %d: %s and somebody who can recover are told apart:\n%s", i, id, difference(got[i], want[i]))
			}
		}
	}
	if !strings.Contains(want[len(want)-1], "Por aquí no podemos seguir") {
		t.Errorf("after five wrong answers: %s", want[len(want)-1])
	}

	s.unlockedByOfficer(t, "1059999910")
	b := rptest.New(t)
	s.askRecovery(t, b, "1059999910")
	if got := s.unlike(b.Press("continuar", s.rightAnswers(t, one(t, "1059999910"))), "1059999910"); got != want[len(want)-1] {
		t.Errorf("Luis is told more:\n%s", difference(got, want[len(want)-1]))
	}
}

// unlockedByOfficer gives somebody all attempts back.
func (s *suite) unlockedByOfficer(t *testing.T, id storage.Identifier) {
	t.Helper()
	a, err := s.db().AfiliadoByIdentifier(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if err := clave.UnlockByOperator(t.Context(), s.db(), a.ID, "prueba", s.clock.now()); err != nil && !errors.Is(err, clave.ErrNotLocked) {
		t.Fatal(err)
	}
}

var (
	unlikeEachTime = regexp.MustCompile(`(name="(caso|id)" value=")[^"]*|data-left="\d+"|\bid=[A-Za-z0-9_-]+`)
	unlikeQuestion = regexp.MustCompile(`(<span class="count">[^<]*</span> )[^<]*|(value="\d"( checked)? required><span>)[^<]*`)
	unlikeMinutes  = regexp.MustCompile(`quedan? [^<]* minutos?`)
)

// unlike is the page without what differs each time, and without the words of the
// questions.
func (s *suite) unlike(p *rptest.Page, id string) string {
	body := strings.ReplaceAll(unlikeEachTime.ReplaceAllString(p.Body, "$1"), id, "CEDULA")
	body = unlikeMinutes.ReplaceAllString(unlikeQuestion.ReplaceAllString(body, "$1$2"), "LEFT")
	return clockTimes.ReplaceAllString(body, "CLOCK")
}

// recoverWrong: what the last of them looks like to Jorge, who has no work history
// to be asked about, and to Luis for his right answers.
func (s *suite) recoverWrong(t *testing.T) {
	for _, p := range []person{one(t, "1859999912"), one(t, "1059999910")} {
		s.unlockedByOfficer(t, p.identifier)
		b := s.window(t)
		s.asksRecovery(b, p.identifier)
		if len(p.jobs) > 0 {
			s.answers(b, p)
		} else {
			s.failsFour(b, p)
		}
		b.press("continuar")
		b.says("Por aquí no podemos seguir", "CAU", "Videollamada", "Nadie ingresó")
		b.look("generar-fallida")
		b.noDeadEnd()
	}
}

// failsFour answers four times of five.
func (s *suite) failsFour(b *tab, p person) {
	b.t.Helper()
	s.born(b, p)
	b.click("#historia_1-0")
	b.click("#historia_2-1")
	for _, left := range []string{"cuatro intentos", "tres intentos", "dos intentos", "un intento"} {
		b.press("continuar")
		b.says("Alguna respuesta no coincide", left)
		b.look("generar-preguntas-no-coinciden")
		b.fill("personal_2", left) // the same form again is a double click
	}
}

// noSuchDay: 31 February costs Carlos nothing, and 29 February is his birthday
// (S027).
func (s *suite) noSuchDay(t *testing.T) {
	t.Helper()
	p := one(t, "0959999913")
	b := rptest.New(t)
	s.askRecovery(t, b, string(p.identifier))
	fields := s.rightAnswers(t, p)
	fields.Set("dia", "31")
	if page := b.Press("continuar", fields); !strings.Contains(page.Text(), "Ese mes no tiene") {
		t.Errorf("31 February: %s", page.Text())
	}
	if n, err := s.db().RecoveryBudget(t.Context(), s.db().IdentifierMAC(p.identifier), s.clock.now()); err != nil || n != 0 {
		t.Errorf("31 February costs %d attempts, %v", n, err)
	}
	fields.Set("dia", "29")
	if page := b.Press("continuar", fields); !strings.Contains(page.Body, `name="correo"`) {
		t.Errorf("29 February: %s", page.Text())
	}
}

// anotherAddress: a changed address counts after 72 hours, when it has been
// confirmed, and until then a link goes to neither; "No fui yo" of the address on
// file stops it (D18, T05).
func (s *suite) anotherAddress(t *testing.T) {
	p := s.withPast(t, forAddress)
	fresh := "nueva-" + p.email
	s.clock.pass(lull)
	b := s.window(t)
	s.asksRecovery(b, p.identifier)
	s.answers(b, p)
	b.press("continuar")
	b.fill("correo", fresh)
	b.press("continuar")
	b.at(s.issuer, "/generar-recuperar/enviado")
	b.says("Confirme su correo nuevo", "Todavía no usamos el correo nuevo")
	b.look("generar-otro-correo")
	b.lead(chromedp.Click(`#contenido a[href="/generar-recuperar?nuevo=1"]`, chromedp.ByQuery)) // it may have been typed wrong
	b.says("Paso 1 de 4")
	asked := s.clock.now()
	old := s.mailed(t, p.email, templates.MailContactOld{}, 1)
	b = s.window(t)
	b.open(linkIn(t, s.mailed(t, fresh, templates.MailContactNew{}, 1), 1))
	b.at(s.issuer, "/correo/confirmar")
	b.look("correo-confirmar")
	s.tickIfAsked(b)
	b.press("confirmar")
	b.at(s.issuer, "/correo/listo")
	b.says("Su correo está confirmado", "Todavía no vale")
	b.look("correo-confirmado")

	s.clock.set(time.Until(asked.Add(71 * time.Hour)))
	s.applyContacts(t)
	s.linkOrNot(t, p)
	s.mailed(t, p.email, templates.MailGenerateHeld{}, 1)
	for _, address := range []string{p.email, fresh} {
		if n := len(s.inbox(t, address, subjectOf(t, templates.MailGenerateLink{}))); n != 0 {
			t.Errorf("at 71 hours a link went to %s", address)
		}
	}
	if !s.script {
		s.stopsChange(t, p, linkIn(t, old, 2))
	}

	s.clock.set(time.Until(asked.Add(73 * time.Hour)))
	s.applyContacts(t)
	to, never := fresh, p.email
	if s.script {
		s.mailed(t, p.email, templates.MailContactApplied{Former: true}, 1)
		s.mailed(t, fresh, templates.MailContactApplied{}, 1)
	} else {
		to, never = never, to
	}
	s.linkOrNot(t, p)
	s.clock.pass(31 * time.Minute) // an address that is new, or "No fui yo": the link waits
	s.mailed(t, to, templates.MailGenerateLink{}, 1)
	if n := len(s.inbox(t, never, subjectOf(t, templates.MailGenerateLink{}))); n != 0 {
		t.Errorf("at 73 hours a link went to %s", never)
	}
}

// linkOrNot asks for the link to the address on file. The page says the same
// whether or not it goes.
func (s *suite) linkOrNot(t *testing.T, p person) {
	t.Helper()
	b := rptest.New(t)
	s.passQuestions(t, b, p)
	if page := b.Press("continuar", contact("")); page.URL.Path != "/generar-recuperar/enviado" || !strings.Contains(page.Text(), "Vale 15 minutos") {
		t.Errorf("%s: %s", page.URL, page.Text())
	}
}

// stopsChange presses "No fui yo".
func (s *suite) stopsChange(t *testing.T, p person, link string) {
	t.Helper()
	b := s.window(t)
	b.open(link)
	b.at(s.issuer, "/no-fui-yo")
	s.tick(b)
	b.press("no-fui-yo")
	b.at(s.issuer, "/no-fui-yo/listo")
	a, err := s.db().AfiliadoByIdentifier(t.Context(), p.identifier)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.db().OpenContactChange(t.Context(), a.ID); err == nil {
		t.Error("the change is still under way")
	}
}
