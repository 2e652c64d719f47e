package main

import (
	"bytes"
	"io"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// post is a mail server in the test's own process: it lives on when the provider
// dies, and keeps every copy of every mail.
type post struct {
	port int

	mu      sync.Mutex
	letters []letter
	meet    func(step string) // called at each step, before it is answered
}

// letter is one copy of a mail.
type letter struct {
	id   string // of the message in the outbox
	to   string
	text string // all of it, decoded
	body string // text, but for what may differ between two copies of it
}

// Steps at which the provider can be killed while it hands a mail over.
const (
	stepAddress = "RCPT not answered"
	stepTaken   = "text taken, 250 not said"
)

func newPost(t *testing.T) *post {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &post{port: l.Addr().(*net.TCPAddr).Port} //nolint:forcetypeassert // it is a TCP listener
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &delivery{post: p}, nil }))
	s.Domain, s.MaxLineLength, s.ErrorLog = "localhost", 2000, silent{}
	s.ReadTimeout, s.WriteTimeout = time.Minute, time.Minute
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Serve(l)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-ended
	})
	return p
}

// on lets f be called at each step, nil for nothing.
func (p *post) on(f func(step string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meet = f
}

func (p *post) step(name string) {
	p.mu.Lock()
	f := p.meet
	p.mu.Unlock()
	if f != nil {
		f(name)
	}
}

// all are the letters so far, in the order in which they came.
func (p *post) all() []letter {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.letters[:len(p.letters):len(p.letters)]
}

// to are the letters to an address.
func (p *post) to(address string) []letter {
	var out []letter
	for _, l := range p.all() {
		if l.to == address {
			out = append(out, l)
		}
	}
	return out
}

// link is the last link that came to an address, and its code, "" for none.
func (p *post) link(address string) (string, string) {
	all := p.to(address)
	for i := len(all) - 1; i >= 0; i-- {
		if code := linkCode.FindStringSubmatch(all[i].text); code != nil {
			return linkURL.FindString(all[i].text), code[1] + code[2]
		}
	}
	return "", ""
}

var (
	linkURL  = regexp.MustCompile(`http://localhost:\d+/enlace/[A-Za-z0-9_-]{43}`)
	linkCode = regexp.MustCompile(`\b(\d{4})[ \x{a0}](\d{4})\b`)
	// What may differ between two copies of a mail that starts a clock: when it was
	// put into words, and until when the link lives.
	moment = regexp.MustCompile(`Date: .*|\b\d{1,2}:\d\d\b|\b\d{1,2} de [a-z]+( de \d{4})?`)
)

// same reports whether two copies are one mail: the same words, the same link and
// code, the same Message-ID.
func (l letter) same(other letter) bool {
	return l.to == other.to && l.body == other.body
}

// delivery is one connection.
type delivery struct {
	post *post
	to   string
}

// Reset implements smtp.Session.
func (d *delivery) Reset() { d.to = "" }

// Logout implements smtp.Session.
func (d *delivery) Logout() error { return nil }

// Mail implements smtp.Session.
func (d *delivery) Mail(string, *smtp.MailOptions) error { return nil }

// Rcpt implements smtp.Session.
func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.to = to
	d.post.step(stepAddress)
	return nil
}

// Data implements smtp.Session.
func (d *delivery) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(raw)))
	if err != nil {
		text = raw // it says something that is not quoted-printable: compared as it is
	}
	id, _, _ := strings.Cut(strings.Trim(m.Header.Get("Message-Id"), "<>"), "@")
	d.post.mu.Lock()
	d.post.letters = append(d.post.letters, letter{id: strings.ToUpper(id), to: d.to, text: string(text), body: moment.ReplaceAllString(string(text), "")})
	d.post.mu.Unlock()
	d.post.step(stepTaken)
	return nil
}

type silent struct{}

// Printf implements smtp.Logger.
func (silent) Printf(string, ...any) {}

// Println implements smtp.Logger.
func (silent) Println(...any) {}
