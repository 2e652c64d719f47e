package clave_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

const denied = "no coinciden, o la clave está bloqueada"

// prove sends the first step of the public form.
func (b *browser) prove(id storage.Identifier, clave string) answer {
	return b.answering("/cambio", "cedula", string(id), "clave_actual", clave, "acuerdo", "1", "aceptar", "1")
}

// renew sends a new clave, with the box for other sessions ticked.
func (b *browser) setNew(clave string, more ...string) answer {
	return b.post("/cambio", append([]string{"clave_nueva", clave, "clave_confirmacion", clave, "cerrar_otras", "1", "aceptar", "1"}, more...)...)
}

// S087–S091, D29: the public form proves, then sets; it signs nobody in.
func TestS087_PublicChange(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		elsewhere := s.browser()
		elsewhere.signIn("", old)
		b := s.browser()
		s.wantText(b.get("/cambio"), `name="cedula"`, `name="clave_actual"`, `name="acuerdo"`)
		s.want(b.prove(s.who.Identifier, old), http.StatusSeeOther, "/cambio")
		s.wantText(b.get("/cambio"), `name="clave_nueva"`, `name="cerrar_otras" value="1" checked`)
		s.want(b.get("/renovar"), http.StatusSeeOther, "/ingresar") // no session
		s.want(s.browser().setNew(nueva), http.StatusOK, "")        // the grant is this browser's
		before := s.commits.Load()
		s.want(b.setNew(nueva), http.StatusSeeOther, "/cambio/listo")
		if n := s.commits.Load() - before; n != 1 {
			t.Errorf("the change took %d commits", n)
		}
		s.wantText(b.get("/cambio/listo"), "/ingresar")
		s.want(elsewhere.get("/renovar"), http.StatusSeeOther, "/ingresar") // its session has ended
		s.want(s.browser().signIn("", nueva), http.StatusSeeOther, "/")
		s.want(s.browser().signIn("", old), http.StatusOK, "")
		accepted, err := s.DB.Acceptances(t.Context(), s.who.ID)
		if a := s.Pages.Agreement(); err != nil || len(accepted) != 1 || accepted[0].Version != a.Version || accepted[0].TextHash != a.Hash {
			t.Errorf("accepted %+v, %v", accepted, err)
		}
		if s.events("clave.changed") != 1 {
			t.Error("no audit row")
		}
		s.pass(time.Minute)
		s.wantText(b.setNew("Xk4tRw9pQ2"), `name="clave_nueva"`[:0]) // answered, whatever it is
		s.want(s.browser().signIn("", "Xk4tRw9pQ2"), http.StatusOK, "")
	})
}

// S087, D29: a wrong clave counts as a failed sign-in and gets the one sentence.
func TestS087_WrongClaveCounts(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		for i := range 5 {
			s.wantText(s.browser().prove(s.who.Identifier, fmt.Sprintf("Chimborazo%d", i)), denied)
		}
		if s.budget().LockReason != storage.LockLogin {
			t.Errorf("not locked: %+v", s.budget())
		}
		s.wantText(s.browser().prove(s.who.Identifier, old), denied)
		s.work()
		s.wantMails("clave-bloqueada")
	})
}

// S088: no tick, nothing tried.
func TestS088_NoTickNoAttempt(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		got := s.browser().post("/cambio", "cedula", string(s.who.Identifier), "clave_actual", old)
		s.wantText(got, "acuerdo-error")
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
			before := work{statements: s.stmts.Load(), commits: s.commits.Load(), hashes: c.Compared + c.Wasted + c.Made}
			got := s.browser().prove(id, clave)
			c = s.Hash.Counts()
			return work{
				s.stmts.Load() - before.statements, s.commits.Load() - before.commits, c.Compared + c.Wasted + c.Made - before.hashes,
				got.status, headers(got, id), normal(got.body, id),
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
		s.wantText(b.setNew(old), "clave_nueva-error")
		s.wantText(b.setNew("corta1"), "clave_nueva-error")
		s.want(b.setNew(nueva), http.StatusSeeOther, "/cambio/listo")
		s.pass(time.Minute)
		b = s.browser()
		b.prove(s.who.Identifier, nueva)
		s.wantText(b.setNew(old), "clave_nueva-error")
	})
}

// S039: the grant ends after fifteen minutes.
func TestS039_GrantEnds(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.prove(s.who.Identifier, old)
		s.pass(15*time.Minute + time.Second)
		s.wantText(b.setNew(nueva), `name="cedula"`)
		s.want(s.browser().signIn("", old), http.StatusSeeOther, "/")
	})
}

// In session the present clave is asked too, and the others end by a ticked box.
func TestD29_ChangeInSession(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		b, other := s.browser(), s.browser()
		b.signIn("", old)
		other.signIn("", old)
		page := b.get("/cambio")
		s.wantText(page, `name="clave_actual"`, `name="clave_nueva"`, `name="desde"`)
		if strings.Contains(page.body, `name="cedula"`) {
			t.Error("asks who she is")
		}
		in := append(hidden(page), "clave_actual", old, "acuerdo", "1")
		s.wantText(b.setNew(nueva, "clave_actual", wrongClave, "acuerdo", "1"), "clave_actual-error")
		s.want(b.setNew(nueva, in...), http.StatusSeeOther, "/cambio/listo")
		s.wantText(b.get("/cambio/listo"), "Cerrar sesión")
		s.wantText(b.get("/cambio"), `name="clave_actual"`) // still signed in
		s.want(other.get("/renovar"), http.StatusSeeOther, "/ingresar")
		s.wantText(b.get("/cambio/listo"), closedOthers)
		s.pass(time.Minute)
		failures := s.budget().Failures
		s.want(b.setNew(nueva, in...), http.StatusSeeOther, "/cambio/listo") // sent again: the same friendly page
		if s.budget().Failures != failures || s.events("clave.changed") != 1 {
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
		s.want(b.post("/cambio", "clave_nueva", nueva, "clave_confirmacion", nueva), http.StatusSeeOther, "/cambio/listo")
		s.wantText(other.get("/cambio"), `name="desde"`)
		if strings.Contains(b.get("/cambio/listo?cerradas=1").body, closedOthers) {
			t.Error("the page claims to have ended them")
		}
	})
}

// FT-14: each form 20 times in parallel, and again.
func TestFT14_DuplicateChanges(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.get("/cambio")
		parallel(20, func(int) { s.want(b.prove(s.who.Identifier, old), http.StatusSeeOther, "/cambio") })
		form := hidden(b.get("/cambio"))
		parallel(20, func(int) { s.want(b.setNew(nueva, form...), http.StatusSeeOther, "/cambio/listo") })
		s.pass(time.Minute)
		s.want(b.setNew(nueva, form...), http.StatusSeeOther, "/cambio/listo")
		s.work()
		s.wantMails("clave-cambiada")
		if s.events("clave.changed") != 1 {
			t.Errorf("changed %d times", s.events("clave.changed"))
		}
	})
}

// FT-16: one grant, many forms at once from what looks like several machines.
func TestFT16_OneGrantOneChange(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.get("/cambio")
		b.prove(s.who.Identifier, old)
		parallel(20, func(i int) { b.setNew(fmt.Sprintf("Xk4tRw9pQ%d", i)) })
		if s.events("clave.changed") != 1 {
			t.Errorf("changed %d times", s.events("clave.changed"))
		}
	})
}

// A change closes what an officer has closed to nobody: it stays closed.
func TestS086_NoChangeWhileClosed(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.prove(s.who.Identifier, old)
		s.lock(storage.LockOperador)
		if got := b.setNew(nueva); got.status != http.StatusOK || s.events("clave.changed") != 0 {
			t.Errorf("got %d %s", got.status, got.location)
		}
	})
}

// D17: 15 characters waive the next renewal here too.
func TestD17_ChangeSetsTheDueDate(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.prove(s.who.Identifier, old)
		s.want(b.setNew(nueva), http.StatusSeeOther, "/cambio/listo")
		if want := s.now().Add(365 * 24 * time.Hour); !mustClave(s).DueAt.Equal(want) {
			t.Errorf("due %v, want %v", mustClave(s).DueAt, want)
		}
	}, func(c *login.Config) { c.Renewal = login.DefaultRenewal() })
}

// S089, D03: who passes the lock in a lane of her own and sets a new clave is left
// neither locked nor with a link of the old one; other locks are not lifted.
func TestS089_D03_ANewClaveLeavesNobodyLocked(t *testing.T) {
	renewing := func(s *site, b *browser) {
		s.in(func(tx *storage.Tx) error { return storagetest.MoveDue(s.t.Context(), tx, s.who.ID, s.now()) })
		id, _ := b.ask("")
		s.want(b.signIn(id, old), http.StatusSeeOther, "/renovar")
		s.want(b.renew(id, nueva), http.StatusSeeOther, "/autorizar")
	}
	changing := func(s *site, b *browser) {
		s.want(b.prove(s.who.Identifier, old), http.StatusSeeOther, "/cambio")
		s.want(b.setNew(nueva), http.StatusSeeOther, "/cambio/listo")
	}
	for name, set := range map[string]func(*site, *browser){"change": changing, "renewal": renewing} {
		t.Run(name, func(t *testing.T) {
			fresh(t, func(t *testing.T, s *site) {
				b := s.browser()
				s.want(b.signIn("", old), http.StatusSeeOther, "/")
				for range 5 {
					s.browser().signIn("", wrongClave)
				}
				if s.budget().LockReason != storage.LockLogin {
					t.Fatalf("not locked: %+v", s.budget())
				}
				b.askUnlock(s.who.Identifier)
				s.work()
				s.deliver()
				link := s.linkOf("enlace-desbloqueo")
				s.pass(time.Minute)
				set(s, b)
				if got := s.budget(); got.LockReason != "" || got.Failures != 0 || s.events("clave.unlocked") != 1 {
					t.Errorf("budget %+v, unlocked %d times", got, s.events("clave.unlocked"))
				}
				if l, err := s.DB.Link(t.Context(), link.ID); err != nil || l.Live(s.now()) {
					t.Errorf("a link outlived the clave: %+v, %v", l, err)
				}
				s.pass(time.Minute)
				s.want(s.browser().signIn("", nueva), http.StatusSeeOther, "/")
				s.pass(10 * time.Minute)
				s.work()
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
			if got := s.budget().LockReason; got != storage.LockRecuperacion || s.events("clave.unlocked") != 0 {
				t.Errorf("lock %q", got)
			}
		})
	})
}
