package login_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
)

const denied = "La cédula o la clave no coinciden, o la clave está bloqueada"

// One login serves every application (S001), each told once what it receives.
func TestS001_OneLoginServesTheNextApplication(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		s.application("prestamos", true, "openid cedula")
		b := s.browser()
		first := b.ask("historia", "openid profile")
		s.Want(first, http.StatusSeeOther, "/ingresar")
		if page := b.Get(first.Location); page.Status != http.StatusOK || !strings.Contains(page.Body, "App historia") ||
			!strings.Contains(strings.Join(page.Header["Content-Security-Policy"], "; "), "https://historia.example") {
			t.Errorf("login page: %d %q", page.Status, page.Header["Content-Security-Policy"])
		}
		before := s.Commits.Load()
		notice := b.signIn(first.Param("id"), cedula, clave)
		s.Want(notice, http.StatusSeeOther, "/autorizar")
		if n := s.Commits.Load() - before; n != 2 {
			t.Errorf("signing in took %d commits, want 2", n)
		}
		if page := b.Get(notice.Location); !strings.Contains(page.Body, "María Fernanda Quishpe Andrade") {
			t.Error("the notice does not show the person's own values")
		}
		done := b.PostForm("/autorizar", map[string][]string{"id": {first.Param("id")}, "continuar": {"1"}})
		s.Want(done, http.StatusSeeOther, "https://historia.example/cb")
		if done.Param("code") == "" || done.Param("state") != "st" || done.Param("acr") != login.ACRClave {
			t.Errorf("got %q", done.Location)
		}

		second := b.ask("prestamos", "openid cedula")
		s.Want(second, http.StatusSeeOther, "/autorizar")
		s.Want(b.PostForm("/autorizar", map[string][]string{"id": {second.Param("id")}, "continuar": {"1"}}), http.StatusSeeOther, "https://prestamos.example/cb")
		before = s.Commits.Load()
		again := b.ask("prestamos", "openid cedula")
		s.Want(again, http.StatusSeeOther, "https://prestamos.example/cb")
		if n := s.Commits.Load() - before; n != 1 {
			t.Errorf("SSO took %d commits, want 1", n)
		}
		s.Want(b.ask("prestamos", "openid cedula profile"), http.StatusSeeOther, "/autorizar")
	})
}

func TestASVS_10_7_1_ASVS_10_7_2_ThirdPartyAsksAndRemembers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		s.application("biess", false, "openid profile email phone")
		b := s.browser()
		scope := "openid profile email phone"
		in := b.ask("biess", scope)
		s.Want(b.signIn(in.Param("id"), cedula, clave), http.StatusSeeOther, "/autorizar")
		page := b.Get("/autorizar?id=" + in.Param("id"))
		for _, word := range []string{"App biess", "biess.example", "mquishpe@correo.example", `name="opcional"`, `id="autorizar"`} {
			if !strings.Contains(page.Body, word) {
				t.Errorf("the consent page lacks %q", word)
			}
		}
		// The notice's button allows a third party nothing.
		s.Want(b.PostForm("/autorizar", map[string][]string{"id": {in.Param("id")}, "continuar": {"1"}}), http.StatusSeeOther, "/autorizar")
		done := b.PostForm("/autorizar", map[string][]string{"id": {in.Param("id")}, "autorizar": {"1"}, "opcional": {"phone"}})
		s.Want(done, http.StatusSeeOther, "https://biess.example/cb")
		if got := done.Param("scope"); got != "openid profile phone" {
			t.Errorf("granted %q", got)
		}
		s.Pass(time.Second)
		if again := b.ask("biess", scope); again.Param("scope") != "openid profile phone" {
			t.Errorf("not remembered: %q", again.Location)
		}
		if none := b.ask("biess", scope, "prompt", "none"); none.Param("code") == "" {
			t.Errorf("prompt=none after consent: %q", none.Location)
		}
		s.Want(b.ask("biess", scope, "prompt", "consent"), http.StatusSeeOther, "/autorizar")
		if none := b.ask("biess", scope+" cedula", "prompt", "none"); none.Param("error") != "consent_required" {
			t.Errorf("got %q", none.Location)
		}
		refused := b.ask("biess", scope+" cedula")
		got := b.PostForm("/autorizar", map[string][]string{"id": {refused.Param("id")}, "cancelar": {"1"}})
		if got.Param("error") != "access_denied" || got.Param("whom") != a.ID {
			t.Errorf("cancel: %q", got.Location)
		}
		if s.Events("consent.given") != 1 || s.Events("request.cancelled") != 1 {
			t.Error("audit rows are missing")
		}
	})
}

// Whoever asks for the e-mail address by the claims parameter, not by its scope, asks
// for something that she may leave out all the same.
func TestASVS_10_7_1_SingleClaimsCanBeLeftOutToo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		s.application("biess", false, "openid profile email phone")
		b := s.browser()
		asked := "openid claim:email claim:email_verified claim:phone_number claim:birthdate"
		in := b.ask("biess", asked)
		s.Want(b.signIn(in.Param("id"), cedula, clave), http.StatusSeeOther, "/autorizar")
		page := b.Get("/autorizar?id=" + in.Param("id")).Body
		if boxes := strings.Count(page, `name="opcional"`); boxes != 2 || !strings.Contains(page, `value="email"`) || !strings.Contains(page, `value="phone"`) {
			t.Errorf("%d boxes, want one for the address and one for telephones", boxes)
		}
		done := b.PostForm("/autorizar", map[string][]string{"id": {in.Param("id")}, "autorizar": {"1"}, "opcional": {"phone"}})
		if got := done.Param("scope"); got != "openid claim:phone_number claim:birthdate" {
			t.Errorf("granted %q", got)
		}
		if again := b.ask("biess", asked); again.Param("scope") != "openid claim:phone_number claim:birthdate" {
			t.Errorf("not remembered: %q", again.Location)
		}
	})
}

// Somebody else signs in, in another tab, while the notice is open: whoever then
// presses its button does not go on as a person the page did not name.
func TestNoticeOfAnotherPersonIsShownAnew(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		s.person(another, clave)
		b := s.browser()
		in := b.ask("historia", "openid profile")
		s.Want(b.signIn(in.Param("id"), cedula, clave), http.StatusSeeOther, "/autorizar")
		hers := hidden(t, b.Get("/autorizar?id="+in.Param("id")), "sesion")
		press := func(mark string) answer {
			return b.PostForm("/autorizar", map[string][]string{"id": {in.Param("id")}, "sesion": {mark}, "continuar": {"1"}})
		}

		// The other has been told before: nothing is due of her, and the page is shown all the same.
		other := b.ask("historia", "openid profile", "prompt", "login")
		s.Want(b.signIn(other.Param("id"), another, clave), http.StatusSeeOther, "/autorizar")
		s.Want(b.PostForm("/autorizar", map[string][]string{"id": {other.Param("id")}, "continuar": {"1"}}), http.StatusSeeOther, "https://historia.example/cb")

		again := press(hers)
		if again.Status != http.StatusOK || s.Events("notice.given") != 1 {
			t.Fatalf("got %d to %q, want the page anew", again.Status, again.Location)
		}
		mark := hidden(t, again, "sesion")
		if mark == hers {
			t.Error("the page is for the same session")
		}
		s.Want(press(mark), http.StatusSeeOther, "https://historia.example/cb")
	})
}

// The notice comes when it is its turn, and not before (S092, prompt=login).
func TestS092_NoticeWaitsItsTurn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		s.Want(b.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
		in := b.ask("historia", "openid profile", "prompt", "login")
		s.Want(b.Get("/autorizar?id="+in.Param("id")), http.StatusSeeOther, "/continuar")
		s.Want(b.Get("/continuar?id="+in.Param("id")), http.StatusSeeOther, "/ingresar")
	})
}

// hidden is the value of a hidden field of a page.
func hidden(t *testing.T, page answer, name string) string {
	t.Helper()
	value := page.Hidden(name)
	if value == "" {
		t.Fatalf("no field %s in %s", name, head(page.Body))
	}
	return value
}

func TestPromptNoneNeverAsks(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		b := s.browser()
		if got := b.ask("historia", "openid", "prompt", "none"); got.Param("error") != "login_required" || got.Param("whom") != "" {
			t.Errorf("no session: %q", got.Location)
		}
		in := b.ask("historia", "openid")
		got := b.PostForm("/ingresar", map[string][]string{"id": {in.Param("id")}, "cancelar": {"1"}})
		if got.Param("error") != "access_denied" || s.Events("request.cancelled") != 0 {
			t.Errorf("cancelled by nobody: %q, %d rows that are kept for ever", got.Location, s.Events("request.cancelled"))
		}
		s.Want(b.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
		if got := b.ask("historia", "openid", "prompt", "none"); got.Param("error") != "interaction_required" || got.Param("whom") != a.ID {
			t.Errorf("notice due: %q", got.Location)
		}
		s.Pass(366 * 24 * time.Hour)
		if got := b.ask("historia", "openid", "prompt", "none"); got.Param("error") != "login_required" {
			t.Errorf("session over: %q", got.Location)
		}
	})
}

func TestASVS_7_6_1_FreshProofIsAskedOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		for _, more := range [][]string{{"prompt", "login"}, {"max_age", "0"}, {"prompt", "select_account"}} {
			b := s.browser()
			s.Want(b.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
			s.Pass(time.Minute)
			in := b.ask("historia", "openid", more...)
			s.Want(in, http.StatusSeeOther, "/ingresar")
			if page := b.Get(in.Location); !strings.Contains(page.Body, "María Fernanda") {
				t.Errorf("%v: the page does not ask the signed-in person", more)
			}
			got := b.signIn(in.Param("id"), cedula, clave)
			if got.Leads() == "/autorizar" {
				got = b.PostForm("/autorizar", map[string][]string{"id": {in.Param("id")}, "continuar": {"1"}})
			}
			s.Want(got, http.StatusSeeOther, "https://historia.example/cb")
		}
	})
}

func TestEssentialACROutOfReach(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		if got := b.ask("historia", "openid", "acr_values", "urn:iess:acr:none", "acr_essential", "1"); got.Param("error") != "unmet_authentication_requirements" {
			t.Errorf("got %q", got.Location)
		}
		in := b.ask("historia", "openid", "acr_values", login.ACRClave15, "acr_essential", "1")
		if got := b.signIn(in.Param("id"), cedula, clave); got.Param("error") != "unmet_authentication_requirements" {
			t.Errorf("got %q", got.Location)
		}
		s.person(another, "Archipielago1969Tortuga")
		in = b.ask("historia", "openid", "acr_values", login.ACRClave15, "acr_essential", "1", "prompt", "login")
		s.Want(b.signIn(in.Param("id"), another, "Archipielago1969Tortuga"), http.StatusSeeOther, "/autorizar")
		done := b.PostForm("/autorizar", map[string][]string{"id": {in.Param("id")}, "continuar": {"1"}})
		if done.Param("acr") != login.ACRClave15 {
			t.Errorf("got %q", done.Location)
		}
	})
}

func TestLanguageIsKept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		if page := b.Get("/ingresar"); !strings.Contains(page.Body, `lang="es-EC"`) {
			t.Error("not in Spanish")
		}
		b.Get("/ingresar?ui_locales=en")
		if page := b.Get("/ayuda"); !strings.Contains(page.Body, `<html lang="en">`) {
			t.Error("the choice was forgotten")
		}
		other := s.browser()
		in := other.ask("historia", "openid", "ui_locales", "en")
		if page := other.Get(in.Location); !strings.Contains(page.Body, `<html lang="en">`) {
			t.Errorf("the application's wish was forgotten: %s", head(page.Body))
		}
		if page := other.Get("/ayuda"); !strings.Contains(page.Body, `lang="es-EC"`) {
			t.Error("the application's wish became the browser's")
		}
	})
}

// The language chosen in a browser of her own is that of a person's mails, once
// she has signed in there; a browser that is new to her changes nothing.
func TestLanguageOfMailsIsTheOneChosen(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		is := func(what, want string) {
			t.Helper()
			if got, err := s.DB.Afiliado(t.Context(), a.ID); err != nil || got.Locale != want {
				t.Errorf("%s: got %q, %v, want %q", what, got.Locale, err, want)
			}
		}
		b := s.browser()
		b.Get("/ingresar?ui_locales=en")
		is("looked at a page", "")
		b.signIn("", cedula, clave)
		is("new browser", "")
		b.signIn("", cedula, wrong)
		is("wrong clave", "")
		b.signIn("", cedula, clave)
		is("own browser", "en")
		b.Get("/ayuda?ui_locales=es")
		b.signIn("", cedula, clave)
		is("Spanish again", "es-EC")
		stranger := s.browser()
		stranger.Get("/ingresar?ui_locales=en")
		stranger.signIn("", cedula, wrong)
		is("stranger", "es-EC")
	})
}
