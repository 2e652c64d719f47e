package clave_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

const denied = "no coinciden, o la clave está bloqueada"

// prove sends the first step of the public form.
func (b *browser) prove(id storage.Identifier, clave string) answer {
	return b.Answering("/cambio", "cedula", string(id), "clave_actual", clave, "acuerdo", "1", "aceptar", "1")
}

// renew sends a new clave, with the box for other sessions ticked.
func (b *browser) setNew(clave string, more ...string) answer {
	return b.Post("/cambio", append([]string{"clave_nueva", clave, "clave_confirmacion", clave, "cerrar_otras", "1", "aceptar", "1"}, more...)...)
}

// S087–S091, D29: the public form proves, then sets; it signs nobody in.
func TestS087_PublicChange(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		elsewhere := s.browser()
		elsewhere.signIn("", old)
		b := s.browser()
		s.WantText(b.Get("/cambio"), `name="cedula"`, `name="clave_actual"`, `name="acuerdo"`)
		s.Want(b.prove(s.who.Identifier, old), http.StatusSeeOther, "/cambio")
		s.WantText(b.Get("/cambio"), `name="clave_nueva"`, `name="cerrar_otras" value="1" checked`)
		s.Want(b.Get("/renovar"), http.StatusSeeOther, "/ingresar") // no session
		s.Want(s.browser().setNew(nueva), http.StatusOK, "")        // the grant is this browser's
		before := s.Commits.Load()
		s.Want(b.setNew(nueva), http.StatusSeeOther, "/cambio/listo")
		if n := s.Commits.Load() - before; n != 1 {
			t.Errorf("the change took %d commits", n)
		}
		s.WantText(b.Get("/cambio/listo"), "/ingresar")
		s.Want(elsewhere.Get("/renovar"), http.StatusSeeOther, "/ingresar") // its session has ended
		s.Want(s.browser().signIn("", nueva), http.StatusSeeOther, "/cuenta")
		s.Want(s.browser().signIn("", old), http.StatusOK, "")
		accepted, err := s.DB.Acceptances(t.Context(), s.who.ID)
		if a := s.Pages.Agreement(); err != nil || len(accepted) != 1 || accepted[0].Version != a.Version || accepted[0].TextHash != a.Hash {
			t.Errorf("accepted %+v, %v", accepted, err)
		}
		if s.Events("clave.changed") != 1 {
			t.Error("no audit row")
		}
		s.Pass(time.Minute)
		s.WantText(b.setNew("Xk4tRw9pQ2"), `name="clave_nueva"`[:0]) // answered, whatever it is
		s.Want(s.browser().signIn("", "Xk4tRw9pQ2"), http.StatusOK, "")
	})
}

// S087, D29: a wrong clave counts as a failed sign-in and gets the one sentence.
func TestS087_WrongClaveCounts(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		for i := range 5 {
			s.WantText(s.browser().prove(s.who.Identifier, fmt.Sprintf("Chimborazo%d", i)), denied)
		}
		if s.budget().LockReason != storage.LockLogin {
			t.Errorf("not locked: %+v", s.budget())
		}
		s.WantText(s.browser().prove(s.who.Identifier, old), denied)
		s.Work()
		s.wantMails("clave-bloqueada")
	})
}

// S088: no tick, nothing tried.
func TestS088_NoTickNoAttempt(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		got := s.browser().Post("/cambio", "cedula", string(s.who.Identifier), "clave_actual", old)
		s.WantText(got, "acuerdo-error")
		if c := s.Hash.Counts(); c.Compared != 0 || s.budget().Failures != 0 {
			t.Errorf("an attempt was spent: %+v", c)
		}
	})
}

// T01, T17: on /cambio too everybody costs the same and gets the same bytes.
func TestT17_CambioIsTheSameForEverybody(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		type work struct {
			statements, commits, hashes int64
			status                      int
			header, body                string
		}
		measure := func(id storage.Identifier, clave string) work {
			c := s.Hash.Counts()
			before := work{statements: s.Stmts.Load(), commits: s.Commits.Load(), hashes: c.Compared + c.Wasted + c.Made}
			got := s.browser().prove(id, clave)
			c = s.Hash.Counts()
			return work{
				s.Stmts.Load() - before.statements, s.Commits.Load() - before.commits, c.Compared + c.Wasted + c.Made - before.hashes,
				got.Status, headers(got, id), normal(got.Body, id),
			}
		}
		for round := range 7 {
			want := measure(nobody, nueva)
			if got := measure(s.who.Identifier, nueva); got != want {
				t.Errorf("round %d: %s", round, difference(fmt.Sprint(got), fmt.Sprint(want)))
			}
		}
		if got, want := measure(s.who.Identifier, old), measure(nobody, old); got != want {
			t.Errorf("locked, with the right clave: %s", difference(fmt.Sprint(got), fmt.Sprint(want)))
		}
	})
}

// S089: not one of the last five.
func TestS089_ChangeRefusesTheLastFive(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.prove(s.who.Identifier, old)
		s.WantText(b.setNew(old), "clave_nueva-error")
		s.WantText(b.setNew("corta1"), "clave_nueva-error")
		s.Want(b.setNew(nueva), http.StatusSeeOther, "/cambio/listo")
		s.Pass(time.Minute)
		b = s.browser()
		b.prove(s.who.Identifier, nueva)
		s.WantText(b.setNew(old), "clave_nueva-error")
	})
}

// S039: the grant ends after fifteen minutes.
func TestS039_GrantEnds(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.prove(s.who.Identifier, old)
		s.Pass(15*time.Minute + time.Second)
		s.WantText(b.setNew(nueva), `name="cedula"`)
		s.Want(s.browser().signIn("", old), http.StatusSeeOther, "/cuenta")
	})
}

// In session the present clave is asked too, and the others end by a ticked box.
func TestD29_ChangeInSession(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		b, other := s.browser(), s.browser()
		b.signIn("", old)
		other.signIn("", old)
		page := b.Get("/cambio")
		s.WantText(page, `name="clave_actual"`, `name="clave_nueva"`, `name="desde"`)
		if strings.Contains(page.Body, `name="cedula"`) {
			t.Error("asks who she is")
		}
		in := append(page.Fields(), "clave_actual", old, "acuerdo", "1")
		s.WantText(b.setNew(nueva, "clave_actual", wrongClave, "acuerdo", "1"), "clave_actual-error")
		s.Want(b.setNew(nueva, in...), http.StatusSeeOther, "/cambio/listo")
		s.WantText(b.Get("/cambio/listo"), "Cerrar sesión")
		s.WantText(b.Get("/cambio"), `name="clave_actual"`) // still signed in
		s.Want(other.Get("/renovar"), http.StatusSeeOther, "/ingresar")
		s.WantText(b.Get("/cambio/listo"), closedOthers)
		s.Pass(time.Minute)
		failures := s.budget().Failures
		s.Want(b.setNew(nueva, in...), http.StatusSeeOther, "/cambio/listo") // sent again: the same friendly page
		if s.budget().Failures != failures || s.Events("clave.changed") != 1 {
			t.Error("a form sent again had an effect")
		}
	})
}

const (
	wrongClave   = "Tungurahua88"
	closedOthers = "Cerramos las sesiones abiertas en otros equipos"
)

// ASVS 7.4.3: unticked, the others stay.
func TestASVS_7_4_3_OtherSessionsByTheBox(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		other := s.browser()
		other.signIn("", old)
		b := s.browser()
		b.prove(s.who.Identifier, old)
		s.Want(b.Post("/cambio", "clave_nueva", nueva, "clave_confirmacion", nueva), http.StatusSeeOther, "/cambio/listo")
		s.WantText(other.Get("/cambio"), `name="desde"`)
		if strings.Contains(b.Get("/cambio/listo?cerradas=1").Body, closedOthers) {
			t.Error("the page claims to have ended them")
		}
	})
}

// FT-14: each form 20 times in parallel, and again.
func TestFT14_DuplicateChanges(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.Get("/cambio")
		logintest.Parallel(20, func(int) { s.Want(b.prove(s.who.Identifier, old), http.StatusSeeOther, "/cambio") })
		form := b.Get("/cambio").Fields()
		logintest.Parallel(20, func(int) { s.Want(b.setNew(nueva, form...), http.StatusSeeOther, "/cambio/listo") })
		s.Pass(time.Minute)
		s.Want(b.setNew(nueva, form...), http.StatusSeeOther, "/cambio/listo")
		s.Work()
		s.wantMails("clave-cambiada")
		if s.Events("clave.changed") != 1 {
			t.Errorf("changed %d times", s.Events("clave.changed"))
		}
	})
}

// FT-16: one grant, many forms at once from what looks like several machines.
func TestFT16_OneGrantOneChange(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.Get("/cambio")
		b.prove(s.who.Identifier, old)
		logintest.Parallel(20, func(i int) { b.setNew(fmt.Sprintf("Xk4tRw9pQ%d", i)) })
		if s.Events("clave.changed") != 1 {
			t.Errorf("changed %d times", s.Events("clave.changed"))
		}
	})
}

// A change closes what an officer has closed to nobody: it stays closed.
func TestS086_NoChangeWhileClosed(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.prove(s.who.Identifier, old)
		s.lock(storage.LockOperador)
		if got := b.setNew(nueva); got.Status != http.StatusOK || s.Events("clave.changed") != 0 {
			t.Errorf("got %d %s", got.Status, got.Location)
		}
	})
}

// D17: 15 characters waive the next renewal here too.
func TestD17_ChangeSetsTheDueDate(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.prove(s.who.Identifier, old)
		s.Want(b.setNew(nueva), http.StatusSeeOther, "/cambio/listo")
		if want := s.Time().Add(365 * 24 * time.Hour); !mustClave(s).DueAt.Equal(want) {
			t.Errorf("due %v, want %v", mustClave(s).DueAt, want)
		}
	}, func(c *login.Config) { c.Renewal = login.DefaultRenewal() })
}

// S089, D03: who passes the lock in a lane of her own and sets a new clave is left
// neither locked nor with a link of the old one; other locks are not lifted.
func TestS089_D03_ANewClaveLeavesNobodyLocked(t *testing.T) {
	renewing := func(s *site, b *browser) {
		s.In(func(tx *storage.Tx) error { return storagetest.MoveDue(s.T.Context(), tx, s.who.ID, s.Time()) })
		id, _ := b.ask("")
		s.Want(b.signIn(id, old), http.StatusSeeOther, "/renovar")
		s.Want(b.renew(id, nueva), http.StatusSeeOther, "/autorizar")
	}
	changing := func(s *site, b *browser) {
		s.Want(b.prove(s.who.Identifier, old), http.StatusSeeOther, "/cambio")
		s.Want(b.setNew(nueva), http.StatusSeeOther, "/cambio/listo")
	}
	for name, set := range map[string]func(*site, *browser){"change": changing, "renewal": renewing} {
		t.Run(name, func(t *testing.T) {
			fresh(t, func(t *testing.T, s *site) {
				b := s.browser()
				s.Want(b.signIn("", old), http.StatusSeeOther, "/cuenta")
				for range 5 {
					s.browser().signIn("", wrongClave)
				}
				if s.budget().LockReason != storage.LockLogin {
					t.Fatalf("not locked: %+v", s.budget())
				}
				b.askUnlock(s.who.Identifier)
				s.Work()
				s.Deliver()
				link := s.linkOf("enlace-desbloqueo")
				s.Pass(time.Minute)
				set(s, b)
				if got := s.budget(); got.LockReason != "" || got.Failures != 0 || s.Events("clave.unlocked") != 1 {
					t.Errorf("budget %+v, unlocked %d times", got, s.Events("clave.unlocked"))
				}
				if l, err := s.DB.Link(t.Context(), link.ID); err != nil || l.Live(s.Time()) {
					t.Errorf("a link outlived the clave: %+v, %v", l, err)
				}
				s.Pass(time.Minute)
				s.Want(s.browser().signIn("", nueva), http.StatusSeeOther, "/cuenta")
				s.Pass(10 * time.Minute)
				s.Work()
				told := 0
				for _, m := range s.mails() {
					if m.Template == "clave-desbloqueada" || m.Template == "equipo-nuevo" && strings.Contains(string(m.Data), "clave-desbloqueada") {
						told++
					}
				}
				if told != 1 {
					t.Errorf("told %d times that it opens again: %v", told, s.kinds())
				}
			})
		})
	}
	t.Run("recuperacion", func(t *testing.T) {
		fresh(t, func(t *testing.T, s *site) {
			b := s.browser()
			b.signIn("", old)
			s.lock(storage.LockRecuperacion)
			changing(s, b)
			if got := s.budget().LockReason; got != storage.LockRecuperacion || s.Events("clave.unlocked") != 0 {
				t.Errorf("lock %q", got)
			}
		})
	})
}
