package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"
	"golang.org/x/mod/sumdb/note"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/mail"
	"iess.gob.ec/clave/login/recovery"
	"iess.gob.ec/clave/provider"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Config is what a Server is made of. Fields of Pages, Login and Provider that
// wire packages together (Issuer, DB, Clients, Pages, Protocol, Now, Log, …)
// are filled by New; the rest of them is policy, and the caller's.
type Config struct {
	// Issuer is the origin at which people and applications find the provider.
	Issuer string
	// Version is shown in the metrics.
	Version string
	// Storage says which database; OnEvents, where set, is called too.
	Storage storage.Config
	// Migrate brings an older schema up to date; otherwise it is refused.
	Migrate bool

	Pages    templates.Config
	Login    login.Config
	Recovery recovery.Config
	Provider provider.Config
	// Mail is the mail server; without SMTP.Host messages wait in the outbox.
	Mail mail.Config
	// Hash is how claves are hashed, unless Login.Hash says.
	Hash login.HashConfig

	// Audit signs the heads of the audit once a day; nil leaves them unsigned.
	Audit note.Signer
	// AuditPersonal is how long network addresses stay whole in the audit: 90 days.
	AuditPersonal time.Duration
	// TLS, where set, ends TLS here. Without it an https issuer is served only
	// to the proxies named in Proxy.
	TLS   *tls.Config
	Proxy Proxy
	// MTLSOrigin is where applications are asked for a certificate (RFC 8705 section
	// 5): https and a host of its own, of which TLS must have a certificate. Empty:
	// nowhere, unless the proxy asks.
	MTLSOrigin string
	// Timeouts left at zero get the defaults named there.
	Timeouts Timeouts
	// StopDelay is how long Run goes on serving after it was told to stop, with
	// /readyz saying no; StopDeadline how long requests may then take (10 s).
	StopDelay, StopDeadline time.Duration
	// AccessLog writes a line for each request.
	AccessLog bool
	// Profile lets the internal listener serve /debug/pprof.
	Profile bool
	Now     func() time.Time
	Log     *slog.Logger
}

// Timeouts bound what a slow client may cost (FT-12).
type Timeouts struct {
	Header time.Duration // head of a request: 10 s
	Body   time.Duration // whole request: 30 s
	Write  time.Duration // answer: 60 s
	Idle   time.Duration // between requests: 2 min
}

// maxHeader bounds the head of a request, in bytes; more is 431.
const maxHeader = 32 << 10

// Server is the assembled provider.
type Server struct {
	cfg      Config
	issuer   *url.URL
	mtls     *url.URL // of no host: none
	db       *storage.DB
	people   *login.Server
	protocol *provider.Server
	pages    *templates.Pages
	metrics  *metrics
	router   *mux.Router
	public   http.Handler
	internal http.Handler
	jobs     []job
	mail     *mail.Worker // nil: there is no mail server
	language func(*http.Request) string
	now      func() time.Time
	after    func(time.Duration) <-chan time.Time
	log      *slog.Logger
	draining atomic.Bool
}

// New opens the database and assembles everything. The caller closes the Server.
func New(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("server: Now and Log are required")
	}
	u, err := url.Parse(cfg.Issuer)
	if err != nil || u.Host == "" {
		return nil, errors.New("server: the issuer must be a URL")
	}
	if u.Scheme == "https" && cfg.TLS == nil && len(cfg.Proxy.Trusted) == 0 {
		return nil, errors.New("server: the issuer is https, yet neither a certificate nor a trusted proxy is named")
	}
	mtls, err := checkMTLS(cfg.MTLSOrigin, u)
	if err != nil {
		return nil, err
	}
	cfg.TLS = asking(cfg.TLS, mtls.Hostname())
	s := &Server{cfg: cfg, issuer: u, mtls: mtls, metrics: newMetrics(cfg.Version), now: cfg.Now, after: time.After, log: cfg.Log}
	own := cfg.Storage.OnEvents
	cfg.Storage.OnEvents = func(events []storage.Event) {
		s.metrics.onEvents(events)
		if own != nil {
			own(events)
		}
	}
	if s.db, err = storage.Open(ctx, cfg.Storage); err != nil {
		return nil, err
	}
	if err := s.assemble(ctx); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	return s, nil
}

// DB is the open database.
func (s *Server) DB() *storage.DB { return s.db }

// Close releases the database. It follows Run.
func (s *Server) Close() error { return s.db.Close() }

// Run serves on public, and what operators ask on internal (nil: nowhere),
// until ctx is done; then it takes no new work, lets requests in flight end and
// returns nil. It closes the listeners.
func (s *Server) Run(ctx context.Context, public, internal net.Listener) error {
	// Work in flight outlives ctx: it is what the stop waits for.
	base := context.WithoutCancel(ctx)
	front, back := s.httpServer(base, s.public), s.httpServer(base, s.internal)
	front.TLSConfig = s.cfg.TLS
	failed := make(chan error, 2)
	go func() {
		if s.cfg.TLS != nil {
			failed <- front.ServeTLS(public, "", "") // the certificate is in TLSConfig
			return
		}
		failed <- front.Serve(public)
	}()
	if internal != nil {
		go func() { failed <- back.Serve(internal) }()
	}
	jobs, stopJobs := context.WithCancel(base)
	jobsDone := make(chan struct{})
	go func() {
		defer close(jobsDone)
		s.background(jobs)
	}()

	var cause error
	select {
	case <-ctx.Done():
		s.log.LogAttrs(base, slog.LevelInfo, "stopping")
	case err := <-failed:
		cause = fmt.Errorf("server: %w", err)
	}
	s.draining.Store(true)
	if cause == nil && s.cfg.StopDelay > 0 {
		select {
		case <-s.after(s.cfg.StopDelay):
		case err := <-failed:
			cause = fmt.Errorf("server: %w", err)
		}
	}
	stopJobs()
	return errors.Join(cause, s.drain(base, front, back, jobsDone))
}

// drain ends both servers and waits for the jobs.
func (s *Server) drain(ctx context.Context, front, back *http.Server, jobsDone <-chan struct{}) error {
	deadline := s.cfg.StopDeadline
	if deadline == 0 {
		deadline = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	err := front.Shutdown(ctx)
	if err != nil {
		err = fmt.Errorf("server: requests were still in flight after %s and were cut off: %w", deadline, errors.Join(err, front.Close()))
	}
	select {
	case <-jobsDone:
	case <-ctx.Done():
		err = errors.Join(err, errors.New("server: a job did not stop in time; another replica takes it over"))
	}
	err = errors.Join(err, s.protocol.WriteDisclosures(ctx, s.now())) // of the last requests
	return errors.Join(err, back.Close())
}

func (s *Server) httpServer(base context.Context, h http.Handler) *http.Server {
	t := s.cfg.Timeouts
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: cmp.Or(t.Header, 10*time.Second),
		ReadTimeout:       cmp.Or(t.Body, 30*time.Second),
		WriteTimeout:      cmp.Or(t.Write, time.Minute),
		IdleTimeout:       cmp.Or(t.Idle, 2*time.Minute),
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(netLog{s.log.Handler()}, slog.LevelWarn),
	}
}

// netLog takes what net/http has to say, as warnings: that no connection can be
// accepted concerns everybody, handshakes of scanners and the like only who looks
// for them.
type netLog struct{ slog.Handler }

// Handle implements slog.Handler.
func (n netLog) Handle(ctx context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "http: TLS handshake error") || strings.HasPrefix(r.Message, "http2: ") {
		if r.Level = slog.LevelDebug; !n.Enabled(ctx, r.Level) {
			return nil
		}
	}
	return n.Handler.Handle(ctx, r)
}
