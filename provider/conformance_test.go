package provider

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// suitePlan is what we look at of a configuration for a plan of the OpenID
// Foundation conformance suite.
type suitePlan struct {
	Alias            string          `json:"alias"`
	Client           suiteClient     `json:"client"`
	Client2          suiteClient     `json:"client2"`
	ClientSecretPost suiteClient     `json:"client_secret_post"`
	MTLS             suiteIdentity   `json:"mtls"`
	MTLS2            suiteIdentity   `json:"mtls2"`
	Browser          json.RawMessage `json:"browser"`
}

type suiteClient struct {
	ID     string              `json:"client_id"`
	Secret string              `json:"client_secret"`
	Scope  string              `json:"scope"`
	JWKS   *jose.JSONWebKeySet `json:"jwks"`
}

type suiteIdentity struct {
	Cert string `json:"cert"`
	Key  string `json:"key"`
}

// The registrations for the conformance suite can be applied, and what its plans
// say of applications is what those say.
func TestConformancePlansFitTheirRegistrations(t *testing.T) {
	folder := filepath.Join("testdata", "conformance")
	text, err := os.ReadFile(filepath.Join(folder, "clients.json"))
	if err != nil {
		t.Fatal(err)
	}
	clients, err := ParseClients(text)
	if err != nil {
		t.Fatal(err)
	}
	plans, err := filepath.Glob(filepath.Join(folder, "plans", "*.json"))
	if err != nil || len(plans) != 13 {
		t.Fatalf("plans: %d, %v", len(plans), err)
	}
	unused := map[string]bool{"cuentas": false} // the API
	for _, c := range clients {
		unused[c.ID] = c.ID != "cuentas"
	}
	for _, file := range plans {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var p suitePlan
			if err := json.Unmarshal(text, &p); err != nil {
				t.Fatal(err)
			}
			for i, c := range []suiteClient{p.Client, p.Client2, p.ClientSecretPost} {
				if c.ID == "" {
					continue
				}
				unused[c.ID] = false
				at := slices.IndexFunc(clients, func(r Registration) bool { return r.ID == c.ID })
				if at < 0 {
					t.Fatalf("%s is not registered", c.ID)
				}
				fitsRegistration(t, clients[at], c, "https://suite.test:8443/test/a/"+p.Alias+"/", len(p.Browser) > 0)
				fitsCertificate(t, clients[at], []suiteIdentity{p.MTLS, p.MTLS2, {}}[i])
			}
		})
	}
	for id, is := range unused {
		want(t, id+" is of no plan", is, false)
	}
}

// fitsRegistration checks what the suite does as c against what r may.
func fitsRegistration(t *testing.T, r Registration, c suiteClient, base string, signsIn bool) {
	t.Helper()
	want(t, r.ID+": secret", c.Secret, r.secret)
	if signsIn {
		want(t, r.ID+": "+base, slices.Contains(r.Metadata.RedirectURIs, base+"callback"), true)
	}
	for _, uri := range slices.Concat(r.Metadata.RedirectURIs, r.Metadata.PostLogoutRedirectURIs) {
		want(t, r.ID+": "+uri, strings.HasPrefix(uri, base), true)
	}
	for _, scope := range strings.Fields(c.Scope) {
		want(t, r.ID+": scope "+scope, slices.Contains(strings.Fields(r.Metadata.Scope), scope), true)
	}
	if c.JWKS == nil {
		return
	}
	var public jose.JSONWebKeySet
	if err := json.Unmarshal(r.Metadata.JWKS, &public); err != nil {
		t.Fatal(err)
	}
	for _, k := range c.JWKS.Keys {
		known := public.Key(k.KeyID)
		want(t, r.ID+": keys "+k.KeyID, len(known), 1)
		want(t, r.ID+": private key", k.IsPublic(), false)
		ours, err := json.Marshal(k.Public())
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := json.Marshal(known[0])
		if err != nil {
			t.Fatal(err)
		}
		want(t, r.ID+": key", string(theirs), string(ours))
	}
}

// fitsCertificate checks that who needs a certificate has the one it registered.
func fitsCertificate(t *testing.T, r Registration, id suiteIdentity) {
	t.Helper()
	method := r.Metadata.TokenEndpointAuthMethod
	needed := r.Metadata.CertificateBound || slices.Contains(certificateMethods(), method)
	want(t, r.ID+": has a certificate", id.Cert != "" && id.Key != "", needed)
	if !needed {
		return
	}
	block, _ := pem.Decode([]byte(id.Cert))
	if block == nil {
		t.Fatalf("%s: the certificate is no PEM", r.ID)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	switch method {
	case "tls_client_auth":
		want(t, r.ID+": subject", cert.Subject.String(), r.Metadata.TLSSubjectDN)
	case "self_signed_tls_client_auth":
		var public jose.JSONWebKeySet
		if err := json.Unmarshal(r.Metadata.JWKS, &public); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(cert.Raw)
		want(t, r.ID+": x5c", slices.ContainsFunc(public.Keys, func(k jose.JSONWebKey) bool {
			return len(k.Certificates) == 1 && sha256.Sum256(k.Certificates[0].Raw) == sum
		}), true)
	default: // it is not registered: the tokens are bound to whatever is shown
	}
}
