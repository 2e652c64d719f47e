package provider

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

func ownToken(pairs ...string) url.Values {
	return with(url.Values{"grant_type": {"client_credentials"}}, pairs...)
}

// assert asks for a token of service's own with an assertion.
func (h *house) assert(token string, pairs ...string) answerOf {
	h.t.Helper()
	return h.json(h.do(http.MethodPost, PathToken, asserted(ownToken(pairs...), token).Encode()))
}

func TestRFC7523_AssertionAuthenticates(t *testing.T) {
	one(t, func(t *testing.T, h *house) {
		key := h.machines()
		now := h.clock.now()
		for name, token := range map[string]string{
			"issuer":               key.sign(t, "JWT", h.assertionClaims("service")),
			"token endpoint":       key.sign(t, "JWT", h.assertionClaims("service", "aud", h.url+PathToken)),
			"in an array":          key.sign(t, "JWT", h.assertionClaims("service", "aud", []string{h.url + PathToken, h.url})),
			"without typ":          key.sign(t, "", h.assertionClaims("service")),
			"explicit typ":         key.sign(t, "client-authentication+jwt", h.assertionClaims("service")),
			"without kid":          signWith(t, key.private, jose.ES256, "", "JWT", h.assertionClaims("service")),
			"without iat":          key.sign(t, "JWT", h.assertionClaims("service", "iat", nil)),
			"8 seconds ahead":      key.sign(t, "JWT", h.assertionClaims("service", "iat", now.Unix()+8, "nbf", now.Unix()+8)),
			"five minutes":         key.sign(t, "JWT", h.assertionClaims("service", "exp", now.Add(5*time.Minute).Unix())),
			"fraction of a second": key.sign(t, "JWT", h.assertionClaims("service", "exp", float64(now.Unix())+30.5)),
		} {
			got := h.assert(token)
			want(t, name, got.status, http.StatusOK)
			want(t, name+": client_id too", h.assert(token, "client_id", "service").get("error"), "invalid_client") // spent
		}
		want(t, "with its client_id", h.assert(key.sign(t, "JWT", h.assertionClaims("service")), "client_id", "service").status, http.StatusOK)
	})
}

func TestRFC7523_JWT_3_8_JWT_3_9_JWT_3_11_FaultyAssertionsAreInvalidClient(t *testing.T) {
	one(t, func(t *testing.T, h *house) {
		key, stranger := h.machines(), newTestKey(t, "service-1")
		now := h.clock.now()
		c := h.assertionClaims
		_, ed, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		good := key.sign(t, "JWT", c("service"))
		parts := strings.Split(good, ".")
		text := func(member string, pairs ...any) string { // with a member at its end, as it is written
			claims, err := json.Marshal(c("service", pairs...))
			if err != nil {
				t.Fatal(err)
			}
			return key.sign(t, "JWT", json.RawMessage(string(claims[:len(claims)-1])+","+member+"}"))
		}
		for name, token := range map[string]string{
			"another's key":         stranger.sign(t, "JWT", c("service")),
			"another kid":           signWith(t, key.private, jose.ES256, "service-2", "JWT", c("service")),
			"kid too long":          signWith(t, key.private, jose.ES256, strings.Repeat("k", 300), "JWT", c("service")),
			"another alg":           signWith(t, ed, jose.EdDSA, "service-1", "JWT", c("service")),
			"HMAC with the secret":  signWith(t, []byte(secret), jose.HS256, "service-1", "JWT", c("service")),
			"HMAC with public key":  signWith(t, []byte(key.set(t)), jose.HS256, "service-1", "JWT", c("service")),
			"alg none":              "eyJhbGciOiJub25lIn0." + parts[1] + ".",
			"no signature":          parts[0] + "." + parts[1] + ".",
			"other claims":          parts[0] + "." + strings.Split(key.sign(t, "JWT", c("service", "x", 1)), ".")[1] + "." + parts[2],
			"typ at+jwt":            key.sign(t, "at+jwt", c("service")),
			"typ dpop+jwt":          key.sign(t, "dpop+jwt", c("service")),
			"iss of another":        key.sign(t, "JWT", c("service", "iss", "batch")),
			"sub of another":        key.sign(t, "JWT", c("service", "sub", "batch")),
			"no iss":                key.sign(t, "JWT", c("service", "iss", nil)),
			"no sub":                key.sign(t, "JWT", c("service", "sub", nil)),
			"no aud":                key.sign(t, "JWT", c("service", "aud", nil)),
			"aud of another":        key.sign(t, "JWT", c("service", "aud", "https://other.example")),
			"aud of another too":    key.sign(t, "JWT", c("service", "aud", []string{h.url, "https://other.example"})),
			"aud that begins so":    key.sign(t, "JWT", c("service", "aud", h.url+"/")),
			"empty aud":             key.sign(t, "JWT", c("service", "aud", []string{})),
			"aud is a number":       key.sign(t, "JWT", c("service", "aud", 5)),
			"no exp":                key.sign(t, "JWT", c("service", "exp", nil)),
			"exp is text":           key.sign(t, "JWT", c("service", "exp", "2030")),
			"exp now":               key.sign(t, "JWT", c("service", "exp", now.Unix())),
			"exp five minutes past": key.sign(t, "JWT", c("service", "exp", now.Add(-5*time.Minute).Unix())),
			"exp an hour ahead":     key.sign(t, "JWT", c("service", "exp", now.Add(time.Hour).Unix())),
			"exp for ever":          key.sign(t, "JWT", c("service", "exp", 1e300)),
			"nbf 61 seconds ahead":  key.sign(t, "JWT", c("service", "nbf", now.Unix()+61)),
			"iat 61 seconds ahead":  key.sign(t, "JWT", c("service", "iat", now.Unix()+61)),
			"no jti":                key.sign(t, "JWT", c("service", "jti", nil)),
			"empty jti":             key.sign(t, "JWT", c("service", "jti", "")),
			"jti too long":          key.sign(t, "JWT", c("service", "jti", strings.Repeat("j", 257))),
			"jti with NUL":          key.sign(t, "JWT", c("service", "jti", "a\x00b")),
			"client of a secret":    key.sign(t, "JWT", c("batch")),
			"a member twice":        text(`"sub":"service"`),
			"SUB for sub":           key.sign(t, "JWT", c("service", "sub", nil, "SUB", "service")),
			"\u017fub for sub":      key.sign(t, "JWT", c("service", "sub", nil, "\u017fub", "service")),
			"AUD beside aud":        text(`"AUD":"`+h.url+`"`, "aud", "https://other.example"),
			"not UTF-8":             text("\"x\":\"\xff\""),
			"deeper than anybody":   text(`"x":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)),
			"unknown client":        key.sign(t, "JWT", c("nobody")),
			"null":                  key.sign(t, "JWT", nil),
			"text":                  key.sign(t, "JWT", "hello"),
			"not a JWT":             "x",
			"dots":                  "..",
			"JSON serialization":    `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		} {
			got := h.assert(token)
			want(t, name, got.status, http.StatusUnauthorized)
			want(t, name, got.get("error"), "invalid_client")
			want(t, name, got.get("error_description"), "the client could not be authenticated")
		}
		for name, tt := range map[string]struct {
			f     url.Values
			error string
		}{
			"another client_id":   {asserted(ownToken("client_id", "batch"), good), "invalid_client"},
			"and a secret":        {asserted(ownToken("client_id", "service", "client_secret", secret), good), "invalid_request"},
			"another type":        {with(asserted(ownToken(), good), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"), "invalid_client"},
			"no type":             {with(asserted(ownToken(), good), "client_assertion_type", ""), "invalid_client"},
			"no assertion":        {with(asserted(ownToken(), good), "client_assertion", ""), "invalid_client"},
			"client_id alone":     {ownToken("client_id", "service"), "invalid_client"},
			"a secret it has not": {ownToken("client_id", "service", "client_secret", secret), "invalid_client"},
		} {
			want(t, name, h.json(h.do(http.MethodPost, PathToken, tt.f.Encode())).get("error"), tt.error)
		}
		want(t, "none of these spent it", h.assert(good).status, http.StatusOK)
		if log := h.log.String(); strings.Contains(log, parts[2]) || strings.Contains(log, parts[1]) {
			t.Error("the log holds an assertion")
		}
	})
}

// The audience is the issuer as a string and nothing else (FAPI-G8), and RS256 is
// no algorithm of the profile (FAPI-C2).
func TestFAPI_G8_FAPI_C2_AssertionOfTheProfile(t *testing.T) {
	one(t, func(t *testing.T, h *house) {
		key := newTestKey(t, "k")
		weak, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: key.private.Public(), KeyID: "k"}, {Key: weak.Public(), KeyID: "rsa"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		h.inTx(func(tx *storage.Tx) error {
			for id, profile := range map[string]string{"fapi": profileFAPI2, "plain": ""} {
				err := tx.SaveClient(t.Context(), storage.Client{ID: id, Metadata: storage.ClientMetadata{
					TokenEndpointAuthMethod: methodKeyJWT, JWKS: set, GrantTypes: []string{"client_credentials"}, Scope: "historia:leer", Profile: profile,
				}})
				if err != nil {
					return err
				}
			}
			return nil
		})
		h.clock.add(time.Second)
		for name, tt := range map[string]struct {
			aud       any
			fapi, all int
		}{
			"the issuer":           {h.url, 200, 200},
			"the token endpoint":   {h.url + PathToken, 401, 200},
			"the issuer, in array": {[]string{h.url}, 401, 200},
		} {
			want(t, name, h.assert(key.sign(t, "JWT", h.assertionClaims("fapi", "aud", tt.aud))).status, tt.fapi)
			want(t, name+", plain", h.assert(key.sign(t, "JWT", h.assertionClaims("plain", "aud", tt.aud))).status, tt.all)
		}
		for alg, status := range map[jose.SignatureAlgorithm]int{jose.PS256: 200, jose.RS256: 401, jose.PS512: 401} {
			want(t, string(alg), h.assert(signWith(t, weak, alg, "rsa", "JWT", h.assertionClaims("fapi"))).status, status)
		}
		want(t, "RS256, plain", h.assert(signWith(t, weak, jose.RS256, "rsa", "JWT", h.assertionClaims("plain"))).status, http.StatusOK)
		want(t, "two keys and no kid, one of the algorithm", h.assert(signWith(t, key.private, jose.ES256, "", "JWT", h.assertionClaims("plain"))).status, http.StatusOK)
	})
}

// Of fifty uses at once one succeeds; afterwards none, until it has expired anyway.
func TestT18_AssertionCountsOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.machines()
		h.apply(`[{"client_id":"twin","client_name":"Gemelo","token_endpoint_auth_method":"private_key_jwt","jwks":` + key.set(t) + `,
			"grant_types":["client_credentials"],"scope":"historia:leer"}]`)
		h.clock.add(time.Second)
		token := key.sign(t, "JWT", h.assertionClaims("service"))
		fiftyAtOnce(t, func() (*http.Response, error) { return http.PostForm(h.url+PathToken, asserted(ownToken(), token)) })
		replica, err := New(t.Context(), h.Config)
		if err != nil {
			t.Fatal(err)
		}
		client, err := replica.Clients.Client(t.Context(), "service")
		if err != nil {
			t.Fatal(err)
		}
		if err := replica.checkAssertion(t.Context(), client, token); !errors.Is(err, errClientAuth) {
			t.Errorf("at another replica: got %v, want it refused", err)
		}
		jti := key.sign(t, "JWT", h.assertionClaims("service", "jti", "same"))
		want(t, "a jti", h.assert(jti).status, http.StatusOK)
		again := key.sign(t, "JWT", h.assertionClaims("service", "jti", "same", "iat", nil))
		want(t, "the jti in another assertion", h.assert(again).status, http.StatusUnauthorized)
		if _, err := h.db.Purge(t.Context(), h.clock.now().Add(time.Minute+clockSkew), 10); err != nil {
			t.Fatal(err)
		}
		want(t, "remembered as long as a replica behind takes it", h.assert(jti).status, http.StatusUnauthorized)
		others := key.sign(t, "JWT", h.assertionClaims("twin", "jti", "same"))
		want(t, "the jti of another client", h.assert(others).status, http.StatusOK)
	})
}

// keyServer serves a JWK set, as applications do.
type keyServer struct {
	*httptest.Server
	mu    sync.Mutex
	body  string
	asked int
}

func newKeyServer(t *testing.T, body string) *keyServer {
	t.Helper()
	s := &keyServer{body: body}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked++
		if strings.HasPrefix(s.body, "http") {
			w.Header().Set("Location", s.body)
			w.WriteHeader(http.StatusFound)
			return
		}
		_, _ = w.Write([]byte(s.body))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *keyServer) serve(body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body = body
}

func (s *keyServer) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// An application that rotates its keys is asked again, however often somebody
// names unknown ones not more than twice a minute; and it can lead us nowhere.
func TestRFC7523_KeysOfAnApplicationAreReadAgain(t *testing.T) {
	one(t, func(t *testing.T, h *house) {
		loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		first, second, third := newTestKey(t, "1"), newTestKey(t, "2"), newTestKey(t, "3")
		keys := newKeyServer(t, first.set(t))
		h.apply(`[{"client_id":"service","client_name":"Servicio","token_endpoint_auth_method":"private_key_jwt","jwks_uri":"` + keys.URL + `/keys",
			"grant_types":["client_credentials"],"scope":"historia:leer"}]`)
		h.clock.add(time.Second)
		use := func(what string, key testKey, status, asked int) {
			t.Helper()
			want(t, what, h.assert(key.sign(t, "JWT", h.assertionClaims("service"))).status, status)
			want(t, what+": questions", keys.times(), asked)
		}
		use("an address of this machine", first, http.StatusUnauthorized, 0)
		if !strings.Contains(h.log.String(), "not one of the public internet") {
			t.Error("the log does not say why")
		}
		h.clientKeys = newClientKeys(newOutbound(loopback, nil, 5*time.Second), h.clock.now, h.Log)
		use("allowed", first, http.StatusOK, 1)
		use("known", first, http.StatusOK, 1)
		keys.serve(second.set(t))
		use("rotated at once", second, http.StatusUnauthorized, 1)
		h.clock.add(clientKeysPause)
		use("rotated", second, http.StatusOK, 2)
		use("the former one", first, http.StatusUnauthorized, 2)
		for range 5 {
			use("unknown", third, http.StatusUnauthorized, 2)
		}
		h.clock.add(clientKeysPause)
		use("unknown, asked once", third, http.StatusUnauthorized, 3)
		use("unknown, not again", third, http.StatusUnauthorized, 3)
		for name, body := range map[string]string{
			"nonsense": "<html>", "none": `{"keys":[]}`, "a secret": `{"keys":[{"kty":"oct","k":"AAAA"}]}`, "elsewhere": keys.URL + "/other",
			"huge": `{"keys":[],"x":"` + strings.Repeat("a", maxClientKeys) + `"}`, "twice": `{"keys":[],"keys":[]}`,
		} {
			keys.serve(body)
			h.clock.add(clientKeysPause)
			status := http.StatusOK
			if name == "none" { // an empty set is an answer: nobody may sign any more
				status = http.StatusUnauthorized
			}
			h.assert(third.sign(t, "JWT", h.assertionClaims("service")))
			use(name+": the known ones stay", second, status, keys.times())
			keys.serve(second.set(t))
			h.clock.add(clientKeysPause)
			use(name+": mended", second, http.StatusOK, keys.times()+map[bool]int{true: 1}[name == "none"])
		}
		keys.Close()
		h.clock.add(clientKeysAge)
		use("gone, for now", second, http.StatusOK, keys.times())
		h.clock.add(clientKeysStale)
		use("gone for a day", second, http.StatusUnauthorized, keys.times())
	})
}
