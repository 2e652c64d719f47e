package provider

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage/storagetest"
)

// signing registers two applications that sign their requests, one of which must,
// and returns their key.
func (h *house) signing() testKey {
	h.t.Helper()
	key := newTestKey(h.t, "sign-1")
	h.apply(`[{"client_id":"signs","client_secret":"` + secret + `","client_name":"Firma","redirect_uris":["https://signs.example/cb"],"jwks":` + key.set(h.t) + `,
		"grant_types":["authorization_code","refresh_token"],"scope":"openid profile email"},
		{"client_id":"must","client_secret":"` + secret + `","client_name":"Siempre","redirect_uris":["https://must.example/cb"],"jwks":` + key.set(h.t) + `,
		"require_signed_request_object":true,"request_object_signing_alg":"ES256","authorization_signed_response_alg":"EdDSA"}]`)
	h.clock.add(time.Second)
	if err := EnsureKeys(h.t.Context(), h.db, h.clock.now(), "EdDSA"); err != nil {
		h.t.Fatal(err)
	}
	return key
}

// objectClaims are those of a good request object of client, changed by pairs; nil
// removes.
func (h *house) objectClaims(client string, pairs ...any) map[string]any {
	h.t.Helper()
	now := h.clock.now()
	claims := map[string]any{"iss": client, "aud": h.url, "nbf": now.Unix(), "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "jti": rand.Text()}
	for name, values := range h.request(client) {
		claims[name] = values[0]
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		name := pairs[i].(string) //nolint:forcetypeassert // written so
		if pairs[i+1] == nil {
			delete(claims, name)
		} else {
			claims[name] = pairs[i+1]
		}
	}
	return claims
}

func requestType() string { return "oauth-authz-req+jwt" }

func TestRFC9101_OnlyWhatIsSignedCounts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.signing()
		object := key.sign(t, requestType(), h.objectClaims("signs", "scope", "openid profile", "max_age", 600, "nonce", "n-2",
			"claims", map[string]any{"id_token": map[string]any{"name": nil}}))
		alone := url.Values{"client_id": {"signs"}, "request": {object}}
		for name, q := range map[string]url.Values{
			"alone":          alone,
			"another state":  with(alone, "state", "changed"),
			"another scope":  with(alone, "scope", "openid email"),
			"another target": with(alone, "redirect_uri", "https://evil.example/cb"),
			"another mode":   with(alone, "response_mode", "fragment"),
			"all of OpenID":  h.request("signs", "request", object),
		} {
			got := h.authorize(q)
			want(t, name+": state", got.Get("state"), "s t&te")
			a := h.token("signs", h.redeem("signs", got.Get("code")))
			want(t, name+": scope", a.get("scope"), "openid profile")
			claims := h.claimsOf(a.get("id_token"))
			want(t, name+": nonce", string(claims["nonce"]), `"n-2"`)
			want(t, name+": claims", string(claims["name"]), `"María Fernanda Quishpe Andrade"`)
		}
		a := h.post(PathPush, "signs", url.Values{"request": {object}, "scope": {"openid email"}})
		want(t, "pushed", a.status, http.StatusCreated)
		got := location(t, h.visit("signs", a.get("request_uri")))
		want(t, "pushed: scope", h.token("signs", h.redeem("signs", got.Get("code"))).get("scope"), "openid profile")
	})
}

// FAPI 2.0 Message Signing section 5.3.1 and RFC 9101 section 6, at the push and
// in the browser alike.
func TestRFC9101_6_FaultyRequestObjectsAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storagetest.Open(t, "sqlite")) // nothing of it depends on the database
	key, stranger := h.signing(), newTestKey(t, "sign-1")
	now := h.clock.now()
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	object := func(pairs ...any) string { return key.sign(t, requestType(), h.objectClaims("signs", pairs...)) }
	payload, err := json.Marshal(h.objectClaims("signs"))
	if err != nil {
		t.Fatal(err)
	}
	body := base64.RawURLEncoding.EncodeToString(payload)
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"unsigned":                  base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + body + ".",
		"a stranger's":              stranger.sign(t, requestType(), h.objectClaims("signs")),
		"another kid":               signWith(t, key.private, jose.ES256, "x", requestType(), h.objectClaims("signs")),
		"RS256":                     signWith(t, weak, jose.RS256, "sign-1", requestType(), h.objectClaims("signs")),
		"our own ID token":          h.tokens("web", "openid").get("id_token"),
		"another typ":               key.sign(t, "dpop+jwt", h.objectClaims("signs")),
		"an access token's typ":     key.sign(t, "at+jwt", h.objectClaims("signs")),
		"encrypted":                 "a.b.c.d.e",
		"no JWT":                    "x",
		"no iss":                    object("iss", nil),
		"another iss":               object("iss", "web"),
		"no client_id":              object("client_id", nil),
		"another client_id":         object("client_id", "web"),
		"no aud":                    object("aud", nil),
		"another aud":               object("aud", "https://evil.example"),
		"aud is the endpoint":       object("aud", h.url+PathAuthorize),
		"aud a number":              object("aud", 5),
		"a client assertion":        key.sign(t, "JWT", h.assertionClaims("signs")),
		"sub is the client":         object("sub", "signs"),
		"no exp":                    object("exp", nil),
		"no nbf":                    object("nbf", nil),
		"expired":                   object("exp", at(-5*time.Minute)),
		"exp a text":                object("exp", "soon"),
		"exp over an hour":          object("exp", at(time.Hour+time.Minute)),
		"nbf over an hour ago":      object("nbf", at(-70*time.Minute), "exp", at(-12*time.Minute)),
		"nbf over an hour, exp now": object("nbf", at(-61*time.Minute), "exp", at(time.Minute)),
		"nbf far ahead":             object("nbf", at(2*time.Minute), "exp", at(10*time.Minute)),
		"iat far ahead":             object("iat", at(2*time.Minute)),
		"not UTF-8":                 key.sign(t, requestType(), json.RawMessage(string(payload[:len(payload)-1])+",\"x\":\"\xff\"}")),
		"request inside":            object("request", "x"),
		"request_uri inside":        object("request_uri", "https://signs.example/r"),
		"state a number in text":    object("state", []string{"a"}),
		"scope an array":            object("scope", []string{"openid"}),
		"nonce null":                key.sign(t, requestType(), json.RawMessage(strings.Replace(string(payload), `"n-1"`, "null", 1))),
		"a member twice":            key.sign(t, requestType(), json.RawMessage(string(payload[:len(payload)-1])+`,"iss":"signs"}`)),
		"no object":                 key.sign(t, requestType(), []string{"x"}),
	} {
		q := h.request("signs", "request", token)
		pushed := h.post(PathPush, "signs", q)
		want(t, name+": push", pushed.status, http.StatusBadRequest)
		want(t, name+": push", pushed.get("error"), "invalid_request_object")
		got := h.authorize(q)
		want(t, name, got.Get("error"), "invalid_request_object")
		want(t, name+": code", got.Get("code"), "")
		res, _ := h.do(http.MethodGet, PathAuthorize+"?"+with(q, "redirect_uri", "").Encode(), "")
		want(t, name+", nobody to tell", res.StatusCode, http.StatusBadRequest)
		want(t, name+", nobody to tell: redirect", res.Header.Get("Location"), "")
	}
	for name, token := range map[string]string{
		"aud in an array":      object("aud", []string{"https://other.example", h.url}),
		"8 seconds ahead":      object("nbf", at(8*time.Second)),
		"an hour, to the end":  object("exp", at(time.Hour)),
		"typ JWT":              key.sign(t, "JWT", h.objectClaims("signs")),
		"typ in other case":    key.sign(t, "OautH-auThZ-REQ+jWt", h.objectClaims("signs")), // RFC 7515 section 4.1.9
		"typ in full":          key.sign(t, "application/oauth-authz-req+jwt", h.objectClaims("signs")),
		"no typ":               key.sign(t, "", h.objectClaims("signs")),
		"sub of somebody":      object("sub", "x"),
		"what is not known":    object("x", map[string]any{"y": []int{1}}),
		"resource, several":    object("resource", []string{h.url, h.url}),
		"fraction of a second": object("exp", float64(at(time.Minute))+0.5),
	} {
		want(t, name, h.authorize(url.Values{"client_id": {"signs"}, "request": {token}}).Has("code"), true)
	}
	// What is wrong inside a good object goes to where the object says.
	got := h.authorize(url.Values{"client_id": {"signs"}, "request": {object("scope", "profile", "state", "inner")}, "state": {"outer"}})
	want(t, "bad scope inside", got.Get("error"), "invalid_scope")
	want(t, "bad scope inside: state", got.Get("state"), "inner")
	res, _ := h.do(http.MethodGet, PathAuthorize+"?"+h.request("signs", "request", object("redirect_uri", "https://evil.example/cb")).Encode(), "")
	want(t, "another target inside", res.StatusCode, http.StatusBadRequest)
	want(t, "another target inside: redirect", res.Header.Get("Location"), "")
	want(t, "both ways at once", h.authorize(h.request("signs", "request", object(), "request_uri", "https://signs.example/r")).Get("error"), "invalid_request")
	want(t, "too long", h.authorize(h.request("signs", "request", strings.Repeat("x", 9000))).Get("error"), "invalid_request_object")
	twice, _ := h.do(http.MethodGet, PathAuthorize+"?"+h.request("signs").Encode()+"&request="+object()+"&request="+object(), "")
	want(t, "two objects", location(t, twice).Get("error"), "invalid_request_object")
}

func TestRFC9101_10_5_WhoPromisedToSignMust(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.signing()
		want(t, "unsigned", h.authorize(h.request("must")).Get("error"), "invalid_request")
		want(t, "unsigned, pushed", h.push("must", h.request("must")).get("error"), "invalid_request")
		object := key.sign(t, requestType(), h.objectClaims("must"))
		want(t, "signed", h.authorize(url.Values{"client_id": {"must"}, "request": {object}}).Has("code"), true)
		h.apply(`[{"client_id":"edwards","client_secret":"` + secret + `","client_name":"Ed","redirect_uris":["https://edwards.example/cb"],
			"request_object_signing_alg":"EdDSA","jwks":` + key.set(t) + `}]`)
		h.clock.add(time.Second)
		object = key.sign(t, requestType(), h.objectClaims("edwards"))
		want(t, "in another algorithm", h.authorize(url.Values{"client_id": {"edwards"}, "request": {object}, "redirect_uri": {"https://edwards.example/cb"}}).Get("error"), "invalid_request_object")
		object = key.sign(t, requestType(), h.objectClaims("must"))
		want(t, "signed for another", h.authorize(h.request("signs", "request", object)).Get("error"), "invalid_request_object")
		want(t, "of a client without keys", h.authorize(h.request("web", "request", object)).Get("error"), "invalid_request_object")
	})
}
