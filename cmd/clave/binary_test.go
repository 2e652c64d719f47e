package main

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestBuiltProgram runs the program as it is installed.
func TestBuiltProgram(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "clave")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	t.Run("exit status", func(t *testing.T) { exitStatuses(t, binary) })
	t.Run("signals", func(t *testing.T) { signals(t, binary) })
	t.Run("interrupt", func(t *testing.T) { interrupt(t, binary) })
}

// signals stops it as an operator does: the first signal lets work end, the
// second does not.
func signals(t *testing.T, binary string) {
	file := installed(t, "sqlite:clave.db")
	begin := func(t *testing.T, environ ...string) (*exec.Cmd, *bufio.Scanner) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), binary, "serve", "-config", file)
		cmd.Env = append(os.Environ(), environ...)
		cmd.Env = append(cmd.Env, "CLAVE_LISTEN=127.0.0.1:0", "CLAVE_INTERNAL_LISTEN=127.0.0.1:0")
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(stderr)
		await(t, lines, `"msg":"serving"`)
		return cmd, lines
	}
	signal := func(t *testing.T, cmd *exec.Cmd, s os.Signal) {
		t.Helper()
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			cmd, lines := begin(t)
			signal(t, cmd, s)
			await(t, lines, `"msg":"stopped"`)
			if err := cmd.Wait(); err != nil {
				t.Errorf("got %v, want status 0", err)
			}
		})
	}
	t.Run("twice", func(t *testing.T) {
		cmd, lines := begin(t, "CLAVE_STOP_DELAY=1m")
		signal(t, cmd, syscall.SIGTERM)
		await(t, lines, `"msg":"stopping"`)
		signal(t, cmd, syscall.SIGTERM)
		await(t, lines, "stopped at once")
		exit, ok := errors.AsType[*exec.ExitError](cmd.Wait())
		if !ok || exit.ExitCode() != exitFailed {
			t.Errorf("got %v, want status 1", exit)
		}
	})
}

// interrupt stops a command that is not serve, while it waits for a mail server
// that says nothing.
func interrupt(t *testing.T, binary string) {
	file := installed(t, "sqlite:clave.db")
	silent := listener(t)
	defer silent.Close()
	_, port, err := net.SplitHostPort(silent.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "config", "check", "-send", "operator@iess.example", "-config", file)
	cmd.Env = append(os.Environ(), "CLAVE_SMTP_HOST=127.0.0.1", "CLAVE_SMTP_PORT="+port, "CLAVE_SMTP_TLS=none", "CLAVE_SMTP_FROM=clave@iess.example")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	exit, ok := errors.AsType[*exec.ExitError](cmd.Wait())
	if got, want := stderr.String(), "clave: interrupted; run it again to go on\n"; !ok || exit.ExitCode() != exitFailed || got != want {
		t.Errorf("got %v %q, want status 1 and %q", exit, got, want)
	}
}

func await(t *testing.T, lines *bufio.Scanner, what string) {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), what) {
			return
		}
	}
	t.Fatalf("the program ended without %s", what)
}
