package clave_test

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// T02: under the alarm every form that tries a clave asks a stranger for the
// challenge before anything is tried, though neither her network nor anybody on
// her identifier has failed.
func TestT02_Alarm_AsksOnEveryFormThatTriesAClave(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.in(func(tx *storage.Tx) error {
			return storagetest.MoveDue(t.Context(), tx, s.who.ID, s.now().AddDate(1, 0, 0))
		})
		known, b := s.browser(), s.browser()
		b.signIn("", old)
		s.forgetLanes()
		known.signIn("", old)
		s.in(func(tx *storage.Tx) error { return tx.AddFailures(t.Context(), 100, s.now()) })
		if err := s.WatchFailures(t.Context(), s.now()); err != nil {
			t.Fatal(err)
		}
		stranger := s.browser()
		s.wantText(stranger.get("/ingresar"), `name="reto"`)
		s.wantText(stranger.get("/cambio"), `name="reto"`)
		s.wantText(b.get("/cambio"), `name="reto"`) // in session, in a browser nobody knows
		s.untried(func() {
			s.wantText(stranger.post("/ingresar", "cedula", string(cedula), "clave", old), refused)
			s.wantText(stranger.post("/cambio", "cedula", string(cedula), "clave_actual", old, "acuerdo", "1"), refused)
		})
		if strings.Contains(known.get("/cambio").body, `name="reto"`) {
			t.Error("her own browser is asked")
		}

		s.in(func(tx *storage.Tx) error { return storagetest.MoveDue(t.Context(), tx, s.who.ID, s.now()) })
		id, _ := b.ask("")
		page := b.get("/renovar?id=" + id)
		s.wantText(page, `name="clave_actual"`, `name="reto"`)
		s.untried(func() { s.wantText(b.renew(id, nueva, "clave_actual", old), refused) })
		id, _ = known.ask("")
		s.want(known.renew(id, nueva, "clave_actual", old), http.StatusSeeOther, "/autorizar")
	}, func(c *login.Config) {
		c.Alarm = login.DefaultAlarm()
		c.Network = login.Limit{Free: math.MaxInt32, Leak: time.Nanosecond}
	})
}
