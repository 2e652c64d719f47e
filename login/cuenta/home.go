package cuenta

import (
	"errors"
	"net/http"
	"slices"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// doneForAnother is said of a form that was shown to somebody else: nothing was.
const doneForAnother = "otra"

// getAccount is GET /cuenta: in a few words what she has, and the way to each part
// of it.
func (s *Server) getAccount(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx := r.Context()
	page := templates.Account{Own: s.own(r, v), Family: v.afiliado.FamilyName, Last: tail(v.afiliado.Identifier)}
	page.Other, page.Shared = s.doneHere(r, v) == doneForAnother, v.session.Shared
	if r.URL.Query().Has("llave") { // from the offer after a sign-in, as the audit bears out
		rows, err := s.DB.PersonEvents(ctx, v.afiliado.ID, login.EventPasskeyAdded, v.Now, 1)
		if err != nil {
			return err
		}
		page.KeyAdded = len(rows) > 0 && v.Now.Sub(rows[0].At.Time) <= justNow
	}
	c, err := s.DB.ClaveFacts(ctx, v.afiliado.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if err == nil {
		page.Clave, page.Due = true, c.DueAt.Time
	}
	f, err := s.DB.Factors(ctx, v.afiliado.ID, v.Now)
	if err != nil {
		return err
	}
	page.Keys, page.TOTP, page.Codes = f.Passkeys, f.TOTP, f.Codes
	if page.Before, err = s.lastSeen(ctx, v); err != nil {
		return err
	}
	sessions, err := s.DB.LiveSessions(ctx, v.afiliado.ID, v.Now)
	if err != nil {
		return err
	}
	for _, one := range sessions {
		if s.Live(&one, v.Now) {
			page.Sessions++
		}
	}
	clients, err := s.clients(ctx)
	if err != nil {
		return err
	}
	apps, err := s.connected(ctx, v, clients)
	if err != nil {
		return err
	}
	for _, app := range apps {
		page.Applications = append(page.Applications, app.Name)
	}
	page.Mailbox = login.MaskEmail(v.afiliado.Email)
	further, err := s.DB.EmailAddresses(ctx, v.afiliado.ID)
	if err != nil {
		return err
	}
	page.Further = len(slices.DeleteFunc(further, func(e storage.EmailAddress) bool { return e.ProvedAt.IsZero() }))
	tastes, err := s.DB.Tastes(ctx, v.afiliado.ID)
	if err != nil {
		return err
	}
	page.Image = tastes.Image
	return s.Show(w, v.Visit, http.StatusOK, page)
}

// tail is what is shown of an identifier: enough for its person to know it.
func tail(id storage.Identifier) string { return string(id[max(0, len(id)-2):]) }
