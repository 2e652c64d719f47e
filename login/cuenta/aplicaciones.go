package cuenta

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

const (
	pageApplications = "/cuenta/aplicaciones"
	fieldApplication = "aplicacion"

	doneClosed  = "cerrada" // and the application's id
	doneNothing = "nada"    // there was nothing to close
)

// getApplications is GET /cuenta/aplicaciones.
func (s *Server) getApplications(w http.ResponseWriter, r *http.Request, v *visit) error {
	page := templates.Applications{Own: s.own(r, v)}
	clients, err := s.clients(r.Context())
	if err != nil {
		return err
	}
	done, id, _ := strings.Cut(s.doneHere(r, v), " ")
	if c := clients[id]; done == doneClosed && c != nil {
		page.Closed, page.ClosedOwn = c.Metadata.ClientName, c.Metadata.FirstParty
	}
	page.Nothing = done == doneNothing
	if page.Apps, err = s.connected(r.Context(), v, clients); err != nil {
		return err
	}
	return s.Show(w, v.Visit, http.StatusOK, page)
}

// clients are all registered applications, disabled ones too, by id: one that is
// served no more has received what it has.
func (s *Server) clients(ctx context.Context) (map[string]*storage.Client, error) {
	all, err := s.DB.Clients(ctx)
	out := map[string]*storage.Client{}
	for i := range all {
		out[all[i].ID] = &all[i]
	}
	return out, err
}

// connected are the applications that know the visit's person, by name.
func (s *Server) connected(ctx context.Context, v *visit, clients map[string]*storage.Client) ([]templates.ConnectedApp, error) {
	consents, err := s.DB.Consents(ctx, v.afiliado.ID)
	if err != nil {
		return nil, err
	}
	received, err := s.DB.Disclosures(ctx, v.afiliado.ID)
	if err != nil {
		return nil, err
	}
	accesses, err := s.DB.Accesses(ctx, v.afiliado.ID, v.Now, v.Now.Add(-s.Idle))
	if err != nil {
		return nil, err
	}
	known := map[string]*templates.ConnectedApp{}
	of := func(id string) *templates.ConnectedApp {
		if known[id] == nil {
			known[id] = s.connectedApp(id, clients[id])
		}
		return known[id]
	}
	for _, c := range consents {
		s.addConsent(of(c.ClientID), c, clients)
	}
	for _, d := range received {
		app := of(d.ClientID)
		app.Received = append(app.Received, templates.Received{Claims: strings.Fields(d.Claims), First: d.FirstAt.Time, Last: d.LastAt.Time})
	}
	for _, a := range accesses {
		app := of(a.ClientID)
		app.Open = true
		addSession(app, a)
	}
	var out []templates.ConnectedApp
	for _, app := range known {
		out = append(out, *app)
	}
	slices.SortFunc(out, func(a, b templates.ConnectedApp) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.ID, b.ID))
	})
	return out, nil
}

// connectedApp is a client as people know it, or by its id where there is none of
// that id any more.
func (s *Server) connectedApp(id string, c *storage.Client) *templates.ConnectedApp {
	if c == nil {
		return &templates.ConnectedApp{ID: id, Application: templates.Application{Name: id}}
	}
	m := c.Metadata
	app := templates.NewApplication(m.ClientName, m.ClientURI, m.PolicyURI, m.InitiateLoginURI, s.Issuer)
	return &templates.ConnectedApp{ID: id, Application: *app, FirstParty: m.FirstParty}
}

// addConsent says on app what the person allowed it, or was told.
func (s *Server) addConsent(app *templates.ConnectedApp, c storage.Consent, clients map[string]*storage.Client) {
	app.Since, app.Withdrawn = c.CreatedAt.Time, c.WithdrawnAt.Time
	scopes := strings.Fields(c.Scope)
	app.Allowed, app.Offline = storage.ClaimNames(scopes), slices.Contains(scopes, storage.ScopeOffline)
	app.Open = app.Open || c.WithdrawnAt.IsZero() && !app.FirstParty
	for _, one := range scopes {
		resource, marked := strings.CutPrefix(one, storage.ResourceMark)
		if !marked {
			continue
		}
		for _, other := range clients {
			if other.Metadata.ResourceServer == resource {
				resource = other.Metadata.ClientName
			}
		}
		app.APIs = append(app.APIs, resource)
	}
}

// addSession says on app where it is open: a session with the tokens of it is one.
func addSession(app *templates.ConnectedApp, a storage.Access) {
	if !a.Session && !slices.Contains(strings.Fields(a.Scope), storage.ScopeOffline) {
		return // these tokens end with their session
	}
	one := templates.AppSession{Device: login.DeviceName(a.UserAgent), Since: a.CreatedAt.Time, Tokens: !a.Session}
	if !slices.Contains(app.Sessions, one) {
		app.Sessions = append(app.Sessions, one)
	}
}

// postClose is POST /cuenta/aplicaciones/cerrar: the person takes back what she
// allowed an application of others, or ends the access of one of the IESS, whose
// legal basis is not hers to end.
func (s *Server) postClose(w http.ResponseWriter, r *http.Request, v *visit) error {
	client, err := s.DB.Client(r.Context(), v.Form.Get(fieldApplication))
	if errors.Is(err, storage.ErrNotFound) {
		return s.toDone(w, r, v, pageApplications, doneNothing)
	}
	if err != nil {
		return err
	}
	kind, withdraw := templates.PermissionWithdrawn, true
	if client.Metadata.FirstParty {
		kind, withdraw = templates.AccessClosed, false
	}
	ended := false
	err = s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		var err error
		ended, err = tx.CloseAccess(r.Context(), v.afiliado.ID, client.ID, withdraw, v.Now)
		if err != nil || !ended {
			return err
		}
		return s.TellData(r.Context(), tx, r, v.Visit, v.afiliado, kind, client.ID, nil, login.Notice{Application: client.Metadata.ClientName})
	})
	if err != nil {
		return err
	}
	if !ended {
		return s.toDone(w, r, v, pageApplications, doneNothing)
	}
	return s.toDone(w, r, v, pageApplications, doneClosed+" "+client.ID)
}
