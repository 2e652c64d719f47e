package cuenta

import (
	"net/http"

	"github.com/gorilla/mux"
)

// Address is an address of Mi cuenta as the matrix of tests needs it.
type Address struct {
	Path                string
	Show, Proof, Second bool // GET; a fresh proof; by a second factor
}

// Addresses are all of them.
func (s *Server) Addresses() []Address {
	var out []Address
	for _, one := range s.routes() {
		out = append(out, Address{one.path, one.guard == show, one.guard >= change, one.guard == strong})
	}
	return out
}

// MountChange mounts two more addresses, which note what they were asked: one
// wants a fresh proof, the other that of a second factor.
func (s *Server) MountChange(r *mux.Router, done func(who, what string)) {
	note := func(w http.ResponseWriter, r *http.Request, v *visit) error {
		done(v.afiliado.ID, v.Form.Get("que"))
		return s.Redirect(w, r, "/cuenta")
	}
	s.mount(r, route{change, "/cuenta/prueba", note})
	s.mount(r, route{strong, "/cuenta/prueba-fuerte", note})
}
