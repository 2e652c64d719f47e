package login_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

const (
	sessionCookie = "clave-session-8080"
	browserCookie = "clave-browser-8080"
)

func (b *browser) cookie(name string) string {
	u, err := url.Parse(b.site.url)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (b *browser) setCookie(name, value string) {
	u, err := url.Parse(b.site.url)
	if err != nil {
		b.t.Fatal(err)
	}
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

func (b *browser) signedIn() bool { return strings.Contains(b.get("/").body, "María Fernanda") }

// Every login gives a new identifier, the old one opens
// nothing, and one that was not issued is ignored.
func TestT14_ASVS_7_2_4_NewSessionAtEachLogin(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		s.person(another, clave)
		b := s.browser()
		planted := storage.NewSecret()
		b.setCookie(sessionCookie, planted)
		if b.signedIn() {
			t.Fatal("an identifier nobody issued opens a session")
		}
		seen := []string{planted}
		for _, id := range []storage.Identifier{cedula, cedula, another} {
			s.pass(20 * time.Second)
			b.want(b.signIn("", id, clave), http.StatusSeeOther, "/")
			value := b.cookie(sessionCookie)
			for _, old := range seen {
				if old == value {
					t.Error("the login kept the old identifier")
				}
				thief := s.browser()
				thief.setCookie(sessionCookie, old)
				if thief.signedIn() {
					t.Error("an old identifier still opens the session")
				}
			}
			if !b.signedIn() {
				t.Error("not signed in")
			}
			seen = append(seen, value)
		}
		if s.events("session.renewed") != 1 || s.events("session.ended") != 1 {
			t.Errorf("renewed %d, ended %d", s.events("session.renewed"), s.events("session.ended"))
		}
	})
}

// Cookies are 256 random bits, new at each login, known to the database by their
// hashes alone.
func TestASVS_7_2_1_ASVS_7_2_2_ASVS_7_2_3_ASVS_6_5_2_Secrets(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		seen := map[string]bool{}
		for range 3 {
			b := s.browser()
			b.signIn("", cedula, clave)
			for _, name := range []string{sessionCookie, browserCookie, "clave-device-8080"} {
				value := b.cookie(name)
				if raw, err := base64.RawURLEncoding.DecodeString(value); err != nil || len(raw) != 32 || seen[value] {
					t.Errorf("%s: %q", name, value)
				}
				seen[value] = true
			}
			found, err := s.DB.SessionBySecret(t.Context(), storage.Hash(b.cookie(sessionCookie)), s.now(), s.now().Add(-time.Hour))
			if err != nil || found.SecretHash == b.cookie(sessionCookie) || found.ID == b.cookie(sessionCookie) {
				t.Errorf("got %+v, %v", found, err)
			}
		}
	})
}

func TestASVS_7_1_1_IdleAndAbsolute(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		b.signIn("", cedula, clave)
		for s.now().Before(time.Date(2026, time.November, 23, 2, 50, 0, 0, time.UTC)) {
			s.pass(10 * time.Minute)
			if !b.signedIn() {
				t.Fatalf("signed out at %v", s.now())
			}
		}
		s.pass(14 * time.Minute)
		if b.signedIn() {
			t.Error("signed in for more than 12 hours")
		}
		b.signIn("", cedula, clave)
		s.pass(14*time.Minute + 59*time.Second)
		if !b.signedIn() {
			t.Error("signed out within 15 minutes")
		}
		s.pass(15*time.Minute + time.Second)
		if b.signedIn() {
			t.Error("signed in after 15 idle minutes")
		}
	})
}

func TestASVS_7_1_2_TenSessions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		var all []*browser
		for range 12 {
			b := s.browser()
			b.want(b.signIn("", cedula, clave), http.StatusSeeOther, "/")
			s.pass(time.Second)
			all = append(all, b)
		}
		for i, b := range all {
			if b.signedIn() != (i >= 2) {
				t.Errorf("browser %d signed in: %v", i, i < 2)
			}
		}
	})
}

func TestASVS_7_4_1_LogoutEndsTheSession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		b.signIn("", cedula, clave)
		value := b.cookie(sessionCookie)
		b.want(b.post("/oauth/logout", nil), http.StatusSeeOther, "/")
		if b.cookie(sessionCookie) != "" || b.cookie(browserCookie) == "" {
			t.Error("logout removes the session's cookie and no other")
		}
		b.setCookie(sessionCookie, value)
		if b.signedIn() {
			t.Error("the old cookie still opens the session")
		}
		b.want(b.post("/oauth/logout", nil), http.StatusSeeOther, "/")
		rows, err := s.DB.AuditRows(t.Context(), 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		if last := rows[len(rows)-1]; s.events("session.ended") != 1 || last.Event != "session.ended" || last.ClientID != "historia" {
			t.Errorf("got %+v, want one row that says who asked", last)
		}
	})
}

// T15: a form posted from another site does nothing.
func TestT15_LoginFromAnotherSite(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		fields := url.Values{"cedula": {string(cedula)}, "clave": {clave}}
		for name, value := range map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"} {
			b := s.browser()
			r := b.form("/ingresar", fields)
			r.Header.Del("Origin")
			r.Header.Set(name, value)
			if got := b.do(r); got.status != http.StatusForbidden || b.cookie(sessionCookie) != "" {
				t.Errorf("%s: got %d", name, got.status)
			}
		}
		// A browser that says nothing of where the form comes from brings no cookie
		// with a form of another site: nothing happens but a fresh form.
		b := s.browser()
		r := b.form("/ingresar", fields)
		r.Header.Del("Origin")
		if got := b.do(r); got.status != http.StatusOK || b.cookie(sessionCookie) != "" || !strings.Contains(got.body, string(cedula)) {
			t.Errorf("got %d %s", got.status, head(got.body))
		}
		r = b.form("/ingresar", fields)
		r.Header.Del("Origin")
		b.want(b.do(r), http.StatusSeeOther, "/")
	})
}

// OIDC-3.3-1, T15: a request begun in one browser goes on in no other, whose
// person is offered a fresh start.
func TestOIDC_3_3_1_OnlyTheBrowserThatAsked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		mine, other := s.browser(), s.browser()
		in := mine.ask("historia", "openid")
		for _, path := range []string{"/ingresar?id=", "/continuar?id=", "/autorizar?id="} {
			if got := other.get(path + in.request()); got.status != http.StatusBadRequest || !strings.Contains(got.body, "https://historia.example/") {
				t.Errorf("%s in another browser: %d %s", path, got.status, head(got.body))
			}
		}
		if got := other.signIn(in.request(), cedula, clave); got.status != http.StatusBadRequest || other.cookie(sessionCookie) != "" {
			t.Errorf("got %d", got.status)
		}
		mine.want(mine.signIn(in.request(), cedula, clave), http.StatusSeeOther, "/autorizar")
	})
}

// FT-14, T18: each form twenty times, at once and later: one effect, no error,
// the same friendly answer.
func TestFT14_DuplicateSubmits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		in := b.ask("historia", "openid profile")
		twenty := func(path string, fields url.Values) answer {
			t.Helper()
			all := make([]answer, 20)
			parallel(len(all), func(i int) { all[i] = b.post(path, fields) })
			for _, got := range all {
				if got.location != all[0].location || got.status != http.StatusSeeOther {
					t.Errorf("%s: got %d %q, want %q", path, got.status, got.location, all[0].location)
				}
			}
			return all[0]
		}
		twenty("/ingresar", url.Values{"id": {in.request()}, "cedula": {string(cedula)}, "clave": {clave}})
		if s.events("session.started") != 1 || !b.signedIn() {
			t.Errorf("%d sessions", s.events("session.started"))
		}
		done := twenty("/autorizar", url.Values{"id": {in.request()}, "continuar": {"1"}})
		if done.param("code") == "" || s.events("notice.given") != 1 {
			t.Errorf("got %q, %d notices", done.location, s.events("notice.given"))
		}
		// Much later, or on another replica: to the application, without a code.
		s.pass(time.Minute)
		for _, path := range []string{"/ingresar", "/autorizar"} {
			late := b.post(path, url.Values{"id": {in.request()}, "cedula": {string(cedula)}, "clave": {clave}, "continuar": {"1"}})
			b.want(late, http.StatusSeeOther, "https://historia.example/")
			if late.param("code") != "" {
				t.Error("a second code")
			}
		}
		if got := b.get("/ingresar?id=" + in.request()); got.status != http.StatusBadRequest || !strings.Contains(got.body, "historia.example") {
			t.Errorf("back button: %d", got.status)
		}
		cancelled := b.ask("historia", "openid profile cedula")
		if got := twenty("/autorizar", url.Values{"id": {cancelled.request()}, "cancelar": {"1"}}); got.param("error") != "access_denied" {
			t.Errorf("got %q", got.location)
		}
		if s.events("request.cancelled") != 1 {
			t.Error("an effect happened twice")
		}
	})
}

// The same without the memory of one process: the database decides.
func TestT18_ParallelSubmitsOfDifferentForms(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		in := b.ask("historia", "openid profile")
		b.signIn(in.request(), cedula, clave)
		codes := make([]string, 20)
		parallel(len(codes), func(i int) {
			got := b.post("/autorizar", url.Values{"id": {in.request()}, "continuar": {strings.Repeat("x", i+1)}})
			if got.status != http.StatusSeeOther {
				t.Errorf("got %d %s", got.status, head(got.body))
			}
			codes[i] = got.param("code")
		})
		n := 0
		for _, code := range codes {
			if code != "" {
				n++
			}
		}
		if n != 1 || s.events("notice.given") != 1 {
			t.Errorf("%d codes, %d notices", n, s.events("notice.given"))
		}
	})
}

func TestExpiredRequestOffersAFreshStart(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		in := b.ask("historia", "openid")
		s.pass(31 * time.Minute)
		got := b.get(in.location)
		if got.status != http.StatusBadRequest || !strings.Contains(got.body, "https://historia.example/") || b.cookie(sessionCookie) != "" {
			t.Errorf("got %d %s", got.status, head(got.body))
		}
		// A form sent too late begins the request again, with what was typed.
		got = b.signIn(in.request(), cedula, clave)
		if got.status != http.StatusOK || !strings.Contains(got.body, `value="`+string(cedula)+`"`) || b.cookie(sessionCookie) != "" {
			t.Fatalf("got %d %s", got.status, head(got.body))
		}
		_, rest, _ := strings.Cut(got.body, `name="id" value="`)
		again, _, _ := strings.Cut(rest, `"`)
		if again == "" || again == in.request() {
			t.Fatalf("got request %q, want a new one", again)
		}
		if got = b.signIn(again, cedula, clave); got.status != http.StatusSeeOther {
			t.Errorf("got %d %s", got.status, head(got.body))
		}
		if got = s.browser().signIn(in.request(), cedula, clave); got.status == http.StatusOK {
			t.Errorf("another browser begins it again: %d", got.status)
		}
	})
}
