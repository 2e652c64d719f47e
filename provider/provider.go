package provider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// The paths of the protocol, below the issuer.
const (
	PathAuthorize = "/authorize"
	PathToken     = "/oauth/token" //nolint:gosec // a path, no credential
	PathUserinfo  = "/oauth/userinfo"
	PathKeys      = "/oauth/jwks"
	PathPush      = "/oauth/par" // RFC 9126
	PathLogout    = "/oauth/logout"
	PathLoggedOut = "/oauth/logout/fin" // the page where a logout ends that leads to no application
	PathInspect   = "/oauth/introspect" // RFC 7662
	PathRevoke    = "/oauth/revoke"     // RFC 7009
	PathDiscovery = "/.well-known/openid-configuration"
	PathMetadata  = "/.well-known/oauth-authorization-server" // RFC 8414
)

// MachinePaths are the paths that applications call themselves, with what proves
// who they are.
func MachinePaths() []string {
	return []string{PathToken, PathUserinfo, PathInspect, PathRevoke, PathPush}
}

// Login is what the protocol needs of whoever knows the browser. cmd connects
// login.Server.
type Login interface {
	// Browser returns the hash of the secret that binds requests to this
	// browser, setting its cookie where it is missing.
	Browser(w http.ResponseWriter, r *http.Request) string
	// Advance decides the next step of req from stored state and returns the
	// answer to write once tx has committed: a redirect to a page, or what Grant
	// or Deny returned. req is stored by these or, after Advance, by the caller.
	Advance(ctx context.Context, tx *storage.Tx, r *http.Request, req *storage.AuthRequest) (http.Handler, error)
	// Session returns the live session of this browser, or storage.ErrNotFound.
	Session(ctx context.Context, r *http.Request) (*storage.Session, error)
	// EndSession ends it in tx, with its audit row, as the application asked ("":
	// none did), and returns what clears its cookies.
	EndSession(ctx context.Context, tx *storage.Tx, r *http.Request, s *storage.Session, clientID string) (func(http.ResponseWriter), error)
}

// Config is what a Server is made of. Lifetimes left at zero get the defaults
// named.
type Config struct {
	// Issuer is the issuer identifier: an https URL without query or fragment,
	// or http://localhost. It may not have a path.
	Issuer  string
	DB      *storage.DB
	Clients *storage.ClientCache
	Pages   *templates.Pages
	Login   Login
	Now     func() time.Time
	Log     *slog.Logger
	// Language chooses the language of a page; nil asks the request alone
	// (ui_locales, Accept-Language).
	Language func(*http.Request) string

	RequestLife time.Duration // of a running authorization request: 10 minutes
	CodeLife    time.Duration // of a code: 60 seconds, which is also the most
	AccessLife  time.Duration // of an access token: 10 minutes, at most an hour
	IDTokenLife time.Duration // of an ID token: 10 minutes, at most an hour
	RefreshLife time.Duration // of a family of refresh tokens: 30 days, absolute
	KeyCache    time.Duration // how long applications may cache the JWKS: 10 minutes
	KeyLife     time.Duration // how long a key signs until TendKeys rotates it (KeyTimes.Check); 0: for ever

	// Logouts says how applications are told that a session has ended, and of
	// security events.
	Logouts LogoutConfig
	// ClientKeys says how the keys that applications serve themselves (jwks_uri) are
	// read.
	ClientKeys ClientKeysConfig
	// ClientCAs issue the certificates of tls_client_auth (RFC 8705 section 2.1);
	// nil: no client can use it.
	ClientCAs *Authorities
	// Certificates says that requests may carry a client's certificate
	// (WithClientCertificate); MTLSOrigin, where set, is the origin that asks for it,
	// which is named for such clients alone (RFC 8705 section 5).
	Certificates bool
	MTLSOrigin   string

	// ClavesExpire tells applications when a clave falls due (clave_due_at); where
	// it is false none does.
	ClavesExpire bool
}

// Server is the protocol side of Clave IESS. It is safe for concurrent use.
type Server struct {
	Config
	keys        *keyring
	clientKeys  *clientKeys
	deliveries  *deliveries
	disclosures disclosures
	metadata    document
	machine     http.Handler
	csrf        *http.CrossOriginProtection
}

// New checks cfg, makes sure that signing keys exist for every registered
// algorithm, and returns the server.
func New(ctx context.Context, cfg Config) (*Server, error) {
	if err := checkIssuer(cfg.Issuer); err != nil {
		return nil, err
	}
	if cfg.DB == nil || cfg.Clients == nil || cfg.Pages == nil || cfg.Login == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("provider: DB, Clients, Pages, Login, Now and Log are required")
	}
	for _, d := range []struct {
		name         string
		value        *time.Duration
		normal, most time.Duration
	}{
		{"request", &cfg.RequestLife, 10 * time.Minute, time.Hour},
		{"code", &cfg.CodeLife, time.Minute, time.Minute},
		{"access token", &cfg.AccessLife, 10 * time.Minute, time.Hour},
		{"ID token", &cfg.IDTokenLife, 10 * time.Minute, time.Hour},
		{"refresh token", &cfg.RefreshLife, 30 * 24 * time.Hour, 365 * 24 * time.Hour},
		{"key cache", &cfg.KeyCache, 10 * time.Minute, 24 * time.Hour},
		{"logout attempt's", &cfg.Logouts.Timeout, 5 * time.Second, 30 * time.Second},
		{"logout attempts'", &cfg.Logouts.GiveUp, 6 * time.Hour, 7 * 24 * time.Hour},
	} {
		if *d.value == 0 {
			*d.value = d.normal
		}
		if *d.value < time.Second || *d.value > d.most {
			return nil, fmt.Errorf("provider: the %s lifetime is %v; it must be between 1s and %v", d.name, *d.value, d.most)
		}
	}
	if err := cfg.keyTimes().Check(); err != nil {
		return nil, err
	}
	s := &Server{Config: cfg, csrf: http.NewCrossOriginProtection(), deliveries: newDeliveries(cfg.Logouts)}
	s.keys = newKeyring(cfg.DB, cfg.Now, cfg.keyTimes().Window())
	if cfg.ClientKeys.Timeout == 0 {
		cfg.ClientKeys.Timeout = 5 * time.Second
	}
	s.clientKeys = newClientKeys(newOutbound(cfg.ClientKeys.Networks, cfg.ClientKeys.Roots, cfg.ClientKeys.Timeout), cfg.Now, cfg.Log)
	algs, err := usedAlgs(ctx, cfg.DB)
	if err != nil {
		return nil, err
	}
	if err := EnsureKeys(ctx, cfg.DB, cfg.Now(), algs...); err != nil {
		return nil, err
	}
	if s.metadata, err = newDocument(discovery(cfg)); err != nil {
		return nil, err
	}
	s.machine = s.newMachine()
	return s, nil
}

func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil:
		return errors.New("provider: the issuer must be a URL like https://clave.iess.gob.ec, without query or fragment")
	case u.Path != "":
		return errors.New("provider: the issuer must have no path, not even a final slash")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return errors.New("provider: the issuer must be https (http only on localhost)")
	}
	return nil
}

// Routes mounts the protocol on r, each path with the methods of its
// specification; anything else is 405.
func (s *Server) Routes(r *mux.Router) {
	const get, head, post, options = http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions
	r.Handle(PathDiscovery, s.cors(s.page(s.getMetadata))).Methods(get, head, options)
	r.Handle(PathMetadata, s.cors(s.page(s.getMetadata))).Methods(get, head, options)
	r.Handle(PathKeys, s.cors(s.page(s.getKeys))).Methods(get, head, options)
	r.Handle(PathToken, s.cors(http.HandlerFunc(s.postToken))).Methods(post, options)
	r.Handle(PathPush, http.HandlerFunc(s.postPush)).Methods(post)
	r.Handle(PathUserinfo, s.cors(http.HandlerFunc(s.userinfo))).Methods(get, post, options)
	r.Handle(PathInspect, http.HandlerFunc(s.postIntrospect)).Methods(post)
	r.Handle(PathRevoke, s.cors(http.HandlerFunc(s.postRevoke))).Methods(post, options)
	r.Handle(PathAuthorize, s.page(s.getAuthorize)).Methods(get)
	r.Handle(PathAuthorize, s.page(s.postAuthorize)).Methods(post)
	r.Handle(PathLogout, s.page(s.getLogout)).Methods(get)
	r.Handle(PathLogout, s.page(s.postLogout)).Methods(post)
	r.Handle(PathLoggedOut, s.page(s.getLoggedOut)).Methods(get)
}

// page makes a handler of one that returns its error: people get a page with
// the request id, the log gets the cause.
func (s *Server) page(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		if r.Context().Err() != nil {
			return // nobody is there to read an answer
		}
		s.logger(r.Context()).ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
		if err := s.failure(w, r, templates.KindInternal, nil); err != nil {
			s.logger(r.Context()).ErrorContext(r.Context(), "error page failed", "error", err)
		}
	})
}

// failure shows the error page of kind.
func (s *Server) failure(w http.ResponseWriter, r *http.Request, kind templates.Kind, c *storage.Client) error {
	page := templates.Error{Layout: s.layout(r, ""), Kind: kind}
	if c != nil {
		page.Application = s.application(c)
	}
	return s.Pages.Render(w, kind.Status(), page)
}

// layout is what every page needs; uiLocales is the request's, already checked.
func (s *Server) layout(r *http.Request, uiLocales string) templates.Layout {
	l := templates.Layout{RequestID: storage.RequestID(r.Context())}
	if s.Language != nil && uiLocales == "" {
		l.Lang = s.Language(r)
	} else {
		l.Lang = templates.Match(r.Header.Get("Accept-Language"), uiLocales, "")
	}
	return l
}

// application is c as people know it.
func (s *Server) application(c *storage.Client) *templates.Application {
	m := c.Metadata
	return templates.NewApplication(m.ClientName, m.ClientURI, m.PolicyURI, m.InitiateLoginURI, s.Issuer)
}

func (s *Server) logger(ctx context.Context) *slog.Logger {
	return s.Log.With("request_id", storage.RequestID(ctx))
}
