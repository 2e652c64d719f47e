package templates

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
)

// Images are the names of the personal images people choose from (S062), in the order shown. Nobody is ever asked for
// hers. It is shown where a stranger cannot be: on pages of a session, and, by its name, in our mails to her; who
// imitates either does not know it. A name never changes its picture.
func Images() []string {
	return []string{
		"condor", "volcan", "llama", "orquidea", "tren", "tortuga", "colibri", "maiz", "barco", "guitarra", "sombrero", "cometa", "canoa", "luna",
	}
}

// IsImage reports whether name is one of [Images].
func IsImage(name string) bool { return slices.Contains(Images(), name) }

// image is the picture of that name, part of the page itself: a file of its own would stay in a shared browser, and say
// whose page was seen there.
func image(name string) (template.HTML, error) {
	if !IsImage(name) {
		return "", fmt.Errorf("templates: no image %q", name)
	}
	b, err := files.ReadFile("imagen/" + name + ".svg")
	if err != nil {
		return "", fmt.Errorf("templates: %w", err)
	}
	return template.HTML(strings.TrimSpace(string(b))), nil //nolint:gosec // a drawing of ours
}

// WithImage is m, to somebody whose personal image that is: a letter that calls her by her name also names the image. A
// mail to whoever may read it does not. An unknown image is none.
func WithImage(m Mail, name string) Mail {
	if !IsImage(name) {
		return m
	}
	return imaged{m, name}
}

type imaged struct {
	Mail
	image string
}

func (m imaged) minted(l Links) Mail { return imaged{m.Mail.minted(l), m.image} }

func (m imaged) letter(c *composer) letter {
	l := m.Mail.letter(c)
	if l.Name != "" {
		l.Image = c.say("mail.image", "Image", c.say("imagen."+m.image))
	}
	return l
}
