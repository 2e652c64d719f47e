package provider

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"iess.gob.ec/clave/storage"
)

// redirectAllowed reports whether uri is one of those registered, compared byte
// by byte: nothing is decoded, folded or cleaned (RFC 9700 section 4.1.3). Only
// for native applications may the port of a loopback IP differ (RFC 8252
// section 7.3); localhost is a name and has no such freedom.
func redirectAllowed(m storage.ClientMetadata, uri string) bool {
	if uri == "" {
		return false
	}
	if slices.Contains(m.RedirectURIs, uri) {
		return true
	}
	if m.ApplicationType != "native" {
		return false
	}
	bare, ok := withoutPort(uri)
	return ok && slices.ContainsFunc(m.RedirectURIs, func(registered string) bool {
		other, ok := withoutPort(registered)
		return ok && other == bare
	})
}

// withoutPort is uri without its port, where it is http on a loopback IP.
func withoutPort(uri string) (string, bool) {
	for _, origin := range []string{"http://127.0.0.1", "http://[::1]"} {
		rest, ok := strings.CutPrefix(uri, origin)
		if !ok {
			continue
		}
		if port, ok := strings.CutPrefix(rest, ":"); ok {
			end := strings.IndexFunc(port, func(c rune) bool { return c < '0' || c > '9' })
			if end < 0 {
				end = len(port)
			}
			if n, err := strconv.ParseUint(port[:end], 10, 16); err != nil || n == 0 {
				return "", false
			}
			rest = port[end:]
		}
		if rest == "" || rest[0] == '/' || rest[0] == '?' {
			return origin + rest, true
		}
	}
	return "", false
}

// loopback reports whether host is this very machine.
func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
