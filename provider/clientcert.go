package provider

import (
	"bytes"
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

type certificateKey struct{}

// WithClientCertificate returns ctx with the certificate whose key the caller of
// a request has proved to hold: towards this program, or towards a proxy that is
// trusted to say so. Whoever receives requests sets it; nothing else is believed.
func WithClientCertificate(ctx context.Context, cert *x509.Certificate) context.Context {
	return context.WithValue(ctx, certificateKey{}, cert)
}

// clientCertificate is the certificate of the request's caller, or nil. Nothing is
// known of it but that the caller holds its key.
func clientCertificate(ctx context.Context) *x509.Certificate {
	cert, _ := ctx.Value(certificateKey{}).(*x509.Certificate)
	return cert
}

// maxCertificate bounds a certificate in a header, in bytes.
const maxCertificate = 16 << 10

// ReadCertificateHeader reads a certificate as proxies hand it on: in the form of
// RFC 9440 (base64 between colons), or as PEM, escaped for a URL or with its lines
// joined.
func ReadCertificateHeader(value string) (*x509.Certificate, error) {
	fault := errors.New("provider: the header holds no certificate")
	if len(value) > maxCertificate {
		return nil, fault
	}
	if encoded, ok := strings.CutPrefix(value, ":"); ok {
		encoded, ok = strings.CutSuffix(encoded, ":")
		der, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil {
			return nil, fault
		}
		return x509.ParseCertificate(der)
	}
	text := value
	if strings.Contains(text, "%") { // a plus is itself in base64: only percent signs are escapes
		unescaped, err := url.PathUnescape(text)
		if err != nil {
			return nil, fault
		}
		text = unescaped
	}
	const begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
	inner, ok := strings.CutPrefix(strings.TrimSpace(text), begin)
	inner, closed := strings.CutSuffix(inner, end)
	if !ok || !closed {
		return nil, fault
	}
	block, rest := pem.Decode([]byte(begin + "\n" + strings.Join(strings.Fields(inner), "\n") + "\n" + end + "\n"))
	if block == nil || len(rest) > 0 {
		return nil, fault
	}
	return x509.ParseCertificate(block.Bytes)
}

var errCertificate = errors.New("provider: the certificate is not the client's")

// checkCertificate reports whether cert proves that its holder is c (RFC 8705
// section 2), whose method is one of the two of mTLS.
func (s *Server) checkCertificate(ctx context.Context, c *storage.Client, cert *x509.Certificate) error {
	if cert == nil {
		return errCertificate
	}
	if c.Metadata.TokenEndpointAuthMethod == "self_signed_tls_client_auth" {
		now := s.Now()
		if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
			return errCertificate
		}
		return s.clientKeys.find(ctx, c, func(set jose.JSONWebKeySet) bool { return holdsCertificate(set, cert) }, errCertificate)
	}
	if s.ClientCAs == nil || !namesClient(c.Metadata, cert) {
		return errCertificate
	}
	_, err := cert.Verify(x509.VerifyOptions{
		Roots: s.ClientCAs.Roots, Intermediates: s.ClientCAs.Intermediates, CurrentTime: s.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return errors.Join(errCertificate, err)
	}
	return nil
}

// holdsCertificate reports whether one of the keys is registered with cert (RFC
// 8705 section 2.2).
func holdsCertificate(set jose.JSONWebKeySet, cert *x509.Certificate) bool {
	return slices.ContainsFunc(set.Keys, func(k jose.JSONWebKey) bool {
		return len(k.Certificates) > 0 && bytes.Equal(k.Certificates[0].Raw, cert.Raw)
	})
}

// namesClient reports whether cert names what is registered in m, which names one
// thing (RFC 8705 section 2.1.2). What stands in a certificate is compared whole
// and, but for names of hosts and addresses of mail, to the letter.
func namesClient(m storage.ClientMetadata, cert *x509.Certificate) bool {
	switch {
	case m.TLSSubjectDN != "":
		return subjectDN(cert) == m.TLSSubjectDN
	case m.TLSSANDNS != "":
		return slices.ContainsFunc(cert.DNSNames, func(name string) bool { return strings.EqualFold(name, m.TLSSANDNS) })
	case m.TLSSANURI != "":
		return slices.ContainsFunc(cert.URIs, func(u *url.URL) bool { return u.String() == m.TLSSANURI })
	case m.TLSSANIP != "":
		return slices.ContainsFunc(cert.IPAddresses, func(ip net.IP) bool { return ip.Equal(net.ParseIP(m.TLSSANIP)) })
	case m.TLSSANEmail != "":
		return slices.ContainsFunc(cert.EmailAddresses, func(email string) bool { return sameMail(email, m.TLSSANEmail) })
	default:
		return false
	}
}

// subjectDN is the subject as RFC 4514 writes it, in the certificate's own order,
// or "".
func subjectDN(cert *x509.Certificate) string {
	var names pkix.RDNSequence
	if rest, err := asn1.Unmarshal(cert.RawSubject, &names); err != nil || len(rest) > 0 {
		return ""
	}
	return names.String()
}

// sameMail compares addresses: the host's letters may differ in case (RFC 5280
// section 7.5).
func sameMail(a, b string) bool {
	nameA, hostA, okA := strings.Cut(a, "@")
	nameB, hostB, okB := strings.Cut(b, "@")
	return okA && okB && nameA == nameB && strings.EqualFold(hostA, hostB)
}

// Authorities issue the certificates of applications.
type Authorities struct{ Roots, Intermediates *x509.CertPool }

// ReadAuthorities reads certificates in PEM: those that sign themselves are
// trusted, the others lead to them.
func ReadAuthorities(text []byte) (*Authorities, error) {
	a := &Authorities{x509.NewCertPool(), x509.NewCertPool()}
	roots := 0
	for {
		var block *pem.Block
		block, text = pem.Decode(text)
		if block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, errors.New("provider: authorities: only certificates belong here, found " + block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(cert.RawSubject, cert.RawIssuer) && cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil {
			a.Roots.AddCert(cert)
			roots++
		} else {
			a.Intermediates.AddCert(cert)
		}
	}
	if roots == 0 {
		return nil, errors.New("provider: authorities: no certificate signs itself, so nothing would be trusted")
	}
	return a, nil
}
