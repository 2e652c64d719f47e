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
	s.t.Helper()
	data, err := json.Marshal(m)
	if err != nil {
		s.t.Fatal(err)
	}
	out := storage.Message{
		ID: storage.NewID(), AfiliadoID: to.ID, Template: m.Template(), Recipient: to.Email, Data: data, CreatedAt: storage.At(s.now()),
	}
	for _, f := range more {
		f(&out)
	}
	s.in(func(tx *storage.Tx) error { return tx.Enqueue(s.t.Context(), out) })
	return out
}

// end leases what is due, the one message that waits, and lets f say what becomes of it.
func (s *site) end(f func(tx *storage.Tx, m storage.Message) error) {
	s.t.Helper()
	all, err := s.DB.LeaseMessages(s.t.Context(), 10, s.now(), s.now().Add(time.Minute))
	if err != nil || len(all) != 1 {
		s.t.Fatalf("leased %d, %v; want one", len(all), err)
	}
	s.in(func(tx *storage.Tx) error { return f(tx, all[0]) })
}

// items are the messages on the mensajes, from the first.
func items(got answer) []string { return strings.Split(main(got.body), "<h3>")[1:] }

// T05, T06: whoever is signed in sees the state of the mails to her, masked, and
// nothing that a mail opens with.
func TestT05_MessagesShowWhatBecameOfEach(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		ctx := t.Context()
		other := *s.who
		other.ID, other.Identifier, other.Email = storage.NewID(), "1059999910", "otra.persona@ajeno.example"
		s.in(func(tx *storage.Tx) error { return tx.AddAfiliado(ctx, other) })
		s.write(&other, templates.MailAccountDisabled{Name: "Ajena", When: s.now()})
		s.end(func(tx *storage.Tx, m storage.Message) error { return tx.MarkSent(ctx, m, "hash", s.now()) })

		b := s.browser()
		b.signIn("", old)
		s.wantText(b.get(mensajes), "Aún no hay mensajes", "Cerrar sesión")

		link := storage.Link{ID: storage.NewID(), Purpose: storage.LinkNoFuiYo, AfiliadoID: s.who.ID, CreatedAt: storage.At(s.now()), Life: time.Hour, LatestAt: storage.At(s.now().Add(time.Hour))}
		s.in(func(tx *storage.Tx) error { return tx.AddLink(ctx, link) })
		s.write(s.who, templates.MailClaveLocked{Name: "Carlos", When: s.now()}, func(m *storage.Message) { m.LinkID = link.ID })
		s.pass(time.Minute)
		s.end(func(tx *storage.Tx, m storage.Message) error { return tx.MarkSent(ctx, m, "hash", s.now()) })
		s.write(s.who, templates.MailClaveUnlocked{When: s.now()})
		s.end(func(tx *storage.Tx, m storage.Message) error { return tx.ExpireMessage(ctx, m, s.now()) })
		s.pass(time.Minute)
		s.write(s.who, templates.MailClaveRenewed{When: s.now()})
		s.end(func(tx *storage.Tx, m storage.Message) error { return tx.FailMessage(ctx, m, "552", s.now()) })
		s.pass(time.Minute)
		s.write(s.who, templates.MailRenewalDue{Days: 7})
		s.end(func(tx *storage.Tx, m storage.Message) error {
			return tx.RetryMessage(ctx, m, "451", s.now().Add(time.Hour))
		})
		s.pass(time.Minute)
		s.write(s.who, templates.MailClaveChanged{When: s.now()})

		got := b.get(mensajes)
		s.want(got, http.StatusOK, "")
		if got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("Cache-Control %q", got.header.Get("Cache-Control"))
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
			if strings.Contains(got.body, secret) {
				t.Errorf("%s is on the page", what)
			}
		}
		s.wantText(b.get(mensajes+"?ui_locales=en"), "Your IESS clave is locked", "Delivered to the mail server at 10:01", "Sign out")
	})
}

// T05: an address that takes no mail is told of, with the ways to mend it; so is
// none at all.
func TestT05_MessagesTellOfAnAddressThatTakesNoMail(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.signIn("", old)
		s.write(s.who, templates.MailClaveChanged{When: s.now()})
		s.end(func(tx *storage.Tx, m storage.Message) error {
			if err := tx.FailMessage(t.Context(), m, "550", s.now()); err != nil {
				return err
			}
			return tx.SuppressAddress(t.Context(), m.Recipient, "550", s.now(), s.now().Add(time.Hour))
		})
		s.pass(time.Minute)
		s.write(s.who, templates.MailClaveLocked{When: s.now()})
		s.end(func(tx *storage.Tx, m storage.Message) error { return tx.SuppressMessage(t.Context(), m, s.now()) })
		got := b.get(mensajes)
		s.wantText(got, "Su correo c•••a@c… no recibe nuestros mensajes", "/ayuda#cau")
		for _, item := range items(got) {
			if !strings.Contains(item, "la dirección no lo recibe") {
				t.Errorf("got %q", item)
			}
		}
		s.change(func(a *storage.Afiliado) { a.Email = "" })
		b = s.browser()
		b.post("/ingresar", "cedula", string(s.who.Identifier), "clave", old)
		s.wantText(b.get(mensajes), "No tenemos un correo suyo", "Aún no hay mensajes", "/ayuda#cau")
	})
}

// T19: a message that does not open is told of as far as it can be, and hides no
// other; the list ends after twenty.
func TestT19_AMessageThatDoesNotOpenHidesNoOther(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		keys := storagetest.Keys()
		keys.Current, keys.Seal["later"] = "later", bytes.Repeat([]byte{7}, 32)
		elsewhere, err := storage.Open(t.Context(), storage.Config{URL: s.dbURL, Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { elsewhere.Close() })
		for range 19 {
			s.write(s.who, templates.MailRenewalDue{Days: 1})
		}
		s.pass(time.Minute)
		storagetest.InTx(t, elsewhere, func(tx *storage.Tx) error {
			return tx.Enqueue(t.Context(), storage.Message{AfiliadoID: s.who.ID, Template: "de-otra-version", Recipient: s.who.Email, CreatedAt: storage.At(s.now())})
		})
		s.pass(time.Minute)
		s.write(s.who, templates.MailClaveChanged{When: s.now()})
		b := s.browser()
		b.signIn("", old)
		got := items(b.get(mensajes))
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
		s.want(b.get(mensajes), http.StatusSeeOther, "/ingresar")
		s.want(b.signIn("", nueva), http.StatusOK, "") // a wrong clave loses nothing
		s.want(b.signIn("", old), http.StatusSeeOther, mensajes)
		s.wantText(b.get(mensajes), "Mensajes que le enviamos", `form="cerrar-sesion"`)
		s.want(b.signIn("", old), http.StatusSeeOther, "/") // once
		s.wantText(b.get("/"), `href="`+mensajes+`"`)
		s.want(b.do(http.MethodPost, mensajes, ""), http.StatusMethodNotAllowed, "")
		s.pass(16 * time.Minute)
		s.want(b.get(mensajes), http.StatusSeeOther, "/ingresar") // the session is over

		s.want(s.browser().signIn("", old), http.StatusSeeOther, "/")
		b = s.browser()
		for _, forged := range []string{"//otro.example/", "https://otro.example/", "/ayuda", mensajes + "/.."} {
			b.setCookie("destino", forged)
			s.want(b.signIn("", old), http.StatusSeeOther, "/")
		}
		if strings.Contains(s.browser().get("/").body, mensajes) {
			t.Error("a stranger is offered the page")
		}
	})
}

// S092, S095: the way there may lead by a clave that is due.
func TestS092_S095_MessagesComeAfterARenewal(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.get(mensajes)
		s.want(b.signIn("", old), http.StatusSeeOther, "/renovar")
		s.want(b.renew("", nueva), http.StatusSeeOther, mensajes)
		s.wantText(b.get(mensajes), "Mensajes que le enviamos")
	})
}
