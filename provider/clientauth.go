package provider

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"iess.gob.ec/clave/storage"
)

// credentials are what a caller of the token endpoint says about itself.
type credentials struct {
	clientID string
	method   string // the one of authMethods it used
	secret   string
}

func invalidClient() *protocolError {
	return &protocolError{"invalid_client", "the client could not be authenticated"}
}

// readCredentials finds the one way in which the caller authenticates (RFC 6749
// section 2.3). Two at once are refused.
func readCredentials(header http.Header, f form) (credentials, *protocolError) {
	if f.get("client_assertion") != "" || f.get("client_assertion_type") != "" {
		return credentials{}, &protocolError{"invalid_client", "client assertions are not supported"}
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
			return credentials{id, "client_secret_post", secret}, nil
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
	return credentials{basicID, "client_secret_basic", basicSecret}, nil
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
	case client == nil || method != c.method:
		return nil, errClientAuth
	case method == "none":
		return client, nil
	case !right || client.SecretMAC == nil:
		return nil, errClientAuth
	default:
		return client, nil
	}
}
