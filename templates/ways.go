package templates

import (
	"fmt"
	"slices"
)

// Way is a way back from a lock (D04). An installation may have all of them or some.
type Way string

// The ways. All but WayMail lead to a person.
const (
	WayMail       Way = "mail"       // a link by mail, at /desbloqueo (S071)
	WayVideo      Way = "video"      // a video call (S075)
	WayVentanilla Way = "ventanilla" // Ventanilla Virtual, with documents (S080)
	WayCAU        Way = "cau"        // a service centre (S084)
	WayAgency     Way = "agency"     // an agency
)

// Ways are all of them, in the order in which pages and mails tell of them.
func Ways() []Way { return []Way{WayMail, WayVideo, WayVentanilla, WayCAU, WayAgency} }

// Offers reports whether this installation has w.
func (p *Pages) Offers(w Way) bool { return p.offers(w) }

func (s *site) offers(w Way) bool { return !slices.Contains(s.Without, w) }

// assisted are the ways that lead to a person. Pages call them people.WAY, mails mail.desbloqueo-asistido.WAY.
func (s *site) assisted() []Way {
	return slices.DeleteFunc(Ways(), func(w Way) bool { return w == WayMail || !s.offers(w) })
}

// Anchor is the section of /ayuda that tells of w.
func (w Way) Anchor() string {
	switch w {
	case WayVideo:
		return "videollamada"
	case WayAgency:
		return "agencia"
	default:
		return string(w)
	}
}

// checkWays refuses to leave out what is no way.
func checkWays(without []Way) error {
	for _, w := range without {
		if !slices.Contains(Ways(), w) {
			return fmt.Errorf("templates: %q is no way back from a lock", w)
		}
	}
	return nil
}

// subjects are those of all mails that this installation sends people.
func (s *site) subjects(c *catalog) ([]string, error) {
	var all []string
	for _, k := range mailKinds() {
		if k.template == (MailTest{}).Template() || k.template == (MailUnlockLink{}).Template() && !s.offers(WayMail) {
			continue
		}
		subject, err := c.text("mail." + k.template + ".subject")
		if err != nil {
			return nil, err
		}
		all = append(all, subject)
	}
	return all, nil
}
