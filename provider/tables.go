package provider

import (
	"slices"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

// What this provider supports. Discovery prints these tables and the handlers
// decide by them, so that neither can promise what the other does not keep.
// They are functions because a package variable could be changed.

// responseModes are those in the clear, and the signed ones of JARM.
func responseModes() []string {
	return []string{"query", "fragment", "form_post", "jwt", "query" + signedMode, "fragment" + signedMode, "form_post" + signedMode}
}

func grantTypes() []string {
	return []string{"authorization_code", "refresh_token", "client_credentials"}
}

// authMethods are the ways in which clients prove who they are.
func authMethods() []string {
	return slices.Concat([]string{"client_secret_basic", "client_secret_post", methodKeyJWT}, certificateMethods(), []string{"none"})
}

const methodKeyJWT = "private_key_jwt"

// certificateMethods are those of RFC 8705.
func certificateMethods() []string { return []string{"tls_client_auth", "self_signed_tls_client_auth"} }

// profileFAPI2 is the FAPI 2.0 Security Profile, as the value of iess_profile.
const profileFAPI2 = "fapi2"

// signingAlgs are the algorithms in which clients of a profile may sign.
func signingAlgs(profile string) []string {
	algs := idTokenAlgs()
	if profile == profileFAPI2 {
		algs = slices.DeleteFunc(algs, func(alg string) bool { return alg == "RS256" })
	}
	return algs
}

// proofAlgs are the algorithms of DPoP proofs.
func proofAlgs() []string { return signingAlgs(profileFAPI2) }

// requestAlgs are the algorithms of request objects.
func requestAlgs() []string { return signingAlgs(profileFAPI2) }

// tokenFormats are the forms of access tokens; the first is the default.
func tokenFormats() []string { return []string{"opaque", formatJWT} }

const formatJWT = "jwt"

func promptValues() []string { return []string{"none", "login", "consent", "select_account"} }

func displayValues() []string { return []string{"page", "popup", "touch", "wap"} }

func subjectTypes() []string { return []string{"pairwise", "public"} }

func uiLocales() []string { return []string{"es-EC", "en"} }

// acrValues are the levels a person can reach here, weakest first.
func acrValues() []string {
	return []string{"urn:iess:acr:clave", "urn:iess:acr:clave15", "urn:iess:acr:2fa", "urn:iess:acr:passkey"}
}

// defaultAlg signs the ID tokens of clients that ask for none in particular.
const defaultAlg = "ES256"

// idTokenAlgs are the algorithms a client may choose; RS256 is the one every
// OpenID client knows, and costs eighteen times ES256.
func idTokenAlgs() []string { return []string{defaultAlg, "RS256", "PS256", "EdDSA"} }

func joseAlgs() []jose.SignatureAlgorithm {
	var out []jose.SignatureAlgorithm
	for _, alg := range idTokenAlgs() {
		out = append(out, jose.SignatureAlgorithm(alg))
	}
	return out
}

// scopes are all scopes there are.
func scopes() []string {
	return slices.Concat([]string{storage.ScopeOpenID}, storage.PersonScopes(), []string{storage.ScopeOffline})
}

// protocolClaims are those every ID token may carry; the rest come from scopes.
func protocolClaims() []string {
	return []string{"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"}
}
