package login

import "strings"

// MaskEmail is an address as its owner knows it again and nobody learns it from
// the page: m•••a@c…; "" for none.
func MaskEmail(address string) string {
	local, domain, ok := strings.Cut(address, "@")
	name, host := []rune(local), []rune(domain)
	if !ok || len(name) == 0 || len(host) == 0 {
		return ""
	}
	last := ""
	if len(name) > 3 { // of a short one, the last letter would say too much
		last = string(name[len(name)-1:])
	}
	return string(name[:1]) + "•••" + last + "@" + string(host[:1]) + "…"
}
