package main

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"iess.gob.ec/clave/templates"
)

// ableToMake waits until the login form says that this device can make a passkey.
const ableToMake = "form[action='/ingresar'] [name=puede]"

// passkeys: somebody is offered one after her clave, makes it, uses it in each way
// there is, and takes it away again.
func (s *suite) passkeys(t *testing.T) {
	p := s.newcomer(t, forKey, func(p *person) { p.locked = false })
	b := s.window(t)
	d := b.device(false)
	s.offered(t, b, d, p)
	s.autofill(b, d)
	s.cancelledThenButton(b, d)
	s.secondTab(b, d)
	s.listOfKeys(b, d)
	s.foreignPage(b, d)
	s.stepUpByKey(b, d, p)
	s.revoked(t, b, d, p)
}

// leaves ends the session, as the button of every page does.
func (s *suite) leaves(b *tab) {
	b.t.Helper()
	b.open(s.issuer + "/")
	b.press("salir")
}

// comes signs in by the clave in a browser that can make a passkey.
func (s *suite) comes(b *tab, p person) {
	b.t.Helper()
	b.open(s.issuer + "/ingresar")
	b.wait(ableToMake)
	b.signIn(string(p.identifier), p.clave)
}

// offered: "ahora no" is for this time, and what her device does not do for her leaves
// the page as it was.
func (s *suite) offered(t *testing.T, b *tab, d *device, p person) {
	t.Helper()
	s.comes(b, p)
	b.at(s.issuer, "/ingresar/oferta")
	b.says("Ingrese la próxima vez sin escribir la clave", "Su clave sigue sirviendo")
	b.look("oferta")
	b.press("ahora-no")
	b.at(s.issuer, "/cuenta")
	s.leaves(b)

	s.comes(b, p)
	b.at(s.issuer, "/ingresar/oferta")
	d.verifies(false)
	d.present(true)
	b.click("#registrar")
	b.told("No se creó ninguna llave")
	b.look("oferta-cancelada")
	d.present(false)
	d.verifies(true)
	d.touch("registrar")
	b.at(s.issuer, "/cuenta")
	b.says("Listo: ya puede ingresar con esta llave")
	s.mailed(t, p.email, templates.MailFactor{Kind: templates.KeyAdded}, 1)
	if key := d.only(); key.RpID != "localhost" || !key.IsResidentCredential || key.UserHandle == "" {
		t.Errorf("got the passkey %+v", key)
	}
	s.leaves(b)
}

// autofill: the browser offers the passkey in the field of the identifier.
func (s *suite) autofill(b *tab, d *device) {
	b.t.Helper()
	d.present(true)
	b.run(chromedp.Navigate(s.issuer + "/ingresar"))
	b.arrives(s.issuer, "/cuenta")
	d.present(false)
	s.leaves(b)
}

// cancelledThenButton: who is not verified is told that nothing happened, with the
// form for the clave as it was; then the button, with nothing typed.
func (s *suite) cancelledThenButton(b *tab, d *device) {
	b.t.Helper()
	d.verifies(false)
	b.open(s.issuer + "/ingresar")
	b.wait("#usar-passkey")
	d.present(true)
	b.click("#usar-passkey")
	b.told("No se usó ninguna llave de acceso")
	if !b.has("#clave") || !b.has("#ingresar") || !b.has("a[href='/ayuda/llaves']") {
		b.t.Errorf("there is no way on\n%s", b.where())
	}
	b.look("ingresar-llave-cancelada")
	d.present(false)
	d.verifies(true)
	b.open(s.issuer + "/ingresar")
	d.touch("usar-passkey")
	b.at(s.issuer, "/cuenta")
	s.leaves(b)
}

// secondTab: both tabs show the form; in either the passkey does.
func (s *suite) secondTab(b *tab, d *device) {
	b.t.Helper()
	two := b.another()
	other := d.copied(two)
	b.open(s.issuer + "/ingresar")
	two.open(s.issuer + "/ingresar")
	d.touch("usar-passkey")
	b.at(s.issuer, "/cuenta")
	// It is one device, and counts what it does in both tabs.
	two.run(chromedp.ActionFunc(other.replace(d.only())))
	other.touch("usar-passkey")
	two.at(s.issuer, "/cuenta")
	b.run(chromedp.ActionFunc(d.replace(other.only())))
}

// listOfKeys: her passkey is listed, and this device makes no second one.
func (s *suite) listOfKeys(b *tab, d *device) {
	b.t.Helper()
	b.open(s.issuer + "/cuenta/llaves")
	b.says("Llaves de acceso", "sin copias")
	b.look("cuenta-llaves")
	b.press("agregar")
	b.at(s.issuer, "/cuenta/llaves/nueva")
	d.present(true)
	b.click("#crear")
	b.told("Este equipo ya tiene una llave de acceso")
	d.present(false)
	b.look("cuenta-llaves-nueva-ya-hay")
	d.only()
}

// foreignPage (T08): a page of another host gets nothing from her device, neither for
// itself nor in our name.
func (s *suite) foreignPage(b *tab, d *device) {
	b.t.Helper()
	away := b.another()
	other := d.copied(away)
	other.present(true)
	away.open(anotherHost(b.t) + "/")
	for rp, want := range map[string]string{"": "NotAllowedError", "localhost": "SecurityError"} {
		if got := away.asksFor(rp); got != want {
			b.t.Errorf("T08: a page of another host that asks for %q gets %q, want %q", rp, got, want)
		}
	}
}

// stepUpByKey: Préstamos wants more than her clave for a large amount.
func (s *suite) stepUpByKey(b *tab, d *device, p person) {
	b.t.Helper()
	s.leaves(b)
	b.enter(s.prestamos)
	b.signIn(string(p.identifier), p.clave)
	b.press("autorizar")
	b.at(s.prestamos, "/")
	b.open(s.prestamos + "/solicitud")
	b.fill("monto", "5000")
	b.press("solicitar")
	b.at(s.issuer, "/ingresar")
	b.says("La aplicación pide su llave de acceso")
	b.look("ingresar-llave-pedida")
	d.touch("usar-passkey")
	b.at(s.prestamos, "/solicitud")
	b.says("Recibimos su solicitud de USD 5.000")
	b.open(s.prestamos + "/datos")
	b.says("llave de acceso")
}

// revoked: it ends at once for who has just used it. Then it opens nothing any more,
// and the clave does.
func (s *suite) revoked(t *testing.T, b *tab, d *device, p person) {
	t.Helper()
	b.open(s.issuer + "/cuenta/llaves")
	key := d.only()
	b.lead(chromedp.Click("a[href^='/cuenta/llaves/quitar?']", chromedp.ByQuery))
	b.says("Es su única llave de acceso")
	b.look("cuenta-llaves-quitar")
	b.press("quitar")
	b.at(s.issuer, "/cuenta/llaves")
	b.says("esa llave ya no sirve", "Todavía no tiene ninguna")
	s.leaves(b)
	if len(d.keys()) == 0 { // the browser was told to forget it
		b.run(chromedp.ActionFunc(d.add(key)))
	}
	b.open(s.issuer + "/ingresar")
	d.touch("usar-passkey")
	b.at(s.issuer, "/ingresar")
	b.says("No se pudo ingresar con esa llave de acceso", "No se perdió ningún intento con su clave")
	b.look("ingresar-llave-rechazada")
	b.signIn(string(p.identifier), p.clave)
	b.at(s.issuer, "/ingresar/oferta") // she has none again
	b.press("no-ofrecer")
	b.at(s.issuer, "/cuenta")
	s.leaves(b)
	s.comes(b, p)
	b.at(s.issuer, "/cuenta") // for good
}

// copies: a passkey that its provider copies says so, and says when that changes. One
// that all at once may be copied is another one, and one that has counted less than
// before is somebody's copy (WA-5): it proves nobody, and she is told.
func (s *suite) copies(t *testing.T) {
	p := s.newcomer(t, forCopies, func(p *person) { p.locked = false })
	b := s.window(t)
	d := b.device(true)
	b.open(s.issuer + "/ingresar")
	b.signIn(string(p.identifier), p.clave)
	b.at(s.issuer, "/cuenta") // a device that is no part of this one is not offered
	b.open(s.issuer + "/cuenta/llaves")
	b.says("Todavía no tiene ninguna")
	b.press("agregar")
	b.at(s.issuer, "/cuenta/llaves/nueva")
	b.look("cuenta-llaves-nueva")
	b.fill("nombre", "Llavero azul")
	d.touch("crear")
	b.at(s.issuer, "/cuenta/llaves")
	b.says("Llavero azul", "Tiene una copia en su cuenta")

	d.backs(true, false)
	s.leaves(b)
	b.open(s.issuer + "/ingresar")
	d.touch("usar-passkey")
	b.at(s.issuer, "/cuenta")
	b.open(s.issuer + "/cuenta/llaves")
	b.says("Llavero azul", "Todavía no lo hizo")

	d.backs(false, false)
	s.leaves(b)
	b.open(s.issuer + "/ingresar")
	d.touch("usar-passkey")
	b.at(s.issuer, "/ingresar")
	b.says("No se pudo ingresar con esa llave de acceso")
	b.signIn(string(p.identifier), p.clave)
	b.at(s.issuer, "/cuenta")

	d.backs(true, false)
	earlier := d.only()
	earlier.SignCount = 1 // as a copy has that somebody took of it before
	b.run(chromedp.ActionFunc(d.replace(earlier)))
	s.leaves(b)
	b.open(s.issuer + "/ingresar")
	d.touch("usar-passkey")
	b.at(s.issuer, "/ingresar")
	b.signIn(string(p.identifier), p.clave)
	b.open(s.issuer + "/cuenta/llaves")
	b.says("Llavero azul", "Puede haber una copia ajena")
	b.look("cuenta-llaves-copia-ajena")
	s.mailed(t, p.email, templates.MailFactor{Kind: templates.KeyCloned}, 1)
}

// lostDevice: who has no more than her clave left takes the passkey away within a day.
// Until then it opens, and she is told.
func (s *suite) lostDevice(t *testing.T) {
	p := s.newcomer(t, forLost, func(p *person) { p.locked = false })
	b := s.window(t)
	d := b.device(false)
	s.comes(b, p)
	d.touch("registrar")
	b.at(s.issuer, "/cuenta")

	other := s.window(t)
	remove := func() {
		t.Helper()
		other.open(s.issuer + "/cuenta/llaves")
		other.lead(chromedp.Click("a[href^='/cuenta/llaves/quitar?']", chromedp.ByQuery))
		other.says("Si ya no tiene ninguno, quítela con su clave")
		other.press("quitar")
		other.at(s.issuer, "/cuenta/llaves")
		other.says("Esa llave terminará en 24 horas", "Termina el")
	}
	other.open(s.issuer + "/ingresar")
	other.signIn(string(p.identifier), p.clave)
	other.at(s.issuer, "/cuenta")
	remove()
	s.mailed(t, p.email, templates.MailFactor{Kind: templates.KeyEnding}, 1)
	other.look("cuenta-llaves-por-terminar")
	other.lead(chromedp.Click("[name=conservar]", chromedp.ByQuery))
	other.says("esa llave ya no terminará")
	remove()

	s.leaves(b)
	b.open(s.issuer + "/ingresar")
	d.touch("usar-passkey") // a day is not over
	b.at(s.issuer, "/cuenta")
	s.leaves(b)
	s.clock.pass(25 * time.Hour)
	b.open(s.issuer + "/ingresar")
	d.touch("usar-passkey")
	b.at(s.issuer, "/ingresar")
	b.says("No se pudo ingresar con esa llave de acceso")
	b.signIn(string(p.identifier), p.clave)
	b.at(s.issuer, "/ingresar/oferta")
}
