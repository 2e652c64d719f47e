package login

import "net/http"

// PageChange changes the clave, in a session or for whoever types the present one.
const PageChange = "/cambio"

// SecondFirst leads whom AskSecond has asked to the page of the second step, and
// from there, outside a running request, to page, which is one of ours for a
// person's own use.
func (s *Server) SecondFirst(w http.ResponseWriter, r *http.Request, v *Visit, page string) error {
	if v.Request == nil {
		s.set(w, s.cookies.named(cookieDestination), page, destinationLife)
	}
	return s.Redirect(w, r, v.PagePath(pageSecond))
}
