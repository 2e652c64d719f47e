package main

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

const dianaCedula = "1359999917"

// What is answered to the questions that a person chooses on the way.
const (
	firstAnswer  = "Doña Eufrosina"
	secondAnswer = "El sastre valiente"
)

// firstClave: Diana never had a clave. From Historia Laboral she goes as far as her
// data, leaves, comes back to where she was, and with the mail's link chooses two
// questions and a clave; the last page leads to Historia Laboral, where she enters
// (S022, S060–S066).
func (s *suite) firstClave(t *testing.T) {
	t.Cleanup(func() { s.clock.set(0) }) // the applications' library has a clock of its own
	p := one(t, dianaCedula)
	b := s.window(t)
	b.enter(s.historia)
	b.lead(chromedp.Click(`#contenido a[href="/generar-recuperar"]`, chromedp.ByQuery))
	b.at(s.issuer, "/generar-recuperar")
	b.says("Paso 1 de 4", "Historia Laboral")
	b.look("generar-inicio")
	b.press("buscar")
	b.says("Revise 2 puntos")
	b.fill("identificacion", string(p.identifier))
	s.tick(b)
	b.press("buscar")
	b.says("Paso 2 de 4", "Si es su primera vez, déjelas en blanco")
	b.look("generar-preguntas")
	b.press("continuar")
	b.says("Revise 4 puntos", "Elija")
	s.answers(b, p)
	b.press("continuar")
	b.says("Paso 3 de 4", "D••• Z••• C•••", "•••••••917")
	if said := b.text("#contenido"); strings.Contains(said, p.given) || strings.Contains(said, p.email) || strings.Contains(said, p.mobile) {
		t.Errorf("what is on file shows\n%s", b.where())
	}
	b.look("generar-datos")
	b.open(s.issuer + "/")
	b.open(s.issuer + "/generar-recuperar")
	b.says("Paso 3 de 4", "Historia Laboral")
	b.fill("celular", "12")
	b.press("continuar")
	b.says("Revise un punto")
	b.fill("celular", "")
	b.press("continuar")
	b.at(s.issuer, "/generar-recuperar/enviado")
	b.says("Vale 15 minutos", "puede tardar hasta 15 minutos")
	b.look("generar-enviado")

	s.mailed(t, p.email, templates.MailQuestionsPassed{}, 1) // T04
	b.open(linkIn(t, s.mailed(t, p.email, templates.MailGenerateLink{}, 1), 1))
	b.at(s.issuer, "/generar-recuperar/clave")
	b.says("Cree su clave", "Elija dos preguntas personales")
	b.look("generar-clave")
	s.refusesFirst(b, p)
	b.press("confirmar")
	b.at(s.issuer, "/generar-recuperar/listo")
	b.says("Su clave está lista")
	b.look("generar-listo")
	s.mailed(t, p.email, templates.MailRecovered{First: true}, 1)

	s.clock.set(0)
	b.press("ingresar")
	b.at(s.issuer, "/ingresar")
	b.signIn(string(p.identifier), newClave)
	b.at(s.issuer, "/autorizar")
	b.press("continuar")
	b.at(s.historia, "/")
	b.says(p.given + " " + p.family)
}

// refusesFirst sends what will not do as a first clave, and leaves on the page what
// will. What was typed stays, but for the clave (S036, S037, S063).
func (s *suite) refusesFirst(b *tab, p person) {
	b.t.Helper()
	b.press("confirmar")
	b.says("Revise 6 puntos", "declaración")
	b.click("#declaracion")
	for i, text := range []string{strings.Fields(p.family)[0], "Quito"} {
		n := string(rune('1' + i))
		b.run(chromedp.SetValue("#pregunta_"+n, templates.PersonalQuestions()[i], chromedp.ByQuery))
		b.fill("respuesta_"+n, text)
	}
	b.fill("clave_nueva", "Corta1")
	b.fill("clave_confirmacion", "Corta1")
	b.press("confirmar")
	b.says("Revise 3 puntos", "al menos 8 caracteres")
	b.look("generar-clave-rechazada")
	if got := b.prop("#respuesta_2", "value"); got != "Quito" {
		b.t.Errorf("what was typed has become %q", got)
	}
	if got := b.prop("#clave_nueva", "value"); got != "" {
		b.t.Error("the page gives the clave back")
	}
	if b.prop("#declaracion", "checked") != "true" {
		b.t.Error("the declaration is to be ticked again")
	}
	b.fill("respuesta_1", firstAnswer)
	b.fill("respuesta_2", secondAnswer)
	b.fill("clave_nueva", newClave)
	b.fill("clave_confirmacion", newClave)
}

// recoverHere: somebody who forgot her clave gets another one by keyboard alone, in
// the browser that asked (S027–S039).
func (s *suite) recoverHere(t *testing.T) {
	p, remembers := s.forgetful(t, true)
	defer remembers()
	b := s.window(t)
	b.open(s.issuer + "/generar-recuperar")
	s.asksByKeyboard(b, p.identifier, "buscar")
	s.typesAnswers(b, p)
	b.enterOn("continuar")
	b.says("Paso 3 de 4")
	b.enterOn("continuar")
	b.at(s.issuer, "/generar-recuperar/enviado")
	b.pressMail(s.mailed(t, p.email, templates.MailGenerateLink{}, 1))
	b.at(s.issuer, "/generar-recuperar/clave")
	b.says("Cree su clave nueva")
	b.look("recuperar-clave")
	b.tabTo("declaracion")
	b.keys(" ")
	b.tabTo("clave_nueva")
	b.keys(newClave)
	b.tabTo("clave_confirmacion")
	b.keys(newClave)
	b.enterOn("confirmar")
	b.at(s.issuer, "/generar-recuperar/listo")
	b.says("Su clave nueva está lista")
	s.mailed(t, p.email, templates.MailRecovered{}, 1)
	b.enterOn("ingresar")
	b.signIn(string(p.identifier), newClave)
	b.at(s.issuer, "/cuenta")
}

// recoverElsewhere: of two tabs one goes ahead, and the other finds where. The link
// is opened in another browser, where day, month and one personal question are
// asked first; a session that was open has ended (S038, T24, C7).
func (s *suite) recoverElsewhere(t *testing.T) {
	p, remembers := s.forgetful(t, false)
	defer remembers()
	inside := s.window(t)
	s.enters(inside, p.identifier, p.clave)
	b := s.window(t)
	s.asksRecovery(b, p.identifier)
	late := b.another()
	late.open(s.issuer + "/generar-recuperar")
	s.born(late, p)
	s.answers(b, p)
	b.press("continuar")
	b.says("Paso 3 de 4")
	late.press("continuar")
	late.says("Siga desde aquí", "Paso 3 de 4")
	b.press("continuar")
	b.at(s.issuer, "/generar-recuperar/enviado")

	link := linkIn(t, s.mailed(t, p.email, templates.MailGenerateLink{}, 1), 1)
	b = s.window(t)
	b.open(link)
	b.at(s.issuer, "/generar-recuperar/clave") // the token is out of the address
	b.says("Confirme que es usted")
	b.look("recuperar-otro-navegador")
	s.born(b, p)
	b.press("continuar")
	b.says("Escriba la respuesta a su pregunta personal")
	b.fill("personal_1", "otra cosa")
	b.press("continuar")
	b.says("Alguna respuesta no coincide", "Le quedan cuatro intentos")
	b.fill("personal_1", strings.ToUpper(p.answers[0].text))
	b.press("continuar")
	b.says("Cree su clave nueva")
	b.click("#declaracion")
	b.fill("clave_nueva", newClave)
	b.fill("clave_confirmacion", newClave)
	b.press("confirmar")
	b.at(s.issuer, "/generar-recuperar/listo")
	inside.open(s.issuer + "/")
	if inside.has("header [name=salir]") {
		t.Error("the session goes on")
	}
	s.enters(b, p.identifier, newClave)
	b.open(link)
	b.noDeadEnd() // it has been used
}

// forgetful is María, on the journey in one browser where there is script, on that
// through another one where there is none; else Amara on the latter, and on the
// former somebody with María's past. The function puts her clave and the clock back.
func (s *suite) forgetful(t *testing.T, here bool) (person, func()) {
	t.Helper()
	p := one(t, mariaCedula)
	switch {
	case here && !s.script:
		return s.withPast(t, forHere), func() { s.clock.set(0) }
	case !here && s.script:
		p = one(t, "EXT-0004711")
	}
	return p, func() {
		s.clock.set(0)
		s.age(t, p.identifier, commonClave, p.claveAge)
	}
}

// withPast adds somebody who has María's work history and answers.
func (s *suite) withPast(t *testing.T, role int) person {
	t.Helper()
	maria := one(t, mariaCedula)
	return s.newcomer(t, role, func(p *person) {
		p.jobs, p.answers, p.mobile, p.locked = maria.jobs, maria.answers, maria.mobile, false
	})
}

// one is the person of the table.
func one(t *testing.T, cedula string) person {
	t.Helper()
	for _, p := range people() {
		if string(p.identifier) == cedula {
			return p
		}
	}
	t.Fatalf("nobody of the table is %s", cedula)
	return person{}
}

// asksRecovery goes through the first step.
func (s *suite) asksRecovery(b *tab, id storage.Identifier) {
	b.t.Helper()
	b.open(s.issuer + "/generar-recuperar?nuevo=1")
	b.withCode(id)
	b.fill("identificacion", string(id))
	s.tick(b)
	b.press("buscar")
	if b.has("#reto") { // her failures of before have made it dearer
		s.ticked(b)
		b.press("buscar")
	}
	b.at(s.issuer, "/generar-recuperar")
	b.says("Paso 2 de 4")
}

// withCode goes where the page asks for a code, if id is one.
func (b *tab) withCode(id storage.Identifier) {
	b.t.Helper()
	if strings.HasPrefix(string(id), "EXT-") {
		b.lead(chromedp.Click(`#contenido a[href*="codigo=1"]`, chromedp.ByQuery))
	}
}

// born chooses day and month.
func (s *suite) born(b *tab, p person) {
	b.t.Helper()
	day, month := birthday(p)
	b.run(chromedp.SetValue("#dia", day, chromedp.ByQuery), chromedp.SetValue("#mes", month, chromedp.ByQuery))
}

// answers fills in the second step with what is right.
func (s *suite) answers(b *tab, p person) {
	b.t.Helper()
	s.born(b, p)
	for i, option := range s.right(b.t, p.identifier) {
		b.click("#historia_" + string(rune('1'+i)) + "-" + option)
	}
	for i, a := range p.answers {
		b.fill("personal_"+string(rune('1'+i)), a.text)
	}
}

// typesAnswers does the same by keyboard.
func (s *suite) typesAnswers(b *tab, p person) {
	b.t.Helper()
	b.tabTo("dia")
	for range int(p.birthdate[8]-'0')*10 + int(p.birthdate[9]-'0') {
		b.keys(kb.ArrowDown)
	}
	b.tabTo("mes")
	for range int(p.birthdate[5]-'0')*10 + int(p.birthdate[6]-'0') {
		b.keys(kb.ArrowDown)
	}
	for i, option := range s.right(b.t, p.identifier) {
		b.tabTo("historia_" + string(rune('1'+i)) + "-0")
		b.keys(" ")
		for range int(option[0] - '0') {
			b.keys(kb.ArrowDown)
		}
	}
	for i, a := range p.answers {
		b.tabTo("personal_" + string(rune('1'+i)))
		b.keys(a.text)
	}
}
