package provider

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"iess.gob.ec/clave/storage"
)

// minSecret is the fewest characters of a client secret: it is compared by a
// keyed hash, so it has to be random.
const minSecret = 32

// maxRenewalWindow is the longest a due renewal may wait for a running
// transaction, in seconds: one day.
const maxRenewalWindow = 24 * 60 * 60

// checkClient says what is wrong with a registration, or nil. A rule: it sees
// values only.
func checkClient(r Registration) error {
	for _, rule := range []func(Registration) error{checkName, checkChoices, checkGrants, checkSecret, checkKeys, checkCertificateNames, checkScope, checkResources, checkAddresses, checkSector, checkPromises} {
		if err := rule(r); err != nil {
			return err
		}
	}
	return nil
}

func checkName(r Registration) error {
	visible := func(c rune) bool { return c > 0x20 && c < 0x7f && c != ':' && c != '"' && c != '\\' }
	switch {
	case r.ID == "":
		return errors.New("client_id: is required")
	case len(r.ID) > 128 || strings.ContainsFunc(r.ID, func(c rune) bool { return !visible(c) }):
		return errors.New("client_id: up to 128 visible ASCII characters, without colon, quote and backslash")
	case len(r.ID) == 43 && !strings.ContainsFunc(r.ID, func(c rune) bool { return !base64URL(c) }):
		return errors.New("client_id: has the form of a person's sub, for which nobody may take it (RFC 9700 section 4.15)")
	case strings.TrimSpace(r.Metadata.ClientName) == "" || len(r.Metadata.ClientName) > 200:
		return errors.New("client_name: is required, up to 200 bytes: people read it")
	}
	for member, values := range map[string][]string{"client_name": {r.Metadata.ClientName}, "contacts": r.Metadata.Contacts} {
		for _, v := range values {
			if !clean(v, false) || len(v) > 200 {
				return fmt.Errorf("%s: holds characters that are not allowed, or more than 200 bytes", member)
			}
		}
	}
	return nil
}

func checkChoices(r Registration) error {
	m := r.Metadata
	for _, c := range []struct {
		member  string
		values  []string
		allowed []string
	}{
		{"application_type", []string{m.ApplicationType}, []string{"web", "native"}},
		{"token_endpoint_auth_method", []string{m.TokenEndpointAuthMethod}, authMethods()},
		{"grant_types", m.GrantTypes, grantTypes()},
		{"response_types", m.ResponseTypes, []string{"code"}},
		{"subject_type", []string{m.SubjectType}, subjectTypes()},
		{"id_token_signed_response_alg", []string{m.IDTokenSignedAlg}, idTokenAlgs()},
		{"default_acr_values", m.DefaultACRValues, acrValues()},
		{"iess_pkce", []string{m.PKCE}, []string{"required", "optional"}},
		{"token_endpoint_auth_signing_alg", optional(m.TokenEndpointAuthAlg), signingAlgs(m.Profile)},
		{"userinfo_signed_response_alg", optional(m.UserinfoSignedAlg), idTokenAlgs()},
		{"introspection_signed_response_alg", optional(m.IntrospectionSignedAlg), idTokenAlgs()},
		{"authorization_signed_response_alg", optional(m.AuthorizationSignedAlg), idTokenAlgs()},
		{"request_object_signing_alg", optional(m.RequestObjectAlg), requestAlgs()},
		{"iess_events", m.Events, storage.SecurityEvents()},
		{"iess_profile", optional(m.Profile), []string{profileFAPI2}},
		{"iess_access_token_format", optional(m.AccessTokenFormat), tokenFormats()},
	} {
		for i, v := range c.values {
			if !slices.Contains(c.allowed, v) {
				return fmt.Errorf("%s: %.64q is not supported; there are %s", c.member, v, strings.Join(c.allowed, ", "))
			}
			if slices.Contains(c.values[:i], v) {
				return fmt.Errorf("%s: %q is named twice", c.member, v)
			}
		}
	}
	public := m.TokenEndpointAuthMethod == "none"
	switch {
	case public && m.PKCE != "required":
		return errors.New("iess_pkce: a client without secret (token_endpoint_auth_method none) needs PKCE")
	case m.DefaultMaxAge != nil && (*m.DefaultMaxAge < 0 || *m.DefaultMaxAge > maxMaxAge):
		return fmt.Errorf("default_max_age: must be 0 to %d seconds", maxMaxAge)
	case m.RenewalWindow < 0 || m.RenewalWindow > maxRenewalWindow:
		return fmt.Errorf("iess_renewal_window: must be 0 to %d seconds", maxRenewalWindow)
	}
	return nil
}

// optional are the values of a member that may be left out.
func optional(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

func checkSecret(r Registration) error {
	switch {
	case r.secret == "":
		return nil // Apply knows whether one is on file
	case !secretMethod(r.Metadata.TokenEndpointAuthMethod):
		return fmt.Errorf("client_secret: contradicts token_endpoint_auth_method %s", r.Metadata.TokenEndpointAuthMethod)
	case len(r.secret) < minSecret || len(r.secret) > 512:
		return fmt.Errorf("client_secret: must have %d to 512 characters", minSecret)
	case strings.ContainsFunc(r.secret, func(c rune) bool { return c <= 0x20 || c >= 0x7f }):
		return errors.New("client_secret: must be visible ASCII characters")
	}
	distinct := map[rune]bool{}
	for _, c := range r.secret {
		distinct[c] = true
	}
	if len(distinct) < 10 {
		return errors.New("client_secret: must be random; this one repeats few characters")
	}
	return nil
}

func checkScope(r Registration) error {
	asked := strings.Fields(r.Metadata.Scope)
	machine := slices.Contains(r.Metadata.GrantTypes, "client_credentials")
	for i, scope := range asked {
		if !slices.Contains(scopes(), scope) && (!machine || !machineScopeToken(scope)) {
			return fmt.Errorf("scope: %.64q is not one of %s", scope, strings.Join(scopes(), ", "))
		}
		if slices.Contains(asked[:i], scope) {
			return fmt.Errorf("scope: %s is named twice", scope)
		}
	}
	signsIn := slices.Contains(r.Metadata.GrantTypes, "authorization_code")
	alone := r.Metadata.Profile == profileFAPI2 && slices.ContainsFunc(asked, func(scope string) bool { return slices.Contains(storage.PersonScopes(), scope) })
	if signsIn && !slices.Contains(asked, storage.ScopeOpenID) && !alone { // FAPI 2.0 is for OAuth without OpenID Connect too
		return errors.New("scope: must contain openid")
	}
	if !signsIn && slices.ContainsFunc(asked, func(scope string) bool { return slices.Contains(scopes(), scope) }) {
		return errors.New("scope: asks for people's data, yet grant_types has no authorization_code")
	}
	if slices.Contains(asked, storage.ScopeOffline) && !slices.Contains(r.Metadata.GrantTypes, "refresh_token") {
		return errors.New("scope: offline_access contradicts grant_types without refresh_token")
	}
	return nil
}

func checkAddresses(r Registration) error {
	m := r.Metadata
	switch signsIn := slices.Contains(m.GrantTypes, "authorization_code"); {
	case signsIn && len(m.RedirectURIs) == 0:
		return errors.New("redirect_uris: at least one is required")
	case !signsIn && len(m.RedirectURIs) > 0:
		return errors.New("redirect_uris: nobody is sent there, because grant_types has no authorization_code")
	}
	for member, uris := range map[string][]string{"redirect_uris": m.RedirectURIs, "post_logout_redirect_uris": m.PostLogoutRedirectURIs} {
		if len(uris) > 100 {
			return fmt.Errorf("%s: more than 100", member)
		}
		for i, uri := range uris {
			if err := checkRedirect(uri, m.ApplicationType == "native"); err != nil {
				return fmt.Errorf("%s: %.200q %w", member, uri, err)
			}
			if slices.Contains(uris[:i], uri) {
				return fmt.Errorf("%s: %q is named twice", member, uri)
			}
		}
	}
	for member, uri := range map[string]string{
		"client_uri": m.ClientURI, "logo_uri": m.LogoURI, "policy_uri": m.PolicyURI, "tos_uri": m.TOSURI,
		"initiate_login_uri": m.InitiateLoginURI, "sector_identifier_uri": m.SectorIdentifier,
		"backchannel_logout_uri": m.BackchannelLogoutURI,
		"iess_events_uri":        m.EventsURI,
		"jwks_uri":               m.JWKSURI,
	} {
		if uri == "" {
			continue
		}
		if err := checkRedirect(uri, false); err != nil {
			return fmt.Errorf("%s: %.200q %w", member, uri, err)
		}
	}
	if m.BackchannelLogoutSessionRequired && m.BackchannelLogoutURI == "" {
		return errors.New("backchannel_logout_session_required: there is no backchannel_logout_uri to send a session to")
	}
	switch {
	case len(m.Events) > 0 && m.EventsURI == "":
		return errors.New("iess_events: there is no iess_events_uri to send them to")
	case len(m.Events) == 0 && m.EventsURI != "":
		return errors.New("iess_events_uri: iess_events names nothing to send there")
	case len(m.Events) > 0 && !slices.Contains(m.GrantTypes, "authorization_code"):
		return errors.New("iess_events: nobody signs in to this client, so there is nobody of whom it could be told")
	}
	return nil
}

// checkRedirect says what is wrong with an address to which browsers, or tokens of
// logouts and security events, will be sent, to the letter.
func checkRedirect(uri string, native bool) error {
	if len(uri) > 2000 || strings.ContainsFunc(uri, func(c rune) bool { return c <= 0x20 || c >= 0x7f || strings.ContainsRune("\\\"<>^`{|}*", c) }) {
		return errors.New("holds characters that are not allowed, or more than 2000 bytes")
	}
	u, err := url.Parse(uri)
	if err != nil || !u.IsAbs() {
		return errors.New("is not an absolute URI")
	}
	switch {
	case strings.Contains(uri, "#"):
		return errors.New("must have no fragment")
	case u.User != nil:
		return errors.New("must have no user information")
	case slices.ContainsFunc(strings.Split(u.Path, "/"), func(s string) bool { return s == "." || s == ".." }):
		return errors.New("must have no dot segments")
	case u.Scheme == "https" && u.Hostname() != "":
		return nil
	case u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	case u.Scheme == "http" || u.Scheme == "https":
		return errors.New("must be https; http is for loopback only")
	case native && strings.Contains(u.Scheme, "."): // RFC 8252 section 7.1: a domain turned round
		return nil
	case native:
		return errors.New("must be https, http on loopback, or a scheme like ec.gob.iess.app")
	default:
		return errors.New("must be https; other schemes are for application_type native")
	}
}

// checkSector makes sure that a pairwise sub has one sector (OpenID Core 8.1).
func checkSector(r Registration) error {
	m := r.Metadata
	if m.SubjectType == "public" || m.SectorIdentifier != "" {
		return nil
	}
	first := ""
	for _, uri := range m.RedirectURIs {
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "https" || loopback(u.Hostname()) {
			continue
		}
		if first != "" && !strings.EqualFold(u.Hostname(), first) {
			return errors.New("redirect_uris: name several hosts, so a pairwise sub needs a sector_identifier_uri")
		}
		first = u.Hostname()
	}
	return nil
}
