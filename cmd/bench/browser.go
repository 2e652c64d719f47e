package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// browser is a browser without script: cookies, redirects and forms.
type browser struct{ http *http.Client }

// newBrowser is one that nobody has used yet.
func (r *rp) newBrowser() (*browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &browser{&http.Client{Transport: r.http.Transport, Timeout: r.http.Timeout, CheckRedirect: r.http.CheckRedirect, Jar: jar}}, nil
}

// maxSteps bounds the redirects and pages of one sign-in.
const maxSteps = 12

// walk goes from address to the application at until, as who, and returns the
// query with which it arrives.
func (b *browser) walk(ctx context.Context, address, until string, who person) (url.Values, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	typed := false
	for range maxSteps {
		if err != nil {
			return nil, err
		}
		res, err := b.http.Do(req)
		if err != nil {
			return nil, err
		}
		to, none := res.Location()
		if none == nil {
			if err := drop(res); err != nil {
				return nil, err
			}
			if strings.HasPrefix(to.String(), until) {
				return to.Query(), nil
			}
			req, err = http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
			if err != nil {
				return nil, err
			}
			continue
		}
		f, err := readForm(res)
		if err != nil {
			return nil, err
		}
		if f.fields.Has("clave") {
			if typed {
				return nil, fmt.Errorf("%s: the clave was refused", req.URL.Path)
			}
			f.fields.Set("cedula", who.cedula)
			f.fields.Set("clave", who.clave)
			typed = true
		}
		if req, err = f.request(ctx, req.URL); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the sign-in does not come to an end")
}

func drop(res *http.Response) error {
	_, err := io.Copy(io.Discard, res.Body)
	return errors.Join(err, res.Body.Close())
}

// form is what a browser sends when the button is pressed.
type form struct {
	action string
	fields url.Values
}

func (f form) request(ctx context.Context, page *url.URL) (*http.Request, error) {
	to, err := page.Parse(f.action)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), strings.NewReader(f.fields.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", page.Scheme+"://"+page.Host)
	return req, nil
}

// errBusy is a 503 that names when to come again: no hash slot was free.
var errBusy = errors.New("503 with Retry-After")

func readForm(res *http.Response) (form, error) {
	defer res.Body.Close()
	if res.StatusCode == http.StatusServiceUnavailable && res.Header.Get("Retry-After") != "" {
		return form{}, errors.Join(drop(res), errBusy)
	}
	if res.StatusCode != http.StatusOK {
		return form{}, errors.Join(drop(res), fmt.Errorf("%s: %s", res.Request.URL.Path, res.Status))
	}
	page, err := html.Parse(res.Body)
	if err != nil {
		return form{}, err
	}
	f, ok := formOf(page)
	if !ok {
		return form{}, fmt.Errorf("%s: no form to go on with", res.Request.URL.Path)
	}
	return f, nil
}

// formOf is the form that leads on: that with the button to sign in, or to go on
// after a notice (contract.md section 3).
func formOf(page *html.Node) (form, bool) {
	for n := range page.Descendants() {
		if id := attribute(n, "id"); n.Data != "button" || id != "ingresar" && id != "continuar" {
			continue
		}
		button := n
		for n != nil && n.Data != "form" {
			n = n.Parent
		}
		if n == nil {
			continue
		}
		f := form{attribute(n, "action"), url.Values{attribute(button, "name"): {attribute(button, "value")}}}
		for input := range n.Descendants() {
			if name := attribute(input, "name"); input.Data == "input" && name != "" && attribute(input, "type") != "checkbox" {
				f.fields.Set(name, attribute(input, "value"))
			}
		}
		return f, true
	}
	return form{}, false
}

// attribute is that attribute of an element, or "".
func attribute(n *html.Node, name string) string {
	if n.Type == html.ElementNode {
		for _, a := range n.Attr {
			if a.Key == name {
				return a.Val
			}
		}
	}
	return ""
}
