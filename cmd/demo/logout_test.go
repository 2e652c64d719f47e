package main

import (
	"net/url"
	"testing"
	"time"

	"iess.gob.ec/clave/cmd/demo/rp/rptest"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

// Whoever changes or recovers a clave ends what others, who knew the old one, had
// open: at the provider, and at the applications.
func TestChangeAndRecoveryEndSessionsAtApplications(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			w := newWorld(t, engine)
			maria := one(t, mariaCedula)
			thief, hers := rptest.New(t), rptest.New(t)
			wantInside(t, w.demo, signIn(t, w.demo, thief, 1, mariaCedula, commonClave), 1, maria.given)
			wantInside(t, w.demo, enter(t, w.demo, thief, 2), 2, maria.given)
			change(t, w.demo, hers, mariaCedula, commonClave, newClave)
			wantOutside(t, w.demo, thief, 1)
			wantOutside(t, w.demo, thief, 2)

			wantInside(t, w.demo, signIn(t, w.demo, thief, 2, mariaCedula, newClave), 2, maria.given)
			wantInside(t, w.demo, enter(t, w.demo, thief, 3), 3, maria.given)
			w.passQuestions(t, hers, maria)
			hers.Press("continuar", contact(""))
			hers.Get(linkIn(t, w.mailed(t, mariaMail, templates.MailGenerateLink{}, 1), 1))
			p := hers.Press("confirmar", url.Values{"declaracion": {"1"}, "clave_nueva": {secondClave}, "clave_confirmacion": {secondClave}})
			if p.URL.Path != "/generar-recuperar/listo" {
				t.Fatalf("recovering led to %s: %s", p.URL, p.Text())
			}
			wantOutside(t, w.demo, thief, 2)
			wantOutside(t, w.demo, thief, 3)
		})
	}
}

// wantOutside waits until the nth application has let the person at b go.
func wantOutside(t *testing.T, d *demo, b *rptest.Browser, n int) {
	t.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	give := time.After(15 * time.Second)
	for {
		p := b.Get(d.app(n) + "/")
		if p.Has("ingresar") {
			return
		}
		select {
		case <-look.C:
		case <-give:
			t.Fatalf("application %d still knows the person: %s", n, p.Text())
		}
	}
}
