package cuenta_test

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

const another = "maria.otra@example.ec"

// mailsTo are the templates of what went to an address of a person, oldest first.
func (s *site) mailsTo(who storage.Afiliado, address string) []string {
	s.T.Helper()
	s.Work()
	var out []string
	for _, m := range s.Mails(who.ID) {
		if m.Recipient == address {
			out = append(out, m.Template)
		}
	}
	return out
}

func (s *site) email(who storage.Afiliado) string {
	s.T.Helper()
	a, err := s.DB.Afiliado(s.T.Context(), who.ID)
	if err != nil {
		s.T.Fatal(err)
	}
	return a.Email
}

// further are her further addresses.
func (s *site) further(who storage.Afiliado) []storage.EmailAddress {
	s.T.Helper()
	all, err := s.DB.EmailAddresses(s.T.Context(), who.ID)
	if err != nil {
		s.T.Fatal(err)
	}
	return all
}

// contact sends a form of her contact page, no two within the moment in which they would
// be the same form.
func (s *site) contact(b *logintest.Browser, who storage.Afiliado, path string, pairs ...string) logintest.Answer {
	s.Pass(10 * time.Second)
	return b.Post("/cuenta/contacto"+path, append([]string{"sesion", mark(who)}, pairs...)...)
}

func (s *site) says(b *logintest.Browser, got logintest.Answer, done string) {
	s.T.Helper()
	s.Want(got, http.StatusSeeOther, "/cuenta/contacto")
	if got.Param("hecho") != done {
		s.T.Errorf("told %q, want %q", got.Param("hecho"), done)
	}
	s.WantText(b.Get(got.Location), `role="status"`)
}

// adds adds an address, proves it by the link of its mail, and returns it.
func (s *site) adds(b *logintest.Browser, who storage.Afiliado, email string) storage.EmailAddress {
	s.T.Helper()
	s.says(b, s.contact(b, who, "/correo", "correo", email), "correo-enviado")
	s.Deliver()
	page := b.Open(s.LinkOf(who.ID, "correo-otro"))
	s.WantText(page, email)
	s.says(b, s.contact(b, who, "/correo/confirmar"), "correo-agregado")
	all := s.further(who)
	return all[slices.IndexFunc(all, func(e storage.EmailAddress) bool { return e.Email == email })]
}

func (s *site) applies() {
	s.T.Helper()
	if err := s.account.Contacts.Apply(s.T.Context(), s.Time()); err != nil {
		s.T.Fatal(err)
	}
}

// fresh proves once more who she is.
func (s *site) fresh(b *logintest.Browser, who storage.Afiliado) {
	s.T.Helper()
	b.Get("/ingresar")
	s.Want(b.Post("/ingresar", "cedula", string(who.Identifier), "clave", clave), http.StatusSeeOther, "/cuenta")
}

// ASVS 6.3.7, DEV-7: a further address gets nothing but its proof until it is proved;
// from then on it is told what the first is, of its own addition first.
func TestASVS_6_3_7_AFurtherAddressIsProvedAndTold(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		s.says(b, s.contact(b, s.maria, "/correo", "correo", another), "correo-enviado")
		s.says(b, s.contact(b, s.maria, "/telefonos", "celular", "0991112223"), "telefonos")
		if got := s.mailsTo(s.maria, another); !slices.Equal(got, []string{"correo-otro"}) {
			t.Errorf("unproved, it got %q", got)
		}
		if slices.Contains(s.mailsTo(s.maria, s.maria.Email), "correo-agregado") {
			t.Error("its addition is told before it is proved")
		}
		s.Deliver()
		link := s.LinkOf(s.maria.ID, "correo-otro")
		s.Want(s.NewBrowser().Open(link), http.StatusSeeOther, "/ingresar") // elsewhere: after sign-in
		other := s.enter(s.luis)
		s.Want(other.Open(link), http.StatusSeeOther, "/cuenta/contacto") // not hers
		s.says(other, s.contact(other, s.luis, "/correo/confirmar"), "correo-vencido")
		if !s.further(s.maria)[0].ProvedAt.IsZero() {
			t.Fatal("somebody else proved it")
		}
		elsewhere := s.enter(s.maria)
		s.WantText(elsewhere.Open(link), another)
		s.says(elsewhere, s.contact(elsewhere, s.maria, "/correo/confirmar"), "correo-agregado")
		s.says(elsewhere, s.contact(elsewhere, s.maria, "/correo/confirmar"), "correo-vencido")
		s.says(elsewhere, s.contact(elsewhere, s.maria, "/telefonos", "convencional", "022345678"), "telefonos")
		for _, address := range []string{s.maria.Email, another} {
			got := s.mailsTo(s.maria, address)
			if !slices.Contains(got, "correo-agregado") || !slices.Contains(got, "telefonos-cambiados") {
				t.Errorf("%s was told %q", address, got)
			}
		}
		for _, m := range s.Mails(s.maria.ID) {
			if (m.Template == "correo-agregado" || m.Template == "telefonos-cambiados") && m.LinkID == "" {
				t.Errorf("%s of %s offers no way to object", m.Recipient, m.Template)
			}
		}
		e := s.further(s.maria)[0]
		s.says(elsewhere, s.contact(elsewhere, s.maria, "/correo/quitar", "direccion", e.ID), "correo-quitado")
		for _, address := range []string{s.maria.Email, another} {
			if got := s.mailsTo(s.maria, address); !slices.Contains(got, "correo-quitado") {
				t.Errorf("%s was not told that it was removed: %q", address, got)
			}
		}
	})
}

// What is typed is checked; addresses are few; another person's are nobody else's.
func TestContactIsChecked(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, other := s.enter(s.maria), s.enter(s.luis)
		for typed, fault := range map[string]string{
			"": "Escriba un correo", "no es": "Revise el correo", strings.ToUpper(s.maria.Email): "ya está en su cuenta", "a@b.example\r\nBcc: c@d.example": "Revise el correo",
		} {
			s.WantText(s.contact(b, s.maria, "/correo", "correo", typed), fault)
		}
		s.WantText(s.contact(b, s.maria, "/telefonos", "celular", "123", "convencional", "x"), `id="celular-error"`, `id="convencional-error"`, `value="123"`)
		s.WantText(s.contact(b, s.maria, "/telefonos", "celular", "", "convencional", ""), "al menos un teléfono")
		s.says(b, s.contact(b, s.maria, "/telefonos", "celular", "+593 99 111 2223"), "telefonos")
		s.says(b, s.contact(b, s.maria, "/telefonos", "celular", "0991112223", "convencional", ""), "telefonos-iguales")
		e := s.adds(b, s.maria, another)
		for _, path := range []string{"/correo/quitar", "/correo/principal", "/correo/enviar"} {
			s.says(other, s.contact(other, s.luis, path, "direccion", e.ID), "correo-nada")
		}
		if got := s.further(s.maria); len(got) != 1 || s.email(s.luis) != s.luis.Email {
			t.Errorf("somebody else's form had an effect: %+v", got)
		}
		if strings.Contains(other.Get("/cuenta/contacto").Body, another) {
			t.Error("her address is on the page of somebody else")
		}
		s.says(b, s.contact(b, s.maria, "/correo/principal", "direccion", "none"), "correo-nada")
		s.says(b, s.contact(b, s.maria, "/correo", "correo", "typo@example.ec"), "correo-enviado")
		s.WantText(s.contact(b, s.maria, "/correo/codigo", "codigo_mensaje", "1234"), "ocho números")
		code := s.DB.LinkCode(s.LinkOf(s.maria.ID, "correo-otro").ID)
		wrong := "0000 0000"
		if code == "00000000" {
			wrong = "0000 0001"
		}
		s.WantText(s.contact(b, s.maria, "/correo/codigo", "codigo_mensaje", wrong), "no coincide")
		s.fresh(b, s.maria)
		s.says(b, s.contact(b, s.maria, "/correo/codigo", "codigo_mensaje", code[:4]+" "+code[4:]), "correo-agregado")
		s.says(b, s.contact(b, s.maria, "/correo/codigo", "codigo_mensaje", code), "correo-nada") // in another tab
		a, err := s.DB.Afiliado(t.Context(), s.maria.ID)
		if err != nil || a.PhoneVerified {
			t.Error(err)
		}
	})
}

// ASVS 6.5.4: five wrong codes, and only the link proves it.
func TestASVS_6_5_4_CodesOfAnAddressAreFew(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		s.says(b, s.contact(b, s.maria, "/correo", "correo", another), "correo-enviado")
		code := s.DB.LinkCode(s.LinkOf(s.maria.ID, "correo-otro").ID)
		for i := range 5 {
			s.WantText(s.contact(b, s.maria, "/correo/codigo", "codigo_mensaje", []string{"11111111", "22222222", "33333333", "44444444", "55555555"}[i]), "no coincide")
		}
		s.WantText(s.contact(b, s.maria, "/correo/codigo", "codigo_mensaje", code), "no coincide")
		b.Open(s.LinkOf(s.maria.ID, "correo-otro"))
		s.fresh(b, s.maria)
		s.says(b, s.contact(b, s.maria, "/correo/confirmar"), "correo-agregado")
	})
}

// D18, T05 in session: an address of less than 72 hours becomes the first after 72
// hours only, not at 71:59; meanwhile both are told, links wait, and she may cancel.
func TestD18_T05_AnAddressWaitsInSession(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		e := s.adds(b, s.maria, another)
		s.says(b, s.contact(b, s.maria, "/correo/principal", "direccion", e.ID), "correo-pedido")
		s.WantText(b.Get("/cuenta/contacto"), "podrá usarse como principal desde el", "/cuenta/contacto/correo/cancelar")
		s.Deliver()
		for _, address := range []string{s.maria.Email, another} {
			if got := s.mailsTo(s.maria, address); !slices.Contains(got, "correo-viejo") {
				t.Errorf("%s was told %q", address, got)
			}
		}
		ready, err := s.DB.OpenContactChange(t.Context(), s.maria.ID)
		if err != nil {
			t.Fatal(err)
		}
		s.says(b, s.contact(b, s.maria, "/correo/principal", "direccion", e.ID), "correo-nada") // her clock goes on
		s.SetTime(ready.ReadyAt.Add(-time.Minute))                                              // T+71:59
		s.applies()
		if got := s.email(s.maria); got != s.maria.Email {
			t.Errorf("at 71:59 links would go to %s", got)
		}
		s.SetTime(ready.ReadyAt.Time)
		s.applies()
		if got := s.email(s.maria); got != another {
			t.Errorf("at 72:00 it is %s", got)
		}
		if got := s.further(s.maria); len(got) != 1 || got[0].Email != s.maria.Email {
			t.Errorf("the former is not among hers: %+v", got)
		}
		s.imports(s.maria.Email)
		if got := s.email(s.maria); got != another {
			t.Errorf("an import of what the registry has always said made it %s", got)
		}
		for _, address := range []string{s.maria.Email, another} {
			if got := s.mailsTo(s.maria, address); !slices.Contains(got, "correo-aplicado") {
				t.Errorf("%s was told %q", address, got)
			}
		}
	})
}

// T05: cancelled at 71 hours it never counts; a second wish begins the clock anew.
func TestT05_CancelledAndAskedAnewInSession(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		first, second := s.adds(b, s.maria, another), s.adds(b, s.maria, "maria.tercera@example.ec")
		s.says(b, s.contact(b, s.maria, "/correo/principal", "direccion", first.ID), "correo-pedido")
		s.Deliver()
		began := s.Time()
		s.Pass(48 * time.Hour)
		b = s.enter(s.maria)
		s.says(b, s.contact(b, s.maria, "/correo/principal", "direccion", second.ID), "correo-pedido")
		s.Deliver()
		s.SetTime(began.Add(73 * time.Hour))
		s.applies()
		if got := s.email(s.maria); got != s.maria.Email {
			t.Errorf("after 73 hours of the first wish it is %s", got)
		}
		s.SetTime(began.Add((48 + 71) * time.Hour))
		b = s.enter(s.maria)
		s.says(b, s.contact(b, s.maria, "/correo/cancelar"), "correo-cancelado")
		s.says(b, s.contact(b, s.maria, "/correo/cancelar"), "correo-nada")
		s.Pass(100 * time.Hour)
		s.applies()
		if got := s.email(s.maria); got != s.maria.Email {
			t.Errorf("cancelled, it is %s", got)
		}
		if _, err := s.DB.OpenContactChange(t.Context(), s.maria.ID); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("it is still open: %v", err)
		}
	})
}

// D18: an address that has been hers for 72 hours, and told of, becomes the first at
// once; the wait is then over for links, too.
func TestD18_ARipeAddressNeedsNoWait(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		e := s.adds(b, s.maria, another)
		s.SetTime(e.ProvedAt.Add(72*time.Hour - time.Minute))
		b = s.enter(s.maria)
		s.says(b, s.contact(b, s.maria, "/correo/principal", "direccion", e.ID), "correo-pedido")
		s.says(b, s.contact(b, s.maria, "/correo/cancelar"), "correo-cancelado")
		s.SetTime(e.ProvedAt.Add(72 * time.Hour))
		s.says(b, s.contact(b, s.maria, "/correo/principal", "direccion", e.ID), "correo-principal")
		if got := s.email(s.maria); got != another {
			t.Errorf("it is %s", got)
		}
		s.In(func(tx *storage.Tx) error {
			a, err := tx.LockAfiliado(t.Context(), s.maria.ID)
			if err != nil {
				return err
			}
			ready, _, err := s.account.Contacts.Held(t.Context(), tx, a, s.Time())
			if !ready.IsZero() {
				t.Errorf("links wait until %v", ready)
			}
			return err
		})
		for _, address := range []string{s.maria.Email, another} {
			if got := s.mailsTo(s.maria, address); !slices.Contains(got, "correo-aplicado") {
				t.Errorf("%s was told %q", address, got)
			}
		}
		if n := s.Events("contact.changed"); n != 1 {
			t.Errorf("%d rows of the audit", n)
		}
	})
}

// D18: a passkey stands for the approval of the mailbox before.
func TestD18_APasskeyNeedsNoWait(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		e := s.adds(b, s.maria, another)
		d := s.NewDevice()
		s.Enrol(d, s.maria.ID)
		s.Pass(6 * time.Minute)
		form := []string{"direccion", e.ID, "confirmar", "1", "clave", "", login.FieldPasskey, b.Prove(d, "para", "sesion")}
		s.says(b, s.contact(b, s.maria, "/correo/principal", form...), "correo-principal")
		if got := s.email(s.maria); got != another {
			t.Errorf("it is %s", got)
		}
		for _, address := range []string{s.maria.Email, another} {
			if got := s.mailsTo(s.maria, address); !slices.Contains(got, "correo-aplicado") {
				t.Errorf("%s was told %q", address, got)
			}
		}
	})
}

// D18: the mailbox of before cuts the wait short.
func TestD18_TheFormerMailboxApprovesInSession(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		e := s.adds(b, s.maria, another)
		s.says(b, s.contact(b, s.maria, "/correo/principal", "direccion", e.ID), "correo-pedido")
		s.Deliver()
		owner := s.NewBrowser()
		open, err := s.DB.OpenContactChange(t.Context(), s.maria.ID)
		if err != nil {
			t.Fatal(err)
		}
		var link *storage.Link
		for _, m := range s.Mails(s.maria.ID) {
			if m.Template == "correo-viejo" && strings.HasPrefix(m.LinkID, open.ID) {
				if m.Recipient != s.maria.Email {
					t.Errorf("%s may approve", m.Recipient)
				}
				if link, err = s.DB.Link(t.Context(), m.LinkID); err != nil {
					t.Fatal(err)
				}
			}
		}
		page := owner.Open(link)
		s.Want(owner.Post(login.PageApprove, "aprobar", "1", "reto", owner.Ticket(page)), http.StatusSeeOther, "/correo/listo")
		if got := s.email(s.maria); got != another {
			t.Errorf("approved, it is %s", got)
		}
	})
}

// T05: "No fui yo" below the notice of an address removes it, cancels what it was to
// become, and closes the account.
func TestT05_NoFuiYoRemovesAnAddedAddress(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		thief := s.enter(s.maria)
		e := s.adds(thief, s.maria, "ladron@example.ec")
		s.Work()
		s.Deliver()
		owner := s.NewBrowser()
		s.WantText(owner.Open(s.LinkOf(s.maria.ID, "correo-agregado")), "Se agregó un correo a su cuenta", "Quitaremos los correos que se agregaron desde el")
		s.says(thief, s.contact(thief, s.maria, "/correo/principal", "direccion", e.ID), "correo-pedido")
		s.Deliver()
		page := owner.Open(s.LinkOf(s.maria.ID, "correo-agregado"))
		s.Want(owner.Post("/no-fui-yo", "no-fui-yo", "1", "reto", owner.Ticket(page)), http.StatusSeeOther, "/no-fui-yo/listo")
		if got := s.further(s.maria); len(got) != 0 {
			t.Errorf("it is still hers: %+v", got)
		}
		s.Pass(80 * time.Hour)
		s.applies()
		if got := s.email(s.maria); got != s.maria.Email {
			t.Errorf("it is %s", got)
		}
	})
}

// imports takes maria's data from the registry, with that address.
func (s *site) imports(address string) {
	s.T.Helper()
	file := "cedula,nombres,apellidos,fecha_nacimiento,correo,tipo_asegurado,estado,huella\n" + strings.Join([]string{
		string(s.maria.Identifier), s.maria.GivenName, s.maria.FamilyName, s.maria.Birthdate, address, "afiliado", "activa", "si",
	}, ",") + "\n"
	report, err := s.DB.ImportAfiliados(s.T.Context(), strings.NewReader(file), storage.ImportOptions{Identifier: login.ParseIdentifier, Now: s.Time})
	if err != nil || report.Refused > 0 {
		s.T.Fatalf("got %+v, %v", report, err)
	}
}
