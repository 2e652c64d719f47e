package login_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// T27: whatever a form holds, it is refused with a page and never breaks
// anything.
func TestT27_BadInputIsNo500(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		s.Want(b.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
		in := b.ask("historia", "openid")
		bodies := []string{"", "%", "cedula=%zz", "a;b", "cedula=1&cedula=2", "clave=a&clave=b", "id=a&id=b", strings.Repeat("a=b&", 30000)}
		for _, bad := range []string{"\x00", "\xff\xfe", "1759999913\x00", "𝟙𝟟𝟝𝟡", "../../etc", "' OR 1=1 --", "<script>", strings.Repeat("9", 1<<20), strings.Repeat("é", 20000)} {
			for _, f := range []url.Values{
				{"cedula": {bad}, "clave": {clave}},
				{"cedula": {string(nobody)}, "clave": {bad}},
				{"id": {bad}, "cedula": {string(cedula)}, "clave": {clave}},
				{"id": {in.Param("id")}, "continuar": {bad}, "opcional": {bad, bad}},
				{"codigo": {bad}, "cedula": {bad}, bad: {bad}},
				{"llave": {bad}, "negada": {bad}, "puede": {bad}, "sesion": {bad}, "registrar": {bad}, "credencial": {bad}},
			} {
				bodies = append(bodies, f.Encode())
			}
		}
		for _, path := range []string{"/ingresar", "/autorizar", "/ingresar/llave/opciones", pageSecond, pageSecond + "/opciones", "/ingresar/oferta"} { // those of login/clave have a test of their own there
			for _, body := range bodies {
				r := b.Request(http.MethodPost, path, "")
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
				r.Header.Set("User-Agent", "\xff\xfe agente")
				if got := b.Send(r); got.Status >= 500 || strings.Contains(got.Body, "<script>") && !strings.Contains(got.Body, `<script type="module"`) {
					t.Errorf("%s with %.60q: %d", path, body, got.Status)
				}
			}
		}
		for _, path := range []string{"/ingresar", "/continuar", "/autorizar", "/", "/acuerdo/%00", "/acuerdo/%ff", "/acuerdo/../x"} {
			for _, query := range []string{"?id=%00", "?id=%ff", "?id=a&id=b", "?id=%zz", "?ui_locales=%00%ff", "?id=" + strings.Repeat("a", 5000), "?;", "?ui_locales=" + strings.Repeat("es ", 999)} {
				if got := b.Get(path + query); got.Status >= 500 {
					t.Errorf("GET %s%.60s: %d", path, query, got.Status)
				}
			}
		}
		if got := b.PostForm("/ingresar", url.Values{"cedula": {strings.Repeat("1", 1<<20)}}); got.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("1 MB: %d", got.Status)
		}
		if got := b.Send(b.Request(http.MethodPost, "/ingresar?x=%zz", "")); got.Status != http.StatusBadRequest {
			t.Errorf("a broken query: %d", got.Status)
		}
		if strings.Contains(s.logged.String(), `"level":"ERROR"`) {
			t.Errorf("something broke: %s", s.logged.String())
		}
	})
}

// T20: whatever happens, the log holds no clave, cookie, token or whole cédula.
func TestT20_NothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		visit := func() {
			in := b.ask("historia", "openid profile")
			b.signIn(in.Param("id"), cedula, wrong)
			b.signIn(in.Param("id"), "1759999914", wrong)
			b.signIn(in.Param("id"), nobody, wrong)
			b.signIn(in.Param("id"), cedula, clave)
			b.PostForm("/autorizar", url.Values{"id": {in.Param("id")}, "continuar": {"1"}})
			b.Get("/")
		}
		visit()
		value := b.Cookie(sessionCookie)
		if value == "" {
			t.Fatal("not signed in")
		}
		if err := s.DB.Close(); err != nil { // from here on everything fails
			t.Fatal(err)
		}
		visit()
		log := s.logged.String()
		if !strings.Contains(log, "request failed") {
			t.Fatal("nothing was logged: the test proves nothing")
		}
		for _, canary := range []string{string(cedula), string(nobody), clave, wrong, value, b.Cookie(browserCookie), "Quishpe", "mquishpe"} {
			if strings.Contains(log, canary) {
				t.Errorf("the log holds %q", canary)
			}
		}
	})
}

// T30 is cmd's; that no answer of ours may be stored is ours.
func TestT33_NoPageIsStored(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		b.signIn("", cedula, clave)
		in := b.ask("historia", "openid")
		for _, path := range []string{"/", "/ingresar", "/autorizar?id=" + in.Param("id"), "/ingresar?id=x"} {
			if got := b.Get(path); got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %q", path, got.Header.Get("Cache-Control"))
			}
		}
	})
}

func TestPagesForEverybody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		for _, path := range []string{
			"/", "/ayuda", "/privacidad", "/accesibilidad", "/acuerdo", "/acuerdo/" + s.Pages.Agreement().Version,
			"/declaracion", "/declaracion/" + s.Pages.Declaration().Version,
		} {
			if got := b.Get(path); got.Status != http.StatusOK {
				t.Errorf("%s: %d", path, got.Status)
			}
		}
		if got := b.Get("/acuerdo/1999-01-01"); got.Status != http.StatusNotFound {
			t.Errorf("an agreement that never was: %d", got.Status)
		}
		for _, path := range []string{"/continuar", "/autorizar"} {
			s.Want(b.Get(path), http.StatusSeeOther, "/")
		}
		if got := b.Get("/"); !strings.Contains(got.Body, "https://historia.example/") {
			t.Error("home does not lead to the applications")
		}
	})
}

func TestLoginHintFillsTheField(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		for hint, want := range map[string]string{"1759999913": `value="1759999913"`, "EXT-0004711": `name="codigo"`, "<b>": `value=""`} {
			b := s.browser()
			in := b.ask("historia", "openid", "login_hint", hint)
			if got := b.Get(in.Location); got.Status != http.StatusOK || !strings.Contains(got.Body, want) {
				t.Errorf("%q: no %s", hint, want)
			}
		}
	})
}

// FT-17: no form breaks a handler.
func FuzzFT17_Forms(f *testing.F) {
	for _, s := range []string{
		"cedula=1759999913&clave=x", "cancelar=1", "id=x&cedula=%00", "cedula=1&cedula=2", "%", "codigo=1&cedula=EXT-0004711&clave=%ff", "id=&continuar=1",
	} {
		f.Add("/ingresar", s)
		f.Add("/autorizar", s)
	}
	s := newSite(f, "sqlite").Handler
	f.Fuzz(func(t *testing.T, path, body string) {
		for _, known := range []string{"/ingresar", "/autorizar"} {
			if !strings.HasPrefix(known, path) {
				continue
			}
			r := httptest.NewRequest(http.MethodPost, known, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", "http://example.com")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code >= 500 && w.Code != http.StatusServiceUnavailable {
				t.Fatalf("%s with %q: %d", known, body, w.Code)
			}
		}
	})
}
