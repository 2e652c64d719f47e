package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"iess.gob.ec/clave/provider"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// guard stands around the whole router, so that it also covers what gorilla's
// own middleware does not see: 404, 405 and sibling routers.
type guard struct {
	next     http.Handler
	issuer   *url.URL
	mtls     *url.URL // where certificates are asked for; of no host: nowhere
	proxy    Proxy
	behind   bool // nobody but the proxy may speak to us: the way to us is not encrypted
	maxBody  int64
	headers  http.Header // of every answer
	fail     func(http.ResponseWriter, *http.Request, templates.Kind)
	allowed  func(*http.Request) string
	observe  func(route, method string, status int, took time.Duration)
	access   bool
	now      func() time.Time
	log      *slog.Logger
	draining *atomic.Bool
}

// exchange is what the layers around a request tell each other of it.
type exchange struct {
	route string // the template of the matched route, or ""
	panic bool
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	if e, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return e
	}
	return &exchange{}
}

// methods are those that any of our routes answers (ASVS 4.1.4).
func methods() []string {
	return []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions}
}

// ServeHTTP implements http.Handler.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := g.now()
	id := rand.Text()
	e := &exchange{}
	ctx := context.WithValue(storage.WithRequestID(r.Context(), id), exchangeKey{}, e)
	peer := r.RemoteAddr
	r = r.WithContext(ctx)
	if a := g.proxy.client(peer, r.Header); a.IsValid() {
		r.RemoteAddr = netip.AddrPortFrom(a, 0).String()
	}
	if cert := g.certificate(r, peer); cert != nil {
		r = r.WithContext(provider.WithClientCertificate(r.Context(), cert))
	}
	res := &response{ResponseWriter: w, complete: g.complete}
	res.Header().Set("X-Request-Id", id)

	defer func() {
		cut := false // half an answer must not look whole
		if v := recover(); v != nil {
			cut = g.recovered(res, r, v)
		}
		if res.status == 0 && !e.panic {
			res.WriteHeader(http.StatusOK) // a handler that wrote nothing
		}
		took := g.now().Sub(start)
		g.observe(e.route, r.Method, res.status, took)
		if g.access {
			g.log.LogAttrs(ctx, slog.LevelInfo, "request", slog.String("request_id", id), slog.String("method", known(r.Method)),
				slog.String("route", e.route), slog.Int("status", res.status), slog.Duration("duration", took))
		}
		if cut {
			panic(http.ErrAbortHandler)
		}
	}()
	g.serve(res, r, peer)
}

func (g *guard) serve(w http.ResponseWriter, r *http.Request, peer string) {
	switch {
	case !g.ours(r, peer):
		g.fail(w, r, templates.KindHost)
	case !slices.Contains(methods(), r.Method):
		w.Header().Set("Allow", g.allowed(r))
		g.fail(w, r, templates.KindMethod)
	case r.ContentLength > g.maxBody:
		g.fail(w, r, templates.KindTooLarge)
	default:
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = http.MaxBytesReader(w, r.Body, g.maxBody)
		}
		g.next.ServeHTTP(w, r)
	}
}

// ours reports whether the request is for this issuer (T16) and came the way it
// has to: where TLS ends at a proxy, only through that proxy.
func (g *guard) ours(r *http.Request, peer string) bool {
	if g.behind {
		ap, err := netip.ParseAddrPort(peer)
		if err != nil || !g.proxy.trusts(ap.Addr().Unmap().WithZone("")) {
			g.log.WarnContext(r.Context(), "refused: the connection comes from no address of proxy.trusted", "peer", peer)
			return false
		}
	}
	host := strings.ToLower(r.Host)
	return g.forMachines(r, bare(host, g.mtls)) || bare(host, g.issuer) == g.issuer.Host
}

// bare is host without the port that origin need not name.
func bare(host string, origin *url.URL) string {
	if origin.Port() != "" {
		return host
	}
	return strings.TrimSuffix(host, map[string]string{"https": ":443", "http": ":80"}[origin.Scheme])
}

// recovered answers a request whose handler has panicked with v, and reports
// whether the connection is to be cut instead.
func (g *guard) recovered(w *response, r *http.Request, v any) bool {
	e := exchangeOf(r.Context())
	e.panic = true
	if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
		return true
	}
	// %v of a value that holds a secret would be a leak: only errors, texts and the stack.
	what := fmt.Sprintf("%T", v)
	if err, ok := v.(error); ok {
		what = err.Error()
	}
	g.log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("request_id", storage.RequestID(r.Context())),
		slog.String("route", e.route), slog.String("cause", what), slog.String("stack", string(debug.Stack())))
	if w.status != 0 {
		return true
	}
	g.fail(w, r, templates.KindInternal)
	return false
}

func (g *guard) complete(h http.Header) {
	secure(h, g.headers)
	if g.draining.Load() {
		h.Set("Connection", "close") // the next request goes to another replica
	}
}

// known keeps what a stranger may write out of the log's and the metrics' names.
func known(method string) string {
	if slices.Contains(methods(), method) {
		return method
	}
	return "other"
}
