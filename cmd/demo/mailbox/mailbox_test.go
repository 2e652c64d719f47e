package mailbox_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"iess.gob.ec/clave/cmd/demo/mailbox"
	"iess.gob.ec/clave/templates"
)

const (
	base   = "http://localhost:8084"
	issuer = "http://localhost:8080"
	rosa   = "rosa.guaman@correo.example"
)

// site is a mailbox with its mail server.
type site struct {
	*mailbox.Mailbox
	t    *testing.T
	dir  string
	smtp string // address
	stop func()
}

func open(t *testing.T, dir string) *site {
	t.Helper()
	pages, err := templates.Parse(templates.Config{Issuer: issuer})
	if err != nil {
		t.Fatal(err)
	}
	b, err := mailbox.New(mailbox.Config{
		Dir: dir, Issuer: issuer, BaseURL: base, Pages: pages, Stylesheet: http.NotFoundHandler(), Now: time.Now, Log: slog.New(slog.DiscardHandler),
		People: func(context.Context) ([]mailbox.Person, error) {
			return []mailbox.Person{
				{Identifier: "0159999911", Name: "Rosa Elena Guamán Pulla", Email: rosa, State: "Clave bloqueada"},
				{Identifier: "1059999910", Name: "Luis Anrango Farinango", State: "Clave bloqueada"},
			}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- b.Receive(ctx, l) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return &site{b, t, dir, l.Addr().String(), stop}
}

// send hands a message over as any mail program does.
func (s *site) send(to string, raw ...string) {
	s.t.Helper()
	text := strings.Join(raw, "\r\n")
	if err := smtp.SendMail(s.smtp, nil, "clave@iess.example", []string{to}, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) get(path string) *httptest.ResponseRecorder {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(s.t.Context(), http.MethodGet, base+path, nil))
	return w
}

// links are where the elements with a link below prefix lead, in the order of the page.
func (s *site) links(path, prefix string) []string {
	s.t.Helper()
	var out []string
	for _, n := range elements(s.t, s.get(path).Body, "a") {
		if href := attr(n, "href"); strings.HasPrefix(href, prefix) {
			out = append(out, href)
		}
	}
	return out
}

func elements(t *testing.T, r io.Reader, name string) []*html.Node {
	t.Helper()
	doc, err := html.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	var out []*html.Node
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			out = append(out, n)
		}
	}
	return out
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func message(id, subject, body string) []string {
	return []string{"From: IESS <clave@iess.example>", "To: " + rosa, "Message-ID: <" + id + ">", "Subject: " + subject, "MIME-Version: 1.0", body}
}

const both = "Content-Type: multipart/alternative; boundary=x\r\n\r\n" +
	"--x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
	"Abra http://localhost:8080/enlace/a_b-c=\r\nd. Est=C3=A1.\r\n" +
	"--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<h1>Hola</h1><a href=\"http://localhost:8080/enlace/a_b-cd\">Abrir</a>\r\n--x--\r\n"

func TestMessageIsFileAndPage(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "mail"))
	s.send(rosa, message("1@localhost", "=?utf-8?q?Est=C3=A1?= aqu=", both)...)
	all := files(t, s.dir)
	if len(all) != 1 || !strings.HasSuffix(all[0], "-1@localhost.eml") {
		t.Fatalf("files %q, want one", all)
	}
	raw, err := os.Open(all[0])
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	m, err := netmail.ReadMessage(raw)
	if err != nil || m.Header.Get("Delivered-To") != rosa || m.Header.Get("Return-Path") != "<clave@iess.example>" || m.Header.Get("Message-ID") != "<1@localhost>" {
		t.Errorf("the file's head is %v, %v", m, err)
	}

	if home := s.get("/").Body.String(); !strings.Contains(home, "Está aqu=") || !strings.Contains(home, "Para Rosa Elena Guamán Pulla") {
		t.Errorf("the list does not show it:\n%s", home)
	}
	pages := s.links("/correo/"+rosa, "/mensaje/")
	if len(pages) != 1 {
		t.Fatalf("her mailbox leads to %q, want one message", pages)
	}
	if got := s.links(pages[0], "http:"); len(got) != 1 || got[0] != "http://localhost:8080/enlace/a_b-cd" {
		t.Errorf("the text's links are %q", got)
	}
	if page := s.get(pages[0]).Body.String(); !strings.Contains(page, "Está.") || !strings.Contains(page, filepath.Base(all[0])) {
		t.Errorf("the page lacks text or file:\n%s", page)
	}
	frame := elements(t, s.get(pages[0]).Body, "iframe")
	if len(frame) != 1 || strings.Contains(attr(frame[0], "sandbox"), "allow-scripts") || strings.Contains(attr(frame[0], "sandbox"), "allow-same-origin") || attr(frame[0], "title") == "" {
		t.Fatalf("frame %v", frame)
	}
	mail := s.get(attr(frame[0], "src"))
	if links := elements(t, strings.NewReader(mail.Body.String()), "a"); len(links) != 1 || attr(links[0], "target") != "_top" {
		t.Errorf("the mail's link does not leave the frame: %s", mail.Body)
	}
	if got := s.get(pages[0] + "/original"); got.Header().Get("Content-Type") != "text/plain; charset=utf-8" || !strings.Contains(got.Body.String(), "boundary=x") {
		t.Errorf("the original is %v", got)
	}
}

func TestRepeatIsOneMessage(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	s.send(rosa, message("1@localhost", "Uno", "\r\nprimera copia\r\n")...)
	s.send(rosa, message("2@localhost", "Dos", "\r\notro\r\n")...)
	s.send(rosa, message("1@localhost", "Uno", "\r\nsegunda copia\r\n")...)
	check := func(s *site) {
		t.Helper()
		pages := s.links("/correo/"+rosa, "/mensaje/")
		if len(pages) != 2 || len(files(t, dir)) != 3 {
			t.Fatalf("%d messages in %d files, want 2 in 3", len(pages), len(files(t, dir)))
		}
		if p := s.get(pages[0]).Body.String(); !strings.Contains(p, "segunda copia") || !strings.Contains(p, "copia más reciente de 2") {
			t.Errorf("the newest is not the repeated one:\n%s", p)
		}
	}
	check(s)
	s.stop()
	check(open(t, dir)) // the folder is all there is to know
}

// Whatever a message says is shown, and does nothing.
func TestT08_HostileMessageIsInert(t *testing.T) {
	s := open(t, t.TempDir())
	const evil = `<script>alert(1)</script><img src=x onerror=alert(2)>`
	s.send(rosa, message("\"><script>@../../evil", evil, "Content-Type: text/html\r\n\r\n"+
		`<meta http-equiv="refresh" content="0;url=https://evil.example/"><base href="https://evil.example/"><p onclick="alert(3)">`+evil+
		`<a href="javascript:alert(4)" target="_self">a</a><a href=" JaVaScript:alert(5)">b</a><a href="https://evil.example/" ping="https://evil.example/">c</a>`+
		`<iframe src="https://evil.example/"></iframe><svg><a xlink:href="javascript:alert(6)"><set attributeName="href" to="javascript:alert(7)"/></a></svg>`+
		`<form action="javascript:alert(8)"><button formaction="javascript:alert(9)">x</button></form><style>@import url(https://evil.example/)</style>`)...)
	for _, name := range files(t, s.dir) {
		if base := filepath.Base(name); strings.ContainsAny(base, "/<>\" ") {
			t.Errorf("file %q", base)
		}
	}
	pages := s.links("/", "/mensaje/")
	if len(pages) != 1 {
		t.Fatalf("%d messages, want 1", len(pages))
	}
	for _, path := range []string{"/", "/correo/" + rosa, pages[0]} {
		w := s.get(path)
		if strings.Contains(w.Body.String(), evil) || len(elements(t, strings.NewReader(w.Body.String()), "script")) > 0 || !strings.Contains(w.Body.String(), "&lt;script&gt;") {
			t.Errorf("%s does not show the subject as text:\n%s", path, w.Body)
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "script") || !strings.Contains(csp, "frame-src 'self'") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
	w := s.get(pages[0] + "/html")
	csp := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "form-action 'none'", "base-uri 'none'", "frame-ancestors 'self'", "sandbox "} {
		if !strings.Contains(csp, want) {
			t.Errorf("policy %q lacks %s", csp, want)
		}
	}
	for _, never := range []string{"script-src", "allow-scripts", "allow-same-origin", "allow-forms"} {
		if strings.Contains(csp, never) {
			t.Errorf("policy %q has %s", csp, never)
		}
	}
	for _, never := range []string{"alert", "http-equiv", "<base", "<iframe", "ping=", "_self"} {
		if strings.Contains(strings.ToLower(w.Body.String()), never) {
			t.Errorf("the mail still has %s:\n%s", never, w.Body)
		}
	}
}

func TestStrangeMessages(t *testing.T) {
	s := open(t, t.TempDir())
	for _, raw := range [][]string{
		{"no head at all"},
		{"Subject: sin cuerpo", ""},
		{"Subject: =?utf-8?q?roto", "Content-Type: multipart/mixed", "", "x"},
		{"Content-Type: text/plain; charset=iso-8859-1", "Content-Transfer-Encoding: base64", "", "RXN04SBhcXXt"},
		{"Content-Type: text/html; charset=no-such", "", "\xff\xfe<p>"},
	} {
		s.send(rosa, raw...)
	}
	pages := s.links("/", "/mensaje/")
	if len(pages) != 5 || len(files(t, s.dir)) != 5 {
		t.Fatalf("%d messages in %d files, want 5", len(pages), len(files(t, s.dir)))
	}
	var all strings.Builder
	for _, path := range pages {
		w := s.get(path)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
		all.WriteString(w.Body.String())
	}
	for _, want := range []string{"Está aquí", "Sin asunto", "sin cuerpo", "no head at all"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("no page says %q", want)
		}
	}
}

func TestServerSaysNoWhereItCannotKeep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	s := open(t, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	err := smtp.SendMail(s.smtp, nil, "clave@iess.example", []string{rosa}, []byte("Subject: x\r\n\r\n"))
	if err == nil || !strings.HasPrefix(err.Error(), "451") {
		t.Errorf("got %v, want 451", err)
	}
}

func TestPreviews(t *testing.T) {
	s := open(t, t.TempDir())
	paths := s.links("/plantillas", "/plantillas/")
	if want := 2 * len(templates.MailStates()); len(paths) != want {
		t.Errorf("%d previews, want %d", len(paths), want)
	}
	for _, path := range paths {
		page, mail := s.get(path), s.get(path+"/html")
		if page.Code != http.StatusOK || mail.Code != http.StatusOK || !strings.Contains(mail.Body.String(), "<h1") {
			t.Errorf("%s: %d, %d", path, page.Code, mail.Code)
		}
	}
}

func TestPagesThatAreNot(t *testing.T) {
	s := open(t, t.TempDir())
	for _, path := range []string{"/nada", "/mensaje/1", "/mensaje/1/html", "/correo/nadie@correo.example", "/plantillas/es-EC/nada", "/plantillas/fr/prueba"} {
		if w := s.get(path); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "Esta página no existe") {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	// A name of somebody else's that points here reads nothing (DNS rebinding).
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://evil.example:8084/", nil)
	s.ServeHTTP(w, r)
	if w.Code != http.StatusTemporaryRedirect || w.Header().Get("Location") != base+"/" {
		t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
	}
}
