package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"iess.gob.ec/clave/cmd/demo/rp/rptest"
)

// lines collects what the program writes while it runs.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// The program itself, with real hashes: it is there within ten seconds, and
// leaves nothing behind.
func TestRun(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	base := basePort(t)
	var out, log lines
	done := make(chan int, 1)
	start := time.Now()
	go func() { done <- run(ctx, []string{"-port", strconv.Itoa(base)}, &out, &log, time.Now) }()
	d := &demo{options: options{port: base}}
	for answers := false; !answers && time.Since(start) < 10*time.Second; {
		conn, err := net.DialTimeout("tcp4", "127.0.0.1:"+strconv.Itoa(base), time.Second)
		if answers = err == nil; answers {
			conn.Close()
		}
	}
	wantInside(t, d, signIn(t, d, rptest.New(t), 1, "1759999913", commonClave), 1, "María")
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("the first login took %s", took)
	}
	cancel()
	if status := <-done; status != exitDone {
		t.Errorf("exit status %d: %s", status, log.String())
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for _, want := range []string{"Préstamos", "http://localhost:" + strconv.Itoa(base+2), "1759999913", commonClave, "Archipielago1969Tortuga"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the start message lacks %q:\n%s", want, out.String())
		}
	}
}

func TestUse(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want int
		says string
	}{
		{[]string{"-h"}, exitDone, "-people"},
		{[]string{"-port", "0"}, exitUsage, "-port 0"},
		{[]string{"-port", "65534"}, exitUsage, "-port 65534"},
		{[]string{"-people", "-1"}, exitUsage, "-people -1"},
		{[]string{"-db", "sqlite:/tmp/x"}, exitUsage, "postgres://"},
		{[]string{"-colour"}, exitUsage, "colour"},
		{[]string{"serve"}, exitUsage, "serve"},
		{[]string{"-port", strconv.Itoa(basePort(t)), "-clients", "/no/such/file"}, exitFailed, "/no/such/file"},
	} {
		var out, log lines
		if got := run(t.Context(), tt.args, &out, &log, time.Now); got != tt.want || !strings.Contains(log.String(), tt.says) {
			t.Errorf("%v: status %d, want %d: %s", tt.args, got, tt.want, log.String())
		}
	}
}
