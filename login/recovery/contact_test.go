package recovery_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
)

const elsewhere = "maria.nueva@example.ec"

// asksChange asks for another address, and delivers what that sends.
func (s *site) asksChange(j *journey, a storage.Afiliado, address string) logintest.Answer {
	s.T.Helper()
	s.Want(j.data(j.pass(a), "correo", address), http.StatusSeeOther, "/generar-recuperar/enviado")
	page := j.Get("/generar-recuperar/enviado")
	s.Work()
	s.Deliver()
	return page
}

// press opens a link of a mail in a new browser and presses its button.
func (s *site) press(link *storage.Link, path, button string) logintest.Answer {
	s.T.Helper()
	b := s.NewBrowser()
	page := b.Open(link)
	s.Want(b.Post(path, button, "1", "reto", b.Ticket(page)), http.StatusSeeOther, "/correo/listo")
	return b.Get("/correo/listo")
}

// imported gives a person an address as an import of the registry does.
func (s *site) imported(a storage.Afiliado, address string) {
	s.T.Helper()
	file := "cedula,nombres,apellidos,fecha_nacimiento,correo,celular,tipo_asegurado,estado,huella\n" + strings.Join([]string{
		string(a.Identifier), a.GivenName, a.FamilyName, a.Birthdate, address, "0990000001", "afiliado", "activa", "si",
	}, ",") + "\n"
	report, err := s.DB.ImportAfiliados(s.T.Context(), strings.NewReader(file), storage.ImportOptions{Identifier: login.ParseIdentifier, Now: s.Time})
	if err != nil || report.Updated+report.Unchanged != 1 {
		s.T.Fatalf("got %+v, %v; want her", report, err)
	}
}

func (s *site) apply() {
	s.T.Helper()
	if err := s.way.Contacts.Apply(s.T.Context(), s.Time()); err != nil {
		s.T.Fatal(err)
	}
}

func (s *site) email(a storage.Afiliado) string {
	s.T.Helper()
	found, err := s.DB.Afiliado(s.T.Context(), a.ID)
	if err != nil {
		s.T.Fatal(err)
	}
	return found.Email
}

// mailsTo are the templates of what went to an address.
func (s *site) mailsTo(a storage.Afiliado, address string) []string {
	var out []string
	for _, m := range s.Mails(a.ID) {
		if m.Recipient == address {
			out = append(out, m.Template)
		}
	}
	return out
}

// D18, T05: another address counts once its mail has proved to be read and 72 hours
// are over: not at 71, at 73. Meanwhile no link goes anywhere; both are told.
func TestD18_AChangedAddressWaits72Hours(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		before := s.maria.Email
		page := s.asksChange(s.journey(), s.maria, elsewhere)
		if strings.Contains(page.Body, `name="reenviar"`) {
			t.Error("the page offers a link")
		}
		if got := s.mailsTo(s.maria, elsewhere); !slices.Equal(got, []string{"correo-nuevo"}) {
			t.Errorf("to the new address: %q", got)
		}
		if got := s.mailsTo(s.maria, before); !slices.Contains(got, "correo-viejo") || !slices.Contains(got, "preguntas-superadas") {
			t.Errorf("to the old address: %q", got)
		}
		s.press(s.LinkOf(s.maria.ID, "correo-nuevo"), "/correo/confirmar", "confirmar")
		s.Pass(71 * time.Hour)
		s.apply()
		if got := s.email(s.maria); got != before {
			t.Errorf("at 71 hours her address is %s", got)
		}
		j := s.journey()
		s.Want(j.data(j.pass(s.maria)), http.StatusSeeOther, "/generar-recuperar/enviado")
		s.Deliver()
		if got := s.kinds(s.maria); slices.Contains(got, "enlace-generar") || !slices.Contains(got, "enlace-retenido") {
			t.Errorf("at 71 hours: %q", got)
		}
		s.Pass(2 * time.Hour)
		s.apply()
		if got := s.email(s.maria); got != elsewhere {
			t.Errorf("at 73 hours her address is %s", got)
		}
		for _, address := range []string{before, elsewhere} {
			if got := s.mailsTo(s.maria, address); !slices.Contains(got, "correo-aplicado") {
				t.Errorf("%s was not told: %q", address, got)
			}
		}
		s.imported(s.maria, before) // the registry's next file says what it has always said
		if got := s.email(s.maria); got != elsewhere {
			t.Errorf("after an import of the same file it is %s", got)
		}
		j = s.journey()
		page = j.Open(j.ask(s.maria))
		s.Want(j.confirm(page, nueva), http.StatusSeeOther, "/generar-recuperar/listo")
		if got := s.mailsTo(s.maria, elsewhere); !slices.Contains(got, "enlace-generar") {
			t.Errorf("to the new address: %q", got)
		}
		s.apply() // twice is once
	})
}

// D18: without the proof nothing changes, however long it waits; the address on file
// may cut the wait short, but not the proof.
func TestD18_ProofAndApproval(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.asksChange(s.journey(), s.maria, elsewhere)
		s.WantText(s.press(s.LinkOf(s.maria.ID, "correo-viejo"), "/correo/aprobar", "aprobar"), "m•••a@e…")
		s.Pass(time.Hour)
		s.apply()
		if got := s.email(s.maria); got == elsewhere {
			t.Error("it counts without proof")
		}
		s.press(s.LinkOf(s.maria.ID, "correo-nuevo"), "/correo/confirmar", "confirmar")
		if got := s.email(s.maria); got != elsewhere {
			t.Errorf("approved and proved, it is %s", got)
		}
		j := s.journey()
		page := j.Open(j.ask(s.maria)) // and waits for nothing
		s.Want(j.confirm(page, nueva), http.StatusSeeOther, "/generar-recuperar/listo")
		if got := s.mailsTo(s.maria, elsewhere); !slices.Contains(got, "enlace-generar") {
			t.Errorf("to the new address: %q", got)
		}
	})
}

// T05: "No fui yo" of the notice kills the change and the case; a second change
// starts the clock anew.
func TestT05_NoFuiYoKillsAChange(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		s.asksChange(j, s.maria, elsewhere)
		s.press(s.LinkOf(s.maria.ID, "correo-nuevo"), "/correo/confirmar", "confirmar")
		s.Pass(71 * time.Hour)
		owner := s.NewBrowser()
		page := owner.Open(s.LinkOf(s.maria.ID, "preguntas-superadas"))
		s.Want(owner.Post("/no-fui-yo", "no-fui-yo", "1", "reto", owner.Ticket(page)), http.StatusSeeOther, "/no-fui-yo/listo")
		s.Pass(100 * time.Hour)
		s.apply()
		if got := s.email(s.maria); got != s.maria.Email {
			t.Errorf("her address is %s", got)
		}
		if reason := s.locked(s.maria.Identifier); reason != storage.LockCompromiso {
			t.Errorf("locked for %q", reason)
		}
		first := s.journey()
		page = first.Open(first.ask(s.maria)) // she recovers from it
		s.Want(first.confirm(page, nueva), http.StatusSeeOther, "/generar-recuperar/listo")
	})
}

// S038, T05: a new clave by the mailbox on file ends a change that somebody asked for
// before: neither its proof nor its approval counts any more, however long it waits.
func TestS038_T05_ANewClaveEndsAChange(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.asksChange(s.journey(), s.maria, elsewhere)
		j := s.journey()
		page := j.Open(j.ask(s.maria))
		s.Want(j.confirm(page, nueva), http.StatusSeeOther, "/generar-recuperar/listo")
		if c, err := s.DB.OpenContactChange(t.Context(), s.maria.ID); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("a change is open: %+v, %v", c, err)
		}
		for _, template := range []string{"correo-nuevo", "correo-viejo"} {
			if page := s.NewBrowser().Open(s.LinkOf(s.maria.ID, template)); strings.Contains(page.Body, `name="reto"`) {
				t.Errorf("the link of %s is live", template)
			}
		}
		s.Pass(73 * time.Hour)
		s.apply()
		if got := s.email(s.maria); got != s.maria.Email {
			t.Errorf("her address is %s", got)
		}
	})
}

func TestT05_ASecondChangeRestartsTheClock(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.asksChange(s.journey(), s.maria, "primera@example.ec")
		s.Pass(48 * time.Hour)
		old := s.LinkOf(s.maria.ID, "correo-nuevo")
		s.asksChange(s.journey(), s.maria, elsewhere)
		if page := s.NewBrowser().Open(old); strings.Contains(page.Body, `name="confirmar"`) {
			t.Error("the first one may still be proved")
		}
		s.press(s.LinkOf(s.maria.ID, "correo-nuevo"), "/correo/confirmar", "confirmar")
		s.Pass(48 * time.Hour)
		s.apply()
		if got := s.email(s.maria); got != s.maria.Email {
			t.Errorf("after 48 hours it is %s", got)
		}
		s.Pass(25 * time.Hour)
		s.apply()
		if got := s.email(s.maria); got != elsewhere {
			t.Errorf("after 73 hours it is %s", got)
		}
	})
}

// T05: an address that another hand has changed gets no link for 72 hours.
func TestT05_AnImportedAddressWaits(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.imported(s.maria, elsewhere)
		for _, hours := range []int{71, 73} {
			link := hours > 72
			s.Pass(time.Duration(hours) * time.Hour)
			j := s.journey()
			s.Want(j.data(j.pass(s.maria)), http.StatusSeeOther, "/generar-recuperar/enviado")
			if got := slices.Contains(s.mailsTo(s.maria, elsewhere), "enlace-generar"); got != link {
				t.Errorf("after %d hours: a link %v", hours, got)
			}
			s.Pass(-time.Duration(hours) * time.Hour)
		}
	})
}

// DEV-5, T04: right answers and a mailbox of one's own are no access within 72
// hours, whatever is tried; the owner is told at least twice.
func TestT04_RightAnswersAreNoAccess(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		thief := s.journey()
		s.asksChange(thief, s.maria, elsewhere)
		s.press(s.LinkOf(s.maria.ID, "correo-nuevo"), "/correo/confirmar", "confirmar")
		for range 3 {
			j := s.journey()
			s.Want(j.data(j.pass(s.maria)), http.StatusSeeOther, "/generar-recuperar/enviado")
			s.Pass(20 * time.Hour)
			s.apply()
		}
		s.Work()
		if got := s.mailsTo(s.maria, elsewhere); !slices.Equal(got, []string{"correo-nuevo"}) {
			t.Errorf("the thief got %q", got)
		}
		if got := s.mailsTo(s.maria, s.maria.Email); len(got) < 2 {
			t.Errorf("the owner was told %q", got)
		}
		if s.Events("clave.recovered") != 0 {
			t.Error("there is a new clave")
		}
	})
}

// S032, S064: what is typed of the contact is checked and kept; telephones count once the
// clave is set.
func TestS032_S064_ContactData(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		page := j.pass(s.diana)
		s.WantText(page, "D•••", "d•••o@e…", "•••••••05", "917")
		for _, whole := range []string{"Zambrano", s.diana.Email, "0990000005", string(diana)} {
			if strings.Contains(page.Body, whole) {
				t.Errorf("%s is on the page (D19)", whole)
			}
		}
		got := j.data(page, "correo", "no es un correo", "celular", "123", "convencional", "02-2345-678")
		s.WantText(got, "no es un correo", `value="123"`, `value="02-2345-678"`, `id="correo-error"`, `id="celular-error"`)
		s.Want(j.data(page, "correo", strings.ToUpper(s.diana.Email), "celular", "0991234567"), http.StatusSeeOther, "/generar-recuperar/enviado")
		s.Deliver()
		page = j.Open(s.LinkOf(s.diana.ID, "enlace-generar"))
		s.Want(j.confirm(page, nueva, enrolling()...), http.StatusSeeOther, "/generar-recuperar/listo")
		a, err := s.DB.Afiliado(t.Context(), s.diana.ID)
		if err != nil || a.Mobile != "+593991234567" || a.Email != s.diana.Email {
			t.Errorf("on file: %s %s, %v", a.Mobile, a.Email, err)
		}
	})
}
