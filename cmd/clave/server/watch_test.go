package server

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
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

func TestOIDC_3_4_11_PanicIsAPageAndALine(t *testing.T) {
	s, log := open(t)
	s.public = s.publicRoutes(func(r *mux.Router) {
		r.HandleFunc("/{name}", func(http.ResponseWriter, *http.Request) { panic(io.ErrUnexpectedEOF) }).Methods("GET")
	})
	w := ask(s, "GET", "/broken?clave=Cotopaxi47")
	id := w.Header().Get("X-Request-Id")
	if spoken := id[:4] + " " + id[4:8]; w.Code != 500 || !strings.Contains(w.Body.String(), spoken) {
		t.Errorf("got %d without %q, want the page of an internal error", w.Code, spoken)
	}
	checkHeaders(t, "panic", s, w.Header())
	if w := ask(s, "GET", "/nothing/else"); w.Code != 404 {
		t.Errorf("after a panic: got %d, want the server to go on", w.Code)
	}
	if got := log.String(); !strings.Contains(got, io.ErrUnexpectedEOF.Error()) || !strings.Contains(got, `"request_id":"`+id) {
		t.Errorf("log: got %s, want cause and id", got)
	}
	if strings.Contains(log.String()+w.Body.String(), "Cotopaxi47") {
		t.Error("the query string is in the log or on the page")
	}
}

func TestASVS_16_2_5_OIDC_3_4_10_AccessLogHoldsNoSecret(t *testing.T) {
	s, log := open(t)
	ask(s, "GET", "/continuar?id=SECRETID&code=SECRETCODE&state=SECRETSTATE&nonce=SECRETNONCE", func(r *http.Request) {
		r.Header.Set("Cookie", "clave-session-8080=SECRETCOOKIE")
		r.Header.Set("Authorization", "Bearer SECRETTOKEN")
	})
	ask(s, "GET", "/acuerdo/SECRETPATH")
	got := log.String()
	for _, want := range []string{`"msg":"request"`, `"request_id":"`, `"route":"/continuar"`, `"route":"/acuerdo/{version}"`, `"method":"GET"`, `"status":`, `"duration":`} {
		if !strings.Contains(got, want) {
			t.Errorf("log: got %s, want %s in it", got, want)
		}
	}
	if strings.Contains(got, "SECRET") {
		t.Errorf("log holds a secret: %s", got)
	}
	quiet, none := open(t, func(c *Config) { c.AccessLog = false })
	ask(quiet, "GET", "/ayuda")
	if got := none.String(); strings.Contains(got, `"msg":"request"`) {
		t.Errorf("access log is off, yet got %s", got)
	}
}

func TestLargeHeadersAndBodies(t *testing.T) {
	s, _ := open(t)
	w := ask(s, "POST", "/ingresar", func(r *http.Request) {
		r.ContentLength = -1 // chunked: the length is not told
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Body = io.NopCloser(io.LimitReader(neverEnding('a'), 1<<20))
	})
	if w.Code != 413 {
		t.Errorf("a body of 1 MiB: got %d, want 413", w.Code)
	}
}

type neverEnding byte

func (b neverEnding) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

func TestOIDC_3_4_9_MetricsAndHealthAreInternal(t *testing.T) {
	s, _ := open(t)
	err := s.db.InTx(t.Context(), func(tx *storage.Tx) error {
		return tx.Audit(t.Context(), storage.Event{At: storage.At(time.Now()), Name: "test.event", Actor: "system"})
	})
	if err != nil {
		t.Fatal(err)
	}
	ask(s, "GET", "/ayuda")
	ask(s, "GET", "/made-up-by-a-stranger")
	get := func(h http.Handler, path string) (int, string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", path, nil)
		r.Host = s.issuer.Host
		h.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		if code, _ := get(s.public, path); code != 404 {
			t.Errorf("public %s: got %d, want 404", path, code)
		}
		if code, body := get(s.internal, path); code != 200 {
			t.Errorf("internal %s: got %d %s, want 200", path, code, body)
		}
	}
	_, text := get(s.internal, "/metrics")
	for _, want := range []string{
		`clave_audit_events_total{event="test.event"} 1`,
		`clave_http_request_duration_seconds_count{method="GET",route="/ayuda",status="2xx"} 1`,
		`route="none",status="4xx"`, `clave_hash_slots `, `clave_hash_slots_in_use 0`, `clave_hash_refused_total 0`,
		`clave_build_info{`, `go_goroutines `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if strings.Contains(text, "made-up") {
		t.Error("a stranger's path became a label")
	}
}

func TestProfilesAreServedOnlyWhereAskedForAndNeverToThePublic(t *testing.T) {
	for _, on := range []bool{false, true} {
		s, _ := open(t, func(c *Config) { c.Profile = on })
		for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap"} {
			get := func(h http.Handler) int {
				w := httptest.NewRecorder()
				r := httptest.NewRequest("GET", path, nil)
				r.Host = s.issuer.Host
				h.ServeHTTP(w, r)
				return w.Code
			}
			if public, internal := get(s.public), get(s.internal); public != 404 || (internal == 200) != on {
				t.Errorf("profile %v: %s: got %d to the public, %d inside", on, path, public, internal)
			}
		}
	}
}

func TestReadyzSaysWhyNot(t *testing.T) {
	s, _ := open(t)
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.internal.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	if w.Code != 503 || !strings.Contains(w.Body.String(), `"database":"storage:`) {
		t.Errorf("got %d %s, want 503 and the reason", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	s.internal.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
	if w.Code != 200 {
		t.Errorf("healthz: got %d, want 200: a restart would not help", w.Code)
	}
}

func TestOlderSchemaIsRefused(t *testing.T) {
	cfg := Config{
		Issuer: "http://localhost:8080", Storage: storage.Config{URL: "sqlite:" + t.TempDir() + "/empty.db", Keys: storagetest.Keys()},
		Now: time.Now, Log: slog.New(slog.DiscardHandler), Hash: login.HashConfig{Memory: 16, Passes: 1},
	}
	if s, err := New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "schema") {
		t.Errorf("got %v, %v, want a refusal of the schema", s, err)
	}
	cfg.Migrate = true
	s, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatalf("with Migrate: %v", err)
	}
	s.Close()
}

func TestOneReplicaRunsAJob(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			url := storagetest.URL(t, engine)
			now := time.Now()
			var mu sync.Mutex
			runs := 0
			var wg sync.WaitGroup
			for range 4 {
				s, _ := openOn(t, url, func(c *Config) { c.Now = func() time.Time { return now } })
				wg.Go(func() {
					err := s.runJob(t.Context(), job{"test", time.Hour, true, func(context.Context, time.Time) error {
						mu.Lock()
						defer mu.Unlock()
						runs++
						return nil
					}})
					if err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if runs != 1 {
				t.Errorf("four replicas ran it %d times, want once", runs)
			}
		})
	}
}

func TestJobsSurviveAPanic(t *testing.T) {
	s, _ := open(t)
	err := s.runJob(t.Context(), job{"test", time.Hour, false, func(context.Context, time.Time) error { panic("broken") }})
	if err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("got %v, want the panic as an error", err)
	}
	names := []string{}
	for _, j := range s.jobs {
		names = append(names, j.name)
	}
	if want := []string{"errands", "login.alarm", "locks", "clave.remind", "contact.apply", "keys", "audit.seal", "audit.sign", "audit.erase", "disclosures", "purge"}; !slices.Equal(names, want) {
		t.Errorf("got jobs %q, want %q", names, want)
	}
}

func listener(t *testing.T) net.Listener {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}
