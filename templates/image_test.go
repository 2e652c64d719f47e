package templates

import (
	"regexp"
	"strings"
	"testing"
)

// S062: there are twelve at least, each drawn here and named in both languages.
func TestS062_Images(t *testing.T) {
	if n := len(Images()); n < 12 {
		t.Errorf("%d images", n)
	}
	foreign := regexp.MustCompile(`(?i)href|url\(|style=|<script|on\w+=|<image|<text`)
	for _, name := range Images() {
		drawing, err := image(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if s := string(drawing); !strings.HasPrefix(s, "<svg ") || foreign.MatchString(s) || !strings.Contains(s, `aria-hidden="true"`) || len(s) > 2000 {
			t.Errorf("%s is no plain drawing: %.80s", name, s)
		}
	}
	for _, none := range []string{"", "ninguna", "../mail/letter.html", "condor.svg"} {
		if _, err := image(none); err == nil || IsImage(none) {
			t.Errorf("%q is an image", none)
		}
	}
}

// A mail to her names her image; one that anybody may read does not.
func TestS062_MailsNameHerImage(t *testing.T) {
	p := parsed(t)
	const word = "Su imagen personal: el cóndor."
	for _, s := range MailStates() {
		m := Minted(WithImage(s.Mail, "condor"), Links{Disavow: testIssuer + "/enlace/x"})
		if m.Template() != s.Mail.Template() {
			t.Errorf("%s is called %s", s.Mail.Template(), m.Template())
		}
		got := send(t, p, "es-EC", m)
		hers := strings.Contains(got.text, "María Fernanda")
		folded := strings.Join(strings.Fields(got.text), " ")
		if strings.Contains(folded, word) != hers || strings.Contains(words(got.root), word) != hers {
			t.Errorf("%s: hers %v, and its image is named: %v", s.Name, hers, !hers)
		}
		if plain := send(t, p, "es-EC", WithImage(s.Mail, "")); strings.Contains(plain.text, "imagen personal:") {
			t.Errorf("%s names an image of who has none", s.Name)
		}
	}
}
