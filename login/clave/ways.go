package clave

import (
	"net/http"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/templates"
)

// byMail reports whether this installation unlocks by mail (D04).
func (s *Server) byMail() bool { return s.Pages.Offers(templates.WayMail) }

// mailed is h where this installation unlocks by mail. Elsewhere it looks nobody up
// and leaves no errand: whoever comes is told the other ways. A link that was sent
// before still opens: who has it was promised so, and it lives minutes.
func (s *Server) mailed(h login.Handler) login.Handler {
	if s.byMail() {
		return h
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := s.FreeVisit(w, r)
		if err != nil {
			return err
		}
		return s.Redirect(w, r, v.PagePath("/desbloqueo"))
	}
}
