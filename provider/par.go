package provider

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// pushedPrefix begins every request_uri of ours (RFC 9126 section 2.2); 256 random
// bits follow.
const pushedPrefix = "urn:ietf:params:oauth:request_uri:"

// pushedLife is how long a browser may take to bring a request_uri. It may do so
// several times, as prefetching ones do; what came of it is completed once.
const pushedLife = 90 * time.Second

// postPush takes an authorization request from the application itself (RFC 9126).
// Who does not authenticate writes nothing.
func (s *Server) postPush(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	s.offerNonce(w, r)
	f, bad := machineForm(w, r)
	if bad != nil {
		s.refusePush(w, r, bad, nil)
		return
	}
	client, err := s.caller(r.Context(), r.Header, f)
	if err != nil {
		op.WriteError(challenge{w, basicChallenge}, r, err, nil)
		return
	}
	uri, err := s.push(r.Context(), client, f, r.Header.Values("DPoP"))
	if err != nil {
		if !errors.As(err, &bad) {
			bad = serverError()
		}
		s.refusePush(w, r, bad, err)
		return
	}
	writeJSON(w, http.StatusCreated, struct {
		RequestURI string `json:"request_uri"`
		ExpiresIn  int64  `json:"expires_in"` // seconds
	}{uri, int64(pushedLife / time.Second)})
}

// push stores the request and returns its request_uri, or an error that is a
// *protocolError where the application is to be told.
func (s *Server) push(ctx context.Context, client *storage.Client, f form, proofs []string) (string, error) {
	if client.Metadata.TokenEndpointAuthMethod == "none" { // or anybody could fill the table in its name
		return "", &protocolError{"unauthorized_client", "only a client that authenticates may push a request"}
	}
	if f.get("request_uri") != "" {
		return "", invalidRequest("a pushed request must not hold a request_uri")
	}
	req, err := s.readPushed(ctx, client, f)
	if err != nil {
		return "", err
	}
	p, bad := s.pushedProof(ctx, client, &req, proofs)
	if bad != nil {
		return "", bad
	}
	now := s.Now()
	uri := pushedPrefix + storage.NewSecret()
	pushed := storage.PushedRequest{
		URIHash: storage.Hash(uri), ClientID: client.ID, Request: req, CreatedAt: storage.At(now), ExpiresAt: storage.At(now.Add(pushedLife)),
	}
	return uri, s.DB.InTx(ctx, func(tx *storage.Tx) error {
		if err := p.spend(ctx, tx, now); err != nil {
			return err
		}
		return tx.AddPushedRequest(ctx, pushed)
	})
}

// pushedProof binds the code of req to the key of the DPoP proof it was pushed
// with, if there is one; a dpop_jkt of its own must name the same (RFC 9449 section
// 10.1).
func (s *Server) pushedProof(ctx context.Context, client *storage.Client, req *storage.AuthRequest, proofs []string) (possession, *protocolError) {
	if len(proofs) == 0 {
		return possession{}, nil
	}
	p, bad := s.prove(ctx, proofs, http.MethodPost, PathPush, "", client)
	if bad != nil {
		return possession{}, bad
	}
	if req.Params.JKT != "" && req.Params.JKT != p.jkt {
		return possession{}, &protocolError{"invalid_dpop_proof", "dpop_jkt names another key than the DPoP proof"}
	}
	req.Params.JKT = p.jkt
	return possession{jkt: p.jkt, jti: p.jti}, nil
}

// readPushed checks f as the authorization endpoint would.
func (s *Server) readPushed(ctx context.Context, client *storage.Client, f form) (storage.AuthRequest, error) {
	f, bad := s.unwrap(ctx, client, f)
	if bad != nil {
		return storage.AuthRequest{}, bad
	}
	if !redirectAllowed(client.Metadata, f.get("redirect_uri")) {
		return storage.AuthRequest{}, invalidRequest("the redirect_uri is missing or not registered")
	}
	req, bad, err := s.readRequest(ctx, client, f)
	if err != nil {
		return storage.AuthRequest{}, err
	}
	if bad != nil {
		return storage.AuthRequest{}, bad
	}
	return req, nil
}

// refusePush answers with bad, which may be any error of the authorization
// endpoint too, and logs it with its cause.
func (s *Server) refusePush(w http.ResponseWriter, r *http.Request, bad *protocolError, cause error) {
	status := http.StatusBadRequest
	if bad.code == "server_error" {
		status = http.StatusInternalServerError
		s.logger(r.Context()).ErrorContext(r.Context(), "pushed request failed", "error", cause)
	} else {
		s.logger(r.Context()).WarnContext(r.Context(), "pushed request refused", "code", bad.code, "description", bad.description)
	}
	writeJSON(w, status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{bad.code, bad.description})
}

// visitPushed is the visit of a browser with a request_uri of ours. Everything
// asked stands in what was pushed; whatever else the browser brings is ignored
// (RFC 9126 section 4, RFC 9101 section 5). Nobody is known to whom an unknown,
// foreign, used or old one could be reported, so that is a page.
func (s *Server) visitPushed(w http.ResponseWriter, r *http.Request, client *storage.Client, uri string) error {
	ctx := r.Context()
	p, err := s.DB.PushedRequest(ctx, storage.Hash(uri), client.ID, s.Now())
	if errors.Is(err, storage.ErrNotFound) {
		s.logger(ctx).WarnContext(ctx, "authorize: no such pushed request", "client_id", client.ID)
		return s.failure(w, r, templates.KindExpired, client)
	}
	if err != nil {
		return err
	}
	req := p.Request
	if !redirectAllowed(client.Metadata, req.RedirectURI) { // it may have changed meanwhile
		return s.failure(w, r, templates.KindClient, client)
	}
	req.Params.Pushed = p.URIHash
	return s.begin(w, r, req)
}

// usePushed spends what req came of, if it was pushed, as req is completed. Where
// another visit has completed it before, the handler returned says so to the
// person, and nothing may be granted or denied any more.
func (s *Server) usePushed(ctx context.Context, tx *storage.Tx, req *storage.AuthRequest, client *storage.Client) (http.Handler, error) {
	if req.Params.Pushed == "" {
		return nil, nil //nolint:nilnil // documented: go on
	}
	err := tx.UsePushedRequest(ctx, req.Params.Pushed, s.Now())
	if errors.Is(err, storage.ErrConflict) {
		return s.page(func(w http.ResponseWriter, r *http.Request) error {
			return s.failure(w, r, templates.KindExpired, client)
		}), nil
	}
	return nil, err
}

// mustPush refuses a request that the client has promised to push (RFC 9126
// section 6).
func mustPush(c *storage.Client) *protocolError {
	if c.Metadata.RequirePAR {
		return invalidRequest("the client has to push its requests")
	}
	return nil
}

// isPushed reports whether uri could be one of ours.
func isPushed(uri string) bool { return strings.HasPrefix(uri, pushedPrefix) }

// writeJSON answers with content, of which nobody is known to read the end.
func writeJSON[T any](w http.ResponseWriter, status int, content T) {
	body, err := json.Marshal(content)
	if err != nil { // a type of ours that cannot be written
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
