package login_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/passkeytest"
	"iess.gob.ec/clave/storage"
)

// loan is what Préstamos asks for, in its order.
const loan = login.ACRPasskey + " " + login.ACR2FA + " " + login.ACRClave15

// prestamos is somebody with a passkey who has signed in by her clave and been at
// Préstamos before.
func (s *site) prestamos() (*browser, *storage.Afiliado, *passkeytest.Authenticator) {
	s.T.Helper()
	s.application("prestamos", true, "openid")
	a := s.person(cedula, clave)
	d := s.NewDevice()
	s.Enrol(d, a.ID)
	b := s.browser()
	in := b.ask("prestamos", "openid")
	s.Want(b.signIn(in.Param("id"), cedula, clave), http.StatusSeeOther, "/autorizar")
	s.Want(b.PostForm("/autorizar", url.Values{"id": {in.Param("id")}, "continuar": {"1"}}), http.StatusSeeOther, "https://prestamos.example/cb")
	s.Pass(time.Minute)
	return b, a, d
}

func (b *browser) session() *storage.Session {
	b.s.T.Helper()
	found, err := b.s.DB.SessionBySecret(b.s.T.Context(), storage.Hash(b.Cookie("session")), b.s.Time(), b.s.Time().Add(-time.Hour))
	if err != nil {
		b.s.T.Fatal(err)
	}
	return found
}

// An application that wants more than a clave gets it from whoever has a passkey:
// the page offers that first, and the session rises.
func TestPasskeyStepsUp(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, _, d := s.prestamos()
		before := b.session()
		in := b.ask("prestamos", "openid", "acr_values", loan, "acr_essential", "1")
		s.Want(in, http.StatusSeeOther, "/ingresar")
		page := b.Get(in.Location).Main()
		first, field := strings.Index(page, asksPasskey), strings.Index(page, `id="cedula"`)
		if first < 0 || field < first {
			t.Errorf("the passkey is at %d, the field of the cédula at %d; want it first", first, field)
		}
		s.Want(b.enter(in.Param("id"), d), http.StatusSeeOther, "https://prestamos.example/cb")
		after := b.session()
		if after.ID != before.ID || after.SecretHash == before.SecretHash || after.ACR != login.ACRPasskey || after.AMR != "hwk user mfa" {
			t.Errorf("got %+v, want the same session raised", after)
		}
		again := b.ask("prestamos", "openid", "acr_values", loan)
		s.Want(again, http.StatusSeeOther, "https://prestamos.example/cb")
	})
}

// Where the application insists on a passkey, she who typed her clave is asked for it
// then, and for no code, which would not do; the application gets no error.
func TestClaveThenThePasskeyThatIsInsistedOn(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.application("prestamos", true, "openid")
		a, d := s.person(cedula, clave), s.NewDevice()
		s.Enrol(d, a.ID)
		s.BindTOTP(a.ID, false)
		b := s.browser()
		page := b.atSecond(b.ask("prestamos", "openid", "acr_values", login.ACRPasskey, "acr_essential", "1").Param("id"))
		if strings.Contains(page.Body, `name="codigo"`) || !strings.Contains(page.Body, `data-llave="/ingresar/segundo/opciones"`) {
			t.Errorf("want to be asked for the passkey alone: %s", page.Main())
		}
		got := b.Post(pageSecond, "id", page.Hidden("id"), "sesion", page.Hidden("sesion"), "llave", b.ProveAt(d, pageSecond+"/opciones"))
		s.Want(got, http.StatusSeeOther, "/autorizar")
		if got := b.session(); got.ACR != login.ACRPasskey || got.AMR != "pwd hwk user mfa" {
			t.Errorf("got %+v", got)
		}
	})
}

// Whoever signs in by her clave there is let go on with what that gives, where the
// class was only wished for; nobody is asked twice.
func TestStepUpThatIsNotTakenEnds(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, _, _ := s.prestamos()
		in := b.ask("prestamos", "openid", "acr_values", login.ACRPasskey)
		s.Want(in, http.StatusSeeOther, "/ingresar")
		s.Want(b.signIn(in.Param("id"), cedula, clave), http.StatusSeeOther, "https://prestamos.example/cb")
		if got := b.session(); got.ACR != login.ACRClave {
			t.Errorf("got %q, want the clave's class", got.ACR)
		}
		silent := b.ask("prestamos", "openid", "acr_values", login.ACRPasskey, "prompt", "none")
		if got := silent.Param("error"); got != "interaction_required" {
			t.Errorf("silently: got %q", got)
		}
	})
}

// Inside a session a passkey is a whole proof, also where a code would have done: it
// is of now, whenever she typed her clave (OpenID Core 2, auth_time).
func TestASVS_7_6_1_PasskeyAsASecondStepIsAFreshProof(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, a, d := s.prestamos()
		s.BindTOTP(a.ID, false)
		s.Pass(6 * time.Minute)
		in := b.ask("prestamos", "openid", "acr_values", login.ACR2FA)
		s.Want(in, http.StatusSeeOther, pageSecond)
		page := b.Get(in.Location)
		got := b.Post(pageSecond, "id", page.Hidden("id"), "sesion", page.Hidden("sesion"), "llave", b.ProveAt(d, pageSecond+"/opciones"))
		s.Want(got, http.StatusSeeOther, "https://prestamos.example/cb")
		if after := b.session(); after.ACR != login.ACRPasskey || after.AMR != "pwd hwk user mfa" || !after.AuthAt.Equal(s.Time()) {
			t.Errorf("got %+v at %v", after, s.Time())
		}
	})
}

// A long clave is still enough for Préstamos, and nobody without a passkey is sent to
// look for one.
func TestLongClaveSatisfiesPrestamos(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.application("prestamos", true, "openid")
		s.person(another, "Archipielago1969Tortuga")
		b := s.browser()
		in := b.ask("prestamos", "openid", "acr_values", loan, "acr_essential", "1")
		s.Want(b.signIn(in.Param("id"), another, "Archipielago1969Tortuga"), http.StatusSeeOther, "/autorizar")
		s.person(cedula, clave)
		b = s.browser()
		in = b.ask("prestamos", "openid", "acr_values", loan)
		s.Want(b.signIn(in.Param("id"), cedula, clave), http.StatusSeeOther, "/autorizar")
	})
}

// prompt=login and max_age are answered by a passkey as by a clave.
func TestASVS_7_6_1_PasskeyIsAFreshProof(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, _, d := s.prestamos()
		for _, more := range [][]string{{"prompt", "login"}, {"max_age", "0"}} {
			s.Pass(time.Minute)
			in := b.ask("prestamos", "openid", more...)
			s.Want(in, http.StatusSeeOther, "/ingresar")
			s.Want(b.enter(in.Param("id"), d), http.StatusSeeOther, "https://prestamos.example/cb")
			if got := b.session(); !got.AuthAt.Equal(s.Time()) {
				t.Errorf("%v: proved at %v, want now", more, got.AuthAt)
			}
		}
	})
}

// Somebody else's passkey in the browser of a person who is signed in makes it that
// other one's: the first session ends (T14).
func TestAnotherPersonsPasskeyReplacesTheSession(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, _, _ := s.prestamos()
		before := b.session()
		other := s.person(another, clave)
		d := s.NewDevice()
		s.Enrol(d, other.ID)
		s.Want(b.enter("", d), http.StatusSeeOther, "/cuenta")
		after := b.session()
		if after.ID == before.ID || after.AfiliadoID != other.ID {
			t.Errorf("got %+v, want the other one's session", after)
		}
	})
}

// Without a passkey on file, or in a browser that has none, nothing about the clave
// has changed: the page asks for it, and script alone shows the rest.
func TestClaveNeedsNoPasskey(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		page := b.Get("/ingresar")
		if !strings.Contains(page.Body, `<div hidden data-llave`) {
			t.Error("what needs script shows without it")
		}
		s.Want(b.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
	})
}

// An issuer without a host name has no passkeys: nothing offers or takes one.
func TestIssuerWithoutHostNameHasNoPasskeys(t *testing.T) {
	s := newSite(t, "sqlite", func(c *login.Config) { c.Issuer = "http://127.0.0.1:8080" })
	b := s.browser()
	if page := b.Get("/ingresar"); strings.Contains(page.Body, "data-llave") || !strings.Contains(page.Body, `autocomplete="username"`) {
		t.Error("the page offers a passkey")
	}
	if got := b.Post("/ingresar/llave/opciones"); got.Status != http.StatusNotFound {
		t.Errorf("options: got %d, want 404", got.Status)
	}
	s.WantText(b.Post("/ingresar", "cedula", "", login.FieldPasskey, "{}"), refusedPasskey)
}
