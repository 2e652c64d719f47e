package main

import (
	"net"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/cmd/demo/rp/rptest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// Préstamos learns that a clave was changed and a session revoked, although it was
// down then and the provider was started again meanwhile, and shows it to the
// person; Historia, which knows her too, asked for no events and gets none.
func TestRFC8935_EventsOutliveARestart(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			o := options{data: t.TempDir(), port: basePort(t), database: empty(t, engine)}
			maria := one(t, mariaCedula)
			d, stop := begin(t, o)
			b := rptest.New(t)
			wantInside(t, d, signIn(t, d, b, 2, mariaCedula, commonClave), 2, maria.given)
			wantInside(t, d, enter(t, d, b, 1), 1, maria.given)
			stop()

			d, stop = begin(t, o, func(d *demo) { moveAway(t, d, 2) })
			change(t, d, rptest.New(t), mariaCedula, commonClave, newClave)
			for _, want := range []string{storage.CredentialChange, storage.SessionRevoked} {
				if got := d.queued(t, "prestamos")[want]; got != storage.DeliveryPending {
					t.Errorf("%s: got %q while Préstamos is down", want, got)
				}
			}
			stop()

			later := &clock{}
			later.set(time.Minute) // all that waits is due
			o.now = later.now
			d, _ = begin(t, o)
			look := time.NewTicker(50 * time.Millisecond)
			defer look.Stop()
			give := time.After(15 * time.Second)
			for waiting := true; waiting; {
				waiting = false
				for _, state := range d.queued(t, "prestamos") {
					waiting = waiting || state == storage.DeliveryPending
				}
				select {
				case <-look.C:
				case <-give:
					t.Fatalf("Préstamos was not told: %v", d.queued(t, "prestamos"))
				}
			}
			for event, state := range d.queued(t, "prestamos") {
				if state != storage.DeliveryDelivered {
					t.Errorf("%s: %s", event, state)
				}
			}
			later.set(0)
			p := signIn(t, d, rptest.New(t), 2, mariaCedula, newClave)
			wantInside(t, d, p, 2, maria.given)
			for _, want := range []string{"Lo que Clave IESS avisó de su cuenta", "Su clave cambió.", "Se cerró una sesión suya"} {
				if !strings.Contains(p.Text(), want) {
					t.Errorf("Préstamos does not show %q: %s", want, p.Text())
				}
			}
			if got := d.queued(t, "historia-laboral"); len(got) != 1 || got[storage.BackchannelLogout] == "" {
				t.Errorf("Historia: got %v, want the logout alone", got)
			}
		})
	}
}

// moveAway makes the nth application serve where nobody looks for it.
func moveAway(t *testing.T, d *demo, n int) {
	t.Helper()
	elsewhere, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.listeners[n].Close()
	d.listeners[n] = elsewhere
}

// queued is how what an application is to be told stands, by type.
func (d *demo) queued(t *testing.T, client string) map[string]string {
	t.Helper()
	all, err := d.server.DB().ClientDeliveries(t.Context(), client, 10)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, told := range all {
		out[told.Event] = told.State
	}
	return out
}
