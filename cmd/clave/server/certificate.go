package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"iess.gob.ec/clave/provider"
)

// checkMTLS reads the origin at which applications are asked for a certificate,
// "" for none: a host of its own, or people's browsers would ask them for one
// wherever they sign in.
func checkMTLS(origin string, issuer *url.URL) (*url.URL, error) {
	if origin == "" {
		return &url.URL{}, nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "https" || u.Host == "" || origin != "https://"+strings.ToLower(u.Host) {
		return nil, errors.New("server: the origin for mTLS must be like https://mtls.clave.iess.gob.ec")
	}
	if u.Hostname() == issuer.Hostname() {
		return nil, errors.New("server: the origin for mTLS needs another host than the issuer's")
	}
	return u, nil
}

// asking is cfg, asking for a client's certificate where the connection is for
// host, and nowhere else. Who issued it is for whoever uses it to judge: some
// applications issue their own.
func asking(cfg *tls.Config, host string) *tls.Config {
	if cfg == nil || host == "" {
		return cfg
	}
	asks := cfg.Clone()
	asks.ClientAuth, asks.NextProtos = tls.RequestClientCert, []string{"http/1.1"}
	both := cfg.Clone()
	both.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if strings.EqualFold(hello.ServerName, host) {
			return asks, nil
		}
		return nil, nil //nolint:nilnil // the library's word for the config itself
	}
	return both
}

// certificate is the one whose key the client holds: as the connection proved or,
// where a trusted proxy is at its other end, as that says. What others write into
// the proxy's header is not read.
func (g *guard) certificate(r *http.Request, peer string) *x509.Certificate {
	ap, err := netip.ParseAddrPort(peer)
	if err != nil || !g.proxy.trusts(ap.Addr().Unmap().WithZone("")) {
		if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
			return r.TLS.PeerCertificates[0]
		}
		return nil
	}
	values := r.Header.Values(g.proxy.Certificate)
	if g.proxy.Certificate == "" || len(values) == 0 || len(values) == 1 && values[0] == "" {
		return nil
	}
	if len(values) == 1 {
		cert, err := provider.ReadCertificateHeader(values[0])
		if err == nil {
			return cert
		}
	}
	g.log.WarnContext(r.Context(), "the proxy's header holds no certificate, or several", "header", g.proxy.Certificate)
	return nil
}

// forMachines reports whether r is for the host that asks for certificates. Pages
// are not served there.
func (g *guard) forMachines(r *http.Request, host string) bool {
	return g.mtls.Host != "" && host == g.mtls.Host && slices.Contains(provider.MachinePaths(), r.URL.Path)
}
