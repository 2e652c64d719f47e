package templates

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"
)

// parseOnce parses for all tests: a Pages never changes.
var parseOnce = sync.OnceValues(func() (*Pages, error) { return Parse(Config{Issuer: testIssuer}) })

// parsed is a Pages for tests.
func parsed(t *testing.T) *Pages {
	t.Helper()
	p, err := parseOnce()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// body is what Render answers.
func body(t *testing.T, p *Pages, page Page) string {
	t.Helper()
	w := httptest.NewRecorder()
	if err := p.Render(w, 200, page); err != nil {
		t.Fatal(err)
	}
	return w.Body.String()
}

// drawnState is a state as a browser would hold it.
type drawnState struct {
	lang  string
	state State
	root  *html.Node
}

// drawOnce draws every state of each language for all tests, which look and touch
// nothing.
var drawOnce = sync.OnceValues(func() ([]drawnState, error) {
	p, err := parseOnce()
	if err != nil {
		return nil, err
	}
	var all []drawnState
	for _, lang := range Languages() {
		for _, s := range States(lang) {
			w := httptest.NewRecorder()
			if err := p.Render(w, 200, s.Page); err != nil {
				return nil, fmt.Errorf("%s/%s: %w", s.Name, lang, err)
			}
			root, err := html.Parse(w.Body)
			if err != nil {
				return nil, fmt.Errorf("%s/%s: %w", s.Name, lang, err)
			}
			all = append(all, drawnState{lang, s, root})
		}
	}
	return all, nil
})

// forEach runs f on each state of each language.
func forEach(t *testing.T, f func(t *testing.T, lang string, s State, root *html.Node)) {
	t.Helper()
	all, err := drawOnce()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		t.Run(d.state.Name+"/"+d.lang, func(t *testing.T) { f(t, d.lang, d.state, d.root) })
	}
}

// elements are those below n, in order, with one of the names; no names means all.
func elements(n *html.Node, names ...string) []*html.Node {
	var all []*html.Node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && (len(names) == 0 || slices.Contains(names, d.Data)) {
			all = append(all, d)
		}
	}
	return all
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// words is the text below n with single spaces.
func words(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func byID(root *html.Node, id string) *html.Node {
	for _, e := range elements(root) {
		if attr(e, "id") == id {
			return e
		}
	}
	return nil
}

func TestStatesAreWellMade(t *testing.T) {
	forEach(t, func(t *testing.T, lang string, _ State, root *html.Node) {
		if got := attr(elements(root, "html")[0], "lang"); got != lang {
			t.Errorf("lang %q, want %q", got, lang)
		}
		if got := len(elements(root, "h1")); got != 1 {
			t.Errorf("%d h1, want 1", got)
		}
		if title := words(elements(root, "title")[0]); strings.HasPrefix(title, "–") || strings.Contains(title, "  ") {
			t.Errorf("title %q", title)
		}
		ids, level := map[string]bool{}, 0
		for _, e := range elements(root) {
			id := attr(e, "id")
			if has(e, "id") && (id == "" || ids[id]) {
				t.Errorf("id %q is empty or there twice", id)
			}
			ids[id] = true
			if len(e.Data) == 2 && e.Data[0] == 'h' && e.Data[1] >= '1' && e.Data[1] <= '6' {
				if now := int(e.Data[1] - '0'); now > level+1 {
					t.Errorf("h%d after h%d: %s", now, level, words(e))
				} else {
					level = now
				}
				if words(e) == "" {
					t.Errorf("empty %s", e.Data)
				}
			}
		}
		for _, e := range elements(root) {
			for _, name := range []string{"aria-describedby", "aria-labelledby", "aria-controls", "for"} {
				for _, id := range strings.Fields(attr(e, name)) {
					if !ids[id] {
						t.Errorf("%s %s points to no %q", e.Data, name, id)
					}
				}
			}
			if target, ok := strings.CutPrefix(attr(e, "href"), "#"); ok && !ids[target] {
				t.Errorf("a link leads to no %q", target)
			}
		}
	})
}

func TestStatesHaveLabelsAndOneMainButton(t *testing.T) {
	forEach(t, func(t *testing.T, _ string, _ State, root *html.Node) {
		labels := map[string]bool{}
		for _, l := range elements(root, "label") {
			labels[attr(l, "for")] = words(l) != ""
		}
		for _, e := range elements(root, "input", "select", "textarea") {
			if attr(e, "type") != "hidden" && !labels[attr(e, "id")] {
				t.Errorf("%s has no label", attr(e, "name"))
			}
		}
		main := 0
		for _, e := range elements(root, "a", "button") {
			if words(e) == "" && attr(e, "aria-label") == "" {
				t.Errorf("%s without words", e.Data)
			}
			class := strings.Fields(attr(e, "class"))
			if slices.Contains(class, "button") && !slices.Contains(class, "second") && !slices.Contains(class, "plain") {
				main++
			}
		}
		if main > 1 {
			t.Errorf("%d main buttons, want one at most", main)
		}
	})
}

// Nothing inline and nothing of others: the promise behind the Content-Security-Policy (ASVS 3.4.3, 3.6.1).
func TestASVS_3_4_3_NothingInline(t *testing.T) {
	forEach(t, func(t *testing.T, _ string, _ State, root *html.Node) {
		for _, e := range elements(root) {
			for _, a := range e.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
					t.Errorf("%s has %s", e.Data, a.Key)
				}
				if strings.Contains(a.Val, "ZgotmplZ") {
					t.Errorf("%s %s was neutralised", e.Data, a.Key)
				}
			}
			switch e.Data {
			case "style", "iframe", "object", "embed", "base", "img":
				t.Errorf("there is a %s", e.Data)
			case "script":
				if !strings.HasPrefix(attr(e, "src"), "/static/") || e.FirstChild != nil {
					t.Error("a script is not a file of ours")
				}
			case "link":
				if !strings.HasPrefix(attr(e, "href"), "/static/") {
					t.Errorf("link to %q", attr(e, "href"))
				}
			}
		}
	})
}

// Names come from registries and registrations; whatever they hold, it stays text.
func TestT26_HostileNamesStayText(t *testing.T) {
	const evil = `</title></b><script>alert(1)</script><img src=x onerror=alert(1)>"'{{.Name}}&lt;`
	p := parsed(t)
	app := Application{Name: evil, Host: evil, Start: "javascript:alert(1)", Policy: "javascript:alert(1)"}
	goal := Goal{Request: evil, Application: app, Receives: []string{evil, "name"}}
	l := Layout{Path: "//evil.example/" + evil, RequestID: evil, SignedIn: true}
	data := []Datum{{evil, []string{evil}}, {"name", []string{evil}}, {"birthdate", []string{evil}}, {"tipo_asegurado", []string{evil}}}
	for _, page := range []Page{
		Home{Layout: l, Name: evil, Applications: []Application{app}},
		Login{Layout: l, Goal: &goal, Cedula: evil, Denied: true, Advise: true},
		Login{Layout: l, Goal: &goal, Name: evil, Again: true},
		Locked{Layout: l, Goal: &goal, Reason: Reason(evil)},
		Notice{Layout: l, Goal: goal, Given: evil, Data: data, APIs: []API{{evil, evil}}},
		Notice{Layout: l, Goal: goal, Given: evil},
		Consent{Layout: l, Goal: goal, Given: evil, Data: data, Optional: []Option{{Scope: evil, Data: data}}, APIs: []API{{evil, evil}}},
		Renew{Layout: l, Goal: &goal, Cause: Cause(evil)},
		LogoutConfirm{Layout: l, Action: "/oauth/logout", Application: &app, Params: []Param{{evil, evil}}},
		LoggedOut{Layout: l, Application: &app},
		FormPost{Layout: l, Application: app, Action: "https://x.example/", Params: []Param{{evil, evil}}},
		Error{Layout: l, Kind: Kind(evil), Application: &app},
		Acuerdo{Layout: l, Agreement: Agreement{Version: evil}},
		Unlock{Layout: l, Goal: &goal, Identificacion: evil, Challenge: &Challenge{Work: evil, Ticket: evil}},
		MailSent{Layout: l, Goal: &goal},
		LinkUnlock{Layout: l},
		LinkExpired{Layout: l, Purpose: LinkPurpose(evil), Resend: true},
		CodeEntry{Layout: l, Identify: true, Identificacion: evil},
		Unlocked{Layout: l, Application: &app},
		Change{Layout: l, Goal: &goal, Cedula: evil, Params: []Param{{evil, evil}}},
		Changed{Layout: l, Application: &app},
		Disavow{Layout: l, Template: evil, Network: evil, Device: evil},
		RecoverStart{Layout: l, Goal: &goal, Identificacion: evil},
		RecoverQuestions{
			Layout: l, Goal: &goal, Case: evil, Personal: [2]string{evil, evil}, Typed: RecoverAnswers{Day: evil, Personal: [2]string{evil, evil}},
			History: [2]QuizQuestion{{Field: QuizEmployer, Options: []QuizOption{{Text: evil}}}, {Field: QuizProvince, Options: []QuizOption{{Text: evil}}}},
		},
		RecoverElsewhere{Layout: l, Personal: evil, Typed: RecoverAnswers{Personal: [2]string{evil}}},
		RecoverData{Layout: l, Goal: &goal, Name: evil, Identificacion: evil, Email: evil, Mobile: evil, Correo: evil, Celular: evil, Convencional: evil},
		RecoverSent{Layout: l, Goal: &goal, Case: evil},
		RecoverFailed{Layout: l, Goal: &goal},
		RecoverClave{Layout: l, Application: &app, Opened: evil, Enrol: true, Chosen: [2]string{evil, evil}, Answers: [2]string{evil, evil}},
		RecoverDone{Layout: l, Application: &app},
		ContactLink{Layout: l, Step: ContactConfirm, Address: evil},
		Declaracion{Layout: l, Declaration: Agreement{Version: evil}},
		Messages{Layout: l, Mailbox: evil, Refused: true, Messages: []Sent{{Template: evil, Address: evil, State: SentFailed}}},
	} {
		t.Run(page.name(), func(t *testing.T) {
			root, err := html.Parse(strings.NewReader(body(t, p, page)))
			if err != nil {
				t.Fatal(err)
			}
			if got := len(elements(root, "script")); got != 1 {
				t.Errorf("%d scripts, want ours alone", got)
			}
			for _, e := range elements(root) {
				if e.Data == "img" || has(e, "onerror") {
					t.Errorf("markup got in: %s", e.Data)
				}
				for _, name := range []string{"href", "action"} {
					if v := attr(e, name); strings.HasPrefix(v, "javascript:") || strings.HasPrefix(v, "//") {
						t.Errorf("%s %q", name, v)
					}
				}
			}
		})
	}
}

func TestFormPostKeepsCustomScheme(t *testing.T) {
	got := body(t, parsed(t), FormPost{Action: "ec.gob.iess.movil:/regreso"})
	if !strings.Contains(got, `action="ec.gob.iess.movil:/regreso"`) {
		t.Errorf("the action is not the one given:\n%s", got)
	}
}

func TestRenderIsWholeOrNothing(t *testing.T) {
	p := parsed(t)
	w := httptest.NewRecorder()
	if err := p.Render(w, 418, Login{Layout: Layout{Lang: "xx"}}); err != nil {
		t.Fatal(err)
	}
	h := w.Header()
	if w.Code != 418 || h.Get("Content-Type") != "text/html; charset=utf-8" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d, %v", w.Code, h)
	}
	if !bytes.Contains(w.Body.Bytes(), []byte(`lang="es-EC"`)) {
		t.Error("an unknown language is not answered in Spanish")
	}
	w = httptest.NewRecorder()
	if err := p.Render(w, 200, Renew{Faults: []Fault{"no-such-fault"}}); err == nil {
		t.Error("a page without words was rendered")
	}
	if w.Body.Len() != 0 || len(w.Header()) != 0 {
		t.Errorf("something of a failed page was written: %v %q", w.Header(), w.Body)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, cfg := range []Config{
		{},
		{Issuer: "clave.iess.example"},
		{Issuer: "ftp://clave.iess.example"},
		{Issuer: "https://clave.iess.example", Channels: []Channel{{Kind: "skype"}}},
	} {
		if _, err := Parse(cfg); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}
