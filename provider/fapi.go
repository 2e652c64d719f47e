package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"iess.gob.ec/clave/storage"
)

// promises are the members by which an application promises how it behaves, so that
// nobody can act in its name who does not.
func promises() []string {
	return []string{
		"require_pushed_authorization_requests", "require_signed_request_object", "request_object_signing_alg",
		"authorization_signed_response_alg", "dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens", "iess_profile",
	}
}

// withProfile adds to m what its profile makes true.
func withProfile(m storage.ClientMetadata) storage.ClientMetadata {
	if m.Profile == profileFAPI2 && slices.Contains(m.GrantTypes, "authorization_code") {
		m.RequirePAR = true
	}
	return m
}

// refuseBroken says which member of a file takes back what its profile makes true,
// or nil: after withProfile nobody could tell.
func refuseBroken(m storage.ClientMetadata, given map[string]json.RawMessage) error {
	const name = "require_pushed_authorization_requests"
	if m.Profile == profileFAPI2 && m.RequirePAR && string(given[name]) == "false" {
		return errors.New(name + ": false contradicts iess_profile fapi2, which takes pushed requests only")
	}
	return nil
}

// checkPromises makes sure that what a client promises can be kept.
func checkPromises(r Registration) error {
	m := r.Metadata
	public, signsIn := m.TokenEndpointAuthMethod == "none", slices.Contains(m.GrantTypes, "authorization_code")
	keys := len(m.JWKS) > 0 || m.JWKSURI != ""
	if m.Profile == profileFAPI2 {
		if err := checkFAPI2(m); err != nil {
			return err
		}
	}
	switch {
	case m.RequirePAR && public:
		return errors.New("require_pushed_authorization_requests: contradicts token_endpoint_auth_method none: only who authenticates may push")
	case m.RequireRequestObject && !keys:
		return errors.New("require_signed_request_object: needs jwks or jwks_uri, whose keys sign")
	case m.RequestObjectAlg != "" && !keys:
		return errors.New("request_object_signing_alg: needs jwks or jwks_uri, whose keys sign")
	case !signsIn && (m.RequirePAR || m.RequireRequestObject || m.RequestObjectAlg != "" || m.AuthorizationSignedAlg != ""):
		return errors.New("require_pushed_authorization_requests: is about authorization requests, yet grant_types has no authorization_code")
	default:
		return nil
	}
}

// checkFAPI2 makes sure that m can be served by the FAPI 2.0 Security Profile
// (sections 5.3.2.1, 5.3.2.2 and 5.4).
func checkFAPI2(m storage.ClientMetadata) error {
	strong := slices.Concat([]string{methodKeyJWT}, certificateMethods())
	switch {
	case !slices.Contains(strong, m.TokenEndpointAuthMethod):
		return fmt.Errorf("token_endpoint_auth_method: iess_profile fapi2 takes %s only", strings.Join(strong, ", "))
	case !constrained(m):
		return errors.New("dpop_bound_access_tokens: iess_profile fapi2 needs it or tls_client_certificate_bound_access_tokens")
	case m.PKCE != "required":
		return errors.New("iess_pkce: contradicts iess_profile fapi2, which needs PKCE")
	}
	for member, alg := range map[string]string{
		"id_token_signed_response_alg": m.IDTokenSignedAlg, "userinfo_signed_response_alg": m.UserinfoSignedAlg,
		"introspection_signed_response_alg": m.IntrospectionSignedAlg, "authorization_signed_response_alg": m.AuthorizationSignedAlg,
	} {
		if alg != "" && !slices.Contains(signingAlgs(profileFAPI2), alg) {
			return fmt.Errorf("%s: %s contradicts iess_profile fapi2; there are %s", member, alg, strings.Join(signingAlgs(profileFAPI2), ", "))
		}
	}
	for _, uri := range m.RedirectURIs {
		if u, err := url.Parse(uri); err != nil || u.Scheme == "http" && m.ApplicationType != "native" {
			return fmt.Errorf("redirect_uris: %.200q must be https under iess_profile fapi2", uri)
		}
	}
	return nil
}
