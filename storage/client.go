package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// ClientMetadata describes an application with the members of the IANA OAuth
// Dynamic Client Registration registry (RFC 7591) and ours (iess_…). What may
// stand in them, and defaults, is provider's rule; stored ones are complete.
type ClientMetadata struct {
	ClientName              string   `json:"client_name"`
	ClientURI               string   `json:"client_uri,omitempty"`
	LogoURI                 string   `json:"logo_uri,omitempty"`
	PolicyURI               string   `json:"policy_uri,omitempty"`
	TOSURI                  string   `json:"tos_uri,omitempty"`
	Contacts                []string `json:"contacts,omitempty"`
	ApplicationType         string   `json:"application_type"` // web, native
	RedirectURIs            []string `json:"redirect_uris,omitempty"`
	PostLogoutRedirectURIs  []string `json:"post_logout_redirect_uris,omitempty"`
	InitiateLoginURI        string   `json:"initiate_login_uri,omitempty"`
	TokenEndpointAuthMethod string   `json:"token_endpoint_auth_method"` // client_secret_basic, private_key_jwt, none, …
	TokenEndpointAuthAlg    string   `json:"token_endpoint_auth_signing_alg,omitempty"`
	GrantTypes              []string `json:"grant_types"`
	ResponseTypes           []string `json:"response_types"`
	Scope                   string   `json:"scope"`        // what the application may ask, space-separated
	SubjectType             string   `json:"subject_type"` // pairwise, public
	SectorIdentifier        string   `json:"sector_identifier_uri,omitempty"`
	IDTokenSignedAlg        string   `json:"id_token_signed_response_alg"`
	DefaultMaxAge           *int64   `json:"default_max_age,omitempty"` // seconds
	DefaultACRValues        []string `json:"default_acr_values,omitempty"`
	RequireAuthTime         bool     `json:"require_auth_time,omitempty"`
	FirstParty              bool     `json:"iess_first_party,omitempty"` // notice instead of consent
	PKCE                    string   `json:"iess_pkce"`                  // required, optional
	// RenewalWindow is for how many seconds a clave that falls due may wait for a
	// transaction that runs at this application; 0: it does not wait.
	RenewalWindow int64 `json:"iess_renewal_window,omitempty"`
	// BackchannelLogoutURI is where the application takes logout tokens; "":
	// nowhere. Each names the session, whether the application requires it or not.
	BackchannelLogoutURI             string `json:"backchannel_logout_uri,omitempty"`
	BackchannelLogoutSessionRequired bool   `json:"backchannel_logout_session_required,omitempty"`
	// Events are the types of security events that are pushed (RFC 8935) to EventsURI.
	Events    []string `json:"iess_events,omitempty"`
	EventsURI string   `json:"iess_events_uri,omitempty"`

	// The application's public keys: a JWK set, or where it serves one.
	JWKS    json.RawMessage `json:"jwks,omitempty"`
	JWKSURI string          `json:"jwks_uri,omitempty"`

	// What a certificate of tls_client_auth must name (RFC 8705 section 2.1.2).
	TLSSubjectDN string `json:"tls_client_auth_subject_dn,omitempty"`
	TLSSANDNS    string `json:"tls_client_auth_san_dns,omitempty"`
	TLSSANURI    string `json:"tls_client_auth_san_uri,omitempty"`
	TLSSANIP     string `json:"tls_client_auth_san_ip,omitempty"`
	TLSSANEmail  string `json:"tls_client_auth_san_email,omitempty"`

	UserinfoSignedAlg      string `json:"userinfo_signed_response_alg,omitempty"`      // "": plain JSON
	IntrospectionSignedAlg string `json:"introspection_signed_response_alg,omitempty"` // "": plain JSON

	// What the application promises, so that nobody can ask in its name without.
	RequirePAR           bool `json:"require_pushed_authorization_requests,omitempty"`      // RFC 9126
	RequireRequestObject bool `json:"require_signed_request_object,omitempty"`              // RFC 9101
	DPoPBound            bool `json:"dpop_bound_access_tokens,omitempty"`                   // RFC 9449
	CertificateBound     bool `json:"tls_client_certificate_bound_access_tokens,omitempty"` // RFC 8705

	RequestObjectAlg       string `json:"request_object_signing_alg,omitempty"`        // "": any that is supported
	AuthorizationSignedAlg string `json:"authorization_signed_response_alg,omitempty"` // "": that of its ID tokens

	Profile           string `json:"iess_profile,omitempty"`             // "", fapi2
	AccessTokenFormat string `json:"iess_access_token_format,omitempty"` // "" is opaque; jwt
	ResourceServer    string `json:"iess_resource_server,omitempty"`     // the audience for which the client may introspect
	// Resources are the audiences for which the application may ask for tokens
	// (RFC 8707), beside our own. nil: all that are registered for an application of
	// the IESS, none for another; empty: none.
	Resources []string `json:"iess_resources,omitzero"`
}

// Client is a registered application.
type Client struct {
	ID         string
	Metadata   ClientMetadata
	SecretMAC  []byte // nil: no secret
	DisabledAt Instant
	CreatedAt  Instant
	UpdatedAt  Instant
}

// ClientSecretMAC is how a client's secret is stored and compared: a keyed hash
// suffices because the secret is high entropy (design.md section 3).
func (r reads) ClientSecretMAC(clientID, secret string) []byte {
	return r.db.cfg.Keys.MAC("client_secret", clientID+"\x00"+secret)
}

func (r reads) clients(ctx context.Context, where string, args ...any) ([]Client, error) {
	var rows []struct {
		ID         string  `db:"id"`
		Metadata   string  `db:"metadata"`
		SecretMAC  []byte  `db:"secret_mac"`
		DisabledAt Instant `db:"disabled_at"`
		CreatedAt  Instant `db:"created_at"`
		UpdatedAt  Instant `db:"updated_at"`
	}
	err := r.list(ctx, &rows, `SELECT id, metadata, secret_mac, disabled_at, created_at, updated_at FROM client `+where+` ORDER BY id`, args...)
	if err != nil {
		return nil, fmt.Errorf("storage: clients: %w", err)
	}
	out := make([]Client, len(rows))
	for i, row := range rows {
		out[i] = Client{ID: row.ID, SecretMAC: row.SecretMAC, DisabledAt: row.DisabledAt, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt}
		if err := json.Unmarshal([]byte(row.Metadata), &out[i].Metadata); err != nil {
			return nil, fmt.Errorf("storage: client %s: metadata: %w", row.ID, err)
		}
	}
	return out, nil
}

// Clients returns every registered application, disabled ones too, by id.
func (r reads) Clients(ctx context.Context) ([]Client, error) { return r.clients(ctx, ``) }

// Client returns one registered application, disabled or not.
func (r reads) Client(ctx context.Context, id string) (*Client, error) {
	out, err := r.clients(ctx, `WHERE id = ?`, id)
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("storage: client: %w", ErrNotFound)
	}
	return &out[0], nil
}

// SaveClient registers c or replaces its metadata, enabled. A nil SecretMAC
// keeps the secret on file. Whoever caches clients is told (RevisionClient).
func (tx *Tx) SaveClient(ctx context.Context, c Client) error {
	metadata, err := json.Marshal(c.Metadata)
	if err != nil {
		return fmt.Errorf("storage: client metadata: %w", err)
	}
	err = tx.run(ctx, `INSERT INTO client (id, metadata, secret_mac, disabled_at, created_at, updated_at, backchannel_logout_uri, events)
		VALUES (?, ?, ?, 0, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET metadata = excluded.metadata, secret_mac = COALESCE(excluded.secret_mac, client.secret_mac),
		disabled_at = 0, updated_at = excluded.updated_at, backchannel_logout_uri = excluded.backchannel_logout_uri,
		events = excluded.events`,
		c.ID, string(metadata), c.SecretMAC, c.UpdatedAt, c.UpdatedAt, c.Metadata.BackchannelLogoutURI, subscribed(c.Metadata))
	if err != nil {
		return fmt.Errorf("storage: save client: %w", err)
	}
	return tx.bump(ctx, RevisionClient)
}

// DisableClient refuses the application from now on and revokes all it holds.
func (tx *Tx) DisableClient(ctx context.Context, id string, now time.Time) error {
	n, err := tx.exec(ctx, `UPDATE client SET disabled_at = ?, updated_at = ? WHERE id = ?`, At(now), At(now), id)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err == nil {
		err = tx.run(ctx, `UPDATE oauth_grant SET revoked_at = ?, revoked_reason = 'client disabled' WHERE client_id = ? AND revoked_at = 0`, At(now), id)
	}
	if err == nil { // those of client_credentials have no grant
		err = tx.run(ctx, `DELETE FROM access_token WHERE client_id = ? AND grant_id = ''`, id)
	}
	if err != nil {
		return fmt.Errorf("storage: disable client: %w", err)
	}
	return tx.bump(ctx, RevisionClient)
}
