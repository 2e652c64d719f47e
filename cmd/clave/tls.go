package main

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"
)

// tlsConfig ends TLS as RFC 9325 (BCP 195) asks: 1.2 with the four suites it
// recommends and no other (section 4.2, FAPI 2.0 Security Profile 5.2.2), and 1.3.
func tlsConfig(k *keyPair) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{ // of 1.2; those of 1.3 are not to be chosen
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		},
		GetCertificate: k.get,
	}
}

// recheck is how long a replaced certificate may go unnoticed.
const recheck = 10 * time.Second

// keyPair is the certificate in use; it reads the files again when they change.
type keyPair struct {
	certFile, keyFile string
	now               func() time.Time
	log               *slog.Logger

	mu       sync.Mutex
	checked  time.Time
	modified [2]time.Time
	current  *tls.Certificate
}

func newKeyPair(certFile, keyFile string, now func() time.Time, log *slog.Logger) (*keyPair, error) {
	k := &keyPair{certFile: certFile, keyFile: keyFile, now: now, log: log}
	_, err := k.get(nil)
	return k, err
}

// get is for tls.Config. A pair that cannot be read leaves the one in use.
func (k *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if k.current != nil && now.Sub(k.checked) < recheck {
		return k.current, nil
	}
	k.checked = now
	if err := k.reload(); err != nil {
		if k.current == nil {
			return nil, err
		}
		k.log.Error("the replaced certificate cannot be used, the former one stays", "cause", err.Error())
	}
	return k.current, nil
}

func (k *keyPair) reload() error {
	cert, err := os.Stat(k.certFile)
	key, kerr := os.Stat(k.keyFile)
	if err := errors.Join(err, kerr); err != nil {
		return err
	}
	modified := [2]time.Time{cert.ModTime(), key.ModTime()}
	if modified == k.modified {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(k.certFile, k.keyFile)
	if err != nil {
		return err // the other file may follow in a moment
	}
	if k.current != nil {
		k.log.Info("certificate reloaded", "expires", pair.Leaf.NotAfter.UTC())
	}
	k.modified, k.current = modified, &pair
	return nil
}
