package provider

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

func (s *Server) getAuthorize(w http.ResponseWriter, r *http.Request) error {
	f, err := queryForm(r)
	if err != nil {
		return s.unreadable(w, r, err)
	}
	return s.authorize(w, r, f)
}

// postAuthorize takes the request from the body alone. It may come from another
// site's page; it changes nothing but a new row.
func (s *Server) postAuthorize(w http.ResponseWriter, r *http.Request) error {
	f, err := s.postForm(w, r)
	if err != nil {
		return s.unreadable(w, r, err)
	}
	if s.foreign(r) {
		seeOther(PathAuthorize+"?"+r.PostForm.Encode()).ServeHTTP(w, r)
		return nil
	}
	return s.authorize(w, r, f)
}

// postForm reads the parameters of a POST at an endpoint of browsers: all of
// them are in the body.
func (s *Server) postForm(w http.ResponseWriter, r *http.Request) (form, error) {
	f, err := bodyForm(w, r)
	if err == nil && r.URL.RawQuery != "" {
		err = errNoForm
	}
	return f, err
}

// foreign reports whether a form was sent by another site's page. Browsers then
// leave our cookies out (SameSite=Lax): the person would seem to be signed out,
// and a new cookie would cut her other tabs off. The same request as a GET, to
// which such a form is redirected, brings them. One too long for an address is
// taken as it is.
func (s *Server) foreign(r *http.Request) bool {
	return s.csrf.Check(r) != nil && len(r.PostForm.Encode()) <= maxQuery
}

// unreadable answers a request whose parameters cannot be read, so that nobody
// is known to whom an error could be returned.
func (s *Server) unreadable(w http.ResponseWriter, r *http.Request, err error) error {
	s.logger(r.Context()).WarnContext(r.Context(), "unreadable request", "path", r.URL.Path, "error", err)
	if errors.Is(err, errTooLarge) {
		return s.failure(w, r, templates.KindTooLarge, nil)
	}
	return s.failure(w, r, templates.KindRequest, nil)
}

// authorize starts a sign-in. Until client and redirect URI are known to be
// good, errors are a page and never a redirect (RFC 6749 section 4.1.2.1);
// afterwards they go to the application.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request, f form) error {
	ctx := r.Context()
	w.Header().Set("Cache-Control", "no-store")
	client, err := s.Clients.Client(ctx, f.get("client_id"))
	if errors.Is(err, storage.ErrNotFound) {
		s.logger(ctx).WarnContext(ctx, "authorize: unknown client", "client_id", s.knownAs(ctx, f.get("client_id")))
		return s.failure(w, r, templates.KindClient, nil)
	}
	if err != nil {
		return err
	}
	if uri := f.get("request_uri"); isPushed(uri) {
		return s.visitPushed(w, r, client, uri)
	}
	bad := mustPush(client)
	if bad == nil {
		var asked form
		if asked, bad = s.unwrap(ctx, client, f); bad == nil {
			f = asked
		}
	}
	if !redirectAllowed(client.Metadata, f.get("redirect_uri")) {
		s.logger(ctx).WarnContext(ctx, "authorize: unregistered redirect_uri", "client_id", client.ID)
		if bad != nil {
			return s.failure(w, r, templates.KindRequest, client)
		}
		return s.failure(w, r, templates.KindClient, client)
	}
	var req storage.AuthRequest
	if bad == nil {
		req, bad, err = s.readRequest(ctx, client, f)
	}
	if err != nil {
		return err
	}
	if bad != nil {
		s.logger(ctx).WarnContext(ctx, "authorize: refused", "client_id", client.ID, "code", bad.code, "description", bad.description)
		mode, _ := responseMode(f)
		to := reply{client: client, uri: f.get("redirect_uri"), mode: mode, state: f.get("state"), uiLocales: f.get("ui_locales")}
		s.answer(to, params{{"error", bad.code}, {"error_description", bad.description}}).ServeHTTP(w, r)
		return nil
	}
	return s.begin(w, r, req)
}

// readRequest is readAuthorization with the keys that ID tokens were signed with.
func (s *Server) readRequest(ctx context.Context, client *storage.Client, f form) (storage.AuthRequest, *protocolError, error) {
	set, err := s.keys.knowing(ctx, f.get("id_token_hint"))
	if err != nil {
		return storage.AuthRequest{}, nil, err
	}
	req, bad := readAuthorization(client, f, func(token string) (string, error) {
		h, err := set.hintFor(client, token, s.Issuer)
		return h.sub, err
	})
	if bad == nil {
		bad = s.readResources(ctx, client, &req, f)
	}
	return req, bad, nil
}

// begin makes a running request of req, which has been checked, and answers with
// its first step.
func (s *Server) begin(w http.ResponseWriter, r *http.Request, req storage.AuthRequest) error {
	ctx, now := r.Context(), s.Now()
	req.ID = storage.NewID()
	req.CreatedAt, req.ExpiresAt = storage.At(now), storage.At(now.Add(s.RequestLife))
	req.BrowserHash = s.Login.Browser(w, r)
	var next http.Handler
	err := s.DB.InTx(ctx, func(tx *storage.Tx) error {
		var err error
		next, err = s.Login.Advance(ctx, tx, r, &req)
		if err != nil || !req.CompletedAt.IsZero() {
			return err
		}
		return tx.AddAuthRequest(ctx, req)
	})
	if err != nil {
		return err
	}
	next.ServeHTTP(w, r)
	return nil
}

// knownAs is a client as the log may hold it: a registered id or, of any other
// word, which may be a cédula or a clave in the wrong field (T20), the beginning
// of its hash, enough to confirm a mistyped id.
func (s *Server) knownAs(ctx context.Context, id string) string {
	if _, err := s.Clients.Client(ctx, id); err == nil {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "unknown, sha256 " + hex.EncodeToString(sum[:4])
}
