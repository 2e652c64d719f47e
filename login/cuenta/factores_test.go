package cuenta_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/login/totp"
)

const (
	pageStep  = "/cuenta/segundo-paso"
	pageCodes = "/cuenta/codigos"
)

// posts sends a form of her pages, each time another one.
func (s *site) posts(b *logintest.Browser, path string, pairs ...string) logintest.Answer {
	s.T.Helper()
	s.Pass(6 * time.Second) // or it is known again as the same form
	return b.Post(path, append([]string{"sesion", mark(s.maria)}, pairs...)...)
}

// mailed are the kinds of mails to her about factors, by name.
func (s *site) mailed() []string {
	s.T.Helper()
	s.Work()
	var out []string
	for _, m := range s.Mails(s.maria.ID) {
		if strings.HasPrefix(m.Template, "segundo-paso") {
			out = append(out, strings.TrimPrefix(m.Template, "segundo-paso-"))
		}
	}
	slices.Sort(out)
	return out
}

// An application counts once a code of it was typed: the secret stays on the page
// until then, in that browser and for nobody else.
func TestEnrolAnAuthenticatorApplication(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		s.WantText(b.Get(pageStep), "Sin configurar", `id="configurar"`)
		s.Want(s.posts(b, pageStep+"/configurar"), http.StatusSeeOther, pageStep)
		page := b.Get(pageStep)
		s.WantText(page, "<svg role=\"img\"", `name="codigo"`, `autocomplete="one-time-code"`, `inputmode="numeric"`)
		app, err := s.DB.TOTP(t.Context(), s.maria.ID)
		if err != nil || app.Live(s.Time()) {
			t.Fatalf("it counts before it is confirmed, %v", err)
		}
		key := strings.Join(totp.Key(app.Secret), " ")
		s.WantText(page, key)
		if other := s.enter(s.maria).Get(pageStep); strings.Contains(other.Body, key) {
			t.Error("another browser is shown the secret")
		}
		for typed, says := range map[string]string{"": "Escriba el código", "123": "seis cifras", s.WrongCode(s.maria.ID): "no sirve"} {
			got := s.posts(b, pageStep+"/activar", "codigo", typed)
			s.WantText(got, says, key)
		}
		before := b.Clone()
		code := s.CodeAt(s.maria.ID, s.Time().Add(6*time.Second))
		got := s.posts(b, pageStep+"/activar", "codigo", code[:3]+" "+code[3:])
		s.Want(got, http.StatusSeeOther, pageStep)
		s.WantText(b.Get(got.Location), "El segundo paso está activo", "Activa", "/cuenta/codigos")
		s.Want(before.Get("/cuenta"), http.StatusSeeOther, "/ingresar") // ASVS 7.2.4
		has, err := s.DB.Factors(t.Context(), s.maria.ID, s.Time())
		if err != nil || !has.TOTP || !has.SecondStep {
			t.Errorf("got %+v, %v", has, err)
		}
		s.Want(s.posts(b, pageStep+"/configurar"), http.StatusSeeOther, pageStep) // nothing takes its place
		if now, err := s.DB.TOTP(t.Context(), s.maria.ID); err != nil || !now.Live(s.Time()) || string(now.Secret) != string(app.Secret) {
			t.Errorf("another took its place, %v", err)
		}
		thief := s.NewBrowser()
		s.Want(thief.Post("/ingresar", "cedula", cedula, "clave", clave), http.StatusSeeOther, "/ingresar/segundo")
		s.WantText(thief.Second(thief.Get("/ingresar/segundo"), code), "ya se usó") // it was spent
		if got := s.mailed(); !slices.Equal(got, []string{"agregado"}) {
			t.Errorf("mailed %q", got)
		}
	})
}

// What was begun and not confirmed ends after an hour, and then a fresh secret takes
// its place.
func TestEnrolmentEnds(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		s.posts(b, pageStep+"/configurar")
		for range 7 {
			s.Pass(10 * time.Minute)
			b.Get("/cuenta")
		}
		s.WantText(b.Get(pageStep), "Sin configurar")
		got := s.posts(b, pageStep+"/activar", "codigo", s.Code(s.maria.ID), "confirmar", "1", "clave", clave)
		if got.Param("hecho") != "otra" {
			t.Errorf("got %d %q", got.Status, got.Location)
		}
	})
}

// NIST SP 800-63B: with the clave alone an application ends a day later, and she can
// take that back; with a code it ends at once. The same holds for the wish to be
// asked.
func TestRemovingTheSecondStep(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.BindTOTP(s.maria.ID, false)
		b := s.enter(s.maria)
		got := s.posts(b, pageStep+"/quitar")
		s.WantText(b.Get(got.Location), "terminará en 24 horas", `id="conservar"`)
		s.WantText(b.Get(b.Post(pageStep+"/quitar", "sesion", mark(s.maria), "otra", "vez").Location), "Nada cambió")
		s.Pass(10 * time.Minute)
		s.WantText(b.Get(s.posts(b, pageStep+"/conservar").Location), "se conserva")
		got = s.posts(b, pageStep+"/siempre", "confirmar", "1", "clave", clave)
		s.WantText(b.Get(got.Location), "pedimos siempre")

		form := []string{"confirmar", "1"}
		got = s.posts(b, pageStep+"/no-siempre", form...)
		s.WantText(got, `name="segundo"`)
		got = s.posts(b, pageStep+"/no-siempre", append(form, "segundo", s.WrongCode(s.maria.ID))...)
		s.WantText(got, `name="segundo"`, "no sirve", "Le quedan cuatro intentos")
		before := b.Clone()
		got = s.posts(b, pageStep+"/no-siempre", append(form, "segundo", s.CodeAt(s.maria.ID, s.Time().Add(6*time.Second)))...)
		s.WantText(b.Get(got.Location), "Ya no pedimos siempre")
		s.Want(before.Get("/cuenta"), http.StatusSeeOther, "/ingresar")
		s.WantText(b.Get(s.posts(b, pageStep+"/quitar").Location), "Quitamos la aplicación", "Sin configurar")
		if has, err := s.DB.Factors(t.Context(), s.maria.ID, s.Time()); err != nil || has.TOTP || has.SecondStep {
			t.Errorf("got %+v, %v", has, err)
		}
		if got, want := s.mailed(), []string{"apagado", "conservado", "por-terminar", "terminado"}; !slices.Equal(got, want) {
			t.Errorf("mailed %q, want %q", got, want)
		}
	})
}

var codeShape = regexp.MustCompile(`<b>([A-Z2-7]{4}(?:-[A-Z2-7]{4}){3})</b>`)

// Ten codes are shown once and can be kept as a text; others take their place only
// for whoever proves herself by more than a clave.
func TestRecoveryCodesAreShownOnce(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		s.WantText(b.Get(pageCodes), "Todavía no tiene")
		page := s.posts(b, pageCodes+"/nuevos")
		var codes []string
		for _, m := range codeShape.FindAllStringSubmatch(page.Body, -1) {
			codes = append(codes, m[1])
		}
		if len(codes) != 10 || page.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d codes: %d %s", len(codes), page.Status, page.Main())
		}
		s.WantText(b.Get(pageCodes), "Le quedan diez códigos")
		if again := b.Get(pageCodes); codeShape.MatchString(again.Body) || strings.Contains(again.Body, codes[0]) {
			t.Error("they are shown again")
		}
		file := s.posts(b, pageCodes+"/descargar", "codigos", page.Hidden("codigos"))
		if !strings.HasPrefix(file.Header.Get("Content-Type"), "text/plain") || !strings.Contains(file.Header.Get("Content-Disposition"), "attachment") ||
			!strings.HasSuffix(file.Body, strings.Join(codes, "\r\n")+"\r\n") {
			t.Errorf("got %q", file.Body)
		}
		for _, evil := range []string{"", "<script>", strings.Join(append(codes, codes[0]), " ")} {
			s.Want(s.posts(b, pageCodes+"/descargar", "codigos", evil), http.StatusSeeOther, pageCodes)
		}
		s.BindTOTP(s.maria.ID, true)
		got := s.posts(b, pageCodes+"/nuevos", "confirmar", "1", "clave", clave)
		s.WantText(got, `name="segundo"`, `name="segundo_respaldo"`)
		got = s.posts(b, pageCodes+"/nuevos", "confirmar", "1", "segundo", "", "segundo_respaldo", codes[9])
		fresh := codeShape.FindAllStringSubmatch(got.Body, -1)
		if len(fresh) != 10 || fresh[0][1] == codes[0] {
			t.Errorf("%d codes: %d %s", len(fresh), got.Status, got.Main())
		}
		other := s.NewBrowser()
		s.Want(other.Post("/ingresar", "cedula", cedula, "clave", clave), http.StatusSeeOther, "/ingresar/segundo")
		second := other.Get("/ingresar/segundo")
		s.WantText(other.Saved(second, codes[1]), "recuperación no sirve")
		s.Want(other.Saved(second, fresh[1][1]), http.StatusSeeOther, "/cuenta")
		if got, want := s.mailed(), []string{"codigos", "codigos", "usado", "usado"}; !slices.Equal(got, want) {
			t.Errorf("mailed %q, want %q", got, want)
		}
	})
}

// The page that confirms signs nobody in by a clave alone who wishes a second step,
// where her session has ended meanwhile; and what she had posted goes on after it.
func TestT14_ConfirmAsksForTheSecondStep(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		s.BindTOTP(s.maria.ID, true)
		s.Pass(16 * time.Minute)
		form := []string{"que", "esto", "confirmar", "1"}
		got := s.posts(b, "/cuenta/prueba", append(form, "cedula", cedula, "clave", clave)...)
		s.WantText(got, `name="segundo"`, `name="que" value="esto"`)
		s.Want(b.Get("/cuenta"), http.StatusSeeOther, "/ingresar")
		s.WantText(s.posts(b, "/cuenta/prueba", append(form, "segundo", s.WrongCode(s.maria.ID))...), `name="segundo"`, "no sirve")
		if len(s.done) > 0 {
			t.Errorf("done: %q", s.done)
		}
		got = s.posts(b, "/cuenta/prueba", append(form, "segundo", s.CodeAt(s.maria.ID, s.Time().Add(6*time.Second)))...)
		s.Want(got, http.StatusSeeOther, "/cuenta")
		if want := []string{s.maria.ID + " esto"}; !slices.Equal(s.done, want) {
			t.Errorf("got %q, want %q", s.done, want)
		}
		if got := b.Get("/cuenta"); got.Status != http.StatusOK {
			t.Errorf("got %d", got.Status)
		}
	})
}

// A code proves one factor: in a session whose clave was typed long ago it does not
// stand in for the clave.
func TestStrongWantsClaveAndCode(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.BindTOTP(s.maria.ID, false)
		b := s.enter(s.maria)
		s.Pass(6 * time.Minute)
		form := []string{"que", "esto", "confirmar", "1"}
		got := s.posts(b, "/cuenta/prueba-fuerte", append(form, "segundo", s.CodeAt(s.maria.ID, s.Time().Add(6*time.Second)))...)
		if !strings.Contains(got.Body, `name="clave"`) || len(s.done) > 0 {
			t.Errorf("got %d, %q", got.Status, s.done)
		}
		got = s.posts(b, "/cuenta/prueba-fuerte", append(form, "clave", clave)...)
		s.WantText(got, `name="segundo"`)
		got = s.posts(b, "/cuenta/prueba-fuerte", append(form, "segundo", s.CodeAt(s.maria.ID, s.Time().Add(6*time.Second)))...)
		s.Want(got, http.StatusSeeOther, "/cuenta")
		if len(s.done) != 1 {
			t.Errorf("got %q", s.done)
		}
	})
}
