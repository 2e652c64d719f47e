package main

import (
	"fmt"
	"testing"
	"time"

	"iess.gob.ec/clave/templates"
)

// renewal: whose clave has expired renews it on the way and still arrives. Each
// rule refuses with its own words, next to the field.
func (s *suite) renewal(t *testing.T) {
	const carlos, old = "0959999913", "Guayas2019x"
	b := s.window(t)
	b.enter(s.historia)
	b.signIn(carlos, old)
	b.at(s.issuer, "/renovar")
	expired := time.Now().Add(-380*day + 365*day).In(time.FixedZone("Ecuador", -5*60*60))
	b.says("Historia Laboral", "cumplió un año", fmt.Sprintf("el %d de ", expired.Day()), fmt.Sprintf(" de %d", expired.Year())) // where to, why, since when
	b.look("renovar")
	if b.has("#clave_actual") {
		t.Error("asks for the clave that he has just typed")
	}

	for _, c := range []struct {
		name, nueva, otra string
		agree             bool
		fault             templates.Fault
	}{
		{"vacia", "", "", true, templates.NuevaEmpty},
		{"corta", "Ab1cdef", "Ab1cdef", true, templates.NuevaShort},
		{"sin-numero", "Sangayzeta", "Sangayzeta", true, templates.NuevaNoDigit},
		{"sin-letra", "5286790143", "5286790143", true, templates.NuevaNoLetter},
		{"signos", "Sangay5286!", "Sangay5286!", true, templates.NuevaCharacters},
		{"comun", "password1", "password1", true, templates.NuevaCommon},
		{"propia", "Mina1988Ortiz", "Mina1988Ortiz", true, templates.NuevaPersonal},
		{"repetida", old, old, true, templates.NuevaUsed},
		{"distinta", newClave, secondClave, true, templates.ConfirmationOther},
		{"sin-acuerdo", newClave, newClave, false, templates.AgreementMissing},
	} {
		b.fill("clave_nueva", c.nueva)
		b.fill("clave_confirmacion", c.otra)
		if value[bool](b, "document.getElementById('acuerdo').checked") != c.agree {
			b.click("label[for=acuerdo] input")
		}
		b.press("aceptar")
		b.at(s.issuer, "/renovar")
		if !b.has(".summary a") || !b.has(".fault") {
			t.Fatalf("%s (%s) is not refused\n%s", c.name, c.fault, b.where())
		}
		if got := b.prop("#clave_nueva", "value"); got != "" {
			t.Errorf("%s: the page gives the clave back: %q", c.name, got)
		}
		if s.script { // the summary is where the person is led
			if got := value[bool](b, "document.activeElement.matches('.summary')"); !got {
				t.Errorf("%s: the summary of errors has not got the focus", c.name)
			}
		}
		b.look("renovar-" + c.name)
	}

	b.fill("clave_nueva", newClave)
	b.fill("clave_confirmacion", newClave)
	if !value[bool](b, "document.getElementById('acuerdo').checked") {
		b.click("label[for=acuerdo] input")
	}
	b.press("aceptar")
	b.at(s.issuer, "/autorizar")
	b.press("continuar")
	b.at(s.historia, "/")
	b.says("Carlos Alberto Mina Ortiz")

	// The new clave opens, the old one does not.
	other := s.window(t)
	other.enter(s.fondos)
	other.signIn(carlos, old)
	other.at(s.issuer, "/ingresar")
	other.signIn(carlos, newClave)
	other.at(s.issuer, "/autorizar")
}
