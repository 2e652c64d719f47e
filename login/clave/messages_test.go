package clave_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

const mensajes = login.PageMessages

// write puts a notice to a person into the outbox.
func (s *site) write(to *storage.Afiliado, m templates.Mail, more ...func(*storage.Message)) storage.Message {
	s.T.Helper()
	data, err := json.Marshal(m)
	if err != nil {
		s.T.Fatal(err)
	}
	out := storage.Message{
		ID: storage.NewID(), AfiliadoID: to.ID, Template: m.Template(), Recipient: to.Email, Data: data, CreatedAt: storage.At(s.Time()),
	}
	for _, f := range more {
		f(&out)
	}
	s.In(func(tx *storage.Tx) error { return tx.Enqueue(s.T.Context(), out) })
	return out
}

// end leases what is due, the one message that waits, and lets f say what becomes of it.
func (s *site) end(f func(tx *storage.Tx, m storage.Message) error) {
	s.T.Helper()
	all, err := s.DB.LeaseMessages(s.T.Context(), 10, s.Time(), s.Time().Add(time.Minute))
	if err != nil || len(all) != 1 {
		s.T.Fatalf("leased %d, %v; want one", len(all), err)
	}
	s.In(func(tx *storage.Tx) error { return f(tx, all[0]) })
}

// items are the messages on the mensajes, from the first.
func items(got answer) []string {
	main, _, _ := strings.Cut(got.Main(), "</main>")
	return strings.Split(main, "<h3>")[1:]
}

// T05, T06: whoever is signed in sees the state of the mails to her, masked, and
// nothing that a mail opens with.
func TestT05_MessagesShowWhatBecameOfEach(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		ctx := t.Context()
		other := *s.who
		other.ID, other.Identifier, other.Email = storage.NewID(), "1059999910", "otra.persona@ajeno.example"
		s.In(func(tx *storage.Tx) error { return tx.AddAfiliado(ctx, other) })
		s.write(&other, templates.MailAccountDisabled{Name: "Ajena", When: s.Time()})
		s.end(func(tx *storage.Tx, m storage.Message) error { return tx.MarkSent(ctx, m, "hash", s.Time()) })

		b := s.browser()
		b.signIn("", old)
		s.WantText(b.Get(mensajes), "Aún no hay mensajes", "Cerrar sesión")

		link := storage.Link{ID: storage.NewID(), Purpose: storage.LinkNoFuiYo, AfiliadoID: s.who.ID, CreatedAt: storage.At(s.Time()), Life: time.Hour, LatestAt: storage.At(s.Time().Add(time.Hour))}
		s.In(func(tx *storage.Tx) error { return tx.AddLink(ctx, link) })
		s.write(s.who, templates.MailClaveLocked{Name: "Carlos", When: s.Time()}, func(m *storage.Message) { m.LinkID = link.ID })
		s.Pass(time.Minute)
		s.end(func(tx *storage.Tx, m storage.Message) error { return tx.MarkSent(ctx, m, "hash", s.Time()) })
		s.write(s.who, templates.MailClaveUnlocked{When: s.Time()})
		s.end(func(tx *storage.Tx, m storage.Message) error { return tx.ExpireMessage(ctx, m, s.Time()) })
		s.Pass(time.Minute)
		s.write(s.who, templates.MailClaveRenewed{When: s.Time()})
		s.end(func(tx *storage.Tx, m storage.Message) error { return tx.FailMessage(ctx, m, "552", s.Time()) })
		s.Pass(time.Minute)
		s.write(s.who, templates.MailRenewalDue{Days: 7})
		s.end(func(tx *storage.Tx, m storage.Message) error {
			return tx.RetryMessage(ctx, m, "451", s.Time().Add(time.Hour))
		})
		s.Pass(time.Minute)
		s.write(s.who, templates.MailClaveChanged{When: s.Time()})

		got := b.Get(mensajes)
		s.Want(got, http.StatusOK, "")
		if got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("Cache-Control %q", got.Header.Get("Cache-Control"))
		}
		shown := items(got)
		for i, want := range []string{
			"Su clave del IESS cambió|Por salir", "está por vencer|Esperando: lo intentamos de nuevo", "se renovó|No se pudo entregar<",
			"se desbloqueó|Venció antes de poder enviarse", "está bloqueada|Entregado al servidor de correo a las 10:01",
		} {
			for part := range strings.SplitSeq(want+"|para c•••a@c…", "|") {
				if len(shown) != 5 || !strings.Contains(shown[i], part) {
					t.Errorf("message %d of %d lacks %q", i, len(shown), part)
				}
			}
		}
		for what, secret := range map[string]string{
			"the address": s.who.Email, "another's address": "@a…", "another's mail": "deshabilitada", "a token": s.DB.LinkToken(link.ID),
			"a code": s.DB.LinkCode(link.ID), "a link's id": link.ID, "a link": "/enlace/",
		} {
			if strings.Contains(got.Body, secret) {
				t.Errorf("%s is on the page", what)
			}
		}
		s.WantText(b.Get(mensajes+"?ui_locales=en"), "Your IESS clave is locked", "Delivered to the mail server at 10:01", "Sign out")
	})
}

// T05: an address that takes no mail is told of, with the ways to mend it; so is
// none at all.
func TestT05_MessagesTellOfAnAddressThatTakesNoMail(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.signIn("", old)
		s.write(s.who, templates.MailClaveChanged{When: s.Time()})
		s.end(func(tx *storage.Tx, m storage.Message) error {
			if err := tx.FailMessage(t.Context(), m, "550", s.Time()); err != nil {
				return err
			}
			return tx.SuppressAddress(t.Context(), m.Recipient, "550", s.Time(), s.Time().Add(time.Hour))
		})
		s.Pass(time.Minute)
		s.write(s.who, templates.MailClaveLocked{When: s.Time()})
		s.end(func(tx *storage.Tx, m storage.Message) error { return tx.SuppressMessage(t.Context(), m, s.Time()) })
		got := b.Get(mensajes)
		s.WantText(got, "Su correo c•••a@c… no recibe nuestros mensajes", "/ayuda#cau")
		for _, item := range items(got) {
			if !strings.Contains(item, "la dirección no lo recibe") {
				t.Errorf("got %q", item)
			}
		}
		s.change(func(a *storage.Afiliado) { a.Email = "" })
		b = s.browser()
		b.Post("/ingresar", "cedula", string(s.who.Identifier), "clave", old)
		s.WantText(b.Get(mensajes), "No tenemos un correo suyo", "Aún no hay mensajes", "/ayuda#cau")
	})
}

// T19: a message that does not open is told of as far as it can be, and hides no
// other; the list ends after twenty.
func TestT19_AMessageThatDoesNotOpenHidesNoOther(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		keys := storagetest.Keys()
		keys.Current, keys.Seal["later"] = "later", bytes.Repeat([]byte{7}, 32)
		elsewhere, err := storage.Open(t.Context(), storage.Config{URL: s.Database, Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { elsewhere.Close() })
		for range 19 {
			s.write(s.who, templates.MailRenewalDue{Days: 1})
		}
		s.Pass(time.Minute)
		storagetest.InTx(t, elsewhere, func(tx *storage.Tx) error {
			return tx.Enqueue(t.Context(), storage.Message{AfiliadoID: s.who.ID, Template: "de-otra-version", Recipient: s.who.Email, CreatedAt: storage.At(s.Time())})
		})
		s.Pass(time.Minute)
		s.write(s.who, templates.MailClaveChanged{When: s.Time()})
		b := s.browser()
		b.signIn("", old)
		got := items(b.Get(mensajes))
		if len(got) != 20 || !strings.Contains(got[0], "cambió") || !strings.Contains(got[1], "Mensaje de Clave IESS") || strings.Contains(got[1], "para ") ||
			!strings.Contains(got[19], "por vencer") {
			t.Errorf("got %d messages: %q", len(got), got)
		}
	})
}

// S095, contract 7: without a session the page leads to the login form and, after
// it, back; nothing else that a cookie says is obeyed.
func TestS095_MessagesWithoutASessionLeadToTheLoginAndBack(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		b := s.browser()
		s.Want(b.Get(mensajes), http.StatusSeeOther, "/ingresar")
		s.Want(b.signIn("", nueva), http.StatusOK, "") // a wrong clave loses nothing
		s.Want(b.signIn("", old), http.StatusSeeOther, mensajes)
		s.WantText(b.Get(mensajes), "Mensajes que le enviamos", `form="cerrar-sesion"`)
		s.Want(b.signIn("", old), http.StatusSeeOther, "/cuenta") // once
		s.WantText(b.Get("/"), `href="`+mensajes+`"`)
		s.Want(b.Do(http.MethodPost, mensajes, ""), http.StatusMethodNotAllowed, "")
		s.Pass(16 * time.Minute)
		s.Want(b.Get(mensajes), http.StatusSeeOther, "/ingresar") // the session is over

		s.Want(s.browser().signIn("", old), http.StatusSeeOther, "/cuenta")
		b = s.browser()
		for _, forged := range []string{"//otro.example/", "https://otro.example/", "/ayuda", mensajes + "/.."} {
			b.SetCookie("destino", forged)
			s.Want(b.signIn("", old), http.StatusSeeOther, "/cuenta")
		}
		if strings.Contains(s.browser().Get("/").Body, mensajes) {
			t.Error("a stranger is offered the page")
		}
	})
}

// S092, S095: the way there may lead by a clave that is due.
func TestS092_S095_MessagesComeAfterARenewal(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.Get(mensajes)
		s.Want(b.signIn("", old), http.StatusSeeOther, "/renovar")
		s.Want(b.renew("", nueva), http.StatusSeeOther, mensajes)
		s.WantText(b.Get(mensajes), "Mensajes que le enviamos")
	})
}
