package main

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// open types an address and returns the status of the page that comes.
func (b *tab) open(address string) int {
	b.t.Helper()
	return b.lead(chromedp.Navigate(address))
}

// fill replaces what stands in a field by typing.
func (b *tab) fill(id, text string) {
	b.t.Helper()
	b.run(
		chromedp.Focus("#"+id, chromedp.ByQuery),
		chromedp.Evaluate("document.getElementById("+quoted(id)+").select()", nil),
		chromedp.KeyEvent(kb.Backspace+text),
	)
}

// press clicks what leads to another page and returns its status.
func (b *tab) press(id string) int {
	b.t.Helper()
	return b.lead(chromedp.Click("#"+id, chromedp.ByQuery))
}

// click clicks what leads nowhere: a box, a button of script's.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.run(chromedp.Click(selector, chromedp.ByQuery))
}

// signIn fills in the login form and sends it.
func (b *tab) signIn(cedula, clave string) int {
	b.t.Helper()
	b.fill("cedula", cedula)
	b.fill("clave", clave)
	return b.press("ingresar")
}

// enter begins at an application, as somebody who is not signed in there.
func (b *tab) enter(app string) int {
	b.t.Helper()
	if status := b.open(app + "/"); status != 200 {
		b.t.Fatalf("the application answered %d", status)
	}
	return b.press("ingresar")
}

// value is the result of an expression. It works with the page's script off too.
func value[T any](b *tab, expression string) T {
	b.t.Helper()
	var v T
	b.run(chromedp.Evaluate(expression, &v))
	return v
}

// has reports whether something matches a selector.
func (b *tab) has(selector string) bool {
	b.t.Helper()
	return value[bool](b, "!!document.querySelector("+quoted(selector)+")")
}

// text is the words of the first match, with single spaces; nothing is "".
func (b *tab) text(selector string) string {
	b.t.Helper()
	words := value[string](b, "document.querySelector("+quoted(selector)+")?.innerText ?? ''")
	return strings.Join(strings.Fields(words), " ")
}

// attr is an attribute or, for "value" and the like, the property of the first match.
func (b *tab) prop(selector, name string) string {
	b.t.Helper()
	return value[string](b, "String(document.querySelector("+quoted(selector)+")?.["+quoted(name)+"] ?? '')")
}

func (b *tab) location() *url.URL {
	b.t.Helper()
	u, err := url.Parse(value[string](b, "location.href"))
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}

// at fails the test unless the page is path of the given site.
func (b *tab) at(site, path string) {
	b.t.Helper()
	if u := b.location(); u.Scheme+"://"+u.Host != site || u.Path != path {
		b.t.Fatalf("got to another page than %s%s\n%s", site, path, b.where())
	}
}

// says fails the test unless the page's main part contains each of the words.
func (b *tab) says(words ...string) {
	b.t.Helper()
	main := b.text("#contenido")
	for _, w := range words {
		if !strings.Contains(main, w) {
			b.t.Errorf("the page does not say %q\n%s", w, b.where())
		}
	}
}

// keys presses keys that stay on the page.
func (b *tab) keys(keys ...string) {
	b.t.Helper()
	b.run(chromedp.KeyEvent(strings.Join(keys, "")))
}

// tabTo walks with the tabulator key until the element with id has the focus,
// and checks that the focus can be seen on every stop.
func (b *tab) tabTo(id string) {
	b.t.Helper()
	for range 40 {
		b.keys(kb.Tab)
		if value[string](b, "document.activeElement.id") == id {
			return
		}
	}
	b.t.Fatalf("the tabulator key does not lead to %q\n%s", id, b.where())
}

// back goes back in the history, as the button of the browser does.
func (b *tab) back() {
	b.t.Helper()
	b.run(chromedp.NavigateBack())
}

// width makes the window so many pixels wide.
func (b *tab) width(px int64) {
	b.t.Helper()
	b.run(emulation.SetDeviceMetricsOverride(px, 900, 1, false))
}

// media shows the page as on paper, in the dark or in the colours of the person's
// system; media "" is the screen.
func (b *tab) media(media string, features ...string) {
	b.t.Helper()
	var list []*emulation.MediaFeature
	for i := 0; i+1 < len(features); i += 2 {
		list = append(list, &emulation.MediaFeature{Name: features[i], Value: features[i+1]})
	}
	b.run(emulation.SetEmulatedMedia().WithMedia(media).WithFeatures(list))
}

func quoted(s string) string {
	q, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always can
	}
	return string(q)
}
