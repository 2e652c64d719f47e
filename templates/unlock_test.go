package templates

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

func TestS071_UnlockHasOneFieldAndOneButton(t *testing.T) {
	root, err := html.Parse(strings.NewReader(body(t, parsed(t), Unlock{})))
	if err != nil {
		t.Fatal(err)
	}
	main, fields := byID(root, "contenido"), 0
	for _, e := range elements(main, "input", "select", "textarea") {
		if attr(e, "type") != "hidden" {
			fields++
		}
	}
	if buttons := elements(main, "button"); fields != 1 || len(buttons) != 1 || words(buttons[0]) != "Desbloquear" {
		t.Errorf("%d fields, %d buttons", fields, len(buttons))
	}
}

// The answer to everybody: it has no place for anything that would differ with the person.
func TestT01_S071_AnswerAfterUnlockIsNeutral(t *testing.T) {
	p := parsed(t)
	sent := MailSent{Asked: sampleTime(), Life: 3 * time.Minute, Limit: 3, Window: 15 * time.Minute}
	got := body(t, p, sent)
	for _, want := range []string{
		"Si los datos corresponden a una cuenta, enviamos un enlace a su correo registrado.", "<b>11:05</b>",
		"Vale 3 minutos desde que llega a su correo.", "espérelo hasta las 11:20", "SPAM", "tres veces en 15 minutos",
		"Enlace para desbloquear su clave del IESS", "Centro de Atención Universal (CAU)",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	sent.Next = sampleTime().Add(10 * time.Minute)
	if got := body(t, p, sent); strings.Contains(got, `name="reenviar"`) || !strings.Contains(got, "Podrá pedir otro enlace a las 11:15") {
		t.Error("another link is offered, or nobody says when")
	}
}

func TestS073_T11_OnlyTheAskingBrowserGoesOnByItself(t *testing.T) {
	p := parsed(t)
	own, elsewhere := body(t, p, LinkUnlock{}), body(t, p, LinkUnlock{Elsewhere: true})
	if !strings.Contains(own, "data-auto") || strings.Contains(own, `name="ultimos"`) {
		t.Error("the asking browser has to type, or to press")
	}
	if strings.Contains(elsewhere, "data-auto") || !strings.Contains(elsewhere, `name="ultimos"`) {
		t.Error("another browser goes on by itself")
	}
}

func TestS073_S074_D21_UnlockedOffersBothWays(t *testing.T) {
	p := parsed(t)
	for _, page := range []Unlocked{{}, {Application: &sampleApplications()[1]}, {Application: &Application{Name: "Sin dirección"}}} {
		got := body(t, p, page)
		for _, want := range []string{
			"Su clave ha sido desbloqueada", "Su clave es la misma y tiene otra vez los cinco intentos.", `href="/ingresar"`, `href="/generar-recuperar"`,
			"Generar / Recuperar clave",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("the page does not say %q", want)
			}
		}
	}
	if got := body(t, p, Unlocked{Application: &sampleApplications()[1]}); !strings.Contains(got, `href="https://prestamos.iess.example/"`) {
		t.Error("the way on to the application is missing")
	}
}

func TestS072_LAW18_DeadLinksLeadOnWithOnePress(t *testing.T) {
	p := parsed(t)
	for _, s := range []LinkState{LinkEnded, LinkReplaced, LinkSpent} {
		got := body(t, p, LinkExpired{Purpose: LinkToUnlock, State: s, Ended: sampleTime(), Resend: true})
		if !strings.Contains(got, "Enviar otro enlace") || strings.Count(got, "<input") != 0 {
			t.Errorf("%q: another link is not one press away", s)
		}
	}
	if got := body(t, p, LinkExpired{Purpose: LinkToUnlock, Ended: sampleTime()}); !strings.Contains(got, "Este enlace venció a las 11:05") {
		t.Error("the page does not say when the link ended")
	}
	if got := body(t, p, LinkExpired{Purpose: LinkToDisavow, State: LinkUsed, Resend: true}); strings.Contains(got, "reenviar") {
		t.Error("a notice can be asked for")
	}
}

func TestS087_S088_S091_D29_ChangeAsksWhatItMust(t *testing.T) {
	p := parsed(t)
	for _, tt := range []struct {
		step     ChangeStep
		has, not []string
	}{
		{ChangeProve, []string{"cedula", "clave_actual", "acuerdo"}, []string{"clave_nueva", "clave_confirmacion", "cerrar_otras"}},
		{ChangeNew, []string{"clave_nueva", "clave_confirmacion", "cerrar_otras"}, []string{"cedula", "clave_actual", "acuerdo"}},
		{ChangeSession, []string{"clave_actual", "clave_nueva", "clave_confirmacion", "acuerdo", "cerrar_otras"}, []string{"cedula"}},
	} {
		got := body(t, p, Change{Step: tt.step})
		for _, name := range tt.has {
			if !strings.Contains(got, `name="`+name+`"`) {
				t.Errorf("%q does not ask %s", tt.step, name)
			}
		}
		for _, name := range tt.not {
			if strings.Contains(got, `name="`+name+`"`) {
				t.Errorf("%q asks %s", tt.step, name)
			}
		}
		if forgot := strings.Contains(got, "¿Olvidó su clave?"); forgot != (tt.step != ChangeNew) {
			t.Errorf("%q: the way of those who forgot it: %v", tt.step, forgot)
		}
	}
	ticked := func(c Change) bool {
		root, err := html.Parse(strings.NewReader(body(t, p, c)))
		if err != nil {
			t.Fatal(err)
		}
		return has(byID(root, "cerrar_otras"), "checked")
	}
	if !ticked(Change{Step: ChangeNew}) || ticked(Change{Step: ChangeNew, Keep: true}) {
		t.Error("the box is not ticked at first, or not as it was left")
	}
	if strings.Contains(body(t, p, Change{}), "checked") {
		t.Error("the agreement is ticked by itself")
	}
}

func TestS068_S087_ChangeHasTheOneSentence(t *testing.T) {
	got := body(t, parsed(t), Change{Cedula: "1759999913", Denied: true, Advise: true})
	for _, want := range []string{
		"La cédula o la clave no coinciden, o la clave está bloqueada", `value="1759999913"`, "Use la última clave que creó",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// A page that refreshes itself has no field whose content that would lose.
func TestS025_EarlyPagesWaitWithoutAForm(t *testing.T) {
	p := parsed(t)
	for _, page := range []Page{
		Login{Challenge: earlyChallenge("/ingresar")},
		Change{Challenge: earlyChallenge("/cambio")},
		Change{Step: ChangeSession, Challenge: earlyChallenge("/cambio")},
		Renew{AskCurrent: true, Challenge: earlyChallenge("/renovar")},
	} {
		got := body(t, p, page)
		if strings.Contains(got, "<input") || !strings.Contains(got, "Espere 40 segundos") || !strings.Contains(got, `?reto=EJEMPLO">Si no se actualiza, siga aquí</a>`) {
			t.Errorf("%s: a field, or no way on", page.name())
		}
	}
}

func TestDisavowDoesNothingByItself(t *testing.T) {
	got := body(t, parsed(t), Disavow{Template: MailNewDevice{}.Template(), When: sampleTime(), Device: "Firefox"})
	if strings.Contains(got, "data-auto") || !strings.Contains(got, "Todavía no hicimos nada") {
		t.Error("opening the link does something")
	}
	for _, want := range []string{"Su clave se usó en un equipo nuevo", "22 de noviembre de 2026, 11:05", "Firefox"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestS005_S007_S008_TramitesSayWhereTheyAre(t *testing.T) {
	forEach(t, func(t *testing.T, lang string, s State, root *html.Node) {
		names := map[string]string{
			"unlock": "Desbloqueo de clave", "change": "Cambio de clave", "recoverstart": "Generar / Recuperar clave",
			"recoverquestions": "Generar / Recuperar clave", "recoverdata": "Generar / Recuperar clave",
			"recoversent": "Generar / Recuperar clave", "recoverclave": "Generar / Recuperar clave",
		}
		name, ok := names[s.Page.name()]
		if !ok || lang != "es-EC" {
			return
		}
		for _, nav := range elements(root, "nav") {
			if attr(nav, "class") == "path" && words(nav) == "Trámites Virtuales Asegurados Afiliados "+name {
				return
			}
		}
		t.Error("there is no such breadcrumb")
	})
}

func TestS011_S012_RecordHasItsHeadings(t *testing.T) {
	got := body(t, parsed(t), Tramite{})
	for _, want := range []string{
		"Nombre del trámite", "Institución", "Descripción", "¿A quién está dirigido?", "¿Qué obtendré?", "¿Qué necesito?",
		"Requisitos generales", "Requisitos específicos", "¿Cómo hago el trámite?", "Canales de atención", "¿Cuál es el costo?",
		"¿Dónde y en qué horario?", "Base legal", "Contacto para atención ciudadana", "Transparencia",
	} {
		if !strings.Contains(got, ">"+want+"</h") {
			t.Errorf("heading %q is missing", want)
		}
	}
	if !strings.Contains(got, "acceder a beneficio o servicio") || strings.Count(got, "No disponible") != 4 {
		t.Error("the result is missing, or what is empty does not say so")
	}
}

// Hosts are configuration; the misspelt one of the old record is never linked (D26).
func TestS014_D26_LinksOfTheRecordAreConfiguration(t *testing.T) {
	p, err := Parse(Config{Issuer: testIssuer, Channels: []Channel{
		{"turno", "https://turno.example/"}, {"formulario", "https://contacto.example/"}, {"video", "https://video.example/"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []Page{Tramite{}, Ayuda{}} {
		got := body(t, p, page)
		if !strings.Contains(got, `href="https://turno.example/"`) || !strings.Contains(got, `href="https://contacto.example/"`) {
			t.Errorf("%s does not link them", page.name())
		}
	}
	forEach(t, func(t *testing.T, _ string, _ State, root *html.Node) {
		for _, e := range elements(root, "a") {
			href := attr(e, "href")
			if strings.Contains(href, "iesse") || strings.HasPrefix(href, "http") && !strings.Contains(href, ".example/") {
				t.Errorf("a link to %q is built in", href)
			}
		}
	})
	open, closed := body(t, p, Ayuda{}), body(t, p, Ayuda{Closed: true})
	if !strings.Contains(open, "https://video.example/") || strings.Contains(closed, "https://video.example/") ||
		!strings.Contains(closed, "Dejar un mensaje") {
		t.Error("S076: the call is offered at the wrong hours, or the message is not")
	}
}

func TestS076_VideoHoursAreThoseOfGuayaquil(t *testing.T) {
	for _, tt := range []struct {
		hour, minute int // UTC
		want         bool
	}{{12, 59, true}, {13, 0, false}, {21, 59, false}, {22, 0, true}, {3, 0, true}} {
		if got := VideoClosed(time.Date(2026, time.November, 22, tt.hour, tt.minute, 0, 0, time.UTC)); got != tt.want {
			t.Errorf("%02d:%02d UTC: got %v, want %v", tt.hour, tt.minute, got, tt.want)
		}
	}
}

// Faults of the new forms have a sentence and a field, in both languages.
func TestFaultsHaveFieldsAndWords(t *testing.T) {
	p := parsed(t)
	for _, f := range []Fault{
		IdentificacionEmpty, IdentificacionMalformed, ChallengeMissing, ChallengeWrong, ChallengeExpired, ChallengeUsed,
		ChallengeMore, ChallengeEarly,
	} {
		for _, lang := range Languages() {
			got := body(t, p, Unlock{Layout: Layout{Lang: lang}, Challenge: &Challenge{Fault: f}, Faults: []Fault{f}})
			if !strings.Contains(got, `href="#`+f.field()+`"`) {
				t.Errorf("%s is not linked", f)
			}
		}
	}
}
