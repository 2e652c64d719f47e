package server

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"iess.gob.ec/clave/login/mail"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

type postbox struct {
	mu    sync.Mutex
	taken []string
	came  chan struct{}
}

func (p *postbox) NewSession(*smtp.Conn) (smtp.Session, error) { return postboxSession{p}, nil }

type postboxSession struct{ box *postbox }

func (postboxSession) Reset()                               {}
func (postboxSession) Logout() error                        { return nil }
func (postboxSession) Mail(string, *smtp.MailOptions) error { return nil }
func (postboxSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s postboxSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.box.taken = append(s.box.taken, string(raw))
	s.box.came <- struct{}{}
	return err
}

// notice puts one message into the outbox.
func notice(t *testing.T, s *Server) string {
	t.Helper()
	a := storagetest.AddAfiliado(t, s.db, storage.Afiliado{})
	m := templates.MailClaveChanged{Name: a.GivenName, When: time.Now()}
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	id := storage.NewID()
	storagetest.InTx(t, s.db, func(tx *storage.Tx) error {
		return tx.Enqueue(t.Context(), storage.Message{
			ID: id, AfiliadoID: a.ID, Template: m.Template(), Recipient: a.Email, Data: data, CreatedAt: storage.At(time.Now().Add(-time.Minute)),
		})
	})
	return id
}

func metricsOf(s *Server) string {
	w := httptest.NewRecorder()
	s.internal.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// Who serves also sends, and stops when told to.
func TestServingSendsMail(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			box := &postbox{came: make(chan struct{}, 1)}
			srv := smtp.NewServer(box)
			srv.Domain = "localhost"
			ln := listener(t)
			go srv.Serve(ln) //nolint:errcheck // ends with the test
			t.Cleanup(func() { srv.Close() })
			s, _ := openOn(t, storagetest.URL(t, engine), func(c *Config) {
				c.Mail = mail.Config{From: "clave@iess.example", SMTP: mail.SMTP{Host: "localhost", Port: ln.Addr().(*net.TCPAddr).Port, TLS: mail.TLSNone}}
			})
			id := notice(t, s)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- s.Run(ctx, listener(t), nil) }()
			<-box.came
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if !strings.Contains(box.taken[0], "Message-ID: <"+strings.ToLower(id)+"@localhost>") {
				t.Errorf("got %s, want the message", box.taken[0])
			}
			if m, err := s.db.Message(t.Context(), id); err != nil || m.State != storage.MessageSent {
				t.Errorf("got %+v, %v; want it noted as sent", m, err)
			}
			text := metricsOf(s)
			for _, want := range []string{
				`clave_mail_results_total{result="sent"} 1`, `clave_mail_messages{state="sent"} 1`, `clave_mail_messages{state="pending"} 0`,
				`clave_mail_oldest_pending_seconds 0`, `clave_mail_trouble{class="tls"} 0`,
			} {
				if !strings.Contains(text, want) {
					t.Errorf("metrics lack %s", want)
				}
			}
		})
	}
}

// Without a mail server everything else works, and the metrics say what waits.
func TestServingWithoutAMailServer(t *testing.T) {
	s, _ := open(t)
	notice(t, s)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx, listener(t), nil) }()
	text := metricsOf(s)
	if !strings.Contains(text, `clave_mail_messages{state="pending"} 1`) || !strings.Contains(text, "clave_mail_oldest_pending_seconds 6") ||
		strings.Contains(text, "clave_mail_trouble{") {
		t.Errorf("got %s, want a message that has waited for a minute", text)
	}
	w := httptest.NewRecorder()
	s.internal.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	if w.Code != 200 {
		t.Errorf("readyz: got %d %s, want 200", w.Code, w.Body)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestMailConfigurationIsChecked(t *testing.T) {
	_, err := New(t.Context(), Config{
		Issuer: "http://localhost:8080", Storage: storage.Config{URL: storagetest.URL(t, "sqlite"), Keys: storagetest.Keys()}, Now: time.Now,
		Log: slog.New(slog.DiscardHandler), Mail: mail.Config{From: "clave@iess.example", SMTP: mail.SMTP{Host: "mail.example", TLS: mail.TLSNone}},
	})
	if err == nil || !strings.Contains(err.Error(), "needs TLS") {
		t.Errorf("got %v, want mail in the clear refused", err)
	}
}
