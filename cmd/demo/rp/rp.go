package rp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Ways of client authentication (OpenID Core section 9).
const (
	AuthBasic = "client_secret_basic"
	AuthPost  = "client_secret_post"
	AuthNone  = "none"
)

// Paths of an application. Callback, logged-out, initiate-login, end and events are
// registered with the provider as redirect_uris, post_logout_redirect_uris,
// initiate_login_uri, backchannel_logout_uri and iess_events_uri.
const (
	pathHome      = "/"
	pathLogin     = "/ingresar"
	pathInitiate  = "/iniciar"
	pathCallback  = "/retorno"
	pathData      = "/datos"
	pathSolicitud = "/solicitud"
	pathLevel     = "/solicitud/nivel"
	pathWait      = "/solicitud/espera"
	pathLogout    = "/salir"
	pathLoggedOut = "/adios"
	pathEnd       = "/fin-de-sesion"
	pathEvents    = "/avisos-de-seguridad"
)

// Config is one application.
type Config struct {
	Issuer       string // of the provider, exactly as its metadata names it
	ClientID     string
	ClientSecret string // "" with AuthNone
	AuthMethod   string // AuthBasic, AuthPost or AuthNone
	Alg          string // of its ID tokens; "" means ES256
	BaseURL      string // of this application, without a path or a final slash
	Scopes       []string

	Name        string // as people read it: "Préstamos"
	Institution string // whose it is: "IESS", "BIESS"
	Lead        string // one sentence: what it is for
	Theme       string // one of the bands of the stylesheet: historia, prestamos, fondos
	Solicitud   bool   // offers the action "solicitar", which steps up
	Events      bool   // receives security events, EventTypes
	Others      []Link // applications in which the same person may be signed in

	// Fresh is how old the sign-in behind a solicitud may be. 0 means 5 minutes.
	Fresh time.Duration
	// Now is the clock of sessions and pre-sessions; that of ID tokens' exp and
	// iat is the library's.
	Now func() time.Time
	Log *slog.Logger
	// Transport carries the calls to the provider. nil means http.DefaultTransport.
	Transport http.RoundTripper
}

// Link is another application.
type Link struct{ Name, URL string }

// RedirectURI is where the provider sends codes.
func (c Config) RedirectURI() string { return c.BaseURL + pathCallback }

// PostLogoutRedirectURI is where the provider sends people who have signed out.
func (c Config) PostLogoutRedirectURI() string { return c.BaseURL + pathLoggedOut }

// InitiateLoginURI starts a sign-in at the wish of a third party (OpenID Core
// section 4).
func (c Config) InitiateLoginURI() string { return c.BaseURL + pathInitiate }

// BackchannelLogoutURI is where the provider says that a session has ended.
func (c Config) BackchannelLogoutURI() string { return c.BaseURL + pathEnd }

// EventsURI is where the provider pushes security events.
func (c Config) EventsURI() string { return c.BaseURL + pathEvents }

// App is a running application. It is an http.Handler, safe for concurrent use.
type App struct {
	cfg     Config
	http    *http.Client
	handler http.Handler
	pages   *pages

	browserCookie string
	sessionCookie string

	pre      *memory[preSession]
	sessions *memory[*session]
	goodbyes *memory[string]      // logout state → hash of the browser's cookie
	ended    *memory[string]      // jti and sid of logout tokens and security events that were obeyed → sid
	closed   *memory[time.Time]   // sub of a disabled account → when it was
	told     *memory[[]eventTold] // sub → security events, the newest first

	discovery sync.Mutex
	provider  *provider
}

// New checks cfg and returns the application. The provider need not run yet.
func New(cfg Config) (*App, error) {
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Host == "" || base.Path != "" {
		return nil, fmt.Errorf("rp: base URL %q must be scheme and host only", cfg.BaseURL)
	}
	if cfg.ClientID == "" || cfg.Issuer == "" || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("rp: issuer, client id, clock and log are required")
	}
	if (cfg.AuthMethod == AuthNone) != (cfg.ClientSecret == "") {
		return nil, fmt.Errorf("rp: %s: authentication %q and its secret do not go together", cfg.ClientID, cfg.AuthMethod)
	}
	if cfg.Solicitud && !slices.Contains(cfg.Scopes, "profile") {
		return nil, fmt.Errorf("rp: %s: a solicitud needs scope profile, with which recovered_at comes", cfg.ClientID)
	}
	if cfg.Alg == "" {
		cfg.Alg = "ES256"
	}
	if cfg.Fresh == 0 {
		cfg.Fresh = 5 * time.Minute
	}
	if cfg.Transport == nil {
		cfg.Transport = http.DefaultTransport
	}
	a := &App{
		cfg: cfg,
		http: &http.Client{
			Transport: bounded{cfg.Transport},
			Timeout:   10 * time.Second,
			// No endpoint of a provider redirects; one that does would be sent our secret's answer.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		pre:      newMemory[preSession](10_000),
		sessions: newMemory[*session](10_000),
		goodbyes: newMemory[string](10_000),
		ended:    newMemory[string](10_000),
		closed:   newMemory[time.Time](10_000),
		told:     newMemory[[]eventTold](10_000),
	}
	a.browserCookie, a.sessionCookie = a.cookieName("ingreso", base), a.cookieName("sesion", base)
	if a.pages, err = parsePages(); err != nil {
		return nil, err
	}
	a.handler, err = a.routes()
	return a, err
}

func (a *App) routes() (http.Handler, error) {
	mux := http.NewServeMux()
	for pattern, h := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET " + pathHome + "{$}": a.getHome,
		"POST " + pathLogin:       a.postLogin,
		"GET " + pathInitiate:     a.initiate,
		"POST " + pathInitiate:    a.initiate,
		"GET " + pathCallback:     a.getCallback,
		"GET " + pathData:         a.getData,
		"POST " + pathLogout:      a.postLogout,
		"GET " + pathLoggedOut:    a.getLoggedOut,
		"POST " + pathEnd:         a.postEnd,
		"GET " + pathHome:         a.getUnknown,
		"GET " + pathLogin:        a.getElsewhere,
		"GET " + pathLogout:       a.getElsewhere,
	} {
		mux.Handle(pattern, a.handle(h))
	}
	if a.cfg.Solicitud {
		mux.Handle("GET "+pathSolicitud, a.handle(a.getSolicitud))
		mux.Handle("POST "+pathSolicitud, a.handle(a.postSolicitud))
		mux.Handle("GET "+pathLevel, a.handle(a.getLevel))
		mux.Handle("GET "+pathWait, a.handle(a.getWait))
	}
	if a.cfg.Events {
		mux.Handle("POST "+pathEvents, a.handle(a.postEvent))
	}
	mux.Handle("GET /static/{file}", Static())

	csrf := http.NewCrossOriginProtection()
	csrf.AddInsecureBypassPattern("POST " + pathInitiate) // others may start a sign-in; they gain nothing by it
	csrf.AddInsecureBypassPattern("POST " + pathEnd)      // the provider's; what it says is signed
	csrf.AddInsecureBypassPattern("POST " + pathEvents)   // as above
	csrf.SetDenyHandler(a.handle(func(w http.ResponseWriter, r *http.Request) error {
		return a.notice(w, r, a.foreignForm())
	}))
	return a.headers(csrf.Handler(mux))
}

// ServeHTTP serves the application.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// headers sets what every answer carries.
func (a *App) headers(next http.Handler) (http.Handler, error) {
	issuer, err := url.Parse(a.cfg.Issuer)
	if err != nil || issuer.Host == "" {
		return nil, fmt.Errorf("rp: issuer %q is not a URL", a.cfg.Issuer)
	}
	// Browsers hold a form to form-action through its redirects, and ours lead to the provider.
	csp := "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' " + issuer.Scheme + "://" + issuer.Host +
		"; base-uri 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", csp)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if strings.HasPrefix(a.cfg.BaseURL, "https:") {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
		next.ServeHTTP(w, r)
	}), nil
}

// handle logs what a handler could not do and tells the person.
func (a *App) handle(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		level := slog.LevelError
		if errors.Is(err, context.Canceled) {
			level = slog.LevelInfo
		}
		a.cfg.Log.LogAttrs(r.Context(), level, "application", slog.String("client_id", a.cfg.ClientID), slog.String("path", r.URL.Path),
			slog.String("error", err.Error()))
		n := a.broken()
		if errors.Is(err, errUnreachable) {
			n = a.unreachable()
		}
		if err := a.notice(w, r, n); err != nil {
			http.Error(w, "No pudimos mostrar la página. Vuelva a intentarlo.", http.StatusInternalServerError)
		}
	})
}
