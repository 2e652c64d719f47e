package login_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// shared signs María in at a computer that several people share, as she says.
func (s *site) shared() *browser {
	s.T.Helper()
	b := s.browser()
	s.Want(b.Post("/ingresar", append(fields("", cedula, clave), "compartido", "1")...), http.StatusSeeOther, "/cuenta")
	return b
}

// T33, ASVS 7.3.1, 7.3.2: a session on a shared computer ends after five idle
// minutes, and after thirty at the latest; no lane is kept, and no cookie outlives
// the browser but the mark, which names nobody.
func TestT33_ASVS_7_3_1_ASVS_7_3_2_SharedSessionIsShort(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		b := s.shared()
		if b.Cookie(deviceCookie) != "shared" {
			t.Errorf("the mark: %q", b.Cookie(deviceCookie))
		}
		if lanes, err := s.DB.Devices(t.Context(), a.ID, s.Time()); err != nil || len(lanes) > 0 {
			t.Errorf("lanes %v, %v", lanes, err)
		}
		s.Pass(5*time.Minute - time.Microsecond)
		if !b.signedIn() {
			t.Error("signed out within five minutes")
		}
		s.Pass(5*time.Minute + time.Microsecond)
		if b.signedIn() {
			t.Error("signed in after five idle minutes")
		}
		s.Want(b.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta") // the browser knows
		begun := s.Time()
		for s.Time().Sub(begun) < 28*time.Minute {
			s.Pass(4 * time.Minute)
			if !b.signedIn() {
				t.Fatalf("signed out after %v", s.Time().Sub(begun))
			}
		}
		s.Pass(2*time.Minute + time.Microsecond)
		if b.signedIn() {
			t.Error("signed in after thirty minutes")
		}
	})
}

// T33: four people in one browser make it a shared computer, whose next sign-in is
// short; nobody else in its network notices.
func TestT33_ManyPeopleShareAComputer_NeighboursDoNotNotice(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		cabina := s.browser()
		for _, id := range []storage.Identifier{cedula, another, "1059999910", "0159999911"} {
			s.person(id, clave)
			s.Want(cabina.signIn("", id, clave), http.StatusSeeOther, "/cuenta")
			s.Pass(time.Second)
		}
		if cabina.Cookie(deviceCookie) != "shared" {
			t.Fatalf("the fourth person is at nobody's computer, got %q", cabina.Cookie(deviceCookie))
		}
		s.Pass(5 * time.Minute)
		if cabina.Get("/cuenta/mensajes").Status == http.StatusOK {
			t.Error("the session there is as long as anywhere")
		}
		neighbour := s.browser()
		page := neighbour.Get("/ingresar")
		if page.Reto() != "" || strings.Contains(page.Body, "marcado como compartido") {
			t.Error("a neighbour is asked for a challenge, or told of another's computer")
		}
		s.Want(neighbour.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
		if s.waits.Load() != 0 || len(neighbour.Cookie(deviceCookie)) != 43 {
			t.Error("a neighbour waits, or is not known at her own computer")
		}
		s.WantText(cabina.Get("/ingresar"), "marcado como compartido")
	})
}

// T33: signing out at a shared computer leaves the mark alone there and tells the
// browser to forget our pages; elsewhere the session's cookie goes, and no other.
func TestT33_CleanExit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.shared()
		b.Get("/?ui_locales=en")
		b.Get("/cuenta/mensajes")
		b.Ask()
		page := b.Get("/cuenta/mensajes")
		if page.Status != http.StatusOK || page.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("what Back shows: %d %q", page.Status, page.Header.Get("Cache-Control"))
		}
		got := b.PostForm("/oauth/logout", nil)
		if got.Header.Get("Clear-Site-Data") != `"cache"` { // "cookies" would take the mark, and what other hosts below the domain keep
			t.Errorf("Clear-Site-Data: %q", got.Header.Get("Clear-Site-Data"))
		}
		for _, name := range []string{sessionCookie, browserCookie, "lang", "solicitud", "destino"} {
			if b.Cookie(name) != "" {
				t.Errorf("the cookie %s stays", name)
			}
		}
		if b.Cookie(deviceCookie) != "shared" {
			t.Error("the mark went too")
		}
		s.Want(b.Get("/cuenta/mensajes"), http.StatusSeeOther, "/ingresar")
		s.WantText(b.Get("/sesion/cerrada"), "Cierre esta ventana", "no queda nada suyo")

		own := s.browser()
		own.signIn("", cedula, clave)
		if got := own.PostForm("/oauth/logout", nil); got.Header.Get("Clear-Site-Data") != "" || own.Cookie(browserCookie) == "" {
			t.Error("her own computer is cleaned like a shared one")
		}
	})
}

// T33: whoever says at the sign-in that the computer is shared takes its lanes with
// her; the box stays ticked when the form comes back.
func TestT33_TheBoxDropsTheLanesOfTheBrowser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		b := s.browser()
		b.signIn("", cedula, clave)
		known := b.Cookie(deviceCookie)
		s.Pass(time.Second)
		s.WantText(b.Post("/ingresar", append(fields("", cedula, wrong), "compartido", "1")...), `value="1" checked`)
		b.Post("/ingresar", append(fields("", cedula, clave), "compartido", "1")...)
		if lanes, err := s.DB.Devices(t.Context(), a.ID, s.Time()); err != nil || len(lanes) > 0 || b.Cookie(deviceCookie) == known {
			t.Errorf("lanes %v, %v", lanes, err)
		}
	})
}

// T14 on a shared computer: the mark is no secret, and opens and knows nothing,
// whoever plants it.
func TestT14_PlantedMarkKnowsNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		b.SetCookie(deviceCookie, "shared")
		if b.signedIn() {
			t.Fatal("the mark opens a session")
		}
		before := b.Cookie(sessionCookie)
		b.signIn("", cedula, clave)
		first := b.Cookie(sessionCookie)
		s.Pass(time.Second)
		b.signIn("", cedula, clave)
		if first == before || b.Cookie(sessionCookie) == first {
			t.Error("a sign-in keeps the session's identifier")
		}
		if rows, err := s.DB.AuditRows(t.Context(), 0, 100); err != nil || strings.Contains(rows[len(rows)-1].Detail, `"known"`) {
			t.Errorf("the mark is known as somebody's: %v, %v", rows[len(rows)-1], err)
		}
	})
}

// told is what /sesion/seguir tells a script.
type told struct {
	Left   int
	Clock  string
	Extend bool
}

func (b *browser) stay(method string) told {
	b.s.T.Helper()
	r := b.Request(method, "/sesion/seguir", "")
	r.Header.Set("Accept", "application/json")
	got := b.Send(r)
	var out told
	if err := json.Unmarshal([]byte(got.Body), &out); err != nil || got.Header.Get("Cache-Control") != "no-store" {
		b.s.T.Errorf("got %d %q: %v", got.Status, got.Body, err)
	}
	return out
}

// LAW-18, WCAG 2.2.1: a page says when its session ends; staying begins the idle
// time anew, never beyond the absolute limit; asking does not. It works as a plain
// form too.
func TestLAW18_ASVS_7_3_1_ASVS_7_3_2_Staying(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b, begun := s.browser(), s.Time()
		b.signIn("", cedula, clave)
		page := b.Get("/cambio")
		s.WantText(page, "Su sesión se cierra a las 12:15 si no hace nada.", "Seguir en la cuenta", `<data value="900">`)
		if !strings.Contains(page.Header.Get("Content-Security-Policy"), "connect-src 'self'") {
			t.Error("its script may not ask")
		}
		s.Pass(10 * time.Minute)
		if got := b.stay(http.MethodGet); got != (told{300, "12:15", true}) {
			t.Errorf("asking: %+v", got)
		}
		if got := b.stay(http.MethodPost); got != (told{900, "12:25", true}) {
			t.Errorf("staying: %+v", got)
		}
		s.Pass(14 * time.Minute)
		s.Want(b.Post("/sesion/seguir", "seguir", "1"), http.StatusSeeOther, "/sesion/seguir")
		s.Pass(2 * time.Minute)
		s.WantText(b.Get("/sesion/seguir"), "Su sesión sigue abierta", "12:39")
		if got := b.stay(http.MethodGet); got.Clock != "12:39" {
			t.Errorf("looking made it last until %s", got.Clock)
		}
		for s.Time().Before(begun.Add(11*time.Hour + 50*time.Minute)) {
			s.Pass(10 * time.Minute)
			b.stay(http.MethodPost)
		}
		if got := b.stay(http.MethodPost); got.Extend || got.Clock != "00:00" {
			t.Errorf("at the absolute limit: %+v", got)
		}
		s.WantText(b.Get("/cambio"), "Su sesión se cierra a las 00:00. Después puede ingresar otra vez.")
		if strings.Contains(b.Get("/cambio").Body, "/sesion/seguir\" target") {
			t.Error("staying is offered, and would do nothing")
		}
		s.SetTime(begun.Add(12 * time.Hour))
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			if got := b.stay(method); got != (told{}) {
				t.Errorf("%s after the end: %+v", method, got)
			}
		}
		s.WantText(b.Get("/sesion/seguir"), "Su sesión se cerró", "sigue allí")
		if b.signedIn() {
			t.Error("it has been made to last")
		}
	})
}

// What is typed on a page outside the account is there again after its session has
// ended: of a change in session the agreement, no clave ever.
func TestLAW18_ChangeKeepsWhatWasTicked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		b.signIn("", cedula, clave)
		form := append(b.Get("/cambio").Fields(), "clave_actual", clave, "clave_nueva", "Imbabura2027", "clave_confirmacion", "Imbabura2027", "acuerdo", "1")
		s.Pass(16 * time.Minute)
		got := b.Post("/cambio", form...)
		s.WantText(got, "Actualizamos esta página", `name="acuerdo" value="1" checked`)
		if strings.Contains(got.Body, "Imbabura2027") || strings.Contains(got.Body, clave) {
			t.Error("a clave is on the page")
		}
	})
}
