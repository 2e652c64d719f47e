package recovery_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/login/recovery"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// What spent attempts close, for whom and for how long.

// spend answers five times wrongly for an identifier.
func (s *site) spend(id storage.Identifier) {
	s.T.Helper()
	j := s.journey()
	page := j.start(id)
	for range 5 {
		j.answer(page, wrong())
	}
}

// passes reports whether a's right answers are.
func (s *site) passes(a storage.Afiliado) bool {
	s.T.Helper()
	j := s.journey()
	return j.answer(j.start(a.Identifier), s.answers(a)).Status == http.StatusSeeOther
}

// disavows says "No fui yo" in the last such mail to an address.
func (s *site) disavows(a storage.Afiliado, template, address string) {
	s.T.Helper()
	for _, m := range slices.Backward(s.Mails(a.ID)) {
		if m.Template != template || m.Recipient != address {
			continue
		}
		link, err := s.DB.Link(s.T.Context(), m.LinkID)
		if err != nil {
			s.T.Fatal(err)
		}
		b := s.NewBrowser()
		page := b.Open(link)
		s.Want(b.Post("/no-fui-yo", "no-fui-yo", "1", "reto", b.Ticket(page)), http.StatusSeeOther, "/no-fui-yo/listo")
		return
	}
	s.T.Fatalf("no mail %s to %s", template, address)
}

// S086, T05: strangers who spend the attempts of whoever said "No fui yo" shut her
// only way to a new clave for a day, and an officer opens it before; the clave stays
// closed.
func TestS086_T05_TheOnlyWayIsShutForADay(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.spend(s.maria.Identifier)
		s.Work()
		s.Deliver()
		s.disavows(s.maria, "clave-bloqueada", s.maria.Email)
		if err := s.UnlockByOperator(t.Context(), s.maria.ID); !errors.Is(err, logintest.ErrDisavowed) || errors.Is(err, logintest.ErrOnlyRecovery) {
			t.Errorf("nothing is spent: %v", err)
		}
		for i, open := range []func(){
			func() {
				if err := s.UnlockByOperator(t.Context(), s.maria.ID); !errors.Is(err, logintest.ErrOnlyRecovery) {
					t.Errorf("an officer: %v", err)
				}
			},
			func() { s.Pass(24*time.Hour + time.Minute) },
		} {
			s.spend(s.maria.Identifier)
			if s.passes(s.maria) {
				t.Error("a sixth attempt was made")
			}
			open()
			if !s.passes(s.maria) {
				t.Errorf("%d: it did not open", i)
			}
			if reason := s.locked(s.maria.Identifier); reason != storage.LockCompromiso {
				t.Errorf("%d: locked for %q", i, reason)
			}
		}
		if n := s.Events("recovery.reopened"); n != 1 {
			t.Errorf("%d audit rows", n)
		}
		s.Work()
		told := slices.ContainsFunc(s.Mails(s.maria.ID), func(m storage.Message) bool {
			return m.Template == "clave-bloqueada" && strings.Contains(string(m.Data), `"Operator":true`)
		})
		if !told {
			t.Error("she was not told")
		}
	})
}

// T05: whoever says "No fui yo" once another address took effect means that one: no
// link goes there, however long one waits, and whoever reads it says "No fui yo" too,
// until the registry has hers again.
func TestT05_NoFuiYoAfterTheAddressTookEffect(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.asksChange(s.journey(), s.maria, elsewhere)
		s.press(s.LinkOf(s.maria.ID, "correo-nuevo"), "/correo/confirmar", "confirmar")
		s.Pass(73 * time.Hour)
		s.apply()
		waiting := s.journey()
		waiting.ask(s.maria)
		thief := s.journey()
		page := thief.pass(s.maria)
		s.Work()
		s.Deliver()
		s.disavows(s.maria, "correo-aplicado", s.maria.Email)
		before := len(s.mailsTo(s.maria, elsewhere))
		sent := func() int {
			n := 0
			for _, kind := range s.mailsTo(s.maria, elsewhere)[before:] {
				if kind == "enlace-generar" {
					n++
				}
			}
			return n
		}
		thief.data(page)
		waiting.Post("/generar-recuperar/reenviar", "caso", waiting.Get("/generar-recuperar/enviado").Hidden("caso"))
		for _, wait := range []time.Duration{0, 40 * 24 * time.Hour} {
			s.Pass(wait)
			if s.passes(s.maria) {
				t.Errorf("after %s the answers lead to a link", wait)
			}
		}
		s.Deliver()
		s.disavows(s.maria, "preguntas-superadas", elsewhere) // whoever reads that mailbox
		if s.passes(s.maria) {
			t.Error("a later No fui yo took hers back")
		}
		s.Deliver()
		if n := sent(); n != 0 {
			t.Errorf("%d links to the mailbox she did not mean", n)
		}
		s.imported(s.maria, "maria.otra@example.ec")
		if !s.passes(s.maria) {
			t.Error("the registry's address opens nothing")
		}
	})
}

// T01: a lock that nobody lifts stays, also that of an identifier nobody has:
// waiting does not tell them apart.
func TestT01_LocksStayWhoeverHasTheIdentifier(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		ids := []storage.Identifier{s.maria.Identifier, nobody}
		for _, id := range ids {
			s.spend(id)
		}
		s.Pass(31 * 24 * time.Hour)
		if _, err := s.DB.Purge(t.Context(), s.Time(), 500); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			j := s.journey()
			if got := j.answer(j.start(id), wrong()); strings.Contains(got.Body, "Le queda") {
				t.Errorf("%s may answer again", id)
			}
		}
	})
}

// cedulas are n that somebody may have.
func cedulas(n int) []storage.Identifier {
	var out []storage.Identifier
	for i := 0; len(out) < n; i++ {
		for d := range 10 {
			if id, _, err := login.ParseIdentifier(fmt.Sprintf("17%07d%d", 1234500+i, d)); err == nil {
				out = append(out, id)
			}
		}
	}
	return out[:n]
}

// T03: from one address, two hundred people's attempts may be spent, and ten claves
// locked; the others' way opens again within a day. On PostgreSQL the crowd is small:
// the limits are counted by the same statements, and hit by then.
func TestT03_OneNetworkLocksTenClaves(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		people := 200
		if s.DB.Engine() == "postgres" {
			people = 25
		}
		ids := cedulas(people)
		var all []*journey
		var retos []string
		for range ids {
			j := s.journey()
			_, rest, _ := strings.Cut(j.Get("/generar-recuperar?nuevo=1").Body, `name="reto" value="`)
			reto, _, _ := strings.Cut(rest, `"`)
			all, retos = append(all, j), append(retos, reto)
		}
		s.Pass(80 * time.Second)
		var last logintest.Answer
		for i, id := range ids {
			s.Want(all[i].Post("/generar-recuperar", "identificacion", string(id), "reto", retos[i]), http.StatusSeeOther, "/generar-recuperar")
			last = all[i].answer(all[i].Get("/generar-recuperar"), wrong())
		}
		s.WantText(last, "Por aquí no podemos seguir")
		count := func() (int, int) {
			locks, spent := 0, 0
			for _, id := range ids {
				if s.locked(id) != "" {
					locks++
				}
				spent += min(1, s.spent(id))
			}
			return locks, spent
		}
		if locks, spent := count(); locks != 10 || spent != people {
			t.Errorf("locked %d claves, spent the attempts of %d", locks, spent)
		}
		s.Pass(24 * time.Hour)
		if locks, spent := count(); locks != 10 || spent != 10 {
			t.Errorf("a day later %d are locked, and the way is shut for %d", locks, spent)
		}
	}, func(c *recovery.Config) { c.Attempts = 1 })
}

// T03, T05: what a network has locked defers one person's lock, once: her way is shut
// for a day, she is told, and whoever spends her attempts again within thirty days
// has locked her clave. So five guesses a day are not free for ever.
func TestT03_T05_ThrowawaysDeferALockOnce(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		crowd := cedulas(10)
		spend := func(id storage.Identifier) {
			j := s.journey()
			j.answer(j.start(id), wrong())
		}
		shut := func(times int) {
			t.Helper()
			for _, id := range crowd {
				spend(id)
			}
			for range times {
				spend(s.maria.Identifier)
			}
			s.Work()
		}
		shut(3)
		if reason := s.locked(s.maria.Identifier); reason != "" || s.spent(s.maria.Identifier) == 0 {
			t.Errorf("locked for %q, spent %d", reason, s.spent(s.maria.Identifier))
		}
		if got := s.kinds(s.maria); !slices.Equal(got, []string{"preguntas-agotadas"}) || s.Events("recovery.shut") != 1 {
			t.Errorf("told %q, %d audit rows", got, s.Events("recovery.shut"))
		}
		s.Pass(29 * 24 * time.Hour)
		if _, err := s.DB.Purge(t.Context(), s.Time(), 500); err != nil {
			t.Fatal(err)
		}
		shut(1)
		if reason := s.locked(s.maria.Identifier); reason != storage.LockRecuperacion {
			t.Errorf("shut again, locked for %q", reason)
		}
		if got := s.kinds(s.maria); len(got) != 2 || !slices.Contains(got, "clave-bloqueada") {
			t.Errorf("told %q", got)
		}
		if err := s.UnlockByOperator(t.Context(), s.maria.ID); err != nil {
			t.Fatal(err)
		}
		shut(1)
		s.Pass(31 * 24 * time.Hour)
		shut(1)
		if reason := s.locked(s.maria.Identifier); reason != "" {
			t.Errorf("shut a month later, locked for %q", reason)
		}
	}, func(c *recovery.Config) { c.Attempts = 1 })
}

// S038: a wrong answer that is settled once there is a new clave locks nothing.
func TestS038_ALateWrongAnswerLocksNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, "postgres")
	owner := s.journey()
	page := owner.Open(owner.ask(s.maria))
	thief := s.journey()
	form := thief.start(s.maria.Identifier)
	for range 4 {
		thief.answer(form, wrong())
	}
	var came atomic.Bool
	late, set := make(chan struct{}), make(chan struct{})
	hook := func(query string) {
		if strings.HasPrefix(query, "UPDATE recovery SET step") && came.CompareAndSwap(false, true) {
			close(late)
			<-set
		}
	}
	s.Hook.Store(&hook)
	var all sync.WaitGroup
	all.Go(func() { thief.answer(form, wrong()) })
	<-late
	s.Want(owner.confirm(page, nueva), http.StatusSeeOther, "/generar-recuperar/listo")
	close(set)
	all.Wait()
	if reason := s.locked(s.maria.Identifier); reason != "" {
		t.Errorf("locked for %q", reason)
	}
	s.Pass(24 * time.Hour)
	s.Want(s.NewBrowser().Post("/ingresar", "cedula", string(s.maria.Identifier), "clave", nueva), http.StatusSeeOther, "/cuenta")
}

// D04: a lock of failed sign-ins that ends by itself gives no answers back.
func TestD04_ALoginLockThatEndsGivesNoAnswersBack(t *testing.T) {
	t.Parallel()
	for _, engine := range storagetest.Engines() {
		s := newSiteOf(t, engine, func(c *login.Config) { c.Lockout.Expires = 15 * time.Minute }, func(c *recovery.Config) { c.WizardOnly = true })
		s.spend(s.maria.Identifier)
		s.In(func(tx *storage.Tx) error {
			return second(tx.LockClave(t.Context(), s.DB.IdentifierMAC(s.maria.Identifier), storage.LockLogin, s.Time()))
		})
		s.Pass(16 * time.Minute)
		if err := s.EndLocks(t.Context(), s.Time()); err != nil {
			t.Fatal(err)
		}
		if reason := s.locked(s.maria.Identifier); reason != "" {
			t.Errorf("locked for %q", reason)
		}
		if n := s.spent(s.maria.Identifier); n != 5 {
			t.Errorf("%d attempts are spent", n)
		}
		s.Pass(24 * time.Hour) // and the way alone is shut for a day
		if !s.passes(s.maria) {
			t.Error("it stays shut")
		}
	}
}

// S030: right answers take no attempt from who has them; wrong ones stay spent.
func TestS030_RightAnswersTakeNoAttempt(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		j.answer(j.start(s.maria.Identifier), wrong())
		for i := range 7 {
			if !s.passes(s.maria) {
				t.Fatalf("the right answers number %d are refused", i+1)
			}
		}
		if n := s.spent(s.maria.Identifier); n != 1 {
			t.Errorf("%d attempts are spent, want the wrong one", n)
		}
	})
}

// S086, D18: what an officer has locked changes no address, until he unlocks; who is
// disabled has neither a change nor a case any more.
func TestS086_D18_AnOfficerStopsAChange(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.asksChange(s.journey(), s.maria, elsewhere)
		s.press(s.LinkOf(s.maria.ID, "correo-nuevo"), "/correo/confirmar", "confirmar")
		s.In(func(tx *storage.Tx) error {
			return second(tx.LockClave(t.Context(), s.DB.IdentifierMAC(s.maria.Identifier), storage.LockOperador, s.Time()))
		})
		s.Pass(73 * time.Hour)
		s.apply()
		if got := s.email(s.maria); got == elsewhere {
			t.Error("her address changed under an officer's lock")
		}
		if err := s.UnlockByOperator(t.Context(), s.maria.ID); err != nil {
			t.Fatal(err)
		}
		s.apply()
		if got := s.email(s.maria); got != elsewhere {
			t.Errorf("unlocked, it is %s", got)
		}
		j := s.journey()
		j.pass(s.diana)
		s.asksChange(s.journey(), s.diana, "diana.nueva@example.ec")
		if err := s.DisableByOperator(t.Context(), s.diana.ID); err != nil {
			t.Fatal(err)
		}
		if c, err := s.DB.OpenContactChange(t.Context(), s.diana.ID); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("a change is open: %+v, %v", c, err)
		}
		if page := j.Get("/generar-recuperar"); strings.Contains(page.Body, `name="correo"`) {
			t.Error("her case goes on")
		}
	})
}
