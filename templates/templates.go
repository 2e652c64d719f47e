// Package templates holds every word and all markup people meet in a browser: typed pages, the catalogues es-EC and en,
// the stylesheet and the small modules. It imports nothing of ours and decides nothing: a handler fills one page struct and
// hands it to [Pages.Render].
//
// Pages work without script; nothing is inline, so that the Content-Security-Policy may say default-src 'none' with
// style-src, script-src and img-src 'self'. Sentences live in catalog/, one keyed entry each; a .html file holds none.
package templates

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed layout.html parts*.html pages/*.html mail catalog/*.json datos/*.json acuerdo/*.txt declaracion/*.txt imagen static
var files embed.FS

// Config is what differs between installations. [Parse] refuses a Config without an Issuer.
type Config struct {
	// Issuer is the issuer's URL; its host is the one every page tells people to look for (D28).
	Issuer string
	// Phone is the number of Atención al Ciudadano as people read it; empty means +593 2 394 5666 (S013).
	Phone string
	// Logout is the path of the end_session_endpoint, to which "Cerrar sesión" posts; empty means /oauth/logout.
	Logout string
	// Attempts is the number of wrong claves that locks (D02); 0 means 5.
	Attempts int
	// Channels are the assisted ways with an address of their own (S014, S075). None is built in.
	Channels []Channel
	// Without are the ways back from a lock that this installation does not have, of which nothing then tells (D04).
	Without []Way
	// Controller and Delegate are named in the privacy notice (LOPDP art. 12, items 8 and 9).
	Controller, Delegate Contact
}

// Channel is an assisted way with an address. Kind is one the catalogue describes: video, turno, formulario, ventanilla.
type Channel struct {
	Kind string
	URL  string // http or https
}

// Contact is a postal address and a mailbox. The page says so where one is empty.
type Contact struct{ Address, Email string }

// Pages renders the pages of one installation. It is safe for concurrent use.
type Pages struct {
	static     *Static
	offers     func(Way) bool
	agreements map[string]versions
	sets       map[string]map[string]func() (*template.Template, error) // language, page
	post       map[string]*postman                                      // language
	catalogs   map[string]*catalog                                      // language
	data       map[string]dataWords                                     // language
}

// Parse reads the catalogues and finds the templates. They are part of the program: that each page and mail can be parsed
// and executed in each of its states and languages is for the tests to know, and not for every start to find out again.
func Parse(cfg Config) (*Pages, error) {
	s, err := newSite(cfg)
	if err != nil {
		return nil, err
	}
	p := &Pages{
		static: s.static, offers: s.offers, agreements: s.agreements, catalogs: s.catalogs,
		sets: map[string]map[string]func() (*template.Template, error){}, post: map[string]*postman{},
	}
	for _, lang := range Languages() {
		if p.sets[lang], err = s.parse(lang); err != nil {
			return nil, err
		}
		if p.post[lang], err = s.parseMail(lang); err != nil {
			return nil, err
		}
	}
	if p.data, err = readDataWords(); err != nil {
		return nil, err
	}
	return p, nil
}

// Languages are the tags of the catalogues, the default first.
func Languages() []string { return []string{"es-EC", "en"} }

// Render writes page as a whole with status, or returns an error having written nothing. The answer is HTML and must not
// be stored; every other header is the caller's.
func (p *Pages) Render(w http.ResponseWriter, status int, page Page) error {
	var b bytes.Buffer
	if err := p.execute(&b, page); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if page.layout().Countdown != nil { // its script asks when the session ends
		h.Add("Content-Security-Policy", "connect-src 'self'")
	}
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // who does not read it has gone
	return nil
}

// Static serves the files the pages link to. Mount it at /static/.
func (p *Pages) Static() *Static { return p.static }

func (p *Pages) execute(w io.Writer, page Page) error {
	set, ok := p.sets[page.layout().Lang]
	if !ok {
		set = p.sets[Languages()[0]]
	}
	parsed, ok := set[page.name()]
	if !ok {
		return fmt.Errorf("templates: no page %q", page.name())
	}
	t, err := parsed()
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	if err := t.ExecuteTemplate(w, "layout", page); err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	return nil
}

// site is a checked Config with what all languages share.
type site struct {
	Config
	host       string
	static     *Static
	catalogs   map[string]*catalog
	agreements map[string]versions
}

func newSite(cfg Config) (*site, error) {
	u, err := url.Parse(cfg.Issuer)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, errors.New("templates: the issuer must be an http or https URL")
	}
	cfg.Issuer = strings.TrimSuffix(cfg.Issuer, "/")
	if cfg.Phone == "" {
		cfg.Phone = "+593 2 394 5666"
	}
	if cfg.Logout == "" {
		cfg.Logout = "/oauth/logout"
	}
	if cfg.Attempts == 0 {
		cfg.Attempts = 5
	}
	s := &site{Config: cfg, host: u.Host}
	if s.static, err = NewStatic(); err != nil {
		return nil, err
	}
	if s.catalogs, err = readCatalogs(); err != nil {
		return nil, err
	}
	if s.agreements, err = readAgreements(); err != nil {
		return nil, err
	}
	if err := checkWays(cfg.Without); err != nil {
		return nil, err
	}
	for _, c := range cfg.Channels {
		if !s.catalogs[Languages()[0]].has("channel." + c.Kind + ".name") {
			return nil, fmt.Errorf("templates: unknown kind of channel %q", c.Kind)
		}
	}
	return s, nil
}

// parse reads the templates of each page, with lang's words bound to them, when it is first shown: a process shows few of
// them soon, and a start waits for none.
func (s *site) parse(lang string) (map[string]func() (*template.Template, error), error) {
	funcs := s.funcs(lang)
	base := sync.OnceValues(func() (*template.Template, error) {
		return template.New("").Funcs(funcs).ParseFS(files, "layout.html", "parts*.html")
	})
	all, err := fs.Glob(files, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	set := map[string]func() (*template.Template, error){}
	for _, file := range all {
		set[strings.TrimSuffix(path.Base(file), ".html")] = sync.OnceValues(func() (*template.Template, error) {
			parts, err := base()
			if err != nil {
				return nil, err
			}
			t, err := template.New("").Funcs(funcs).ParseFS(files, file)
			if err != nil {
				return nil, err
			}
			return t, include(t, parts, "layout")
		})
	}
	return set, nil
}
