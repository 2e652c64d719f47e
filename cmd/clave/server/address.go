package server

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxy names who may speak for a client. The zero value trusts nobody.
type Proxy struct {
	// Trusted are the networks of the proxies in front of this program.
	Trusted []netip.Prefix
	// Header is where they write the address they were asked from, the nearest
	// hop last; empty means X-Forwarded-For.
	Header string
	// Certificate is the header in which they hand on the certificate whose key a
	// client proved to them to hold, as RFC 9440 or escaped PEM; empty: in none. They
	// must remove what clients write there.
	Certificate string
}

func (p Proxy) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(p.Trusted, func(n netip.Prefix) bool { return n.Contains(a) })
}

// client returns the address of whoever asked: the peer itself, or, where the
// peer is a trusted proxy, the right-most address of the header that is not one
// (ASVS 4.1.3). What stands left of it is anybody's claim. The zero address
// means that the peer's own cannot be read.
func (p Proxy) client(peer string, h http.Header) netip.Addr {
	ap, err := netip.ParseAddrPort(peer)
	if err != nil {
		return netip.Addr{}
	}
	at := ap.Addr().Unmap().WithZone("")
	if !p.trusts(at) {
		return at
	}
	name := p.Header
	if name == "" {
		name = "X-Forwarded-For"
	}
	hops := strings.Split(strings.Join(h.Values(name), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.trusts(at); i-- {
		next, err := hop(hops[i])
		if err != nil {
			break
		}
		at = next
	}
	return at
}

// hop reads one entry of the header: an address, with or without a port.
func hop(s string) (netip.Addr, error) {
	s = strings.TrimSpace(s)
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), nil
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	return a.Unmap().WithZone(""), err
}
