package clave_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// forms are the addresses that take one.
func forms() []string {
	return []string{
		"/renovar", "/cambio", "/desbloqueo", "/desbloqueo/reenviar", "/desbloqueo/abrir", "/desbloqueo/codigo", "/no-fui-yo",
	}
}

// T27: whatever a form or an address of these pages holds, it is refused with a
// page and never breaks anything: for a stranger, for who is signed in, and for who
// has opened a link.
func TestT27_BadInputIsNo500(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		signedIn := s.browser()
		signedIn.signIn("", old)
		proved := s.browser()
		proved.prove(s.who.Identifier, old)
		opened, link := locked(s)
		opened.Open(link)
		bodies := []string{"", "%", "clave_nueva=%zz", "a;b", "id=a&id=b", "codigo_mensaje=1&codigo_mensaje=2", strings.Repeat("a=b&", 30000)}
		for _, bad := range []string{"\x00", "\xff\xfe", "1759999913\x00", "𝟙𝟟𝟝𝟡", "' OR 1=1 --", "<script>", strings.Repeat("é", 9000)} {
			for _, f := range []url.Values{
				{"id": {bad}, "clave_nueva": {nueva}, "clave_confirmacion": {nueva}, "acuerdo": {bad}},
				{"clave_actual": {bad}, "clave_nueva": {bad}, "clave_confirmacion": {bad}, "acuerdo": {"1"}, "desde": {bad}, "cerrar_otras": {bad}},
				{"cedula": {bad}, "clave_actual": {bad}, "codigo": {bad}, "acuerdo": {"1"}},
				{"identificacion": {bad}, "reto": {bad}, "altcha": {bad}, "desbloquear": {"1"}, "codigo": {bad}},
				{"codigo_mensaje": {bad}, "identificacion": {bad}, "ultimos": {bad}, "no-fui-yo": {bad}, bad: {bad}},
			} {
				bodies = append(bodies, f.Encode())
			}
		}
		check := func(what string, got answer) {
			t.Helper()
			if got.Status == 0 || got.Status >= 500 || strings.Contains(got.Body, "<script>") {
				t.Errorf("%.80s: %d %.200s", what, got.Status, got.Body)
			}
		}
		for who, b := range map[string]*browser{"stranger": s.browser(), "signed in": signedIn, "proved": proved, "link opened": opened} {
			for _, path := range forms() {
				for _, body := range bodies {
					check(who+": POST "+path+" "+body, b.Do(http.MethodPost, path, body))
				}
			}
			for _, path := range append(forms(), "/enlace/x", "/enlace/%00", "/enlace/%ff", "/enlace/"+strings.Repeat("a", 5000), "/enlace/..%2f") {
				for _, query := range []string{"", "?id=%00", "?id=%ff", "?id=a&id=b", "?reto=%00&codigo=%ff", "?id=" + strings.Repeat("a", 5000)} {
					check(who+": GET "+path+query, b.Get(path+query))
				}
			}
		}
	})
}

// FT-17: no form breaks a handler.
func FuzzFT17_Forms(f *testing.F) {
	for _, path := range forms() {
		for _, body := range []string{
			"clave_actual=a&clave_nueva=b&clave_confirmacion=b&acuerdo=1&desde=0", "cedula=1759999913&clave_actual=%ff&acuerdo=1", "cancelar=1", "%",
			"identificacion=EXT-0004711&codigo=1&reto=x&desbloquear=1", "codigo_mensaje=12345678&identificacion=1", "id=x&id=y", "no-fui-yo=1&ultimos=%00",
		} {
			f.Add(path, body)
		}
	}
	s := newSite(f, "sqlite")
	f.Fuzz(func(t *testing.T, path, body string) {
		for _, known := range append(forms(), "/enlace/") {
			if !strings.HasPrefix(known, path) {
				continue
			}
			method := http.MethodPost
			if strings.HasPrefix(known, "/enlace/") {
				method, known, body = http.MethodGet, "/enlace/"+url.PathEscape(body), ""
			}
			r, err := http.NewRequestWithContext(t.Context(), method, s.URL+known, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", s.URL)
			res, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if err != nil || res.StatusCode >= 500 && res.StatusCode != http.StatusServiceUnavailable {
				t.Fatalf("%s %s with %q: %d, %v", method, known, body, res.StatusCode, err)
			}
		}
	})
}
