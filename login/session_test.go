package login_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
)

const (
	sessionCookie = "session"
	browserCookie = "browser"
)

func (b *browser) signedIn() bool { return strings.Contains(b.Get("/").Body, "María Fernanda") }

// Every login gives a new identifier, the old one opens
// nothing, and one that was not issued is ignored.
func TestT14_ASVS_7_2_4_NewSessionAtEachLogin(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		s.person(another, clave)
		b := s.browser()
		planted := storage.NewSecret()
		b.SetCookie(sessionCookie, planted)
		if b.signedIn() {
			t.Fatal("an identifier nobody issued opens a session")
		}
		seen := []string{planted}
		for _, id := range []storage.Identifier{cedula, cedula, another} {
			s.Pass(20 * time.Second)
			s.Want(b.signIn("", id, clave), http.StatusSeeOther, "/cuenta")
			value := b.Cookie(sessionCookie)
			for _, old := range seen {
				if old == value {
					t.Error("the login kept the old identifier")
				}
				thief := s.browser()
				thief.SetCookie(sessionCookie, old)
				if thief.signedIn() {
					t.Error("an old identifier still opens the session")
				}
			}
			if !b.signedIn() {
				t.Error("not signed in")
			}
			seen = append(seen, value)
		}
		if s.Events("session.renewed") != 1 || s.Events("session.ended") != 1 {
			t.Errorf("renewed %d, ended %d", s.Events("session.renewed"), s.Events("session.ended"))
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
			for _, name := range []string{sessionCookie, browserCookie, deviceCookie} {
				value := b.Cookie(name)
				if raw, err := base64.RawURLEncoding.DecodeString(value); err != nil || len(raw) != 32 || seen[value] {
					t.Errorf("%s: %q", name, value)
				}
				seen[value] = true
			}
			found, err := s.DB.SessionBySecret(t.Context(), storage.Hash(b.Cookie(sessionCookie)), s.Time(), s.Time().Add(-time.Hour))
			if err != nil || found.SecretHash == b.Cookie(sessionCookie) || found.ID == b.Cookie(sessionCookie) {
				t.Errorf("got %+v, %v", found, err)
			}
		}
	})
}

func TestASVS_7_1_1_IdleAndAbsolute(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b, start := s.browser(), s.Time()
		b.signIn("", cedula, clave)
		for s.Time().Before(start.Add(11*time.Hour + 50*time.Minute)) {
			s.Pass(10 * time.Minute)
			if !b.signedIn() {
				t.Fatalf("signed out at %v", s.Time())
			}
		}
		s.Pass(14 * time.Minute)
		if b.signedIn() {
			t.Error("signed in for more than 12 hours")
		}
		b.signIn("", cedula, clave)
		s.Pass(14*time.Minute + 59*time.Second)
		if !b.signedIn() {
			t.Error("signed out within 15 minutes")
		}
		s.Pass(15*time.Minute + time.Second)
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
			s.Want(b.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
			s.Pass(time.Second)
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
		value := b.Cookie(sessionCookie)
		s.Want(b.PostForm("/oauth/logout", nil), http.StatusSeeOther, "/")
		if b.Cookie(sessionCookie) != "" || b.Cookie(browserCookie) == "" {
			t.Error("logout removes the session's cookie and no other")
		}
		b.SetCookie(sessionCookie, value)
		if b.signedIn() {
			t.Error("the old cookie still opens the session")
		}
		s.Want(b.PostForm("/oauth/logout", nil), http.StatusSeeOther, "/")
		rows, err := s.DB.AuditRows(t.Context(), 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		if last := rows[len(rows)-1]; s.Events("session.ended") != 1 || last.Event != "session.ended" || last.ClientID != "historia" {
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
			r := b.Request(http.MethodPost, "/ingresar", fields.Encode())
			r.Header.Del("Origin")
			r.Header.Set(name, value)
			if got := b.Send(r); got.Status != http.StatusForbidden || b.Cookie(sessionCookie) != "" {
				t.Errorf("%s: got %d", name, got.Status)
			}
		}
		// A browser that says nothing of where the form comes from brings no cookie
		// with a form of another site: nothing happens but a fresh form.
		b := s.browser()
		r := b.Request(http.MethodPost, "/ingresar", fields.Encode())
		r.Header.Del("Origin")
		if got := b.Send(r); got.Status != http.StatusOK || b.Cookie(sessionCookie) != "" || !strings.Contains(got.Body, string(cedula)) {
			t.Errorf("got %d %s", got.Status, head(got.Body))
		}
		r = b.Request(http.MethodPost, "/ingresar", fields.Encode())
		r.Header.Del("Origin")
		s.Want(b.Send(r), http.StatusSeeOther, "/cuenta")
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
			if got := other.Get(path + in.Param("id")); got.Status != http.StatusBadRequest || !strings.Contains(got.Body, "https://historia.example/") {
				t.Errorf("%s in another browser: %d %s", path, got.Status, head(got.Body))
			}
		}
		if got := other.signIn(in.Param("id"), cedula, clave); got.Status != http.StatusBadRequest || other.Cookie(sessionCookie) != "" {
			t.Errorf("got %d", got.Status)
		}
		s.Want(mine.signIn(in.Param("id"), cedula, clave), http.StatusSeeOther, "/autorizar")
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
			logintest.Parallel(len(all), func(i int) { all[i] = b.PostForm(path, fields) })
			for _, got := range all {
				if got.Location != all[0].Location || got.Status != http.StatusSeeOther {
					t.Errorf("%s: got %d %q, want %q", path, got.Status, got.Location, all[0].Location)
				}
			}
			return all[0]
		}
		twenty("/ingresar", url.Values{"id": {in.Param("id")}, "cedula": {string(cedula)}, "clave": {clave}})
		if s.Events("session.started") != 1 || !b.signedIn() {
			t.Errorf("%d sessions", s.Events("session.started"))
		}
		done := twenty("/autorizar", url.Values{"id": {in.Param("id")}, "continuar": {"1"}})
		if done.Param("code") == "" || s.Events("notice.given") != 1 {
			t.Errorf("got %q, %d notices", done.Location, s.Events("notice.given"))
		}
		// Much later, or on another replica: to the application, without a code.
		s.Pass(time.Minute)
		for _, path := range []string{"/ingresar", "/autorizar"} {
			late := b.PostForm(path, url.Values{"id": {in.Param("id")}, "cedula": {string(cedula)}, "clave": {clave}, "continuar": {"1"}})
			s.Want(late, http.StatusSeeOther, "https://historia.example/")
			if late.Param("code") != "" {
				t.Error("a second code")
			}
		}
		if got := b.Get("/ingresar?id=" + in.Param("id")); got.Status != http.StatusBadRequest || !strings.Contains(got.Body, "historia.example") {
			t.Errorf("back button: %d", got.Status)
		}
		cancelled := b.ask("historia", "openid profile cedula")
		if got := twenty("/autorizar", url.Values{"id": {cancelled.Param("id")}, "cancelar": {"1"}}); got.Param("error") != "access_denied" {
			t.Errorf("got %q", got.Location)
		}
		if s.Events("request.cancelled") != 1 {
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
		b.signIn(in.Param("id"), cedula, clave)
		codes := make([]string, 20)
		logintest.Parallel(len(codes), func(i int) {
			got := b.PostForm("/autorizar", url.Values{"id": {in.Param("id")}, "continuar": {strings.Repeat("x", i+1)}})
			if got.Status != http.StatusSeeOther {
				t.Errorf("got %d %s", got.Status, head(got.Body))
			}
			codes[i] = got.Param("code")
		})
		n := 0
		for _, code := range codes {
			if code != "" {
				n++
			}
		}
		if n != 1 || s.Events("notice.given") != 1 {
			t.Errorf("%d codes, %d notices", n, s.Events("notice.given"))
		}
	})
}

func TestExpiredRequestOffersAFreshStart(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		in := b.ask("historia", "openid")
		s.Pass(31 * time.Minute)
		got := b.Get(in.Location)
		if got.Status != http.StatusBadRequest || !strings.Contains(got.Body, "https://historia.example/") || b.Cookie(sessionCookie) != "" {
			t.Errorf("got %d %s", got.Status, head(got.Body))
		}
		// A form sent too late begins the request again, with what was typed.
		got = b.signIn(in.Param("id"), cedula, clave)
		if got.Status != http.StatusOK || !strings.Contains(got.Body, `value="`+string(cedula)+`"`) || b.Cookie(sessionCookie) != "" {
			t.Fatalf("got %d %s", got.Status, head(got.Body))
		}
		_, rest, _ := strings.Cut(got.Body, `name="id" value="`)
		again, _, _ := strings.Cut(rest, `"`)
		if again == "" || again == in.Param("id") {
			t.Fatalf("got request %q, want a new one", again)
		}
		if got = b.signIn(again, cedula, clave); got.Status != http.StatusSeeOther {
			t.Errorf("got %d %s", got.Status, head(got.Body))
		}
		if got = s.browser().signIn(in.Param("id"), cedula, clave); got.Status == http.StatusOK {
			t.Errorf("another browser begins it again: %d", got.Status)
		}
	})
}
