package mail_test

import (
	"errors"
	"io"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login/mail"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// What the server says of a message concerns that message; what it says of
// itself, or does not say, concerns none.
func TestFT07_KindsOfFailureAreToldApart(t *testing.T) {
	type want struct {
		state, class, trouble string
		attempts              int
		wait                  time.Duration
		suppressed            bool
	}
	for _, tt := range []struct {
		name   string
		behave func(*server)
		want   want
	}{
		{
			"greylisted", func(s *server) { s.onRcpt = func(string) error { return reply(451, "greylisted") } },
			want{state: "pending", class: "451", attempts: 1, wait: 30 * time.Second},
		},
		{
			"full mailbox", func(s *server) { s.onRcpt = func(string) error { return reply(452, "4.2.2 full") } },
			want{state: "pending", class: "452", attempts: 1, wait: 30 * time.Second},
		},
		{
			"put off after the text", func(s *server) { s.onData = func(string, []byte) error { return reply(451, "later") } },
			want{state: "pending", class: "451", attempts: 1, wait: 30 * time.Second},
		},
		{
			"no such mailbox", func(s *server) { s.onRcpt = func(string) error { return reply(550, "no such user") } },
			want{state: "failed", class: "550", suppressed: true},
		},
		{
			"no such mailbox, said late", func(s *server) { s.onData = func(string, []byte) error { return reply(550, "5.1.1 no such user") } },
			want{state: "failed", class: "550", suppressed: true},
		},
		{
			"no such domain", func(s *server) { s.onRcpt = func(string) error { return reply(556, "5.1.10 no mail here") } },
			want{state: "failed", class: "556", suppressed: true},
		},
		{
			"our address has no mailbox", func(s *server) { s.onRcpt = func(string) error { return reply(550, "5.1.7 bad sender") } },
			want{state: "pending", class: "sender", attempts: 1, wait: 30 * time.Second},
		},
		{
			"our domain is unknown", func(s *server) { s.onData = func(string, []byte) error { return reply(550, "5.1.8 no such domain") } },
			want{state: "pending", class: "sender", attempts: 1, wait: 30 * time.Second},
		},
		{
			"sender refused in words", func(s *server) { s.onRcpt = func(string) error { return reply(550, "Sender verify failed") } },
			want{state: "pending", class: "sender", attempts: 1, wait: 30 * time.Second},
		},
		{
			"mailbox disabled", func(s *server) { s.onRcpt = func(string) error { return reply(550, "5.2.1 disabled") } },
			want{state: "failed", class: "550"},
		},
		{
			"content refused", func(s *server) { s.onData = func(string, []byte) error { return reply(554, "spam") } },
			want{state: "failed", class: "554"},
		},
		{
			"relaying denied", func(s *server) { s.onRcpt = func(string) error { return reply(550, "5.7.1 relaying denied") } },
			want{state: "pending", class: "550", attempts: 1, wait: 30 * time.Second},
		},
		{
			"our address refused", func(s *server) { s.onMail = func() error { return reply(553, "who are you") } },
			want{state: "pending", trouble: "sender"},
		},
		{
			"too busy", func(s *server) { s.onMail = func() error { return reply(451, "busy") } },
			want{state: "pending", trouble: "down"},
		},
		{
			"closing", func(s *server) { s.onMail = func() error { return reply(421, "closing") } },
			want{state: "pending", trouble: "down"},
		},
		{
			"wants a password", func(s *server) { s.auth = map[string]string{"clave": "x"} },
			want{state: "pending", trouble: "auth"},
		},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
			db := storagetest.Open(t, "sqlite")
			s := build(t, db, serve(t, "starttls", tt.behave))
			m := s.enqueue(s.notice(s.person(1)))
			s.deliver()
			got := s.message(m.ID)
			if got.State != tt.want.state || got.LastError != tt.want.class || got.Attempts != tt.want.attempts || s.worker.Trouble() != tt.want.trouble {
				t.Errorf("got %s %q after %d attempts, trouble %q; want %+v", got.State, got.LastError, got.Attempts, s.worker.Trouble(), tt.want)
			}
			if wait := got.NextAt.Sub(s.clock.now()); got.State == storage.MessagePending && wait != tt.want.wait {
				t.Errorf("got it put off for %v, want %v", wait, tt.want.wait)
			}
			_, err := db.Suppressed(t.Context(), m.Recipient, s.clock.now())
			if (err == nil) != tt.want.suppressed {
				t.Errorf("suppressed: got %v, want %v", err == nil, tt.want.suppressed)
			}
			if strings.Contains(s.log.String(), m.Recipient) && tt.want.trouble == "" {
				t.Errorf("the log names her: %s", s.log)
			}
			if n := len(s.server.taken()); n != 0 {
				t.Errorf("%d mails were taken", n)
			}
			s.server.behave(func(s *server) { s.onMail, s.onRcpt, s.onData = nil, nil, nil })
			s.clock.add(time.Minute)
			again := s.enqueue(s.notice(storage.Afiliado{ID: m.AfiliadoID, GivenName: "María", Email: m.Recipient}))
			s.deliver()
			if tt.want.suppressed {
				if got := s.message(again.ID).State; got != storage.MessageSuppressed || len(s.server.taken()) != 0 {
					t.Errorf("a second mail to a dead address: got %s, want it suppressed", got)
				}
			} else if tt.want.trouble != "auth" && s.message(again.ID).State != storage.MessageSent {
				t.Errorf("a second mail: got %+v, want it sent", s.message(again.ID))
			}
			if tt.want.state == "pending" && tt.want.trouble != "auth" && s.message(m.ID).State != storage.MessageSent {
				t.Errorf("afterwards: got %+v, want it sent", s.message(m.ID))
			}
		})
	}
}

// ASVS 12.3.3: no certificate, a wrong one, or no TLS at all: nothing is sent,
// all of it waits, and operators see why.
func TestASVS_12_3_3_FT07_NoMailWithoutTLS(t *testing.T) {
	for _, tt := range []struct {
		name, class string
		change      func(*mail.Config, *server)
		mode        string
	}{
		{"no STARTTLS", "tls", func(c *mail.Config, _ *server) { c.SMTP.TLS = mail.TLSStart }, "none"},
		{"unknown certificate", "tls", func(c *mail.Config, _ *server) { c.SMTP.Roots = nil }, "starttls"},
		{"unknown certificate, implicit", "tls", func(c *mail.Config, _ *server) { c.SMTP.Roots = nil }, "implicit"},
		{"certificate of another", "tls", func(c *mail.Config, s *server) {
			s.cert, c.SMTP.Roots = certificate(t, "other.example")
			c.SMTP.Host = "localhost"
		}, "starttls"},
		{"plain text where TLS should be", "tls", func(c *mail.Config, _ *server) { c.SMTP.TLS = mail.TLSImplicit }, "none"},
		{"wrong password", "auth", func(c *mail.Config, _ *server) { c.SMTP.Username, c.SMTP.Password = "clave", "wrong" }, "starttls"},
		{"no AUTH offered", "auth", func(c *mail.Config, s *server) { s.auth = nil; c.SMTP.Username, c.SMTP.Password = "clave", "right" }, "none-auth"},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
			db := storagetest.Open(t, "sqlite")
			mode, auth := tt.mode, map[string]string{"clave": "right"}
			if mode == "none-auth" {
				mode, auth = "starttls", nil
			}
			srv := serve(t, mode, func(s *server) { s.auth = auth })
			s := build(t, db, srv, func(c *mail.Config) {
				c.SMTP.Username, c.SMTP.Password = "clave", "right"
				tt.change(c, srv)
			})
			m := s.enqueue(s.notice(s.person(1)))
			s.deliver()
			if got := s.message(m.ID); got.State != storage.MessagePending || got.Attempts != 0 || !got.NextAt.Equal(m.CreatedAt.Time) {
				t.Errorf("got %+v, want it to wait, not blamed", got)
			}
			if got := s.worker.Trouble(); got != tt.class {
				t.Errorf("got trouble %q, want %q: %s", got, tt.class, s.log)
			}
			if len(srv.taken()) != 0 || strings.Contains(s.log.String(), "wrong") && tt.class == "auth" {
				t.Errorf("got %d mails and log %s", len(srv.taken()), s.log)
			}
		})
	}
	db := storagetest.Open(t, "sqlite")
	srv := serve(t, "implicit", func(s *server) { s.auth = map[string]string{"clave": "right"} })
	s := build(t, db, srv, func(c *mail.Config) { c.SMTP.Username, c.SMTP.Password = "clave", "right" })
	m := s.enqueue(s.notice(s.person(1)))
	s.deliver()
	if got := srv.taken(); len(got) != 1 || !got[0].tls || got[0].user != "clave" || s.message(m.ID).State != storage.MessageSent {
		t.Errorf("implicit TLS with a password: got %+v, want it sent: %s", got, s.log)
	}
}

func TestASVS_12_3_3_ConfigurationIsStrict(t *testing.T) {
	for name, change := range map[string]func(*mail.Config){
		"no host":            func(c *mail.Config) { c.SMTP.Host = "" },
		"two hosts":          func(c *mail.Config) { c.SMTP.Host = "a b" },
		"no TLS":             func(c *mail.Config) { c.SMTP.TLS = "" },
		"TLS if possible":    func(c *mail.Config) { c.SMTP.TLS = "opportunistic" },
		"in the clear":       func(c *mail.Config) { c.SMTP.TLS, c.SMTP.Host = mail.TLSNone, "mail.example" },
		"port":               func(c *mail.Config) { c.SMTP.Port = 70000 },
		"password of nobody": func(c *mail.Config) { c.SMTP.Password = "x" },
		"from":               func(c *mail.Config) { c.From = "IESS" },
	} {
		cfg := mail.Config{Issuer: issuer, From: "clave@iess.example", SMTP: mail.SMTP{Host: "mail.example", TLS: mail.TLSStart}}
		if err := mail.Check(cfg); err != nil {
			t.Fatal(err)
		}
		change(&cfg)
		if err := mail.Check(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// A server that hangs, or hangs up, costs a message a minute and no blame; the
// worker goes on and does not wait for ever.
func TestFT07_AServerThatHangs(t *testing.T) {
	greet := func(c net.Conn, after string) {
		r := textproto.NewConn(c)
		_ = r.PrintfLine("220 localhost")
		for {
			line, err := r.ReadLine()
			if err != nil {
				return
			}
			if strings.HasPrefix(line, after) {
				if after == "DATA" {
					_ = r.PrintfLine("354 go on")
					_, _ = r.ReadDotBytes() // and no answer
				}
				_, _ = io.Copy(io.Discard, c)
				return
			}
			_ = r.PrintfLine("250 localhost")
		}
	}
	for _, tt := range []struct {
		name, trouble, class string
		answer               func(net.Conn)
		deferred             bool
	}{
		{"closes at once", "down", "", func(net.Conn) {}, false},
		{"never greets", "down", "", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, false},
		{"hangs at MAIL", "down", "", func(c net.Conn) { greet(c, "MAIL") }, false},
		{"hangs at RCPT", "broken", "broken", func(c net.Conn) { greet(c, "RCPT") }, true},
		{"hangs after the dot", "broken", "broken", func(c net.Conn) { greet(c, "DATA") }, true},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			db := storagetest.Open(t, "sqlite")
			s := build(t, db, &server{mode: "none", port: cutOff(t, tt.answer)}, func(c *mail.Config) { c.SMTP.Timeout = 300 * time.Millisecond })
			m := s.enqueueUnlock(s.person(1))
			s.deliver()
			got := s.message(m.ID)
			if got.State != storage.MessagePending || got.Attempts != 0 || got.LastError != tt.class || s.worker.Trouble() != tt.trouble {
				t.Errorf("got %+v, trouble %q; want it to wait without blame", got, s.worker.Trouble())
			}
			if deferred := got.NextAt.Equal(s.clock.now().Add(time.Minute)); deferred != tt.deferred {
				t.Errorf("deferred %v, want %v", deferred, tt.deferred)
			}
			if tt.deferred && got.ComposedAt.IsZero() {
				t.Error("the date of a mail that may have been taken is gone")
			}
		})
	}
}

// One connection carries many messages, and a server that closes it after some
// is connected to again.
func TestConnectionsAreReused(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		s := build(t, db, serve(t, "starttls"), func(c *mail.Config) { c.Connections, c.Batch = 2, 10 })
		a := s.person(1)
		storagetest.InTx(t, db, func(tx *storage.Tx) error {
			for range 30 {
				if err := tx.Enqueue(t.Context(), s.notice(a)); err != nil {
					return err
				}
			}
			return nil
		})
		s.deliver()
		s.deliver()
		if s.server.sessions > 4 { // each greeted twice, before and after STARTTLS
			t.Errorf("%d sessions for twenty mails over two connections", s.server.sessions)
		}
		s.server.stop() // the idle connections die
		s.server.back()
		s.deliver()
		if n := len(s.server.taken()); n != 30 || s.counted(storage.MessageSent) != 30 || s.worker.Trouble() != "" {
			t.Errorf("%d mails, trouble %q, want thirty", n, s.worker.Trouble())
		}
	})
}

// An operator who tries the mail server is told at which step it said what.
func TestMailTest(t *testing.T) {
	srv := serve(t, "starttls")
	cfg := mail.Config{
		Pages: pages(t), Issuer: issuer, From: "clave@iess.example",
		SMTP: mail.SMTP{Host: "localhost", Port: srv.port, TLS: mail.TLSStart, Roots: srv.roots},
	}
	id, err := mail.Test(t.Context(), cfg, "operador@example.ec", "es-EC", storagetest.Noon())
	if err != nil {
		t.Fatal(err)
	}
	mails := srv.taken()
	if len(mails) != 1 || mails[0].header(t, "Message-Id") != "<"+id+">" || mails[0].to[0] != "operador@example.ec" {
		t.Errorf("got %+v, want one mail", mails)
	}
	srv.behave(func(s *server) { s.onRcpt = func(string) error { return reply(550, "no such user") } })
	if _, err := mail.Test(t.Context(), cfg, "operador@example.ec", "es-EC", storagetest.Noon()); err == nil || !strings.Contains(err.Error(), "recipient: 550") {
		t.Errorf("got %v, want the step and what the server said", err)
	}
	if _, err := mail.Test(t.Context(), cfg, "operador", "es-EC", storagetest.Noon()); !errors.Is(err, storage.ErrEmail) {
		t.Errorf("got %v, want ErrEmail", err)
	}
	srv.stop()
	if _, err := mail.Test(t.Context(), cfg, "operador@example.ec", "es-EC", storagetest.Noon()); err == nil || !strings.Contains(err.Error(), "hello") {
		t.Errorf("got %v, want the step", err)
	}
}
