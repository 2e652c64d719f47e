package login_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/passkeytest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

const pageOffer = "/ingresar/oferta"

// able signs in from a browser that can make a passkey.
func (b *browser) able(request string) answer {
	return b.Answering("/ingresar", "id", request, "cedula", string(cedula), "clave", clave, "puede", "1")
}

// answerOf is what the device answers to the options on a page.
func (s *site) answerOf(d *passkeytest.Authenticator, page answer) string {
	s.T.Helper()
	found := regexp.MustCompile(`data-llave-nueva="([^"]+)"`).FindStringSubmatch(page.Body)
	if found == nil {
		s.T.Fatalf("no options on the page: %d %s", page.Status, page.Location)
	}
	made, err := d.Create([]byte(html.UnescapeString(found[1])))
	if err != nil {
		s.T.Fatal(err)
	}
	return made
}

// passkeysOf counts somebody's passkeys.
func (s *site) passkeysOf(id string) int {
	s.T.Helper()
	f, err := s.DB.Factors(s.T.Context(), id, s.Time())
	if err != nil {
		s.T.Fatal(err)
	}
	return f.Passkeys
}

// In a running request the offer comes last, and keeps nobody: not now, and she is
// at the application; with prompt=none it is not made.
func TestASVS_6_3_3_OfferInARequest(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		her := s.person(cedula, clave)
		b := s.browser()
		id := b.Ask()
		s.Want(b.able(id), http.StatusSeeOther, "/autorizar")
		s.Want(b.Get(pageOffer+"?id="+id), http.StatusSeeOther, "/autorizar") // not its turn yet
		s.Want(b.Post("/autorizar", "id", id, "continuar", "1"), http.StatusSeeOther, pageOffer)
		s.Want(b.Get("/authorize?prompt=none"), http.StatusSeeOther, "https://historia.example/cb")
		page := b.Get(pageOffer + "?id=" + id)
		s.WantText(page, "App historia", `id="registrar"`, `id="ahora-no"`, `id="no-ofrecer"`)
		form := append(page.Fields(), "ahora-no", "1")
		s.Want(b.Post(pageOffer, form...), http.StatusSeeOther, "https://historia.example/cb")
		s.Want(b.Get("/authorize"), http.StatusSeeOther, "https://historia.example/cb") // once in a session
		id = b.Get("/authorize?max_age=0").Param("id")
		s.Want(b.able(id), http.StatusSeeOther, pageOffer) // and at each sign-in
		form = append(b.Get(pageOffer+"?id="+id).Fields(), "no-ofrecer", "1")
		s.Want(b.Post(pageOffer, form...), http.StatusSeeOther, "https://historia.example/cb")
		id = b.Get("/authorize?max_age=0").Param("id")
		s.Want(b.able(id), http.StatusSeeOther, "https://historia.example/cb")
		if s.passkeysOf(her.ID) != 0 || s.Events(login.EventOfferDeclined) != 1 {
			t.Error("more was done than she said")
		}
	})
}

// Without a request: declined for good, it stays so in another browser and after a
// restart, until she takes that back.
func TestASVS_6_3_3_OfferDeclinedForGood(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		her := s.person(cedula, clave)
		b := s.browser()
		s.Want(b.able(""), http.StatusSeeOther, pageOffer)
		s.Want(b.Post(pageOffer, append(b.Get(pageOffer).Fields(), "no-ofrecer", "1")...), http.StatusSeeOther, "/cuenta")
		other := &browser{s.replica().NewBrowser(), s}
		s.Want(other.able(""), http.StatusSeeOther, "/cuenta")
		s.In(func(tx *storage.Tx) error { return tx.DeclineOffer(t.Context(), her.ID, storage.Instant{}) })
		s.Want(s.browser().able(""), http.StatusSeeOther, pageOffer)
		s.Want(s.browser().Answering("/ingresar", "cedula", string(cedula), "clave", clave), http.StatusSeeOther, "/cuenta") // cannot make one
	})
}

// She takes it: the passkey is made, its notice is written, and she goes on; she is
// not offered another. What a device answers wrongly is told, and asked again.
func TestASVS_6_3_3_OfferTaken(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		her, d := s.person(cedula, clave), s.NewDevice()
		b := s.browser()
		b.able("")
		page := b.Get(pageOffer)
		lying := s.NewDevice()
		lying.Unverified = true
		page = b.Post(pageOffer, append(page.Fields(), "registrar", "1", "credencial", s.answerOf(lying, page))...)
		s.WantText(page, "No se creó la llave")
		form := append(page.Fields(), "registrar", "1", "credencial", s.answerOf(d, page))
		s.Want(b.Clone().Post(pageOffer, append(form[:2:2], "registrar", "1")...), http.StatusOK, "")
		taken := b.Post(pageOffer, form...)
		s.Want(taken, http.StatusSeeOther, "/cuenta")
		if taken.Param("llave") != "1" {
			t.Errorf("her account is not told what was done: %q", taken.Location)
		}
		if n := s.passkeysOf(her.ID); n != 1 || s.Events(login.EventPasskeyAdded) != 1 {
			t.Errorf("%d passkeys, %d told of", n, s.Events(login.EventPasskeyAdded))
		}
		s.Want(b.Post(pageOffer, form...), http.StatusSeeOther, "/cuenta") // the same form again
		s.Want(s.browser().able(""), http.StatusSeeOther, "/cuenta")
		if n := s.passkeysOf(her.ID); n != 1 {
			t.Errorf("%d passkeys", n)
		}
	})
}

// Rows are held in the order that storage names, the request's before the session's:
// another tab of the same request is waited for, and nobody waits for ever.
func TestT18_OfferHoldsTheRequestFirst(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		in := b.ask("historia", "openid")
		s.Want(b.able(in.Param("id")), http.StatusSeeOther, "/autorizar")
		s.Want(b.PostForm("/autorizar", url.Values{"id": {in.Param("id")}, "continuar": {"1"}}), http.StatusSeeOther, pageOffer)
		page := b.Get(pageOffer + "?id=" + in.Param("id"))
		var order []string
		hook := func(query string) {
			for _, row := range []string{"FROM auth_request WHERE id", "UPDATE session SET"} {
				if strings.Contains(query, row) {
					order = append(order, row)
				}
			}
		}
		s.Hook.Store(&hook)
		s.Want(b.Post(pageOffer, append(page.Fields(), "ahora-no", "1")...), http.StatusSeeOther, "https://historia.example/cb")
		s.Hook.Store(nil)
		if len(order) != 2 || order[0] != "FROM auth_request WHERE id" {
			t.Errorf("got %q", order)
		}
	})
}

// ASVS 7.5.1: the sign-in proves her for five minutes; a factor that she has wants
// to be proved itself; a page shown to somebody else does nothing.
func TestASVS_7_5_1_OfferWantsAFreshProof(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		her := s.person(cedula, clave)
		b := s.browser()
		b.able("")
		page := b.Get(pageOffer)
		form := append(page.Fields(), "registrar", "1", "credencial", s.answerOf(s.NewDevice(), page))
		swapped := s.browser()
		s.person(another, clave)
		swapped.Answering("/ingresar", "cedula", string(another), "clave", clave, "puede", "1")
		s.Want(swapped.Post(pageOffer, form...), http.StatusSeeOther, pageOffer) // her own
		s.Want(s.browser().Post(pageOffer, form...), http.StatusSeeOther, "/ingresar")
		s.Pass(5*time.Minute + time.Second)
		got := b.Post(pageOffer, form...)
		s.WantText(got, "más de cinco minutos")
		if strings.Contains(got.Body, `id="registrar"`) {
			t.Error("it is offered all the same")
		}
		s.Want(b.Get(pageOffer), http.StatusSeeOther, "/cuenta")
		s.Want(b.Post(pageOffer, append(got.Fields(), "ahora-no", "1")...), http.StatusSeeOther, "/cuenta")
		_, err := storagetest.Raw(t, s.Database).ExecContext(t.Context(), `INSERT INTO totp (afiliado_id, secret, created_at, confirmed_at)
			VALUES ('`+her.ID+`', '', 1, 1)`)
		if err != nil {
			t.Fatal(err)
		}
		s.Want(s.browser().able(""), http.StatusSeeOther, "/cuenta")
		if n := s.passkeysOf(her.ID); n != 0 {
			t.Errorf("%d passkeys", n)
		}
	})
}
