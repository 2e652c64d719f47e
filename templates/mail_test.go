package templates

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

const testIssuer = "https://clave.iess.example"

// mailed is a mail in words.
type mailed struct {
	subject, text, html string
	root                *html.Node
}

func send(t *testing.T, p *Pages, lang string, m Mail) mailed {
	t.Helper()
	subject, text, markup, err := p.RenderMail(lang, m)
	if err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(markup))
	if err != nil {
		t.Fatal(err)
	}
	return mailed{subject, text, markup, root}
}

// forEachMail runs f on each state of each mail in each language.
func forEachMail(t *testing.T, f func(t *testing.T, lang string, s MailState, got mailed)) {
	t.Helper()
	p := parsed(t)
	for _, lang := range Languages() {
		for _, s := range MailStates() {
			t.Run(s.Name+"/"+lang, func(t *testing.T) { f(t, lang, s, send(t, p, lang, s.Sample(testIssuer))) })
		}
	}
}

var (
	mailURL   = regexp.MustCompile(`(?i)(?:[a-z][a-z0-9+.-]*:)?//[^\s"'<>)]+`)
	mailHosts = regexp.MustCompile(`(?i)[\pL\pN-]+\.[\pL]{2,}`)
)

// Phishing looks like links to elsewhere; no mail of ours has one, in text or in markup.
func TestT08_T16_MailsLeadOnlyToTheIssuer(t *testing.T) {
	forEachMail(t, func(t *testing.T, _ string, _ MailState, got mailed) {
		for _, form := range []string{got.text, got.html} {
			for _, u := range mailURL.FindAllString(form, -1) {
				if !strings.HasPrefix(u, testIssuer+"/") {
					t.Errorf("there is %q", u)
				}
			}
		}
		for _, host := range mailHosts.FindAllString(mailURL.ReplaceAllString(got.text, ""), -1) {
			t.Errorf("a mail program makes a link of %q", host)
		}
		for _, e := range elements(got.root) {
			for _, name := range []string{"src", "background", "action", "srcset", "ping"} {
				if has(e, name) {
					t.Errorf("%s has %s", e.Data, name)
				}
			}
			href := attr(e, "href")
			if href != "" && !strings.HasPrefix(href, testIssuer+"/") && href != "tel:+59323945666" {
				t.Errorf("%s leads to %q", e.Data, href)
			}
			if strings.Contains(attr(e, "style"), "url") {
				t.Errorf("%s loads something", e.Data)
			}
		}
	})
}

func TestT16_ForeignLinksAreRefused(t *testing.T) {
	p := parsed(t)
	for _, u := range []string{
		"https://clave.iesse.example/enlace/x", "https://clave.iess.example.evil.example/x", "https://clave.iess.example@evil.example/",
		"javascript:alert(1)", "//evil.example/", "/enlace/x", testIssuer,
	} {
		for _, m := range []Mail{
			MailUnlockLink{Link: u},
			MailClaveChanged{Disavow: u},
			MailGenerateLink{Link: u},
			MailContactNew{Link: u},
			MailContactOld{Link: u},
			MailContactOld{Disavow: u},
			MailQuestionsPassed{Disavow: u},
			MailQuestionsSpent{Disavow: u},
			MailFactor{Kind: KeyAdded, Disavow: u},
			MailData{Kind: DataTaken, Disavow: u},
			MailAddressNew{Link: u},
			MailOwnChange{Kind: EmailAdded, Disavow: u},
		} {
			if _, text, _, err := p.RenderMail("es-EC", m); err == nil || text != "" {
				t.Errorf("%T was written with %q", m, u)
			}
		}
	}
}

// A subject is one of a known few, so that people and filters can tell ours from others'; /ayuda lists them.
func TestT08_SubjectsAreFixed(t *testing.T) {
	p := parsed(t)
	known := map[string]string{}
	forEachMail(t, func(t *testing.T, lang string, s MailState, got mailed) {
		key := lang + s.Mail.Template()
		if known[key] != "" && known[key] != got.subject {
			t.Errorf("got %q, and %q before", got.subject, known[key])
		}
		known[key] = got.subject
		if n := len([]rune(got.subject)); n == 0 || n > 60 || strings.ContainsAny(got.subject, "{}0123456789:/\r\n") {
			t.Errorf("subject %q", got.subject)
		}
		listed := strings.Contains(body(t, p, Ayuda{Layout: Layout{Lang: lang}}), html.EscapeString(got.subject))
		if want := s.Mail.Template() != (MailTest{}).Template(); listed != want {
			t.Errorf("listed on /ayuda: %v, want %v", listed, want)
		}
	})
}

// S090: no mail has a place for a clave. A new field of any mail has to be allowed here, by name.
func TestS090_D16_NoMailHoldsAClave(t *testing.T) {
	allowed := []string{
		"Name", "When", "Network", "Device", "Closed", "Disavow", "Due", "Reason", "Online", "Operator", "Application", "Also",
		"Life", "Link", "Code", "Until", "Days", "Former", "First", "Ready", "Open", "Expired", "Off", "Kind", "Made",
		"Number", "Right",
		"Account", "Other",
	}
	forEachMail(t, func(t *testing.T, _ string, s MailState, got mailed) {
		for f := range reflect.TypeOf(s.Mail).Fields() {
			if !slices.Contains(allowed, f.Name) {
				t.Errorf("%T has a field %s", s.Mail, f.Name)
			}
		}
		for _, form := range []string{got.text, words(got.root)} {
			if m := regexp.MustCompile(`(?i)(clave|password)( nueva| temporal)?( es|:| is) *["“«]?[A-Za-z]*\d`).FindString(form); m != "" {
				t.Errorf("it says %q", m)
			}
			if strings.Contains(form, "Cotopaxi47") {
				t.Error("it holds a clave")
			}
		}
	})
}

// What opens something is minted when a mail is sent and lies in no queue.
func TestMailsAreKeptWithoutTokens(t *testing.T) {
	for _, s := range MailStates() {
		data, err := json.Marshal(s.Sample(testIssuer))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"EJEMPLO", "48150297", "http"} {
			if strings.Contains(string(data), secret) {
				t.Errorf("%s: %s lies in %s", s.Name, secret, data)
			}
		}
		m, err := DecodeMail(s.Mail.Template(), data)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(m, s.Mail) {
			t.Errorf("%s: got %+v, want %+v", s.Name, m, s.Mail)
		}
	}
	for _, tt := range []struct{ template, data string }{
		{"no-such-mail", "{}"}, {"", "{}"}, {"prueba", "["}, {"prueba", `{"When":7}`},
	} {
		if m, err := DecodeMail(tt.template, []byte(tt.data)); err == nil || m != nil {
			t.Errorf("%q %q: got %v", tt.template, tt.data, m)
		}
	}
}

func TestEveryMailHasAState(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range MailStates() {
		seen[s.Mail.Template()] = true
	}
	for _, k := range mailKinds() {
		if !seen[k.template] {
			t.Errorf("%s has no state", k.template)
		}
		delete(seen, k.template)
	}
	if len(seen) > 0 {
		t.Errorf("not known to DecodeMail: %v", seen)
	}
}

func TestS093_S094_MailsEndWithTheAdvice(t *testing.T) {
	advice := map[string][]string{
		"es-EC": {
			"El IESS nunca le pide su clave ni sus respuestas, por ningún medio.", "Si un mensaje se la pide, ignórelo",
			"Su clave es personal e intransferible. No la confíe a nadie.", "Las horas son de Ecuador continental.", "El trámite no tiene costo.",
		},
		"en": {"The IESS never asks", "Times are mainland Ecuador time", "free of charge"},
	}
	forEachMail(t, func(t *testing.T, lang string, _ MailState, got mailed) {
		for _, form := range []string{strings.Join(strings.Fields(got.text), " "), words(got.root)} {
			for _, want := range append(advice[lang], "+593 2 394 5666", testIssuer+"/") {
				if !strings.Contains(form, want) {
					t.Errorf("it does not say %q", want)
				}
			}
		}
	})
}

// Text and HTML say the same; the text is what some people's programs show.
func TestMailsSayTheSameInBothForms(t *testing.T) {
	onlyButtons := []string{"Si el botón", "If the button"}
	forEachMail(t, func(t *testing.T, lang string, _ MailState, got mailed) {
		text := strings.ToLower(strings.Join(strings.Fields(got.text), " "))
		for _, e := range elements(byTag(got.root, "body"), "h1", "h2", "p", "td", "b", "a") {
			w := words(e)
			if len(elements(e)) > 0 || slices.ContainsFunc(onlyButtons, func(s string) bool { return strings.HasPrefix(w, s) }) {
				continue // its parts come by themselves
			}
			if !strings.Contains(text, strings.ToLower(w)) {
				t.Errorf("only in HTML: %q", w)
			}
		}
		for _, want := range []string{"María Fernanda", "11:05", "Firefox", "EJEMPLO", "4815 0297"} {
			if strings.Contains(got.text, want) != strings.Contains(got.html, want) {
				t.Errorf("%q is in one form only", want)
			}
		}
		if attr(byTag(got.root, "html"), "lang") != lang {
			t.Error("the language is not said")
		}
	})
}

func byTag(root *html.Node, name string) *html.Node {
	if all := elements(root, name); len(all) > 0 {
		return all[0]
	}
	return &html.Node{}
}

// Each notice says what, when, where, from which device, what to do, and "No fui yo".
func TestNoticesAreComplete(t *testing.T) {
	p := parsed(t)
	for _, s := range MailStates() {
		switch s.Name {
		case "clave-cambiada", "clave-renovada", "clave-bloqueada-login", "clave-bloqueada-huella", "clave-desbloqueada", "equipo-nuevo":
		default:
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			got := send(t, p, "es-EC", s.Sample(testIssuer))
			for _, want := range []string{
				"Hola, María Fernanda:", "Cuándo: 22 de noviembre de 2026, 11:05", "Red: 186.46.12.x", "Equipo: Firefox · Windows",
				"SI FUE USTED", "SI NO FUE USTED", "No fui yo:\n" + testIssuer + "/enlace/EJEMPLO-NO-FUI-YO\n", "diez días",
			} {
				if !strings.Contains(got.text, want) {
					t.Errorf("it does not say %q:\n%s", want, got.text)
				}
			}
			without := send(t, p, "es-EC", s.Mail)
			if strings.Contains(without.text, "No fui yo") || !strings.Contains(without.text, "Avísenos al +593 2 394 5666.") {
				t.Error("without a link there is no other way")
			}
		})
	}
}

func TestS021_D20_AssistedMailBringsNoLink(t *testing.T) {
	p := parsed(t)
	for _, r := range []Reason{"", ReasonOperador, ReasonCompromiso, ReasonDisabled} {
		got := send(t, p, "es-EC", Minted(MailUnlockAssisted{Name: "Luis", Reason: r}, Links{
			URL: testIssuer + "/enlace/EJEMPLO", Code: "48150297", Disavow: testIssuer + "/enlace/EJEMPLO",
		}))
		if strings.Contains(got.text+got.html, "EJEMPLO") || strings.Contains(got.text+got.html, "4815") {
			t.Errorf("%q: there is a link", r)
		}
		if !strings.Contains(got.text, "Centro de Atención Universal (CAU)") || !strings.Contains(strings.Join(strings.Fields(got.text), " "), "de 08:00 a 17:00") {
			t.Errorf("%q: the assisted ways are missing", r)
		}
	}
}

func TestS072_D05_UnlockMailSaysWhenItEnds(t *testing.T) {
	p := parsed(t)
	m := MailUnlockLink{
		Name: "Rosa Elena", Life: 3 * time.Minute, Link: testIssuer + "/enlace/EJEMPLO", Code: "48150297",
		Until: time.Date(2026, time.November, 22, 16, 8, 0, 0, time.UTC),
	}
	got := send(t, p, "es-EC", m)
	for _, want := range []string{
		"el enlace vence a las 11:08", "Vale 3 minutos y se usa una sola vez.", testIssuer + "/enlace/EJEMPLO\n", "4815 0297",
		"últimos cuatro caracteres", "Su clave seguirá siendo la misma.",
	} {
		if !strings.Contains(strings.ReplaceAll(got.text, "\n", " "), strings.TrimSpace(strings.ReplaceAll(want, "\n", " "))) {
			t.Errorf("it does not say %q:\n%s", want, got.text)
		}
	}
	if again := send(t, p, "es-EC", m); again.text != got.text || again.html != got.html || again.subject != got.subject {
		t.Error("the same mail twice is not the same")
	}
}

// Plain enough for every program, and for a terminal.
func TestMailsAreWellMade(t *testing.T) {
	forEachMail(t, func(t *testing.T, _ string, _ MailState, got mailed) {
		for line := range strings.Lines(got.text) {
			line = strings.TrimSuffix(line, "\n")
			if n := len([]rune(line)); n > 76 && !strings.HasPrefix(line, testIssuer) {
				t.Errorf("%d letters: %q", n, line)
			}
			if strings.TrimRight(line, " \t") != line && line != "-- " {
				t.Errorf("blanks at the end of %q", line)
			}
		}
		if strings.Contains(got.text, "\n\n\n") || strings.Contains(got.text, "\r") {
			t.Errorf("gaps:\n%s", got.text)
		}
		if len(got.html) > 20_000 || len(elements(got.root, "h1")) != 1 {
			t.Errorf("%d bytes of HTML, %d h1", len(got.html), len(elements(got.root, "h1")))
		}
		for _, e := range elements(got.root) {
			switch e.Data {
			case "script", "style", "link", "img", "iframe", "form", "input", "object", "svg", "base":
				t.Errorf("there is a %s", e.Data)
			case "table":
				if attr(e, "role") != "presentation" && len(elements(e, "th")) == 0 {
					t.Error("a table of layout does not say so")
				}
			}
			for _, a := range e.Attr {
				if strings.HasPrefix(a.Key, "on") || strings.Contains(a.Val, "ZgotmplZ") || a.Key == "class" || a.Key == "id" {
					t.Errorf("%s %s=%q", e.Data, a.Key, a.Val)
				}
			}
		}
	})
}

func TestRenderMailKnowsEveryLanguage(t *testing.T) {
	p := parsed(t)
	if got := send(t, p, "fr", MailTest{}); got.subject != "Prueba de correo de Clave IESS" {
		t.Errorf("got %q", got.subject)
	}
	if got := send(t, p, "en", MailTest{}); got.subject != "Test message of Clave IESS" {
		t.Errorf("got %q", got.subject)
	}
}
