package provider

import (
	"slices"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

// What this provider supports. Discovery prints these tables and the handlers
// decide by them, so that neither can promise what the other does not keep.
// They are functions because a package variable could be changed.

func responseModes() []string { return []string{"query", "fragment", "form_post"} }

func grantTypes() []string { return []string{"authorization_code", "refresh_token"} }

func authMethods() []string { return []string{"client_secret_basic", "client_secret_post", "none"} }

func promptValues() []string { return []string{"none", "login", "consent", "select_account"} }

func displayValues() []string { return []string{"page", "popup", "touch", "wap"} }

func subjectTypes() []string { return []string{"pairwise", "public"} }

func uiLocales() []string { return []string{"es-EC", "en"} }

// acrValues are the levels a person can reach here, weakest first.
func acrValues() []string { return []string{"urn:iess:acr:clave", "urn:iess:acr:clave15"} }

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
