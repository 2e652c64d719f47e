package mail_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	netmail "net/mail"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// received is a mail the server took.
type received struct {
	from string
	to   []string
	raw  []byte
	tls  bool
	user string
}

func (m received) header(t testing.TB, name string) string {
	t.Helper()
	parsed, err := netmail.ReadMessage(bytes.NewReader(m.raw))
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Header.Get(name)
}

// server is a mail server on this machine, with the real protocol. What it says
// to whom is a test's: nil functions take everything.
type server struct {
	port  int
	roots *x509.CertPool

	mu       sync.Mutex
	mails    []received
	sessions int
	onMail   func() error
	onRcpt   func(to string) error
	onData   func(to string, raw []byte) error
	onTaken  func() // after it took one, before it says so
	auth     map[string]string

	cert tls.Certificate
	mode string
	gate *gate
}

// serve starts a mail server; mode is "starttls", "implicit" or "none".
func serve(t *testing.T, mode string, change ...func(*server)) *server {
	t.Helper()
	s := &server{mode: mode}
	s.cert, s.roots = certificate(t, "localhost")
	for _, f := range change {
		f(s)
	}
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = ln.Addr().(*net.TCPAddr).Port
	s.gate = &gate{Listener: ln}
	srv := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sessions++
		_, isTLS := c.TLSConnectionState()
		return &session{server: s, tls: isTLS}, nil
	}))
	srv.Domain, srv.ErrorLog = "localhost", quiet{}
	srv.ReadTimeout, srv.WriteTimeout = time.Minute, time.Minute
	srv.MaxLineLength = 2000
	config := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return &s.cert, nil
	}}
	var open net.Listener = s.gate
	switch s.mode {
	case "starttls":
		srv.TLSConfig = config
	case "implicit":
		open = tls.NewListener(s.gate, config)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = srv.Serve(open)
	}()
	t.Cleanup(func() {
		s.stop()
		_ = srv.Close()
		<-ended
	})
	return s
}

// gate lets nobody in while the server is away. The port stays taken: another
// program of this machine would have it otherwise.
type gate struct {
	net.Listener
	mu    sync.Mutex
	shut  bool
	conns []net.Conn
}

func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		g.mu.Lock()
		shut := g.shut
		if !shut {
			g.conns = append(g.conns, c)
		}
		g.mu.Unlock()
		if !shut {
			return c, nil
		}
		c.Close()
	}
}

// stop makes the server vanish with all its connections; back brings it back.
func (s *server) stop() {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	s.gate.shut = true
	for _, c := range s.gate.conns {
		c.Close()
	}
	s.gate.conns = nil
}

func (s *server) back() {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	s.gate.shut = false
}

func (s *server) behave(f func(*server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (s *server) taken() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.mails...)
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

type session struct {
	server *server
	tls    bool
	user   string
	from   string
	to     []string
}

func (s *session) Reset()        { s.from, s.to = "", nil }
func (s *session) Logout() error { return nil }

func (s *session) AuthMechanisms() []string {
	if s.server.auth == nil || !s.tls {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if want, ok := s.server.auth[user]; !ok || want != password {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.server.mu.Lock()
	f := s.server.onMail
	s.server.mu.Unlock()
	s.from = from
	if s.server.auth != nil && s.user == "" {
		return reply(530, "authenticate first")
	}
	if f != nil {
		return f()
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.server.mu.Lock()
	f := s.server.onRcpt
	s.server.mu.Unlock()
	s.to = append(s.to, to)
	if f != nil {
		return f(to)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.server.mu.Lock()
	onData, onTaken := s.server.onData, s.server.onTaken
	s.server.mu.Unlock()
	if onData != nil {
		if err := onData(s.to[0], raw); err != nil {
			return err
		}
	}
	s.server.mu.Lock()
	s.server.mails = append(s.server.mails, received{from: s.from, to: s.to, raw: raw, tls: s.tls, user: s.user})
	s.server.mu.Unlock()
	if onTaken != nil {
		onTaken()
	}
	return nil
}

func reply(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: text}
}

// certificate makes one for host that nobody but the returned pool trusts.
func certificate(t testing.TB, host string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// cutOff listens and closes each connection at once, or never answers it.
func cutOff(t *testing.T, answer func(net.Conn)) int {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				stop := context.AfterFunc(ctx, func() { c.Close() })
				defer stop()
				defer c.Close()
				answer(c)
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		ln.Close()
		all.Wait()
	})
	return ln.Addr().(*net.TCPAddr).Port
}
