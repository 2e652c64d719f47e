package main

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"iess.gob.ec/clave/cmd/demo/rp/rptest"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

const (
	rosaCedula  = "0159999911"
	rosaMail    = "rosa.guaman@correo.example"
	mariaCedula = "1759999913"
	mariaMail   = "maria.quishpe@correo.example"
)

// mailWords parses once for all tests.
var mailWords = sync.OnceValues(func() (*templates.Pages, error) { return templates.Parse(templates.Config{Issuer: "http://localhost"}) })

// subjectOf is how a mail is listed.
func subjectOf(t *testing.T, m templates.Mail) string {
	t.Helper()
	pages, err := mailWords()
	if err != nil {
		t.Fatal(err)
	}
	subject, _, _, err := pages.RenderMail("", m)
	if err != nil {
		t.Fatal(err)
	}
	return subject
}

var messageLinks = regexp.MustCompile(`href="(/mensaje/[0-9a-f]+)">([^<]*) <span>`)

// inbox is the addresses of the messages with that subject in somebody's
// mailbox, newest first.
func (d *demo) inbox(t *testing.T, address, subject string) []string {
	t.Helper()
	p := rptest.New(t).Get(d.mailboxURL() + "/correo/" + address)
	if p.Status == http.StatusNotFound { // an address that has had no mail yet and is nobody's of the table
		return nil
	}
	if p.Status != http.StatusOK {
		t.Fatalf("the mailbox answers %d: %s", p.Status, p.Text())
	}
	var out []string
	for _, m := range messageLinks.FindAllStringSubmatch(p.Body, -1) {
		if m[2] == subject {
			out = append(out, d.mailboxURL()+m[1])
		}
	}
	return out
}

// mailed waits for the nth message of m's kind and returns its page.
func (d *demo) mailed(t *testing.T, address string, m templates.Mail, nth int) *rptest.Page {
	t.Helper()
	subject := subjectOf(t, m)
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	give := time.After(15 * time.Second)
	for {
		if all := d.inbox(t, address, subject); len(all) >= nth {
			return rptest.New(t).Get(all[len(all)-nth])
		}
		select {
		case <-look.C:
		case <-give:
			t.Fatalf("no message %q, number %d, for %s: %s", subject, nth, address, rptest.New(t).Get(d.mailboxURL()+"/").Text())
		}
	}
}

var textLinks = regexp.MustCompile(`<a href="([^"]+)" rel="noopener noreferrer">`)

// linkIn is the nth one-use link in the text of a message.
func linkIn(t *testing.T, p *rptest.Page, nth int) string {
	t.Helper()
	for _, m := range textLinks.FindAllStringSubmatch(p.Body, -1) {
		if strings.Contains(m[1], "/enlace/") {
			if nth--; nth == 0 {
				return m[1]
			}
		}
	}
	t.Fatalf("the message has no such link: %s", p.Text())
	return ""
}

// askUnlock asks for the link without script: the ticket counts when it is old
// enough, which the world's clock makes it.
func askUnlock(t *testing.T, w *world, b *rptest.Browser, cedula string) *rptest.Page {
	t.Helper()
	p := b.Get(w.issuer + "/desbloqueo")
	w.clock.set(time.Duration(w.clock.ahead.Load()) + 6*time.Second)
	p = b.Press("desbloquear", url.Values{"identificacion": {cedula}, "reto": {p.Value("reto")}})
	if p.URL.Path != "/desbloqueo/enviado" {
		t.Fatalf("asking led to %s: %s", p.URL, p.Text())
	}
	return p
}

// change sets a new clave with the public form.
func change(t *testing.T, d *demo, b *rptest.Browser, cedula, from, to string) {
	t.Helper()
	b.Get(d.issuer + "/cambio")
	b.Press("aceptar", url.Values{"cedula": {cedula}, "clave_actual": {from}, "acuerdo": {"1"}})
	p := b.Press("aceptar", url.Values{"clave_nueva": {to}, "clave_confirmacion": {to}})
	if p.URL.Path != "/cambio/listo" {
		t.Fatalf("changing led to %s: %s", p.URL, p.Text())
	}
}

// wantState checks what /personas says of somebody by now.
func (d *demo) wantState(t *testing.T, name, state string) {
	t.Helper()
	all := rptest.New(t).Get(d.mailboxURL() + "/personas").Text()
	if !strings.Contains(all, name+" "+state) {
		t.Errorf("/personas does not say that %s has %q: %s", name, state, all)
	}
}

// The whole way of somebody whose clave is locked, in the browser that asked and
// in another one.
func TestS071_S073_UnlockThroughTheMailbox(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			w := newWorld(t, engine)
			w.wantState(t, "Rosa Elena Guamán Pulla", "Clave bloqueada")
			b := rptest.New(t)
			askUnlock(t, w, rptest.New(t), "1059999910") // Luis, who has no mailbox, before her
			askUnlock(t, w, b, rosaCedula)
			message := w.mailed(t, rosaMail, templates.MailUnlockLink{}, 1)
			if n := len(messageLinks.FindAllString(rptest.New(t).Get(w.mailboxURL()+"/").Body, -1)); n != 1 {
				t.Errorf("%d messages came, want hers alone", n)
			}
			link := linkIn(t, message, 1)
			b.Get(link)
			if engine == "postgres" { // in another browser: the last four characters
				b = rptest.New(t)
				b.Get(link)
				if p := b.Press("desbloquear", url.Values{"ultimos": {"0000"}}); p.URL.Path == "/desbloqueo/listo" {
					t.Fatal("unlocked with wrong characters")
				}
				b.Press("desbloquear", url.Values{"ultimos": {"9911"}})
			} else {
				b.Press("desbloquear", nil)
			}
			if p := b.Page(); p.URL.Path != "/desbloqueo/listo" {
				t.Fatalf("the link led to %s: %s", p.URL, p.Text())
			}
			w.mailed(t, rosaMail, templates.MailClaveUnlocked{}, 1)
			w.wantState(t, "Rosa Elena Guamán Pulla", "Clave activa")
			w.clock.set(0) // the applications' library has a clock of its own
			wantInside(t, w.demo, signIn(t, w.demo, rptest.New(t), 1, rosaCedula, commonClave), 1, "Rosa Elena")
		})
	}
}

// A change is told, and whoever did not make it ends it with one link.
func TestS087_ChangeIsToldAndCanBeDisavowed(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			w := newWorld(t, engine)
			change(t, w.demo, rptest.New(t), mariaCedula, commonClave, newClave)
			message := w.mailed(t, mariaMail, templates.MailClaveChanged{}, 1)
			if !strings.Contains(message.Text(), "María Fernanda") || strings.Contains(message.Body, newClave) || strings.Contains(message.Body, mariaCedula) {
				t.Errorf("the notice says: %s", message.Text())
			}
			w.wantState(t, "María Fernanda Quishpe Andrade", "Clave activa")

			other := rptest.New(t) // at home, another day
			p := other.Get(linkIn(t, message, 1))
			if p.URL.Path != "/no-fui-yo" {
				t.Fatalf("the link led to %s: %s", p.URL, p.Text())
			}
			fields := url.Values{}
			if ticket := p.Value("reto"); ticket != "" {
				fields.Set("reto", ticket)
				w.clock.set(10 * time.Second)
			}
			p = other.Press("no-fui-yo", fields)
			if p.URL.Path != "/no-fui-yo/listo" {
				t.Fatalf("disavowing led to %s: %s", p.URL, p.Text())
			}
			w.mailed(t, mariaMail, templates.MailClaveLocked{}, 1)
			w.wantState(t, "María Fernanda Quishpe Andrade", "Clave bloqueada porque alguien más la conoce")
			if p := signIn(t, w.demo, rptest.New(t), 1, mariaCedula, newClave); !p.Has("ingresar") {
				t.Errorf("the clave of somebody else still opens: %s", p.URL)
			}
		})
	}
}

func TestRestartKeepsMail(t *testing.T) {
	o := options{port: basePort(t), data: t.TempDir()}
	d, stop := begin(t, o)
	change(t, d, rptest.New(t), mariaCedula, commonClave, newClave)
	before := d.mailed(t, mariaMail, templates.MailClaveChanged{}, 1)
	files, err := filepath.Glob(filepath.Join(o.data, "mail", "*.eml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("files %q, %v", files, err)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("anybody may read %v, %v", info, err)
	}
	stop()
	d, _ = begin(t, o)
	if after := d.mailed(t, mariaMail, templates.MailClaveChanged{}, 1); after.Text() != before.Text() {
		t.Errorf("the message has become %s", after.Text())
	}
}

func TestMailServerIsOnThisMachineOnly(t *testing.T) {
	d, _ := begin(t, options{})
	if a, ok := d.smtp.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		t.Errorf("mail is taken at %s", d.smtp.Addr())
	}
}

// Whatever a newcomer needs to be somebody of the table is on the page.
func TestContract2_PeoplePage(t *testing.T) {
	d, _ := begin(t, options{people: 3})
	p := rptest.New(t).Get(d.mailboxURL() + "/personas")
	said := p.Text()
	for _, o := range people() {
		want := []string{string(o.identifier), o.given + " " + o.family, o.email, o.mobile, o.landline, o.clave, spanishDate(o.birthdate)}
		for _, e := range o.jobs {
			want = append(want, e.employer, e.ruc)
		}
		for _, given := range o.answers {
			want = append(want, d.pages.PersonalQuestion(templates.Languages()[0], given.question)+" "+given.text)
		}
		if len(o.tries) == 0 {
			t.Errorf("nothing to try with %s", o.given)
		}
		for _, try := range o.tries {
			want = append(want, try.text)
			if at := d.issuer + try.path; try.path != "" && rptest.New(t).Get(at).Status != http.StatusOK {
				t.Errorf("%s does not answer", at)
			}
		}
		for _, w := range want {
			if !strings.Contains(said, w) {
				t.Errorf("/personas does not say %q", w)
			}
		}
	}
	if !strings.Contains(said, "3 personas generadas") {
		t.Error("/personas is silent about the generated people")
	}
}
