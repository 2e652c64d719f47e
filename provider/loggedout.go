package provider

import (
	"context"
	"errors"
	"net/http"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// paramEnded names the session that has ended. It opens nothing, and says only for
// a while which applications it had entered.
const paramEnded = "sesion"

const (
	// farewellFor is for how long after a logout its page says what became of it.
	farewellFor = time.Hour
	// farewellWait is how long the page waits for applications: the person is to
	// be out within a second (FT-23).
	farewellWait = 700 * time.Millisecond
	// farewellLook is how often it looks meanwhile.
	farewellLook = 100 * time.Millisecond
)

// getLoggedOut is the page where a logout ends that leads to no application: it
// says which ones have ended their session too. It can be looked at again.
func (s *Server) getLoggedOut(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	w.Header().Set("Cache-Control", "no-store")
	f, err := queryForm(r)
	if err != nil {
		return s.unreadable(w, r, err)
	}
	if bad := f.check(); bad != nil {
		return s.unreadable(w, r, bad)
	}
	if _, err := s.Login.Session(ctx, r); !errors.Is(err, storage.ErrNotFound) {
		if err == nil { // somebody has signed in here since
			seeOther("/").ServeHTTP(w, r)
		}
		return err
	}
	page := templates.LoggedOut{Layout: s.layout(r, f.get("ui_locales"))}
	if page.Shared, err = s.DB.SessionShared(ctx, f.get(paramEnded)); err != nil {
		return err
	}
	var again params
	for _, name := range []string{"client_id", "ui_locales", paramEnded} {
		if value := f.get(name); value != "" {
			again = append(again, [2]string{name, value})
		}
	}
	page.Path = withParams(PathLoggedOut, again)
	client, err := s.Clients.Client(ctx, f.get("client_id"))
	switch {
	case err == nil:
		page.Application = s.application(client)
	case !errors.Is(err, storage.ErrNotFound):
		return err
	}
	if page.Farewells, err = s.farewells(ctx, f.get(paramEnded), client); err != nil {
		return err
	}
	return s.Pages.Render(w, http.StatusOK, page)
}

// farewells says which applications have ended a session that has ended here. It
// waits a little for those that are being told. The one that asked for the logout
// has ended its own already.
func (s *Server) farewells(ctx context.Context, session string, asked *storage.Client) ([]templates.Farewell, error) {
	if session == "" {
		return nil, nil
	}
	ticker := time.NewTicker(farewellLook)
	defer ticker.Stop()
	for looks := farewellWait / farewellLook; ; looks-- {
		ended, err := s.DB.EndedClients(ctx, session, s.Now().Add(-farewellFor))
		if err != nil {
			return nil, err
		}
		var out []templates.Farewell
		telling := false
		for _, e := range ended {
			c, err := s.Clients.Client(ctx, e.ClientID)
			if errors.Is(err, storage.ErrNotFound) {
				continue // disabled: nobody is in there
			}
			if err != nil {
				return nil, err
			}
			known := s.application(c)
			state := farewell(e)
			if state == templates.FarewellOwn && asked != nil && asked.ID == c.ID {
				state = templates.FarewellClosed
			}
			telling = telling || state == templates.FarewellTelling
			out = append(out, templates.Farewell{Name: known.Name, Host: known.Host, State: state})
		}
		if !telling || looks == 0 {
			return out, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-ticker.C:
		}
	}
}

// farewell is how far an application has come, as people are told.
func farewell(e storage.EndedClient) templates.FarewellState {
	switch {
	case e.State == storage.DeliveryDelivered:
		return templates.FarewellClosed
	case e.State == storage.DeliveryPending && e.Attempts == 0:
		return templates.FarewellTelling
	case e.State == storage.DeliveryPending:
		return templates.FarewellSilent
	default:
		return templates.FarewellOwn
	}
}
