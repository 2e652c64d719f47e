package server

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/provider"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// A third party signs somebody in and names an API: what she leaves unticked it gets
// no token for, and the sign-in serves all the same; what she ticks it gets.
func TestRFC8707_3_FromTheBoxToTheToken(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			s, _ := openOn(t, storagetest.URL(t, engine))
			phc, err := mustHasher(t, s.cfg.Hash).Make(t.Context(), timingClave)
			if err != nil {
				t.Fatal(err)
			}
			a := storagetest.AddAfiliado(t, s.db, storage.Afiliado{})
			storagetest.AddClave(t, s.db, a.ID, phc, time.Time{})
			all, err := provider.ParseClients([]byte(`[{"client_id":"web","client_secret":"` + webSecret + `","client_name":"Web",
				"redirect_uris":["https://web.example/cb"],"iess_resources":["urn:api"]},
				{"client_id":"api","client_secret":"` + webSecret + `","client_name":"API","grant_types":[],"iess_resource_server":"urn:api"}]`))
			if err != nil {
				t.Fatal(err)
			}
			storagetest.InTx(t, s.db, func(tx *storage.Tx) error { return provider.ApplyClients(t.Context(), tx, all, "", time.Now()) })

			p := newPerson(t, s)
			plain, ours := func(*http.Request) {}, func(r *http.Request) { r.Header.Set("Origin", s.issuer.String()) }
			walk := func(prompt string, forms ...url.Values) string {
				ask := request()
				ask.Set("resource", "urn:api")
				ask.Set("prompt", prompt)
				to, _ := p.send(http.MethodGet, "/authorize?"+ask.Encode(), nil, plain)
				for _, form := range forms {
					p.send(http.MethodGet, to.RequestURI(), nil, plain)
					form.Set("id", to.Query().Get("id"))
					to, _ = p.send(http.MethodPost, to.Path, form, ours)
				}
				return to.Query().Get("code")
			}
			redeem := func(code, resource string) string {
				form := url.Values{
					"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {"https://web.example/cb"},
					"code_verifier": {"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"}, "resource": {resource},
				}
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.issuer.String()+provider.PathToken, strings.NewReader(form.Encode()))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.SetBasicAuth("web", webSecret)
				res, err := handled{s.public}.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				body, err := io.ReadAll(res.Body)
				if err != nil {
					t.Fatal(err)
				}
				return string(body)
			}
			signIn := url.Values{"cedula": {"1759999913"}, "clave": {timingClave}}
			code := walk("", signIn, url.Values{"autorizar": {"1"}})
			if got := redeem(code, "urn:api"); !strings.Contains(got, `"invalid_target"`) {
				t.Errorf("without her tick: %s", got)
			}
			if got := redeem(code, ""); !strings.Contains(got, `"access_token"`) || strings.Contains(got, storage.ResourceMark) {
				t.Errorf("the sign-in itself: %s", got)
			}
			code = walk("consent", url.Values{"autorizar": {"1"}, "opcional": {storage.ResourceMark + "urn:api"}})
			if got := redeem(code, "urn:api"); !strings.Contains(got, `"access_token"`) || !strings.Contains(got, `"scope":"openid"`) {
				t.Errorf("with her tick: %s", got)
			}
		})
	}
}
