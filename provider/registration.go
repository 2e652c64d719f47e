package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"iess.gob.ec/clave/storage"
)

// Audit events about registered applications.
const (
	eventClientApplied  = "client.applied"
	eventClientDisabled = "client.disabled"
)

// maxClientFile bounds an applications file.
const maxClientFile = 8 << 20

// ErrNoSecret says that an application has a client_secret neither in its file nor
// on file.
var ErrNoSecret = errors.New("client_secret: there is none on file; write one of 32 random characters or more")

// Registration is one application of an applications file, checked and with
// every default filled in.
type Registration struct {
	ID       string
	Metadata storage.ClientMetadata
	secret   string // "": the one on file stays
}

// ParseClients reads an applications file: a JSON array of client metadata
// (RFC 7591, contract.md section 4). Any unknown, repeated, contradictory or
// unsupported member refuses the whole file; the error names the index, the
// client and the reason, one line for each.
func ParseClients(data []byte) ([]Registration, error) {
	if len(data) > maxClientFile {
		return nil, fmt.Errorf("the file is larger than %d MiB", maxClientFile>>20)
	}
	// Elements are checked one by one below, so that the error can name them.
	var elements []json.RawMessage
	if err := json.Unmarshal(data, &elements); err != nil {
		return nil, fmt.Errorf("the file must be a JSON array of applications: %w", err)
	}
	var out []Registration
	var errs []error
	seen := map[string]int{}
	for i, element := range elements {
		r, err := parseClient(element)
		if at, twice := seen[r.ID]; err == nil && twice {
			err = fmt.Errorf("client_id: already at index %d", at)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("index %d, client %s: %w", i, named(r.ID), err))
			continue
		}
		seen[r.ID] = i
		out = append(out, r)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return out, nil
}

func named(id string) string {
	if id == "" {
		return "without client_id"
	}
	return fmt.Sprintf("%.64q", id)
}

// parseClient reads one application. Where it fails, the result names the client
// if its client_id could be read.
func parseClient(element json.RawMessage) (Registration, error) {
	var r Registration
	var members map[string]json.RawMessage
	if err := json.Unmarshal(element, &members); err != nil || members == nil {
		return r, errors.New("must be a JSON object")
	}
	_ = json.Unmarshal(members["client_id"], &r.ID) // its fault is told below
	if err := checkJSON(element); err != nil {
		return r, err
	}
	known := map[string]json.RawMessage{}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		value := members[name]
		switch off, later := unsupported(name); {
		case later && off != "" && string(value) == off: // asked for nothing
		case later:
			return r, fmt.Errorf("%s: not supported by this version", name)
		case !slices.Contains(knownMembers(), name):
			return r, fmt.Errorf("%.64q: unknown member", name)
		case string(value) == "null":
			return r, fmt.Errorf("%s: null is no value; leave it out", name)
		default:
			known[name] = value
		}
	}
	joined, err := json.Marshal(known)
	if err != nil {
		return r, err
	}
	var file struct {
		storage.ClientMetadata
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	d := json.NewDecoder(bytes.NewReader(joined))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return r, fmt.Errorf("%s: must not be a JSON %s", strings.TrimPrefix(wrong.Field, "ClientMetadata."), wrong.Value)
		}
		return r, err
	}
	r.ID, r.secret, r.Metadata = file.ClientID, file.ClientSecret, withDefaults(file.ClientMetadata)
	if err := refuseBroken(r.Metadata, known); err != nil {
		return r, err
	}
	return r, checkClient(r)
}

func withDefaults(m storage.ClientMetadata) storage.ClientMetadata {
	for _, d := range []struct {
		to     *string
		normal string
	}{
		{&m.ApplicationType, "web"},
		{&m.TokenEndpointAuthMethod, "client_secret_basic"},
		{&m.SubjectType, "pairwise"},
		{&m.IDTokenSignedAlg, defaultAlg},
		{&m.PKCE, "required"},
	} {
		if *d.to == "" {
			*d.to = d.normal
		}
	}
	if m.GrantTypes == nil {
		m.GrantTypes = []string{"authorization_code"}
	}
	signsIn := slices.Contains(m.GrantTypes, "authorization_code")
	if m.ResponseTypes == nil && signsIn {
		m.ResponseTypes = []string{"code"}
	}
	if m.Scope == "" && signsIn {
		m.Scope = storage.ScopeOpenID
	}
	m.Scope = strings.Join(strings.Fields(m.Scope), " ")
	return withProfile(m)
}

// knownMembers are the members this version honours.
func knownMembers() []string {
	return slices.Concat([]string{
		"client_id", "client_secret", "client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri", "contacts",
		"application_type", "redirect_uris", "post_logout_redirect_uris", "initiate_login_uri", "token_endpoint_auth_method",
		"grant_types", "response_types", "scope", "subject_type", "sector_identifier_uri", "id_token_signed_response_alg",
		"default_max_age", "default_acr_values", "require_auth_time", "iess_first_party", "iess_pkce", "iess_access_token_format",
		"iess_renewal_window", "backchannel_logout_uri", "backchannel_logout_session_required", "iess_events", "iess_events_uri", "jwks", "jwks_uri", "token_endpoint_auth_signing_alg", "tls_client_auth_subject_dn", "tls_client_auth_san_dns",
		"tls_client_auth_san_uri", "tls_client_auth_san_ip", "tls_client_auth_san_email", "userinfo_signed_response_alg",
		"introspection_signed_response_alg", "iess_resource_server", "iess_resources",
	}, promises())
}

// unsupported reports whether a member of the registry, or of ours, is one this
// version cannot honour, and the value, if any, that asks for nothing.
func unsupported(name string) (string, bool) {
	off, ok := map[string]string{
		"software_statement":              "",
		"id_token_encrypted_response_alg": "", "id_token_encrypted_response_enc": "",
		"userinfo_encrypted_response_alg": "", "userinfo_encrypted_response_enc": "",
		"request_object_encryption_alg": "", "request_object_encryption_enc": "", "request_uris": "",
		"authorization_encrypted_response_alg": "", "authorization_encrypted_response_enc": "",
		"frontchannel_logout_uri": "", "frontchannel_logout_session_required": "false",
		"backchannel_token_delivery_mode": "", "backchannel_client_notification_endpoint": "",
		"backchannel_authentication_request_signing_alg": "", "backchannel_user_code_parameter": "false",
		"authorization_details_types":          "",
		"introspection_encrypted_response_alg": "", "introspection_encrypted_response_enc": "",
		"software_id": "", "software_version": "", "client_id_issued_at": "", "client_secret_expires_at": "0",
		"registration_access_token": "", "registration_client_uri": "",
	}[name]
	return off, ok
}

// Algs are the algorithms in which the provider signs for the application.
func (r Registration) Algs() []string { return signedAlgs(r.Metadata) }

// signedAlgs are those m names for what is signed by us.
func signedAlgs(m storage.ClientMetadata) []string {
	var out []string
	for _, alg := range []string{m.IDTokenSignedAlg, m.UserinfoSignedAlg, m.IntrospectionSignedAlg, m.AuthorizationSignedAlg} {
		if alg != "" && !slices.Contains(out, alg) {
			out = append(out, alg)
		}
	}
	return out
}

// Apply registers the application in tx, or replaces what is registered under
// its id, enabled, with an audit row. Without a secret, of its own or on file, it
// is ErrNoSecret.
func (r Registration) Apply(ctx context.Context, tx *storage.Tx, now time.Time) error {
	c := storage.Client{ID: r.ID, Metadata: r.Metadata, UpdatedAt: storage.At(now)}
	if r.secret != "" {
		c.SecretMAC = tx.ClientSecretMAC(r.ID, r.secret)
	} else if secretMethod(r.Metadata.TokenEndpointAuthMethod) {
		old, err := tx.Client(ctx, r.ID)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		if err != nil || old.SecretMAC == nil {
			return fmt.Errorf("client %s: %w", named(r.ID), ErrNoSecret)
		}
	}
	if err := tx.SaveClient(ctx, c); err != nil {
		return err
	}
	return tx.Audit(ctx, storage.Event{
		At: storage.At(now), Name: eventClientApplied, ClientID: r.ID, Actor: "operator",
		Detail: map[string]string{"name": r.Metadata.ClientName, "scope": r.Metadata.Scope, "auth": r.Metadata.TokenEndpointAuthMethod},
	})
}

// DisableClient refuses the application from now on and revokes what it holds,
// with an audit row. An unknown one is storage.ErrNotFound.
func DisableClient(ctx context.Context, tx *storage.Tx, id, reason string, now time.Time) error {
	if err := tx.DisableClient(ctx, id, now); err != nil {
		return err
	}
	return tx.Audit(ctx, storage.Event{
		At: storage.At(now), Name: eventClientDisabled, ClientID: id, Actor: "operator", Detail: map[string]string{"reason": reason},
	})
}
