package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// step is how far an exchange with the mail server had come.
type step string

const (
	stepConnect step = "connect"
	stepHello   step = "hello"
	stepTLS     step = "tls"
	stepAuth    step = "auth"
	stepSender  step = "sender"    // MAIL FROM
	stepAddress step = "recipient" // RCPT TO
	stepData    step = "data"      // DATA, until the text is written
	stepEnd     step = "end"       // from the final dot on, the server may have taken it
)

var (
	errNoStartTLS = errors.New("the server does not offer STARTTLS, which is required")
	errNoAuth     = errors.New("the server offers neither AUTH PLAIN nor AUTH LOGIN")
)

// dialer connects to one mail server.
type dialer struct {
	smtp SMTP
	helo string
}

func newDialer(cfg Config) (dialer, error) {
	s := cfg.SMTP
	switch {
	case s.Host == "" || strings.ContainsAny(s.Host, " \r\n\x00/@"):
		return dialer{}, errors.New("mail: the mail server needs a host name")
	case s.Port < 0 || s.Port > 65535:
		return dialer{}, errors.New("mail: the mail server's port must be 1 to 65535")
	case s.TLS != TLSStart && s.TLS != TLSImplicit && s.TLS != TLSNone:
		return dialer{}, errors.New("mail: TLS must be starttls, implicit or none")
	case s.TLS == TLSNone && !loopback(s.Host):
		return dialer{}, errors.New("mail: a mail server on another machine needs TLS")
	case s.Username == "" && s.Password != "":
		return dialer{}, errors.New("mail: a password needs a user name")
	}
	host, err := issuerHost(cfg.Issuer)
	if err != nil {
		return dialer{}, err
	}
	if s.Timeout == 0 {
		s.Timeout = 30 * time.Second
	}
	if s.Timeout < 0 || s.Timeout > MaxTimeout {
		return dialer{}, fmt.Errorf("mail: the timeout must be at most %v", MaxTimeout)
	}
	return dialer{smtp: s, helo: host}, nil
}

// grace is how long an exchange may go on after its context has ended: what is
// nearly handed over should be, and the program stops in ten seconds.
const grace = 4 * time.Second

// conn is a connection that is ready for a message.
type conn struct {
	client  *smtp.Client
	raw     net.Conn
	timeout time.Duration
	used    bool // a message went over it
}

// dial connects, takes TLS as configured and authenticates.
func (d dialer) dial(ctx context.Context) (*conn, step, error) {
	nd := &net.Dialer{Timeout: d.smtp.Timeout}
	raw, err := nd.DialContext(ctx, "tcp", net.JoinHostPort(d.smtp.Host, strconv.Itoa(d.smtp.port())))
	if err != nil {
		return nil, stepConnect, err
	}
	c := &conn{raw: raw, timeout: d.smtp.Timeout}
	done := c.watch(ctx)
	defer done()
	step, err := d.open(ctx, c)
	if err != nil {
		c.drop()
		return nil, step, err
	}
	return c, "", nil
}

func (d dialer) open(ctx context.Context, c *conn) (step, error) {
	stream := c.raw
	if d.smtp.TLS == TLSImplicit {
		secure := tls.Client(c.raw, d.smtp.tlsConfig())
		if err := secure.HandshakeContext(ctx); err != nil {
			return stepTLS, err
		}
		stream = secure
	}
	var err error
	if c.client, err = smtp.NewClient(stream, d.smtp.Host); err != nil {
		return stepHello, err
	}
	c.client.SkipSMTPUTF8(true) // addresses are ASCII, see storage.ParseEmail
	if err := c.client.Hello(d.helo); err != nil {
		return stepHello, err
	}
	if d.smtp.TLS == TLSStart {
		if ok, _ := c.client.Extension("STARTTLS"); !ok {
			return stepTLS, errNoStartTLS
		}
		if err := c.client.StartTLS(d.smtp.tlsConfig()); err != nil {
			return stepTLS, err
		}
	}
	if d.smtp.Username == "" {
		return "", nil
	}
	_, offered := c.client.Extension("AUTH")
	var auth smtp.Auth
	switch mechanisms := " " + strings.ToUpper(offered) + " "; {
	case strings.Contains(mechanisms, " PLAIN "):
		auth = smtp.PlainAuth("", d.smtp.Username, d.smtp.Password, d.smtp.Host, false)
	case strings.Contains(mechanisms, " LOGIN "):
		auth = smtp.LoginAuth(d.smtp.Username, d.smtp.Password, d.smtp.Host, false)
	default:
		return stepAuth, errNoAuth
	}
	return stepAuth, c.client.Auth(auth)
}

// send hands one message over. Where it fails, the step says how far it came.
func (c *conn) send(ctx context.Context, from, to string, text []byte) (step, error) {
	done := c.watch(ctx)
	defer done()
	if c.used { // forgets what the last one left
		if err := c.client.Reset(); err != nil {
			return stepHello, err
		}
	}
	c.used = true
	if err := c.client.Mail("<" + from + ">"); err != nil {
		return stepSender, err
	}
	if err := c.client.Rcpt("<" + to + ">"); err != nil {
		return stepAddress, err
	}
	w, err := c.client.Data()
	if err != nil {
		return stepData, err
	}
	if _, err := w.Write(text); err != nil {
		return stepData, err
	}
	return stepEnd, w.Close()
}

// watch cuts the connection off where an exchange takes longer than its timeout,
// or than grace once ctx has ended, until the function it returns is called.
func (c *conn) watch(ctx context.Context) func() {
	slow := time.AfterFunc(c.timeout, c.drop)
	stop := context.AfterFunc(ctx, func() { slow.Reset(min(grace, c.timeout)) })
	return func() {
		stop()
		slow.Stop()
	}
}

// drop ends the connection without a word.
func (c *conn) drop() { _ = c.raw.Close() }

// close ends it politely.
func (c *conn) close() {
	slow := time.AfterFunc(min(grace, c.timeout), c.drop)
	defer slow.Stop()
	_ = c.client.Quit()
	c.drop()
}
