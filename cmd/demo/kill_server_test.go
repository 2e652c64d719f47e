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
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"iess.gob.ec/clave/cmd/clave/server"
	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/mail"
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
type killSettings struct {
	Database, Address string
	Ahead             time.Duration // by which its clock is ahead of the machine's
	Mail              int           // the mail server's port, 0 for none
}

func (s killSettings) issuer() string { return "http://" + s.Address }

// What statements are counted of. Those of other periodic jobs never are.
const (
	ofRequests = "requests" // HTTP requests
	ofMail     = "mail"     // errands, which put mails into the outbox, and the worker, which hands them over
)

// origin says of what a statement is that runs in ctx on this goroutine, "" for
// neither.
func origin(ctx context.Context) string {
	if storage.RequestID(ctx) != "" {
		return ofRequests
	}
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers)])
	for {
		f, more := frames.Next()
		if strings.HasPrefix(f.Function, "iess.gob.ec/clave/login/mail.") || strings.HasPrefix(f.Function, "iess.gob.ec/clave/login/clave.(*Server).runErrand") {
			return ofMail
		}
		if !more {
			return ""
		}
	}
}

// victim is the provider in its own process.
type victim struct {
	killSettings
	ahead  atomic.Int64
	posted chan struct{} // full when there is a mail the worker may not have seen

	mu    sync.Mutex
	of    string // what is counted
	left  int    // statements until death
	spare bool   // statements are told, and nobody dies
	posts bool   // somebody is putting a mail into the outbox
}

func (v *victim) now() time.Time { return time.Now().Add(time.Duration(v.ahead.Load())) }

// after is the mail worker's clock for waiting: a mail that comes ends the wait, so
// that it need not look all the time.
func (v *victim) after(d time.Duration) <-chan time.Time {
	over := make(chan time.Time, 1)
	go func() {
		select {
		case <-v.posted:
		case <-time.After(min(d, 250*time.Millisecond)):
		}
		over <- time.Time{}
	}()
	return over
}

// post lets the worker look. The caller holds the lock.
func (v *victim) post() {
	v.posts = false
	select {
	case v.posted <- struct{}{}:
	default:
	}
}

// meet is called before each statement of a transaction.
func (v *victim) meet(ctx context.Context, statement string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case strings.Contains(statement, "INSERT INTO outbox"):
		v.posts = true
	case v.posts && statement == "COMMITTED":
		v.post()
	}
	if v.left == 0 && !v.spare || v.of != origin(ctx) {
		return
	}
	line := strings.Join(strings.Fields(statement), " ")
	if v.spare {
		tell("meets " + line)
		return
	}
	if v.left--; v.left > 0 {
		return
	}
	tell("dies at " + line)
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
	select {} // this thread may live a little longer than the signal
}

// obey does what the test says on the input: "arm OF N", to die at the Nth
// statement of that from then on; "spare OF", to tell its statements instead;
// "ahead D", to set the clock.
func (v *victim) obey(line string) error {
	words := append(strings.Fields(line), "", "")
	v.mu.Lock()
	defer v.mu.Unlock()
	var err error
	switch words[0] {
	case "arm":
		v.of, v.spare = words[1], false
		v.left, err = strconv.Atoi(words[2])
	case "spare":
		v.of, v.spare = words[1], true
	case "ahead":
		var d time.Duration
		d, err = time.ParseDuration(words[1])
		v.ahead.Store(int64(d))
		v.post()
	}
	tell("done")
	return err
}

// killServer serves until it is killed: from outside, or by itself as the test
// says on its input. It says on its output that it is ready, that it has done as
// told, and at which statement it dies.
func killServer(settings string) error {
	debug.SetGCPercent(-1) // it does not live long enough
	v := victim{posted: make(chan struct{}, 1)}
	if err := json.Unmarshal([]byte(settings), &v.killSettings); err != nil {
		return err
	}
	v.ahead.Store(int64(v.Ahead))
	hash, err := login.NewHasher(login.HashConfig{Memory: 64, Passes: 1})
	if err != nil {
		return err
	}
	policy := login.DefaultPolicy()
	policy.Common = login.Words{} // the real list takes a fifth of a start
	config := server.Config{
		Issuer: v.issuer(), Version: "kill", Now: v.now, Log: slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Storage: storage.Config{URL: v.Database, Keys: storagetest.Keys(), OnStatement: v.meet},
		Login: login.Config{
			Hash: hash, Renewal: login.DefaultRenewal(), Policy: policy,
			Network: login.Limit{Free: 100, Leak: time.Millisecond}, // all of them live in one network
		},
	}
	if v.Mail != 0 {
		config.Mail = mail.Config{
			SMTP: mail.SMTP{Host: "localhost", Port: v.Mail, TLS: mail.TLSNone}, From: "Clave IESS <clave@iess.example>",
			After: v.after,
		}
	}
	p, err := server.New(context.Background(), config)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp4", v.Address)
	if err != nil {
		return err
	}
	go func() {
		in := bufio.NewScanner(os.Stdin)
		for in.Scan() {
			if err := v.obey(in.Text()); err != nil {
				os.Exit(2)
			}
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
	stderr *journal
	ended  chan struct{} // closed when its output has ended

	answers chan string // what it says to what it is told

	mu   sync.Mutex
	died string   // the statement at which it killed itself
	met  []string // statements it told of
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
	p := &process{t: t, cmd: exec.Command(self), stderr: &journal{}, ended: make(chan struct{}), answers: make(chan string, 1)}
	p.cmd.Env = append(os.Environ(), killEnv+"="+string(settings))
	p.cmd.Stderr = p.stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.listen(out)
	if got := p.answer(); got != "ready" {
		t.Fatalf("the provider does not start: %q\n%s", got, p.stderr)
	}
	return p
}

func (p *process) listen(out io.Reader) {
	defer close(p.ended)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		died, dies := strings.CutPrefix(line, "dies at ")
		met, meets := strings.CutPrefix(line, "meets ")
		if !dies && !meets {
			p.answers <- line
			continue
		}
		p.mu.Lock()
		if dies {
			p.died = died
		} else {
			p.met = append(p.met, met)
		}
		p.mu.Unlock()
	}
}

// answer is the next thing it says, "" where it ends first.
func (p *process) answer() string {
	select {
	case line := <-p.answers:
		return line
	case <-p.ended:
		return ""
	}
}

// order tells the provider to do something, and waits until it has.
func (p *process) order(format string, args ...any) {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.in, format+"\n", args...); err != nil {
		p.t.Fatalf("%s: %v\n%s", format, err, p.stderr)
	}
	if got := p.answer(); got != "done" {
		p.t.Fatalf("got %q, want done\n%s", got, p.stderr)
	}
}

// disarm tells the provider not to die any more, and reports whether it lives.
func (p *process) disarm() bool {
	_, err := fmt.Fprintln(p.in, "arm - 0")
	return err == nil && p.answer() == "done"
}

// statements are those it has told of since it was asked last; it tells no more.
func (p *process) statements() []string {
	p.order("arm - 0")
	p.mu.Lock()
	defer p.mu.Unlock()
	met := p.met
	p.met = nil
	return met
}

// kill is kill -9.
func (p *process) kill() { _ = p.cmd.Process.Signal(syscall.SIGKILL) }

// gone waits for the end and returns the statement at which the provider killed
// itself, "" where it did not.
func (p *process) gone() string {
	<-p.ended
	_ = p.cmd.Wait()
	p.in.Close()
	return p.died
}
