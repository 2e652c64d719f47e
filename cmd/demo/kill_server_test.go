package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"iess.gob.ec/clave/cmd/clave/server"
	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// killEnv makes this test binary be the provider, for FT-01 to kill.
const killEnv = "CLAVE_KILL_SERVER"

// TestMain runs the tests or, where killEnv says so, the provider in their stead.
func TestMain(m *testing.M) {
	if settings := os.Getenv(killEnv); settings != "" {
		if err := killServer(settings); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// killSettings is what the provider process is told.
type killSettings struct{ Database, Address string }

func (s killSettings) issuer() string { return "http://" + s.Address }

// killServer serves until it is killed: from outside, or by itself at the
// statement named on its input ("arm N": the Nth from then on within HTTP
// requests; statements of periodic jobs are not counted). It says on its output
// that it is ready, that it is armed, and at which statement it dies.
func killServer(settings string) error {
	var s killSettings
	if err := json.Unmarshal([]byte(settings), &s); err != nil {
		return err
	}
	var left atomic.Int64
	die := func(ctx context.Context, statement string) {
		if storage.RequestID(ctx) == "" || left.Load() <= 0 || left.Add(-1) != 0 {
			return
		}
		tell("dies at " + strings.Join(strings.Fields(statement), " "))
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		select {} // this thread may live a little longer than the signal
	}
	hash, err := login.NewHasher(login.HashConfig{Memory: 64, Passes: 1})
	if err != nil {
		return err
	}
	p, err := server.New(context.Background(), server.Config{
		Issuer: s.issuer(), Version: "kill", Now: time.Now, Log: slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Storage: storage.Config{URL: s.Database, Keys: storagetest.Keys(), OnStatement: die},
		Login:   login.Config{Hash: hash, Renewal: login.DefaultRenewal()},
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp4", s.Address)
	if err != nil {
		return err
	}
	go func() {
		in := bufio.NewScanner(os.Stdin)
		for in.Scan() {
			n, err := strconv.ParseInt(strings.TrimPrefix(in.Text(), "arm "), 10, 64)
			if err != nil {
				os.Exit(2)
			}
			left.Store(n)
			tell("armed")
		}
		os.Exit(0) // the test has gone
	}()
	tell("ready")
	return p.Run(context.Background(), l, nil)
}

// tell tells the test; where it has gone there is nobody to tell.
func tell(line string) { _, _ = os.Stdout.WriteString(line + "\n") }

// process is a provider that can be killed.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr *journal
}

// startProvider starts the provider and waits until it serves.
func startProvider(t *testing.T, s killSettings) *process {
	t.Helper()
	settings, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(self), stderr: &journal{}}
	p.cmd.Env = append(os.Environ(), killEnv+"="+string(settings))
	p.cmd.Stderr = p.stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line := p.line(); line != "ready" {
		t.Fatalf("the provider does not start: %q\n%s", line, p.stderr)
	}
	return p
}

// line is the next line of output, "" at its end.
func (p *process) line() string {
	line, err := p.out.ReadString('\n')
	if err != nil {
		return ""
	}
	return strings.TrimSpace(line)
}

// arm lets the provider die at its nth statement from now.
func (p *process) arm(n int) {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.in, "arm %d\n", n); err != nil {
		p.t.Fatal(err)
	}
	if line := p.line(); line != "armed" {
		p.t.Fatalf("got %q, want armed\n%s", line, p.stderr)
	}
}

// kill is kill -9.
func (p *process) kill() { _ = p.cmd.Process.Signal(syscall.SIGKILL) }

// gone waits for the end and returns the statement at which the provider killed
// itself, "" where it did not.
func (p *process) gone() string {
	statement := strings.TrimPrefix(p.line(), "dies at ")
	_ = p.cmd.Wait()
	p.in.Close()
	return statement
}
