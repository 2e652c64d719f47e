package rp

import (
	"net/http"
	"net/url"
	"strings"
)

// cookieName carries the port, because on one host cookies do not tell ports
// apart; on https the prefix keeps siblings from setting it (RFC 6265bis 4.1.3).
func (a *App) cookieName(name string, base *url.URL) string {
	if port := base.Port(); port != "" {
		name += "-" + port
	}
	if base.Scheme == "https" {
		name = "__Host-" + name
	}
	return name
}

func (a *App) cookie(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil || len(c.Value) > 64 {
		return ""
	}
	return c.Value
}

func (a *App) setCookie(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure wherever there is TLS; the demo has none
		Name: name, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(a.cfg.BaseURL, "https:"),
	})
}

func (a *App) clearCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // as above
		Name: name, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(a.cfg.BaseURL, "https:"),
	})
}
