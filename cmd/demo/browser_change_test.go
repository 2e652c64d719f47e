package main

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"iess.gob.ec/clave/templates"
)

// changeAndDisavow: María changes her clave from the public form, then in session;
// then it was not her after all, and the notice's link ends everything (S087–S091,
// D29).
func (s *suite) changeAndDisavow(t *testing.T) {
	p := s.known(t, mariaCedula, forChange, func(p *person) { p.locked = false })
	elsewhere := s.window(t)
	s.enters(elsewhere, p.identifier, p.clave)
	b := s.window(t)
	s.changePublic(b, p, newClave)
	elsewhere.open(s.issuer + "/")
	if elsewhere.has("header [name=salir]") {
		t.Error("the session on another device goes on")
	}
	b.open(s.issuer + "/ingresar")
	b.signIn(string(p.identifier), p.clave)
	b.at(s.issuer, "/ingresar")
	s.enters(b, p.identifier, newClave)
	s.changeInSession(b, p, newClave, secondClave)
	s.disavow(t, b, p, secondClave)
}

// changePublic is the way of the public form, with all that it refuses.
func (s *suite) changePublic(b *tab, p person, to string) {
	b.t.Helper()
	b.open(s.issuer + "/cambio")
	b.press("aceptar")
	b.says("Revise 3 puntos", "Escriba su clave actual", "acuerdo del uso de clave")
	b.look("cambio-falta")
	b.fill("cedula", string(p.identifier))
	b.fill("clave_actual", p.clave)
	b.press("aceptar")
	b.says("Marque que acepta el acuerdo")
	if got := b.prop("#cedula", "value"); got != string(p.identifier) {
		b.t.Errorf("what was typed has become %q", got)
	}
	b.click("#acuerdo")
	b.fill("clave_actual", wrongClave)
	b.press("aceptar")
	b.says("La cédula o la clave no coinciden, o la clave está bloqueada")
	b.look("cambio-no-coincide")

	b.open(s.issuer + "/cambio") // the rest by keyboard
	b.tabTo("cedula")
	b.keys(string(p.identifier))
	b.tabTo("clave_actual")
	b.keys(p.clave)
	b.tabTo("acuerdo")
	b.keys(" ")
	s.tickIfAsked(b)
	b.enterOn("aceptar")
	b.at(s.issuer, "/cambio")
	b.says("Paso 2 de 2", "Su clave actual aún no ha cambiado")
	b.look("cambio-nueva")
	s.refusesNew(b, p)
	b.tabTo("clave_nueva")
	b.keys(to)
	b.tabTo("clave_confirmacion")
	b.keys(to)
	b.enterOn("aceptar")
	b.at(s.issuer, "/cambio/listo")
	b.says("Su clave cambió", "Cerramos las sesiones abiertas en otros equipos", "Enviamos un aviso")
	b.look("cambio-listo")
}

// refusesNew tries what the second step refuses. Nothing typed comes back.
func (s *suite) refusesNew(b *tab, p person) {
	b.t.Helper()
	own := strings.Fields(p.family)[0] + "1990"
	for _, c := range []struct{ name, nueva, otra, says string }{
		{"corta", "Ab1cdef", "Ab1cdef", "al menos 8 caracteres"},
		{"propia", own, own, "datos suyos"},
		{"repetida", p.clave, p.clave, "Ya usó esa clave"},
		{"distinta", newClave, secondClave, "no son iguales"},
	} {
		b.fill("clave_nueva", c.nueva)
		b.fill("clave_confirmacion", c.otra)
		b.press("aceptar")
		b.at(s.issuer, "/cambio")
		b.says(c.says)
		if got := b.prop("#clave_nueva", "value") + b.prop("#clave_confirmacion", "value"); got != "" {
			b.t.Errorf("%s: the page gives the clave back: %q", c.name, got)
		}
		b.look("cambio-nueva-rechazada")
	}
}

// changeInSession is the way of somebody who is signed in, and keeps her other
// sessions.
func (s *suite) changeInSession(b *tab, p person, from, to string) {
	b.t.Helper()
	b.open(s.issuer + "/cambio")
	if b.has("#cedula") {
		b.t.Error("asks who she is")
	}
	b.look("cambio-en-sesion")
	try := func(actual, nueva string, says ...string) {
		b.t.Helper()
		b.fill("clave_actual", actual)
		b.fill("clave_nueva", nueva)
		b.fill("clave_confirmacion", nueva)
		b.press("aceptar")
		b.says(says...)
	}
	try(from, to, "Marque que acepta el acuerdo")
	b.click("#acuerdo")
	try(wrongClave, to, "La clave actual no coincide")
	b.look("cambio-en-sesion-no-coincide")
	try(from, p.clave, "Ya usó esa clave") // one before
	b.click("#cerrar_otras")
	try(from, to, "Su clave cambió")
	b.at(s.issuer, "/cambio/listo")
	for _, query := range []string{"", "?cerradas=1"} { // an address makes the page say nothing
		b.open(s.issuer + "/cambio/listo" + query)
		if strings.Contains(b.text("#contenido"), "Cerramos las sesiones") {
			b.t.Errorf("%q: claims to have ended sessions", query)
		}
	}
}

// disavow is "No fui yo", from the notice to the way to a new clave. hers is a
// window in which she is signed in.
func (s *suite) disavow(t *testing.T, hers *tab, p person, clave string) {
	t.Helper()
	link := linkIn(t, s.mailed(t, p.email, templates.MailClaveChanged{}, 1), 1)
	b := s.window(t)
	b.open(link)
	b.at(s.issuer, "/no-fui-yo")
	b.says("Su clave cambió", "127.0.0.x", "Chrome · Linux", "Todavía no hicimos nada")
	b.look("no-fui-yo")
	b.press("no-fui-yo")
	b.says("Marque la casilla")
	b.look("no-fui-yo-falta")
	s.tick(b)
	b.press("no-fui-yo")
	b.at(s.issuer, "/no-fui-yo/listo")
	b.says("Su cuenta está protegida", "Cerramos todas sus sesiones")
	b.look("no-fui-yo-listo")
	s.mailed(t, p.email, templates.MailClaveLocked{}, 1)

	hers.open(s.issuer + "/")
	if hers.has("header [name=salir]") {
		t.Error("the session goes on")
	}
	hers.open(s.issuer + "/ingresar")
	hers.signIn(string(p.identifier), clave)
	if hers.location().Path != "/ingresar" {
		t.Errorf("the clave still opens\n%s", hers.where())
	}
	b.lead(chromedp.Click(`#contenido a.button[href="/generar-recuperar"]`, chromedp.ByQuery))
	b.at(s.issuer, "/generar-recuperar")
	b.noDeadEnd()
	b.open(link)
	b.says("Este enlace ya se usó", "Ya confirmó que no fue usted")
	b.look("no-fui-yo-usado")
}
