// Package mail takes messages out of the outbox and hands them to a mail server
// (SMTP, RFC 5321). It is the only package that knows how.
//
// A message is in the outbox because the transaction of its effect put it there.
// A worker leases it, puts it into words, hands it over and notes that, with the
// clock of its link, in one transaction. What is promised:
//
//   - A message leased by one worker is handed over by no other, and one that is
//     noted as sent is never sent again.
//   - Between the server's 250 and that note lies a moment in which the program
//     or the connection can die. The message is then sent once more, byte for
//     byte the same with the same Message-ID, so that mailboxes show one; at
//     least once is all that SMTP allows. Only a mail whose link would be dead
//     by then is written anew, with the same Message-ID.
//   - A link is never sent that is used, replaced or about to expire.
//   - A server that is away, slow, or has no valid certificate holds nothing
//     against a message: all wait. What it says of one message concerns that one.
package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// TLS says how the connection to the mail server is protected.
type TLS string

// The ways. There is none that tries TLS and goes on without it (ASVS 12.3.3).
const (
	TLSStart    TLS = "starttls" // RFC 3207, required
	TLSImplicit TLS = "implicit" // RFC 8314
	TLSNone     TLS = "none"     // on this machine only
)

// SMTP is the mail server that takes our mail.
type SMTP struct {
	Host     string
	Port     int // 0: 587, 465 or 25 as TLS says
	TLS      TLS
	Username string // "": no authentication
	Password string
	Roots    *x509.CertPool // nil: those of the system
	// Timeout bounds connecting, then the greeting with TLS and authentication,
	// then each message: 30 s; MaxTimeout at most.
	Timeout time.Duration
}

// MaxTimeout is the longest SMTP.Timeout: with more, what is begun would not end
// within the lease of a batch.
const MaxTimeout = time.Minute

// Config is what a Worker is made of.
type Config struct {
	DB    *storage.DB
	Pages *templates.Pages
	SMTP  SMTP
	// Issuer is the origin of every link; its host names Message-IDs (T16).
	Issuer string
	// From and ReplyTo are single addresses, with a name or without; ReplyTo may
	// be empty.
	From, ReplyTo string
	// Batch is how many messages a worker leases at once (100), Connections over
	// how many it sends them (4).
	Batch, Connections int
	// Observe, where set, is told what became of each message tried: a state of
	// storage, or "retry" or "defer".
	Observe func(result string)
	Now     func() time.Time
	// After is time.After, unless a test says otherwise.
	After func(time.Duration) <-chan time.Time
	Log   *slog.Logger
}

// Worker sends what lies in the outbox. It is safe for concurrent use, beside
// others in other processes.
type Worker struct {
	cfg     Config
	writer  writer
	dialer  dialer
	trouble atomic.Pointer[string]

	mu   sync.Mutex
	idle []*conn
}

// New returns a Worker, or says what is wrong with cfg. It connects nowhere.
func New(cfg Config) (*Worker, error) {
	if cfg.DB == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("mail: DB, Now and Log are required")
	}
	w, err := newWriter(cfg)
	if err != nil {
		return nil, err
	}
	d, err := newDialer(cfg)
	if err != nil {
		return nil, err
	}
	if cfg.Batch == 0 {
		cfg.Batch = 100
	}
	if cfg.Connections == 0 {
		cfg.Connections = 4
	}
	if cfg.Observe == nil {
		cfg.Observe = func(string) {}
	}
	if cfg.After == nil {
		cfg.After = time.After
	}
	return &Worker{cfg: cfg, writer: w, dialer: d}, nil
}

// Check says what is wrong with the mail part of cfg, whose DB, Now and Log it
// does not need.
func Check(cfg Config) error {
	if _, err := ParseFrom(cfg.From); err != nil {
		return err
	}
	_, err := newDialer(cfg)
	return err
}

// ParseFrom reads one address as it stands behind From, such as "IESS Clave
// <clave@iess.gob.ec>". The address is as strict as storage.ParseEmail.
func ParseFrom(s string) (*mail.Address, error) {
	if strings.ContainsAny(s, "\r\n\x00") {
		return nil, errors.New("mail: an address must be one line")
	}
	a, err := mail.ParseAddress(s)
	if err != nil {
		return nil, errors.New("mail: not an address")
	}
	if _, err := storage.ParseEmail(a.Address); err != nil {
		return nil, errors.New("mail: not an address")
	}
	return a, nil
}

// Test hands one message of trial over to cfg's server for address, beside the
// outbox, and returns its Message-ID. The error says at which step the server
// said what.
func Test(ctx context.Context, cfg Config, address, lang string, now time.Time) (string, error) {
	if _, err := storage.ParseEmail(address); err != nil {
		return "", fmt.Errorf("mail: %w", err)
	}
	w, err := newWriter(cfg)
	if err != nil {
		return "", err
	}
	d, err := newDialer(cfg)
	if err != nil {
		return "", err
	}
	id := storage.NewID()
	text, err := w.write(letter{id: id, to: address, lang: lang, date: now, mail: templates.MailTest{When: now}})
	if err != nil {
		return "", err
	}
	c, step, err := d.dial(ctx)
	if err != nil {
		return "", fmt.Errorf("mail: %s: %w", step, err)
	}
	defer c.close()
	if step, err := c.send(ctx, w.from.Address, address, text); err != nil {
		return "", fmt.Errorf("mail: %s: %w", step, err)
	}
	return w.messageID(id), nil
}

// Trouble is the class of what keeps the mail server from taking anything:
// "down", "tls", "auth", "sender" (it refuses From), "broken" (connections die
// over messages), "refused" (it refused several addresses for good and took
// nothing; these wait); "" where it works.
func (w *Worker) Trouble() string {
	if p := w.trouble.Load(); p != nil {
		return *p
	}
	return ""
}

func issuerHost(issuer string) (string, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Hostname() == "" {
		return "", errors.New("mail: the issuer must be a URL")
	}
	return u.Hostname(), nil
}

// loopback reports whether host can only be this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (s SMTP) port() int {
	switch {
	case s.Port != 0:
		return s.Port
	case s.TLS == TLSImplicit:
		return 465
	case s.TLS == TLSNone:
		return 25
	default:
		return 587
	}
}

func (s SMTP) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: s.Host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
}
