package provider

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
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
