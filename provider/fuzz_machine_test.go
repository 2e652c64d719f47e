package provider

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

// Whatever an assertion says, it is believed only of the client, for us, and for
// a few minutes.
func FuzzT27_ClientAssertion(f *testing.F) {
	now := time.Unix(1_795_348_800, 0)
	for _, claims := range []string{
		`{"iss":"c","sub":"c","aud":"https://op.example","exp":1795348860,"jti":"1"}`, `{"iss":"c","sub":"c","aud":["https://op.example/oauth/token"],"exp":1795348860.5,"jti":"1"}`,
		`{"iss":"c","sub":"c","aud":{},"exp":"x"}`, `{"exp":1e309}`, `{"iss":"c","iss":"d"}`, `[]`, `null`, `{"aud":[[[[]]]]}`, "{\"iss\":\"\xff\"}", `{"SUB":"c"}`,
	} {
		f.Add(claims, "")
		f.Add(claims, profileFAPI2)
	}
	f.Fuzz(func(t *testing.T, claims, profile string) {
		token := "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".AAAA"
		if id := assertedClient(token); id != "" && faultOf("client_id", id) != "" {
			t.Errorf("%q names the client %q", claims, id)
		}
		assertedClient(claims)
		a, err := readAssertion([]byte(claims))
		if err != nil || a.check(&storage.Client{ID: "c", Metadata: storage.ClientMetadata{Profile: profile}}, "https://op.example", now) != nil {
			return
		}
		left := time.Unix(int64(*a.Exp), 0).Sub(now)
		if a.Iss != "c" || a.Sub != "c" || a.JTI == "" || left < 0 || left > assertionLife+clockSkew {
			t.Errorf("%q is believed", claims)
		}
		var several []string
		if json.Unmarshal(a.Aud, &several) == nil && (profile == profileFAPI2 || len(several) == 0) {
			t.Errorf("%q is believed under %q", claims, profile)
		}
	})
}

// Whatever an application serves as keys, or a proxy writes as a certificate, is
// refused or is what it says.
func FuzzT27_KeysAndCertificates(f *testing.F) {
	for _, text := range []string{
		`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","kid":"1"}]}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"x"}]}`, `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`,
		`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","x5c":["AA"]}]}`, `{"keys":[null]}`, `{"keys":[{"kty":"oct","k":"AA"}]}`, `[]`, "::", ":AAAA:",
		"-----BEGIN CERTIFICATE----- AAAA -----END CERTIFICATE-----", "%2d%2d", strings.Repeat("[", 100),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if set, err := parseClientKeys(text); err == nil {
			for _, k := range set.Keys {
				if !k.IsPublic() || !k.Valid() || strong(k.Key) != nil {
					t.Errorf("%q: kept %+v", text, k)
				}
				served := 0
				for _, alg := range signingAlgs("") {
					if serves(k, alg, k.KeyID) {
						served++
					}
				}
				if served > 2 {
					t.Errorf("%q: one key serves %d algorithms", text, served)
				}
			}
		}
		if cert, err := ReadCertificateHeader(string(text)); err == nil && len(cert.Raw) == 0 {
			t.Errorf("%q: a certificate of nothing", text)
		} else if err == nil {
			holdsCertificate(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Certificates: []*x509.Certificate{cert}}}}, cert)
			subjectDN(cert)
		}
	})
}
