package rp

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed static
var staticTree embed.FS

// pages are the parsed templates, each with the layout.
type pages struct{ byName map[string]*template.Template }

func parsePages() (*pages, error) {
	p := &pages{byName: make(map[string]*template.Template)}
	for _, name := range []string{"home", "datos", "solicitud", "nivel", "espera", "adios", "aviso"} {
		t, err := template.ParseFS(pageFiles, "pages/layout.html", "pages/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("rp: page %s: %w", name, err)
		}
		p.byName[name] = t
	}
	return p, nil
}

// Static serves the stylesheet and the icon of the applications, below /static/.
func Static() http.Handler {
	files := http.FileServerFS(staticTree)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=300")
		files.ServeHTTP(w, r)
	})
}

// frame is what the layout shows around every page.
type frame struct {
	Name         string
	Institution  string
	Theme        string
	Host         string // this application's address
	ProviderHost string
	SignedIn     bool
	Person       string
	Solicitud    bool
	Due          *dueWarning // on the pages from which something long begins
}

// frame is the layout for the person of k, nil where nobody is signed in.
func (a *App) frame(k *known) frame {
	f := frame{
		Name: a.cfg.Name, Institution: a.cfg.Institution, Theme: a.cfg.Theme, Solicitud: a.cfg.Solicitud,
		Host: host(a.cfg.BaseURL), ProviderHost: host(a.cfg.Issuer),
	}
	if k != nil {
		f.SignedIn, f.Person = true, find("name", k.userinfo, payload(k.tokens.id))
		f.Due = k.warning(a.cfg.Issuer+"/cambio", a.cfg.Now())
	}
	return f
}

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}

type homePage struct {
	frame
	Lead    string
	Facts   []fact
	Missing []string // what was asked for and did not come
	AuthAt  string
	Level   string
	Told    []eventTold // what the provider told of her account
}

type dataPage struct {
	frame
	ID, Info       []fact
	RawID, RawInfo string
	Asked          string // when userinfo was received
	Scopes         []string
}

type solicitudPage struct {
	frame
	Draft         string
	Fault         bool
	Sent          *solicitud
	Largest, Most dollars
}

// SentAt is when the last solicitud was received, in Ecuador.
func (p solicitudPage) SentAt() string { return when(p.Sent.At) }

type levelPage struct {
	frame
	Monto, Largest              dollars
	Have, Account, Change, Help string
}

type goodbyePage struct {
	frame
	Everywhere bool // the provider's session has ended too
	Others     []Link
	Provider   string // where to end it if not
}

func (a *App) getHome(w http.ResponseWriter, r *http.Request) error {
	s, err := a.session(w, r, a.cfg.Now())
	if err != nil {
		return err
	}
	if s == nil {
		return a.render(w, r, http.StatusOK, "home", homePage{frame: a.frame(nil), Lead: a.cfg.Lead, Missing: scopeWords(a.cfg.Scopes)})
	}
	k := s.snapshot()
	p := homePage{frame: a.frame(&k), Lead: a.cfg.Lead, AuthAt: when(k.authTime()), Level: acrWords(k.acr())}
	p.Told, _ = a.told.get(s.sub, a.cfg.Now())
	for _, claim := range shown(a.cfg.Scopes) {
		if v := find(claim, k.userinfo, payload(k.tokens.id)); v != "" {
			p.Facts = append(p.Facts, fact{Claim: claim, Label: label(claim), Value: v})
		} else {
			p.Missing = append(p.Missing, label(claim))
		}
	}
	return a.render(w, r, http.StatusOK, "home", p)
}

func (a *App) getData(w http.ResponseWriter, r *http.Request) error {
	s, err := a.session(w, r, a.cfg.Now())
	if err != nil {
		return err
	}
	if s == nil {
		return a.notice(w, r, a.signInFirst(pathData))
	}
	k := s.snapshot()
	id := payload(k.tokens.id)
	return a.render(w, r, http.StatusOK, "datos", dataPage{
		frame: a.frame(&k), ID: facts(id), Info: facts(k.userinfo), RawID: indented(id), RawInfo: indented(k.userinfo),
		Asked: when(k.asked), Scopes: a.cfg.Scopes,
	})
}

func (a *App) getUnknown(w http.ResponseWriter, r *http.Request) error {
	return a.notice(w, r, a.unknownPage())
}

// getElsewhere leads whoever types or reloads the address of a form to the home page.
func (a *App) getElsewhere(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, pathHome, http.StatusSeeOther)
	return nil
}

// shown are the claims of the home page, as far as the scopes ask for them.
func shown(scopes []string) []string {
	var out []string
	for _, s := range scopes {
		switch s {
		case "profile":
			out = append(out, "name", "birthdate")
		case "email":
			out = append(out, "email")
		case "phone":
			out = append(out, "phone_number")
		case "cedula":
			out = append(out, "cedula")
		case "afiliacion":
			out = append(out, "tipo_asegurado", "estado_afiliacion")
		}
	}
	return out
}

// scopeWords says what the scopes ask for, to a person who has not signed in.
func scopeWords(scopes []string) []string {
	var out []string
	for _, s := range scopes {
		switch s {
		case "profile":
			out = append(out, "Nombres, apellidos y fecha de nacimiento")
		case "email":
			out = append(out, "Correo")
		case "phone":
			out = append(out, "Teléfono")
		case "cedula":
			out = append(out, "Número de cédula o código de identificación")
		case "afiliacion":
			out = append(out, "Tipo de asegurado y estado de la afiliación")
		}
	}
	return out
}

func indented(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return string(raw)
	}
	return b.String()
}

// render writes a page whole or not at all.
func (a *App) render(w http.ResponseWriter, r *http.Request, status int, name string, data any) error {
	var b bytes.Buffer
	if err := a.pages.byName[name].ExecuteTemplate(&b, "layout", data); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, _ = w.Write(b.Bytes()) // the browser has gone
	return nil
}
