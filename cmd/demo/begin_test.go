package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"iess.gob.ec/clave/cmd/demo/rp/rptest"
	"iess.gob.ec/clave/storage/storagetest"
)

// basePort is a port that is free, as are those above it that the demo opens.
func basePort(t *testing.T) int {
	t.Helper()
	for range 50 {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		base := l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // it is a TCP listener
		all := []net.Listener{l}
		for n := 1; err == nil && n <= 6; n++ {
			if l, err = net.Listen("tcp4", "127.0.0.1:"+strconv.Itoa(base+n)); err == nil {
				all = append(all, l)
			}
		}
		for _, l := range all {
			l.Close()
		}
		if err == nil {
			return base
		}
	}
	t.Fatal("no seven ports in a row are free")
	return 0
}

// begin starts the demo with cheap hashes, changed by change before it serves, and
// returns what stops it, which happens at the end of the test at the latest.
func begin(t *testing.T, o options, change ...func(*demo)) (*demo, func()) {
	t.Helper()
	o.log, o.progress, o.quick = slog.New(slog.DiscardHandler), func(int, int) {}, true
	if o.now == nil {
		o.now = time.Now
	}
	if o.port == 0 {
		o.port = basePort(t)
	}
	if o.data == "" {
		o.data = t.TempDir()
	}
	d, err := prepare(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(d)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- d.serve(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, d.close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return d, stop
}

// each runs f with a demo on each database.
func each(t *testing.T, f func(*testing.T, *demo)) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			d, _ := begin(t, options{database: empty(t, engine)})
			f(t, d)
		})
	}
}

// empty is the address of a database nobody has used, "" for the demo's own.
func empty(t *testing.T, engine string) string {
	t.Helper()
	if engine == "sqlite" {
		return ""
	}
	return storagetest.URL(t, engine)
}

func (d *demo) app(n int) string { return "http://localhost:" + strconv.Itoa(d.port+n) }

// enter presses "Ingresar" at application n and goes as far as nothing has to be
// typed: a notice or a consent is accepted.
func enter(t *testing.T, d *demo, b *rptest.Browser, n int) *rptest.Page {
	t.Helper()
	b.Get(d.app(n) + "/")
	return accept(b.Press("ingresar", nil), b)
}

func accept(p *rptest.Page, b *rptest.Browser) *rptest.Page {
	switch {
	case p.Has("autorizar"):
		return b.Press("autorizar", url.Values{"opcional": {"email", "phone"}})
	case p.Has("continuar"):
		return b.Press("continuar", nil)
	default:
		return p
	}
}

// signIn enters application n and types a clave.
func signIn(t *testing.T, d *demo, b *rptest.Browser, n int, cedula, clave string) *rptest.Page {
	t.Helper()
	if p := enter(t, d, b, n); !p.Has("ingresar") || p.URL.Port() != strconv.Itoa(d.port) {
		t.Fatalf("at %s (%d), want the login page: %s", p.URL, p.Status, p.Text())
	}
	return accept(b.Press("ingresar", url.Values{"cedula": {cedula}, "clave": {clave}}), b)
}

func wantInside(t *testing.T, d *demo, p *rptest.Page, n int, name string) {
	t.Helper()
	if p.Status != http.StatusOK || p.URL.String() != d.app(n)+"/" || !strings.Contains(p.Text(), name) {
		t.Fatalf("%s %d, want %s inside application %d: %s", p.URL, p.Status, name, n, p.Text())
	}
}
