package server

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login/passkeytest"
	"iess.gob.ec/clave/provider"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// What the speed of a sign-in hangs on is how often the database is waited for:
// at most 4 commits for a whole login, 2 for a sign-on with a session and for a
// refresh, none for userinfo (design.md section 5, performance.md section 4).
// The statements are those inside transactions; a new one has to earn its place.
func TestDesign5_CommitsAndStatementsOfEachOperation(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			var done []string
			s, _ := openOn(t, storagetest.URL(t, engine), func(c *Config) {
				c.Storage.OnStatement = func(_ context.Context, query string) { done = append(done, query) }
			})
			phc, err := mustHasher(t, s.cfg.Hash).Make(t.Context(), timingClave)
			if err != nil {
				t.Fatal(err)
			}
			a := storagetest.AddAfiliado(t, s.db, storage.Afiliado{})
			storagetest.AddClave(t, s.db, a.ID, phc, time.Time{})
			registerWeb(t, s)
			newPerson(t, s).code() // the notice of a first time is behind her

			p, q := newPerson(t, s), newPerson(t, s)
			q.device = enrol(t, s, a.ID)
			var answer tokens
			var pushed string
			for _, op := range []struct {
				name                string
				do                  func()
				commits, statements int
			}{
				{"login", func() { answer = p.redeem(p.code()) }, 4, 24},
				{"login by a passkey", func() { q.redeem(q.code()) }, 4, 26},
				{"sign-on with a session", func() { answer = p.redeem(p.code()) }, 2, 11},
				{"push", func() { pushed = p.push() }, 1, 1},
				{"sign-on with a session, pushed", func() { answer = p.redeem(p.walk(url.Values{"client_id": {"web"}, "request_uri": {pushed}})) }, 2, 12},
				{"refresh", func() {
					answer = p.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {answer.Refresh}})
				}, 1, 5},
				{"userinfo", func() { p.userinfo(answer.Access) }, 0, 0},
			} {
				done = nil
				op.do()
				commits := len(slices.DeleteFunc(slices.Clone(done), func(q string) bool { return q != "COMMITTED" }))
				statements := slices.DeleteFunc(done, func(q string) bool { return strings.HasPrefix(q, "COMMIT") })
				if commits != op.commits || len(statements) > op.statements {
					t.Errorf("%s took %d commits and %d statements, want %d and at most %d:\n%s",
						op.name, commits, len(statements), op.commits, op.statements, strings.Join(statements, "\n"))
				}
			}
			// An operator sees how many people come by a passkey.
			for _, want := range []string{`clave_sessions_started_total{acr="clave"} 2`, `clave_sessions_started_total{acr="passkey"} 1`} {
				if text := metricsOf(s); !strings.Contains(text, "\n"+want+"\n") {
					t.Errorf("metrics lack %s", want)
				}
			}
		})
	}
}

const webSecret = "wJ4pG7qLx2Vd9sRk0NfTzYbM5cHa8eUi"

func registerWeb(t *testing.T, s *Server) {
	t.Helper()
	all, err := provider.ParseClients([]byte(`[{"client_id":"web","client_secret":"` + webSecret + `","client_name":"Web",
		"redirect_uris":["https://web.example/cb"],"grant_types":["authorization_code","refresh_token"],
		"scope":"openid profile offline_access","iess_first_party":true}]`))
	if err != nil {
		t.Fatal(err)
	}
	storagetest.InTx(t, s.db, func(tx *storage.Tx) error { return all[0].Apply(t.Context(), tx, time.Now()) })
}

// person is somebody at a browser of her own, before a server in this process.
type person struct {
	t      *testing.T
	server *Server
	client *http.Client
	device *passkeytest.Authenticator // by which she signs in; nil: by her clave
}

func newPerson(t *testing.T, s *Server) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t: t, server: s, client: &http.Client{Jar: jar, Transport: handled{s.public}, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
}

// handled is a network that ends at a handler.
type handled struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (h handled) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.Host, in.RemoteAddr = r.URL.Host, "192.0.2.1:1234"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, in)
	return w.Result(), nil
}

func (p *person) send(method, path string, form url.Values, change func(*http.Request)) (*url.URL, []byte) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.server.issuer.String()+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	change(r)
	res, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 400 {
		p.t.Fatalf("%s %s: %d, %v:\n%s", method, path, res.StatusCode, err, body)
	}
	to, err := res.Location()
	if err != nil {
		to = &url.URL{}
	}
	return to, body
}

// code walks to the application, through the pages that are in the way.
func (p *person) code() string { return p.walk(request()) }

func request() url.Values {
	return url.Values{
		"client_id": {"web"}, "redirect_uri": {"https://web.example/cb"}, "response_type": {"code"}, "scope": {"openid profile offline_access"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"}, // RFC 7636 appendix B
	}
}

// push hands the request in beforehand (RFC 9126) and returns its request_uri.
func (p *person) push() string {
	p.t.Helper()
	_, body := p.send(http.MethodPost, provider.PathPush, request(), func(r *http.Request) { r.SetBasicAuth("web", webSecret) })
	var out struct {
		RequestURI string `json:"request_uri"`
	}
	if err := json.Unmarshal(body, &out); err != nil || out.RequestURI == "" {
		p.t.Fatalf("%v: %s", err, body)
	}
	return out.RequestURI
}

// walk is code for what ask says.
func (p *person) walk(ask url.Values) string {
	p.t.Helper()
	plain := func(*http.Request) {}
	ours := func(r *http.Request) { r.Header.Set("Origin", p.server.issuer.String()) }
	to, _ := p.send(http.MethodGet, "/authorize?"+ask.Encode(), nil, plain)
	for _, form := range []url.Values{{"cedula": {"1759999913"}, "clave": {timingClave}}, {"continuar": {"1"}}} {
		if to.Host != "web.example" {
			p.send(http.MethodGet, to.RequestURI(), nil, plain)
			form.Set("id", to.Query().Get("id"))
			if p.device != nil && form.Has("clave") {
				form = url.Values{"id": form["id"], "llave": {p.prove()}}
			}
			to, _ = p.send(http.MethodPost, to.Path, form, ours)
		}
	}
	if to.Query().Get("code") == "" {
		p.t.Fatalf("no code, but %s", to)
	}
	return to.Query().Get("code")
}

type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

func (p *person) redeem(code string) tokens {
	p.t.Helper()
	return p.token(url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {"https://web.example/cb"},
		"code_verifier": {"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
	})
}

func (p *person) token(form url.Values) tokens {
	p.t.Helper()
	_, body := p.send(http.MethodPost, provider.PathToken, form, func(r *http.Request) { r.SetBasicAuth("web", webSecret) })
	var out tokens
	if err := json.Unmarshal(body, &out); err != nil || out.Access == "" || out.Refresh == "" {
		p.t.Fatalf("%v: %s", err, body)
	}
	return out
}

func (p *person) userinfo(access string) {
	p.t.Helper()
	_, body := p.send(http.MethodGet, provider.PathUserinfo, nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+access) })
	if !strings.Contains(string(body), "Quishpe") {
		p.t.Fatalf("userinfo: %s", body)
	}
}
