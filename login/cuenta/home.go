package cuenta

import (
	"errors"
	"net/http"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// getAccount is GET /cuenta.
func (s *Server) getAccount(w http.ResponseWriter, r *http.Request, v *visit) error {
	page := templates.Account{Own: s.own(r, v), Family: v.afiliado.FamilyName, Last: tail(v.afiliado.Identifier)}
	page.Other = r.URL.Query().Get("otra") == "1"
	c, err := s.DB.ClaveFacts(r.Context(), v.afiliado.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if err == nil {
		page.Clave, page.Due = true, c.DueAt.Time
	}
	page.Mailbox = login.MaskEmail(v.afiliado.Email)
	return s.Show(w, v.Visit, http.StatusOK, page)
}

// tail is what is shown of an identifier: enough for its person to know it.
func tail(id storage.Identifier) string { return string(id[max(0, len(id)-2):]) }
