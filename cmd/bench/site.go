package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"iess.gob.ec/clave/storage"
)

// site is an installation of clave, made with its own commands as an operator
// does, and the process that serves it.
type site struct {
	name     string // of its database
	binary   string
	dir      string
	address  string // of its public listener
	internal string
	config   string
	key      *clientKey
	apps     applications
	process  *exec.Cmd
	counters *counters // nil: the database is embedded
}

// build makes the production binary as the README says.
func build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "clave")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "iess.gob.ec/clave/cmd/clave").CombinedOutput() //nolint:gosec // a folder of ours
	if err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return binary, nil
}

// install makes an installation on database, with people and applications.
func install(ctx context.Context, binary, dir, name, database string, people int, phc string) (*site, error) {
	s := &site{name: name, binary: binary, dir: dir, config: filepath.Join(dir, "clave.yaml")}
	var err error
	if s.address, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	if s.internal, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	if s.key, err = newClientKey(); err != nil {
		return nil, err
	}
	if s.apps, err = newApplications(s.key, storage.NewSecret); err != nil {
		return nil, err
	}
	registrations, err := json.Marshal(s.apps.all()) //nolint:gosec // the file may be read by its owner only
	if err != nil {
		return nil, err
	}
	if err := s.clave(ctx, "config", "init", dir, "-issuer", s.issuer(), "-database", database); err != nil {
		return nil, err
	}
	var csv bytes.Buffer
	if err := writePeople(&csv, people, phc, time.Now()); err != nil {
		return nil, err
	}
	for name, data := range map[string][]byte{"people.csv": csv.Bytes(), "clients.json": registrations} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return nil, err
		}
	}
	for _, args := range [][]string{
		{"migrate", "up"},
		{"import", "afiliados", filepath.Join(dir, "people.csv")},
		{"client", "apply", filepath.Join(dir, "clients.json")},
	} {
		if err := s.clave(ctx, append(args, "-config", s.config)...); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// freeAddress is one of this machine where nobody listens now.
func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (s *site) issuer() string {
	_, port, _ := net.SplitHostPort(s.address) // a listener wrote it
	return "http://localhost:" + port
}

// command is clave with args. The configuration is that of config init but for a
// free internal address, profiles there, and no line of log for each request.
func (s *site) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.binary, args...) //nolint:gosec // built by us, or named by who runs us
	cmd.Env = append(os.Environ(), "CLAVE_INTERNAL_LISTEN="+s.internal, "CLAVE_LOG_ACCESS=false", "CLAVE_INTERNAL_PROFILE=true")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 15 * time.Second
	return cmd
}

func (s *site) clave(ctx context.Context, args ...string) error {
	if out, err := s.command(ctx, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("clave %s %s: %w: %s", args[0], args[1], err, bytes.TrimSpace(out))
	}
	return nil
}

// start starts clave serve and returns how long it took to the first answer.
func (s *site) start(ctx context.Context) (time.Duration, error) {
	log, err := os.OpenFile(filepath.Join(s.dir, "clave.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer log.Close() //nolint:errcheck // the process has its own
	s.process = s.command(ctx, "serve", "-config", s.config)
	s.process.Stderr = log
	begun := time.Now()
	if err := s.process.Start(); err != nil {
		return 0, err
	}
	tries := time.NewTicker(2 * time.Millisecond)
	defer tries.Stop()
	for time.Since(begun) < 30*time.Second && ctx.Err() == nil {
		if r, err := newRP(ctx, s.issuer(), s.address, s.key, 1); err == nil {
			r.http.CloseIdleConnections()
			return time.Since(begun), nil
		}
		<-tries.C
	}
	return 0, errors.Join(fmt.Errorf("%s: clave serve does not answer; see its log:\n%s", s.name, s.logged()), s.stop())
}

func (s *site) logged() []byte {
	text, err := os.ReadFile(filepath.Join(s.dir, "clave.log"))
	if err != nil {
		return nil
	}
	return text[max(0, len(text)-2000):]
}

// stop ends it as an operator does.
func (s *site) stop() error {
	if s.process == nil {
		return nil
	}
	p := s.process
	s.process = nil
	_ = p.Process.Signal(syscall.SIGTERM) // one that has ended is found by Wait
	if err := p.Wait(); err != nil {
		return fmt.Errorf("%s: clave serve: %w:\n%s", s.name, err, s.logged())
	}
	return nil
}

// pid is that of the server.
func (s *site) pid() int { return s.process.Process.Pid }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
