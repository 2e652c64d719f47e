package rp_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/cmd/demo/rp/rptest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// An application warns before a long form starts, from what came with the sign-in
// and without a further call.
func TestS092_WarnsBeforeALongForm(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, err := w.db.AfiliadoByIdentifier(t.Context(), maria)
		if err != nil {
			t.Fatal(err)
		}
		ecuador := time.FixedZone("", -5*60*60)
		now := time.Now().In(ecuador)
		due := func(days int) string {
			at := time.Date(now.Year(), now.Month(), now.Day()+days, 20, 15, 0, 0, ecuador)
			err := w.db.InTx(t.Context(), func(tx *storage.Tx) error { return storagetest.MoveDue(t.Context(), tx, a.ID, at) })
			if err != nil {
				t.Fatal(err)
			}
			months := strings.Fields("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre")
			return fmt.Sprintf("%d de %s de %d", at.Day(), months[at.Month()-1], at.Year())
		}
		due(31)
		b := rptest.New(t)
		if p := w.signIn(b, maria, mariaClave); strings.Contains(p.Text(), "Su clave vence") {
			t.Error("warned of something in 31 days")
		}
		day := due(29)
		b.Press("salir", nil)
		b.Get(w.base + "/")
		b.Press("ingresar", nil)
		w.want(w.prove(b, maria, mariaClave), http.StatusOK, "Su clave vence el "+day)
		sent := len(w.wire.sent)
		p := b.Get(w.base + "/solicitud")
		w.want(p, http.StatusOK, "Su clave vence el "+day)
		if !strings.Contains(p.Body, `href="`+w.issuer+`/cambio"`) {
			t.Error("the warning leads nowhere")
		}
		p = b.Get(w.base + "/datos")
		w.want(p, http.StatusOK, day)
		if strings.Count(p.Body, "<code>clave_due_at</code></dt>") != 2 || strings.Contains(p.Text(), "Su clave vence el") {
			t.Errorf("/datos does not show the claim twice, and no warning: %s", p.Text())
		}
		if len(w.wire.sent) != sent {
			t.Errorf("asked the provider: %v", w.wire.sent[sent:])
		}
	})
}
