package provider

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

func TestJWT_3_4_WeakAndBrokenKeysOfClients(t *testing.T) {
	b64 := base64.RawURLEncoding.EncodeToString
	odd := func(bits uint) string { // as long as a modulus of so many bits
		return b64(new(big.Int).SetBit(big.NewInt(1), int(bits)-1, 1).Bytes())
	}
	short, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: short, KeyID: "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ text, want string }{
		"RSA of 1024 bits":         {`{"keys":[{"kty":"RSA","e":"AQAB","n":"` + odd(1024) + `"}]}`, "need 2048 bits"},
		"RSA of 2047 bits":         {`{"keys":[{"kty":"RSA","e":"AQAB","n":"` + odd(2047) + `"}]}`, "need 2048 bits"},
		"RSA of 4097 bits":         {`{"keys":[{"kty":"RSA","e":"AQAB","n":"` + odd(4097) + `"}]}`, "cannot be read"},
		"a point off the curve":    {`{"keys":[{"kty":"EC","crv":"P-256","x":"` + b64(make([]byte, 32)) + `","y":"` + b64([]byte(strings.Repeat("y", 32))) + `"}]}`, "cannot be read"},
		"a short coordinate":       {`{"keys":[{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}]}`, "cannot be read"},
		"a short Ed25519 key":      {`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AQ"}]}`, "cannot be read"},
		"a private key":            {string(private), "holds a secret"},
		"a shared one":             {`{"keys":[{"kty":"oct","k":"AQ"}]}`, "holds a secret"},
		"a member twice":           {`{"keys":[{"kty":"OKP","kty":"RSA"}]}`, "given twice"},
		"no list":                  {`{"keys":null}`, "must be an object"},
		"more keys than anybody":   {`{"keys":[` + strings.Repeat(`{"kty":"x"},`, maxKeysOfClient) + `{"kty":"x"}]}`, "must be an object"},
		"something that is no key": {`{"keys":[5]}`, "is no JWK"},
	} {
		if _, err := parseClientKeys([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
	set, err := parseClientKeys([]byte(`{"keys":[{"kty":"EC","crv":"P-384","x":"AA","y":"AA"},{"kty":"LMS"},{"kty":"RSA","e":"AQAB","n":"` + odd(4096) + `"}]}`))
	if err != nil || len(set.Keys) != 1 {
		t.Errorf("kinds we do not know: got %d keys, %v, want them left out", len(set.Keys), err)
	}
}

// However many name an unknown key at once, its application is asked once: those
// who came before the one that asks, and waited for its answer, do not ask again.
func TestRFC7523_ManyAtOnceAskAnApplicationOnce(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	asking, answer := make(chan struct{}, 9), make(chan struct{})
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		asking <- struct{}{}
		<-answer
		_, _ = w.Write([]byte(`{"keys":[]}`))
	}))
	t.Cleanup(keys.Close)
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	late, came := make(chan struct{}), make(chan struct{})
	var times atomic.Int32
	clock := func() time.Time { // who looks at it first is overtaken by the other one
		if times.Add(1) > 1 {
			return start.Add(time.Second)
		}
		close(came)
		<-late
		return start
	}
	k := newClientKeys(newOutbound([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, nil, 5*time.Second), clock, slog.New(slog.DiscardHandler))
	c := &storage.Client{ID: "c", Metadata: storage.ClientMetadata{JWKSURI: keys.URL}}
	var all sync.WaitGroup
	look := func() {
		if _, err := k.keyFor(context.WithoutCancel(t.Context()), c, "ES256", "unknown"); err == nil {
			t.Error("there is such a key")
		}
	}
	all.Go(look)
	<-came
	all.Go(look)
	<-asking
	close(late)
	close(answer)
	all.Wait()
	want(t, "questions", asked.Load(), int32(1))
}

// A key that its application has taken back, or gives out for encryption, serves
// nobody: ten minutes later at most, whether or not anybody names another one.
func TestRFC7523_KeysTakenBackServeNoLonger(t *testing.T) {
	one(t, func(t *testing.T, h *house) {
		stolen, next := newTestKey(t, "1"), newTestKey(t, "2")
		keys := newKeyServer(t, stolen.set(t))
		h.clientKeys = newClientKeys(newOutbound([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, nil, 5*time.Second), h.clock.now, h.Log)
		h.apply(`[{"client_id":"service","client_name":"Servicio","token_endpoint_auth_method":"private_key_jwt","jwks_uri":"` + keys.URL + `",
			"grant_types":["client_credentials"],"scope":"historia:leer"}]`)
		h.clock.add(time.Second)
		use := func(key testKey) int { return h.assert(key.sign(t, "JWT", h.assertionClaims("service"))).status }
		want(t, "before", use(stolen), http.StatusOK)
		keys.serve(next.set(t))
		h.clock.add(clientKeysAge)
		want(t, "taken back", use(stolen), http.StatusUnauthorized)
		want(t, "the next one", use(next), http.StatusOK)
		for from, to := range map[string]string{`"use":"sig"`: `"use":"enc"`, `"alg":"ES256"`: `"alg":"ECDH-ES"`} {
			keys.serve(strings.Replace(next.set(t), from, to, 1))
			h.clock.add(clientKeysAge)
			want(t, to, use(next), http.StatusUnauthorized)
			keys.serve(next.set(t))
			h.clock.add(clientKeysAge)
			want(t, "mended", use(next), http.StatusOK)
		}
		keys.serve(`{"keys":[` + strings.Join([]string{theKey(stolen.set(t)), theKey(next.set(t))}, ",") + `]}`)
		h.clock.add(clientKeysAge)
		nameless := signWith(t, next.private, jose.ES256, "", "JWT", h.assertionClaims("service"))
		want(t, "one of two that fit, unnamed", h.assert(nameless).status, http.StatusUnauthorized)
		want(t, "named", use(next), http.StatusOK)
	})
}

// Only a plain answer counts: no page of errors, nobody else's word, and no more of
// it is read than a set may have. Who asked may have gone.
func TestASVS_1_3_6_JWKSURIAnswersItself(t *testing.T) {
	t.Parallel()
	good := newTestKey(t, "1").set(t)
	elsewhere := newKeyServer(t, good)
	var sent atomic.Int64
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(http.StatusFound)
		case "/error":
			w.WriteHeader(http.StatusInternalServerError)
		case "/endless":
			for sent.Load() < 256<<20 {
				n, err := io.WriteString(w, strings.Repeat(" ", 64<<10))
				if sent.Add(int64(n)); err != nil {
					return
				}
			}
		}
		_, _ = io.WriteString(w, good)
	}))
	k := newClientKeys(newOutbound([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, nil, 5*time.Second), time.Now, slog.New(slog.DiscardHandler))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for path, known := range map[string]bool{"/good": true, "/redirect": false, "/error": false, "/endless": false} {
		c := &storage.Client{ID: "c", Metadata: storage.ClientMetadata{JWKSURI: keys.URL + path}}
		_, err := k.keyFor(gone, c, "ES256", "1")
		want(t, path, err == nil, known)
	}
	keys.Close() // waits for its answers
	want(t, "questions to somebody else", elsewhere.times(), 0)
	if n := sent.Load(); n == 0 || n > 32<<20 {
		t.Errorf("read until %d bytes were sent", n)
	}
}

// theKey is the one key of a set.
func theKey(set string) string {
	return strings.TrimSuffix(strings.TrimPrefix(set, `{"keys":[`), `]}`)
}
