package server

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// buffer is a log that tests read while the server writes it.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// open assembles a server on a fresh embedded database.
func open(t *testing.T, change ...func(*Config)) (*Server, *buffer) {
	t.Helper()
	return openOn(t, storagetest.URL(t, "sqlite"), change...)
}

func openOn(t *testing.T, url string, change ...func(*Config)) (*Server, *buffer) {
	t.Helper()
	log := &buffer{}
	cfg := Config{
		Issuer: "http://localhost:8080", Version: "test", Storage: storage.Config{URL: url, Keys: storagetest.Keys()},
		Hash: login.HashConfig{Memory: 16, Passes: 1}, AccessLog: true, Now: time.Now, Log: slog.New(slog.NewJSONHandler(log, nil)),
	}
	for _, f := range change {
		f(&cfg)
	}
	s, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, log
}

func https(c *Config) {
	c.Issuer = "https://clave.example"
	c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
}

// ask sends a request to the public handler as a stranger's connection would.
func ask(s *Server, method, target string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Host = s.issuer.Host
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	s.public.ServeHTTP(w, r)
	return w
}

// challenged are the pages that show a stranger a challenge.
func challenged() []string {
	return []string{"/desbloqueo", "/desbloqueo/codigo", "/generar-recuperar"}
}

// checkHeaders fails unless every header of securityHeaders is there as it should
// be. What begins with the method and the path.
func checkHeaders(t *testing.T, what string, s *Server, h http.Header) {
	t.Helper()
	_, path, _ := strings.Cut(what, " ")
	for name, want := range securityHeaders(s.issuer.Scheme == "https") {
		if name == "Content-Security-Policy" {
			switch {
			case slices.Contains(challenged(), path): // and nowhere else may a page start workers
				want = policy("'self'", directiveWorkers)
			case path == "/ingresar" || strings.HasPrefix(path, "/cuenta"): // nor get anything by script
				if with := policy("'self'", directiveConnect); slices.Contains(h.Values(name), with) {
					want = with
				}
			}
		}
		if got := h.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %s: got %q, want %q", what, name, got, want)
		}
	}
	if got := h.Get("X-Request-Id"); len(got) < 20 {
		t.Errorf("%s: X-Request-Id: got %q, want an id", what, got)
	}
	if got := h.Get("Cache-Control"); got == "" {
		t.Errorf("%s: no Cache-Control", what)
	}
	for _, name := range []string{"Server", "X-Powered-By"} { // ASVS 13.4.6
		if got := h.Get(name); got != "" {
			t.Errorf("%s: %s: got %q, want no banner", what, name, got)
		}
	}
}

// routesOf lists every route of the public router with each of its methods.
func routesOf(t *testing.T, s *Server) [][2]string {
	t.Helper()
	var out [][2]string
	err := s.router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		if err != nil {
			return err
		}
		all, err := route.GetMethods()
		if err != nil {
			t.Errorf("%s answers any method", path)
			return nil
		}
		for _, method := range all {
			out = append(out, [2]string{method, path})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestT30_BCP_4_16_EveryAnswerCarriesTheHeaders(t *testing.T) {
	for _, issuer := range []struct {
		name   string
		change func(*Config)
	}{{"http", func(*Config) {}}, {"https", https}} {
		t.Run(issuer.name, func(t *testing.T) {
			s, _ := open(t, issuer.change)
			css, err := s.pages.Static().Path("style.css")
			if err != nil {
				t.Fatal(err)
			}
			routes := routesOf(t, s)
			if len(routes) < 20 {
				t.Fatalf("only %d routes were walked", len(routes))
			}
			for _, route := range routes {
				path := strings.NewReplacer("{version}", "1").Replace(route[1])
				checkHeaders(t, route[0]+" "+path, s, ask(s, route[0], path).Header())
			}
			for _, tt := range []struct {
				method, path string
				change       func(*http.Request)
				want         int
			}{
				{"GET", css, nil, 200},
				{"GET", "/static/nothing.css", nil, 404},
				{"GET", "/nothing", nil, 404},
				{"GET", "/../../etc/passwd", nil, 301},
				{"GET", "//evil.example/..", nil, 301},
				{"POST", "/ayuda", nil, 405},
				{"TRACE", "/", nil, 405},
				{"PROPFIND", "/ingresar", nil, 405},
				{"GET", "/", func(r *http.Request) { r.Host = "evil.example" }, 421},
				{"POST", "/ingresar", func(r *http.Request) { r.ContentLength = maxBody + 1 }, 413},
				{"POST", "/ingresar", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
			} {
				change := tt.change
				if change == nil {
					change = func(*http.Request) {}
				}
				w := ask(s, tt.method, tt.path, change)
				if w.Code != tt.want {
					t.Errorf("%s %s: got %d, want %d", tt.method, tt.path, w.Code, tt.want)
				}
				checkHeaders(t, tt.method+" "+tt.path, s, w.Header())
			}
			if got := ask(s, "GET", css).Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
				t.Errorf("static: Cache-Control %q, want it kept for good", got)
			}
			if got := ask(s, "GET", "/ingresar").Header().Get("Cache-Control"); got != "no-store" {
				t.Errorf("page: Cache-Control %q, want no-store (cache deception)", got)
			}
		})
	}
}

func TestMethodNotAllowedNamesTheMethods(t *testing.T) {
	s, _ := open(t)
	for _, tt := range []struct{ method, path, want string }{
		{"DELETE", "/ingresar", "GET, HEAD, POST"},
		{"POST", "/ayuda", "GET, HEAD"},
		{"GET", "/oauth/token", "POST, OPTIONS"},
	} {
		w := ask(s, tt.method, tt.path)
		if got := w.Header().Get("Allow"); w.Code != 405 || got != tt.want {
			t.Errorf("%s %s: got %d Allow %q, want 405 %q (ASVS 4.1.4)", tt.method, tt.path, w.Code, got, tt.want)
		}
	}
}

func TestT16_OIDC_3_4_3_HostAndForwardedHeadersAreNotBelieved(t *testing.T) {
	const evil = "evil.example"
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	s, _ := open(t, https, func(c *Config) {
		c.Proxy = Proxy{Trusted: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}} // httptest's peer, so headers come from a named proxy
	})
	for _, tt := range []struct {
		name   string
		change func(*http.Request)
		want   int
	}{
		{"Host", func(r *http.Request) { r.Host = evil }, 421},
		{"Host with our name in front", func(r *http.Request) { r.Host = "clave.example." + evil }, 421},
		{"Host with our name behind", func(r *http.Request) { r.Host = evil + ".clave.example" }, 421},
		{"Host with port", func(r *http.Request) { r.Host = "clave.example:8443" }, 421},
		{"Host with user", func(r *http.Request) { r.Host = "clave.example@" + evil }, 421},
		{"Host with dot", func(r *http.Request) { r.Host = "clave.example." }, 421},
		{"empty Host", func(r *http.Request) { r.Host = "" }, 421},
		{"capitals", func(r *http.Request) { r.Host = "CLAVE.example" }, 200},
		{"usual port", func(r *http.Request) { r.Host = "clave.example:443" }, 200},
		{"X-Forwarded-Host", header("X-Forwarded-Host", evil), 200},
		{"X-Host", header("X-Host", evil), 200},
		{"X-Forwarded-Server", header("X-Forwarded-Server", evil), 200},
		{"X-HTTP-Host-Override", header("X-HTTP-Host-Override", evil), 200},
		{"X-Original-Host", header("X-Original-Host", evil), 200},
		{"X-Rewrite-URL", header("X-Rewrite-URL", "https://"+evil+"/"), 200},
		{"X-Original-URL", header("X-Original-URL", "https://"+evil+"/"), 200},
		{"X-Forwarded-Prefix", header("X-Forwarded-Prefix", "//"+evil), 200},
		{"X-Forwarded-Proto", header("X-Forwarded-Proto", "http"), 200},
		{"X-Forwarded-Port", header("X-Forwarded-Port", "666"), 200},
		{"Forwarded", header("Forwarded", "for=1.2.3.4;host="+evil+";proto=http"), 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, path := range []string{"/ingresar", "/.well-known/openid-configuration"} {
				w := ask(s, "GET", path, tt.change)
				if w.Code != tt.want {
					t.Errorf("%s: got %d, want %d", path, w.Code, tt.want)
				}
				var all strings.Builder
				_ = w.Header().Write(&all)
				all.WriteString(w.Body.String())
				for _, bad := range []string{evil, ":8443", ":666", "http://clave.example"} {
					if strings.Contains(all.String(), bad) {
						t.Errorf("%s: the answer holds %q", path, bad)
					}
				}
				for _, c := range w.Result().Cookies() {
					if !c.Secure {
						t.Errorf("%s: cookie %s is not Secure", path, c.Name)
					}
				}
			}
		})
	}
}

func TestOnlyTheProxyMayConnectWhereItEndsTLS(t *testing.T) {
	s, _ := open(t, func(c *Config) {
		c.Issuer = "https://clave.example"
		c.Proxy = Proxy{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")}}
	})
	for peer, want := range map[string]int{"10.0.0.1:999": 200, "10.0.0.2:999": 421, "@": 421} {
		w := ask(s, "GET", "/ayuda", func(r *http.Request) {
			r.RemoteAddr = peer
			r.Header.Set("X-Forwarded-For", "10.0.0.1")
		})
		if w.Code != want {
			t.Errorf("from %s: got %d, want %d", peer, w.Code, want)
		}
	}
}
