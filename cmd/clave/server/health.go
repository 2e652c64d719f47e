package server

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/gorilla/mux"
)

// readyTimeout bounds what /readyz waits for the database.
const readyTimeout = 2 * time.Second

// internalRoutes is the router of the internal listener: what operators and
// their machines ask, and nothing of anybody's.
func (s *Server) internalRoutes() http.Handler {
	r := mux.NewRouter()
	r.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"alive": "ok"})
	}).Methods(http.MethodGet, http.MethodHead)
	r.HandleFunc("/readyz", s.getReady).Methods(http.MethodGet, http.MethodHead)
	r.Handle("/metrics", s.metrics.handler()).Methods(http.MethodGet, http.MethodHead)
	if s.cfg.Profile {
		r.HandleFunc("/debug/pprof/profile", pprof.Profile).Methods(http.MethodGet)
		r.PathPrefix("/debug/pprof/").HandlerFunc(pprof.Index).Methods(http.MethodGet)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		w.Header().Set("Cache-Control", "no-store")
		r.ServeHTTP(w, req)
	})
}

// getReady says whether requests should be sent here, and why not.
func (s *Server) getReady(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	reasons, status := map[string]string{}, http.StatusOK
	check := func(name string, err error) {
		reasons[name] = "ok"
		if err != nil {
			reasons[name], status = err.Error(), http.StatusServiceUnavailable
		}
	}
	check("database", s.db.Ping(ctx))
	check("schema", s.db.CheckSchema(ctx))
	check("keys", s.checkKeys(ctx))
	if s.draining.Load() {
		reasons["stopping"], status = "no new requests, please", http.StatusServiceUnavailable
	}
	answer(w, status, reasons)
}

func answer(w http.ResponseWriter, status int, v map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // sorted keys; who does not read it has gone
}
