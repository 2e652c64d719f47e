package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Visit is one HTTP request to one of our pages, with the running request it
// works for, if it names one.
type Visit struct {
	Now     time.Time
	Lang    string
	Form    url.Values           // what was posted; empty on GET
	Request *storage.AuthRequest // running, of this browser; nil without one
	Client  *storage.Client      // that asked; nil without a running request

	Browser string // hash of the cookie that binds what it does to this browser

	newcomer bool   // the browser had no cookie of ours
	next     string // the page of her own she was on her way to, "" for none
	app      *templates.Application
}

// Visit reads what every page needs. A running request that is over, unknown or
// another browser's is an error whose page offers a fresh start at the
// application; one that has been answered leads there.
func (s *Server) Visit(w http.ResponseWriter, r *http.Request) (*Visit, error) {
	ids := r.URL.Query()["id"]
	if r.Method == http.MethodPost {
		ids = r.PostForm["id"]
	}
	v, err := s.visit(w, r, ids)
	if err != nil {
		return nil, err
	}
	return v, nil
}

// cookieRequest holds the running request whose page this browser saw last: links
// of the menu do not carry it.
const cookieRequest = "solicitud"

// FreeVisit is Visit for a page that serves without a running request too: one
// that is over, unknown or another browser's is left aside. A page opened without
// one serves the one this browser came from.
func (s *Server) FreeVisit(w http.ResponseWriter, r *http.Request) (*Visit, error) {
	ids := r.URL.Query()["id"]
	if r.Method == http.MethodPost {
		ids = r.PostForm["id"]
	} else if c, err := r.Cookie(s.cookies.named(cookieRequest)); err == nil && len(ids) == 0 {
		ids = []string{c.Value}
	}
	v, err := s.visit(w, r, ids)
	if _, over := errors.AsType[*answered](err); over {
		return v, nil
	}
	if f, ok := errors.AsType[*failure](err); ok && f.kind != templates.KindRequest {
		return v, nil
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// OwnVisit is Visit for a page of a person's own, which serves no running request.
func (s *Server) OwnVisit(w http.ResponseWriter, r *http.Request) (*Visit, error) {
	return s.visit(w, r, nil)
}

// visit is Visit; beside an error that is only about the running request it
// returns the visit without one.
func (s *Server) visit(w http.ResponseWriter, r *http.Request, ids []string) (*Visit, error) {
	v := &Visit{Now: s.Now(), Form: r.PostForm, newcomer: secret(r, s.cookies.browser) == "", next: s.destination(r)}
	if len(ids) > 1 {
		return nil, &failure{kind: templates.KindRequest}
	}
	v.Browser = s.Browser(w, r)
	s.keepLanguage(w, r)
	wish := ""
	if len(ids) == 1 && ids[0] != "" {
		if err := s.load(r.Context(), v, ids[0], v.Browser, r.Method == http.MethodPost); err != nil {
			aside := &Visit{Now: v.Now, Form: v.Form, Browser: v.Browser, Lang: s.Language(r), newcomer: v.newcomer, next: v.next}
			return aside, err
		}
		wish = v.Request.Params.UILocales
	}
	v.Lang = s.language(r, wish)
	return v, nil
}

// load finds the running request.
func (s *Server) load(ctx context.Context, v *Visit, id, browser string, post bool) error {
	if len(id) > 64 || !allURLSafe(id) {
		return &failure{kind: templates.KindExpired}
	}
	req, err := s.DB.AuthRequest(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return &failure{kind: templates.KindExpired, old: v}
	}
	if err != nil {
		return err
	}
	client, err := s.Clients.Client(ctx, req.ClientID)
	if errors.Is(err, storage.ErrNotFound) {
		return &failure{kind: templates.KindClient} // disabled meanwhile
	}
	if err != nil {
		return err
	}
	v.Request, v.Client, v.app = req, client, s.application(client)
	return s.refusal(v, standing(req, req.BrowserHash == browser, v.Now), post)
}

// refusal is what is told of a request that cannot go on, or nil. A form that
// comes again after its request got a code leads on to the application.
func (s *Server) refusal(v *Visit, step Step, post bool) error {
	switch step {
	case StepFinish:
		return nil
	case StepOther:
		return &failure{kind: templates.KindBrowser, app: v.app}
	case StepDone:
		if post && v.Request.CodeHash != "" && v.app.Start != "" {
			return &answered{to: v.app.Start}
		}
		return &failure{kind: templates.KindExpired, app: v.app}
	default:
		return &failure{kind: templates.KindExpired, app: v.app, old: v}
	}
}

// application is a client as people know it.
func (s *Server) application(c *storage.Client) *templates.Application {
	m := c.Metadata
	return templates.NewApplication(m.ClientName, m.ClientURI, m.PolicyURI, m.InitiateLoginURI, s.Issuer)
}

// Goal is the running request as pages show it, or nil.
func (v *Visit) Goal() *templates.Goal {
	if v.Request == nil {
		return nil
	}
	return &templates.Goal{
		Request: v.Request.ID, Application: *v.app,
		Receives: storage.ClaimNames(strings.Fields(v.Request.Scope)),
		APIs:     strings.Contains(v.Request.Scope, " "+storage.ResourceMark),
	}
}

// Elsewhere is where a page leads whose turn it is not: to the running request's
// next step, or home.
func (v *Visit) Elsewhere() string {
	if v.Request == nil {
		return "/"
	}
	return v.PagePath("/continuar")
}

// PagePath is the address of a page that works for the visit's running request,
// where there is one.
func (v *Visit) PagePath(path string) string {
	if v.Request == nil {
		return path
	}
	return pagePath(path, v.Request.ID)
}

// Layout is what every page needs; v may be nil.
func (s *Server) Layout(r *http.Request, v *Visit) templates.Layout {
	l := templates.Layout{RequestID: storage.RequestID(r.Context())}
	if v != nil {
		l.Lang = v.Lang
	} else {
		l.Lang = s.Language(r)
	}
	return l
}

// Show renders a page of the visit. Its forms may end at the application.
func (s *Server) Show(w http.ResponseWriter, v *Visit, status int, page templates.Page) error {
	if v.Request != nil {
		s.set(w, s.cookies.named(cookieRequest), v.Request.ID, 0)
		w.Header().Add("Content-Security-Policy", templates.FormAction(v.Request.RedirectURI))
	}
	return s.Pages.Render(w, status, page)
}

// Application is the application with that id as people know it, nil where it is
// unknown or disabled.
func (s *Server) Application(ctx context.Context, clientID string) (*templates.Application, error) {
	if clientID == "" {
		return nil, nil //nolint:nilnil // documented: none
	}
	c, err := s.Clients.Client(ctx, clientID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil //nolint:nilnil // documented: unknown
	}
	if err != nil {
		return nil, err
	}
	return s.application(c), nil
}

// WayBack is where a person goes on to an application: its request that still
// runs in this browser, else a fresh start there; nil where neither is known.
func (s *Server) WayBack(ctx context.Context, v *Visit, clientID, requestID string) (*templates.Application, error) {
	app, err := s.Application(ctx, clientID)
	if app == nil || err != nil || requestID == "" {
		return app, err
	}
	req, err := s.DB.AuthRequest(ctx, requestID)
	if errors.Is(err, storage.ErrNotFound) {
		return app, nil
	}
	if err == nil && standing(req, req.BrowserHash == v.Browser, v.Now) == StepFinish {
		app.Start = pagePath("/continuar", requestID)
	}
	return app, err
}

// Typed is what came in a field of an identifier, fit to be shown in it again.
func Typed(value string) string { return TypedUpTo(value, maxIdentifier) }

// TypedUpTo is Typed for a field of so many characters.
func TypedUpTo(value string, limit int) string {
	value = strings.ToValidUTF8(value, "")
	value = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, value)
	if utf8.RuneCountInString(value) > limit {
		value = string(slices.Clip([]rune(value)[:limit]))
	}
	return value
}
