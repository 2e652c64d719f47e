package main

import (
	"context"
	"encoding/base32"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"iess.gob.ec/clave/login/totp"
)

// accountAlone: without script nothing of the account is missing but passkeys, of
// which the page says why. A change asks for the clave where five minutes have passed
// since; then a second step, a recovery code in its place, and the end of it.
func (s *suite) accountAlone(t *testing.T) {
	p := s.newcomer(t, forAccount, func(p *person) { p.locked = false })
	t.Cleanup(func() { s.clock.set(0) })
	b := s.window(t)
	b.open(s.issuer + "/ingresar")
	if value[bool](b, "document.querySelector('[data-llave]').checkVisibility()") {
		t.Error("without script there is a button for passkeys")
	}
	b.signIn(string(p.identifier), p.clave)
	b.at(s.issuer, "/cuenta")
	b.open(s.issuer + "/cuenta/llaves")
	b.press("agregar")
	b.at(s.issuer, "/cuenta/llaves/nueva")
	b.says("Su navegador no permite agregar llaves de acceso", "con su clave puede ingresar y hacer todo")
	b.look("cuenta-llaves-nueva-sin-script")

	s.clock.pass(6 * time.Minute)
	b.open(s.issuer + "/cuenta/segundo-paso")
	b.press("configurar")
	b.says("confirme que es usted")
	b.look("cuenta-confirmar")
	b.fill("clave", wrongClave)
	b.press("confirmar")
	b.says("confirme que es usted")
	b.fill("clave", p.clave)
	b.press("confirmar")
	b.at(s.issuer, "/cuenta/segundo-paso")
	app := s.authenticator(b)
	b.look("cuenta-segundo-paso-nuevo")
	b.fill("codigo", app.wrong())
	b.press("activar")
	if !b.has("#codigo-error") {
		t.Errorf("a wrong code is not refused\n%s", b.where())
	}
	b.fill("codigo", app.next())
	b.press("activar")
	b.at(s.issuer, "/cuenta/segundo-paso")
	if !b.has("#quitar") {
		t.Fatalf("the second step is not on\n%s", b.where())
	}
	codes := s.recoveryCodes(b, app)

	s.leaves(b)
	second := func(button, field, code string) {
		t.Helper()
		b.open(s.issuer + "/ingresar")
		b.signIn(string(p.identifier), p.clave)
		b.at(s.issuer, "/ingresar/segundo")
		b.fill(field, code)
		b.press(button)
	}
	second("continuar", "codigo", app.wrong())
	b.at(s.issuer, "/ingresar/segundo")
	b.look("ingresar-segundo-no-coincide")
	b.fill("codigo", app.next())
	b.press("continuar")
	b.at(s.issuer, "/cuenta")
	s.leaves(b)
	second("usar-respaldo", "codigo_respaldo", codes[0])
	b.at(s.issuer, "/cuenta")
	s.leaves(b)
	second("usar-respaldo", "codigo_respaldo", codes[0]) // each serves once
	b.at(s.issuer, "/ingresar/segundo")
	b.fill("codigo", app.next())
	b.press("continuar")
	b.at(s.issuer, "/cuenta")

	b.open(s.issuer + "/cuenta/segundo-paso") // by a code at once
	b.press("quitar")
	b.at(s.issuer, "/cuenta/segundo-paso")
	if !b.has("#configurar") {
		t.Errorf("the application has not ended\n%s", b.where())
	}
}

// recoveryCodes makes a set, which is shown this once.
func (s *suite) recoveryCodes(b *tab, app *authenticator) []string {
	b.t.Helper()
	b.open(s.issuer + "/cuenta/codigos")
	b.press("crear")
	if b.has("#codigo") { // what she has just activated does not count as a proof of hers
		b.look("cuenta-confirmar-codigo")
		b.fill("codigo", app.next())
		b.press("confirmar")
	}
	codes := value[[]string](b, "[...document.querySelectorAll('#codigos b')].map(e => e.textContent)")
	if len(codes) < 8 {
		b.t.Fatalf("got %d recovery codes\n%s", len(codes), b.where())
	}
	b.look("cuenta-codigos-nuevos")
	b.open(s.issuer + "/cuenta/codigos")
	page := b.text("body")
	if slices.ContainsFunc(codes, func(c string) bool { return strings.Contains(page, c) }) {
		b.t.Error("recovery codes are shown a second time")
	}
	return codes
}

// authenticator is an authenticator application.
type authenticator struct {
	s      *suite
	b      *tab
	secret []byte
}

// authenticator sets one up by the key that the page shows.
func (s *suite) authenticator(b *tab) *authenticator {
	b.t.Helper()
	key := strings.ReplaceAll(b.text("#clave-aplicacion"), " ", "")
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(key))
	if err != nil || len(secret) == 0 {
		b.t.Fatalf("no key on the page: %v\n%s", err, b.where())
	}
	return &authenticator{s, b, secret}
}

// next is a code that has not been used: half a minute passes.
func (a *authenticator) next() string {
	a.b.t.Helper()
	a.s.clock.pass(30 * time.Second)
	code, err := totp.Code(a.secret, totp.Step(a.s.clock.now()))
	if err != nil {
		a.b.t.Fatal(err)
	}
	return code
}

// wrong is a code that counts at no time near.
func (a *authenticator) wrong() string {
	a.b.t.Helper()
	code, err := totp.Code(a.secret, totp.Step(a.s.clock.now())+100)
	if err != nil {
		a.b.t.Fatal(err)
	}
	return code
}

// accountPages are those of Mi cuenta that stand there for whoever is signed in.
func accountPages() []string {
	return []string{
		"", "/datos", "/clave", "/llaves", "/segundo-paso", "/codigos", "/aplicaciones", "/derechos", "/mensajes", "/sesiones", "/actividad", "/mis-datos", "/contacto", "/preguntas",
	}
}

// accountKeyboard: the tabulator key leads to whatever the pages of the account have
// to use, in the order in which it stands there, and shows where it is.
func (s *suite) accountKeyboard(t *testing.T) {
	p := s.newcomer(t, forKeyboard, func(p *person) { p.locked = false })
	b := s.window(t)
	b.open(s.issuer + "/ingresar")
	b.signIn(string(p.identifier), p.clave)
	b.at(s.issuer, "/cuenta")
	for _, page := range accountPages() {
		if status := b.open(s.issuer + "/cuenta" + page); status != 200 {
			t.Errorf("/cuenta%s answers %d", page, status)
		}
		b.walk()
		b.look("cuenta" + strings.ReplaceAll(page, "/", "-"))
		b.noDeadEnd()
	}
}

// walk presses the tabulator key until it has been everywhere.
func (b *tab) walk() {
	b.t.Helper()
	stops := value[int](b, `(() => {
		const first = e => document.querySelector('[name=' + e.name + ']:checked') ?? document.querySelector('[name=' + e.name + ']') // of a group that is one stop
		window.stops = [...document.querySelectorAll('a[href], button, input, select, textarea, summary')].filter(e =>
			e.checkVisibility({visibilityProperty: true}) && !e.disabled && e.type !== 'hidden' && e.tabIndex >= 0 &&
			(e.type !== 'radio' || e === first(e)))
		window.been = []
		document.addEventListener('focusin', ({target: e}) => {
			const of = getComputedStyle(e)
			been.push({at: stops.indexOf(e), seen: of.outlineStyle !== 'none' || of.boxShadow !== 'none'})
		})
		return stops.length
	})()`)
	b.run(chromedp.KeyEvent(strings.Repeat(kb.Tab, stops)))
	if wrong := value[string](b, `stops.map((e, i) => been[i]?.at === i && been[i].seen ? '' : i + ' ' + e.outerHTML.slice(0, 100) + ' ' + JSON.stringify(been[i])).filter(Boolean).join('\n')`); wrong != "" {
		b.t.Errorf("the tabulator key does not lead there in order, or shows not where it is:\n%s\n%s", wrong, b.where())
	}
}

// later makes time pass for the provider and for the page.
func (s *suite) later(b *tab, d time.Duration) {
	b.t.Helper()
	s.clock.pass(d)
	b.run(chromedp.Evaluate(`Date.now = (now => () => now() + `+strconv.FormatInt(d.Milliseconds(), 10)+`)(Date.now)`, nil))
}

// countdown: two minutes before the session ends the page says so, and one press makes
// it go on. Where it has ended, what was typed is sent all the same, once she has
// signed in again (ASVS 7.3.1, WCAG 2.2.1).
func (s *suite) countdown(t *testing.T) {
	p := s.newcomer(t, forCountdown, func(p *person) { p.locked = false })
	b := s.window(t)
	s.enters(b, p.identifier, p.clave)
	b.open(s.issuer + "/cuenta/derechos")
	b.wait("#cierre [role=status]")
	b.click("[name=derecho]")
	b.fill("detalle", "Quiero saber qué guardan de mí.")

	s.later(b, 14*time.Minute)
	b.told("Su sesión se cierra en dos minutos")
	b.look("cuenta-cierre-pronto")
	b.click("#seguir")
	b.told("Su sesión sigue abierta")
	s.later(b, 16*time.Minute)
	b.told("Su sesión se cerró. Lo que escribió sigue aquí")
	b.look("cuenta-cierre")
	b.lead(chromedp.Click("form[action='/cuenta/derechos/pedir'] .acts button", chromedp.ByQuery))
	b.look("cuenta-confirmar-cerrada")
	b.fill("cedula", string(p.identifier))
	b.fill("clave", p.clave)
	b.press("confirmar")
	b.at(s.issuer, "/cuenta/derechos")
	b.says("Recibimos su solicitud", "Quiero saber qué guardan de mí.")
}

// sharedComputer (T33): where many people sign in, a session is short, the page says
// so, and who leaves leaves nothing.
func (s *suite) sharedComputer(t *testing.T) {
	b := s.window(t)
	for i := range 4 {
		if i > 0 {
			s.leaves(b)
		}
		s.enters(b, generated(60+i), commonClave)
	}
	b.open(s.issuer + "/cuenta")
	b.says("Equipo compartido: esta sesión es corta")
	b.look("cuenta-equipo-compartido")
	b.lead(chromedp.Click("header [name=salir]", chromedp.ByQuery))
	b.look("salir-equipo-compartido")
	b.back()
	b.open(s.issuer + "/cuenta")
	b.at(s.issuer, "/ingresar")
	b.says("Este equipo está marcado como compartido")
	b.run(chromedp.ActionFunc(func(ctx context.Context) error {
		cookies, err := network.GetCookies().WithURLs([]string{s.issuer + "/"}).Do(ctx)
		for _, c := range cookies {
			if len(c.Value) > 20 && !strings.HasPrefix(c.Name, "clave-browser-") {
				t.Errorf("T33: the cookie %s has stayed: %d letters", c.Name, len(c.Value))
			}
		}
		return err
	}))
}
