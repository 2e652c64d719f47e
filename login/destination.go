package login

import (
	"net/http"
	"strings"
	"time"
)

// Pages of a person's own.
const (
	PageAccount  = "/cuenta"
	PageMessages = "/cuenta/mensajes" // what was mailed to her
	PageChange   = "/cambio"          // another clave, also for whoever types the present one without a session
)

// ownPage reports whether a sign-in without a running request may lead to path: to
// the account and what lies below it, and to the change of the clave.
func ownPage(path string) bool {
	if path == PageChange {
		return true
	}
	below, ok := strings.CutPrefix(path, PageAccount)
	return ok && len(path) <= 64 && (below == "" || below[0] == '/') && !strings.Contains(path, "//") &&
		!strings.ContainsFunc(path, func(r rune) bool { return (r < 'a' || 'z' < r) && r != '-' && r != '/' })
}

// cookieDestination holds the one of them that a browser without a session asked
// for; destinationLife is how long that is remembered.
const (
	cookieDestination = "destino"
	destinationLife   = 15 * time.Minute
)

// SignInFirst leads a browser without a session to the login form, and after it
// to page, which is one of ours for a person's own use.
func (s *Server) SignInFirst(w http.ResponseWriter, r *http.Request, page string) error {
	s.set(w, s.cookies.named(cookieDestination), page, destinationLife)
	return s.Redirect(w, r, "/ingresar")
}

// SecondFirst is SignInFirst for whom AskSecond has just asked: it leads to the page
// of the second step. A running request goes before page.
func (s *Server) SecondFirst(w http.ResponseWriter, r *http.Request, v *Visit, page string) error {
	if v.Request == nil {
		s.set(w, s.cookies.named(cookieDestination), page, destinationLife)
	}
	return s.Redirect(w, r, v.PagePath(pageSecond))
}

// Arrived forgets what SignInFirst remembered: the page is being shown.
func (s *Server) Arrived(w http.ResponseWriter, r *http.Request) {
	if s.destination(r) != "" {
		s.set(w, s.cookies.named(cookieDestination), "", -1)
	}
}

// destination is what SignInFirst remembered in this browser. Whatever else the
// cookie says is nothing: it leads nowhere but to our own pages.
func (s *Server) destination(r *http.Request) string {
	c, err := r.Cookie(s.cookies.named(cookieDestination))
	if err != nil || !ownPage(c.Value) {
		return ""
	}
	return c.Value
}
