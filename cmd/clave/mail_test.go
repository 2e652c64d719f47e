package main

import (
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
)

// mailServer takes mail on this machine and refuses what is for nobody@.
type mailServer struct {
	mu    sync.Mutex
	taken []string
}

func (s *mailServer) NewSession(*smtp.Conn) (smtp.Session, error) { return mailSession{s}, nil }

type mailSession struct{ server *mailServer }

func (mailSession) Reset()                               {}
func (mailSession) Logout() error                        { return nil }
func (mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.NoEnhancedCode, Message: "no such user"}
	}
	return nil
}

func (s mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.taken = append(s.server.taken, string(raw))
	return err
}

// serveMail starts one and returns its port.
func serveMail(t *testing.T) (*mailServer, int) {
	t.Helper()
	s := &mailServer{}
	srv := smtp.NewServer(s)
	srv.Domain = "localhost"
	ln := listener(t)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = srv.Serve(ln)
	}()
	t.Cleanup(func() {
		srv.Close()
		<-ended
	})
	return s, ln.Addr().(*net.TCPAddr).Port
}

func TestConfigCheckTriesTheMailServer(t *testing.T) {
	file := installed(t, "sqlite:clave.db")
	status, stdout, stderr := clave(t, "config", "check", "-config", file)
	if status != exitDone || !strings.Contains(stdout, "in order") || !strings.Contains(stderr, "smtp.host is missing") || !strings.Contains(stderr, "wait") {
		t.Errorf("no mail server: got %d %q %q, want it in order, and said", status, stdout, stderr)
	}
	if status, _, stderr := clave(t, "config", "check", "-send", "a@example.ec", "-config", file); status != exitFailed || !strings.Contains(stderr, "smtp.host") {
		t.Errorf("-send without one: got %d %q", status, stderr)
	}
	server, port := serveMail(t)
	rewrite(t, file, strings.NewReplacer("# smtp:\n", "smtp:\n  host: localhost\n  port: "+strconv.Itoa(port)+"\n  tls: none\n  from: IESS <clave@iess.example>\n"))
	if status, stdout, stderr := clave(t, "config", "check", "-config", file); status != exitDone || stderr != "" || !strings.Contains(stdout, "in order") {
		t.Errorf("with one: got %d %q %q", status, stdout, stderr)
	}
	got := must(t, "config", "check", "-send", "a@example.ec", "-config", file)
	if !strings.Contains(got, "localhost took the message ") || len(server.taken) != 1 || !strings.Contains(server.taken[0], "From: \"IESS\" <clave@iess.example>") {
		t.Errorf("-send: got %q and %q, want one message", got, server.taken)
	}
	for address, want := range map[string]string{"nobody@example.ec": "recipient: 550", "a@example.ec, b@example.ec": "not one", "a": "not one"} {
		status, _, stderr := clave(t, "config", "check", "-send", address, "-config", file)
		if status != exitFailed || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("-send %q: got %d %q, want one line with %q", address, status, stderr, want)
		}
	}
	if len(server.taken) != 1 {
		t.Errorf("%d messages were taken, want one", len(server.taken))
	}
}
