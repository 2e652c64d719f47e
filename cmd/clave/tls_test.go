package main

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestASVS_12_1_1_FAPI_N1_OnlyModernTLS shakes hands as old and new clients do.
func TestASVS_12_1_1_FAPI_N1_OnlyModernTLS(t *testing.T) {
	dir := t.TempDir()
	writeCertificate(t, dir, "good", "localhost", time.Now().Add(time.Hour))
	pair, err := newKeyPair(filepath.Join(dir, "good.pem"), filepath.Join(dir, "good.key"), time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		client *tls.Config
		want   bool
	}{
		{"1.3", &tls.Config{MinVersion: tls.VersionTLS13}, true},
		{"1.2 with AEAD", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}, true},
		{"1.2 with ChaCha20", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}}, false},
		{"1.2 with CBC", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, false},
		{"1.2 without forward secrecy", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, false},
		{"1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			here, there := net.Pipe()
			defer here.Close()
			defer there.Close()
			done := make(chan error, 1)
			go func() { done <- tls.Server(there, tlsConfig(pair)).HandshakeContext(t.Context()) }()
			tt.client.InsecureSkipVerify = true
			err := tls.Client(here, tt.client).HandshakeContext(t.Context())
			here.Close()
			if serr := <-done; (serr == nil) != tt.want {
				t.Errorf("the server's side: %v", serr)
			}
			if got := err == nil; got != tt.want {
				t.Errorf("handshake: got %v (%v), want %v", got, err, tt.want)
			}
		})
	}
}

func TestCertificateIsReloaded(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	writeCertificate(t, dir, "good", "localhost", now.Add(time.Hour))
	pair, err := newKeyPair(filepath.Join(dir, "good.pem"), filepath.Join(dir, "good.key"), func() time.Time { return now }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	inUse := func() string {
		t.Helper()
		c, err := pair.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf.SerialNumber.String()
	}
	first := inUse()
	writeCertificate(t, dir, "good", "localhost", now.Add(2*time.Hour))
	later := now.Add(time.Minute) // whatever the file system's clock can tell apart
	for _, name := range []string{"good.pem", "good.key"} {
		if err := os.Chtimes(filepath.Join(dir, name), later, later); err != nil {
			t.Fatal(err)
		}
	}
	if got := inUse(); got != first {
		t.Error("the files are looked at again at each handshake")
	}
	now = now.Add(recheck)
	second := inUse()
	if second == first {
		t.Error("a replaced certificate was not taken")
	}
	writeFile(t, filepath.Join(dir, "good.pem"), "half of it")
	now = now.Add(recheck)
	if got := inUse(); got != second {
		t.Error("a broken certificate put the good one out of use")
	}
}

func TestServeWithTLS(t *testing.T) {
	file := installed(t, "sqlite:clave.db")
	dir := filepath.Dir(file)
	writeCertificate(t, dir, "good", "localhost", time.Now().Add(time.Hour))
	p := serveAs(t, "https", file, "CLAVE_TLS_CERT_FILE=good.pem", "CLAVE_TLS_KEY_FILE=good.key")
	text, err := os.ReadFile(filepath.Join(dir, "good.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}}}
	defer client.CloseIdleConnections()
	res, err := client.Get(p.issuer + "/ingresar")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 || res.ProtoMajor != 2 || res.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("got %s %d, HSTS %q, want HTTP/2, 200 and HSTS", res.Proto, res.StatusCode, res.Header.Get("Strict-Transport-Security"))
	}
	for _, c := range res.Cookies() {
		if !c.Secure || c.Name[:7] != "__Host-" {
			t.Errorf("cookie %s: want __Host- and Secure", c.Name)
		}
	}
}
