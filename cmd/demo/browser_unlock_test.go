package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// asksByKeyboard says who she is and that she is no robot, without a mouse.
func (s *suite) asksByKeyboard(b *tab, id storage.Identifier, button string) {
	b.t.Helper()
	b.tabTo("identificacion")
	b.keys(string(id))
	if s.script {
		b.wait(widgetReady)
	}
	b.tabTo("reto")
	b.keys(" ")
	s.ticked(b)
	b.enterOn(button)
}

// unlockHere: Rosa asks by keyboard alone, reads her mail in the mailbox, presses
// its button and is in. Nothing is opened but what a person opens (S071, S073).
func (s *suite) unlockHere(t *testing.T) {
	p := s.known(t, rosaCedula, forHere, nil)
	b := s.window(t)
	b.open(s.mailboxURL() + "/correo/" + p.email)
	b.look("buzon-vacio")
	b.open(s.issuer + "/desbloqueo")
	s.asksByKeyboard(b, p.identifier, "desbloquear")
	b.at(s.issuer, "/desbloqueo/enviado")
	b.says("Si los datos corresponden a una cuenta", "Vale 3 minutos")
	b.look("desbloqueo-enviado")

	message := s.mailed(t, p.email, templates.MailUnlockLink{}, 1)
	if s.script {
		b.open(message.URL.String())
		b.look("buzon-mensaje")
		b.lead(chromedp.Focus("iframe.carta", chromedp.ByQuery), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	} else {
		b.pressMail(message)
		b.at(s.issuer, "/desbloqueo/abrir")
		b.look("desbloqueo-abrir")
		b.enterOn("desbloquear")
	}
	b.wait("#contenido .notice.good")
	b.at(s.issuer, "/desbloqueo/listo")
	b.says("Su clave ha sido desbloqueada", "los cinco intentos", "Generar / Recuperar clave")
	b.look("desbloqueo-listo")
	s.mailed(t, p.email, templates.MailClaveUnlocked{}, 1)

	link, _ := s.linkFor(t, p, 1)
	b.open(link)
	b.says("Este enlace ya se usó", "Si la clave se bloqueó otra vez")
	b.look("enlace-usado")
	b.open(s.issuer + "/desbloqueo/listo")
	b.enterOn("ingresar")
	b.signIn(string(p.identifier), commonClave)
	b.at(s.issuer, "/cuenta")
}

// unlockElsewhere: in another browser the end of her cédula is asked for, and a
// form sent without it costs nothing (S073, T11).
func (s *suite) unlockElsewhere(t *testing.T) {
	p := s.newcomer(t, forElsewhere, nil)
	s.asks(s.window(t), p.identifier)
	link, _ := s.linkFor(t, p, 1)
	b := s.window(t)
	b.open(link)
	b.at(s.issuer, "/desbloqueo/abrir") // the token is out of the address
	b.says("El enlace se pidió en otro navegador", "Todavía no hicimos nada")
	b.look("desbloqueo-otro-navegador")
	b.press("desbloquear")
	b.says("Escriba los últimos cuatro caracteres")
	b.look("desbloqueo-otro-navegador-falta")
	b.fill("ultimos", "0000")
	b.press("desbloquear")
	b.says("Esos caracteres no coinciden", "Le quedan cuatro intentos")
	b.look("desbloqueo-otro-navegador-no-coincide")
	b.fill("ultimos", string(p.identifier[6:]))
	b.press("desbloquear")
	b.at(s.issuer, "/desbloqueo/listo")
	s.enters(b, p.identifier, p.clave)
}

// unlockByCode: the code of the mail, typed where she asked, and where she did not.
func (s *suite) unlockByCode(t *testing.T) {
	p := s.newcomer(t, forCode, nil)
	b := s.window(t)
	s.asks(b, p.identifier)
	_, code := s.linkFor(t, p, 1)
	b.lead(chromedp.Click(`a[href="/desbloqueo/codigo"]`, chromedp.ByQuery))
	b.at(s.issuer, "/desbloqueo/codigo")
	b.look("desbloqueo-codigo")
	b.press("desbloquear")
	b.says("Escriba el código del mensaje.")
	b.fill("codigo_mensaje", strings.Map(func(r rune) rune { // each digit another
		if r == ' ' {
			return r
		}
		return '0' + (r-'0'+1)%10
	}, code))
	s.tickIfAsked(b)
	b.press("desbloquear")
	b.says("El código no coincide, o venció")
	b.look("desbloqueo-codigo-no-coincide")

	other := s.window(t)
	other.open(s.issuer + "/desbloqueo/codigo")
	other.look("desbloqueo-codigo-de-quien")
	other.fill("identificacion", string(p.identifier))
	other.fill("codigo_mensaje", code)
	s.tick(other)
	other.press("desbloquear")
	other.at(s.issuer, "/desbloqueo/listo")
	b.fill("codigo_mensaje", code)
	s.tickIfAsked(b)
	b.press("desbloquear")
	b.noDeadEnd() // it has been used
	s.enters(b, p.identifier, p.clave)
}

// threeMinutes: from hand-over on, a link works at 2:59 and not at 3:01, and then
// one press sends another, which kills the first (S072, D05, D06).
func (s *suite) threeMinutes(t *testing.T) {
	p := s.newcomer(t, forMinutes, nil)
	t.Cleanup(s.clock.goOn)
	b := s.window(t)
	s.asks(b, p.identifier)
	first, _ := s.linkFor(t, p, 1)
	s.clock.stop(s.delivered(t, p, storage.LinkDesbloqueo).Add(3*time.Minute + time.Second))
	b.open(first)
	b.says("Este enlace venció", "Pida otro con un toque")
	b.look("enlace-vencido")
	s.clock.goOn()
	b.press("reenviar")
	b.at(s.issuer, "/desbloqueo/enviado")
	b.says("enviamos otro enlace")
	b.look("desbloqueo-enviado-otra-vez")
	second, _ := s.linkFor(t, p, 2)
	b.open(first)
	b.noDeadEnd()
	b.says("Hay un enlace más nuevo")
	b.look("enlace-reemplazado")
	s.clock.stop(s.delivered(t, p, storage.LinkDesbloqueo).Add(2*time.Minute + 59*time.Second))
	b.open(second)
	if !s.script {
		b.press("desbloquear")
	}
	b.wait("#contenido .notice.good")
	b.at(s.issuer, "/desbloqueo/listo")
	s.clock.goOn()
	s.enters(b, p.identifier, p.clave)
}

var clockTimes = regexp.MustCompile(`\b(las? )?\d{2}:\d{2}\b`) // la 01:59, las 02:00

// unlockAlike: somebody with all that it takes, one without a fingerprint, Luis
// without a mailbox and nobody at all read the same; only mailboxes differ (D20,
// T17).
func (s *suite) unlockAlike(t *testing.T) {
	all := s.newcomer(t, forAlike, nil)
	unregistered := s.newcomer(t, forAssisted, func(p *person) { p.finger = false })
	answers := map[string]string{}
	for _, id := range []string{string(all.identifier), string(unregistered.identifier), "1059999910", unknownCedula} {
		b := s.window(t)
		b.open(s.issuer + "/desbloqueo")
		b.fill("identificacion", id)
		s.tick(b)
		b.press("desbloquear")
		b.at(s.issuer, "/desbloqueo/enviado")
		b.says("CAU", "Videollamada", "Si no llega ningún mensaje")
		answers[id] = clockTimes.ReplaceAllString(s.normal(b, id), "CLOCK")
		if id == unknownCedula { // three in 15 minutes
			for range 2 {
				s.clock.pass(6 * time.Second) // sooner it is a double click
				b.press("reenviar")
			}
			b.says("Podrá pedir otro enlace")
			b.look("desbloqueo-enviado-limite")
		}
	}
	for id, got := range answers {
		if want := answers[string(all.identifier)]; got != want {
			t.Errorf("%s and somebody who can unlock are told apart:\n%s", id, difference(got, want))
		}
	}

	message := s.mailed(t, unregistered.email, templates.MailUnlockAssisted{}, 1)
	for _, words := range []string{"Su huella no consta", "Centro de Atención Universal"} {
		if !strings.Contains(message.Text(), words) {
			t.Errorf("the mail does not say %q: %s", words, message.Text())
		}
	}
	b := s.window(t)
	b.pressMail(message)
	b.at(s.issuer, "/generar-recuperar")
	b.noDeadEnd()
	s.mailed(t, all.email, templates.MailUnlockLink{}, 1)
}
