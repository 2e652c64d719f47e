package mailbox

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Policies of the documents this page is made of. A mail may style itself and
// lead elsewhere when a person clicks; it runs nothing, fetches nothing, sends
// nothing, and is shown nowhere but here.
const (
	frameFlags = "allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
	mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox " + frameFlags
	pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)

// inert is the HTML of a mail without what acts, with links that open in the
// whole window.
func inert(source string) (string, error) {
	doc, err := html.Parse(strings.NewReader(source))
	if err != nil {
		return "", fmt.Errorf("mailbox: html: %w", err)
	}
	for _, n := range slices.Collect(doc.Descendants()) {
		if n.Type == html.CommentNode || n.Type == html.ElementNode && active(n) {
			n.Parent.RemoveChild(n)
			continue
		}
		n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool {
			name := strings.ToLower(a.Key)
			return strings.HasPrefix(name, "on") || name == "target" || name == "ping" || name == "srcdoc" ||
				slices.Contains([]string{"href", "src", "action", "formaction", "background"}, name) && !harmless(a.Val)
		})
		if n.Type == html.ElementNode && n.Data == "a" {
			n.Attr = append(n.Attr, html.Attribute{Key: "target", Val: "_top"}, html.Attribute{Key: "rel", Val: "noopener noreferrer"})
		}
	}
	var b strings.Builder
	if err := html.Render(&b, doc); err != nil {
		return "", fmt.Errorf("mailbox: html: %w", err)
	}
	return b.String(), nil
}

// active reports whether an element does something by being there.
func active(n *html.Node) bool {
	switch n.Data {
	case "script", "noscript", "base", "link", "iframe", "frame", "frameset", "object", "embed", "portal", "template", "animate", "set":
		return true
	case "meta":
		return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "http-equiv" })
	default:
		return false
	}
}

// harmless reports whether an address leads where a person may want to go.
func harmless(address string) bool {
	u, err := url.Parse(strings.TrimSpace(address))
	return err == nil && slices.Contains([]string{"http", "https", "mailto", "tel"}, strings.ToLower(u.Scheme)) ||
		strings.HasPrefix(address, "data:image/") && !strings.HasPrefix(address, "data:image/svg")
}

// span is a stretch of a text, and where it leads.
type span struct{ Text, URL string }

var written = regexp.MustCompile(`https?://[^\s<>"]+`)

// linked cuts a text at the addresses written in it.
func linked(text string) []span {
	var out []span
	done := 0
	for _, at := range written.FindAllStringIndex(text, -1) {
		address := strings.TrimRight(text[at[0]:at[1]], ".,;:!?)»'")
		if u, err := url.Parse(address); err != nil || u.Host == "" {
			continue
		}
		out = append(out, span{Text: text[done:at[0]]}, span{Text: address, URL: address})
		done = at[0] + len(address)
	}
	return append(out, span{Text: text[done:]})
}
