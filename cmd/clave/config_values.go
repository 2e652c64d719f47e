package main

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// fault is what is wrong with a value and what to do.
type fault struct {
	where        string // "": the place of the whole value
	what, remedy string
}

func wrong(remedy, format string, args ...any) []fault {
	return []fault{{"", fmt.Sprintf(format, args...), remedy}}
}

type setter = func(entry) []fault

func text(to *string) setter {
	return func(e entry) []fault {
		if e.text == "" {
			return wrong("write it, or remove the line", "is empty")
		}
		if strings.ContainsFunc(e.text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return wrong("keep it on one line", "holds control characters")
		}
		*to = e.text
		return nil
	}
}

func oneOf(to *string, values ...string) setter {
	return func(e entry) []fault {
		if !slices.Contains(values, e.text) {
			return wrong("write one of "+strings.Join(values, ", "), "%q is not known", clip(e.text))
		}
		*to = e.text
		return nil
	}
}

func truth(to *bool) setter {
	return func(e entry) []fault {
		switch e.text {
		case "true":
			*to = true
		case "false":
			*to = false
		default:
			return wrong("write true or false", "%q is neither true nor false", clip(e.text))
		}
		return nil
	}
}

func number(to *int, least, most int) setter {
	return func(e entry) []fault {
		n, err := strconv.Atoi(e.text)
		if err != nil {
			return wrong(fmt.Sprintf("write a whole number from %d to %d", least, most), "%q is not a whole number", clip(e.text))
		}
		if n < least || n > most {
			return wrong(fmt.Sprintf("write a number from %d to %d", least, most), "%d is out of range", n)
		}
		*to = n
		return nil
	}
}

func number32(to *uint32, least, most int) setter {
	return func(e entry) []fault {
		var n int
		faults := number(&n, least, most)(e)
		*to = uint32(n) //nolint:gosec // in range, or 0
		return faults
	}
}

func number8(to *uint8, least, most int) setter {
	return func(e entry) []fault {
		var n int
		faults := number(&n, least, most)(e)
		*to = uint8(n) //nolint:gosec // in range, or 0
		return faults
	}
}

func mailbox(to *string) setter {
	return func(e entry) []fault {
		a, err := mail.ParseAddress(e.text)
		if err != nil || a.Address != e.text {
			return wrong("write a plain address such as datos@iess.gob.ec", "%q is not a mailbox", clip(e.text))
		}
		*to = e.text
		return nil
	}
}

// span reads a duration from least to most; where off is set, 0 turns the thing off.
func span(to *time.Duration, least, most time.Duration, off bool) setter {
	return func(e entry) []fault {
		remedy := fmt.Sprintf("write a duration from %s to %s", days(least), days(most))
		if off {
			remedy += ", or 0 for none"
		}
		d, err := parseSpan(e.text)
		switch {
		case err != nil:
			return wrong(remedy+", such as 90s, 15m, 12h or 365d", "%q is not a duration", clip(e.text))
		case d == 0 && off:
		case d < least || d > most:
			return wrong(remedy, "%s is out of range", days(d))
		}
		*to = d
		return nil
	}
}

// parseSpan is time.ParseDuration with days in front: "365d", "1d12h".
func parseSpan(s string) (time.Duration, error) {
	var whole time.Duration
	if n, rest, ok := strings.Cut(s, "d"); ok {
		count, err := strconv.ParseUint(n, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("days: %w", err)
		}
		whole = time.Duration(count) * 24 * time.Hour
		if s = rest; s == "" {
			return whole, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration", s)
	}
	if whole+d < whole {
		return 0, fmt.Errorf("%q is too long", s)
	}
	return whole + d, nil
}

func days(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= day && d%day == 0:
		return strconv.Itoa(int(d/day)) + "d"
	case d >= time.Hour && d%time.Hour == 0:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	case d >= time.Minute && d%time.Minute == 0:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	default:
		return d.String()
	}
}

func address(to *string) setter {
	return func(e entry) []fault {
		_, port, err := net.SplitHostPort(e.text)
		n, perr := strconv.ParseUint(port, 10, 16)
		if err != nil || perr != nil || n > 65535 {
			return wrong("write host:port, such as 127.0.0.1:8080 or :8443", "%q is not an address to listen at", clip(e.text))
		}
		*to = e.text
		return nil
	}
}

func networks(to *[]netip.Prefix) setter {
	return func(e entry) []fault {
		var all []fault
		for _, s := range e.list {
			p, err := netip.ParsePrefix(s)
			if err != nil {
				a, aerr := netip.ParseAddr(s)
				if aerr != nil {
					all = append(all, wrong("write an address or a network such as 10.1.2.0/24", "%q is not a network", clip(s))...)
					continue
				}
				p = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
			}
			if p.Addr().Is4In6() { // addresses are compared as IPv4
				p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
			}
			if !p.IsValid() {
				all = append(all, wrong("write the IPv4 network, such as 10.1.2.0/24", "%q holds more than IPv4 addresses", clip(s))...)
				continue
			}
			if p.Bits() == 0 {
				all = append(all, wrong("name the proxies' own addresses", "%s trusts everybody", p)...)
				continue
			}
			*to = append(*to, p.Masked())
		}
		return all
	}
}

func header(to *string) setter {
	return func(e entry) []fault {
		const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
		if e.text == "" || strings.Trim(e.text, letters) != "" || strings.EqualFold(e.text, "Forwarded") {
			return wrong("write a header that holds addresses separated by commas, such as X-Forwarded-For or X-Real-IP",
				"%q cannot be read", clip(e.text))
		}
		*to = e.text
		return nil
	}
}

// issuer reads an origin: https, or http on this machine only.
func issuer(to **url.URL) setter {
	return func(e entry) []fault {
		u, err := url.Parse(e.text)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return wrong("write https:// and the host, such as https://clave.iess.gob.ec", "%q is not a web address", clip(e.text))
		}
		clean := url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}
		switch {
		case u.Scheme == "http" && !loopback(u.Hostname()):
			return wrong("write https://; http is for localhost only", "%q would send claves in the clear", clip(e.text))
		case u.Port() == "443" && u.Scheme == "https" || u.Port() == "80" && u.Scheme == "http" || e.text != clean.String():
			clean.Host = strings.TrimSuffix(strings.TrimSuffix(clean.Host, ":443"), ":80")
			return wrong("write "+clean.String(), "%q is more than scheme, lower-case host and unusual port", clip(e.text))
		}
		*to = u
		return nil
	}
}

func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// absent is the remedy for a file that is not there.
const absent = "create it, or correct the name"

// fileName takes a file that has to be there, and to be a file; one that holds a
// secret has to be its owner's alone.
func (c *config) fileName(to *string, secret bool) setter {
	return func(e entry) []fault {
		if faults := c.statFile(e.text, secret, absent); faults != nil {
			return faults
		}
		*to = c.path(e.text)
		return nil
	}
}

// statFile checks a named file; missing is the remedy where it is not there.
func (c *config) statFile(name string, secret bool, missing string) []fault {
	if name == "" {
		return wrong("name a file", "is empty")
	}
	info, err := os.Stat(c.path(name))
	switch {
	case os.IsNotExist(err):
		return wrong(missing, "there is no file %s", c.path(name))
	case err != nil:
		return wrong("let this user reach it", "%v", err)
	case !info.Mode().IsRegular():
		return wrong("name a file", "%s is not a regular file", c.path(name))
	case secret && info.Mode().Perm()&0o077 != 0:
		return wrong("run: chmod 600 "+c.path(name), "others may read %s (mode %04o)", c.path(name), info.Mode().Perm())
	case info.Size() > maxConfig:
		return wrong("name another file", "%s is larger than 1 MiB", c.path(name))
	}
	return nil
}

// secretFile reads a file that holds one line nobody else may see; missing is the
// remedy where it is not there.
func (c *config) secretFile(to *string, missing string) setter {
	return func(e entry) []fault {
		if faults := c.statFile(e.text, true, missing); faults != nil {
			return faults
		}
		b, err := os.ReadFile(c.path(e.text))
		if err != nil {
			return wrong("let this user read it", "%v", err)
		}
		s := strings.TrimSpace(string(b))
		if s == "" {
			return wrong("write the secret into it, on one line", "%s is empty", c.path(e.text))
		}
		*to = s
		return nil
	}
}

// key reads 32 random bytes in base64 from a file.
func (c *config) key(to *[]byte) setter {
	return func(e entry) []fault {
		var s string
		if faults := c.secretFile(&s, "make it with: clave config key FILE, or correct the name; clave config init makes all of them")(e); faults != nil {
			return faults
		}
		b, err := base64.StdEncoding.DecodeString(s)
		const remedy = "make a new one with: clave config key FILE"
		switch {
		case err != nil:
			return wrong(remedy, "%s does not hold base64", c.path(e.text))
		case len(b) != 32:
			return wrong(remedy, "%s holds %d bytes, not 32", c.path(e.text), len(b))
		case slices.Max(b) == slices.Min(b):
			return wrong(remedy, "%s holds one byte 32 times: that is not a key", c.path(e.text))
		}
		*to = b
		return nil
	}
}

// clip keeps a mistake readable in one line.
func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
