package templates

import (
	"html/template"
	"maps"
	"net/url"
	"strings"
	"time"
)

// guayaquil is the time of continental Ecuador, which has no daylight saving (C-TZ).
func guayaquil() *time.Location { return time.FixedZone("America/Guayaquil", -5*60*60) }

// funcs are what the templates may call. t and h fetch a sentence; h is for those with markup and escapes what it fills in.
func (s *site) funcs(lang string) template.FuncMap {
	c := s.catalogs[lang]
	all := template.FuncMap{
		"t":        c.text,
		"h":        c.markup,
		"n":        c.plural,
		"number":   c.number,
		"date":     c.date,
		"wait":     c.wait,
		"at":       c.at,
		"the":      c.the,
		"clock":    clock,
		"spoken":   spoken,
		"moment":   c.moment,
		"span":     c.span,
		"weekday":  c.weekday,
		"happened": c.happened,
		"remark":   c.remark,
		"whence":   c.whence,
		"list":     c.receives,
		"facts":    c.facts,
		"received": c.received,
		"lines": func(text string) []string {
			return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
		},
		"known": c.known,
		"has":   c.has,

		"lang":     func() string { return lang },
		"other":    func() string { return otherLanguage(lang) },
		"switch":   func(p Page) string { return switchLanguage(p.path(), otherLanguage(lang)) },
		"static":   s.static.Path,
		"host":     func() string { return s.host },
		"issuer":   func() string { return s.Issuer },
		"phone":    func() string { return s.Phone },
		"tel":      func() template.URL { return tel(s.Phone) },
		"logout":   func() string { return s.Logout },
		"national": national,
		"attempts": func() int { return s.Attempts },
		"channel":  s.channel,
		"offers":   func(w string) bool { return s.offers(Way(w)) },
		"assisted": s.assisted,
		"contact":  func() Contact { return s.Controller },
		"delegate": func() Contact { return s.Delegate },
		"faults":   faultsOf,
		"field":    Fault.field,
		"rule":     func(f Fault, r Rules) broken { return broken{f, r} },
		"back":     requestPath,
		"agreement": func(folder string, a Agreement) []clause {
			return s.agreements[folder].current(a).clauses[lang]
		},
		"declaration": func() Agreement { return s.agreements[declaracion].current(Agreement{}).Agreement },
		"version":     func(folder string, a Agreement) string { return s.agreements[folder].current(a).Version },
		"subjects":    func() ([]string, error) { return s.subjects(c) },
		"privacy":     func() string { return privacyVersion },
		"images":      Images,
		"image":       image,
	}
	maps.Copy(all, c.recoverFuncs())
	return all
}

// spoken is the beginning of a request's id as people read it out on the telephone: eight letters in two groups. That is 40
// bits, which no two requests of the days a log is searched for are likely to share.
func spoken(id string) string {
	const group = 4
	if len(id) < 2*group {
		return id
	}
	return id[:group] + " " + id[group:2*group]
}

func (s *site) channel(kind string) string {
	for _, c := range s.Channels {
		if c.Kind == kind {
			return c.URL
		}
	}
	return ""
}

// tel is the link that dials number. Only digits and + pass, so the URL filter has nothing left to do.
func tel(number string) template.URL {
	return template.URL("tel:" + strings.Map(func(r rune) rune { //nolint:gosec // digits and + only
		if r == '+' || '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, number))
}

// national is a number of Ecuador, on file as +593…, as people say and dial it: 099 123 4567, 02 234 5678. Any other is as
// it is on file.
func national(number string) string {
	rest, ok := strings.CutPrefix(number, "+593")
	const landline, mobile = 8, 9 // digits after the country
	switch {
	case ok && len(rest) == mobile:
		return "0" + rest[:2] + " " + rest[2:5] + " " + rest[5:]
	case ok && len(rest) == landline:
		return "0" + rest[:1] + " " + rest[1:4] + " " + rest[4:]
	default:
		return number
	}
}

// broken is a fault with the figures its sentence needs.
type broken struct {
	Fault Fault
	Rules Rules
}

// faultsOf are the faults of one field, in the order given.
func faultsOf(all []Fault, field string) []Fault {
	var of []Fault
	for _, f := range all {
		if f.field() == field {
			of = append(of, f)
		}
	}
	return of
}

func otherLanguage(lang string) string {
	for _, l := range Languages() {
		if l != lang {
			return l
		}
	}
	return lang
}

// switchLanguage is path, which must lead to this site, with ui_locales set to lang.
func switchLanguage(path, lang string) string {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") {
		u = &url.URL{Path: "/"}
	}
	q := u.Query()
	q.Set("ui_locales", lang)
	return (&url.URL{Path: u.Path, RawQuery: q.Encode()}).String()
}
