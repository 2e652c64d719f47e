package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"iess.gob.ec/clave/templates"
)

// gallery serves every page of templates in every state, with the policy of the
// real pages.
func gallery(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	pages, err := templates.Parse(templates.Config{Issuer: "http://" + server.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/static/", pages.Static())
	mux.HandleFunc("/axe.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=3600")
		http.ServeFile(w, r, axeFile)
	})
	mux.HandleFunc("POST /ingresar/llave/opciones", func(w http.ResponseWriter, _ *http.Request) { // no passkey answers at an IP address
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"options": {"publicKey": {"challenge": "AAAA"}}, "unknown": false}`))
	})
	for _, lang := range templates.Languages() {
		for _, s := range templates.States(lang) {
			mux.HandleFunc("/"+lang+"/"+s.Name, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Security-Policy",
					"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; connect-src 'self'")
				if err := pages.Render(w, s.Status, s.Page); err != nil {
					t.Error(err)
				}
			})
		}
	}
	server.Config.Handler = mux
	server.Start()
	t.Cleanup(server.Close)
	return server
}

// galleryAxe fetches axe-core from the gallery, which costs less than to send it
// to each page anew.
const galleryAxe = `new Promise((resolve, reject) => {
	const s = document.createElement('script')
	Object.assign(s, {src: '/axe.js', onload: resolve, onerror: reject})
	document.head.append(s)
	s.remove()
}).then(() => {})`

// states inspects every page in every state.
func states(t *testing.T, c *chromium, l *looks, langs ...string) {
	t.Helper()
	g := gallery(t)
	for _, lang := range langs {
		b := c.tab(t, true, l)
		for _, s := range templates.States(lang) {
			if strings.HasPrefix(s.Name, "formpost") {
				b = c.tab(t, false, l) // it sends itself away as soon as script runs
			}
			b.axe = galleryAxe
			if status := b.open(g.URL + "/" + lang + "/" + s.Name); status != s.Status {
				t.Errorf("%s: got %d, want %d", s.Name, status, s.Status)
			}
			b.look("estado-" + lang + "-" + s.Name)
		}
	}
}
