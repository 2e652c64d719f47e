package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/provider"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// selfSigned is a certificate for hosts that signs itself.
func selfSigned(t *testing.T, hosts ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, DNSNames: hosts, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// registerOwn registers an application that shows a certificate of its own.
func registerOwn(t *testing.T, s *Server, cert tls.Certificate) {
	t.Helper()
	file, err := json.Marshal([]map[string]any{{
		"client_id": "own", "client_name": "Propia", "token_endpoint_auth_method": "self_signed_tls_client_auth",
		"grant_types": []string{"client_credentials"}, "scope": "historia:leer",
		"jwks": map[string]any{"keys": []map[string]any{{
			"kty": "EC", "crv": "P-256", "x": coordinate(t, cert, 0), "y": coordinate(t, cert, 1), "x5c": []string{base64.StdEncoding.EncodeToString(cert.Certificate[0])},
		}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	all, err := provider.ParseClients(file)
	if err != nil {
		t.Fatal(err)
	}
	storagetest.InTx(t, s.db, func(tx *storage.Tx) error { return all[0].Apply(t.Context(), tx, time.Now()) })
}

func coordinate(t *testing.T, cert tls.Certificate, i int) string {
	t.Helper()
	point, err := cert.Leaf.PublicKey.(*ecdsa.PublicKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(point[1+32*i : 33+32*i])
}

func ownToken() string {
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {"own"}}.Encode()
}

// Certificates are asked for at one host only, which serves applications and no
// page; metadata names it (RFC 8705 section 5).
func TestRFC8705_5_CertificatesAreAskedForAtAHostOfTheirOwn(t *testing.T) {
	server, client, other := selfSigned(t, "clave.example", "mtls.clave.example"), selfSigned(t), selfSigned(t)
	s, _ := openOn(t, storagetest.URL(t, "sqlite"), func(c *Config) {
		c.Issuer, c.MTLSOrigin = "https://clave.example", "https://mtls.clave.example"
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{server}}
	})
	registerOwn(t, s, client)
	front := httptest.NewUnstartedServer(s.public)
	front.TLS = s.cfg.TLS
	front.StartTLS()
	t.Cleanup(front.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Leaf)
	asked := 0
	send := func(method, address, body string, cert tls.Certificate) (int, string) {
		t.Helper()
		transport := &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { asked++; return &cert, nil }},
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, front.Listener.Addr().String())
			},
		}
		defer transport.CloseIdleConnections()
		r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text)
	}
	for _, tt := range []struct {
		name, address string
		cert          tls.Certificate
		status, asked int
	}{
		{"its own", "https://mtls.clave.example/oauth/token", client, 200, 1},
		{"another's", "https://mtls.clave.example/oauth/token", other, 401, 1},
		{"where nobody asks", "https://clave.example/oauth/token", client, 401, 0},
	} {
		asked = 0
		if status, text := send("POST", tt.address, ownToken(), tt.cert); status != tt.status || asked != tt.asked {
			t.Errorf("%s: got %d, asked %d times, want %d, %d: %s", tt.name, status, asked, tt.status, tt.asked, text)
		}
	}
	for _, path := range []string{"/", "/ingresar", "/authorize", "/oauth/logout", "/.well-known/openid-configuration"} {
		if status, _ := send("GET", "https://mtls.clave.example"+path, "", client); status != http.StatusMisdirectedRequest {
			t.Errorf("%s at the host for applications: got %d, want 421", path, status)
		}
	}
	_, text := send("GET", "https://clave.example/.well-known/openid-configuration", "", client)
	var m struct {
		Methods []string          `json:"token_endpoint_auth_methods_supported"`
		Aliases map[string]string `json:"mtls_endpoint_aliases"`
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(m.Methods, " "), "self_signed_tls_client_auth") || strings.Contains(strings.Join(m.Methods, " "), " tls_client_auth") {
		t.Errorf("methods: got %q, want that of own certificates, and not that of authorities, of whom there is none", m.Methods)
	}
	if len(m.Aliases) < 4 || m.Aliases["token_endpoint"] != "https://mtls.clave.example/oauth/token" {
		t.Errorf("aliases: got %v", m.Aliases)
	}
	for name, address := range m.Aliases {
		if status, text := send("GET", address, "", client); status == http.StatusMisdirectedRequest || status == http.StatusNotFound {
			t.Errorf("%s does not exist: %d %s", name, status, text)
		}
	}
}

// A trusted proxy hands a certificate on; from anybody else the header is nothing.
func TestRFC8705_BCP_4_13_CertificateFromTheProxyAlone(t *testing.T) {
	cert := selfSigned(t)
	s, log := openOn(t, storagetest.URL(t, "sqlite"), func(c *Config) {
		c.Proxy = Proxy{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Certificate: "Client-Cert"}
	})
	registerOwn(t, s, cert)
	good := ":" + base64.StdEncoding.EncodeToString(cert.Certificate[0]) + ":"
	inTLS := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert.Leaf}}
	for _, tt := range []struct {
		name, peer, header string
		values             []string
		tls                *tls.ConnectionState
		status             int
	}{
		{"the proxy", "10.1.2.3:5", "Client-Cert", []string{good}, nil, 200},
		{"a stranger", "192.0.2.9:5", "Client-Cert", []string{good}, nil, 401},
		{"another header", "10.1.2.3:5", "X-Client-Cert", []string{good}, nil, 401},
		{"two", "10.1.2.3:5", "Client-Cert", []string{good, good}, nil, 401},
		{"nonsense", "10.1.2.3:5", "Client-Cert", []string{"x"}, nil, 401},
		{"empty", "10.1.2.3:5", "Client-Cert", []string{""}, nil, 401},
		{"the proxy's own is not the client's", "10.1.2.3:5", "X", []string{""}, inTLS, 401},
		{"shown to us", "192.0.2.9:5", "X", []string{""}, inTLS, 200},
	} {
		w := ask(s, "POST", "/oauth/token", func(r *http.Request) {
			r.RemoteAddr, r.TLS, r.Body, r.ContentLength = tt.peer, tt.tls, io.NopCloser(strings.NewReader(ownToken())), int64(len(ownToken()))
			r.Header[http.CanonicalHeaderKey(tt.header)] = tt.values
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		})
		if w.Code != tt.status {
			t.Errorf("%s: got %d, want %d: %s", tt.name, w.Code, tt.status, w.Body)
		}
	}
	if got := strings.Count(log.String(), "holds no certificate, or several"); got != 2 {
		t.Errorf("the log says so %d times, want 2", got)
	}
}

func TestMTLSOriginIsAHostOfItsOwn(t *testing.T) {
	for _, origin := range []string{"http://mtls.example", "https://clave.example", "https://clave.example:8443", "https://mtls.example/", "mtls.example", "https://Mtls.example"} {
		_, err := New(t.Context(), Config{Issuer: "https://clave.example", TLS: &tls.Config{MinVersion: tls.VersionTLS12}, MTLSOrigin: origin, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), "mTLS") {
			t.Errorf("%s: got %v, want it refused", origin, err)
		}
	}
}
