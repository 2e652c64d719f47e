package provider

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

// secretMethod reports whether clients prove themselves by a secret in method.
func secretMethod(method string) bool {
	return method == "client_secret_basic" || method == "client_secret_post"
}

// checkKeys makes sure that a client can prove itself by keys where it is to, and
// says nothing of keys where it is not.
func checkKeys(r Registration) error {
	m := r.Metadata
	method := m.TokenEndpointAuthMethod
	byKey := method == methodKeyJWT || method == "self_signed_tls_client_auth"
	switch {
	case len(m.JWKS) > 0 && m.JWKSURI != "":
		return errors.New("jwks: contradicts jwks_uri; name one of them (RFC 7591 section 2)")
	case byKey && len(m.JWKS) == 0 && m.JWKSURI == "":
		return fmt.Errorf("jwks: token_endpoint_auth_method %s needs jwks or jwks_uri", method)
	case m.TokenEndpointAuthAlg != "" && method != methodKeyJWT:
		return errors.New("token_endpoint_auth_signing_alg: is for token_endpoint_auth_method private_key_jwt")
	case len(m.JWKS) == 0:
		return nil
	}
	set, err := parseClientKeys(m.JWKS)
	if err != nil {
		return fmt.Errorf("jwks: %w", err)
	}
	switch {
	case len(set.Keys) == 0:
		return errors.New("jwks: holds no key of a kind that is supported: RSA, EC P-256, Ed25519")
	case method == methodKeyJWT && !slices.ContainsFunc(assertionAlgsOf(m), func(alg string) bool {
		return slices.ContainsFunc(set.Keys, func(k jose.JSONWebKey) bool { return serves(k, alg, "") })
	}):
		return fmt.Errorf("jwks: holds no key that signs with %s", strings.Join(assertionAlgsOf(m), ", "))
	case method == "self_signed_tls_client_auth" && !slices.ContainsFunc(set.Keys, func(k jose.JSONWebKey) bool { return len(k.Certificates) > 0 }):
		return errors.New("jwks: self_signed_tls_client_auth needs keys with their certificate (x5c)")
	}
	for i, k := range set.Keys {
		if k.KeyID == "" && len(set.Keys) > 1 {
			return fmt.Errorf("jwks: key %d has no kid, and there are several", i)
		}
		if slices.ContainsFunc(set.Keys[:i], func(o jose.JSONWebKey) bool { return o.KeyID == k.KeyID }) {
			return fmt.Errorf("jwks: the kid %.64q is given twice", k.KeyID)
		}
	}
	return nil
}

// checkCertificateNames makes sure that a client of tls_client_auth says what its
// certificate names, one thing only (RFC 8705 section 2.1.2).
func checkCertificateNames(r Registration) error {
	m := r.Metadata
	var named []string
	for member, value := range map[string]string{
		"tls_client_auth_subject_dn": m.TLSSubjectDN, "tls_client_auth_san_dns": m.TLSSANDNS, "tls_client_auth_san_uri": m.TLSSANURI,
		"tls_client_auth_san_ip": m.TLSSANIP, "tls_client_auth_san_email": m.TLSSANEmail,
	} {
		if value == "" {
			continue
		}
		if len(value) > 1000 || !clean(value, false) {
			return fmt.Errorf("%s: holds characters that are not allowed, or more than 1000 bytes", member)
		}
		named = append(named, member)
	}
	slices.Sort(named)
	switch pki := m.TokenEndpointAuthMethod == "tls_client_auth"; {
	case pki && len(named) != 1:
		return errors.New("tls_client_auth_subject_dn: token_endpoint_auth_method tls_client_auth needs it or one tls_client_auth_san_ member, and only one")
	case !pki && len(named) > 0:
		return fmt.Errorf("%s: is for token_endpoint_auth_method tls_client_auth", named[0])
	case m.TLSSANIP != "" && net.ParseIP(m.TLSSANIP) == nil:
		return errors.New("tls_client_auth_san_ip: is not an IP address")
	}
	return nil
}

// checkGrants makes sure that what a client may do fits together.
func checkGrants(r Registration) error {
	m := r.Metadata
	signsIn, machine := slices.Contains(m.GrantTypes, "authorization_code"), slices.Contains(m.GrantTypes, "client_credentials")
	public := m.TokenEndpointAuthMethod == "none"
	switch {
	case !signsIn && !machine && m.ResourceServer == "":
		return errors.New("grant_types: must contain authorization_code or client_credentials; only a resource server (iess_resource_server) needs neither")
	case !signsIn && slices.Contains(m.GrantTypes, "refresh_token"):
		return errors.New("grant_types: refresh_token needs authorization_code")
	case signsIn && len(m.ResponseTypes) == 0:
		return errors.New("response_types: must be [\"code\"]")
	case !signsIn && len(m.ResponseTypes) > 0:
		return errors.New("response_types: must be [], because grant_types has no authorization_code")
	case public && machine:
		return errors.New("grant_types: client_credentials contradicts token_endpoint_auth_method none (RFC 6749 section 4.4)")
	case public && m.ResourceServer != "":
		return errors.New("iess_resource_server: contradicts token_endpoint_auth_method none: anybody could introspect")
	case machine && len(machineScopes(m)) == 0:
		return errors.New("scope: client_credentials needs a scope of a resource server, such as historia:leer")
	}
	return checkResourceServer(m)
}

// machineScopeToken reports whether scope may be one that says nothing of a person
// (RFC 6749 section 3.3).
func machineScopeToken(scope string) bool {
	return len(scope) <= 128 && !storage.Marked(scope) &&
		!strings.ContainsFunc(scope, func(c rune) bool { return c <= 0x20 || c >= 0x7f || c == '"' || c == '\\' })
}
