package clave_test

import (
	"net/http"
	"testing"
	"time"
)

// ASVS 6.3.4: whoever knows the clave alone of a person who wishes a second step
// after it does not change it either, and so neither locks her out nor ends her
// sessions. After the step she changes it in her session.
func TestASVS_6_3_4_NoChangeWithoutTheSecondStep(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		s.BindTOTP(s.who.ID, true)
		b := s.browser()
		s.Want(b.prove(s.who.Identifier, old), http.StatusSeeOther, "/ingresar/segundo")
		if got := b.setNew(nueva); got.Status == http.StatusSeeOther {
			t.Fatalf("it led to %s", got.Location)
		}
		page := b.Get("/ingresar/segundo")
		s.Want(b.Second(page, s.WrongCode(s.who.ID)), http.StatusOK, "")
		s.Pass(time.Minute)
		s.Want(b.Second(b.Get("/ingresar/segundo"), s.Code(s.who.ID)), http.StatusSeeOther, "/cambio")
		s.WantText(b.Get("/cambio"), `name="clave_actual"`)
		form := append(b.Get("/cambio").Fields(), "clave_actual", old, "clave_nueva", nueva, "clave_confirmacion", nueva, "acuerdo", "1")
		s.Want(b.Post("/cambio", form...), http.StatusSeeOther, "/cambio/listo")
	})
}

// Where she does not wish it, her clave is enough, as before.
func TestS087_ChangeWithAFactorButNoSecondStep(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		s.BindTOTP(s.who.ID, false)
		b := s.browser()
		s.Want(b.prove(s.who.Identifier, old), http.StatusSeeOther, "/cambio")
		s.Want(b.setNew(nueva), http.StatusSeeOther, "/cambio/listo")
	})
}

// OpenID Core 3.1.2.1: her clave alone, which she typed to renew it, does not make a
// session of a second step younger than max_age allows: she signs in again.
func TestASVS_7_6_1_RenewalIsNoSecondStep(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.BindTOTP(s.who.ID, true)
		b := s.browser()
		s.Want(b.signIn("", old), http.StatusSeeOther, "/ingresar/segundo")
		s.Want(b.Second(b.Get("/ingresar/segundo"), s.Code(s.who.ID)), http.StatusSeeOther, "/renovar")
		s.Pass(4 * time.Minute)
		id, in := b.ask("max_age=300")
		s.Want(in, http.StatusSeeOther, "/renovar")
		s.Pass(2 * time.Minute)
		s.Want(b.renew(id, nueva, "clave_actual", old), http.StatusSeeOther, "/ingresar")
	})
}
