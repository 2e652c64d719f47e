package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// refusals: locked, disabled, never had a clave, unknown, and a wrong clave look
// the same to the last letter, on the first try and on the third (T01).
func (s *suite) refusals(t *testing.T) {
	pages := map[string][]string{}
	visitors := []struct{ name, cedula, clave string }{
		{"wrong clave", string(generated(0)), wrongClave},
		{"locked", "0159999911", commonClave},
		{"locked, wrong clave", "1059999910", wrongClave},
		{"disabled", "0759999915", commonClave},
		{"never had a clave", "1859999912", commonClave},
		{"unknown", unknownCedula, commonClave},
	}
	for _, v := range visitors {
		b := s.window(t)
		b.enter(s.historia)
		for try := range 4 {
			b.signIn(v.cedula, v.clave)
			b.at(s.issuer, "/ingresar")
			b.says("La cédula o la clave no coinciden, o la clave está bloqueada")
			if got := b.prop("#clave", "value"); got != "" {
				t.Errorf("%s: the page gives the clave back", v.name)
			}
			if got := b.prop("#cedula", "value"); got != v.cedula {
				t.Errorf("%s: got cédula %q, want what was typed", v.name, got)
			}
			b.look("ingresar-rechazado-" + strconv.Itoa(try+1))
			pages[v.name] = append(pages[v.name], s.normal(b, v.cedula))
		}
	}
	for _, v := range visitors[1:] {
		for try, got := range pages[v.name] {
			if want := pages[visitors[0].name][try]; got != want {
				t.Errorf("try %d: %s and %s are told apart:\n%s", try+1, v.name, visitors[0].name, difference(got, want))
			}
		}
	}
}

var eachTime = regexp.MustCompile(`name="id" value="[^"]*"|id=[A-Za-z0-9_-]+`)

// normal is the page without what differs each time: the id of the running
// request, and the cédula that was typed.
func (s *suite) normal(b *tab, cedula string) string {
	b.t.Helper()
	page := value[string](b, "document.documentElement.outerHTML")
	return strings.ReplaceAll(eachTime.ReplaceAllString(page, "id"), cedula, "CEDULA")
}

// difference is the first line in which two texts differ.
func difference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return "  " + x[i] + "\n  " + y[i]
		}
	}
	return "  one is longer"
}

// knownDevice: five wrong claves from elsewhere lock nobody out of her own
// browser (T03), and there alone the exact state is told.
func (s *suite) knownDevice(t *testing.T) {
	rosa := string(generated(1))
	hers, stranger := s.window(t), s.window(t)
	hers.enter(s.historia)
	hers.signIn(rosa, commonClave)
	hers.press("continuar")
	hers.at(s.historia, "/")
	hers.press("salir")

	stranger.enter(s.historia)
	for range 5 {
		stranger.signIn(rosa, wrongClave)
		stranger.at(s.issuer, "/ingresar")
	}
	stranger.signIn(rosa, commonClave) // right, and too late
	stranger.says("Marque la casilla «No soy un robot».")
	s.answer(stranger)
	stranger.look("ingresar-reto")
	stranger.signIn(rosa, commonClave)
	s.clock.set(0)
	stranger.says("La cédula o la clave no coinciden, o la clave está bloqueada")

	hers.enter(s.historia)
	hers.signIn(rosa, commonClave)
	hers.at(s.historia, "/")
	hers.press("salir")
	hers.enter(s.historia)
	for range 5 {
		hers.signIn(rosa, wrongClave)
	}
	hers.look("bloqueada")
	if hers.has("#clave") {
		hers.signIn(rosa, wrongClave)
		hers.look("bloqueada-despues")
	}
	hers.noDeadEnd()
	if main := hers.text("#contenido"); strings.Contains(main, "no coinciden") {
		t.Errorf("in her own browser she is not told that the clave is locked:\n%s", main)
	}
}

// answer ticks "No soy un robot" and lets it count: by the work done, or by the
// clock, which the caller sets back.
func (s *suite) answer(b *tab) {
	b.t.Helper()
	if s.script {
		b.wait(widgetReady)
		b.click("#reto")
		b.wait(widgetSolved)
		return
	}
	b.click("#reto")
	s.clock.set(20 * time.Second)
}

// staleForm: a form that has lain open too long loses nothing that was typed but
// the clave, and still leads to the application.
func (s *suite) staleForm(t *testing.T) {
	b := s.window(t)
	b.enter(s.historia)
	cedula := string(s.newcomer(t, forStale, func(p *person) { p.locked = false }).identifier)
	b.fill("cedula", cedula)
	b.fill("clave", commonClave)
	s.clock.set(2 * time.Hour)
	t.Cleanup(func() { s.clock.set(0) })
	b.press("ingresar")
	s.clock.set(0) // the application's library takes no token from the future
	b.look("ingresar-vencido")
	if got := b.prop("#cedula", "value"); got != cedula {
		t.Errorf("got cédula %q, want what was typed\n%s", got, b.where())
	}
	b.fill("clave", commonClave)
	b.press("ingresar")
	b.at(s.issuer, "/autorizar")
	b.press("continuar")
	b.at(s.historia, "/")
}

// loginFromElsewhere: a form on another site signs nobody in (T15).
func (s *suite) loginFromElsewhere(t *testing.T) {
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<!doctype html><title>x</title><form method="post" action="%s/ingresar"><input name="cedula" value="%s">
			<input name="clave" value="%s"><button id="ingresar" name="ingresar" value="1">x</button></form>`, s.issuer, generated(6), commonClave)
	}))
	t.Cleanup(evil.Close)
	b := s.window(t)
	b.open(s.issuer + "/ingresar") // she has been here before: there are cookies to send along
	b.open(evil.URL)
	if status := b.press("ingresar"); status != http.StatusForbidden {
		t.Errorf("got %d, want 403", status)
	}
	b.noDeadEnd()
	b.look("error-otro-sitio")
	b.open(s.issuer + "/")
	if b.has("header form") {
		t.Error("a form on another site has signed her in")
	}
}
