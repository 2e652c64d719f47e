package main

import (
	"bytes"
	"encoding/json"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// media: paper and the colours of the person's system.
func (s *suite) media(t *testing.T) {
	b := s.window(t)
	b.enter(s.historia)
	check := func(name string) {
		t.Helper()
		b.width(800)
		plain := b.pixels()
		b.media("print")
		b.noSidewaysScroll(name + "-print")
		if b.prop("header.top", "offsetHeight") == "0" && b.text("#contenido h1") == "" {
			t.Errorf("%s: nothing is left on paper", name)
		}
		if colours(t, b.pixels()) < 2 {
			t.Errorf("%s: paper is blank", name)
		}
		b.media("", "forced-colors", "active")
		if colours(t, b.pixels()) < 3 {
			t.Errorf("%s: in forced colours there is nothing to see", name)
		}
		// A button must keep an edge where its background is taken away.
		if got := value[string](b, "getComputedStyle(document.querySelector('#contenido .button')).borderTopStyle"); got == "none" {
			t.Errorf("%s: in forced colours the button has no edge", name)
		}
		b.media("")
		if len(plain) == 0 {
			t.Errorf("%s: no picture", name)
		}
	}
	check("ingresar")
	b.signIn(string(generated(3)), commonClave)
	b.at(s.issuer, "/autorizar")
	check("autorizar")
	b.press("continuar")
	b.at(s.historia, "/")
	check("historia")
}

// pixels is a picture of what the window shows.
func (b *tab) pixels() []byte {
	b.t.Helper()
	var out []byte
	b.run(chromedp.CaptureScreenshot(&out))
	return out
}

// colours counts the colours in a picture, up to some.
func colours(t *testing.T, picture []byte) int {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	found := map[[3]uint32]bool{}
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y += 2 {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X && len(found) < 10; x += 2 {
			r, g, b, _ := img.At(x, y).RGBA()
			found[[3]uint32{r, g, b}] = true
		}
	}
	return len(found)
}

// plainPages: what stands there for everybody, each in both languages, and the
// pages of mistakes.
func (s *suite) plainPages(t *testing.T) {
	b := s.window(t)
	for path, name := range map[string]string{
		"/": "inicio", "/ingresar": "ingresar-sin-aplicacion", "/ayuda": "ayuda", "/privacidad": "privacidad",
		"/accesibilidad": "accesibilidad", "/acuerdo": "acuerdo", "/generar-recuperar": "generar-recuperar",
		"/desbloqueo": "desbloqueo", "/cambio": "cambio",
	} {
		for _, lang := range []string{"", "en"} {
			address := s.issuer + path
			if lang != "" {
				address += "?ui_locales=en"
				name += "-en"
			}
			if status := b.open(address); status != http.StatusOK {
				t.Errorf("%s answers %d", path, status)
			}
			b.look(name)
			b.noDeadEnd()
		}
		b.run(chromedp.ActionFunc(clearCookie(s.issuer, "clave-lang-")))
	}
	for path, want := range map[string]struct {
		name   string
		status int
	}{
		"/nada": {"error-no-existe", http.StatusNotFound},
		"/authorize?client_id=nadie&redirect_uri=https://nadie.example/": {"error-aplicacion", http.StatusBadRequest},
		"/ingresar?id=nunca": {"error-vencido", 0},
	} {
		if status := b.open(s.issuer + path); want.status != 0 && status != want.status {
			t.Errorf("%s answers %d, want %d", path, status, want.status)
		}
		b.look(want.name)
		b.noDeadEnd()
	}

	// Signed in without an application, and out by the button of every page.
	b.open(s.issuer + "/ingresar")
	b.signIn(string(generated(4)), commonClave)
	b.at(s.issuer, "/cuenta")
	b.look("cuenta")
	b.lead(chromedp.Click("header [name=salir]", chromedp.ByQuery))
	b.noDeadEnd()
	b.open(s.issuer + "/")
	if b.has("header form") {
		t.Error("still signed in after Cerrar sesión")
	}
}

// applicationPages: what the applications say to nobody in particular.
func (s *suite) applicationPages(t *testing.T) {
	b := s.window(t)
	for app, name := range map[string]string{s.historia: "historia", s.prestamos: "prestamos", s.fondos: "fondos"} {
		for _, path := range []string{"/", "/datos", "/adios", "/nada", "/retorno?code=x&state=y&iss=z"} {
			b.open(app + path)
			b.look(name + "-" + strings.Trim(strings.Split(path, "?")[0]+"-sin-sesion", "/-"))
			b.noDeadEnd()
		}
	}
}

// getJSON reads a document of the provider's.
func getJSON(t *testing.T, address string, into any) {
	t.Helper()
	res, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
}
