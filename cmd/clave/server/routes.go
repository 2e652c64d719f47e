package server

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// publicRoutes is the router of the public listener with its guard around it.
func (s *Server) publicRoutes(mounts ...func(*mux.Router)) http.Handler {
	r := mux.NewRouter()
	r.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if route := mux.CurrentRoute(req); route != nil {
				if template, err := route.GetPathTemplate(); err == nil {
					exchangeOf(req.Context()).route = template
				}
			}
			next.ServeHTTP(w, req)
		})
	})
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		s.fail(w, req, templates.KindNotFound)
	})
	r.MethodNotAllowedHandler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Allow", allowed(r, req))
		s.fail(w, req, templates.KindMethod)
	})
	for _, mount := range mounts {
		mount(r)
	}
	s.router = r
	return &guard{
		next: r, issuer: s.issuer, mtls: s.mtls, proxy: s.cfg.Proxy, behind: s.cfg.TLS == nil && s.issuer.Scheme == "https",
		maxBody: maxBody, headers: fixedHeaders(s.issuer.Scheme == "https"), fail: s.fail, allowed: func(req *http.Request) string { return allowed(r, req) },
		observe: s.metrics.observe, access: s.cfg.AccessLog, now: s.now, log: s.log, draining: &s.draining,
	}
}

// maxBody is the most a request's body may hold, in bytes. The largest we read
// is an authorization request by POST.
const maxBody = 64 << 10

// allowed lists the methods that the path of req answers (RFC 9110 section 10.2.1).
func allowed(r *mux.Router, req *http.Request) string {
	var all []string
	for _, method := range methods() {
		probe := req.Clone(req.Context())
		probe.Method = method
		var match mux.RouteMatch
		if r.Match(probe, &match) && match.MatchErr == nil && match.Route != nil {
			all = append(all, method)
		}
	}
	return strings.Join(all, ", ")
}

// fail answers with the error page of kind.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, kind templates.Kind) {
	page := templates.Error{Kind: kind, Layout: templates.Layout{
		Lang: s.language(r), RequestID: storage.RequestID(r.Context()),
	}}
	if err := s.pages.Render(w, kind.Status(), page); err != nil {
		s.log.LogAttrs(r.Context(), slog.LevelError, "error page failed",
			slog.String("request_id", storage.RequestID(r.Context())), slog.String("cause", err.Error()))
		http.Error(w, http.StatusText(kind.Status()), kind.Status())
	}
}
