package provider

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Only what the holder of a key has signed is a proof, and what is read of it is
// within bounds.
func FuzzT27_DPoPProof(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		f.Fatal(err)
	}
	good, err := compact(signer, []byte(`{"jti":"a","htm":"POST","htu":"https://op.example/oauth/token","iat":1000}`))
	if err != nil {
		f.Fatal(err)
	}
	signed, err := readProof(good)
	if err != nil {
		f.Fatal(err)
	}
	parts := strings.Split(good, ".")
	head := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for _, raw := range []string{
		good, good + "x", "", "..", "a.b.c", head(`{"alg":"none","typ":"dpop+jwt"}`) + "." + parts[1] + ".",
		head(`{"alg":"ES256","typ":"dpop+jwt","jwk":{"kty":"EC"}}`) + "." + parts[1] + "." + parts[2],
		head(`{"alg":"EdDSA","typ":"dpop+jwt","jwk":{"kty":"OKP","crv":"Ed25519","x":""}}`) + "." + parts[1] + "." + parts[2],
		head(`{"alg":"PS256","typ":"dpop+jwt","jwk":{"kty":"RSA","n":"AQ","e":"AQAB"}}`) + "." + parts[1] + "." + parts[2],
		`{"payload":"","signatures":[]}`, strings.Repeat("a.", 3000),
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		p, err := readProof(raw)
		if err == nil && p.jkt == signed.jkt && (p.jti != "a" || p.htm != "POST" || p.iat != 1000) {
			t.Errorf("%q is believed: %+v", raw, p)
		}
		if err == nil && (len(p.jkt) != 43 || p.jti == "" || len(p.jti) > 256) {
			t.Errorf("%q is read as %+v", raw, p)
		}
	})
}

// What the claims of a proof or a request object say, whoever signed them.
func FuzzT27_SignedRequestClaims(f *testing.F) {
	for _, payload := range []string{
		`{"jti":"a","htm":"POST","htu":"https://op.example/oauth/token","iat":1000}`, `{"jti":"a","htm":"GET","htu":"HTTPS://OP.example:443/oauth/token?x#y","iat":1e3,"nbf":1,"exp":2000}`,
		`{"iss":"web","client_id":"web","aud":"https://op.example","exp":1500,"nbf":900,"scope":"openid","max_age":5}`,
		`{"iss":"web","client_id":"web","aud":["https://op.example"],"exp":1500.5,"nbf":900,"claims":{"id_token":{"name":null}},"resource":["a","b"]}`,
		`{"request":"x"}`, `{"aud":null,"exp":null}`, `{"a":1,"a":2}`, `[]`, `null`, `{}`, "\"\xff\"", `{"state":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}`, `{"exp":1e400}`, `{"max_age":-1,"state":null}`,
	} {
		f.Add(payload)
	}
	now, ours := time.Unix(1000, 0), []string{"https://op.example/oauth/token"}
	f.Fuzz(func(t *testing.T, payload string) {
		if p, err := readProofClaims([]byte(payload), "k"); err == nil && p.check("POST", ours, "", now) == nil {
			u, err := url.Parse(p.htu)
			if err != nil || p.htm != "POST" || !strings.EqualFold(u.Scheme, "https") || !strings.EqualFold(u.Hostname(), "op.example") || u.Path != "/oauth/token" {
				t.Errorf("%q is taken for a proof of this request", payload)
			}
		}
		o, err := readRequestObject([]byte(payload))
		if err != nil {
			return
		}
		for _, own := range []string{"iss", "aud", "exp", "nbf", "jti", "sub"} {
			if len(o.form[own]) > 0 {
				t.Errorf("%q: %s is a parameter", payload, own)
			}
		}
		if o.check("web", "https://op.example", now) != nil {
			return
		}
		var said struct {
			Exp, Nbf float64
			ClientID string `json:"client_id"`
		}
		if err := json.Unmarshal([]byte(payload), &said); err != nil || said.ClientID != "web" || said.Exp < 990 || said.Exp-said.Nbf > 3600 {
			t.Errorf("%q is taken for a request of now: %+v %v", payload, said, err)
		}
		if q, bad := readAuthorization(fuzzClient(), o.form, func(string) (string, error) { return "", errHint }); bad == nil && !clean(q.State+q.Nonce+q.Scope+q.Params.LoginHint+q.Params.JKT, false) {
			t.Errorf("%q: characters the database refuses", payload)
		}
	})
}
