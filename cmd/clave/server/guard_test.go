package server

import (
	"database/sql"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/storage/storagetest"
)

// probed is s with one route more, which does as f says.
func probed(s *Server, f http.HandlerFunc) *Server {
	s.public = s.publicRoutes(func(r *mux.Router) { r.HandleFunc("/probe", f).Methods("GET") })
	return s
}

// What any handler takes for the client is what the trusted proxy says, and
// nobody else.
func TestBCP_4_13_ASVS_4_1_3_HandlersSeeTheClientsAddress(t *testing.T) {
	s, _ := open(t, func(c *Config) { c.Proxy = Proxy{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}} })
	probed(s, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RemoteAddr) })
	for peer, want := range map[string]string{"10.0.0.1:999": "198.51.100.1:0", "203.0.113.9:999": "203.0.113.9:0", "@": "@"} {
		w := ask(s, "GET", "/probe", func(r *http.Request) {
			r.RemoteAddr = peer
			r.Header.Set("X-Forwarded-For", "192.0.2.7, 198.51.100.1")
		})
		if got := w.Body.String(); got != want {
			t.Errorf("from %s: got %q, want %q", peer, got, want)
		}
	}
}

func TestStrangersMakeUpNoMetricLabels(t *testing.T) {
	s, log := open(t)
	ask(s, "PROPFIND", "/ingresar")
	ask(s, "BREW", "/nothing/BREW")
	got := metricsOf(s)
	if !strings.Contains(got, `clave_http_request_duration_seconds_count{method="other",route="none",status="4xx"} 2`) {
		t.Error("the requests are not counted as other")
	}
	for _, made := range []string{"PROPFIND", "BREW"} {
		if strings.Contains(got+log.String(), made) {
			t.Errorf("metrics or log hold %s", made)
		}
	}
}

// A handler that fails within its answer leaves a line and a time like any other.
func TestHalfAnAnswerIsCutAndCounted(t *testing.T) {
	s, log := open(t)
	var reads atomic.Int64 // collectors of metrics read the clock side by side
	s.now = func() time.Time { return storagetest.Noon().Add(time.Duration(reads.Add(1)) * 3 * time.Second) }
	probed(s, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic(io.ErrUnexpectedEOF)
	})
	func() {
		defer func() {
			if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
				t.Errorf("got %v, want the connection cut", v)
			}
		}()
		ask(s, "GET", "/probe")
	}()
	if got := log.String(); !strings.Contains(got, `"msg":"panic"`) || !strings.Contains(got, `"msg":"request"`) || !strings.Contains(got, `"route":"/probe","status":200,"duration":3000000000`) {
		t.Errorf("log: got %s, want the panic and the request, with how long it took", got)
	}
	if got := metricsOf(s); !strings.Contains(got, `clave_http_request_duration_seconds_sum{method="GET",route="/probe",status="2xx"} 3`) {
		t.Error("metrics do not hold its 3 seconds")
	}
}

func TestDrainingClosesConnections(t *testing.T) {
	s, _ := open(t)
	for _, draining := range []bool{false, true} {
		s.draining.Store(draining)
		if got := ask(s, "GET", "/ayuda").Header().Get("Connection") == "close"; got != draining {
			t.Errorf("draining %v: Connection: close is %v", draining, got)
		}
	}
}

func TestReadyNamesWhatIsMissing(t *testing.T) {
	url := storagetest.URL(t, "sqlite")
	s, _ := openOn(t, url)
	raw, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	ready := func() (int, string) {
		w := httptest.NewRecorder()
		s.internal.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
		return w.Code, w.Body.String()
	}
	if status, body := ready(); status != 200 || strings.Count(body, `:"ok"`) != 3 {
		t.Fatalf("got %d %s, want three times ok", status, body)
	}
	for _, tt := range []struct{ name, do, undo, want string }{
		{"keys", `UPDATE signing_key SET state = 'retired' WHERE state = 'active'`, `UPDATE signing_key SET state = 'active' WHERE state = 'retired'`, `"keys":"server: no key signs"`},
		{"schema", `UPDATE goose_db_version SET is_applied = FALSE`, `UPDATE goose_db_version SET is_applied = TRUE`, `"schema":"storage: the schema is too old`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := raw.ExecContext(t.Context(), tt.do); err != nil {
				t.Fatal(err)
			}
			if status, body := ready(); status != 503 || !strings.Contains(body, tt.want) || strings.Count(body, `:"ok"`) != 2 {
				t.Errorf("got %d %s, want 503 and %s", status, body, tt.want)
			}
			if _, err := raw.ExecContext(t.Context(), tt.undo); err != nil {
				t.Fatal(err)
			}
		})
	}
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	if status, body := ready(); status != 503 || strings.Contains(body, `"database":"ok"`) {
		t.Errorf("without a database: got %d %s", status, body)
	}
}

// That no connection can be accepted is seen at the usual level; handshakes of
// scanners are not.
func TestNetLogTellsScannersFromTrouble(t *testing.T) {
	for level, want := range map[slog.Level]string{slog.LevelInfo: "WARN", slog.LevelDebug: "DEBUG WARN"} {
		log := &buffer{}
		net := slog.NewLogLogger(netLog{slog.NewTextHandler(log, &slog.HandlerOptions{Level: level})}, slog.LevelWarn)
		net.Print("http: TLS handshake error from 203.0.113.9:999: EOF")
		net.Print("http: Accept error: too many open files; retrying in 5ms")
		var got []string
		for line := range strings.Lines(log.String()) {
			_, rest, _ := strings.Cut(line, "level=")
			word, _, _ := strings.Cut(rest, " ")
			got = append(got, word)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("at %v: got %q, want %s: %s", level, got, want, log)
		}
	}
}
