package recovery_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// What somebody may do who knows the answers, or just tries: it costs him, and
// takes nothing from whose account it is.

func wrong() form { return form{day: "1", month: "1", history: [2]string{"0", "0"}} }

func (s *site) spent(id storage.Identifier) int {
	s.T.Helper()
	n, err := s.DB.RecoveryBudget(s.T.Context(), s.DB.IdentifierMAC(id), s.Time())
	if err != nil {
		s.T.Fatal(err)
	}
	return n
}

// T01, T17: wrong answers make the next ones wait, whoever has the identifier.
func TestT01_WrongAnswersWaitAlike(t *testing.T) {
	t.Parallel()
	for _, engine := range storagetest.Engines() {
		var waits []time.Duration
		s := newSiteOf(t, engine, func(c *login.Config) {
			c.Wait = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
		})
		walk := func(id storage.Identifier) []time.Duration {
			waits = nil
			for range 2 {
				j := s.journey()
				page := j.start(id)
				for range 5 {
					j.answer(page, wrong())
				}
			}
			return waits
		}
		want := walk(nobody)
		if len(want) == 0 || want[len(want)-1] < 500*time.Millisecond {
			t.Errorf("trying on costs %v", want)
		}
		if got := walk(s.maria.Identifier); !slices.Equal(got, want) {
			t.Errorf("a person's answers wait %v, nobody's %v", got, want)
		}
	}
}

// FT-14: a form of wrong answers that comes twice takes one attempt, of the
// identifier and of a link that was opened elsewhere.
func TestFT14_WrongAnswersTwiceTakeOneAttempt(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		page := j.start(s.maria.Identifier)
		same := []string{"caso", page.Hidden("caso"), "dia", "1", "mes", "1", "historia_1", "0", "historia_2", "0", "continuar", "1"}
		first := j.Post("/generar-recuperar", same...)
		s.WantText(first, "cuatro intentos")
		if again := j.Post("/generar-recuperar", same...); again.Body != first.Body {
			t.Error("the second press got another page")
		}
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() { j.Post("/generar-recuperar", same...) })
		}
		all.Wait()
		if n := s.spent(s.maria.Identifier); n != 1 {
			t.Errorf("%d attempts were spent", n)
		}
		s.Pass(5 * time.Second)
		s.WantText(j.Post("/generar-recuperar", same...), "tres intentos")

		link := s.journey().ask(s.maria)
		b := s.NewBrowser()
		b.Open(link)
		for range 3 {
			s.WantText(b.Post("/generar-recuperar/clave", "dia", "1", "mes", "1", "personal_1", "nada de eso"), "cuatro intentos")
		}
		if l, err := s.DB.Link(t.Context(), link.ID); err != nil || l.Attempts != 1 {
			t.Errorf("%d attempts of the link, %v", l.Attempts, err)
		}
	})
}

// counted is a registry that counts how often it is asked.
type counted struct {
	*storage.DB
	asked int
}

func (c *counted) AfiliadoByIdentifier(ctx context.Context, id storage.Identifier) (*storage.Afiliado, error) {
	c.asked++
	return c.DB.AfiliadoByIdentifier(ctx, id)
}

// T28: the questions of a case are drawn once, however often its page is opened or
// its form has faults; the page says how many attempts there are.
func TestT28_QuestionsAreDrawnOnce(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		for _, id := range []storage.Identifier{s.maria.Identifier, nobody} {
			asks := &counted{DB: s.DB}
			s.way.SetRegistry(asks)
			j := s.journey()
			page := j.start(id)
			s.WantText(page, "Le quedan cinco intentos")
			fault := wrong()
			fault.day = ""
			for range 10 {
				if got := j.Get("/generar-recuperar"); strings.Join(quizText.FindAllString(got.Body, -1), "") != strings.Join(quizText.FindAllString(page.Body, -1), "") {
					t.Error("it asks something else")
				}
				s.WantText(j.answer(page, fault), "Le quedan cinco intentos")
			}
			if asks.asked != 1 {
				t.Errorf("the registry was asked %d times", asks.asked)
			}
			j.answer(page, wrong())
			s.WantText(j.Get("/generar-recuperar"), "Le quedan cuatro intentos")
		}
	})
}

// T05, D18: another address that nobody has proved keeps no link from the one on
// file: neither one that is there nor the next. Proved, it does.
func TestT05_AnUnprovedAddressHoldsNothing(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner := s.journey()
		link := owner.ask(s.maria)
		s.asksChange(s.journey(), s.maria, "basura@example.com")
		if owner.Open(link).Hidden("abierto") == "" {
			t.Error("the link of before is dead")
		}
		owner.Post("/generar-recuperar/reenviar", "caso", owner.Get("/generar-recuperar/enviado").Hidden("caso"))
		s.Deliver()
		next := s.LinkOf(s.maria.ID, "enlace-generar")
		if owner.Open(next).Hidden("abierto") == "" || next.ID == link.ID {
			t.Errorf("there is no other one: %q", s.kinds(s.maria))
		}
		s.press(s.LinkOf(s.maria.ID, "correo-nuevo"), "/correo/confirmar", "confirmar")
		if owner.Open(next).Hidden("abierto") != "" {
			t.Error("it opens beside a proved change")
		}
		s.Pass(time.Minute)
		owner.Post("/generar-recuperar/reenviar", "caso", owner.Get("/generar-recuperar/enviado").Hidden("caso"))
		if got := s.kinds(s.maria); got[len(got)-1] != "enlace-retenido" {
			t.Errorf("beside a proved change: %q", got)
		}
	})
}

// S032: telephones that were typed in another browser than confirms are nobody's.
func TestS032_TelephonesOfAnotherBrowser(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		thief := s.journey()
		s.Want(thief.data(thief.pass(s.maria), "celular", "0998887777"), http.StatusSeeOther, "/generar-recuperar/enviado")
		s.Deliver()
		owner := s.journey()
		owner.Open(s.LinkOf(s.maria.ID, "enlace-generar"))
		f := s.answers(s.maria)
		s.Want(owner.Post("/generar-recuperar/clave", "dia", f.day, "mes", f.month, "personal_1", f.personal[0]), http.StatusSeeOther, "/generar-recuperar/clave")
		s.Want(owner.confirm(owner.Get("/generar-recuperar/clave"), nueva), http.StatusSeeOther, "/generar-recuperar/listo")
		if a, err := s.DB.Afiliado(t.Context(), s.maria.ID); err != nil || a.Mobile != s.maria.Mobile {
			t.Errorf("on file: %s, %v", a.Mobile, err)
		}
	})
}

// D18, T05: no address takes the place of one that was not told. While the warning
// waits the change does; where it never arrives, the change is cancelled.
func TestD18_NotBehindTheBackOfTheAddressOnFile(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		ask := func(a storage.Afiliado) {
			j := s.journey()
			s.Want(j.data(j.pass(a), "correo", elsewhere), http.StatusSeeOther, "/generar-recuperar/enviado")
			s.press(s.LinkOf(a.ID, "correo-nuevo"), "/correo/confirmar", "confirmar")
			s.Pass(73 * time.Hour)
			s.apply()
			if got := s.email(a); got != a.Email {
				t.Errorf("before the warning was handed over it is %s", got)
			}
		}
		ask(s.maria)
		s.Deliver()
		s.apply()
		if got := s.email(s.maria); got != elsewhere {
			t.Errorf("after the warning it is %s", got)
		}
		ask(s.diana)
		all, err := s.DB.LeaseMessages(t.Context(), 100, s.Time(), s.Time().Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			if m.Template == "correo-viejo" {
				s.In(func(tx *storage.Tx) error { return tx.FailMessage(t.Context(), m, "refused", s.Time()) })
			}
		}
		for range 2 {
			s.apply()
		}
		if got := s.email(s.diana); got != s.diana.Email || s.Events("contact.unwarned") != 1 {
			t.Errorf("unwarned, it is %s; %d events", got, s.Events("contact.unwarned"))
		}
	})
}

// D06: one passing of the questions is six mails, however long somebody goes on; and
// then the case comes to its end.
func TestD06_SixLinksForACase(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		j.ask(s.maria)
		page := j.Get("/generar-recuperar/enviado")
		resend := func() { j.Post("/generar-recuperar/reenviar", "caso", page.Hidden("caso"), "reenviar", "1") }
		for range 5 {
			s.Pass(16 * time.Minute)
			resend()
		}
		for range 4 {
			s.WantText(j.Get("/generar-recuperar/enviado"), "No enviaremos más enlaces", "nuevo=1")
			s.Pass(16 * time.Minute)
			resend()
		}
		n := 0
		for _, kind := range s.kinds(s.maria) {
			if kind == "enlace-generar" {
				n++
			}
		}
		if n != 6 {
			t.Errorf("%d links", n)
		}
		s.Pass(16 * time.Minute)
		s.Want(j.Get("/generar-recuperar/enviado"), http.StatusSeeOther, "/generar-recuperar") // what sends nothing prolongs nothing
	})
}

// D06: neither does a press that the window refuses.
func TestD06_ARefusedPressProlongsNothing(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		j.ask(s.maria)
		caso := j.Get("/generar-recuperar/enviado").Hidden("caso")
		ends := func() time.Time {
			c, err := s.DB.Recovery(t.Context(), caso)
			if err != nil {
				t.Fatal(err)
			}
			return c.ExpiresAt.Time
		}
		for i := range 4 {
			before := ends()
			s.Pass(time.Minute)
			j.Post("/generar-recuperar/reenviar", "caso", caso, "reenviar", "1")
			if longer := ends().After(before); longer != (i < 2) {
				t.Errorf("press %d: prolonged %v", i, longer)
			}
		}
	})
}

// D18: a change that was asked for too often is not asked, and the page says so.
func TestD18_ACappedChangeIsNotAsked(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		for i, box := range []string{"a", "b", "c", "d"} {
			j := s.journey()
			page := j.pass(s.maria)
			s.Pass(-79 * time.Second) // of the ticket
			got := j.data(page, "correo", box+"@example.com")
			if i < 3 {
				s.Want(got, http.StatusSeeOther, "/generar-recuperar/enviado")
				continue
			}
			s.WantText(got, `id="correo-error"`, "d@example.com", "Por ahora no podemos cambiar el correo")
			if c, err := s.DB.OpenContactChange(t.Context(), s.maria.ID); err != nil || c.Email != "c@example.com" {
				t.Errorf("open: %+v, %v", c, err)
			}
			s.Want(j.data(j.Get("/generar-recuperar")), http.StatusSeeOther, "/generar-recuperar/enviado") // it goes on without
		}
	})
}

// D19: who reads an address that anybody may have typed learns no name.
func TestD19_TheNewMailboxLearnsNoName(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		s.Want(j.data(j.pass(s.diana), "correo", elsewhere), http.StatusSeeOther, "/generar-recuperar/enviado")
		for _, m := range s.Mails(s.diana.ID) {
			if m.Recipient == elsewhere && (m.Template != "correo-nuevo" || strings.Contains(string(m.Data), "Diana")) {
				t.Errorf("%s: %s", m.Template, m.Data)
			}
		}
	})
}

// S038: a clave that was changed while the last form was on its way is compared with
// once more: the form comes again, and the link lives.
func TestS038_AClaveChangedMeanwhile(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		hash, err := login.NewHasher(login.HashConfig{Memory: 8, Passes: 1, Slots: 1, Queue: 1, Wait: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		s := newSiteOf(t, engine, func(c *login.Config) { c.Hash = hash })
		j := s.journey()
		page := j.Open(j.ask(s.maria))
		phc, err := hash.Make(t.Context(), "Antisana5758")
		if err != nil {
			t.Fatal(err)
		}
		slot, err := hash.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		answer := make(chan bool)
		go func() {
			got := j.confirm(page, nueva)
			for got.Status == http.StatusServiceUnavailable { // the queue was full of who looks whether it is
				got = j.confirm(page, nueva)
			}
			answer <- got.Status == http.StatusOK && strings.Contains(got.Body, "Siga desde aquí") && got.Hidden("abierto") == page.Hidden("abierto")
		}()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		for busy := 0; busy < 1000; runtime.Gosched() { // until it waits for the slot, and has read the present clave; it may pass by in vain before
			if _, err := hash.Take(gone); errors.Is(err, login.ErrBusy) {
				busy++
			} else {
				busy = 0
			}
		}
		s.Pass(time.Second)
		s.In(func(tx *storage.Tx) error {
			return tx.SetClave(t.Context(), storage.Clave{AfiliadoID: s.maria.ID, PHC: phc, CreatedAt: storage.At(s.Time())}, 5)
		})
		slot.Release()
		if !<-answer {
			t.Error("the form did not come again")
		}
		s.Want(j.confirm(page, nueva), http.StatusSeeOther, "/generar-recuperar/listo")
	}
}

// S071: who asks to unlock what wrong answers have locked is not led back to them.
func TestS071_TheWayThatIsShutIsNotOffered(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		page := j.start(s.diana.Identifier)
		for range 5 {
			j.answer(page, wrong())
		}
		page = j.Get("/desbloqueo")
		s.Want(j.Post("/desbloqueo", "identificacion", string(s.diana.Identifier), "reto", j.Ticket(page)), http.StatusSeeOther, "/desbloqueo/enviado")
		s.Work()
		for _, m := range s.Mails(s.diana.ID) {
			if m.Template == "desbloqueo-asistido" && strings.Contains(string(m.Data), `"recuperacion"`) {
				return
			}
		}
		t.Errorf("mails %q", s.kinds(s.diana))
	})
}
