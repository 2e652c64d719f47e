package provider

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"iess.gob.ec/clave/storage"
)

// machineServer is the op.Server behind the token endpoint. It refuses everything it does not implement (op.UnimplementedServer).
type machineServer struct {
	op.UnimplementedServer
	*Server
}

var _ op.Server = (*machineServer)(nil)

// newMachine returns the library's handler. Everything else is ours and not routed
// to it: it makes JSON of every answer, and asks a resource server for a secret.
func (s *Server) newMachine() http.Handler {
	return op.RegisterServer(&machineServer{Server: s}, op.Endpoints{
		Token: op.NewEndpoint(PathToken),
	}, op.WithServerCORSOptions(nil))
}

// postToken stands before the library at the token endpoint: parameters in the
// body only, each once, a grant we speak, one well-formed way of client
// authentication.
func (s *Server) postToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	s.offerNonce(w, r)
	if bad := s.guardToken(w, r); bad != nil {
		status := http.StatusBadRequest
		if bad.code == "invalid_client" {
			status = http.StatusUnauthorized
		}
		s.refuse(challenge{w, basicChallenge}, r, bad, status)
		return
	}
	s.machine.ServeHTTP(challenge{w, basicChallenge}, r)
}

// basicChallenge goes with every 401 of who authenticates as a client.
const basicChallenge = `Basic realm="clave"`

func (s *Server) guardToken(w http.ResponseWriter, r *http.Request) *protocolError {
	f, bad := machineForm(w, r)
	if bad != nil {
		return bad
	}
	switch grant := f.get("grant_type"); {
	case grant == "":
		return invalidRequest("grant_type is missing")
	case !slices.Contains(grantTypes(), grant):
		return &protocolError{"unsupported_grant_type", "the grant_type is not supported"}
	}
	_, bad = readCredentials(r.Header, f)
	return bad
}

// machineForm are the parameters of a POST to a machine endpoint: in the body, each
// once.
func machineForm(w http.ResponseWriter, r *http.Request) (form, *protocolError) {
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return nil, invalidRequest("parameters belong in the body")
	}
	f, err := bodyForm(w, r)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, invalidRequest("the request is too large")
	case err != nil:
		return nil, invalidRequest("the body must be a form, application/x-www-form-urlencoded")
	}
	return f, f.check()
}

// machineCall reads a call about one token, and who makes it, or returns an error
// as op.WriteError writes it.
func (s *Server) machineCall(w http.ResponseWriter, r *http.Request) (*storage.Client, form, error) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	f, bad := machineForm(w, r)
	if bad != nil {
		return nil, nil, s.fail(r.Context(), bad, nil, "path", r.URL.Path)
	}
	client, err := s.caller(r.Context(), r.Header, f)
	if err == nil && f.get("token") == "" {
		err = s.fail(r.Context(), invalidRequest("token is missing"), nil, "client_id", client.ID)
	}
	return client, f, err
}

// ClientCredentialsExchange implements op.Server (RFC 6749 section 4.4).
func (m *machineServer) ClientCredentialsExchange(ctx context.Context, r *op.ClientRequest[oidc.ClientCredentialsRequest]) (*op.Response, error) {
	return m.grantTokens(ctx, r.Header, r.Client, "client_credentials", func(c *storage.Client, p possession) (*tokenResponse, error) {
		return m.clientCredentials(ctx, c, r.Form.Get("scope"), r.Form["resource"], p)
	})
}

// VerifyClient implements op.Server. The library has parsed the same request
// more loosely; what counts is what readCredentials finds.
func (m *machineServer) VerifyClient(ctx context.Context, r *op.Request[op.ClientCredentials]) (op.Client, error) {
	client, err := m.caller(ctx, r.Header, form(r.Form))
	if err != nil {
		return nil, err
	}
	return registered{client}, nil
}

// CodeExchange implements op.Server.
func (m *machineServer) CodeExchange(ctx context.Context, r *op.ClientRequest[oidc.AccessTokenRequest]) (*op.Response, error) {
	return m.grantTokens(ctx, r.Header, r.Client, "authorization_code", func(c *storage.Client, p possession) (*tokenResponse, error) {
		return m.exchange(ctx, c, r.Data.Code, r.Data.RedirectURI, r.Data.CodeVerifier, r.Form["resource"], p)
	})
}

// RefreshToken implements op.Server.
func (m *machineServer) RefreshToken(ctx context.Context, r *op.ClientRequest[oidc.RefreshTokenRequest]) (*op.Response, error) {
	return m.grantTokens(ctx, r.Header, r.Client, "refresh_token", func(c *storage.Client, p possession) (*tokenResponse, error) {
		return m.refresh(ctx, c, r.Data.RefreshToken, r.Form.Get("scope"), r.Form["resource"], p)
	})
}

// grantTokens runs mint for an authenticated client that may use grant.
func (m *machineServer) grantTokens(
	ctx context.Context, header http.Header, c op.Client, grant string, mint func(*storage.Client, possession) (*tokenResponse, error),
) (*op.Response, error) {
	client, ok := c.(registered)
	if !ok || !slices.Contains(client.Metadata.GrantTypes, grant) {
		return nil, m.fail(ctx, &protocolError{"unauthorized_client", "the client is not registered for this grant"}, nil)
	}
	p, bad := m.possess(ctx, header, client.Client, PathToken)
	if bad != nil {
		return nil, m.fail(ctx, bad, nil, "client_id", client.ID)
	}
	answer, err := mint(client.Client, p)
	switch {
	case errors.As(err, &bad):
		return nil, m.fail(ctx, bad, err, "client_id", client.ID)
	case err != nil:
		return nil, m.fail(ctx, serverError(), err, "client_id", client.ID)
	}
	return op.NewResponse(answer), nil
}

func serverError() *protocolError {
	return &protocolError{"server_error", "the request could not be completed"}
}

// fail logs why and returns what the library writes: bad and nothing else.
func (s *Server) fail(ctx context.Context, bad *protocolError, cause error, attrs ...string) error {
	status := http.StatusBadRequest
	switch bad.code {
	case "invalid_client", "invalid_token":
		status = http.StatusUnauthorized
	case "insufficient_scope":
		status = http.StatusForbidden
	case "server_error":
		status = http.StatusInternalServerError
	}
	return s.failWith(ctx, status, bad, cause, attrs...)
}

// failWith is fail with a status of the caller's.
func (s *Server) failWith(ctx context.Context, status int, bad *protocolError, cause error, attrs ...string) error {
	log := s.logger(ctx).With("code", bad.code, "description", bad.description)
	for i := 0; i+1 < len(attrs); i += 2 {
		log = log.With(attrs[i], attrs[i+1])
	}
	if status == http.StatusInternalServerError {
		log.ErrorContext(ctx, "machine request failed", "error", cause)
		return bad.status(status)
	}
	if cause != nil {
		log = log.With("error", cause)
	}
	log.WarnContext(ctx, "machine request refused")
	return bad.status(status)
}

// refuse writes bad without going through the library.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, bad *protocolError, status int) {
	s.logger(r.Context()).WarnContext(r.Context(), "machine request refused", "path", r.URL.Path,
		"code", bad.code, "description", bad.description)
	op.WriteError(w, r, bad.status(status), nil)
}

// challenge adds WWW-Authenticate to a 401 (RFC 6749 section 5.2), which the library leaves out.
type challenge struct {
	http.ResponseWriter
	value string
}

// WriteHeader implements http.ResponseWriter.
func (c challenge) WriteHeader(status int) {
	h := c.Header()
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", c.value)
	}
	c.ResponseWriter.WriteHeader(status)
}

// cors answers browsers' questions for pages of registered applications: their
// origin is named, credentials never are, and nobody else gets a header. The
// authorization endpoint does not have it (RFC 9700 section 2.6).
func (s *Server) cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		if origin := r.Header.Get("Origin"); origin != "" && s.registeredOrigin(r.Context(), origin) {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce, X-Request-Id")
			if r.Method == http.MethodOptions {
				h.Set("Access-Control-Allow-Methods", "GET, POST")
				h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP")
				h.Set("Access-Control-Max-Age", "600")
			}
		}
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// registeredOrigin reports whether origin is that of a registered redirect URI.
func (s *Server) registeredOrigin(ctx context.Context, origin string) bool {
	clients, err := s.Clients.Clients(ctx)
	if err != nil {
		s.logger(ctx).ErrorContext(ctx, "cors: no clients", "error", err)
		return false
	}
	for _, c := range clients {
		for _, address := range c.Metadata.RedirectURIs {
			u, err := url.Parse(address)
			if err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Scheme+"://"+u.Host == origin {
				return true
			}
		}
	}
	return false
}
