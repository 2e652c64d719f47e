package login_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
)

const deviceCookie = "device"

// T18: a clave that was right when it was compared proves nothing once
// another has been set.
func TestT18_OldClaveAfterAChangeBesideIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/ingresar", nil)
		v := &login.Visit{Now: s.Time(), Form: url.Values{}}
		for _, changed := range []bool{false, true} {
			attempt, err := s.Try(t.Context(), r, v, cedula, clave)
			if err != nil || !attempt.Right() {
				t.Fatalf("got %+v, %v", attempt, err)
			}
			if changed {
				s.Pass(time.Millisecond)
				phc, err := s.Hash.Make(t.Context(), wrong)
				if err != nil {
					t.Fatal(err)
				}
				s.In(func(tx *storage.Tx) error {
					return tx.SetClave(t.Context(), storage.Clave{AfiliadoID: a.ID, PHC: phc, CreatedAt: storage.At(s.Time())}, s.History)
				})
			}
			s.In(func(tx *storage.Tx) error {
				p, err := s.Settle(t.Context(), tx, r, v, attempt)
				if proved := p != nil; err == nil && proved == changed {
					t.Errorf("changed: %v, proved: %v", changed, proved)
				}
				return err
			})
		}
	})
}

// T14: a device cookie that somebody has planted becomes nobody's known device.
func TestT14_PlantedDeviceCookieIsReplaced(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		planted := storage.NewSecret()
		b := s.browser()
		b.SetCookie(deviceCookie, planted)
		s.Want(b.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
		known, err := s.DB.KnowsDevice(t.Context(), s.DB.IdentifierMAC(cedula), storage.Hash(planted), s.Time())
		if err != nil || known || b.Cookie(deviceCookie) == planted {
			t.Errorf("whoever planted it has a lane: %v, %v", known, err)
		}
	})
}

// FT-14: a form whose request is completed while its clave is compared starts no
// session.
func TestFT14_NoSessionForARequestThatIsOver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		in := b.ask("historia", "openid profile")
		for range 2 {
			s.browser().try("", cedula, wrong)
		}
		s.Wait = func(context.Context, time.Duration) error {
			got := b.PostForm("/ingresar", url.Values{"id": {in.Param("id")}, "cancelar": {"1"}})
			if got.Param("error") != "access_denied" {
				t.Errorf("got %d %q", got.Status, got.Location)
			}
			return nil
		}
		got := b.try(in.Param("id"), cedula, clave)
		if got.Status == http.StatusOK || s.Events("session.started") != 0 || b.Cookie(sessionCookie) != "" {
			t.Errorf("got %d %q, %d sessions", got.Status, got.Location, s.Events("session.started"))
		}
	}, func(c *login.Config) {
		c.Identifier = login.Limit{Free: 1, Leak: time.Hour, Step: time.Millisecond, Max: time.Second}
	})
}

// T14: the session that a request has proved is taken up by the same person
// alone, in the browser that lost the answer, and only while it lives.
func TestT14_SessionOfARequestIsItsPersons(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		who     storage.Identifier
		after   time.Duration
		started int
	}{"same": {cedula, 0, 1}, "another": {another, 0, 2}, "idle": {cedula, 16 * time.Minute, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, s *site) {
				s.person(cedula, clave)
				s.person(another, clave)
				b := s.browser()
				in := b.ask("historia", "openid profile")
				s.Want(b.signIn(in.Param("id"), cedula, clave), http.StatusSeeOther, "/autorizar")
				b.SetCookie(sessionCookie, "")
				s.Pass(tt.after)
				s.Want(b.signIn(in.Param("id"), tt.who, clave), http.StatusSeeOther, "/autorizar")
				if n := s.Events("session.started"); n != tt.started {
					t.Errorf("%d sessions, want %d", n, tt.started)
				}
				if n := s.Events("session.ended"); n != 0 {
					t.Errorf("%d ended", n)
				}
			})
		})
	}
}

// A request that begins again after it grew old has been proved by nobody.
func TestRequestThatBeginsAgainIsUnproved(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		in := b.ask("historia", "openid profile")
		s.Want(b.signIn(in.Param("id"), cedula, clave), http.StatusSeeOther, "/autorizar")
		s.Pass(31 * time.Minute)
		_, rest, _ := strings.Cut(b.signIn(in.Param("id"), cedula, clave).Body, `name="id" value="`)
		again, _, _ := strings.Cut(rest, `"`)
		req, err := s.DB.AuthRequest(t.Context(), again)
		if err != nil || again == in.Param("id") || req.SessionID != "" || !req.ProvedAt.IsZero() {
			t.Errorf("got %+v, %v", req, err)
		}
	})
}

// FT-14: a form is the same only in the same session, and never after a logout,
// however soon it comes again.
func TestFT14_SameFormInAnotherSessionIsAnother(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		for i := range 3 { // new browser, known browser, known browser with another secret
			s.Want(b.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
			if n := s.Events("session.renewed"); n != i {
				t.Errorf("%d renewed, want %d", n, i)
			}
		}
		for range 3 {
			s.Want(b.PostForm("/oauth/logout", nil), http.StatusSeeOther, "/")
			s.Want(b.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
			if !b.signedIn() {
				t.Error("the answer before the logout came again")
			}
		}
	})
}
