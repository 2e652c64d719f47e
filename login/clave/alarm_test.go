package clave_test

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// T02: under the alarm every form that tries a clave asks a stranger for the
// challenge before anything is tried, though neither her network nor anybody on
// her identifier has failed.
func TestT02_Alarm_AsksOnEveryFormThatTriesAClave(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.In(func(tx *storage.Tx) error {
			return storagetest.MoveDue(t.Context(), tx, s.who.ID, s.Time().AddDate(1, 0, 0))
		})
		known, b := s.browser(), s.browser()
		b.signIn("", old)
		s.forgetLanes()
		known.signIn("", old)
		s.In(func(tx *storage.Tx) error { return tx.AddFailures(t.Context(), 100, s.Time()) })
		if err := s.WatchFailures(t.Context(), s.Time()); err != nil {
			t.Fatal(err)
		}
		stranger := s.browser()
		s.WantText(stranger.Get("/ingresar"), `name="reto"`)
		s.WantText(stranger.Get("/cambio"), `name="reto"`)
		s.WantText(b.Get("/cambio"), `name="reto"`) // in session, in a browser nobody knows
		s.untried(func() {
			s.WantText(stranger.Post("/ingresar", "cedula", string(cedula), "clave", old), logintest.Refused)
			s.WantText(stranger.Post("/cambio", "cedula", string(cedula), "clave_actual", old, "acuerdo", "1"), logintest.Refused)
		})
		if strings.Contains(known.Get("/cambio").Body, `name="reto"`) {
			t.Error("her own browser is asked")
		}

		s.In(func(tx *storage.Tx) error { return storagetest.MoveDue(t.Context(), tx, s.who.ID, s.Time()) })
		id, _ := b.ask("")
		page := b.Get("/renovar?id=" + id)
		s.WantText(page, `name="clave_actual"`, `name="reto"`)
		s.untried(func() { s.WantText(b.renew(id, nueva, "clave_actual", old), logintest.Refused) })
		id, _ = known.ask("")
		s.Want(known.renew(id, nueva, "clave_actual", old), http.StatusSeeOther, "/autorizar")
	}, func(c *login.Config) {
		c.Alarm = login.DefaultAlarm()
		c.Network = login.Limit{Free: math.MaxInt32, Leak: time.Nanosecond}
	})
}
