package cuenta_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
)

// values of a hidden field on a page, in its order.
func values(got logintest.Answer, name string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`name="`+name+`" value="([^"]*)"`).FindAllStringSubmatch(got.Body, -1) {
		out = append(out, m[1])
	}
	return out
}

// last is the detail of the newest audit row of that name.
func (s *site) last(name string, who storage.Afiliado) map[string]string {
	s.T.Helper()
	rows, err := s.DB.PersonEvents(s.T.Context(), who.ID, name, s.Time(), 1)
	if err != nil || len(rows) != 1 {
		s.T.Fatalf("%s: %v, %v", name, rows, err)
	}
	detail, err := rows[0].Details()
	if err != nil {
		s.T.Fatal(err)
	}
	return detail
}

func (s *site) open(b *logintest.Browser) bool { return b.Get("/cuenta").Status == http.StatusOK }

// A person sees her sessions, and ends one, the others, or all; nobody else's is
// listed or ended, whatever the form names (ASVS 7.5.2, 7.4.1, 7.4.3).
func TestASVS_7_5_2_ASVS_7_4_1_ClosesOneOthersAll(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		here, second, third, his := s.enter(s.maria), s.enter(s.maria), s.enter(s.maria), s.enter(s.luis)
		told := s.Subscribe(s.maria.ID)
		page := here.Get("/cuenta/sesiones")
		s.WantText(page, "Su cuenta está abierta en tres lugares", "Con clave", "red 127.0.0.x", ">Esta<", "Cerrar todas las demás")
		ids := slices.DeleteFunc(values(page, "cual"), func(id string) bool { return id == "otras" || id == "todas" })
		if len(ids) != 2 {
			t.Fatalf("got %q, want the two that are not this one", ids)
		}
		hisID := s.sessions(s.luis)[0]
		post := func(cual string) logintest.Answer {
			return here.Post("/cuenta/sesiones/cerrar", "sesion", mark(s.maria), "cual", cual)
		}
		for _, foreign := range []string{hisID, "unknown", ""} {
			if got := post(foreign); got.Location != "/cuenta/sesiones" {
				t.Errorf("%q: got %d to %q", foreign, got.Status, got.Location)
			}
		}
		if !s.open(his) || s.Events(login.EventSessionEnded) != 0 {
			t.Error("a form ended a session of somebody else")
		}
		grant := s.grant(s.maria, ids[0])
		s.WantText(here.Get(post(ids[0]).Location), "Cerramos esa sesión.", "abierta en dos lugares")
		if s.open(second) == s.open(third) {
			t.Error("of the two others, one is to be closed")
		}
		if !s.revoked(grant) {
			t.Error("the tokens of a session that was closed live on")
		}
		if d := s.last(login.EventSessionEnded, s.maria); d["reason"] != storage.CauseClosed || d["session"] != ids[0] {
			t.Errorf("audit: %v", d)
		}
		if got := post("otras"); got.Param("hecho") != "others" || s.open(second) || s.open(third) || !s.open(here) || !s.open(his) {
			t.Errorf("closing the others: %q", got.Location)
		}
		s.WantText(here.Get("/cuenta/sesiones"), "abierta en un lugar")
		if got := post("todas"); got.Location != "/sesion/cerrada" || s.open(here) || here.Cookie("session") != "" || !s.open(his) {
			t.Errorf("closing all: %q", got.Location)
		}
		s.WantText(here.Get("/sesion/cerrada"), "Su sesión está cerrada")
		if got := strings.Join(told(), ", "); got != "" {
			t.Errorf("an application that was never entered was told %s", got)
		}
	})
}

// sessions are the ids of a person's live sessions.
func (s *site) sessions(who storage.Afiliado) []string {
	s.T.Helper()
	all, err := s.DB.LiveSessions(s.T.Context(), who.ID, s.Time())
	if err != nil {
		s.T.Fatal(err)
	}
	var out []string
	for _, one := range all {
		out = append(out, one.ID)
	}
	return out
}

// grant gives historia tokens in a session, as a code exchange would.
func (s *site) grant(who storage.Afiliado, session string) string {
	s.T.Helper()
	id := storage.NewID()
	s.In(func(tx *storage.Tx) error {
		return tx.AddGrant(s.T.Context(), storage.Grant{
			ID: id, ClientID: "historia", AfiliadoID: who.ID, SessionID: session, Scope: "openid",
			CreatedAt: storage.At(s.Time()), ExpiresAt: storage.At(s.Time().Add(time.Hour)),
		})
	})
	return id
}

func (s *site) revoked(grant string) bool {
	s.T.Helper()
	revoked := false
	s.In(func(tx *storage.Tx) error {
		live, err := tx.RevokeGrant(s.T.Context(), grant, "prueba", s.Time())
		revoked = !live
		return err
	})
	return revoked
}

// A session that is idle too long is not listed, as it opens nothing.
func TestASVS_7_3_1_IdleSessionIsNotListed(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.enter(s.maria)
		s.Pass(15*time.Minute + time.Second)
		s.WantText(s.enter(s.maria).Get("/cuenta/sesiones"), "abierta en un lugar")
	})
}

// Known devices: one is forgotten, or all; the next sign-in there is one on a new
// device, of which the person is told.
func TestD03_DevicesAreForgotten(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		here := s.enter(s.maria)
		s.Pass(time.Second)
		s.enter(s.maria)
		his := s.enter(s.luis)
		page := here.Get("/cuenta/sesiones")
		s.WantText(page, "Equipos conocidos", "Este equipo<", "Olvidar todos")
		ids := slices.DeleteFunc(values(page, "equipo"), func(id string) bool { return id == "todos" })
		theirs, err := s.DB.Devices(t.Context(), s.luis.ID, s.Time())
		if err != nil || len(ids) != 2 || len(theirs) != 1 {
			t.Fatalf("got %q and %v, %v", ids, theirs, err)
		}
		post := func(which string) logintest.Answer {
			return here.Post("/cuenta/equipos/olvidar", "sesion", mark(s.maria), "equipo", which)
		}
		if got := post(theirs[0].ID); got.Location != "/cuenta/sesiones" || s.Events(login.EventDeviceForgotten) != 0 {
			t.Errorf("another person's device: %q", got.Location)
		}
		if got := post(ids[0]); got.Param("hecho") != "forgotten" || len(s.devices(s.maria)) != 1 {
			t.Errorf("got %q, %d left", got.Location, len(s.devices(s.maria)))
		}
		if got := post("todos"); got.Param("hecho") != "all-forgotten" || len(s.devices(s.maria)) != 0 || len(s.devices(s.luis)) != 1 {
			t.Errorf("got %q, %d left", got.Location, len(s.devices(s.maria)))
		}
		if s.last(login.EventDeviceForgotten, s.maria)["which"] != "all" || !s.open(here) || !s.open(his) {
			t.Error("forgetting a device ends no session, and stands in the audit")
		}
		here.Post("/ingresar", "cedula", cedula, "clave", clave)
		if s.last("session.renewed", s.maria)["device"] != "new" {
			t.Error("a forgotten device is still known")
		}
	})
}

func (s *site) devices(who storage.Afiliado) []storage.Device {
	s.T.Helper()
	all, err := s.DB.Devices(s.T.Context(), who.ID, s.Time())
	if err != nil {
		s.T.Fatal(err)
	}
	return all
}

// T33: the person says that the computer is shared: its lanes go, those of others
// too, her session is short, no page lets it be forgotten. She can take it back,
// with a fresh proof.
func TestT33_SaysThatTheComputerIsShared(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		here := s.enter(s.maria)
		if !strings.Contains(here.Get("/cuenta/sesiones").Body, "es-compartido") {
			t.Fatal("no way to say that the computer is shared")
		}
		s.Pass(6 * time.Minute) // protecting herself takes no proof
		got := here.Post("/cuenta/equipos/compartido", "sesion", mark(s.maria), "es-compartido", "1")
		if got.Param("hecho") != "shared" || here.Cookie("device") != "shared" || len(s.devices(s.maria)) != 0 {
			t.Fatalf("got %d to %q, cookie %q", got.Status, got.Location, here.Cookie("device"))
		}
		s.WantText(here.Get("/cuenta/sesiones"), "Equipo compartido: esta sesión es corta", "Este equipo es solo mío")
		s.Pass(4 * time.Minute)
		if !s.open(here) {
			t.Error("signed out within five minutes")
		}
		own := here.Post("/cuenta/equipos/propio", "sesion", mark(s.maria), "propio", "1")
		s.WantText(own, confirms)
		own = here.Post("/cuenta/equipos/propio", "sesion", mark(s.maria), "propio", "1", "confirmar", "1", "clave", clave)
		if own.Param("hecho") != "own" || len(here.Cookie("device")) != 43 || len(s.devices(s.maria)) != 1 {
			t.Fatalf("got %d to %q, cookie %q", own.Status, own.Location, here.Cookie("device"))
		}
		s.Pass(14 * time.Minute)
		if !s.open(here) || strings.Contains(here.Get("/cuenta").Body, "Equipo compartido: esta") {
			t.Error("her own computer is treated as a shared one")
		}
		if s.Events(login.EventDeviceShared) != 1 || s.Events(login.EventDeviceOwn) != 1 {
			t.Error("the audit does not say so")
		}
	})
}

// What she takes back does not end a session that a later sign-in had made longer.
func TestT33_TakingItBackCountsFromTheLastSignIn(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		here := s.enter(s.maria)
		s.Pass(11 * time.Hour)
		s.Want(here.Post("/ingresar", "cedula", cedula, "clave", clave), http.StatusSeeOther, "/cuenta")
		s.Pass(2 * time.Hour)
		here.Post("/cuenta/equipos/compartido", "sesion", mark(s.maria), "es-compartido", "1")
		s.Want(here.Post("/cuenta/equipos/propio", "sesion", mark(s.maria), "confirmar", "1", "clave", clave), http.StatusSeeOther, "/cuenta/sesiones")
		if !s.open(here) {
			t.Error("the session has ended")
		}
	}, func(c *login.Config) { c.Idle, c.SharedIdle = 12*time.Hour, 4*time.Hour })
}

// T33: closing the session on a shared computer leaves nothing but the mark there,
// and tells the browser to forget what it keeps.
func TestT33_SharedComputerKeepsNothingAfterClosing(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		here := s.enter(s.maria)
		here.Get("/cuenta?ui_locales=en")
		here.Post("/cuenta/equipos/compartido", "sesion", mark(s.maria), "es-compartido", "1")
		if page := here.Get("/cuenta/sesiones"); page.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("a page of the account may be kept: %q", page.Header.Get("Cache-Control"))
		}
		got := here.Post("/cuenta/sesiones/cerrar", "sesion", mark(s.maria), "cual", "todas")
		s.Want(got, http.StatusSeeOther, "/sesion/cerrada")
		if got.Header.Get("Clear-Site-Data") != `"cache"` {
			t.Errorf("Clear-Site-Data: %q", got.Header.Get("Clear-Site-Data"))
		}
		for _, name := range []string{"session", "browser", "lang", "destino", "solicitud"} {
			if here.Cookie(name) != "" {
				t.Errorf("the cookie %s stays", name)
			}
		}
		if here.Cookie("device") != "shared" {
			t.Error("the mark went too")
		}
		s.WantText(here.Get("/sesion/cerrada"), "Cierre esta ventana")
		s.Want(here.Get("/cuenta/sesiones"), http.StatusSeeOther, "/ingresar")
	})
}

// To end sessions and forget devices she proves once more who she is (ASVS 7.5.2);
// to say that the computer is shared, and "No fui yo", she need not.
func TestASVS_7_5_2_ClosingWantsAFreshProof(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		s.Pass(5*time.Minute + time.Second)
		for path, field := range map[string]string{"/cuenta/sesiones/cerrar": "cual", "/cuenta/equipos/olvidar": "equipo", "/cuenta/equipos/propio": "propio"} {
			for _, value := range []string{"todas", "todos", "otras"} {
				s.WantText(b.Post(path, "sesion", mark(s.maria), field, value), confirms)
			}
		}
		if !s.open(b) || len(s.devices(s.maria)) != 1 {
			t.Error("something was done")
		}
		s.Want(b.Post("/cuenta/sesiones/cerrar", "sesion", mark(s.maria), "cual", "todas", "confirmar", "1", "clave", clave), http.StatusSeeOther, "/sesion/cerrada")
		if s.open(b) {
			t.Error("with the proof it is not done")
		}
	})
}
