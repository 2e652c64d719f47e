package logintest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"iess.gob.ec/clave/storage"
)

// Browser keeps cookies and follows no redirect by itself.
type Browser struct {
	s      *Site
	client *http.Client
}

// Answer is what a request got.
type Answer struct {
	Status   int
	Location string
	Body     string
	Header   http.Header
}

// NewBrowser returns one without cookies.
func (s *Site) NewBrowser() *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.T.Fatal(err)
	}
	return &Browser{s, &http.Client{Transport: s.wires, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Clone is another one with the same cookies, as whoever has copied them.
func (b *Browser) Clone() *Browser {
	other := b.s.NewBrowser()
	other.client.Jar.SetCookies(b.site(), b.client.Jar.Cookies(b.site()))
	return other
}

// Request is one with that body, which a POST has as a form of this site. It is nil
// where there can be no such request, which fails the test.
func (b *Browser) Request(method, path, body string) *http.Request {
	r, err := http.NewRequestWithContext(b.s.T.Context(), method, b.s.URL+path, strings.NewReader(body))
	if err != nil {
		b.s.T.Error(err)
		return nil
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.s.URL)
	}
	return r
}

// Do makes a Request and sends it.
func (b *Browser) Do(method, path, body string) Answer {
	r := b.Request(method, path, body)
	if r == nil {
		return Answer{}
	}
	return b.Send(r)
}

// Send sends r with the cookies, and is safe for concurrent use, as all that sends is.
func (b *Browser) Send(r *http.Request) Answer {
	res, err := b.client.Do(r)
	if err != nil {
		b.s.T.Error(err)
		return Answer{}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.s.T.Error(err)
	}
	return Answer{res.StatusCode, res.Header.Get("Location"), string(text), res.Header}
}

// Get opens a page.
func (b *Browser) Get(path string) Answer { return b.Do(http.MethodGet, path, "") }

// Post sends a form of names and values.
func (b *Browser) Post(path string, pairs ...string) Answer {
	f := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Set(pairs[i], pairs[i+1])
	}
	return b.PostForm(path, f)
}

// PostForm sends a form in which a name may have several values.
func (b *Browser) PostForm(path string, f url.Values) Answer {
	return b.Do(http.MethodPost, path, f.Encode())
}

// LongestWait is that of a ticket.
const LongestWait = 80 * time.Second

// Answering sends a form and, where pressure asks for a challenge, does as a person
// without script does: it waits and sends it again.
func (b *Browser) Answering(path string, pairs ...string) Answer {
	got := b.Post(path, pairs...)
	if reto := got.Reto(); reto != "" && strings.Contains(got.Body, Refused) {
		b.s.Pass(LongestWait)
		got = b.Post(path, append(pairs, "reto", reto)...)
	}
	return got
}

// Refused is on a page that asks for the challenge's answer instead of trying what
// the form holds.
const Refused = `id="reto-error"`

// Cookie is the value of one of ours, "" where there is none: of session, browser,
// device and what else the pages name.
func (b *Browser) Cookie(name string) string {
	for _, c := range b.client.Jar.Cookies(b.site()) {
		if c.Name == "clave-"+name+"-8080" {
			return c.Value
		}
	}
	return ""
}

// SetCookie plants one of ours.
func (b *Browser) SetCookie(name, value string) {
	b.client.Jar.SetCookies(b.site(), []*http.Cookie{{Name: "clave-" + name + "-8080", Value: value, Path: "/"}}) //nolint:gosec // as a browser sends it
}

func (b *Browser) site() *url.URL {
	u, err := url.Parse(b.s.URL)
	if err != nil {
		b.s.T.Fatal(err)
	}
	return u
}

// Ask begins a request of historia, as far as the login page, and returns its id.
func (b *Browser) Ask() string {
	got := b.Get("/authorize")
	b.Get(got.Location)
	return got.Param("id")
}

// Open opens the link of a mail, and the page that it leads to, whose address does
// not hold what opens the link.
func (b *Browser) Open(link *storage.Link) Answer {
	token := b.s.DB.LinkToken(link.ID)
	got := b.Get("/enlace/" + token)
	if got.Status != http.StatusSeeOther || strings.Contains(got.Location, token) {
		b.s.T.Errorf("a link leads %d to %q", got.Status, got.Location)
		return got
	}
	return b.Get(got.Location)
}

// Ticket is that of the challenge on a page, held for as long as it takes to
// count.
func (b *Browser) Ticket(page Answer) string {
	b.s.T.Helper()
	return b.Held(page, LongestWait)
}

// Held is the ticket on a page after that long.
func (b *Browser) Held(page Answer, d time.Duration) string {
	b.s.T.Helper()
	reto := page.Reto()
	if reto == "" {
		b.s.T.Fatalf("no challenge on the page: %.400s", page.Main())
	}
	b.s.Pass(d)
	return reto
}

var ticket = regexp.MustCompile(`name="reto" value="([^"]+)"`)

// Reto is the ticket of the challenge on a page, "" for none.
func (a Answer) Reto() string {
	if m := ticket.FindStringSubmatch(a.Body); m != nil {
		return m[1]
	}
	return ""
}

// Param is a parameter of the address that an answer leads to.
func (a Answer) Param(name string) string {
	u, err := url.Parse(a.Location)
	if err != nil {
		return ""
	}
	return u.Query().Get(name)
}

// Leads is that address without its query.
func (a Answer) Leads() string {
	path, _, _ := strings.Cut(a.Location, "?")
	return path
}

var hidden = regexp.MustCompile(`type="hidden" name="([^"]+)" value="([^"]*)"`)

// Hidden is a hidden field of a page.
func (a Answer) Hidden(name string) string {
	for _, m := range hidden.FindAllStringSubmatch(a.Body, -1) {
		if m[1] == name {
			return m[2]
		}
	}
	return ""
}

// Fields are the hidden fields of a page, as names and values, but for a ticket.
func (a Answer) Fields() []string {
	var out []string
	for _, m := range hidden.FindAllStringSubmatch(a.Body, -1) {
		if m[1] != "reto" {
			out = append(out, m[1], m[2])
		}
	}
	return out
}

// Main is the page from its heading on.
func (a Answer) Main() string {
	_, main, _ := strings.Cut(a.Body, "<h1>")
	return main
}

// Want is an answer with that status that leads there, "" for nowhere.
func (s *Site) Want(got Answer, status int, leads string) {
	s.T.Helper()
	if got.Status != status || got.Leads() != leads {
		s.T.Errorf("got %d to %q, want %d to %q: %.300s", got.Status, got.Location, status, leads, got.Main())
	}
}

// WantText is a page that holds the words.
func (s *Site) WantText(got Answer, words ...string) {
	s.T.Helper()
	for _, w := range words {
		if !strings.Contains(got.Body, w) {
			s.T.Errorf("%q is not on the page: %d %q %.600s", w, got.Status, got.Location, got.Main())
		}
	}
}

// Parallel runs f(0) … f(n-1) at the same time.
func Parallel(n int, f func(i int)) {
	var start, end sync.WaitGroup
	start.Add(1)
	for i := range n {
		end.Go(func() { start.Wait(); f(i) })
	}
	start.Done()
	end.Wait()
}
