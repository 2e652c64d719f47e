package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// running is a server that serves h publicly, until its stop is called.
type running struct {
	public, internal string
	stop             context.CancelFunc
	done             chan error
}

func start(t *testing.T, s *Server, h http.Handler) *running {
	t.Helper()
	if h != nil {
		s.public = h
	}
	public, internal := listener(t), listener(t)
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{"http://" + public.Addr().String(), "http://" + internal.Addr().String(), cancel, make(chan error, 1)}
	go func() { r.done <- s.Run(ctx, public, internal) }()
	t.Cleanup(cancel)
	return r
}

func status(t *testing.T, url string) int {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	return res.StatusCode
}

// TestGracefulStop stops a server with requests in flight: readiness says no
// first, what is in flight is answered whole, and new work still finds the door
// until then.
func TestGracefulStop(t *testing.T) {
	s, _ := open(t, func(c *Config) { c.StopDelay = time.Hour })
	noticed := make(chan time.Time) // the balancers have
	s.after = func(time.Duration) <-chan time.Time { return noticed }
	entered, release := make(chan struct{}), make(chan struct{})
	r := start(t, s, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/slow" {
			entered <- struct{}{}
			<-release
			if req.Context().Err() != nil {
				t.Error("the request's context was cancelled by the stop")
			}
		}
		_, _ = io.WriteString(w, "whole")
	}))
	type answer struct {
		body string
		err  error
	}
	const n = 8
	answers := make(chan answer, n)
	for range n {
		go func() {
			res, err := http.Get(r.public + "/slow")
			if err != nil {
				answers <- answer{err: err}
				return
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			answers <- answer{string(b), err}
		}()
	}
	for range n {
		<-entered
	}
	if got := status(t, r.internal+"/readyz"); got != 200 {
		t.Fatalf("readyz before: got %d, want 200", got)
	}
	r.stop()
	for status(t, r.internal+"/readyz") != 503 { // Run turns it at once; until then only the scheduler is in the way
		if len(r.done) > 0 {
			t.Fatal("stopped before readyz said no")
		}
	}
	if got := status(t, r.public+"/quick"); got != 200 {
		t.Errorf("a new request while the delay runs: got %d, want 200", got)
	}
	close(noticed)
	close(release)
	for range n {
		if a := <-answers; a.err != nil || a.body != "whole" {
			t.Errorf("a request in flight got %q, %v, want it whole", a.body, a.err)
		}
	}
	if err := <-r.done; err != nil {
		t.Errorf("Run: %v", err)
	}
	if got := status(t, r.public+"/quick"); got != 0 {
		t.Errorf("after the stop: got %d, want no connection", got)
	}
}

func TestStopHasADeadline(t *testing.T) {
	s, _ := open(t, func(c *Config) { c.StopDeadline = 50 * time.Millisecond })
	entered := make(chan struct{})
	release := make(chan struct{})
	defer close(release)
	r := start(t, s, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(entered)
		<-release
	}))
	go status(t, r.public)
	<-entered
	r.stop()
	if err := <-r.done; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want it to say that a request was cut off", err)
	}
}

// TestFT12_SlowClientsAreCutOff lets clients send head and body a byte at a time.
func TestFT12_SlowClientsAreCutOff(t *testing.T) {
	s, _ := open(t, func(c *Config) {
		c.Timeouts = Timeouts{Header: 200 * time.Millisecond, Body: 400 * time.Millisecond}
	})
	r := start(t, s, nil)
	defer r.stop()
	for _, tt := range []struct{ name, head string }{
		{"head", "GET /ingresar HTTP/1.1\r\nHost: localhost:8080\r\nX: "},
		{"body", "POST /ingresar HTTP/1.1\r\nHost: localhost:8080\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nc"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", r.public[len("http://"):])
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, tt.head); err != nil {
				t.Fatal(err)
			}
			if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, context.DeadlineExceeded) {
				t.Error("still open after ten seconds, want it cut off")
			} else if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
				t.Error("still open after ten seconds, want it cut off")
			}
		})
	}
}

func TestLongHeadIs431(t *testing.T) {
	s, _ := open(t)
	r := start(t, s, nil)
	defer r.stop()
	req, err := http.NewRequestWithContext(t.Context(), "GET", r.public+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "localhost:8080"
	for i := range 60 {
		req.Header.Set(fmt.Sprintf("X-%d", i), fmt.Sprintf("%01000d", i))
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 431 {
		t.Errorf("got %d, want 431 (ASVS 4.2.5)", res.StatusCode)
	}
}
