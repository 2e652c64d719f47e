package recovery_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/login/recovery"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

const pathClave = "/generar-recuperar/clave"

// extra sends what is asked beside the link, from the page that asks for it.
func (j *journey) extra(page logintest.Answer, pairs ...string) logintest.Answer {
	j.s.Pass(6 * time.Second) // or it is known again as the same form
	return j.Post(pathClave, append([]string{"abierto", page.Hidden("abierto")}, pairs...)...)
}

// holds fails unless the clave is the one given, in a browser that nobody knows.
func (s *site) holds(clave string) {
	s.T.Helper()
	got := s.NewBrowser().Post("/ingresar", "cedula", string(s.maria.Identifier), "clave", clave)
	if got.Status != http.StatusSeeOther {
		s.T.Errorf("%s is not her clave: %d", clave, got.Status)
	}
}

// DEV-7: behind the link of an account with a passkey stands a proof that a mail is
// not: five tries at a recovery code, or the passkey.
func TestDEV7_AMailAloneRecoversNoAccountWithAPasskey(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		device := s.NewDevice()
		s.Enrol(device, s.maria.ID)
		codes := s.SaveCodes(s.maria.ID)
		j := s.journey()
		page := j.Open(j.ask(s.maria))
		s.WantText(page, `name="codigo_respaldo"`, `data-llave="/generar-recuperar/llave"`, "Su cuenta tiene una llave de acceso")
		if strings.Contains(page.Body, `name="clave_nueva"`) {
			t.Error("the form of a clave is shown")
		}
		if got := j.confirm(page, nueva); got.Status != http.StatusOK || s.Events("clave.recovered") != 0 {
			t.Errorf("a clave was set: %d to %q", got.Status, got.Location)
		}
		s.WantText(j.extra(page, "codigo_respaldo", ""), "Escriba un código de recuperación")
		for _, left := range []string{"cuatro intentos", "tres intentos", "dos intentos", "un intento", "ya no puede probar más"} {
			s.WantText(j.extra(page, "codigo_respaldo", "AAAA-BBBB-CCCC-DDDD"), left)
		}
		s.WantText(j.extra(page, "codigo_respaldo", codes[0]), "ya no puede probar más")
		s.WantText(j.Get(pathClave), "Su cuenta tiene una llave de acceso")
		s.holds(old)

		foreign := s.NewDevice()
		s.Enrol(foreign, s.diana.ID)
		s.WantText(j.extra(page, "llave", j.Prove(foreign)), "Puede intentarlo otra vez")
		s.Want(j.extra(page, "llave", j.ProveAt(device, "/generar-recuperar/llave")), http.StatusSeeOther, pathClave)
		s.Want(j.confirm(j.Get(pathClave), nueva), http.StatusSeeOther, "/generar-recuperar/listo")
		s.holds(nueva)
		if s.Events("recovery.extra") != 8 {
			t.Errorf("%d rows of the audit", s.Events("recovery.extra"))
		}
	})
}

// ASVS 6.4.3: a new clave leaves passkeys, the application and the codes as they are,
// and whoever had a second step is asked for it at the next sign-in.
func TestASVS_6_4_3_RecoveryTakesNoFactorAway(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		ctx := t.Context()
		s.BindTOTP(s.maria.ID, true)
		codes := s.SaveCodes(s.maria.ID)
		first := s.journey()
		s.Want(first.confirm(first.Open(first.ask(s.maria)), nueva), http.StatusSeeOther, "/generar-recuperar/listo") // no passkey: nothing more is asked
		b := s.NewBrowser()
		s.Want(b.Post("/ingresar", "cedula", string(s.maria.Identifier), "clave", nueva), http.StatusSeeOther, "/ingresar/segundo")

		s.Enrol(s.NewDevice(), s.maria.ID)
		s.Pass(time.Hour)
		before, err := s.DB.Factors(ctx, s.maria.ID, s.Time())
		if err != nil {
			t.Fatal(err)
		}
		j := s.journey()
		page := j.Open(j.ask(s.maria))
		s.Want(j.extra(page, "codigo_respaldo", strings.ToLower(codes[4])), http.StatusSeeOther, pathClave)
		s.Want(j.confirm(j.Get(pathClave), "Antisana5758"), http.StatusSeeOther, "/generar-recuperar/listo")
		after, err := s.DB.Factors(ctx, s.maria.ID, s.Time())
		before.Codes--
		if err != nil || after != before || after.Passkeys != 1 || !after.TOTP {
			t.Errorf("before %+v, after %+v, %v", before, after, err)
		}
		s.Want(s.NewBrowser().Post("/ingresar", "cedula", string(s.maria.Identifier), "clave", "Antisana5758"), http.StatusSeeOther, "/ingresar/segundo")
		s.Work()
		if !slices.ContainsFunc(s.Mails(s.maria.ID), func(m storage.Message) bool { return m.Template == string(templates.CodeUsed) }) {
			t.Error("nobody told her of the code")
		}
	})
}

// DEV-7: what was proved counts for that link in that browser, and a passkey made
// while the form was open is asked for, too.
func TestDEV7_TheProofBelongsToTheLink(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		codes := s.SaveCodes(s.maria.ID)
		j := s.journey()
		form := j.Open(j.ask(s.maria))
		s.WantText(form, `name="clave_nueva"`)
		s.Enrol(s.NewDevice(), s.maria.ID)
		if got := j.confirm(form, nueva); got.Status != http.StatusOK || s.Events("clave.recovered") != 0 {
			t.Errorf("a clave was set: %d to %q", got.Status, got.Location)
		}
		s.Want(j.extra(form, "codigo_respaldo", codes[0]), http.StatusSeeOther, pathClave)
		s.WantText(j.Get(pathClave), `name="clave_nueva"`)
		copied := &journey{Browser: j.Clone(), s: s}
		s.WantText(copied.Get(pathClave), `name="clave_nueva"`)

		s.Pass(time.Hour)
		again := j.Open(j.ask(s.maria))
		s.WantText(again, `name="codigo_respaldo"`)
		if strings.Contains(again.Body, `name="clave_nueva"`) {
			t.Error("the proof of another link counts")
		}
		// The passkey's lock is the clave's: "No fui yo" is what recovery is for.
		s.In(func(tx *storage.Tx) error {
			return second(tx.LockClave(t.Context(), s.DB.IdentifierMAC(s.maria.Identifier), storage.LockCompromiso, s.Time()))
		})
		s.Want(j.extra(again, "codigo_respaldo", codes[1]), http.StatusSeeOther, pathClave)
		s.Want(j.confirm(j.Get(pathClave), nueva), http.StatusSeeOther, "/generar-recuperar/listo")
	})
}

// DEV-7: a passkey that is made between the check of the form and its effect is asked
// for, too.
func TestDEV7_APasskeyMadeAtTheLastMoment(t *testing.T) {
	t.Parallel()
	s := newSite(t, "postgres")
	j := s.journey()
	form := j.Open(j.ask(s.maria))
	var came atomic.Bool
	hook := func(string) {
		if came.CompareAndSwap(false, true) {
			s.Enrol(s.NewDevice(), s.maria.ID)
		}
	}
	s.Hook.Store(&hook)
	got := j.confirm(form, nueva)
	s.Hook.Store(nil)
	if got.Status != http.StatusOK || s.Events("clave.recovered") != 0 || !came.Load() {
		t.Errorf("a clave was set: %d to %q", got.Status, got.Location)
	}
	s.WantText(got, "Su cuenta tiene una llave de acceso")
}

// T01: up to the link whoever has a passkey is answered as whoever has none, byte for
// byte, and the mail says nothing either.
func TestDEV7_T01_NothingTellsOfAPasskeyBeforeTheLink(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		type seen struct{ pages, mail string }
		run := func() seen {
			j := s.journey()
			link := j.ask(s.maria)
			page := j.Get("/generar-recuperar/enviado")
			var mail string
			for _, m := range s.Mails(s.maria.ID) {
				if m.LinkID == link.ID {
					mail = m.Template
				}
			}
			_, main, _ := strings.Cut(page.Main(), "<p") // what follows is the same but for the time
			return seen{clockless(main), mail}
		}
		without := run()
		s.Enrol(s.NewDevice(), s.maria.ID)
		s.Pass(24 * time.Hour)
		if with := run(); with != without {
			t.Errorf("without a passkey %+v, with one %+v", without, with)
		}
		if v := recovery.Assess(recovery.Facts{At: s.Time(), KnownDevice: true, Passkeys: 2}); v.Route != recovery.RouteLink {
			t.Errorf("got %+v", v)
		}
	})
}

var clocks = regexp.MustCompile(`\d\d:\d\d|name="caso" value="[^"]*"`)

// clockless is a page without what differs from one visit to the next.
func clockless(page string) string { return clocks.ReplaceAllString(page, "") }
