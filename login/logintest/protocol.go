package logintest

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"iess.gob.ec/clave/storage"
)

// authorize does what the protocol does: it stores the request, and advances it.
// Without a query historia asks for openid; client_id asks for the application at
// https://client_id.example/, acr_essential=1 makes acr_values demands, and whatever
// is a resource may be asked for.
func (s *Site) authorize(w http.ResponseWriter, r *http.Request) {
	q, now := r.URL.Query(), s.Time()
	client := cmp.Or(q.Get("client_id"), "historia")
	req := storage.AuthRequest{
		ID: storage.NewID(), ClientID: client, RedirectURI: "https://" + client + ".example/cb",
		Scope: cmp.Or(q.Get("scope"), "openid"), State: "st", BrowserHash: s.Browser(w, r),
		CreatedAt: storage.At(now), ExpiresAt: storage.At(now.Add(s.RequestLife)),
		Params: storage.AuthParams{
			Prompt: strings.Fields(q.Get("prompt")), LoginHint: q.Get("login_hint"), UILocales: q.Get("ui_locales"),
			ACRValues: strings.Fields(q.Get("acr_values")), ACREssential: q.Get("acr_essential") == "1",
		},
	}
	if seconds, err := strconv.ParseInt(q.Get("max_age"), 10, 64); err == nil {
		req.Params.MaxAge = &seconds
	}
	for _, resource := range q["resource"] {
		req.Params.Resources = append(req.Params.Resources, resource)
		if resource != s.Issuer {
			req.Scope += " " + storage.ResourceMark + resource
		}
	}
	var answer http.Handler
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		err := tx.AddAuthRequest(r.Context(), req)
		if err == nil {
			answer, err = s.Advance(r.Context(), tx, r, &req)
		}
		return err
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer.ServeHTTP(w, r)
}

// logout does what the protocol's end_session_endpoint does once the person has
// agreed: it ends this browser's session, where it has one.
func (s *Site) logout(w http.ResponseWriter, r *http.Request) {
	found, err := s.Session(r.Context(), r)
	if err == nil {
		var forget func(http.ResponseWriter)
		err = s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
			var err error
			forget, err = s.EndSession(r.Context(), tx, r, found, "historia")
			return err
		})
		if err == nil {
			forget(w)
		}
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// protocol completes requests as the real one does, and tells in the redirect what
// was granted or denied.
type protocol struct{}

// Grant implements login.Protocol.
func (protocol) Grant(ctx context.Context, tx *storage.Tx, req *storage.AuthRequest, s *storage.Session) (http.Handler, error) {
	code := storage.NewSecret()
	q := *req
	q.CompletedAt, q.SessionID, q.AfiliadoID, q.AuthAt, q.ACR, q.AMR = s.SeenAt, s.ID, s.AfiliadoID, s.AuthAt, s.ACR, s.AMR
	q.CodeHash = storage.Hash(code)
	return complete(ctx, tx, q, url.Values{"code": {code}, "scope": {req.Scope}, "acr": {s.ACR}})
}

// Deny implements login.Protocol.
func (protocol) Deny(ctx context.Context, tx *storage.Tx, req *storage.AuthRequest, code, description string) (http.Handler, error) {
	q := *req
	q.CompletedAt = req.CreatedAt
	return complete(ctx, tx, q, url.Values{"error": {code}, "error_description": {description}, "whom": {req.AfiliadoID}})
}

func complete(ctx context.Context, tx *storage.Tx, q storage.AuthRequest, out url.Values) (http.Handler, error) {
	if err := tx.CompleteAuthRequest(ctx, q); err != nil {
		return nil, err
	}
	out.Set("state", q.State)
	return http.RedirectHandler(q.RedirectURI+"?"+out.Encode(), http.StatusSeeOther), nil
}
