package provider

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"iess.gob.ec/clave/storage"
)

// maxMaxAge bounds max_age, in seconds: ten years mean "whenever".
const maxMaxAge = 10 * 365 * 24 * 3600

// readAuthorization turns the parameters of an authorization request (OpenID
// Core 3.1.2.1, RFC 6749 section 4.1.1, RFC 7636) into what is stored of it.
// The caller has found c, taken the request object out of f (unwrap) and checked
// the redirect URI. hintedSub returns the sub of an id_token_hint given to c, or an
// error.
func readAuthorization(c *storage.Client, f form, hintedSub func(string) (string, error)) (storage.AuthRequest, *protocolError) {
	q := storage.AuthRequest{ClientID: c.ID, RedirectURI: f.get("redirect_uri"), State: f.get("state"), Nonce: f.get("nonce")}
	for _, step := range []func() *protocolError{
		f.check,
		func() *protocolError { return refuseUnsupported(f) },
		func() *protocolError { return readResponse(&q, c, f) },
		func() *protocolError { return readScope(&q, c, f) },
		func() *protocolError { return readPKCE(&q, c, f) },
		func() *protocolError { return readKey(&q.Params, f) },
		func() *protocolError { return readPrompt(&q.Params, c, f) },
		func() *protocolError { return readWishes(&q, c, f, hintedSub) },
	} {
		if err := step(); err != nil {
			return storage.AuthRequest{}, err
		}
	}
	return q, nil
}

// refuseUnsupported names security parameters that must not be ignored.
func refuseUnsupported(f form) *protocolError {
	for _, p := range []struct{ name, code, description string }{
		{"request_uri", "request_uri_not_supported", "request objects by reference are not supported"},
		{"registration", "registration_not_supported", "the registration parameter is not supported"},
	} {
		if f.get(p.name) != "" {
			return &protocolError{p.code, p.description}
		}
	}
	return nil
}

func readResponse(q *storage.AuthRequest, c *storage.Client, f form) *protocolError {
	mode, ok := responseMode(f)
	if !ok {
		return invalidRequest("the response_mode is not supported")
	}
	q.ResponseMode = mode
	switch f.get("response_type") {
	case "code":
	case "":
		return invalidRequest("response_type is missing")
	default:
		return &protocolError{"unsupported_response_type", "only the response_type code is supported"}
	}
	if !slices.Contains(c.Metadata.GrantTypes, "authorization_code") {
		return &protocolError{"unauthorized_client", "the client is not registered for the authorization code grant"}
	}
	return nil
}

// responseMode is the mode in which an answer to f goes out, and whether f asked
// for one that exists. Without a good one it is query.
func responseMode(f form) (string, bool) {
	switch mode := f.get("response_mode"); {
	case mode == "" && len(f["response_mode"]) < 2:
		return "query", true
	case slices.Contains(responseModes(), mode):
		return wholeMode(mode), true
	default:
		return "query", false
	}
}

// readScope keeps the scopes that exist and that the client may ask; others are
// ignored (OpenID Core 3.1.2.1) and missing from the token's answer. Without openid
// the request is refused, except by an application that is registered without it.
func readScope(q *storage.AuthRequest, c *storage.Client, f form) *protocolError {
	asked := strings.Fields(f.get("scope"))
	allowed := clientScopes(c)
	var granted []string
	for _, scope := range scopes() {
		if slices.Contains(asked, scope) && slices.Contains(allowed, scope) {
			granted = append(granted, scope)
		}
	}
	switch {
	case slices.Contains(granted, storage.ScopeOpenID):
	case slices.Contains(allowed, storage.ScopeOpenID):
		return &protocolError{"invalid_scope", "the scope must contain openid"}
	case len(granted) == 0 || granted[0] == storage.ScopeOffline:
		return &protocolError{"invalid_scope", "the scope has nothing that the client may get of a person"}
	}
	q.Scope = strings.Join(granted, " ")
	return nil
}

// clientScopes are the scopes c may ask for and get.
func clientScopes(c *storage.Client) []string {
	allowed := strings.Fields(c.Metadata.Scope)
	if !slices.Contains(c.Metadata.GrantTypes, "refresh_token") {
		allowed = slices.DeleteFunc(allowed, func(s string) bool { return s == storage.ScopeOffline })
	}
	return allowed
}

// readPKCE takes S256 only (RFC 9700 section 2.1.1). A method without a
// challenge, or a challenge without its method, which would mean plain, is
// refused even where PKCE is optional.
func readPKCE(q *storage.AuthRequest, c *storage.Client, f form) *protocolError {
	challenge, method := f.get("code_challenge"), f.get("code_challenge_method")
	switch {
	case challenge == "" && method == "" && c.Metadata.PKCE == "optional":
		return nil
	case challenge == "":
		return invalidRequest("code_challenge is missing")
	case method != "S256":
		return invalidRequest("code_challenge_method must be S256")
	case len(challenge) != 43 || strings.ContainsFunc(challenge, func(r rune) bool { return !base64URL(r) }):
		return invalidRequest("code_challenge is not a SHA-256 hash in base64url")
	}
	q.CodeChallenge = challenge
	return nil
}

// readKey reads the key that the code is to be bound to (RFC 9449 section 10).
func readKey(p *storage.AuthParams, f form) *protocolError {
	p.JKT = f.get("dpop_jkt")
	if p.JKT != "" && (len(p.JKT) != 43 || strings.ContainsFunc(p.JKT, func(r rune) bool { return !base64URL(r) })) {
		return invalidRequest("dpop_jkt is not a SHA-256 thumbprint in base64url")
	}
	return nil
}

func base64URL(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_'
}

func readPrompt(p *storage.AuthParams, c *storage.Client, f form) *protocolError {
	for _, v := range strings.Fields(f.get("prompt")) {
		if !slices.Contains(promptValues(), v) {
			return invalidRequest("a prompt value is not supported")
		}
		if !slices.Contains(p.Prompt, v) {
			p.Prompt = append(p.Prompt, v)
		}
	}
	if slices.Contains(p.Prompt, "none") && len(p.Prompt) > 1 {
		return invalidRequest("prompt none stands alone")
	}
	if raw := f.get("max_age"); raw != "" {
		if len(raw) > 19 || strings.ContainsFunc(raw, func(r rune) bool { return r < '0' || r > '9' }) {
			return invalidRequest("max_age must be a whole number of seconds")
		}
		seconds, err := strconv.ParseInt(raw, 10, 64)
		if err != nil || seconds > maxMaxAge {
			seconds = maxMaxAge
		}
		p.MaxAge = &seconds
	} else if c.Metadata.DefaultMaxAge != nil {
		seconds := *c.Metadata.DefaultMaxAge
		p.MaxAge = &seconds
	}
	return nil
}

// readWishes reads who is expected, how well proved, in which language, and
// which single claims are asked for.
func readWishes(q *storage.AuthRequest, c *storage.Client, f form, hintedSub func(string) (string, error)) *protocolError {
	p := &q.Params
	p.LoginHint, p.UILocales = f.get("login_hint"), f.get("ui_locales")
	acr := strings.Fields(f.get("acr_values"))
	if raw := f.get("claims"); raw != "" {
		req, steer, err := readClaims(raw)
		if err != nil {
			return err
		}
		if err := keepClaims(q, c, req); err != nil {
			return err
		}
		p.HintedSub, p.ACREssential = steer.sub, steer.acrEssential
		if len(steer.acr) > 0 {
			acr = steer.acr
		}
	}
	if len(acr) == 0 {
		acr = c.Metadata.DefaultACRValues
	}
	for _, v := range acr {
		if slices.Contains(acrValues(), v) && !slices.Contains(p.ACRValues, v) {
			p.ACRValues = append(p.ACRValues, v)
		}
	}
	if p.ACREssential && len(p.ACRValues) == 0 {
		return &protocolError{"unmet_authentication_requirements", "no acr value asked as essential can be reached"}
	}
	if raw := f.get("id_token_hint"); raw != "" {
		sub, err := hintedSub(raw)
		if err != nil {
			return invalidRequest("the id_token_hint is not an ID token of this client")
		}
		if p.HintedSub != "" && p.HintedSub != sub {
			return invalidRequest("id_token_hint and the claims parameter name different people")
		}
		p.HintedSub = sub
	}
	return nil
}

// keepClaims stores the claims parameter, and marks in the scope the single
// claims it adds: those of a scope the client may ask for but did not.
func keepClaims(q *storage.AuthRequest, c *storage.Client, req claimsRequest) *protocolError {
	granted, allowed := strings.Fields(q.Scope), clientScopes(c)
	for _, name := range storage.ClaimNames(storage.PersonScopes()) {
		scope := storage.ClaimScope(name)
		asked := slices.Contains(req.IDToken, name) || slices.Contains(req.Userinfo, name)
		if asked && slices.Contains(allowed, scope) && !slices.Contains(granted, scope) {
			q.Scope += " " + storage.ClaimMark + name
		}
	}
	stored, err := json.Marshal(req)
	if err != nil {
		return &protocolError{"server_error", "the request could not be stored"}
	}
	q.Params.Claims = stored
	return nil
}
