// Package rptest is a browser without JavaScript, for tests that walk through
// applications and provider as a person does.
package rptest

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Browser keeps cookies, follows redirects and sends forms. It belongs to one
// test and is not safe for concurrent use.
type Browser struct {
	// Until, where set, is asked before each redirect is followed; true stops
	// there, with the address in Page.Next.
	Until func(next *url.URL) bool

	t      testing.TB
	client *http.Client
	page   *Page
}

// Page is an answer as the browser shows it.
type Page struct {
	Status int
	URL    *url.URL // after redirects
	Next   *url.URL // the redirect at which Until stopped, or nil
	Header http.Header
	Body   string
}

// New returns a browser that has been nowhere yet.
func New(t testing.TB) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &Browser{t: t}
	b.client = &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > 20 || b.Until != nil && b.Until(r.URL) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	return b
}

// Page is the page last seen.
func (b *Browser) Page() *Page { return b.page }

// Cookies are those the browser would send to address.
func (b *Browser) Cookies(address string) []*http.Cookie {
	return b.client.Jar.Cookies(b.parse(address))
}

// Get opens an address, which may be relative to the page last seen.
func (b *Browser) Get(address string) *Page {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.parse(address).String(), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(req)
}

// Post sends a form that need not be on the page last seen, from a page of that
// origin ("" sends no Origin).
func (b *Browser) Post(address, origin string, form url.Values) *Page {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.parse(address).String(), strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if origin != "" {
		req.Header.Set("Origin", origin)
	}
	return b.do(req)
}

// Press sends the form that has the button with that name or id, with its
// hidden fields, its ticked boxes and the given fields.
func (b *Browser) Press(button string, fields url.Values) *Page {
	b.t.Helper()
	if b.page == nil {
		b.t.Fatalf("no page to press %q on", button)
	}
	attrs, body, ok := b.page.form(button)
	if !ok {
		b.t.Fatalf("%s (%d) has no button %q:\n%s", b.page.URL, b.page.Status, button, b.page.Text())
	}
	form := url.Values{}
	for _, input := range inputs.FindAllString(body, -1) {
		kind := attribute(input, "type")
		ticked := (kind == "checkbox" || kind == "radio") && checked.MatchString(input)
		if kind == "hidden" || ticked {
			form.Add(attribute(input, "name"), attribute(input, "value"))
		}
	}
	form.Set(button, "1")
	for name, values := range fields {
		form[name] = values
	}
	action := b.page.URL
	if a := attribute(attrs, "action"); a != "" {
		action = b.parse(a)
	}
	return b.Post(action.String(), b.page.URL.Scheme+"://"+b.page.URL.Host, form)
}

// Has reports whether the page has a button of that name.
func (p *Page) Has(button string) bool {
	_, _, ok := p.form(button)
	return ok
}

var (
	forms  = regexp.MustCompile(`(?is)<form\b([^>]*)>(.*?)</form>`)
	inputs = regexp.MustCompile(`(?is)<input\b[^>]*>`)
	tags   = regexp.MustCompile(`(?s)<style.*?</style>|<[^>]*>`)
	space  = regexp.MustCompile(`\s+`)
	values = regexp.MustCompile(`(?is)([a-z-]+)="([^"]*)"`)
	button = regexp.MustCompile(`(?is)<button\b[^>]*>`)
	// An attribute without a value.
	checked = regexp.MustCompile(`(?i)\schecked[\s>]`)
)

// form returns the attributes and the content of the form that has the button.
func (p *Page) form(name string) (string, string, bool) {
	for _, f := range forms.FindAllStringSubmatch(p.Body, -1) {
		for _, tag := range button.FindAllString(f[2], -1) {
			if attribute(tag, "name") == name || attribute(tag, "id") == name {
				return f[1], f[2], true
			}
		}
	}
	return "", "", false
}

func attribute(tag, name string) string {
	for _, m := range values.FindAllStringSubmatch(tag, -1) {
		if strings.EqualFold(m[1], name) {
			return html.UnescapeString(m[2])
		}
	}
	return ""
}

// Text is what the page says, without markup.
func (p *Page) Text() string {
	return strings.TrimSpace(space.ReplaceAllString(html.UnescapeString(tags.ReplaceAllString(p.Body, " ")), " "))
}

// Value is the value of the field with that name, "" where there is none.
func (p *Page) Value(field string) string {
	for _, input := range inputs.FindAllString(p.Body, -1) {
		if attribute(input, "name") == field {
			return attribute(input, "value")
		}
	}
	return ""
}

func (b *Browser) parse(address string) *url.URL {
	b.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	if b.page != nil {
		return b.page.URL.ResolveReference(u)
	}
	return u
}

func (b *Browser) do(req *http.Request) *Page {
	b.t.Helper()
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	p := &Page{Status: resp.StatusCode, URL: resp.Request.URL, Header: resp.Header, Body: string(body)}
	if next, err := resp.Location(); err == nil {
		p.Next = next
	}
	b.page = p
	return p
}
