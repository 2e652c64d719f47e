package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"iess.gob.ec/clave/login/challenge"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

// challenged is a site whose one form, that of /desbloqueo, has a challenge.
type challenged struct {
	*httptest.Server
	t          *testing.T
	pages      *templates.Pages
	challenges *challenge.Challenge
	cost       challenge.Cost

	mu     sync.Mutex
	now    time.Time
	passed []url.Values
}

func newChallenged(t *testing.T, cost challenge.Cost) *challenged {
	t.Helper()
	c := &challenged{Server: httptest.NewUnstartedServer(nil), t: t, cost: cost, now: storagetest.Noon()}
	var err error
	if c.pages, err = templates.Parse(templates.Config{Issuer: "http://" + c.Listener.Addr().String()}); err != nil {
		t.Fatal(err)
	}
	if c.challenges, err = challenge.New(challenge.Config{DB: storagetest.Open(t, "sqlite"), Now: c.clock}); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/static/", c.pages.Static())
	mux.HandleFunc("/desbloqueo", c.form)
	mux.HandleFunc("/listo", func(w http.ResponseWriter, _ *http.Request) { c.render(w, templates.LoggedOut{}) })
	c.Config.Handler = mux
	c.Start()
	t.Cleanup(c.Close)
	return c
}

func (c *challenged) clock() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *challenged) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// form does what a page with a challenge does.
func (c *challenged) form(w http.ResponseWriter, r *http.Request) {
	f := challenge.Form{Purpose: "desbloqueo", Browser: storage.Hash("browser"), Path: "/desbloqueo"}
	page := templates.Unlock{}
	var err error
	if r.Method == http.MethodPost {
		page.Identificacion = r.PostFormValue("identificacion")
		cause := c.challenges.Verify(r.Context(), r.PostForm, f, challenge.Cost{})
		if cause == nil {
			c.mu.Lock()
			c.passed = append(c.passed, r.PostForm)
			c.mu.Unlock()
			http.Redirect(w, r, "/listo", http.StatusSeeOther)
			return
		}
		page.Faults = []templates.Fault{challenge.FaultOf(cause)}
		page.Challenge, err = c.challenges.Again(w, r.PostForm, f, c.cost, cause, page.Identificacion)
	} else {
		page.Challenge, page.Identificacion, err = c.challenges.Resume(w, r.URL.Query(), f, c.cost)
		if err == nil && page.Challenge == nil {
			page.Challenge, err = c.challenges.Issue(w, f, c.cost)
		}
	}
	if err != nil {
		c.t.Error(err)
	}
	c.render(w, page)
}

// render answers under the policy of the real pages: what the challenge adds is
// behind it.
func (c *challenged) render(w http.ResponseWriter, page templates.Page) {
	h := w.Header()
	h.Set("Content-Security-Policy", strings.Join(append([]string{
		"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	}, h.Values("Content-Security-Policy")...), "; "))
	if err := c.pages.Render(w, http.StatusOK, page); err != nil {
		c.t.Error(err)
	}
}

// answered returns the fields of the only form that passed.
func (c *challenged) answered() url.Values {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.passed) != 1 {
		c.t.Fatalf("%d forms passed, want 1", len(c.passed))
	}
	return c.passed[0]
}

const (
	widgetReady  = "altcha-widget input[type=checkbox]#reto"
	widgetSolved = ".altcha[data-state=verified] input:checked"
)

func TestBrowserChallenge(t *testing.T) {
	browser, l := startChromium(t), newLooks(t, "")
	for name, journey := range map[string]func(*testing.T, *chromium, *looks){
		"solved": challengeSolved, "keyboard": challengeKeyboard, "no hurry": challengeHurried, "plain": challengePlain, "no worker": challengeWithoutWorker,
	} {
		t.Run(name, func(t *testing.T) { journey(t, browser, l) })
	}
}

// Ticking the box is all there is to do; without it the form is refused (S024).
func challengeSolved(t *testing.T, browser *chromium, l *looks) {
	site := newChallenged(t, challenge.CostOf(0, 0))
	b := browser.tab(t, true, l)
	b.open(site.URL + "/desbloqueo")
	b.wait(widgetReady)
	b.look("reto")
	b.fill("identificacion", "1759999913")
	b.press("desbloquear")
	b.wait(widgetReady)
	b.says("Marque la casilla «No soy un robot».")
	if got := b.prop("#identificacion", "value"); got != "1759999913" {
		t.Errorf("what was typed has become %q", got)
	}
	if got := value[string](b, `document.querySelector("#reto").getAttribute("aria-describedby")`); got != "reto-ayuda reto-error" {
		t.Errorf("the box is described by %q", got)
	}
	b.look("reto-falta")
	b.click("#reto")
	b.wait(widgetSolved)
	b.look("reto-listo")
	if got := b.text("#reto-estado"); got != "Listo. Ya puede continuar." {
		t.Errorf("the status says %q", got)
	}
	b.press("desbloquear")
	b.at(site.URL, "/listo")
	if got := site.answered(); got.Get("altcha") == "" || got.Has("reto") {
		t.Errorf("posted %v", got)
	}
}

func challengeKeyboard(t *testing.T, browser *chromium, l *looks) {
	site := newChallenged(t, challenge.CostOf(0, 0))
	b := browser.tab(t, true, l)
	b.open(site.URL + "/desbloqueo")
	b.wait(widgetReady)
	b.tabTo("reto")
	b.keys(" ")
	b.wait(widgetSolved)
	if got := value[string](b, "document.activeElement.id"); got != "reto" {
		t.Errorf("the focus went to %q", got)
	}
	b.tabTo("desbloquear")
	b.lead(chromedp.KeyEvent(kb.Enter))
	b.at(site.URL, "/listo")
}

// A button pressed while the work goes on sends the form when it is done.
func challengeHurried(t *testing.T, browser *chromium, l *looks) {
	site := newChallenged(t, challenge.Cost{Work: 400_000})
	b := browser.tab(t, true, l)
	b.open(site.URL + "/desbloqueo")
	b.wait(widgetReady)
	b.lead(chromedp.Evaluate(`document.querySelector("altcha-widget").addEventListener("statechange",
		() => document.querySelector("#desbloquear").click(), {once: true}); document.querySelector("#reto").click()`, nil))
	b.at(site.URL, "/listo")
	if got := site.answered(); got.Get("altcha") == "" || got.Get("desbloquear") != "1" {
		t.Errorf("posted %v", got)
	}
}

// Without script: too early, a page that refreshes itself, and pressed again.
func challengePlain(t *testing.T, browser *chromium, l *looks) {
	site := newChallenged(t, challenge.Cost{Work: 1, Wait: 4 * time.Second})
	b := browser.tab(t, false, l)
	b.open(site.URL + "/desbloqueo")
	b.look("reto-sin-script")
	b.fill("identificacion", "1759999913")
	b.press("desbloquear")
	b.says("Marque la casilla «No soy un robot».")
	b.click("#reto")
	b.press("desbloquear")
	b.says("Espere unos segundos")
	if got := b.prop("#reto", "checked"); got != "true" {
		t.Error("the box has lost its tick")
	}
	site.pass(4 * time.Second)
	b.lead(chromedp.ActionFunc(func(context.Context) error { return nil })) // it comes by itself
	b.says("Ya puede continuar. Presione el botón.")
	if got := b.prop("#identificacion", "value"); got != "1759999913" {
		t.Errorf("what was typed has become %q", got)
	}
	b.look("reto-espera")
	b.press("desbloquear")
	b.at(site.URL, "/listo")
	if got := site.answered(); got.Get("reto") == "" || got.Has("altcha") {
		t.Errorf("posted %v", got)
	}
}

// Where the worker cannot start the ticket is handed in after all.
func challengeWithoutWorker(t *testing.T, browser *chromium, l *looks) {
	site := newChallenged(t, challenge.Cost{Work: 1, Wait: time.Second})
	b := browser.tab(t, true, l)
	b.open(site.URL + "/desbloqueo")
	b.wait(widgetReady)
	b.run(chromedp.Evaluate(`globalThis.Worker = class { constructor() { throw new Error("none") } }; console.error = () => {}`, nil))
	b.click("#reto")
	b.wait("label.pick > #reto:checked")
	b.look("reto-falla")
	site.pass(time.Second)
	b.press("desbloquear")
	b.at(site.URL, "/listo")
	if got := site.answered(); got.Get("reto") == "" || got.Has("altcha") {
		t.Errorf("posted %v", got)
	}
}

// wait waits until something matches a selector.
func (b *tab) wait(selector string) {
	b.t.Helper()
	b.run(chromedp.WaitReady(selector, chromedp.ByQuery))
}
