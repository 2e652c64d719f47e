package login_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

const pageSecond = "/ingresar/segundo"

// sessions are the classes and methods of a person's open sessions.
func (s *site) sessions(afiliadoID string) []string {
	s.T.Helper()
	raw := storagetest.Raw(s.T, s.Database)
	defer raw.Close()
	rows, err := raw.QueryContext(s.T.Context(), `SELECT acr, amr FROM session WHERE ended_at = 0 AND afiliado_id = '`+afiliadoID+`' ORDER BY created_at`)
	if err != nil {
		s.T.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var acr, amr string
		if err := rows.Scan(&acr, &amr); err != nil {
			s.T.Fatal(err)
		}
		out = append(out, strings.TrimPrefix(acr, "urn:iess:acr:")+" "+amr)
	}
	if err := rows.Err(); err != nil {
		s.T.Fatal(err)
	}
	return out
}

// atSecond types the clave and returns the page of the second step.
func (b *browser) atSecond(request string) answer {
	b.s.T.Helper()
	b.s.Want(b.signIn(request, cedula, clave), http.StatusSeeOther, pageSecond)
	path := pageSecond
	if request != "" {
		path += "?id=" + request
	}
	return b.Get(path)
}

// T14, ASVS 6.3.4: between the clave and the second step nobody is signed in: every
// address answers as it answers a stranger, but for the page of the step.
func TestT14_ASVS_6_3_4_NoSessionBeforeTheSecondStep(t *testing.T) {
	t.Parallel()
	logintest.Each(t, func(t *testing.T, engine string) {
		var router *mux.Router
		s := &site{logged: &safeBuffer{}}
		s.Site = logintest.NewSite(t, engine, func(_ *logintest.Site, r *mux.Router) { router = r }, s.watched)
		a := s.person(cedula, clave)
		s.BindTOTP(a.ID, true)
		b, stranger := s.browser(), s.browser()
		in, other := b.ask("historia", "openid"), stranger.ask("historia", "openid")
		b.atSecond(in.Param("id"))
		if got := s.sessions(a.ID); len(got) > 0 {
			t.Errorf("sessions %q before the second step", got)
		}
		paths := 0
		err := router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
			path, err := route.GetPathTemplate()
			methods, _ := route.GetMethods()
			if err != nil || path == pageSecond || strings.Contains(path, "{") || path == "/authorize" {
				return nil //nolint:nilerr // not a page
			}
			paths++
			var got, want answer
			if slices.Contains(methods, http.MethodPost) {
				got = b.Post(path, "id", in.Param("id"), "continuar", "1", "clave_nueva", "Antisana5758")
				want = stranger.Post(path, "id", other.Param("id"), "continuar", "1", "clave_nueva", "Antisana5758")
			} else {
				got, want = b.Get(path+"?id="+in.Param("id")), stranger.Get(path+"?id="+other.Param("id"))
			}
			if got.Status != want.Status || got.Leads() != want.Leads() {
				t.Errorf("%s %q: got %d to %q, a stranger %d to %q", path, methods, got.Status, got.Leads(), want.Status, want.Leads())
			}
			return nil
		})
		if err != nil || paths < 20 {
			t.Errorf("%d addresses, %v", paths, err)
		}
		if got := s.sessions(a.ID); len(got) > 0 {
			t.Errorf("sessions %q before the second step", got)
		}
	})
}

// A clave and a code are two factors, and the session says so; a code is good once,
// whoever has seen it.
func TestSecondStepSignsIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		s.BindTOTP(a.ID, true)
		codes := s.SaveCodes(a.ID)
		b := s.browser()
		in := b.ask("historia", "openid")
		page := b.atSecond(in.Param("id"))
		s.WantText(page, `name="codigo"`, `name="codigo_respaldo"`, `autocomplete="one-time-code"`, `inputmode="numeric"`)
		code := s.Code(a.ID)
		s.Want(b.Second(page, code), http.StatusSeeOther, "/autorizar")
		done := b.PostForm("/autorizar", map[string][]string{"id": {in.Param("id")}, "continuar": {"1"}})
		if done.Param("acr") != login.ACR2FA {
			t.Errorf("got %q", done.Location)
		}
		if got := s.sessions(a.ID); !slices.Equal(got, []string{"2fa pwd otp mfa"}) {
			t.Errorf("got %q", got)
		}
		thief := s.browser()
		page = thief.atSecond("")
		s.WantText(thief.Second(page, code), "ya se usó")
		s.WantText(thief.Second(page, s.WrongCode(a.ID)), "no sirve")
		s.Pass(10 * time.Second)
		s.WantText(thief.Second(page, "12 34"), "seis cifras")
		s.WantText(thief.Second(page, ""), "Escriba el código")
		s.WantText(thief.Saved(page, ""), "Escriba un código de recuperación")
		s.WantText(thief.Saved(page, "AAAA-BBBB-CCCC-DDDD"), "recuperación no sirve")
		s.Want(thief.Saved(page, strings.ToLower(codes[3])), http.StatusSeeOther, "/cuenta")
		if got := s.sessions(a.ID); !slices.Contains(got, "2fa pwd mfa") {
			t.Errorf("got %q", got)
		}
		again := s.browser()
		s.WantText(again.Saved(again.atSecond(""), codes[3]), "recuperación no sirve")
		s.Work()
		if s.Events("codes.used") != 1 || s.Events("second.denied") != 4 || !slices.ContainsFunc(s.Mails(a.ID), func(m storage.Message) bool { return m.Template == "segundo-paso-usado" }) {
			t.Errorf("%d codes used, %d denied", s.Events("codes.used"), s.Events("second.denied"))
		}
	})
}

// ASVS 6.6.3: five wrong codes end the attempt to sign in, the person is told, and
// then there is a pause, in whatever browser; recovery codes do not wait.
func TestASVS_6_6_3_FiveWrongCodes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		s.BindTOTP(a.ID, true)
		codes := s.SaveCodes(a.ID)
		thief := s.browser()
		page := thief.atSecond("")
		for _, left := range []string{"Le quedan cuatro intentos", "Le quedan tres intentos", "Le quedan dos intentos", "Le queda un intento", "Ya no quedan intentos"} {
			s.Pass(6 * time.Second)
			s.WantText(thief.Second(page, s.WrongCode(a.ID)), left)
		}
		s.WantText(thief.Second(page, s.Code(a.ID)), "Ya no quedan intentos")
		s.Work()
		told := 0
		for _, m := range s.Mails(a.ID) {
			if m.Template == "segundo-paso-intentos" {
				told++
			}
		}
		if told != 1 || len(s.sessions(a.ID)) != 0 {
			t.Errorf("told %d times, sessions %q", told, s.sessions(a.ID))
		}
		other := s.browser()
		page = other.atSecond("")
		s.WantText(other.Second(page, s.Code(a.ID)), "demasiados códigos equivocados", "12:01")
		s.Want(other.Saved(page, codes[0]), http.StatusSeeOther, "/cuenta")
		s.Pass(time.Minute)
		hers := s.browser()
		page = hers.atSecond("")
		s.WantText(hers.Second(page, s.WrongCode(a.ID)), "no sirve")
		s.WantText(hers.Second(page, s.Code(a.ID)), "demasiados códigos equivocados")
		s.Pass(2 * time.Minute)
		s.Want(hers.Second(page, s.Code(a.ID)), http.StatusSeeOther, "/cuenta")
		app, err := s.DB.TOTP(t.Context(), a.ID)
		if err != nil || app.Failures != 5 { // her own mistake is forgiven, and what others did is not
			t.Errorf("got %+v, %v", app, err)
		}
	})
}

// Inside a session the step raises it: the old secret opens nothing any more, and the
// application gets the class it asked for.
func TestASVS_7_2_4_SecondStepInsideASession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		s.BindTOTP(a.ID, false)
		b := s.browser()
		in := b.ask("historia", "openid")
		s.Want(b.signIn(in.Param("id"), cedula, clave), http.StatusSeeOther, "/autorizar")
		b.PostForm("/autorizar", map[string][]string{"id": {in.Param("id")}, "continuar": {"1"}})
		if got := s.sessions(a.ID); !slices.Equal(got, []string{"clave pwd"}) {
			t.Errorf("got %q: asked for more than anybody wants", got)
		}
		s.Pass(6 * time.Minute)
		silent := b.ask("historia", "openid", "acr_values", login.ACR2FA, "prompt", "none")
		if silent.Param("error") != "interaction_required" {
			t.Errorf("got %q", silent.Location)
		}
		in = b.ask("historia", "openid", "acr_values", login.ACR2FA, "acr_essential", "1")
		s.Want(in, http.StatusSeeOther, pageSecond)
		page, before := b.Get(in.Location), b.Clone()
		s.WantText(page, "Usted ya ingresó")
		done := b.Second(page, s.Code(a.ID))
		if done.Leads() != "https://historia.example/cb" || done.Param("acr") != login.ACR2FA {
			t.Errorf("got %d %q", done.Status, done.Location)
		}
		if got := s.sessions(a.ID); !slices.Equal(got, []string{"2fa pwd otp mfa"}) {
			t.Errorf("got %q", got)
		}
		raw := storagetest.Raw(t, s.Database)
		defer raw.Close()
		var at storage.Instant // a code alone is one factor: when she proved who she is has not moved
		if err := raw.QueryRowContext(t.Context(), `SELECT auth_at FROM session WHERE ended_at = 0`).Scan(&at); err != nil || s.Time().Sub(at.Time) < 6*time.Minute {
			t.Errorf("proved at %v, %v", at, err)
		}
		s.Want(before.Get("/cuenta/mensajes"), http.StatusSeeOther, "/ingresar")
		if got := b.Get("/cuenta/mensajes"); got.Status != http.StatusOK {
			t.Errorf("got %d", got.Status)
		}
		s.Want(b.Get(pageSecond), http.StatusSeeOther, "/ingresar")
	})
}

// What lets go on after a clave does so in the browser in which it was typed, while
// that clave holds, for ten minutes and once; what counts the attempts inside a
// session signs nobody in.
func TestASVS_6_6_2_TheGrantOfASecondStep(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		s.BindTOTP(a.ID, true)
		for name, change := range map[string]func(b *browser){
			"after ten minutes": func(*browser) { s.Pass(10 * time.Minute) },
			"another clave":     func(*browser) { s.Pass(time.Second); s.SetClave(a.ID, clave, time.Time{}) },
			"she said it was not her": func(*browser) {
				s.In(func(tx *storage.Tx) error {
					_, err := tx.LockClave(t.Context(), s.DB.IdentifierMAC(cedula), storage.LockCompromiso, s.Time())
					return err
				})
			},
		} {
			s.Pass(time.Minute)
			b := s.browser()
			page := b.atSecond("")
			change(b)
			if got := b.Second(page, s.Code(a.ID)); got.Location == "/cuenta" || len(s.sessions(a.ID)) > 0 {
				t.Errorf("%s: got %d to %q", name, got.Status, got.Location)
			}
			s.In(func(tx *storage.Tx) error { return tx.UnlockClave(t.Context(), s.DB.IdentifierMAC(cedula)) })
		}

		b, in := s.browser(), answer{}
		page := b.atSecond("")
		s.Want(b.Post(pageSecond, "sesion", page.Hidden("sesion"), "cancelar", "1"), http.StatusSeeOther, "/")
		s.Want(b.Second(page, s.Code(a.ID)), http.StatusSeeOther, "/ingresar")

		page = b.atSecond("")
		var won atomic.Int64
		code := s.Code(a.ID)
		clones := []*logintest.Browser{b.Clone(), b.Clone(), b.Clone(), b.Clone()}
		logintest.Parallel(len(clones), func(i int) {
			if clones[i].Second(page, code, "vez", string(rune('a'+i))).Location == "/cuenta" {
				won.Add(1)
			}
		})
		if won.Load() != 1 || len(s.sessions(a.ID)) != 1 {
			t.Errorf("%d signed in, sessions %q", won.Load(), s.sessions(a.ID))
		}

		codes := s.SaveCodes(a.ID)
		b = s.browser()
		page = b.atSecond("")
		copied, thief := b.Clone(), s.browser()
		only := thief.Request(http.MethodPost, pageSecond, url.Values{"sesion": {page.Hidden("sesion")}, "codigo_respaldo": {codes[0]}}.Encode())
		for _, c := range b.Cookies() {
			if strings.Contains(c.Name, "segundo-paso") { // that, and not what names the browser
				only.AddCookie(c)
			}
		}
		s.Want(thief.Send(only), http.StatusSeeOther, "/ingresar")
		s.Want(b.Saved(page, codes[1]), http.StatusSeeOther, "/cuenta")
		if got := copied.Saved(page, codes[2]); got.Location == "/cuenta" { // another code, and the grant is spent
			t.Errorf("a grant served twice: %d to %q", got.Status, got.Location)
		}

		s.In(func(tx *storage.Tx) error { return tx.SetSecondStep(t.Context(), a.ID, false) })
		b = s.browser()
		in = b.ask("historia", "openid")
		s.Want(b.signIn(in.Param("id"), cedula, clave), http.StatusSeeOther, "/autorizar")
		in = b.ask("historia", "openid", "acr_values", login.ACR2FA)
		page = b.Get(in.Location)
		s.Want(b.Post("/oauth/logout"), http.StatusSeeOther, "/")
		s.Pass(time.Minute)
		s.Want(b.Second(page, s.Code(a.ID)), http.StatusSeeOther, "/continuar")
		s.Want(b.Get("/continuar?id="+in.Param("id")), http.StatusSeeOther, "/ingresar")
	})
}

// Whoever wishes a second step after each clave and has nothing left for it is let in
// by the clave alone.
func TestSecondStepNeedsSomethingToDoItWith(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		s.BindTOTP(a.ID, true)
		s.In(func(tx *storage.Tx) error {
			_, err := tx.EndTOTP(t.Context(), a.ID, s.Time().Add(time.Hour), s.Time())
			return err
		})
		s.browser().atSecond("")
		s.Pass(time.Hour)
		s.Want(s.browser().signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
		codes := s.SaveCodes(a.ID)
		b := s.browser()
		s.Want(b.Saved(b.atSecond(""), codes[0]), http.StatusSeeOther, "/cuenta")
	})
}

// After the clave a passkey of hers is a second step, too, and what comes of it says
// both; somebody else's is none.
func TestSecondStepByPasskey(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		a, other := s.person(cedula, clave), s.person(another, clave)
		hers, foreign := s.NewDevice(), s.NewDevice()
		s.Enrol(hers, a.ID)
		s.Enrol(foreign, other.ID)
		s.In(func(tx *storage.Tx) error { return tx.SetSecondStep(t.Context(), a.ID, true) })
		b := s.browser()
		in := b.ask("historia", "openid")
		page := b.atSecond(in.Param("id"))
		s.WantText(page, `data-llave="/ingresar/segundo/opciones"`)
		send := func(response string) answer {
			s.Pass(6 * time.Second)
			return b.Post(pageSecond, "id", page.Hidden("id"), "sesion", page.Hidden("sesion"), "llave", response)
		}
		s.WantText(send(b.Prove(foreign)), "Puede intentarlo otra vez")
		if got := s.sessions(a.ID); len(got) > 0 || len(s.sessions(other.ID)) > 0 {
			t.Errorf("sessions %q", got)
		}
		s.Want(send(b.ProveAt(hers, pageSecond+"/opciones")), http.StatusSeeOther, "/autorizar")
		if got := s.sessions(a.ID); !slices.Equal(got, []string{"passkey pwd hwk user mfa"}) {
			t.Errorf("got %q", got)
		}
	})
}

// T33: what she says of the computer beside her clave holds after the second step.
func TestT33_SecondStepOnASharedComputer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		s.BindTOTP(a.ID, true)
		b := s.browser()
		s.Want(b.Post("/ingresar", "cedula", string(cedula), "clave", clave, login.FieldShared, "1"), http.StatusSeeOther, pageSecond)
		s.Want(b.Second(b.Get(pageSecond), s.Code(a.ID)), http.StatusSeeOther, "/cuenta")
		raw := storagetest.Raw(t, s.Database)
		defer raw.Close()
		var shared, lanes int
		err := raw.QueryRowContext(t.Context(), `SELECT (SELECT COUNT(*) FROM session WHERE shared), (SELECT COUNT(*) FROM device)`).Scan(&shared, &lanes)
		if err != nil || shared != 1 || lanes != 0 {
			t.Errorf("%d shared sessions, %d known devices, %v", shared, lanes, err)
		}
	})
}
