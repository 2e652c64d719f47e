package logintest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
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
	return &Browser{s, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (b *Browser) do(method, path, body string) Answer {
	r, err := http.NewRequestWithContext(b.s.T.Context(), method, b.s.URL+path, strings.NewReader(body))
	if err != nil {
		b.s.T.Error(err)
		return Answer{}
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.s.URL)
	}
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
func (b *Browser) Get(path string) Answer { return b.do(http.MethodGet, path, "") }

// Post sends a form of names and values.
func (b *Browser) Post(path string, pairs ...string) Answer {
	f := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Set(pairs[i], pairs[i+1])
	}
	return b.do(http.MethodPost, path, f.Encode())
}

// Ask begins a request at the application, as far as the login page, and returns
// its id.
func (b *Browser) Ask() string {
	got := b.Get("/authorize")
	u, err := url.Parse(got.Location)
	if err != nil {
		b.s.T.Fatal(err)
	}
	b.Get(got.Location)
	return u.Query().Get("id")
}

// Open opens the link of a mail, and the page that it leads to.
func (b *Browser) Open(link *storage.Link) Answer {
	got := b.Get("/enlace/" + b.s.DB.LinkToken(link.ID))
	if got.Status != http.StatusSeeOther {
		return got
	}
	return b.Get(got.Location)
}

var ticket = regexp.MustCompile(`name="reto" value="([^"]+)"`)

// Ticket is that of the challenge on a page, held for as long as it takes to
// count.
func (b *Browser) Ticket(page Answer) string {
	b.s.T.Helper()
	m := ticket.FindStringSubmatch(page.Body)
	if m == nil {
		b.s.T.Fatalf("no challenge on the page: %.400s", page.Main())
	}
	b.s.Pass(80 * time.Second)
	return m[1]
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([a-z_]+)" value="([^"]*)">`)

// Hidden is a hidden field of a page.
func (a Answer) Hidden(name string) string {
	for _, m := range hidden.FindAllStringSubmatch(a.Body, -1) {
		if m[1] == name {
			return m[2]
		}
	}
	return ""
}

// Main is the page from its heading on.
func (a Answer) Main() string {
	_, main, _ := strings.Cut(a.Body, "<h1>")
	return main
}

// Want is an answer with that status that leads there, "" for nowhere.
func (s *Site) Want(got Answer, status int, leads string) {
	s.T.Helper()
	path, _, _ := strings.Cut(got.Location, "?")
	if got.Status != status || path != leads {
		s.T.Errorf("got %d to %q, want %d to %q: %.250s", got.Status, got.Location, status, leads, got.Main())
	}
}

// WantText is a page that holds the words.
func (s *Site) WantText(got Answer, words ...string) {
	s.T.Helper()
	for _, w := range words {
		if !strings.Contains(got.Body, w) {
			s.T.Errorf("%q is not on the page: %d %q %.200s", w, got.Status, got.Location, got.Main())
		}
	}
}
