package server

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestBCP_4_13_ASVS_4_1_3_ForwardedAddressesOnlyFromNamedProxies(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, tt := range []struct {
		name, peer string
		forwarded  []string
		proxy      Proxy
		want       string
	}{
		{"nobody trusted", "203.0.113.9:1234", []string{"198.51.100.1"}, Proxy{}, "203.0.113.9"},
		{"stranger claims", "203.0.113.9:1234", []string{"198.51.100.1"}, Proxy{Trusted: trusted}, "203.0.113.9"},
		{"proxy", "10.0.0.1:1", []string{"198.51.100.1"}, Proxy{Trusted: trusted}, "198.51.100.1"},
		{"proxy without header", "10.0.0.1:1", nil, Proxy{Trusted: trusted}, "10.0.0.1"},
		{"client claims before the proxy adds", "10.0.0.1:1", []string{"1.2.3.4, 198.51.100.1"}, Proxy{Trusted: trusted}, "198.51.100.1"},
		{"two proxies", "10.0.0.1:1", []string{"1.2.3.4, 198.51.100.1, 10.9.9.9"}, Proxy{Trusted: trusted}, "198.51.100.1"},
		{"several headers", "10.0.0.1:1", []string{"1.2.3.4", "198.51.100.1"}, Proxy{Trusted: trusted}, "198.51.100.1"},
		{"all trusted", "10.0.0.1:1", []string{"10.1.1.1, 10.2.2.2"}, Proxy{Trusted: trusted}, "10.1.1.1"},
		{"nonsense ends it", "10.0.0.1:1", []string{"1.2.3.4, unknown"}, Proxy{Trusted: trusted}, "10.0.0.1"},
		{"with port", "10.0.0.1:1", []string{"198.51.100.1:5555"}, Proxy{Trusted: trusted}, "198.51.100.1"},
		{"IPv6", "[2001:db8::1]:1", []string{"[2001:db9::7]:443"}, Proxy{Trusted: trusted}, "2001:db9::7"},
		{"IPv6 in brackets", "[2001:db8::1]:1", []string{"[2001:db9::7]"}, Proxy{Trusted: trusted}, "2001:db9::7"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:1", []string{"198.51.100.1"}, Proxy{Trusted: trusted}, "198.51.100.1"},
		{"zone", "[fe80::1%eth0]:1", nil, Proxy{Trusted: trusted}, "fe80::1"},
		{"other header", "10.0.0.1:1", []string{"1.2.3.4"}, Proxy{Trusted: trusted, Header: "X-Real-Ip"}, "10.0.0.1"},
		{"unreadable peer", "@", []string{"1.2.3.4"}, Proxy{Trusted: trusted}, "invalid IP"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.proxy.client(tt.peer, http.Header{"X-Forwarded-For": tt.forwarded}).String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func FuzzClientAddress(f *testing.F) {
	f.Add("10.0.0.1:1", "1.2.3.4, 10.0.0.2")
	f.Add("[::1]:80", ",,[")
	p := Proxy{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	f.Fuzz(func(t *testing.T, peer, header string) {
		got := p.client(peer, http.Header{"X-Forwarded-For": {header}})
		ap, err := netip.ParseAddrPort(peer)
		if err != nil {
			if got.IsValid() {
				t.Errorf("got %s of an unreadable peer", got)
			}
			return
		}
		if own := ap.Addr().Unmap().WithZone(""); got != own && !p.trusts(own) {
			t.Errorf("got %s, want %s: nobody vouches for the header", got, own)
		}
	})
}
