package clave

import (
	"net/http"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/login"
)

// Server is the pages of this package.
type Server struct {
	*login.Server
}

// New returns the pages that go with s.
func New(s *login.Server) *Server { return &Server{s} }

// Routes mounts them on r.
func (s *Server) Routes(r *mux.Router) {
	get := func(path string, h login.Handler) {
		r.Handle(path, s.Handle(h)).Methods(http.MethodGet, http.MethodHead)
	}
	post := func(path string, h login.Handler) { r.Handle(path, s.Handle(h)).Methods(http.MethodPost) }
	get("/renovar", s.getRenew)
	post("/renovar", s.postRenew)
	get("/cambio", s.getChange)
	post("/cambio", s.postChange)
	get("/cambio/listo", s.getChanged)
	get("/desbloqueo", s.getUnlock)
	post("/desbloqueo", s.postUnlock)
	get("/desbloqueo/enviado", s.mailed(s.getSent))
	post("/desbloqueo/reenviar", s.mailed(s.postResend))
	get(login.PageUnlock, s.getOpen)
	post(login.PageUnlock, s.postOpen)
	get("/desbloqueo/codigo", s.mailed(s.getCode))
	post("/desbloqueo/codigo", s.mailed(s.postCode))
	get("/desbloqueo/listo", s.getUnlocked)
	get("/enlace/{token}", s.getLink)
	get(login.PageDisavow, s.getDisavow)
	post(login.PageDisavow, s.postDisavow)
	get(login.PageDisavowed, s.getDisavowed)
	get(login.PageMessages, s.getMessages)
}
