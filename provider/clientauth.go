package provider

import (
	"context"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"iess.gob.ec/clave/storage"
)

// credentials are what a caller of the token endpoint says about itself.
type credentials struct {
	clientID    string
	method      string // the one of authMethods it used; none may still turn out to be one of a certificate
	secret      string
	assertion   string            // of private_key_jwt, not verified yet
	certificate *x509.Certificate // of the connection, nil without
}

func invalidClient() *protocolError {
	return &protocolError{"invalid_client", "the client could not be authenticated"}
}

// readCredentials finds the one way in which the caller authenticates (RFC 6749
// section 2.3). Two at once are refused.
func readCredentials(header http.Header, f form) (credentials, *protocolError) {
	if f.get("client_assertion") != "" || f.get("client_assertion_type") != "" {
		return readAsserted(header, f)
	}
	id, secret := f.get("client_id"), f.get("client_secret")
	values := header.Values("Authorization")
	if len(values) == 0 {
		switch {
		case id == "":
			return credentials{}, invalidClient()
		case secret == "":
			return credentials{clientID: id, method: "none"}, nil
		default:
			return credentials{clientID: id, method: "client_secret_post", secret: secret}, nil
		}
	}
	if len(values) > 1 {
		return credentials{}, invalidClient()
	}
	basicID, basicSecret, ok := readBasic(values[0])
	if !ok {
		return credentials{}, invalidClient()
	}
	if secret != "" || id != "" && id != basicID {
		return credentials{}, invalidRequest("client authentication must not use more than one method")
	}
	return credentials{clientID: basicID, method: "client_secret_basic", secret: basicSecret}, nil
}

// readAsserted is readCredentials where there is a client assertion (RFC 7523
// section 2.2).
func readAsserted(header http.Header, f form) (credentials, *protocolError) {
	token := f.get("client_assertion")
	if f.get("client_assertion_type") != assertionType || token == "" {
		return credentials{}, invalidClient()
	}
	if len(header.Values("Authorization")) > 0 || f.get("client_secret") != "" {
		return credentials{}, invalidRequest("client authentication must not use more than one method")
	}
	id := assertedClient(token)
	if id == "" || f.get("client_id") != "" && f.get("client_id") != id {
		return credentials{}, invalidClient()
	}
	return credentials{clientID: id, method: methodKeyJWT, assertion: token}, nil
}

// readBasic reads an Authorization header: form-encoded id and secret, joined by
// a colon, in base64 (RFC 6749 section 2.3.1).
func readBasic(value string) (string, string, bool) {
	scheme, encoded, ok := strings.Cut(value, " ")
	if !ok || !strings.EqualFold(scheme, "Basic") || len(encoded) > 4096 {
		return "", "", false
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", "", false
	}
	id, secret, ok := strings.Cut(string(raw), ":")
	if !ok {
		return "", "", false
	}
	id, err = url.QueryUnescape(id)
	if err != nil || id == "" || faultOf("client_id", id) != "" {
		return "", "", false
	}
	secret, err = url.QueryUnescape(secret)
	if err != nil || secret == "" || faultOf("client_secret", secret) != "" {
		return "", "", false
	}
	return id, secret, true
}

var errClientAuth = errors.New("provider: client authentication failed")

// authenticate returns the client that c proves to be. An unknown client and a
// wrong secret cost the same and fail alike; a secret counts in the registered
// method only.
func (s *Server) authenticate(ctx context.Context, c credentials) (*storage.Client, error) {
	client, err := s.Clients.Client(ctx, c.clientID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	given := s.DB.ClientSecretMAC(c.clientID, c.secret)
	known := make([]byte, len(given))
	method := ""
	if client != nil {
		copy(known, client.SecretMAC)
		method = client.Metadata.TokenEndpointAuthMethod
	}
	right := subtle.ConstantTimeCompare(given, known) == 1
	switch {
	case client == nil:
		return nil, errClientAuth
	case c.method == "none" && slices.Contains(certificateMethods(), method):
		if err := s.checkCertificate(ctx, client, c.certificate); err != nil {
			return nil, fmt.Errorf("%w: %w", errClientAuth, err)
		}
		return client, nil
	case method != c.method:
		return nil, errClientAuth
	case method == methodKeyJWT:
		if err := s.checkAssertion(ctx, client, c.assertion); err != nil {
			return nil, err
		}
		return client, nil
	case method == "none":
		return client, nil
	case !right || client.SecretMAC == nil:
		return nil, errClientAuth
	default:
		return client, nil
	}
}

// caller is the client that a request to a machine endpoint proves to come from,
// or an error as op.WriteError writes it.
func (s *Server) caller(ctx context.Context, header http.Header, f form) (*storage.Client, error) {
	c, bad := readCredentials(header, f)
	if bad != nil {
		return nil, s.fail(ctx, bad, nil)
	}
	c.certificate = clientCertificate(ctx)
	client, err := s.authenticate(ctx, c)
	if errors.Is(err, errClientAuth) {
		return nil, s.fail(ctx, invalidClient(), err, "client_id", s.knownAs(ctx, c.clientID), "method", c.method)
	}
	if err != nil {
		return nil, s.fail(ctx, serverError(), err)
	}
	return client, nil
}
