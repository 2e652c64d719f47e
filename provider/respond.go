package provider

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Audit events about authorization requests.
const (
	eventGranted = "authorization.granted"
	eventDenied  = "authorization.denied"
)

// codeMemory is how long a spent code is remembered where it gave refresh
// tokens, so that a replay is told from a guess and revokes them.
const codeMemory = 24 * time.Hour

// reply is where and how an authorization response goes.
type reply struct {
	client    *storage.Client
	uri       string // registered, to the letter
	mode      string // query, fragment, form_post, or one of these with .jwt
	state     string
	uiLocales string
}

func (s *Server) reply(ctx context.Context, req *storage.AuthRequest) (reply, error) {
	client, err := s.Clients.Client(ctx, req.ClientID)
	if err != nil {
		return reply{}, err
	}
	return reply{client, req.RedirectURI, req.ResponseMode, req.State, req.Params.UILocales}, nil
}

// answer returns the authorization response with p, state and iss (RFC 9207).
// Errors and codes leave the same way (OAuth 2.0 Multiple Response Types, Form
// Post Response Mode).
func (s *Server) answer(to reply, p params) http.Handler {
	if to.state != "" {
		p = append(p, [2]string{"state", to.state})
	}
	p = append(p, [2]string{"iss", s.Issuer})
	mode, signed := plainMode(to.mode)
	if !signed {
		return s.deliver(to, p)
	}
	to.mode = mode
	return s.page(func(w http.ResponseWriter, r *http.Request) error {
		p, err := s.signedResponse(r.Context(), to.client, p)
		if err != nil {
			return err
		}
		s.deliver(to, p).ServeHTTP(w, r)
		return nil
	})
}

// deliver hands p to the application, in a mode without signature.
func (s *Server) deliver(to reply, p params) http.Handler {
	switch to.mode {
	case "form_post":
		return s.page(func(w http.ResponseWriter, r *http.Request) error {
			w.Header().Set("Content-Security-Policy", templates.FormAction(to.uri))
			page := templates.FormPost{
				Layout: s.layout(r, to.uiLocales), Application: *s.application(to.client),
				Action: template.URL(to.uri), //nolint:gosec // equals a registered redirect URI
			}
			for _, kv := range p {
				page.Params = append(page.Params, templates.Param{Name: kv[0], Value: kv[1]})
			}
			return s.Pages.Render(w, http.StatusOK, page)
		})
	case "fragment":
		return seeOther(to.uri + "#" + p.encode())
	default:
		return seeOther(withParams(to.uri, p))
	}
}

// seeOther redirects with 303, which turns every method into GET: a 307 would
// hand the login form on to the application (RFC 9700 section 4.12). address is
// made of registered bytes and escaped parameters.
func seeOther(address string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Location", address)
		w.WriteHeader(http.StatusSeeOther)
	})
}

// Grant completes req for the session with its one code and returns the
// authorization response. Where an id_token_hint names somebody else it denies
// with login_required. A request completes once: again, or after its end, is
// storage.ErrConflict.
func (s *Server) Grant(ctx context.Context, tx *storage.Tx, req *storage.AuthRequest, session *storage.Session) (http.Handler, error) {
	to, err := s.reply(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("provider: grant: %w", err)
	}
	if h := req.Params.HintedSub; h != "" && h != s.DB.Subject(*to.client, session.AfiliadoID) {
		req.AfiliadoID = session.AfiliadoID
		return s.Deny(ctx, tx, req, "login_required", "")
	}
	now := s.Now()
	if req.ExpiresAt.Past(now) {
		return nil, fmt.Errorf("provider: grant: the request is over: %w", storage.ErrConflict)
	}
	if again, err := s.usePushed(ctx, tx, req, to.client); err != nil || again != nil {
		return again, err
	}
	sid, err := tx.JoinSession(ctx, session.ID, req.ClientID, now)
	if err != nil {
		return nil, err
	}
	code := storage.NewSecret()
	done := *req
	done.CompletedAt, done.SessionID, done.AfiliadoID, done.SID = storage.At(now), session.ID, session.AfiliadoID, sid
	done.AuthAt, done.ACR, done.AMR = session.AuthAt, session.ACR, session.AMR
	done.CodeHash, done.CodeExpiresAt = storage.Hash(code), storage.At(now.Add(s.CodeLife))
	done.ExpiresAt = storage.At(now.Add(s.CodeLife + s.AccessLife))
	if hasScope(req.Scope, storage.ScopeOffline) {
		done.ExpiresAt = storage.At(now.Add(codeMemory))
	}
	if err := tx.CompleteAuthRequest(ctx, done); err != nil {
		return nil, err
	}
	req.CompletedAt = done.CompletedAt
	err = tx.Audit(ctx, storage.Event{
		At: storage.At(now), Name: eventGranted, AfiliadoID: session.AfiliadoID, ClientID: req.ClientID, Actor: "afiliado",
		Detail: map[string]string{"scope": req.Scope, "acr": session.ACR, "session": session.ID},
	})
	if err != nil {
		return nil, err
	}
	return s.answer(to, params{{"code", code}}), nil
}

// Deny completes req with an OAuth error and returns the authorization response.
// A description that may not leave, or none, is replaced by the fixed one. The
// audit says whom it was denied to (req.AfiliadoID); of somebody who is not signed
// in the log alone knows, or anybody could fill the audit for nothing.
func (s *Server) Deny(ctx context.Context, tx *storage.Tx, req *storage.AuthRequest, code, description string) (http.Handler, error) {
	to, err := s.reply(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("provider: deny: %w", err)
	}
	if again, err := s.usePushed(ctx, tx, req, to.client); err != nil || again != nil {
		return again, err
	}
	now := s.Now()
	done := *req
	done.CompletedAt, done.CodeHash = storage.At(now), ""
	if err := tx.CompleteAuthRequest(ctx, done); err != nil {
		return nil, err
	}
	req.CompletedAt = done.CompletedAt
	if req.AfiliadoID == "" {
		s.logger(ctx).WarnContext(ctx, "authorization denied", "client_id", req.ClientID, "code", code)
	} else {
		err = tx.Audit(ctx, storage.Event{
			At: storage.At(now), Name: eventDenied, AfiliadoID: req.AfiliadoID, ClientID: req.ClientID, Actor: "afiliado",
			Detail: map[string]string{"error": code},
		})
		if err != nil {
			return nil, err
		}
	}
	if description = speakable(description); description == "" {
		description = denial(code)
	}
	return s.answer(to, params{{"error", code}, {"error_description", description}}), nil
}

// denial is what an error code means, in the words applications get.
func denial(code string) string {
	switch code {
	case "access_denied":
		return "the person did not allow it"
	case "login_required":
		return "the person has to sign in"
	case "interaction_required":
		return "the person has to do something first"
	case "consent_required":
		return "the person has to agree first"
	case "account_selection_required":
		return "the person has to choose an account"
	case "unmet_authentication_requirements":
		return "the authentication asked for was not reached"
	default:
		return "the request could not be completed"
	}
}

func hasScope(scope, name string) bool {
	return strings.Contains(" "+scope+" ", " "+name+" ")
}
