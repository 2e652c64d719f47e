package provider

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/gorilla/mux"

	"iess.gob.ec/clave/storage/storagetest"
)

// apiAudience is the resource server of the tests.
const apiAudience = "https://api.example/historia"

// machineClients are applications that are no browser's business: a resource
// server, a service with a key, and one that signs people in with JWTs.
func machineClients(t *testing.T, key testKey) string {
	t.Helper()
	return `[
{"client_id":"api","client_secret":"` + secret + `","client_name":"API","grant_types":[],"iess_resource_server":"` + apiAudience + `",
 "introspection_signed_response_alg":"EdDSA"},
{"client_id":"api2","client_secret":"` + secret + `","client_name":"API 2","grant_types":[],"iess_resource_server":"urn:iess:otra"},
{"client_id":"batch","client_secret":"` + secret + `","client_name":"Lotes","grant_types":["client_credentials"],"scope":"historia:leer historia:escribir",
 "iess_resources":["` + apiAudience + `","urn:iess:otra"]},
{"client_id":"service","client_name":"Servicio","token_endpoint_auth_method":"private_key_jwt","jwks":` + key.set(t) + `,
 "grant_types":["client_credentials"],"scope":"historia:leer","iess_access_token_format":"jwt",
 "iess_first_party":true},
{"client_id":"jwt","client_secret":"` + secret + `","client_name":"JWT","redirect_uris":["https://jwt.example/cb"],"iess_access_token_format":"jwt",
 "grant_types":["authorization_code","refresh_token"],"scope":"openid profile offline_access","userinfo_signed_response_alg":"ES256",
 "iess_resources":["` + apiAudience + `","urn:iess:otra"]}
]`
}

// one is each on the embedded database alone, for what asks nothing of a database
// that others do not ask of both.
func one(t *testing.T, f func(t *testing.T, h *house)) {
	t.Helper()
	t.Parallel()
	f(t, newHouse(t, storagetest.Open(t, "sqlite")))
}

// testKey is a client's key.
type testKey struct {
	kid     string
	private *ecdsa.PrivateKey
}

func newTestKey(t *testing.T, kid string) testKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return testKey{kid, private}
}

// set is the public part as a JWK set.
func (k testKey) set(t *testing.T) string {
	t.Helper()
	out, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.private.Public(), KeyID: k.kid, Algorithm: "ES256", Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// sign is claims as a compact JWS by k, of type typ.
func (k testKey) sign(t *testing.T, typ string, claims any) string {
	t.Helper()
	return signWith(t, k.private, jose.ES256, k.kid, typ, claims)
}

func signWith(t *testing.T, key any, alg jose.SignatureAlgorithm, kid, typ string, claims any) string {
	t.Helper()
	opts := &jose.SignerOptions{}
	if typ != "" {
		opts = opts.WithType(jose.ContentType(typ))
	}
	return signed(t, jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, opts, claims)
}

func signed(t *testing.T, key jose.SigningKey, opts *jose.SignerOptions, claims any) string {
	t.Helper()
	signer, err := jose.NewSigner(key, opts)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	token, err := compact(signer, payload)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// fiftyAtOnce sends what send sends fifty times at once: one of them succeeds, and
// the others are refused with 401.
func fiftyAtOnce(t *testing.T, send func() (*http.Response, error)) {
	t.Helper()
	var won, refused atomic.Int32
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			res, err := send()
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			switch res.StatusCode {
			case http.StatusOK:
				won.Add(1)
			case http.StatusUnauthorized:
				refused.Add(1)
			}
		})
	}
	all.Wait()
	want(t, "uses that succeed", won.Load(), int32(1))
	want(t, "uses that are refused", refused.Load(), int32(49))
}

// assertionClaims are those of a good client assertion of client, changed by
// pairs; nil removes.
func (h *house) assertionClaims(client string, pairs ...any) map[string]any {
	now := h.clock.now()
	claims := map[string]any{
		"iss": client, "sub": client, "aud": h.url, "jti": rand.Text(), "exp": now.Add(time.Minute).Unix(), "iat": now.Unix(),
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

// asserted adds an assertion to f.
func asserted(f url.Values, token string) url.Values {
	out := maps.Clone(f)
	out.Set("client_assertion_type", assertionType)
	out.Set("client_assertion", token)
	return out
}

// machines registers machineClients and returns the key of service.
func (h *house) machines() testKey {
	h.t.Helper()
	key := newTestKey(h.t, "service-1")
	h.apply(machineClients(h.t, key))
	h.clock.add(time.Second) // every replica knows within a second
	return key
}

// post sends f to a machine endpoint as client, with its secret.
func (h *house) post(path, client string, f url.Values, header ...string) answerOf {
	h.t.Helper()
	return h.json(h.do(http.MethodPost, path, f.Encode(), append([]string{"Authorization", basic(client, secret)}, header...)...))
}

// machineToken is the token of client's own for resource.
func (h *house) machineToken(client, resource string) string {
	h.t.Helper()
	a := h.post(PathToken, client, url.Values{"grant_type": {"client_credentials"}, "resource": {resource}})
	if a.status != http.StatusOK {
		h.t.Fatalf("client_credentials: got %d %s", a.status, a.text)
	}
	return a.get("access_token")
}

// postIn sends f to path within ctx, past the network: what a connection or a
// proxy says of the caller stands in ctx.
func (h *house) postIn(ctx context.Context, path string, f url.Values) answerOf {
	h.t.Helper()
	r := mux.NewRouter()
	h.Routes(r)
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, h.url+path, strings.NewReader(f.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return h.json(w.Result(), w.Body.String())
}
