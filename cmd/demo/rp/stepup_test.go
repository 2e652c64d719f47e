package rp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/cmd/demo/rp/rptest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// ask types an amount and sends it.
func ask(w *world, b *rptest.Browser, monto string) *rptest.Page {
	w.t.Helper()
	b.Get(w.base + "/solicitud")
	return b.Press("solicitar", url.Values{"monto": {monto}})
}

func TestSmallAmountNeedsARecentSignIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := rptest.New(t)
		w.clocks(0, 2*time.Minute) // older than Fresh of this world, one minute
		w.signIn(b, maria, mariaClave)
		w.clocks(0, 0)
		if p := ask(w, b, "800"); !strings.HasPrefix(p.URL.String(), w.issuer+"/ingresar") {
			t.Fatalf("an old sign-in was not asked for again: %s %s", p.URL, p.Text())
		}
		w.want(w.prove(b, maria, mariaClave), http.StatusOK, "Recibimos su solicitud de USD 800")
		w.want(ask(w, b, "1.000"), http.StatusOK, "Recibimos su solicitud de USD 1.000") // recent now
	})
}

func TestLargeAmountNeedsAStrongerSignIn(t *testing.T) {
	w := newWorld(t, "sqlite")
	b := rptest.New(t)
	w.signIn(b, maria, mariaClave)
	p := ask(w, b, "1.500,50")
	if strings.HasPrefix(p.URL.String(), w.issuer+"/ingresar") {
		p = w.prove(b, maria, mariaClave)
	}
	w.want(p, http.StatusOK, "Hace falta un ingreso más seguro")
	if text := p.Text(); !strings.Contains(text, "clave de menos de 15 caracteres") || !strings.Contains(text, "USD 1.500,50") {
		t.Errorf("the page does not say what she has and what she asked: %s", text)
	}
	p = b.Get(w.base + "/solicitud")
	if p.Value("monto") != "1.500,50" || strings.Contains(p.Text(), "Recibimos") {
		t.Errorf("the amount is not kept, or was sent: %s", p.Text())
	}

	strong := rptest.New(t)
	w.signIn(strong, pedro, pedroClave)
	w.want(ask(w, strong, "1.500,50"), http.StatusOK, "Recibimos su solicitud de USD 1.500,50")
}

// T06: money waits after a recovery also where the sign-in is strong and recent,
// and where the application learns of it only as the person signs in again.
func TestT06_RecoveredSinceTheAmountWasTyped(t *testing.T) {
	w := newWorld(t, "sqlite")
	b := rptest.New(t)
	w.clocks(0, 2*time.Minute)
	w.signIn(b, pedro, pedroClave)
	w.clocks(0, 0)
	p := ask(w, b, "1.500,50")
	if !strings.HasPrefix(p.URL.String(), w.issuer+"/ingresar") {
		t.Fatalf("an old sign-in was not asked for again: %s %s", p.URL, p.Text())
	}
	w.recovered(pedro, 70*time.Hour) // the claim has whole hours
	w.want(w.prove(b, pedro, pedroClave), http.StatusOK, "Ese monto todavía debe esperar")
	p = b.Get(w.base + "/solicitud")
	if p.Value("monto") != "1.500,50" || strings.Contains(p.Text(), "Recibimos") {
		t.Errorf("the amount is not kept, or was sent: %s", p.Text())
	}
	w.want(b.Press("solicitar", url.Values{"monto": {"1.000,01"}}), http.StatusOK, "Ese monto todavía debe esperar")
	w.want(ask(w, b, "1.000"), http.StatusOK, "Recibimos su solicitud de USD 1.000")
	if p = b.Get(w.base + "/solicitud/espera"); p.URL.Path != "/solicitud" {
		t.Errorf("there is nothing to wait for, and yet %s", p.URL)
	}
	w.recovered(pedro, 72*time.Hour)
	strong := rptest.New(t)
	w.want(strong.Get(w.base+"/solicitud/espera"), http.StatusUnauthorized, "Ingrese para continuar")
	w.signIn(strong, pedro, pedroClave)
	w.want(ask(w, strong, "1.500,50"), http.StatusOK, "Recibimos su solicitud de USD 1.500,50")
}

// recovered makes the person's clave one that was recovered so long ago.
func (w *world) recovered(cedula storage.Identifier, ago time.Duration) {
	w.t.Helper()
	storagetest.InTx(w.t, w.db, func(tx *storage.Tx) error {
		a, err := tx.AfiliadoByIdentifier(w.t.Context(), cedula)
		if err != nil {
			return err
		}
		c, err := tx.Clave(w.t.Context(), a.ID)
		if err != nil {
			return err
		}
		c.RecoveredAt = storage.At(time.Now().Add(-ago))
		return tx.SetClave(w.t.Context(), *c, 1)
	})
}

func TestAmountIsNotSentInTheNameOfAnother(t *testing.T) {
	w := newWorld(t, "sqlite")
	b := rptest.New(t)
	w.clocks(0, 2*time.Minute)
	w.signIn(b, maria, mariaClave)
	w.clocks(0, 0)
	ask(w, b, "800")
	w.want(w.prove(b, pedro, pedroClave), http.StatusOK, "Ingresó otra persona")
	p := b.Get(w.base + "/solicitud")
	if p.Value("monto") != "" || strings.Contains(p.Text(), "Recibimos") {
		t.Errorf("the amount of one person reached another: %s", p.Text())
	}
}

func TestCancelledStepUpKeepsTheAmount(t *testing.T) {
	w := newWorld(t, "sqlite")
	b := rptest.New(t)
	w.clocks(0, 2*time.Minute)
	w.signIn(b, maria, mariaClave)
	w.clocks(0, 0)
	ask(w, b, "750")
	w.want(b.Press("cancelar", nil), http.StatusOK, "Conservamos su solicitud de USD 750")
	if p := b.Get(w.base + "/solicitud"); p.Value("monto") != "750" || strings.Contains(p.Text(), "Recibimos") {
		t.Errorf("the amount is not kept, or was sent: %s", p.Text())
	}
}

// Whoever signs in after a session has ended may be somebody else: the amount
// waits in the form and is not sent.
func TestAmountWithoutASessionWaits(t *testing.T) {
	w := newWorld(t, "sqlite")
	b := rptest.New(t)
	w.signIn(b, maria, mariaClave)
	b.Get(w.base + "/solicitud")
	w.clocks(16*time.Minute, 0)
	p := b.Press("solicitar", url.Values{"monto": {"600"}})
	if strings.HasPrefix(p.URL.String(), w.issuer) {
		p = w.prove(b, maria, mariaClave)
	}
	w.want(p, http.StatusOK, "Solicitar un préstamo")
	if p.Value("monto") != "600" || strings.Contains(p.Text(), "Recibimos") {
		t.Errorf("the amount is not kept, or was sent: %s", p.Text())
	}
}

func TestUnreadableAmount(t *testing.T) {
	w := newWorld(t, "sqlite")
	b := rptest.New(t)
	w.signIn(b, maria, mariaClave)
	p := ask(w, b, "mil <b>")
	w.want(p, http.StatusUnprocessableEntity, "El monto va en números")
	if p.Value("monto") != "mil <b>" {
		t.Errorf("what was typed is lost: %q", p.Value("monto"))
	}
}
