package main

import (
	"bufio"
	"errors"
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

func await(t *testing.T, lines *bufio.Scanner, what string) {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), what) {
			return
		}
	}
	t.Fatalf("the program ended without %s", what)
}
