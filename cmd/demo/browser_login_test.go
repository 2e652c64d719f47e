package main

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// threeApplications: Historia Laboral with a notice, Préstamos with consent,
// Fondos de Reserva with a notice, and one clave for all.
func (s *suite) threeApplications(t *testing.T) {
	b := s.window(t)
	b.open(s.historia + "/")
	b.look("historia-inicio")
	b.press("ingresar")
	b.at(s.issuer, "/ingresar")
	b.says("Historia Laboral")
	b.look("ingresar")
	if got := b.prop("#clave", "type"); got != "password" {
		t.Errorf("got type %q for the clave, want password", got)
	}
	if shows := b.has("[aria-controls=clave]"); shows != s.script {
		t.Errorf("got Mostrar %v, want %v", shows, s.script)
	} else if shows {
		b.fill("clave", commonClave)
		b.click("[aria-controls=clave]")
		if got := b.prop("#clave", "type"); got != "text" {
			t.Errorf("after Mostrar got type %q", got)
		}
		b.look("ingresar-mostrar")
	}

	b.signIn("1759999913", commonClave)
	b.at(s.issuer, "/autorizar")
	b.says("Historia Laboral", "María Fernanda", "1759999913")
	b.look("autorizar-aviso")
	b.press("continuar")
	b.at(s.historia, "/")
	b.says("María Fernanda Quishpe Andrade", "1759999913")
	b.look("historia-dentro")
	b.open(s.historia + "/datos")
	b.says("Identificador para esta aplicación", "clave de menos de 15 caracteres")
	b.look("historia-datos")
	sub := subOf(b)

	b.enter(s.prestamos)
	b.at(s.issuer, "/autorizar") // not asked for the clave
	b.says("Préstamos")
	b.look("autorizar-consentimiento")
	b.press("autorizar")
	b.at(s.prestamos, "/")
	b.look("prestamos-dentro")
	b.open(s.prestamos + "/datos")
	if other := subOf(b); other == sub || strings.Contains(other, "1759999913") {
		t.Errorf("Préstamos knows her by %q, Historia Laboral by %q: not pairwise", other, sub)
	}

	b.enter(s.fondos)
	b.at(s.issuer, "/autorizar")
	b.press("continuar")
	b.at(s.fondos, "/")
	b.look("fondos-dentro")

	// A second time nothing is asked at all.
	b.open(s.historia + "/")
	b.press("salir")
	b.at(s.historia, "/adios")
	b.says("Salió de Historia Laboral y de Clave IESS")
	b.look("historia-adios")
	b.enter(s.historia)
	b.at(s.issuer, "/ingresar") // the session has ended everywhere
	b.signIn("1759999913", commonClave)
	b.at(s.historia, "/") // told once
	b.enter(s.fondos2(t, b))
	b.at(s.fondos, "/")
}

// fondos2 leaves Fondos de Reserva alone, so that its own session does not hide
// what the provider answers.
func (s *suite) fondos2(t *testing.T, b *tab) string {
	t.Helper()
	b.run(chromedp.ActionFunc(clearCookies(s.fondos)))
	return s.fondos
}

// subOf is the sub of the claims page.
func subOf(b *tab) string {
	b.t.Helper()
	return value[string](b, `JSON.parse(document.getElementById('json-token').textContent).sub`)
}

// cancel: the application learns access_denied and says it in a friendly way.
func (s *suite) cancel(t *testing.T) {
	b := s.window(t)
	b.enter(s.historia)
	b.fill("cedula", "2259999916")
	b.press("cancelar")
	b.at(s.historia, "/retorno")
	if got := b.location().Query().Get("error"); got != "access_denied" {
		t.Errorf("got error %q, want access_denied", got)
	}
	b.says("Usted canceló el ingreso")
	b.look("historia-cancelado")

	// Also where she has signed in already and refuses the data.
	b.enter(s.prestamos)
	b.signIn("2259999916", commonClave)
	b.at(s.issuer, "/autorizar")
	b.press("cancelar")
	b.at(s.prestamos, "/retorno")
	b.says("Usted canceló el ingreso")
	b.look("prestamos-cancelado")
}

// keyboard: the whole way with Tab, Space and Enter.
func (s *suite) keyboard(t *testing.T) {
	b := s.window(t)
	b.open(s.historia + "/")
	b.tabTo("ingresar")
	b.lead(chromedp.KeyEvent(kb.Enter))
	b.at(s.issuer, "/ingresar")
	b.keys(kb.Tab) // the first stop leads past the header
	if got := value[string](b, "document.activeElement.hash"); got != "#contenido" {
		t.Errorf("the first stop is %q, want the link to the content", got)
	}
	b.tabTo("cedula")
	b.keys("2259999916")
	b.tabTo("clave")
	b.keys(commonClave)
	b.lead(chromedp.KeyEvent(kb.Enter))
	b.at(s.issuer, "/autorizar")
	b.tabTo("continuar")
	b.lead(chromedp.KeyEvent(kb.Enter))
	b.at(s.historia, "/")
	b.says("Lucía Grefa Andi")
}

// language: English keeps the running request, and what follows is English too.
func (s *suite) language(t *testing.T) {
	b := s.window(t)
	b.enter(s.historia)
	b.lead(chromedp.Click("header a[hreflang=en]", chromedp.ByQuery))
	b.at(s.issuer, "/ingresar")
	if got := b.prop("html", "lang"); got != "en" {
		t.Errorf("got lang %q, want en", got)
	}
	b.says("Historia Laboral")
	b.look("ingresar-en")
	b.lead(chromedp.Click(`a[href*="codigo=1"]`, chromedp.ByQuery))
	b.look("ingresar-codigo-en")
	b.signIn("ext-0004711", commonClave)
	b.at(s.issuer, "/autorizar")
	if got := b.prop("html", "lang"); got != "en" {
		t.Errorf("after the login got lang %q, want en", got)
	}
	b.look("autorizar-aviso-en")
	b.press("continuar")
	b.at(s.historia, "/")
	b.says("Amara Okafor", "EXT-0004711")
}

// backAfterLogin: the Back button leads to no dead end and repeats nothing.
func (s *suite) backAfterLogin(t *testing.T) {
	b := s.window(t)
	b.enter(s.historia)
	b.signIn("3059999916", commonClave)
	b.press("continuar")
	b.at(s.historia, "/")
	for range 3 {
		b.back()
		b.noDeadEnd()
	}
	b.open(s.historia + "/")
	b.says("Blanca Ruiz Torres") // still in

	// The login form again, by its address, as a bookmark would have it.
	b.enter(s.fondos)
	b.at(s.issuer, "/autorizar")
	address := b.location().String()
	b.press("continuar")
	b.at(s.fondos, "/")
	b.open(address)
	b.noDeadEnd()
	b.look("peticion-terminada")
}

// noDeadEnd fails the test where the page offers nothing to go on with.
func (b *tab) noDeadEnd() {
	b.t.Helper()
	if !b.has("#contenido a[href], #contenido form") {
		b.t.Errorf("the page offers no way on\n%s", b.where())
	}
}

// twoTabs: two applications in two tabs of one browser, the second opened while
// the first still asks for the clave.
func (s *suite) twoTabs(t *testing.T) {
	one := s.window(t)
	two := one.another()
	one.enter(s.historia)
	two.enter(s.fondos)
	two.at(s.issuer, "/ingresar")
	one.signIn("2059999918", "Archipielago1969Tortuga")
	one.press("continuar")
	one.at(s.historia, "/")
	two.signIn("2059999918", "Archipielago1969Tortuga")
	two.at(s.issuer, "/autorizar")
	two.says("Fondos de Reserva")
	two.press("continuar")
	two.at(s.fondos, "/")
	one.open(s.historia + "/")
	one.says("Pedro Tomalá Suárez")
}
