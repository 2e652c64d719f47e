package templates

import (
	"strings"
	"testing"
	"time"
)

// S009, T05: each state has its own words and a way on, in the time of Guayaquil.
func TestS009_T05_MessagesSayWhatBecameOfEach(t *testing.T) {
	p := parsed(t)
	evening := time.Date(2026, time.November, 23, 3, 59, 0, 0, time.UTC) // the 22nd in Guayaquil
	for _, tt := range []struct {
		state SentState
		done  time.Time
		want  []string
	}{
		{SentWaiting, time.Time{}, []string{"Por salir", "unos momentos"}},
		{SentDelayed, time.Time{}, []string{"Esperando: lo intentamos de nuevo", "No tiene que hacer nada"}},
		{SentDelivered, evening.Add(time.Minute), []string{"Entregado al servidor de correo a las 23:00"}},
		{SentDelivered, evening.Add(2 * time.Hour), []string{"Entregado al servidor de correo el 23 de noviembre de 2026, 00:59"}},
		{SentRefused, evening, []string{"No se pudo entregar: la dirección no lo recibe", "corrija su correo"}},
		{SentFailed, evening, []string{"No se pudo entregar<", "llámenos"}},
		{SentExpired, evening, []string{"Venció antes de poder enviarse", "pida otro"}},
	} {
		got := body(t, p, Messages{Mailbox: "m•••a@c…", Limit: 20, Messages: []Sent{
			{Template: MailClaveChanged{}.Template(), When: evening, Address: "m•••a@c…", State: tt.state, Done: tt.done},
		}})
		for _, want := range append(tt.want, "Su clave del IESS cambió", "22 de noviembre de 2026, 22:59", "m•••a@c…", `href="/ayuda#cau"`) {
			if !strings.Contains(got, want) {
				t.Errorf("%s: the page does not say %q", tt.state, want)
			}
		}
		if strings.Contains(got, "Son los 20 últimos") {
			t.Errorf("%s: one message is said to be twenty", tt.state)
		}
	}
	english := body(t, p, Messages{Layout: Layout{Lang: "en"}, Mailbox: "m•••a@c…", Messages: []Sent{{Template: MailClaveLocked{}.Template(), State: SentDelayed}}})
	for _, want := range []string{"Your IESS clave is locked", "we are trying again"} {
		if !strings.Contains(english, want) {
			t.Errorf("the English page does not say %q", want)
		}
	}
}
