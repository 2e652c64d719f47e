package recovery_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/recovery"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

// person adds one with a history, who never had a clave; address "" leaves her
// without a mailbox.
func (s *site) person(id storage.Identifier, address string) storage.Afiliado {
	s.T.Helper()
	a := storage.Afiliado{
		ID: storage.NewID(), Identifier: id, IdentifierType: storage.IdentifierCedula, GivenName: "Rosa Elena", FamilyName: "Guamán Pulla",
		Birthdate: "1979-11-02", Email: address, Mobile: "+593990000003", Kinds: []string{"afiliado"}, Estado: "activa",
		CreatedAt: storage.At(s.Time()), UpdatedAt: storage.At(s.Time()),
	}
	s.In(func(tx *storage.Tx) error { return tx.AddAfiliado(s.T.Context(), a) })
	s.work(id)
	return a
}

func (s *site) locked(id storage.Identifier) string {
	s.T.Helper()
	b, err := s.DB.LoginBudget(s.T.Context(), s.DB.IdentifierMAC(id))
	if err != nil {
		s.T.Fatal(err)
	}
	return b.LockReason
}

// kinds are the templates of the mails to a person.
func (s *site) kinds(a storage.Afiliado) []string {
	var out []string
	for _, m := range s.Mails(a.ID) {
		out = append(out, m.Template)
	}
	return out
}

// S030: the fifth wrong answer locks with reason recuperacion, whichever block was
// wrong, and right answers count no more; nothing of it lies in the browser.
func TestS030_FiveAttempts(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		right := s.answers(s.maria)
		for i, f := range []func(f *form){
			func(f *form) { f.day = "15" },
			func(f *form) { f.history[0] = other(f.history[0]) },
			func(f *form) { f.history[1] = other(f.history[1]) },
			func(f *form) { f.personal[0] = "Copo" },
			func(f *form) { f.personal[1] = "" },
		} {
			wrong := right
			f(&wrong)
			j := s.journey() // another browser each time
			got := j.answer(j.start(s.maria.Identifier), wrong)
			if i < 4 {
				s.WantText(got, "Le queda", []string{"cuatro intentos", "tres intentos", "dos intentos", "un intento"}[i], `value="`+wrong.personal[1])
				continue
			}
			s.WantText(got, "cinco")
			if strings.Contains(got.Body, `name="historia_1"`) {
				t.Error("there is a sixth attempt")
			}
		}
		if reason := s.locked(s.maria.Identifier); reason != storage.LockRecuperacion {
			t.Errorf("locked for %q", reason)
		}
		j := s.journey()
		if got := j.answer(j.start(s.maria.Identifier), right); got.Status != http.StatusOK || strings.Contains(got.Body, `name="correo"`) {
			t.Errorf("right answers counted after the last: %d %s", got.Status, got.Location)
		}
		s.Work()
		if got := s.kinds(s.maria); !slices.Equal(got, []string{"clave-bloqueada"}) {
			t.Errorf("mails %q", got)
		}
		// Whoever lifts the lock opens this way too.
		if err := s.UnlockByOperator(t.Context(), s.maria.ID); err != nil {
			t.Fatal(err)
		}
		s.Want(j.answer(j.start(s.maria.Identifier), right), http.StatusSeeOther, "/generar-recuperar")
	})
}

// S030, D04: who unlocks by mail, or waits where locks end by themselves, may answer
// again.
func TestS030_UnlockingOpensTheWayToo(t *testing.T) {
	t.Parallel()
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			s := newSiteOf(t, engine, func(c *login.Config) { c.Lockout.Expires = 24 * time.Hour })
			spend := func() *journey {
				j := s.journey()
				page := j.start(s.maria.Identifier)
				for range 5 {
					j.answer(page, form{day: "1", month: "1", history: [2]string{"0", "0"}})
				}
				if reason := s.locked(s.maria.Identifier); reason != storage.LockRecuperacion {
					t.Fatalf("locked for %q", reason)
				}
				return j
			}
			j := spend()
			page := j.Get("/desbloqueo")
			s.Want(j.Post("/desbloqueo", "identificacion", string(s.maria.Identifier), "reto", j.Ticket(page)), http.StatusSeeOther, "/desbloqueo/enviado")
			s.Work()
			s.Deliver()
			j.Open(s.LinkOf(s.maria.ID, "enlace-desbloqueo"))
			s.Want(j.Post("/desbloqueo/abrir", "desbloquear", "1"), http.StatusSeeOther, "/desbloqueo/listo")
			j.pass(s.maria)
			s.Pass(24 * time.Hour)
			s.In(func(tx *storage.Tx) error {
				return tx.ForgiveRecovery(t.Context(), s.DB.IdentifierMAC(s.maria.Identifier))
			})
			j = spend()
			s.Pass(23 * time.Hour)
			if got := j.answer(j.start(s.maria.Identifier), s.answers(s.maria)); got.Status != http.StatusOK {
				t.Errorf("open after 23 hours: %s", got.Location)
			}
			s.Pass(time.Hour)
			j.pass(s.maria)
		})
	}
}

func other(option string) string { return string('0' + (option[0]-'0'+1)%5) }

// D01: recovery.locks wizard leaves the clave open.
func TestD01_SpentAttemptsMayCloseTheWayOnly(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		page := j.start(s.maria.Identifier)
		for range 2 {
			j.answer(page, form{day: "1", month: "1", history: [2]string{"0", "0"}})
		}
		if s.locked(s.maria.Identifier) != "" {
			t.Error("the clave is locked")
		}
		got := j.answer(j.start(s.maria.Identifier), s.answers(s.maria))
		if got.Status != http.StatusOK {
			t.Errorf("a third attempt was made: %s", got.Location)
		}
		s.Pass(24 * time.Hour) // the wrong answers press on her identifier for some hours
		s.Want(j.Post("/ingresar", "cedula", string(s.maria.Identifier), "clave", old), http.StatusSeeOther, "/cuenta")
	}, func(c *recovery.Config) { c.Attempts, c.WizardOnly = 2, true })
}

// S030: of any number of answers at once, as many are compared as there are
// attempts.
func TestS030_ExactlyFiveAreCompared(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		page := s.answers(s.maria)
		page.day = "1"
		var starts []*journey
		var pages []string
		for range 12 {
			j := s.journey()
			pages = append(pages, j.start(s.maria.Identifier).Hidden("caso"))
			starts = append(starts, j)
		}
		var wg sync.WaitGroup
		for i, j := range starts {
			wg.Go(func() {
				j.Post("/generar-recuperar", "caso", pages[i], "dia", page.day, "mes", page.month, "historia_1", "0", "historia_2", "0", "continuar", "1")
			})
		}
		wg.Wait()
		if n, err := s.DB.RecoveryBudget(t.Context(), s.DB.IdentifierMAC(s.maria.Identifier), s.Time()); err != nil || n != 6 {
			t.Errorf("%d attempts are noted, %v", n, err)
		}
		if got := s.Events("clave.locked"); got != 1 {
			t.Errorf("locked %d times", got)
		}
	})
}

// S027: 29 February is a birthday, 31 February is none, and what is missing costs
// no attempt.
func TestS027_Birthdays(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		page, right := j.start(s.diana.Identifier), s.answers(s.diana)
		for _, change := range []func(f *form){
			func(f *form) { f.day, f.month = "31", "2" }, func(f *form) { f.day = "" }, func(f *form) { f.month = "13" },
			func(f *form) { f.history[0] = "" }, func(f *form) { f.history[1] = "x" },
		} {
			f := right
			change(&f)
			if got := j.answer(page, f); got.Status != http.StatusOK || strings.Contains(got.Body, "Alguna respuesta no coincide") {
				t.Errorf("%+v: %d %s", f, got.Status, got.Location)
			}
		}
		if n, err := s.DB.RecoveryBudget(t.Context(), s.DB.IdentifierMAC(s.diana.Identifier), s.Time()); err != nil || n != 0 {
			t.Errorf("%d attempts spent, %v", n, err)
		}
		s.Want(j.answer(page, right), http.StatusSeeOther, "/generar-recuperar") // 29 February
	})
}

// D10: without work history no answer is right, and the page is that of everybody.
func TestD10_WithoutHistoryNothingIsRight(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		a := storagetest.AddAfiliado(t, s.DB, storage.Afiliado{Identifier: "1859999912", Birthdate: "2003-01-19"})
		j := s.journey()
		page, f := j.start(a.Identifier), s.answers(a)
		for range 5 {
			if got := j.answer(page, f); got.Status != http.StatusOK {
				t.Fatalf("passed: %s", got.Location)
			}
		}
	})
}

// S031, S086: no mail opens what an officer has closed, nor an account without a
// mailbox: the answers may be right, and the page is the one for everybody.
func TestS086_AssistedWays(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		closed, silent := s.person("0759999915", "cerrada@example.ec"), s.person("1059999910", "")
		officer := s.person("0159999911", "oficial@example.ec")
		s.In(func(tx *storage.Tx) error {
			return errors.Join(tx.DisableAfiliado(t.Context(), closed.ID, "prueba", s.Time()),
				second(tx.LockClave(t.Context(), s.DB.IdentifierMAC(officer.Identifier), storage.LockOperador, s.Time())))
		})
		for _, a := range []storage.Afiliado{closed, silent, officer} {
			j := s.journey()
			got := j.answer(j.start(a.Identifier), s.answers(a))
			if got.Status != http.StatusOK || strings.Contains(got.Body, `name="correo"`) {
				t.Errorf("%s goes on: %d %s", a.Identifier, got.Status, got.Location)
			}
			s.Deliver()
			for _, kind := range s.kinds(a) {
				if kind == (templates.MailGenerateLink{}).Template() {
					t.Errorf("%s got a link", a.Identifier)
				}
			}
		}
	})
}

func second(_ bool, err error) error { return err }

// T28: without a hash slot the answer is 503, nothing is lost that was typed, and no
// attempt is spent.
func TestT28_BusyCostsNoAttempt(t *testing.T) {
	hash, err := login.NewHasher(login.HashConfig{Memory: 8, Passes: 1, Slots: 1, Wait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	s := newSiteOf(t, "sqlite", func(c *login.Config) { c.Hash = hash })
	j := s.journey()
	page := j.start(s.maria.Identifier)
	slot, err := hash.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := j.answer(page, form{day: "1", month: "1", history: [2]string{"0", "0"}, personal: [2]string{"lo que escribí", ""}})
	slot.Release()
	if got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
		t.Errorf("got %d", got.Status)
	}
	s.WantText(got, "lo que escribí")
	if n, err := s.DB.RecoveryBudget(t.Context(), s.DB.IdentifierMAC(s.maria.Identifier), s.Time()); err != nil || n != 0 {
		t.Errorf("%d attempts spent, %v", n, err)
	}
}
