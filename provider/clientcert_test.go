package provider

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// authority issues certificates in a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, parent *authority, name string, noon time.Time) *authority {
	t.Helper()
	key := newTestKey(t, "").private
	a := &authority{t: t, key: key}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	if parent == nil {
		parent = &authority{t, template, key}
	}
	a.cert = parent.sign(template, key)
	return a
}

func (a *authority) sign(template *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

// issue is a good certificate of a client, changed by change.
func (a *authority) issue(noon time.Time, change func(*x509.Certificate)) *x509.Certificate {
	a.t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(24 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		Subject:  pkix.Name{CommonName: "lotes", Organization: []string{"IESS, Quito"}, Country: []string{"EC"}},
		DNSNames: []string{"lotes.example", "lotes2.example"}, EmailAddresses: []string{"Mesa@lotes.example"},
		IPAddresses: []net.IP{net.ParseIP("192.0.2.7"), net.ParseIP("2001:db8::7")}, URIs: []*url.URL{{Scheme: "spiffe", Host: "iess", Path: "/lotes"}},
	}
	if change != nil {
		change(template)
	}
	return a.sign(template, newTestKey(a.t, "").private)
}

func inPEM(certs ...*x509.Certificate) []byte {
	var out []byte
	for _, c := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}

func (h *house) byCertificate(client string, cert *x509.Certificate) answerOf {
	h.t.Helper()
	ctx := h.t.Context()
	if cert != nil {
		ctx = WithClientCertificate(ctx, cert)
	}
	return h.postIn(ctx, PathToken, ownToken("client_id", client))
}

func TestRFC8705_2_1_CertificateOfAnAuthority(t *testing.T) {
	one(t, func(t *testing.T, h *house) {
		noon := h.clock.now()
		root := newAuthority(t, nil, "raíz", noon)
		issuing := newAuthority(t, root, "emisora", noon)
		stranger := newAuthority(t, nil, "raíz", noon)
		members := map[string]string{
			"tls_client_auth_subject_dn": `CN=lotes,O=IESS\\, Quito,C=EC`, "tls_client_auth_san_dns": "LOTES2.example", "tls_client_auth_san_uri": "spiffe://iess/lotes",
			"tls_client_auth_san_ip": "2001:0db8::7", "tls_client_auth_san_email": "Mesa@LOTES.example",
		}
		for member, value := range members {
			h.apply(`[{"client_id":"` + member + `","client_name":"Lotes","token_endpoint_auth_method":"tls_client_auth","` + member + `":"` + value + `",
				"grant_types":["client_credentials"],"scope":"historia:leer"}]`)
		}
		h.clock.add(time.Second)
		good := issuing.issue(noon, nil)
		want(t, "no authority is known", h.byCertificate("tls_client_auth_san_dns", good).get("error"), "invalid_client")
		cas, err := ReadAuthorities(inPEM(issuing.cert, root.cert))
		if err != nil {
			t.Fatal(err)
		}
		h.ClientCAs = cas
		for member := range members {
			want(t, member, h.byCertificate(member, good).status, http.StatusOK)
		}
		for name, tt := range map[string]struct {
			client string
			cert   *x509.Certificate
		}{
			"none":                     {"tls_client_auth_san_dns", nil},
			"another authority's":      {"tls_client_auth_san_dns", stranger.issue(noon, nil)},
			"expired":                  {"tls_client_auth_san_dns", issuing.issue(noon, func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Second) })},
			"not yet":                  {"tls_client_auth_san_dns", issuing.issue(noon, func(c *x509.Certificate) { c.NotBefore = noon.Add(time.Hour) })},
			"for servers":              {"tls_client_auth_san_dns", issuing.issue(noon, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })},
			"another host":             {"tls_client_auth_san_dns", issuing.issue(noon, func(c *x509.Certificate) { c.DNSNames = []string{"x.lotes2.example"} })},
			"another subject":          {"tls_client_auth_subject_dn", issuing.issue(noon, func(c *x509.Certificate) { c.Subject.CommonName = "Lotes" })},
			"a subject with more":      {"tls_client_auth_subject_dn", issuing.issue(noon, func(c *x509.Certificate) { c.Subject.Province = []string{"Pichincha"} })},
			"another address":          {"tls_client_auth_san_ip", issuing.issue(noon, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP("2001:db8::8")} })},
			"another mailbox":          {"tls_client_auth_san_email", issuing.issue(noon, func(c *x509.Certificate) { c.EmailAddresses = []string{"mesa@lotes.example"} })},
			"another URI":              {"tls_client_auth_san_uri", issuing.issue(noon, func(c *x509.Certificate) { c.URIs = []*url.URL{{Scheme: "spiffe", Host: "iess", Path: "/otros"}} })},
			"of a client of a secret":  {"web", good},
			"of a public client":       {"mobile", good},
			"of nobody":                {"nobody", good},
			"the authority itself":     {"tls_client_auth_san_dns", root.cert},
			"the names in the subject": {"tls_client_auth_san_dns", issuing.issue(noon, func(c *x509.Certificate) { c.DNSNames, c.Subject.CommonName = nil, "lotes2.example" })},
		} {
			got := h.byCertificate(tt.client, tt.cert)
			want(t, name, got.get("error"), map[bool]string{true: "unauthorized_client", false: "invalid_client"}[tt.client == "mobile"])
		}
		secretToo := h.postIn(WithClientCertificate(t.Context(), good), PathToken, ownToken("client_id", "tls_client_auth_san_dns", "client_secret", secret))
		want(t, "and a secret", secretToo.get("error"), "invalid_client")
	})
}

func TestRFC8705_2_2_SelfSignedCertificate(t *testing.T) {
	one(t, func(t *testing.T, h *house) {
		noon := h.clock.now()
		own, other := newAuthority(t, nil, "propio", noon), newAuthority(t, nil, "propio", noon)
		set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: own.key.Public(), KeyID: "1", Certificates: []*x509.Certificate{own.cert}}}})
		if err != nil {
			t.Fatal(err)
		}
		h.apply(`[{"client_id":"own","client_name":"Propio","token_endpoint_auth_method":"self_signed_tls_client_auth","jwks":` + string(set) + `,
			"grant_types":["client_credentials"],"scope":"historia:leer"}]`)
		h.clock.add(time.Second)
		want(t, "its own", h.byCertificate("own", own.cert).status, http.StatusOK)
		want(t, "of the same name", h.byCertificate("own", other.cert).get("error"), "invalid_client")
		renewed := (&authority{t, own.cert, own.key}).sign(&x509.Certificate{SerialNumber: big.NewInt(9), NotBefore: noon, NotAfter: noon.Add(time.Hour)}, own.key)
		want(t, "the same key in another certificate", h.byCertificate("own", renewed).get("error"), "invalid_client")
		want(t, "none", h.byCertificate("own", nil).get("error"), "invalid_client")
		h.clock.add(-2 * time.Hour)
		want(t, "not yet", h.byCertificate("own", own.cert).get("error"), "invalid_client")
		h.clock.add(51 * time.Hour)
		want(t, "expired", h.byCertificate("own", own.cert).get("error"), "invalid_client")
	})
}

func TestRFC8705_2_1_2_Registration(t *testing.T) {
	app := func(members string) string {
		return `[{"client_id":"a","client_name":"A","grant_types":["client_credentials"],"scope":"x:y",` + members + `}]`
	}
	for members, reason := range map[string]string{
		`"token_endpoint_auth_method":"tls_client_auth"`:                                                                               "needs it or one",
		`"token_endpoint_auth_method":"tls_client_auth","tls_client_auth_san_dns":"a","tls_client_auth_san_ip":"192.0.2.1"`:            "only one",
		`"token_endpoint_auth_method":"tls_client_auth","tls_client_auth_san_ip":"host"`:                                               "not an IP address",
		`"token_endpoint_auth_method":"tls_client_auth","tls_client_auth_san_dns":"a","client_secret":"` + secret + `"`:                "client_secret: contradicts",
		`"token_endpoint_auth_method":"self_signed_tls_client_auth"`:                                                                   "needs jwks or jwks_uri",
		`"token_endpoint_auth_method":"self_signed_tls_client_auth","jwks":` + newTestKey(t, "1").set(t):                               "x5c",
		`"token_endpoint_auth_method":"private_key_jwt"`:                                                                               "needs jwks or jwks_uri",
		`"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://a.example/","jwks":` + newTestKey(t, "1").set(t):           "contradicts jwks_uri",
		`"token_endpoint_auth_method":"private_key_jwt","token_endpoint_auth_signing_alg":"PS256","jwks":` + newTestKey(t, "1").set(t): "no key that signs with PS256",
		`"token_endpoint_auth_method":"none"`:                                                                                          "client_credentials contradicts",
	} {
		_, err := ParseClients([]byte(app(members)))
		if err == nil || !strings.HasPrefix(err.Error(), `index 0, client "a": `) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: got %v, want %q", members, err, reason)
		}
	}
}

// Proxies hand certificates on in several ways; anything else is no certificate.
func TestRFC9440_CertificateHeader(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	cert := newAuthority(t, nil, "x", noon).cert
	text := string(inPEM(cert))
	for name, value := range map[string]string{
		"RFC 9440":    ":" + base64.StdEncoding.EncodeToString(cert.Raw) + ":",
		"escaped PEM": url.PathEscape(text), "as a query": strings.ReplaceAll(url.QueryEscape(text), "+", "%20"), "lines joined": strings.ReplaceAll(text, "\n", " "),
	} {
		got, err := ReadCertificateHeader(value)
		if err != nil || !got.Equal(cert) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, value := range map[string]string{
		"empty": "", "nonsense": "x", "not closed": ":AAAA", "no certificate": ":AAAA:", "bad escape": "%zz", "cut": text[:len(text)-10],
		"two": text + text, "a key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "huge": ":" + strings.Repeat("A", 1<<20) + ":",
	} {
		if _, err := ReadCertificateHeader(value); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if clientCertificate(context.Background()) != nil {
		t.Error("a request without certificate has one")
	}
	for name, file := range map[string][]byte{"empty": nil, "a key": []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "no root": inPEM(newAuthority(t, newAuthority(t, nil, "r", noon), "i", noon).cert)} {
		if _, err := ReadAuthorities(file); err == nil {
			t.Errorf("authorities, %s: accepted", name)
		}
	}
}
