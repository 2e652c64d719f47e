package login

import (
	"net/http"

	"iess.gob.ec/clave/templates"
)

// getHome is GET / : the menu of S005 and the applications.
func (s *Server) getHome(w http.ResponseWriter, r *http.Request) error {
	s.keepLanguage(w, r)
	page := templates.Home{Layout: s.Layout(r, nil)}
	now := s.Now()
	found, err := s.liveSession(r.Context(), s.DB, r, now)
	if err != nil {
		return err
	}
	if found != nil {
		a, err := s.DB.Afiliado(r.Context(), found.AfiliadoID)
		if err != nil {
			return err
		}
		page.SignedIn, page.Name = true, a.GivenName
		if err := s.Touch(r.Context(), found, now); err != nil {
			return err
		}
	}
	clients, err := s.Clients.Clients(r.Context())
	if err != nil {
		return err
	}
	for _, c := range clients {
		if app := s.application(c); app.Start != "" {
			page.Applications = append(page.Applications, *app)
		}
	}
	return s.Pages.Render(w, http.StatusOK, page)
}
