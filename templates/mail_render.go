package templates

import (
	"bytes"
	"fmt"
	"html/template"
	"regexp"
	"strings"
	"time"
	"unicode"

	texttemplate "text/template"
)

// letter is a mail in words. Both its forms, text and HTML, are made of it and so say the same.
type letter struct {
	Subject string // one of a fixed set, with nothing to fill in (T08)
	Heading string
	Name    string
	Lead    []string // what happened
	Facts   []fact   // when, where, from which device
	Events  []fact   // what followed
	Own     part     // if it was the person
	Code    string
	Small   []string // about link and code
	Other   part     // if it was not
	Image   string   // which image is hers
}

// part is a heading, what to do, and perhaps where.
type part struct {
	Title  string
	Do     []string
	Action *way
}

type way struct{ Label, URL string }

// postman puts the mails of one language into words.
type postman struct {
	site *site
	c    *catalog
	html *template.Template
	text *texttemplate.Template
}

func (s *site) parseMail(lang string) (*postman, error) {
	funcs := s.funcs(lang)
	funcs["paragraph"] = func(v string) string { return fold72(v, "") }
	funcs["item"] = func(v string) string { return fold72(v, "  ") }
	funcs["whole"] = func(v string) string { // the telephone stays on one line
		return strings.ReplaceAll(v, s.Phone, strings.ReplaceAll(s.Phone, " ", "\u00a0"))
	}
	funcs["upper"] = strings.ToUpper
	html, err := template.New("letter.html").Funcs(funcs).ParseFS(files, "mail/letter.html")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	text, err := texttemplate.New("letter.txt").Funcs(texttemplate.FuncMap(funcs)).ParseFS(files, "mail/letter.txt")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	return &postman{site: s, c: s.catalogs[lang], html: html, text: text}, nil
}

// RenderMail puts m into words: a subject of one line, a plain text and an HTML form, which stands alone. It refuses a
// link that leads anywhere but to the issuer (T08, T16). An unknown language is Spanish.
func (p *Pages) RenderMail(lang string, m Mail) (string, string, string, error) {
	post, ok := p.post[lang]
	if !ok {
		post = p.post[Languages()[0]]
	}
	c := &composer{site: post.site, c: post.c}
	l := m.letter(c)
	if c.err != nil {
		return "", "", "", fmt.Errorf("templates: mail %s: %w", m.Template(), c.err)
	}
	for _, a := range []*way{l.Own.Action, l.Other.Action} {
		if a != nil && !strings.HasPrefix(a.URL, post.site.Issuer+"/") {
			return "", "", "", fmt.Errorf("templates: mail %s: a link leads away from the issuer", m.Template())
		}
	}
	var text, html bytes.Buffer
	if err := post.text.Execute(&text, l); err != nil {
		return "", "", "", fmt.Errorf("templates: mail %s: %w", m.Template(), err)
	}
	if err := post.html.Execute(&html, l); err != nil {
		return "", "", "", fmt.Errorf("templates: mail %s: %w", m.Template(), err)
	}
	return l.Subject, text.String(), html.String(), nil
}

// composer fetches sentences and keeps the first error.
type composer struct {
	site *site
	c    *catalog
	err  error
}

func (c *composer) keep(s string, err error) string {
	if c.err == nil {
		c.err = err
	}
	return s
}

// say is the sentence of key.
func (c *composer) say(key string, pairs ...any) string { return c.keep(c.c.text(key, pairs...)) }

// count is the sentence of key for n.
func (c *composer) count(key string, n int, pairs ...any) string {
	return c.keep(c.c.plural(key, n, pairs...))
}

func (c *composer) date(t time.Time) string   { return c.keep(c.c.date(t)) }
func (c *composer) at(t time.Time) string     { return c.keep(c.c.at(t)) }
func (c *composer) moment(t time.Time) string { return c.keep(c.c.moment(t)) }

// open begins the letter of mail m.
func (c *composer) open(m Mail, name string) letter {
	key := "mail." + m.Template()
	return letter{Subject: c.say(key + ".subject"), Heading: c.say(key + ".title"), Name: tame(name, 60)}
}

// facts say when, where and from which device.
func (c *composer) facts(when time.Time, network, device string) []fact {
	var all []fact
	if !when.IsZero() {
		all = append(all, fact{Label: c.say("mail.when"), Value: c.moment(when)})
	}
	if network = tame(network, 60); network != "" {
		all = append(all, fact{Label: c.say("mail.network"), Value: network})
	}
	if device = tame(device, 60); device != "" {
		all = append(all, fact{Label: c.say("mail.device"), Value: device})
	}
	return all
}

// address is what a mail program may take for one, though nobody wrote a link.
var address = regexp.MustCompile(`\.(\pL{2})`)

// tame makes words from outside safe to print in a mail: one line of at most n letters, and nothing that a mail program
// would turn into a link (T26).
func tame(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), unicode.IsSpace(r), strings.ContainsRune(":/\\@<>。．｡", r):
			return ' '
		case unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)
	s = address.ReplaceAllString(s, ". $1")
	if letters := []rune(s); len(letters) > n {
		s = string(letters[:n])
	}
	return strings.Join(strings.Fields(s), " ")
}

// fold72 breaks s into lines of at most 72 characters, each after indent. A word that is longer stays whole.
func fold72(s, indent string) string {
	var b strings.Builder
	width := 0
	for _, word := range strings.Fields(s) {
		n := len([]rune(word))
		switch {
		case b.Len() == 0:
			b.WriteString(indent)
			width = len(indent)
		case width+1+n > 72:
			b.WriteString("\n" + indent)
			width = len(indent)
		default:
			b.WriteByte(' ')
			width++
		}
		b.WriteString(word)
		width += n
	}
	return b.String()
}
