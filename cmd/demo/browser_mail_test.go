package main

import (
	"net/http"
	"strings"
	"testing"

	"iess.gob.ec/clave/cmd/demo/rp/rptest"
	"iess.gob.ec/clave/templates"
)

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
	}
	b.open(s.mailboxURL() + "/nada")
	b.look("buzon-no-existe")
	b.noDeadEnd()

	// Every mail by itself, as a mail program shows it.
	for _, state := range templates.MailStates() {
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
