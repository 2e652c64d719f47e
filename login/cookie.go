package login

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// cookieNames are the names of our cookies. With an https issuer they have the
// prefix __Host-, so that no other host can set them; on http://localhost they
// carry the port, so that programs on other ports keep theirs.
type cookieNames struct {
	browser string // binds running requests to this browser
	session string
	device  string // the known-device lanes of this browser
	lang    string
	secure  bool
	named   func(name string) string // any other
}

func namesFor(issuer *url.URL) cookieNames {
	if issuer.Scheme == "https" {
		const p = "__Host-clave-"
		named := func(name string) string { return p + name }
		return cookieNames{p + "browser", p + "session", p + "device", p + "lang", true, named}
	}
	port := issuer.Port()
	if port == "" {
		port = "80"
	}
	named := func(name string) string { return "clave-" + name + "-" + port }
	return cookieNames{named("browser"), named("session"), named("device"), named("lang"), false, named}
}

// set sets a cookie; life 0 lets it end with the browser, a negative one removes
// it.
func (s *Server) set(w http.ResponseWriter, name, value string, life time.Duration) {
	c := &http.Cookie{ //nolint:gosec // Secure wherever the issuer is https
		Name: name, Value: value, Path: "/", HttpOnly: true, Secure: s.cookies.secure, SameSite: http.SameSiteLaxMode,
	}
	switch {
	case life > 0:
		c.MaxAge = int(life / time.Second)
	case life < 0:
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// KeepSecret gives the browser a secret under a name of the caller's, for life.
func (s *Server) KeepSecret(w http.ResponseWriter, name, value string, life time.Duration) {
	s.set(w, s.cookies.named(name), value, life)
}

// DropSecret takes it away.
func (s *Server) DropSecret(w http.ResponseWriter, name string) {
	s.set(w, s.cookies.named(name), "", -1)
}

// KeptSecret is what KeepSecret gave the browser, "" for nothing and for anything
// that we cannot have issued.
func (s *Server) KeptSecret(r *http.Request, name string) string {
	return secret(r, s.cookies.named(name))
}

// secret is the value of a cookie that holds one of our secrets, or "" for none
// and for anything we cannot have issued.
func secret(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil || len(c.Value) != 43 || !allURLSafe(c.Value) {
		return ""
	}
	return c.Value
}

// allURLSafe reports whether s is of the alphabet of our ids and secrets.
func allURLSafe(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || 'z' < r) && (r < 'A' || 'Z' < r) && (r < '0' || '9' < r) && r != '-' && r != '_'
	})
}

// Browser returns the hash of the secret that binds requests to this browser,
// setting the cookie where it is missing.
func (s *Server) Browser(w http.ResponseWriter, r *http.Request) string {
	value := secret(r, s.cookies.browser)
	if value == "" {
		value = storage.NewSecret()
		s.set(w, s.cookies.browser, value, 0)
	}
	return storage.Hash(value)
}

// Language is the catalogue for pages that answer r: what the address asks
// (ui_locales), else what the person chose before, else what her browser likes.
func (s *Server) Language(r *http.Request) string { return s.language(r, "") }

// language is Language; where she never chose, the application's wish counts.
func (s *Server) language(r *http.Request, wish string) string {
	asked, chosen := r.URL.Query().Get("ui_locales"), s.chosenLanguage(r)
	if asked == "" && chosen == "" {
		asked = wish
	}
	return templates.Match(r.Header.Get("Accept-Language"), asked, chosen)
}

// chosenLanguage is what this browser was told to show, "" where nobody chose.
func (s *Server) chosenLanguage(r *http.Request) string {
	c, err := r.Cookie(s.cookies.lang)
	if err != nil || !slices.Contains(templates.Languages(), c.Value) {
		return ""
	}
	return c.Value
}

// mailLanguage makes the language chosen in a browser that is known as the
// person's own the one of her mails too, once she has proved who she is there.
func (s *Server) mailLanguage(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, a *storage.Account) error {
	chosen := s.chosenLanguage(r)
	if chosen == "" || chosen == cmp.Or(a.Locale, templates.Languages()[0]) {
		return nil
	}
	return tx.SetLocale(ctx, a.ID, chosen, v.Now)
}

// KeepLanguage makes lang, one of templates.Languages, the language of pages in this
// browser.
func (s *Server) KeepLanguage(w http.ResponseWriter, lang string) {
	s.set(w, s.cookies.lang, lang, s.DeviceLife)
}

// keepLanguage remembers the language that the address of a page asks for.
func (s *Server) keepLanguage(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query().Get("ui_locales")
	if asked == "" {
		return
	}
	lang := templates.Match("", asked, "")
	if c, err := r.Cookie(s.cookies.lang); err == nil && c.Value == lang {
		return
	}
	s.set(w, s.cookies.lang, lang, s.DeviceLife)
}
