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
		b.want(first, http.StatusSeeOther, "/ingresar")
		if page := b.get(first.location); page.status != http.StatusOK || !strings.Contains(page.body, "App historia") ||
			!strings.Contains(page.header.Get("Content-Security-Policy"), "https://historia.example") {
			t.Errorf("login page: %d %q", page.status, page.header.Get("Content-Security-Policy"))
		}
		before := s.commits.Load()
		notice := b.signIn(first.request(), cedula, clave)
		b.want(notice, http.StatusSeeOther, "/autorizar")
		if n := s.commits.Load() - before; n != 2 {
			t.Errorf("signing in took %d commits, want 2", n)
		}
		if page := b.get(notice.location); !strings.Contains(page.body, "María Fernanda Quishpe Andrade") {
			t.Error("the notice does not show the person's own values")
		}
		done := b.post("/autorizar", map[string][]string{"id": {first.request()}, "continuar": {"1"}})
		b.want(done, http.StatusSeeOther, "https://historia.example/cb")
		if done.param("code") == "" || done.param("state") != "st" || done.param("acr") != login.ACRClave {
			t.Errorf("got %q", done.location)
		}

		second := b.ask("prestamos", "openid cedula")
		b.want(second, http.StatusSeeOther, "/autorizar")
		b.want(b.post("/autorizar", map[string][]string{"id": {second.request()}, "continuar": {"1"}}), http.StatusSeeOther, "https://prestamos.example/cb")
		before = s.commits.Load()
		again := b.ask("prestamos", "openid cedula")
		b.want(again, http.StatusSeeOther, "https://prestamos.example/cb")
		if n := s.commits.Load() - before; n != 1 {
			t.Errorf("SSO took %d commits, want 1", n)
		}
		b.want(b.ask("prestamos", "openid cedula profile"), http.StatusSeeOther, "/autorizar")
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
		b.want(b.signIn(in.request(), cedula, clave), http.StatusSeeOther, "/autorizar")
		page := b.get("/autorizar?id=" + in.request())
		for _, word := range []string{"App biess", "biess.example", "mquishpe@correo.example", `name="opcional"`, `id="autorizar"`} {
			if !strings.Contains(page.body, word) {
				t.Errorf("the consent page lacks %q", word)
			}
		}
		// The notice's button allows a third party nothing.
		b.want(b.post("/autorizar", map[string][]string{"id": {in.request()}, "continuar": {"1"}}), http.StatusSeeOther, "/autorizar")
		done := b.post("/autorizar", map[string][]string{"id": {in.request()}, "autorizar": {"1"}, "opcional": {"phone"}})
		b.want(done, http.StatusSeeOther, "https://biess.example/cb")
		if got := done.param("scope"); got != "openid profile phone" {
			t.Errorf("granted %q", got)
		}
		s.pass(time.Second)
		if again := b.ask("biess", scope); again.param("scope") != "openid profile phone" {
			t.Errorf("not remembered: %q", again.location)
		}
		if none := b.ask("biess", scope, "prompt", "none"); none.param("code") == "" {
			t.Errorf("prompt=none after consent: %q", none.location)
		}
		b.want(b.ask("biess", scope, "prompt", "consent"), http.StatusSeeOther, "/autorizar")
		if none := b.ask("biess", scope+" cedula", "prompt", "none"); none.param("error") != "consent_required" {
			t.Errorf("got %q", none.location)
		}
		refused := b.ask("biess", scope+" cedula")
		got := b.post("/autorizar", map[string][]string{"id": {refused.request()}, "cancelar": {"1"}})
		if got.param("error") != "access_denied" || got.param("whom") != a.ID {
			t.Errorf("cancel: %q", got.location)
		}
		if s.events("consent.given") != 1 || s.events("request.cancelled") != 1 {
			t.Error("audit rows are missing")
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
		b.want(b.signIn(in.request(), cedula, clave), http.StatusSeeOther, "/autorizar")
		hers := hidden(t, b.get("/autorizar?id="+in.request()), "sesion")
		press := func(mark string) answer {
			return b.post("/autorizar", map[string][]string{"id": {in.request()}, "sesion": {mark}, "continuar": {"1"}})
		}

		// The other has been told before: nothing is due of her, and the page is shown all the same.
		other := b.ask("historia", "openid profile", "prompt", "login")
		b.want(b.signIn(other.request(), another, clave), http.StatusSeeOther, "/autorizar")
		b.want(b.post("/autorizar", map[string][]string{"id": {other.request()}, "continuar": {"1"}}), http.StatusSeeOther, "https://historia.example/cb")

		again := press(hers)
		if again.status != http.StatusOK || s.events("notice.given") != 1 {
			t.Fatalf("got %d to %q, want the page anew", again.status, again.location)
		}
		mark := hidden(t, again, "sesion")
		if mark == hers {
			t.Error("the page is for the same session")
		}
		b.want(press(mark), http.StatusSeeOther, "https://historia.example/cb")
	})
}

// The notice comes when it is its turn, and not before (S092, prompt=login).
func TestS092_NoticeWaitsItsTurn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		b.want(b.signIn("", cedula, clave), http.StatusSeeOther, "/")
		in := b.ask("historia", "openid profile", "prompt", "login")
		b.want(b.get("/autorizar?id="+in.request()), http.StatusSeeOther, "/continuar")
		b.want(b.get("/continuar?id="+in.request()), http.StatusSeeOther, "/ingresar")
	})
}

// hidden is the value of a hidden field of a page.
func hidden(t *testing.T, page answer, name string) string {
	t.Helper()
	_, rest, _ := strings.Cut(page.body, `name="`+name+`" value="`)
	value, _, found := strings.Cut(rest, `"`)
	if !found || value == "" {
		t.Fatalf("no field %s in %s", name, head(page.body))
	}
	return value
}

func TestPromptNoneNeverAsks(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		b := s.browser()
		if got := b.ask("historia", "openid", "prompt", "none"); got.param("error") != "login_required" || got.param("whom") != "" {
			t.Errorf("no session: %q", got.location)
		}
		in := b.ask("historia", "openid")
		got := b.post("/ingresar", map[string][]string{"id": {in.request()}, "cancelar": {"1"}})
		if got.param("error") != "access_denied" || s.events("request.cancelled") != 0 {
			t.Errorf("cancelled by nobody: %q, %d rows that are kept for ever", got.location, s.events("request.cancelled"))
		}
		b.want(b.signIn("", cedula, clave), http.StatusSeeOther, "/")
		if got := b.ask("historia", "openid", "prompt", "none"); got.param("error") != "interaction_required" || got.param("whom") != a.ID {
			t.Errorf("notice due: %q", got.location)
		}
		s.pass(366 * 24 * time.Hour)
		if got := b.ask("historia", "openid", "prompt", "none"); got.param("error") != "login_required" {
			t.Errorf("session over: %q", got.location)
		}
	})
}

func TestASVS_7_6_1_FreshProofIsAskedOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		for _, more := range [][]string{{"prompt", "login"}, {"max_age", "0"}, {"prompt", "select_account"}} {
			b := s.browser()
			b.want(b.signIn("", cedula, clave), http.StatusSeeOther, "/")
			s.pass(time.Minute)
			in := b.ask("historia", "openid", more...)
			b.want(in, http.StatusSeeOther, "/ingresar")
			if page := b.get(in.location); !strings.Contains(page.body, "María Fernanda") {
				t.Errorf("%v: the page does not ask the signed-in person", more)
			}
			got := b.signIn(in.request(), cedula, clave)
			if got.leads() == "/autorizar" {
				got = b.post("/autorizar", map[string][]string{"id": {in.request()}, "continuar": {"1"}})
			}
			b.want(got, http.StatusSeeOther, "https://historia.example/cb")
		}
	})
}

func TestEssentialACROutOfReach(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		if got := b.ask("historia", "openid", "acr_values", login.ACRPasskey, "acr_essential", "1"); got.param("error") != "unmet_authentication_requirements" {
			t.Errorf("got %q", got.location)
		}
		in := b.ask("historia", "openid", "acr_values", login.ACRClave15, "acr_essential", "1")
		if got := b.signIn(in.request(), cedula, clave); got.param("error") != "unmet_authentication_requirements" {
			t.Errorf("got %q", got.location)
		}
		s.person(another, "Archipielago1969Tortuga")
		in = b.ask("historia", "openid", "acr_values", login.ACRClave15, "acr_essential", "1", "prompt", "login")
		b.want(b.signIn(in.request(), another, "Archipielago1969Tortuga"), http.StatusSeeOther, "/autorizar")
		done := b.post("/autorizar", map[string][]string{"id": {in.request()}, "continuar": {"1"}})
		if done.param("acr") != login.ACRClave15 {
			t.Errorf("got %q", done.location)
		}
	})
}

func TestLanguageIsKept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		if page := b.get("/ingresar"); !strings.Contains(page.body, `lang="es-EC"`) {
			t.Error("not in Spanish")
		}
		b.get("/ingresar?ui_locales=en")
		if page := b.get("/ayuda"); !strings.Contains(page.body, `<html lang="en">`) {
			t.Error("the choice was forgotten")
		}
		other := s.browser()
		in := other.ask("historia", "openid", "ui_locales", "en")
		if page := other.get(in.location); !strings.Contains(page.body, `<html lang="en">`) {
			t.Errorf("the application's wish was forgotten: %s", head(page.body))
		}
		if page := other.get("/ayuda"); !strings.Contains(page.body, `lang="es-EC"`) {
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
		b.get("/ingresar?ui_locales=en")
		is("looked at a page", "")
		b.signIn("", cedula, clave)
		is("new browser", "")
		b.signIn("", cedula, wrong)
		is("wrong clave", "")
		b.signIn("", cedula, clave)
		is("own browser", "en")
		b.get("/ayuda?ui_locales=es")
		b.signIn("", cedula, clave)
		is("Spanish again", "es-EC")
		stranger := s.browser()
		stranger.get("/ingresar?ui_locales=en")
		stranger.signIn("", cedula, wrong)
		is("stranger", "es-EC")
	})
}
