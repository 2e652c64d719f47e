package storage

import (
	"errors"
	"net/mail"
	"regexp"
	"strings"
)

// Why a telephone number or an address cannot be used; the text after the prefix
// is for the person who wrote it.
var (
	ErrMobile   = errors.New("storage: not a celular: write 09 and eight digits more, or + and the country code from abroad")
	ErrLandline = errors.New("storage: not a convencional: write 02 to 07 and seven digits more, or + and the country code from abroad")
	ErrEmail    = errors.New("storage: not an e-mail address")
)

var (
	e164           = regexp.MustCompile(`^\+[1-9][0-9]{7,14}$`)
	mobileLocal    = regexp.MustCompile(`^9[0-9]{8}$`)
	landlineLocal  = regexp.MustCompile(`^[2-7][0-9]{7}$`)
	phoneSeparator = strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", ".", "")
)

// ParseMobile returns a celular in E.164 (C-TEL): 09 and eight digits more, +593
// or 00593 and the same without its 0, or any number from abroad with its country
// code. Spaces, hyphens, points and parentheses are accepted anywhere.
func ParseMobile(s string) (string, error) {
	if n, ok := phoneNumber(s, mobileLocal); ok {
		return n, nil
	}
	return "", ErrMobile
}

// ParseLandline does the same for a convencional: 02 to 07 and seven digits more.
func ParseLandline(s string) (string, error) {
	if n, ok := phoneNumber(s, landlineLocal); ok {
		return n, nil
	}
	return "", ErrLandline
}

func phoneNumber(s string, local *regexp.Regexp) (string, bool) {
	n := phoneSeparator.Replace(s)
	if rest, ok := strings.CutPrefix(n, "00"); ok {
		n = "+" + rest
	}
	if rest, ok := strings.CutPrefix(n, "+593"); ok {
		rest = strings.TrimPrefix(rest, "0") // "+593 (0)9…" is often written
		return "+593" + rest, local.MatchString(rest)
	}
	if strings.HasPrefix(n, "+") {
		return n, e164.MatchString(n)
	}
	rest, ok := strings.CutPrefix(n, "0")
	return "+593" + rest, ok && local.MatchString(rest)
}

// ParseEmail returns an address as written if it is one plain ASCII address
// (RFC 5321 Mailbox without quoted local parts or address literals) of at most
// 254 characters in a domain that has a point.
func ParseEmail(s string) (string, error) {
	if len(s) > 254 || strings.ContainsAny(s, "\r\n\"\\<>()[],;: \t") {
		return "", ErrEmail
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f {
			return "", ErrEmail
		}
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Name != "" || a.Address != s {
		return "", ErrEmail
	}
	local, domain, _ := strings.Cut(s, "@")
	if len(local) > 64 || !domainSyntax.MatchString(domain) {
		return "", ErrEmail
	}
	return s, nil
}

var domainSyntax = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])$`)
