package clave

import (
	"net/http"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/challenge"
)

// Server is the pages of this package.
type Server struct {
	*login.Server
	challenge *challenge.Challenge
}

// New returns the pages that go with s.
func New(s *login.Server) (*Server, error) {
	c, err := challenge.New(challenge.Config{DB: s.DB, Now: s.Now})
	if err != nil {
		return nil, err
	}
	return &Server{Server: s, challenge: c}, nil
}

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
	get("/desbloqueo/enviado", s.getSent)
	post("/desbloqueo/reenviar", s.postResend)
	get("/desbloqueo/abrir", s.getOpen)
	post("/desbloqueo/abrir", s.postOpen)
	get("/desbloqueo/codigo", s.getCode)
	post("/desbloqueo/codigo", s.postCode)
	get("/desbloqueo/listo", s.getUnlocked)
	get("/enlace/{token}", s.getLink)
	get("/no-fui-yo", s.getDisavow)
	post("/no-fui-yo", s.postDisavow)
	get("/no-fui-yo/listo", s.getDisavowed)
}

// redirect leads the person to a page of ours, with a GET (BCP-4.12).
func (s *Server) redirect(w http.ResponseWriter, r *http.Request, to string) error {
	s.Answer(w, r, http.RedirectHandler(to, http.StatusSeeOther))
	return nil
}

// withRequest is the address of a page that works for the visit's running request.
func withRequest(path string, v *login.Visit) string {
	if v.Request == nil {
		return path
	}
	return path + "?id=" + v.Request.ID
}
