package server

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// securityHeaders are on every answer (T30, ASVS 3.4). Referrer-Policy is
// same-origin: no-referrer would send "Origin: null" with our own forms.
func securityHeaders(https bool) map[string]string {
	h := map[string]string{
		"Content-Security-Policy":      policy("'self'"),
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY", // for what does not know frame-ancestors
		"Referrer-Policy":              "same-origin",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy": "camera=(), display-capture=(), fullscreen=(), geolocation=(), microphone=(), payment=(), usb=(), " +
			"publickey-credentials-create=(self), publickey-credentials-get=(self)",
	}
	if https {
		h["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
	}
	return h
}

// policy is the Content-Security-Policy of a page; own are directives more of
// which our own files and addresses are the only source.
func policy(formAction string, own ...string) string {
	p := "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action " + formAction +
		"; frame-ancestors 'none'; base-uri 'none'"
	for _, directive := range own {
		p += "; " + directive + " 'self'"
	}
	return p
}

// fixedHeaders are securityHeaders as a header holds them: made once and shared
// by all answers, so nobody may change a value in place.
func fixedHeaders(https bool) http.Header {
	h := http.Header{}
	for name, value := range securityHeaders(https) {
		h.Set(name, value)
	}
	return h
}

// Directives that a page may ask for.
const (
	directiveWorkers = "worker-src"
	directiveConnect = "connect-src"
)

// secure makes the headers of one answer whole, whatever a handler or a library
// has done to them. Of a policy a handler wrote only its form-action counts, as a
// page whose form ends at an application has to name the application's origin,
// and that it has a worker-src or a connect-src: a page with a challenge runs workers
// of ours, and one that asks for a passkey, or counts down to the end of a session, asks us.
func secure(h, fixed http.Header) {
	formAction, asked := "", map[string]bool{}
	for _, p := range h.Values("Content-Security-Policy") {
		for directive := range strings.SplitSeq(p, ";") {
			switch name, sources, _ := strings.Cut(strings.TrimSpace(directive), " "); name {
			case "form-action":
				formAction = sourcesOf(sources)
			case directiveWorkers, directiveConnect:
				asked[name] = true
			}
		}
	}
	maps.Copy(h, fixed)
	if formAction != "" || len(asked) > 0 {
		h.Set("Content-Security-Policy", policy(cmp.Or(formAction, "'self'"), slices.Sorted(maps.Keys(asked))...))
	}
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
}

// sourcesOf is 'self' with the origins and the private-use schemes (RFC 8252
// section 7.1) among list. A scheme that would open more than one application's
// own address is left out, but for http: a page names it where its request ends at
// an IPv6 loopback address, which a policy cannot name (templates.FormAction).
func sourcesOf(list string) string {
	out := "'self'"
	for _, s := range strings.Fields(list) {
		u, err := url.Parse(s)
		if err != nil || u.Scheme == "" || strings.ContainsAny(s, ",;*'\"") {
			continue
		}
		switch u.Scheme {
		case "https", "http":
			if s == "http:" || u.Host != "" && s == u.Scheme+"://"+u.Host {
				out += " " + s
			}
		case "data", "blob", "filesystem", "javascript", "about", "file":
		default:
			if s == u.Scheme+":" {
				out += " " + s
			}
		}
	}
	return out
}
