package cuenta_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/cuenta"
	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

const (
	clave  = "Cotopaxi47"
	wrong  = "Chimborazo63"
	cedula = "1759999913"
)

// site is Mi cuenta on a server, with two people who have a clave.
type site struct {
	*logintest.Site
	account     *cuenta.Server
	maria, luis storage.Afiliado
	done        []string // what the addresses of MountChange were asked
}

func each(t *testing.T, f func(t *testing.T, s *site), change ...func(*login.Config)) {
	t.Helper()
	t.Parallel()
	logintest.Each(t, func(t *testing.T, engine string) {
		s := &site{}
		s.Site = logintest.NewSite(t, engine, func(l *logintest.Site, r *mux.Router) {
			s.account = cuenta.New(l.Server, cuenta.Config{})
			s.account.Routes(r)
			s.account.Contacts.Routes(r)
			s.account.MountChange(r, func(who, what string) { s.done = append(s.done, who+" "+what) })
		}, change...)
		s.maria = storagetest.AddAfiliado(t, s.DB, storage.Afiliado{})
		s.luis = storagetest.AddAfiliado(t, s.DB, storage.Afiliado{Identifier: "1059999910", Email: "luis@example.org"})
		for _, id := range []string{s.maria.ID, s.luis.ID} {
			s.SetClave(id, clave, time.Time{})
		}
		f(t, s)
	})
}

// enter signs a person in, in a browser of her own.
func (s *site) enter(who storage.Afiliado) *logintest.Browser {
	s.T.Helper()
	b := s.NewBrowser()
	b.Get("/ingresar")
	s.Want(b.Post("/ingresar", "cedula", string(who.Identifier), "clave", clave), http.StatusSeeOther, "/cuenta")
	return b
}

// mark is what the forms of her pages bring back.
func mark(who storage.Afiliado) string { return login.Mark(who.ID) }
