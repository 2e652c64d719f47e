package provider

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

// forged are tokens that look like good and are signed by somebody else, by
// nobody, with another algorithm, or for another purpose (RFC 8725).
func forged(t *testing.T, h *house, good string) map[string]string {
	t.Helper()
	parts := strings.Split(good, ".")
	b64 := base64.RawURLEncoding.EncodeToString
	kid := kidOf(t, good)
	active := keyOf(t, h, kid)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&active.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	sign := func(key any, alg jose.SignatureAlgorithm, kid string, opts *jose.SignerOptions, payload []byte) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, opts)
		if err != nil {
			t.Fatal(err)
		}
		jws, err := signer.Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		compact, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return compact
	}
	change := func(name string, value any) string {
		var claims map[string]any
		if err := json.Unmarshal(payload, &claims); err != nil {
			t.Fatal(err)
		}
		claims[name] = value
		changed, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		return sign(active, jose.ES256, kid, nil, changed)
	}
	none := b64([]byte(`{"alg":"none","kid":"`+kid+`"}`)) + "." + parts[1] + "."
	ed := keyOfAlg(t, h, "EdDSA")
	return map[string]string{
		"alg none":                   none,
		"alg none with a signature":  none + parts[2],
		"HMAC with our public key":   sign(public, jose.HS256, kid, nil, payload),
		"a stranger's key, our kid":  sign(stranger, jose.ES256, kid, nil, payload),
		"a stranger's key, his kid":  sign(stranger, jose.ES256, "x", nil, payload),
		"a stranger's embedded key":  sign(stranger, jose.ES256, kid, &jose.SignerOptions{EmbedJWK: true}, payload),
		"another key of ours, kid":   sign(ed, jose.EdDSA, kid, nil, payload),
		"no kid":                     sign(active, jose.ES256, "", nil, payload),
		"typ of an access token":     sign(active, jose.ES256, kid, (&jose.SignerOptions{}).WithType("at+jwt"), payload),
		"typ of a logout token":      sign(active, jose.ES256, kid, (&jose.SignerOptions{}).WithType("logout+jwt"), payload),
		"another payload":            parts[0] + "." + b64([]byte(`{"sub":"x"}`)) + "." + parts[2],
		"another signature":          parts[0] + "." + parts[1] + "." + b64(make([]byte, 64)),
		"cut signature":              good[:len(good)-4],
		"no signature":               parts[0] + "." + parts[1] + ".",
		"two parts":                  parts[0] + "." + parts[1],
		"white space":                parts[0] + " . " + parts[1] + " . " + parts[2],
		"JSON serialization":         `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"not JSON inside":            sign(active, jose.ES256, kid, nil, []byte("hello")),
		"null inside":                sign(active, jose.ES256, kid, nil, []byte("null")),
		"another issuer":             change("iss", "https://evil.example"),
		"another audience":           change("aud", "other"),
		"no audience":                change("aud", nil),
		"several audiences":          change("aud", []string{"web", "other"}),
		"another authorized party":   change("azp", "other"),
		"no subject":                 change("sub", ""),
		"subject that is no string":  change("sub", 5),
		"empty":                      "",
		"dots":                       "..",
		"a JWE":                      "a.b.c.d.e",
		"unknown critical parameter": b64([]byte(`{"alg":"ES256","kid":"`+kid+`","crit":["x"],"x":1}`)) + "." + parts[1] + "." + parts[2],
	}
}

func keyOf(t *testing.T, h *house, kid string) *ecdsa.PrivateKey {
	t.Helper()
	for _, k := range storedKeys(t, h) {
		if k.KID == kid {
			parsed, err := x509.ParsePKCS8PrivateKey(k.Private)
			if err != nil {
				t.Fatal(err)
			}
			return parsed.(*ecdsa.PrivateKey) //nolint:forcetypeassert // an ES256 key
		}
	}
	t.Fatalf("no key %s", kid)
	return nil
}

func keyOfAlg(t *testing.T, h *house, alg string) any {
	t.Helper()
	for _, k := range storedKeys(t, h) {
		if k.Alg == alg && k.State == storage.KeyActive {
			parsed, err := x509.ParsePKCS8PrivateKey(k.Private)
			if err != nil {
				t.Fatal(err)
			}
			return parsed
		}
	}
	t.Fatalf("no key of %s", alg)
	return nil
}

func storedKeys(t *testing.T, h *house) []storage.SigningKey {
	t.Helper()
	stored, err := h.db.SigningKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func TestASVS_9_1_2_HintsAreVerifiedByOurRecordOfTheKey(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		good := h.tokens("web", "openid").get("id_token")
		set, err := h.keys.snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		web := &storage.Client{ID: "web"}
		if _, err := set.hintFor(web, good, h.url); err != nil {
			t.Errorf("the good one: %v", err)
		}
		for name, token := range forged(t, h, good) {
			if _, err := set.hintFor(web, token, h.url); err == nil {
				t.Errorf("%s: accepted", name)
			}
			if token == "" {
				continue // an empty parameter counts as absent
			}
			got := h.authorize(h.request("web", "id_token_hint", token))
			want(t, name, got.Get("error"), "invalid_request")
		}
		h.clock.add(24 * time.Hour)
		if _, err := set.hintFor(web, good, h.url); err != nil {
			t.Errorf("an expired one: %v", err)
		}
		h.signIn(h.person)
		want(t, "an expired one", h.authorize(h.request("web", "id_token_hint", good)).Get("error"), "")
	})
}

// The library checks neither audience nor person of a hint, and cannot verify
// EdDSA.
func TestOIDC_2_2_8_HintOfAnotherApplicationOrPerson(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		mine, ed := h.tokens("web", "openid").get("id_token"), h.tokens("ed", "openid").get("id_token")
		want(t, "hers", h.authorize(h.request("web", "id_token_hint", mine, "prompt", "none")).Get("error"), "")
		want(t, "hers, EdDSA", h.authorize(h.request("ed", "id_token_hint", ed)).Get("error"), "")
		want(t, "another application's", h.authorize(h.request("other", "id_token_hint", mine)).Get("error"), "invalid_request")
		h.signIn(h.addPerson("0959999913"))
		got := h.authorize(h.request("web", "id_token_hint", mine, "prompt", "none"))
		want(t, "another person's", got.Get("error"), "login_required")
		want(t, "no code", got.Get("code"), "")
		want(t, "two people at once", h.authorize(h.request("web", "id_token_hint", mine, "claims", `{"id_token":{"sub":{"value":"x"}}}`)).Get("error"), "invalid_request")
		res, _ := h.do(http.MethodGet, PathAuthorize+"?"+h.request("web", "id_token_hint", strings.Repeat("a", 8193)).Encode(), "")
		want(t, "huge", strings.Contains(res.Header.Get("Location"), "error=invalid_request"), true)
	})
}
