package server

import (
	"net/http"
	"net/url"
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

func policy(formAction string) string {
	return "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action " + formAction +
		"; frame-ancestors 'none'; base-uri 'none'"
}

// secure makes the headers of one answer whole, whatever a handler or a library
// has done to them. Of a policy a handler wrote only its form-action counts: a
// page whose form ends at an application has to name the application's origin.
func secure(h http.Header, https bool) {
	formAction := "'self'"
	for _, p := range h.Values("Content-Security-Policy") {
		for directive := range strings.SplitSeq(p, ";") {
			if name, sources, _ := strings.Cut(strings.TrimSpace(directive), " "); name == "form-action" {
				formAction = sourcesOf(sources)
			}
		}
	}
	for name, value := range securityHeaders(https) {
		h.Set(name, value)
	}
	h.Set("Content-Security-Policy", policy(formAction))
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
}

// sourcesOf is 'self' with the origins and the private-use schemes (RFC 8252
// section 7.1) among list. A scheme that would open more than one application's
// own address is left out.
func sourcesOf(list string) string {
	out := "'self'"
	for _, s := range strings.Fields(list) {
		u, err := url.Parse(s)
		if err != nil || u.Scheme == "" || strings.ContainsAny(s, ",;*'\"") {
			continue
		}
		switch u.Scheme {
		case "https", "http":
			if u.Host != "" && s == u.Scheme+"://"+u.Host {
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
