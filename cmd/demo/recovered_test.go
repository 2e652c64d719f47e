package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/cmd/demo/rp/rptest"
	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

// longClave reaches the level that Préstamos asks for a large amount.
const longClave = "Archipielago1969Tortuga"

// T06, S060: a foreigner recovers her clave with her código de identificación and enters
// Préstamos, which for 72 hours takes small amounts from her and no large one.
func TestT06_S060_MoneyWaitsAfterARecovery(t *testing.T) {
	w := newWorld(t, "sqlite")
	amara := one(t, "EXT-0004711")
	w.clock.set(-ticketAge) // the way to a new clave leads to now, for the applications' library has a clock of its own
	b := rptest.New(t)
	w.passQuestions(t, b, amara)
	b.Press("continuar", contact(""))
	b.Get(linkIn(t, w.mailed(t, amara.email, templates.MailGenerateLink{}, 1), 1))
	p := b.Press("confirmar", url.Values{"declaracion": {"1"}, "clave_nueva": {longClave}, "clave_confirmacion": {longClave}})
	if p.URL.Path != "/generar-recuperar/listo" {
		t.Fatalf("at %s (%d): %s", p.URL, p.Status, p.Text())
	}

	asks := func(b *rptest.Browser, monto string) *rptest.Page {
		t.Helper()
		b.Get(w.prestamos + "/solicitud")
		return b.Press("solicitar", url.Values{"monto": {monto}})
	}
	wantInside(t, w.demo, signIn(t, w.demo, b, 2, string(amara.identifier), longClave), 2, "Amara Okafor")
	p = asks(b, "1.000,01")
	a, err := w.db().AfiliadoByIdentifier(t.Context(), amara.identifier)
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.db().Clave(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	from := c.RecoveredAt.Truncate(time.Hour).Add(72 * time.Hour).In(time.FixedZone("Ecuador", -5*60*60)).Format("2006, 15:04")
	if p.Status != http.StatusOK || p.URL.Path != "/solicitud/espera" || !strings.Contains(p.Text(), "hasta 72 horas después") || !strings.Contains(p.Text(), from) {
		t.Errorf("a large amount, of which the page should say from %s, leads to %s: %s", from, p.URL, p.Text())
	}
	if p = asks(b, "1.000"); !strings.Contains(p.Text(), "Recibimos su solicitud de USD 1.000") {
		t.Errorf("a small amount leads to %s: %s", p.URL, p.Text())
	}

	w.recoveredAgo(t, amara.identifier, 72*time.Hour)
	b = rptest.New(t)
	signIn(t, w.demo, b, 2, string(amara.identifier), longClave)
	if p = asks(b, "1.000,01"); !strings.Contains(p.Text(), "Recibimos su solicitud de USD 1.000,01") {
		t.Errorf("after 72 hours a large amount leads to %s: %s", p.URL, p.Text())
	}

	w.withoutHistory(t)
}

// recoveredAgo makes a person's clave one that she recovered so long ago.
func (w *world) recoveredAgo(t *testing.T, id storage.Identifier, ago time.Duration) {
	t.Helper()
	storagetest.InTx(t, w.db(), func(tx *storage.Tx) error {
		a, err := tx.AfiliadoByIdentifier(t.Context(), id)
		if err != nil {
			return err
		}
		c, err := tx.Clave(t.Context(), a.ID)
		if err != nil {
			return err
		}
		c.RecoveredAt = storage.At(w.clock.now().Add(-ago))
		return tx.SetClave(t.Context(), *c, 5)
	})
}

// withoutHistory: a pensionista who never worked where the IESS knows of has a
// mailbox, and her birthday and personal answers are right; with no job to be asked
// about she is led to a person, like whoever fails.
func (w *world) withoutHistory(t *testing.T) {
	t.Helper()
	blanca := one(t, "3059999916")
	if len(blanca.jobs) > 0 || !slices.Contains(blanca.kinds, "pensionista") {
		t.Fatalf("%+v is somebody else", blanca)
	}
	b := rptest.New(t)
	p := w.askRecovery(t, b, string(blanca.identifier))
	day, month := birthday(blanca)
	for n := range login.LinkAttempts {
		p = b.Press("continuar", url.Values{
			"dia": {day}, "mes": {month}, "historia_1": {string(rune('0' + n))}, "historia_2": {"5"},
			"personal_1": {blanca.answers[0].text}, "personal_2": {blanca.answers[1].text},
		})
	}
	if text := p.Text(); !strings.Contains(text, "Por aquí no podemos seguir") || !strings.Contains(text, "Ventanilla") {
		t.Errorf("at %s: %s", p.URL, text)
	}
}
