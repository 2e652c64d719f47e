package main

import (
	"net/url"
	"os"
	"strings"
	"time"

	"iess.gob.ec/clave/provider"
)

// mtlsOrigin reads where applications are asked for certificates.
func mtlsOrigin(to *string) setter {
	return func(e entry) []fault {
		var u *url.URL
		if faults := issuer(&u)(e); faults != nil {
			return faults
		}
		if u.Scheme != "https" {
			return wrong("write https:// and the host, such as https://mtls.clave.iess.gob.ec", "%q has no TLS", clip(e.text))
		}
		*to = e.text
		return nil
	}
}

// authorities reads a file of those who issue applications' certificates.
func (c *config) authorities(to **provider.Authorities) setter {
	return func(e entry) []fault {
		if faults := c.statFile(e.text, false, absent); faults != nil {
			return faults
		}
		text, err := os.ReadFile(c.path(e.text))
		if err == nil {
			*to, err = provider.ReadAuthorities(text)
		}
		if err != nil {
			return wrong("write the authorities' certificates in PEM", "%s", strings.TrimPrefix(err.Error(), "provider: authorities: "))
		}
		return nil
	}
}

// mutual refuses what would leave applications without anybody to show their
// certificates to.
func (r *reader) mutual(c *config) {
	switch u, err := url.Parse(c.MTLS.Origin); {
	case c.MTLS.Origin == "" || err != nil || c.Issuer == nil:
	case u.Hostname() == c.Issuer.Hostname():
		r.refuse("mtls.origin", "is the issuer's host: every browser would be asked for a certificate", "give it a host of its own")
	case c.TLS.Cert == "" && c.Proxy.Certificate == "":
		r.refuse("mtls.origin", "is named, yet nothing receives certificates", "write tls.cert_file and tls.key_file, or proxy.certificate_header")
	case c.TLS.Cert != "" && c.TLS.Key != "":
		if what, remedy := certificate(c.TLS.Cert, c.TLS.Key, u.Hostname(), time.Now()); what != "" {
			r.refuse("mtls.origin", "has no certificate: tls.cert_file "+what, remedy)
		}
	}
	if c.Proxy.Certificate != "" && len(c.Proxy.Trusted) == 0 {
		r.refuse("proxy.certificate_header", "is named, yet no proxy is", "write proxy.trusted")
	}
	if c.MTLS.CAs != nil && c.MTLS.Origin == "" && c.Proxy.Certificate == "" {
		r.refuse("mtls.ca_file", "is named, yet nothing receives certificates", "write mtls.origin, or proxy.certificate_header")
	}
}
