package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// secondProofs: somebody with a passkey saves recovery codes, walks her account in
// English, asks for her passkey after each clave, and forgets the clave: the link
// in her mail wants a code of hers, too, and her passkey stays (DEV-7, ASVS 6.4.3).
func (s *suite) secondProofs(t *testing.T) {
	t.Cleanup(func() { s.clock.set(0) })
	p := s.withPast(t, forProofs)
	b := s.window(t)
	d := b.device(false)
	s.comes(b, p)
	b.at(s.issuer, "/ingresar/oferta")
	d.touch("registrar")
	b.at(s.issuer, "/cuenta")
	codes := s.savesCodes(b, d)
	s.inEnglish(b)

	b.open(s.issuer + "/cuenta/segundo-paso")
	b.press("configurar")
	if got := value[[]string](b, "[...document.querySelectorAll('.slip + .acts button')].map(e => e.textContent)"); !slices.Equal(got, []string{"Copiar"}) {
		t.Errorf("what is done with the key of an application: %q", got)
	}
	b.press("siempre")
	b.at(s.issuer, "/cuenta/segundo-paso")
	s.leaves(b)
	s.comes(b, p)
	b.at(s.issuer, "/ingresar/segundo")
	b.look("ingresar-segundo-llave")
	d.touch("usar-passkey")
	b.at(s.issuer, "/cuenta")
	b.open(s.issuer + "/cuenta/sesiones")
	b.says("Con llave de acceso")
	s.leaves(b)

	s.asksRecovery(b, p.identifier)
	s.answers(b, p)
	b.press("continuar")
	b.says("Paso 3 de 4")
	b.press("continuar")
	b.open(linkIn(t, s.mailed(t, p.email, templates.MailGenerateLink{}, 1), 1))
	b.at(s.issuer, "/generar-recuperar/clave")
	if b.has("#clave_nueva") {
		t.Fatalf("the mail alone lets set a clave\n%s", b.where())
	}
	b.look("recuperar-otra-prueba")
	b.fill("codigo_respaldo", strings.Repeat("A", len(codes[0])))
	b.press("continuar")
	if !b.has("#codigo_respaldo-error") {
		t.Errorf("any code will do\n%s", b.where())
	}
	b.fill("codigo_respaldo", strings.ToLower(codes[0]))
	b.press("continuar")
	b.click("#declaracion")
	b.fill("clave_nueva", newClave)
	b.fill("clave_confirmacion", newClave)
	b.press("confirmar")
	b.at(s.issuer, "/generar-recuperar/listo")
	b.press("ingresar")
	b.signIn(string(p.identifier), newClave)
	b.at(s.issuer, "/ingresar/segundo")
	d.touch("usar-passkey") // recovery took nothing away
	b.at(s.issuer, "/cuenta")
}

// savesCodes makes recovery codes, proved by the passkey, and copies and prints them.
func (s *suite) savesCodes(b *tab, d *device) []string {
	b.t.Helper()
	b.open(s.issuer + "/cuenta/codigos")
	b.press("crear")
	b.says("confirme que es usted")
	d.touch("usar-passkey")
	codes := value[[]string](b, "[...document.querySelectorAll('#codigos b')].map(e => e.textContent)")
	if len(codes) != storage.RecoveryCodes {
		b.t.Fatalf("got %d recovery codes\n%s", len(codes), b.where())
	}
	b.run(chromedp.Evaluate(`navigator.clipboard.writeText = async (text) => { window.copied = text } // without a window there is no clipboard
		window.print = () => { window.printed = true }`, nil))
	pressed := func(words string) {
		b.t.Helper()
		b.run(chromedp.Click(`//button[text()='`+words+`']`, chromedp.BySearch))
	}
	pressed("Copiar")
	b.told("Copiados")
	if got := value[string](b, "window.copied"); !slices.Equal(strings.Fields(got), codes) {
		b.t.Errorf("copied %q, want the codes", got)
	}
	pressed("Imprimir")
	if !value[bool](b, "window.printed === true") {
		b.t.Error("the button prints nothing")
	}
	return codes
}

// inEnglish walks the pages of the account in English, and back.
func (s *suite) inEnglish(b *tab) {
	b.t.Helper()
	for _, page := range accountPages() {
		b.open(s.issuer + "/cuenta" + page + "?ui_locales=en")
		if got := b.prop("html", "lang"); got != "en" {
			b.t.Errorf("/cuenta%s is in %q", page, got)
		}
		b.look("cuenta" + strings.ReplaceAll(page, "/", "-") + "-en")
	}
	b.open(s.issuer + "/cuenta?ui_locales=es")
}
