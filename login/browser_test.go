package login_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// browser is somebody's browser: it keeps cookies and shows each answer.
type browser struct {
	t      *testing.T
	site   *site
	client *http.Client
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{t: s.t, site: s, client: &http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is what came back.
type answer struct {
	status   int
	header   http.Header
	location string
	body     string
}

func (b *browser) do(r *http.Request) answer {
	res, err := b.client.Do(r)
	if err != nil {
		b.t.Error(err)
		return answer{}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Error(err)
	}
	return answer{res.StatusCode, res.Header, strings.TrimPrefix(res.Header.Get("Location"), b.site.url), string(body)}
}

func (b *browser) get(path string) answer {
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.site.url+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(r)
}

func (b *browser) post(path string, fields url.Values) answer {
	return b.do(b.form(path, fields))
}

func (b *browser) form(path string, fields url.Values) *http.Request {
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.site.url+path, strings.NewReader(fields.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.site.url)
	return r
}

// ask begins a request at an application and returns the page it leads to.
func (b *browser) ask(client, scope string, more ...string) answer {
	q := url.Values{"client_id": {client}, "scope": {scope}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return b.get("/authorize?" + q.Encode())
}

// request is the id of the running request that an answer leads on with.
func (a answer) request() string {
	u, err := url.Parse(a.location)
	if err != nil {
		return ""
	}
	return u.Query().Get("id")
}

// param is a parameter of the answer to the application.
func (a answer) param(name string) string {
	u, err := url.Parse(a.location)
	if err != nil {
		return ""
	}
	return u.Query().Get(name)
}

// leads reports where an answer redirects to, without its query.
func (a answer) leads() string {
	path, _, _ := strings.Cut(a.location, "?")
	return path
}

// signIn sends the form and, where pressure asks for a challenge, does as a person
// without script does: it waits and sends it again.
func (b *browser) signIn(request string, id storage.Identifier, clave string) answer {
	got := b.try(request, id, clave)
	if reto := got.reto(); reto != "" && strings.Contains(got.body, refused) {
		b.site.pass(longestWait)
		got = b.try(request, id, clave, reto)
	}
	return got
}

// try sends the form once, with the answer to a challenge if there is one.
func (b *browser) try(request string, id storage.Identifier, clave string, reto ...string) answer {
	f := url.Values{"cedula": {string(id)}, "clave": {clave}, "ingresar": {"1"}, "reto": reto}
	if request != "" {
		f.Set("id", request)
	}
	return b.post("/ingresar", f)
}

const (
	refused     = `id="reto-error"`
	longestWait = 80 * time.Second // of a ticket
)

var ticket = regexp.MustCompile(`name="reto" value="([^"]*)"`)

// reto is the ticket of the challenge that the page poses, "" for none.
func (a answer) reto() string {
	if m := ticket.FindStringSubmatch(a.body); m != nil {
		return m[1]
	}
	return ""
}

func (b *browser) want(got answer, status int, leads string) {
	b.t.Helper()
	if got.status != status || got.leads() != leads {
		b.t.Errorf("got %d to %q, want %d to %q: %s", got.status, got.location, status, leads, head(got.body))
	}
}

func head(body string) string {
	_, body, _ = strings.Cut(body, "<main")
	return body[:min(len(body), 400)]
}
