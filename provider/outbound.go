package provider

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// errAddress says that an application's name leads to an address that nobody
// outside may make us talk to.
var errAddress = errors.New("provider: the address is not one of the public internet, nor in a network allowed")

// special are the blocks of the IANA special-purpose registries that netip does
// not know by name: none is an application's.
func special() []netip.Prefix {
	var out []netip.Prefix
	for _, s := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4",
		"2002::/16", "2001::/23", // 6to4 and Teredo, in which an IPv4 address can hide
		"2001:db8::/32", "3fff::/20",
	} {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// reachable reports whether a token may be sent to address: one of the public
// internet, or in a network that the operator names. A rule.
func reachable(address netip.Addr, networks, special []netip.Prefix) bool {
	address = address.Unmap()
	in := func(p netip.Prefix) bool { return p.Contains(address) }
	switch {
	case !address.IsValid() || address.Zone() != "":
		return false
	case slices.ContainsFunc(networks, in):
		return true
	case !address.IsGlobalUnicast(), address.IsPrivate(): // so none of loopback, link-local, multicast, broadcast, unspecified
		return false
	case address.Is6() && address.As16()[0]>>5 != 1: // outside 2000::/3 nothing is given out, and translation to IPv4 hides there
		return false
	default:
		return !slices.ContainsFunc(special, in)
	}
}

// newOutbound is what talks to applications: to addresses that are reachable
// only, looked at when the connection is made, after the name is resolved; through
// no proxy; following no redirect; with TLS verified by roots (nil: the system's).
func newOutbound(networks []netip.Prefix, roots *x509.CertPool, timeout time.Duration) *http.Client {
	blocks := special()
	dialer := &net.Dialer{Timeout: timeout, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %w", errAddress, err)
		}
		if !reachable(to.Addr(), networks, blocks) {
			return errAddress
		}
		return nil
	}}
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, DisableCompression: true,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: timeout, MaxResponseHeaderBytes: 32 << 10,
			MaxIdleConns: 64, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second,
		},
	}
}

// trouble is the class of what went wrong in talking to an application.
func trouble(err error) string {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var name *net.DNSError
	var network net.Error
	switch {
	case errors.Is(err, errAddress):
		return "address"
	case errors.As(err, &certificate), errors.As(err, &record), errors.As(err, &alert):
		return "tls"
	case errors.As(err, &network) && network.Timeout():
		return "timeout"
	case errors.As(err, &name):
		return "dns"
	default:
		return "connection"
	}
}
