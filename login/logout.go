package login

import (
	"errors"
	"net/http"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// getLogout is GET /salir: the question where somebody is signed in, else the
// end. It changes nothing.
func (s *Server) getLogout(w http.ResponseWriter, r *http.Request) error {
	s.keepLanguage(w, r)
	layout := s.Layout(r, nil)
	layout.Path = "/salir"
	_, err := s.Session(r.Context(), r)
	if errors.Is(err, storage.ErrNotFound) {
		return s.Pages.Render(w, http.StatusOK, templates.LoggedOut{Layout: layout})
	}
	if err != nil {
		return err
	}
	layout.SignedIn = true
	return s.Pages.Render(w, http.StatusOK, templates.LogoutConfirm{Layout: layout, Action: "/salir"})
}

// postLogout is POST /salir: the end of this browser's session (S095). Where the
// person chose to stay it leads home.
func (s *Server) postLogout(w http.ResponseWriter, r *http.Request) error {
	if r.PostForm.Has("quedarse") {
		s.Answer(w, r, redirect("/"))
		return nil
	}
	found, err := s.Session(r.Context(), r)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if found != nil {
		var forget func(http.ResponseWriter)
		err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
			var err error
			forget, err = s.EndSession(r.Context(), tx, r, found)
			return err
		})
		if err != nil {
			return err
		}
		forget(w)
	}
	s.Answer(w, r, redirect("/salir"))
	return nil
}
