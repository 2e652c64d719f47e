package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// visitor is somebody at a browser without script: cookies, redirects and the
// forms of the pages, nothing else.
type visitor struct {
	t      testing.TB
	client *http.Client
	until  string // an address that begins so is reached, not asked for
}

// sheet is an answer as the person sees it.
type sheet struct {
	url    *url.URL // after all redirects
	status int      // 0 where the journey ended at the application
	body   []byte
	doc    *html.Node
}

// newVisitor is one whose journeys end at addresses that begin with until; "":
// at whatever answers.
func newVisitor(t testing.TB, until string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{t: t, until: until}
	v.client = &http.Client{
		Jar:     jar,
		Timeout: 30 * time.Second,
		// A connection that is not kept cannot be the one a killed server left half open.
		Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if v.arrived(r.URL) {
				return http.ErrUseLastResponse
			}
			if len(via) > 20 {
				return errors.New("too many redirects")
			}
			return nil
		},
	}
	return v
}

func (v *visitor) arrived(u *url.URL) bool {
	return v.until != "" && strings.HasPrefix(u.String(), v.until)
}

// open asks for a page and follows where it leads.
func (v *visitor) open(address string) *sheet {
	v.t.Helper()
	s, err := v.tryOpen(address)
	if err != nil {
		v.t.Fatal(err)
	}
	return s
}

func (v *visitor) tryOpen(address string) (*sheet, error) {
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return v.do(r)
}

func (v *visitor) do(r *http.Request) (*sheet, error) {
	res, err := v.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if to, err := res.Location(); err == nil && v.arrived(to) {
		return &sheet{url: to}, nil
	}
	doc, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return &sheet{url: res.Request.URL, status: res.StatusCode, body: body, doc: doc}, nil
}

// press sends the form in which the button is, with what was typed into it.
func (v *visitor) press(s *sheet, button string, typed url.Values) *sheet {
	v.t.Helper()
	r := v.form(s, button, typed)
	next, err := v.do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	return next
}

// form is the request that the button makes. It may be sent once.
func (v *visitor) form(s *sheet, button string, typed url.Values) *http.Request {
	v.t.Helper()
	b := s.find(button)
	if b == nil {
		v.t.Fatalf("%s answered %d and has no %q:\n%s", s.url, s.status, button, s.words())
	}
	form := b
	for form != nil && form.Data != "form" {
		form = form.Parent
	}
	if form == nil {
		v.t.Fatalf("%s: %q stands in no form", s.url, button)
	}
	fields := url.Values{}
	for n := range form.Descendants() {
		name, kind := attr(n, "name"), attr(n, "type")
		_, checked := attribute(n, "checked")
		switch {
		case n.Type != html.ElementNode || n.Data != "input" || name == "":
		case (kind == "checkbox" || kind == "radio") && !checked:
		default:
			fields.Add(name, attr(n, "value"))
		}
	}
	for name, values := range typed {
		fields[name] = values
	}
	if name := attr(b, "name"); name != "" {
		fields.Set(name, attr(b, "value"))
	}
	action, err := s.url.Parse(attr(form, "action"))
	if err != nil {
		v.t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, action.String(), strings.NewReader(fields.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", s.url.Scheme+"://"+s.url.Host)
	return r
}

// credentials are the fields of the login form.
func credentials(cedula, clave string) url.Values {
	return url.Values{"cedula": {cedula}, "clave": {clave}}
}

// agree presses whatever stands between the person and the application.
func (v *visitor) agree(s *sheet) *sheet {
	v.t.Helper()
	for _, button := range []string{"continuar", "autorizar"} {
		if s.find(button) != nil {
			s = v.press(s, button, nil)
		}
	}
	return s
}

// find returns the element with that id, or nil.
func (s *sheet) find(id string) *html.Node {
	if s.doc == nil {
		return nil
	}
	for n := range s.doc.Descendants() {
		if n.Type == html.ElementNode && attr(n, "id") == id {
			return n
		}
	}
	return nil
}

// words are the words of the page's main part, for messages.
func (s *sheet) words() string {
	main := s.find("contenido")
	if main == nil {
		return string(s.body)
	}
	return textOf(main)
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func attr(n *html.Node, name string) string {
	value, _ := attribute(n, name)
	return value
}

// endpoints are where an application finds the provider's.
type endpoints struct {
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	Userinfo      string `json:"userinfo_endpoint"`
	EndSession    string `json:"end_session_endpoint"`
}

func discover(t *testing.T, issuer string) endpoints {
	t.Helper()
	var e endpoints
	getJSON(t, issuer+"/.well-known/openid-configuration", &e)
	return e
}
