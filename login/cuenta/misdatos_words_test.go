package cuenta

import (
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// A document to read says each event in words: those of the activity, and others for
// what that leaves out.
func TestLAW05_EventsAreSaidInWords(t *testing.T) {
	p, err := templates.Parse(templates.Config{Issuer: "http://localhost:8080"})
	if err != nil {
		t.Fatal(err)
	}
	s := New(&login.Server{Config: login.Config{Pages: p}}, Config{})
	clients := map[string]*storage.Client{"web": {ID: "web", Metadata: storage.ClientMetadata{ClientName: "Préstamos"}}}
	say := func(lang, event, detail string) string {
		t.Helper()
		at := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC).Format(time.RFC3339Nano)
		got, err := s.inAWord(lang, []storage.ExportField{
			{Column: "at", Kind: storage.ExportInstant, Text: at},
			{Column: "event", Text: event},
			{Column: "client_id", Text: "web"},
			{Column: "actor", Text: "afiliado"},
			{Column: "detail", Text: detail},
		}, clients)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, tt := range [][2]string{
		{say("es-EC", "session.started", `{"device":"known"}`), "22 de noviembre de 2026, 12:00 · Ingresó para ir a Préstamos"},
		{say("es-EC", login.EventConsentWithdrawn, "null"), "22 de noviembre de 2026, 12:00 · Retiró lo que autorizó a Préstamos"},
		{say("es-EC", "token.issued", "null"), "22 de noviembre de 2026, 12:00 · Una aplicación recibió pases para pedir sus datos"},
	} {
		if tt[0] != tt[1] {
			t.Errorf("got %q, want %q", tt[0], tt[1])
		}
	}
	for _, lang := range templates.Languages() {
		other := say(lang, "event.of.a.newer.program", "null")
		for event, why := range unshown() {
			if !strings.Contains(why, "no person") && say(lang, event, "null") == other {
				t.Errorf("templates/datos/%s.json has no word for hecho.%s", lang, event)
			}
		}
	}
}
