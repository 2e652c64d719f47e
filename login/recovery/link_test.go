package recovery_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
)

// S034, S039, S065, D07: the link opens until 14:59 after its hand-over, and the form it
// opened is taken until 14:59 after that, though the link has run out by then.
func TestS034_S039_S065_TwoWindows(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		const second = time.Second
		for _, tt := range []struct {
			name       string
			open, send time.Duration
			opens, set bool
		}{
			{"opened too late", 15*time.Minute + second, 0, false, false},
			{"sent too late", 15*time.Minute - second, 15*time.Minute + second, true, false},
			{"both at the last second", 15*time.Minute - second, 15*time.Minute - second, true, true},
		} {
			s.Pass(31 * 24 * time.Hour) // nothing of the case before counts
			j := s.journey()
			link := j.ask(s.diana)
			s.Pass(tt.open)
			page := j.Open(link)
			if opens := page.Hidden("abierto") != ""; opens != tt.opens {
				t.Errorf("%s: opens %v: %s", tt.name, opens, page.Main())
				continue
			}
			if !tt.opens {
				s.WantText(page, "venció", "reenviar")
				continue
			}
			s.Pass(tt.send)
			got := j.confirm(page, map[bool]string{true: nueva, false: "Sangay2026x"}[tt.set], enrolling()...)
			if set := got.Status == http.StatusSeeOther; set != tt.set {
				t.Errorf("%s: set %v: %s", tt.name, set, got.Main())
			}
			if !tt.set {
				s.WantText(got, "El tiempo para escribir la clave terminó")
			}
		}
	})
}

// T11: nobody spends a link by opening it; forged and foreign times of opening
// count nothing.
func TestT11_OpeningSpendsNothing(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		link := j.ask(s.diana)
		for range 20 {
			s.NewBrowser().Open(link)
			j.Open(link)
		}
		page := j.Open(link)
		abierto := page.Hidden("abierto")
		for _, forged := range []string{"", "1", "B" + abierto[1:], abierto[:len(abierto)-1] + "_", abierto + "A"} {
			got := j.confirm(page, nueva, append(enrolling(), "abierto", forged)...)
			if got.Status != http.StatusOK {
				t.Errorf("abierto %q: %d %s", forged, got.Status, got.Location)
			}
		}
		s.Want(j.confirm(page, nueva, enrolling()...), http.StatusSeeOther, "/generar-recuperar/listo")
		if got := s.Events("clave.recovered"); got != 1 {
			t.Errorf("%d effects", got)
		}
		s.Want(j.Open(link), http.StatusSeeOther, "/generar-recuperar/listo") // the link leads to what it did
		if got := s.NewBrowser().Open(link); got.Hidden("abierto") != "" {
			t.Error("it opens twice")
		}
	})
}

// C7, T04: another browser answers day, month and one personal question first, or
// one on the work history where none is enrolled; five times, no more.
func TestT04_AnotherBrowserAnswersFirst(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		for _, who := range []storage.Afiliado{s.maria, s.diana} {
			link, right := s.journey().ask(who), s.answers(who)
			b := s.NewBrowser()
			page := b.Open(link)
			if page.Hidden("abierto") != "" || strings.Contains(page.Body, "clave_nueva") {
				t.Fatal("it opens elsewhere without a question")
			}
			n := 0
			send := func(f form) logintest.Answer {
				n++ // no form twice in a row
				return b.Post("/generar-recuperar/clave", "vez", strconv.Itoa(n), "dia", f.day, "mes", f.month, "historia_1", f.history[0], "personal_1", f.personal[0], "continuar", "1")
			}
			if got := send(form{}); got.Status != http.StatusOK {
				t.Errorf("an empty form: %d", got.Status)
			}
			wrong := right
			wrong.day = "28"
			for range 3 {
				s.WantText(send(wrong), "Le queda")
			}
			wrong = right
			wrong.personal[0], wrong.history[0] = "otra cosa", other(right.history[0])
			s.WantText(send(wrong), "un intento")
			s.Want(send(right), http.StatusSeeOther, "/generar-recuperar/clave")
			page = b.Get("/generar-recuperar/clave")
			var more []string
			if who.ID == s.diana.ID {
				more = enrolling()
			}
			s.Want((&journey{Browser: b, s: s}).confirm(page, nueva, more...), http.StatusSeeOther, "/generar-recuperar/listo")
		}
	})
}

// ASVS 6.5.5: five wrong answers elsewhere end the link there.
func TestT04_FiveWrongAnswersEndTheLink(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		link := j.ask(s.maria)
		b := s.NewBrowser()
		b.Open(link)
		var got logintest.Answer
		for i := range 5 {
			got = b.Post("/generar-recuperar/clave", "vez", strconv.Itoa(i), "dia", "1", "mes", "1", "personal_1", "nada de eso", "continuar", "1")
		}
		if strings.Contains(got.Body, `name="dia"`) || strings.Contains(s.NewBrowser().Open(link).Body, `name="dia"`) {
			t.Error("it asks yet")
		}
		if j.Open(link).Hidden("abierto") == "" { // who holds it elsewhere does not take it from her
			t.Error("it does not open where it was asked for")
		}
	})
}

// S038, ASVS 6.5.1: of fifty confirmations of one link at once one has an effect.
func TestS038_FiftyConfirmationsOneEffect(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		page := j.Open(j.ask(s.diana))
		claves := []string{"Chimborazo63", "Sangay2026x", "Antisana57xy"}
		var wg sync.WaitGroup
		var done atomic.Int64
		for i := range 50 {
			wg.Go(func() {
				if got := j.confirm(page, claves[i%3], append(enrolling(), "vez", string(rune('A'+i)))...); got.Location == "/generar-recuperar/listo" {
					done.Add(1)
				}
			})
		}
		wg.Wait()
		history, err := s.DB.ClaveHistory(t.Context(), s.diana.ID, 100)
		if err != nil || len(history) != 1 || s.Events("clave.recovered") != 1 || done.Load() == 0 {
			t.Errorf("%d claves, %d events, %d told so, %v", len(history), s.Events("clave.recovered"), done.Load(), err)
		}
		s.Work()
		n := 0
		for _, kind := range s.kinds(s.diana) {
			if kind == "clave-recuperada" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d notices", n)
		}
	})
}

// S036, S063, S089, DEV-1: what is wrong with the last form is told, and all but the
// claves is kept; nothing is spent.
func TestS036_TheLastFormKeepsWhatWasTyped(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		page := j.Open(j.ask(s.diana))
		got := j.confirm(page, nueva, append(enrolling(), "declaracion", "")...)
		if got.Status != http.StatusOK {
			t.Fatal("no tick, and it was set")
		}
		s.WantText(got, `id="declaracion-error"`, "Doña Eufrosina", "El sastre valiente")
		for field, value := range map[string]string{
			"respuesta_1": "Diana", "respuesta_2": "ab", "pregunta_2": enrolling()[1], "clave_nueva": "corta1", "clave_confirmacion": "otra",
		} {
			if got := j.confirm(page, nueva, append(enrolling(), field, value)...); got.Status != http.StatusOK {
				t.Errorf("%s %q was taken", field, value)
			}
		}
		s.Want(j.confirm(page, nueva, enrolling()...), http.StatusSeeOther, "/generar-recuperar/listo")
		all, err := s.DB.Acceptances(t.Context(), s.diana.ID)
		if err != nil || len(all) != 1 || all[0].Document != "declaracion" || all[0].Version != s.Pages.Declaration().Version || all[0].TextHash != s.Pages.Declaration().Hash {
			t.Errorf("acceptances %+v, %v", all, err)
		}
	})
}

// S089: the last five claves do not come again, and are told only behind the link.
func TestS089_RecoveryKeepsTheHistory(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		page := j.Open(j.ask(s.maria))
		s.WantText(j.confirm(page, old), `id="clave_nueva-error"`)
		s.Want(j.confirm(page, nueva), http.StatusSeeOther, "/generar-recuperar/listo")
	})
}

// S067: the answers given now are those asked a year later.
func TestS067_AnswersPassAYearLater(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		s.Want(j.confirm(j.Open(j.ask(s.diana)), nueva, enrolling()...), http.StatusSeeOther, "/generar-recuperar/listo")
		s.Pass(366 * 24 * time.Hour)
		f := s.answers(s.diana)
		f.personal = [2]string{"dona eufrosina", "EL SASTRE  VALIENTE"}
		again := s.journey()
		blank := s.answers(s.diana)
		s.WantText(again.answer(again.start(diana), blank), "Le queda") // blank passes no more
		s.Want(again.answer(again.Get("/generar-recuperar"), f), http.StatusSeeOther, "/generar-recuperar")
	})
}

// S038: locks that recovery lifts, and the budget that is full again; known devices
// are forgotten, and other links are dead.
func TestS038_EffectsOfRecovery(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		mac, told := s.DB.IdentifierMAC(s.maria.Identifier), s.Subscribe(s.maria.ID)
		known := s.NewBrowser()
		s.Want(known.Post("/ingresar", "cedula", string(s.maria.Identifier), "clave", old), http.StatusSeeOther, "/cuenta")
		for _, reason := range []string{storage.LockLogin, storage.LockCompromiso} {
			s.In(func(tx *storage.Tx) error { _, err := tx.LockClave(t.Context(), mac, reason, s.Time()); return err })
			j := s.journey()
			page := j.Open(j.ask(s.maria))
			s.Want(j.confirm(page, reason[:2]+nueva), http.StatusSeeOther, "/generar-recuperar/listo")
			if got := s.locked(s.maria.Identifier); got != "" {
				t.Errorf("still locked for %q", got)
			}
			if n, err := s.DB.RecoveryBudget(t.Context(), mac, s.Time()); err != nil || n != 0 {
				t.Errorf("%d attempts spent, %v", n, err)
			}
			s.Pass(time.Hour)
		}
		if got := told(); !slices.Equal(got, []string{
			"account-enabled: clave recovered", "credential-change: clave recovered", "credential-change: clave recovered",
		}) {
			t.Errorf("applications are told %q", got)
		}
		c, err := s.DB.ClaveFacts(t.Context(), s.maria.ID)
		if err != nil || c.RecoveredAt.IsZero() || !c.RecoveredAt.Equal(c.CreatedAt.Time) || c.Compromised {
			t.Errorf("clave %+v, %v", c, err)
		}
		s.Want(known.Get("/cuenta/mensajes"), http.StatusSeeOther, "/ingresar")
	})
}

// S086: a lock that an officer sets while the form is open holds.
func TestS086_ALockSetMeanwhileHolds(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		page := j.Open(j.ask(s.maria))
		s.In(func(tx *storage.Tx) error {
			_, err := tx.LockClave(t.Context(), s.DB.IdentifierMAC(s.maria.Identifier), storage.LockOperador, s.Time())
			return err
		})
		if got := j.confirm(page, nueva); got.Status != http.StatusOK || s.Events("clave.recovered") != 0 {
			t.Errorf("set: %d", got.Status)
		}
	})
}

// D06: three links in fifteen minutes, each of which kills the one before.
func TestD06_ThreeLinks(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		first := j.ask(s.maria)
		page := j.Get("/generar-recuperar/enviado")
		for range 3 {
			s.Pass(time.Minute)
			j.Post("/generar-recuperar/reenviar", "caso", page.Hidden("caso"), "reenviar", "1")
		}
		if s.Events("recovery.asked") != 3 || s.Events("recovery.capped") != 1 {
			t.Errorf("%d sent, %d capped", s.Events("recovery.asked"), s.Events("recovery.capped"))
		}
		if strings.Contains(j.Get("/generar-recuperar/enviado").Body, `name="reenviar"`) {
			t.Error("the page offers a fourth")
		}
		if got := j.Open(first); got.Hidden("abierto") != "" {
			t.Error("the first one opens yet")
		}
	})
}
