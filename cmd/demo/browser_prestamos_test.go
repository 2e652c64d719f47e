package main

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
)

// intoPrestamos signs somebody in at Préstamos, whatever she is asked.
func (s *suite) intoPrestamos(b *tab, cedula, clave string) {
	b.t.Helper()
	b.enter(s.prestamos)
	b.signIn(cedula, clave)
	if b.has("#autorizar") {
		b.press("autorizar")
	}
	b.at(s.prestamos, "/")
}

// stepUp: "solicitar" asks for the clave again when the login is old, and for
// nothing more from somebody whose clave is long; if that has just been recovered, a
// large amount waits (T06).
func (s *suite) stepUp(t *testing.T) {
	b := s.window(t)
	s.intoPrestamos(b, "2059999918", "Archipielago1969Tortuga")
	b.press("solicitar")
	b.at(s.prestamos, "/solicitud")
	b.look("prestamos-solicitud")
	b.fill("monto", "mucho")
	b.press("solicitar")
	b.says("Revise el monto")
	b.look("prestamos-solicitud-error")
	b.fill("monto", "1.500,50")
	b.press("solicitar")
	b.at(s.prestamos, "/solicitud")
	b.says("Recibimos su solicitud de USD 1.500,50")
	b.look("prestamos-solicitud-recibida")

	s.clock.set(6 * time.Minute) // the login is older than Préstamos takes
	t.Cleanup(func() { s.clock.set(0) })
	b.fill("monto", "800")
	b.press("solicitar")
	b.at(s.issuer, "/ingresar")
	b.says("Pedro")
	b.look("ingresar-otra-vez")
	// The library that the application uses knows no clock but the machine's, and
	// takes no token from the future: the person types her clave at once.
	b.fill("cedula", "2059999918")
	b.fill("clave", "Archipielago1969Tortuga")
	s.clock.set(0)
	s.recoveredAgo(t, "2059999918", 0)
	defer s.recoveredAgo(t, "2059999918", 31*day)
	b.press("ingresar")
	b.at(s.prestamos, "/solicitud")
	b.says("Recibimos su solicitud de USD 800")
	b.fill("monto", "1.500,50")
	b.press("solicitar")
	b.at(s.prestamos, "/solicitud/espera")
	b.says("Ese monto todavía debe esperar")
	b.look("prestamos-espera")
}

// stepUpOutOfReach: a short clave is not enough for a large amount; the page of
// the application says what is, and a smaller amount goes through.
func (s *suite) stepUpOutOfReach(t *testing.T) {
	b := s.window(t)
	s.intoPrestamos(b, "1759999913", commonClave)
	b.open(s.prestamos + "/solicitud")
	b.fill("monto", "5000")
	b.press("solicitar")
	b.at(s.prestamos, "/solicitud/nivel")
	b.says("Hace falta un ingreso más seguro")
	b.look("prestamos-nivel")
	b.open(s.prestamos + "/solicitud")
	b.fill("monto", "1000")
	b.press("solicitar")
	b.says("Recibimos su solicitud de USD 1.000")
}

// logoutThatAsks: without a hint the provider asks first, and both answers lead on.
func (s *suite) logoutThatAsks(t *testing.T) {
	b := s.window(t)
	b.enter(s.historia)
	b.signIn(string(generated(5)), commonClave)
	b.press("continuar")
	b.at(s.historia, "/")
	b.open(s.issuer + "/")
	b.look("inicio-dentro")
	b.open(discover(t, s.issuer).EndSession)
	b.look("salir")
	b.press("quedarse")
	b.look("salir-quedarse")
	b.noDeadEnd()
	b.open(discover(t, s.issuer).EndSession + "?" + url.Values{"client_id": {"historia-laboral"}, "post_logout_redirect_uri": {s.historia + "/adios"}}.Encode())
	b.says("Historia Laboral")
	b.look("salir-aplicacion")
	b.press("salir")
	b.at(s.historia, "/adios")

	b.open(s.issuer + "/")
	if b.has("#salir") {
		t.Error("after the logout somebody is still signed in")
	}
	b.open(discover(t, s.issuer).EndSession)
	b.noDeadEnd()
	b.look("salida")
}

// clearCookies removes the cookies of an application.
func clearCookies(app string) func(context.Context) error {
	return func(ctx context.Context) error {
		return errors.Join(clearCookie(app, "sesion-")(ctx), clearCookie(app, "ingreso-")(ctx))
	}
}

// clearCookie removes a cookie whose name ends in the port of its site.
func clearCookie(site, name string) func(context.Context) error {
	return func(ctx context.Context) error {
		u, err := url.Parse(site)
		if err != nil {
			return err
		}
		return network.DeleteCookies(name + u.Port()).WithURL(site).Do(ctx)
	}
}
