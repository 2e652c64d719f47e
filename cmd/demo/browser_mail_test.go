package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"iess.gob.ec/clave/cmd/demo/rp/rptest"
	"iess.gob.ec/clave/templates"
)

// unlockByMail: Rosa asks, reads her mail in the mailbox, presses its button and
// is in. Nothing is opened but what a person opens.
func (s *suite) unlockByMail(t *testing.T) {
	b := s.window(t)
	b.open(s.mailboxURL() + "/correo/" + rosaMail)
	b.look("buzon-vacio")
	b.open(s.issuer + "/desbloqueo")
	b.fill("identificacion", rosaCedula)
	if s.script {
		b.wait(widgetReady)
		b.click("#reto")
		b.wait(widgetSolved)
	} else {
		b.click("#reto")
		s.clock.set(2 * time.Minute) // the ticket counts by now
		t.Cleanup(func() { s.clock.set(0) })
	}
	b.press("desbloquear")
	b.at(s.issuer, "/desbloqueo/enviado")

	b.open(s.mailed(t, rosaMail, templates.MailUnlockLink{}, 1).URL.String())
	b.look("buzon-mensaje")
	b.lead(chromedp.Focus("iframe.carta", chromedp.ByQuery), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	if !s.script {
		b.at(s.issuer, "/desbloqueo/abrir")
		b.press("desbloquear")
	}
	b.wait("#contenido .notice.good")
	b.at(s.issuer, "/desbloqueo/listo")
	s.mailed(t, rosaMail, templates.MailClaveUnlocked{}, 1)

	s.clock.set(0) // the applications' library takes no token from the future
	b.enter(s.historia)
	b.signIn(rosaCedula, commonClave)
	b.at(s.issuer, "/autorizar")
}

// mailboxPages: what else the mailbox shows.
func (s *suite) mailboxPages(t *testing.T) {
	b := s.window(t)
	for path, name := range map[string]string{
		"/": "buzon", "/personas": "buzon-personas", "/plantillas": "buzon-plantillas", "/plantillas/es-EC/equipo-nuevo-y-mas": "buzon-plantilla",
		"/plantillas/en/enlace-desbloqueo": "buzon-plantilla-en", "/correo/" + mariaMail: "buzon-correo",
	} {
		if status := b.open(s.mailboxURL() + path); status != http.StatusOK {
			t.Errorf("%s answers %d", path, status)
		}
		b.look(name)
		b.width(320)
		b.noSidewaysScroll(name + "-320")
	}
	b.open(s.mailboxURL() + "/nada")
	b.look("buzon-no-existe")
	b.noDeadEnd()

	// Every mail by itself, as a mail program shows it.
	for _, state := range templates.MailStates(templates.Languages()[0]) {
		b.open(s.mailboxURL() + "/plantillas/es-EC/" + state.Name + "/html")
		for _, px := range []int64{320, 360, 1280} {
			b.width(px)
			b.noSidewaysScroll(state.Name)
		}
	}
	if p := rptest.New(t).Get(s.mailboxURL() + "/"); strings.Contains(p.Body, "<script") {
		t.Error("the mailbox has a script")
	}
}
