package provider

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

func (s *Server) getLogout(w http.ResponseWriter, r *http.Request) error {
	f, err := queryForm(r)
	if err != nil {
		return s.unreadable(w, r, err)
	}
	return s.logout(w, r, f, "")
}

// postLogout is the application's request by POST, which may be cross-site, or
// the answer of the person on our own page, which may not.
func (s *Server) postLogout(w http.ResponseWriter, r *http.Request) error {
	f, err := s.postForm(w, r)
	if err != nil {
		return s.unreadable(w, r, err)
	}
	if s.foreign(r) {
		seeOther(PathLogout+"?"+r.PostForm.Encode()).ServeHTTP(w, r)
		return nil
	}
	said := ""
	switch {
	case s.csrf.Check(r) != nil: // whoever sent it, it was not our page
	case f.get("quedarse") != "":
		said = "quedarse"
	case f.get("salir") != "":
		said = "salir"
	}
	return s.logout(w, r, f, said)
}

// logoutRequest is what an application asks of the end_session_endpoint (OpenID
// Connect RP-Initiated Logout 1.0, section 2), as far as it can be believed.
type logoutRequest struct {
	client    *storage.Client // nil where nobody is known to ask
	hint      *hint           // nil without a valid one of that client
	wrong     bool            // something does not fit: the person is asked and nothing redirects
	uri       string          // registered with client, to the letter; "" for none
	state     string
	uiLocales string
}

// logout ends the session of this browser where the application's hint vouches
// for it or the person says so, and asks her otherwise. It redirects only to a
// registered address, and only where a valid hint came or the person confirmed.
func (s *Server) logout(w http.ResponseWriter, r *http.Request, f form, said string) error {
	ctx := r.Context()
	w.Header().Set("Cache-Control", "no-store")
	if bad := f.check(); bad != nil {
		return s.unreadable(w, r, bad)
	}
	req, err := s.readLogout(ctx, f)
	if err != nil {
		return err
	}
	session, err := s.Login.Session(ctx, r)
	if errors.Is(err, storage.ErrNotFound) {
		return s.leave(w, r, req, req.hint != nil && !req.wrong, "")
	}
	if err != nil {
		return err
	}
	vouched := false
	if req.hint != nil && !req.wrong {
		joined, err := s.DB.SessionClients(ctx, session.ID)
		if err != nil {
			return err
		}
		vouched = req.hint.names(s.DB, req.client, session, joined)
	}
	switch {
	case said == "quedarse":
		page := templates.LoggedOut{Layout: s.layout(r, req.uiLocales), Stayed: true}
		page.SignedIn = true
		if req.client != nil {
			page.Application = s.application(req.client)
		}
		return s.Pages.Render(w, http.StatusOK, page)
	case !vouched && said != "salir":
		return s.askLogout(w, r, req)
	}
	if err := s.endSession(w, r, session, req); err != nil {
		return err
	}
	return s.leave(w, r, req, !req.wrong, session.ID)
}

// readLogout believes what it can check. An error is ours, never the caller's.
func (s *Server) readLogout(ctx context.Context, f form) (logoutRequest, error) {
	req := logoutRequest{state: f.get("state"), uiLocales: f.get("ui_locales")}
	id := f.get("client_id")
	if raw := f.get("id_token_hint"); raw != "" {
		set, err := s.keys.knowing(ctx, raw)
		if err != nil {
			return req, err
		}
		h, err := set.readHint(raw, s.Issuer)
		if err != nil || id != "" && id != h.clientID {
			s.logger(ctx).WarnContext(ctx, "logout: wrong id_token_hint", "client_id", s.knownAs(ctx, id), "error", err)
			req.wrong = true
		} else {
			req.hint, id = &h, h.clientID
		}
	}
	if id != "" {
		client, err := s.Clients.Client(ctx, id)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			req.wrong, req.hint = true, nil
		case err != nil:
			return req, err
		default:
			req.client = client
		}
	}
	if uri := f.get("post_logout_redirect_uri"); uri != "" {
		if req.client == nil || !slices.Contains(req.client.Metadata.PostLogoutRedirectURIs, uri) {
			req.wrong = true
		} else {
			req.uri = uri
		}
	}
	return req, nil
}

// askLogout asks the person whether she wants to leave.
func (s *Server) askLogout(w http.ResponseWriter, r *http.Request, req logoutRequest) error {
	page := templates.LogoutConfirm{Layout: s.layout(r, req.uiLocales), Action: PathLogout, Wrong: req.wrong}
	page.SignedIn = true
	var again params
	if req.client != nil {
		page.Application = s.application(req.client)
		again = append(again, [2]string{"client_id", req.client.ID})
	}
	if req.uri != "" && !req.wrong {
		again = append(again, [2]string{"post_logout_redirect_uri", req.uri})
		if req.state != "" {
			again = append(again, [2]string{"state", req.state})
		}
		w.Header().Set("Content-Security-Policy", templates.FormAction(req.uri))
	}
	page.Path = withParams(PathLogout, again)
	if req.uiLocales != "" {
		again = append(again, [2]string{"ui_locales", req.uiLocales})
	}
	for _, kv := range again {
		page.Params = append(page.Params, templates.Param{Name: kv[0], Value: kv[1]})
	}
	return s.Pages.Render(w, http.StatusOK, page)
}

// endSession ends the session, has its applications told, and then clears the
// cookies.
func (s *Server) endSession(w http.ResponseWriter, r *http.Request, session *storage.Session, req logoutRequest) error {
	ctx := r.Context()
	clientID := ""
	if req.client != nil {
		clientID = req.client.ID
	}
	var forget func(http.ResponseWriter)
	err := s.DB.InTx(ctx, func(tx *storage.Tx) error {
		var err error
		forget, err = s.Login.EndSession(ctx, tx, r, session, clientID)
		return err
	})
	if err != nil {
		return err
	}
	forget(w)
	s.hurryDeliveries()
	return nil
}

// leave is where a logout ends: back at the application where it may, else on
// the page that says so of the session that ended, "" for none.
func (s *Server) leave(w http.ResponseWriter, r *http.Request, req logoutRequest, mayRedirect bool, ended string) error {
	var p params
	if mayRedirect && req.uri != "" {
		if req.state != "" {
			p = params{{"state", req.state}}
		}
		seeOther(withParams(req.uri, p)).ServeHTTP(w, r)
		return nil
	}
	page := templates.LoggedOut{Layout: s.layout(r, req.uiLocales)}
	if req.client != nil {
		page.Application = s.application(req.client)
		p = append(p, [2]string{"client_id", req.client.ID})
	}
	if ended == "" {
		return s.Pages.Render(w, http.StatusOK, page)
	}
	if req.uiLocales != "" {
		p = append(p, [2]string{"ui_locales", req.uiLocales})
	}
	seeOther(withParams(PathLoggedOut, append(p, [2]string{paramEnded, ended}))).ServeHTTP(w, r)
	return nil
}
