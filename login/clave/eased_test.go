package clave_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// waiting is a person whose clave strangers have locked and who has the mail with
// the link that unlocks, which she asked for in the browser.
type waiting struct {
	*logintest.Site
	person  storage.Afiliado
	clave   string
	browser *logintest.Browser
	link    *storage.Link
}

func eachWaiting(t *testing.T, f func(t *testing.T, s *waiting)) {
	t.Helper()
	t.Parallel()
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			s := &waiting{Site: logintest.NewSite(t, engine, func(*logintest.Site, *mux.Router) {}), clave: "Guayas2019x"}
			s.person = storagetest.AddAfiliado(t, s.DB, storage.Afiliado{Fingerprint: true})
			phc, err := s.Hash.Make(t.Context(), s.clave)
			if err != nil {
				t.Fatal(err)
			}
			storagetest.AddClave(t, s.DB, s.person.ID, phc, time.Time{})
			for range 5 {
				s.NewBrowser().Post("/ingresar", "cedula", string(s.person.Identifier), "clave", "Equivocada1x")
			}
			s.browser = s.NewBrowser()
			reto := s.browser.Ticket(s.browser.Get("/desbloqueo"))
			s.Want(s.browser.Post("/desbloqueo", "identificacion", string(s.person.Identifier), "reto", reto), http.StatusSeeOther, "/desbloqueo/enviado")
			s.Work()
			s.Deliver()
			s.link = s.LinkOf(s.person.ID, "enlace-desbloqueo")
			f(t, s)
		})
	}
}

// S074: who unlocks by mail has the full budget again and signs in with no
// challenge: the failures on her identifier before are forgotten.
func TestS074_UnlockingEasesHerIdentifier(t *testing.T) {
	eachWaiting(t, func(_ *testing.T, s *waiting) {
		s.browser.Open(s.link)
		s.Want(s.browser.Post("/desbloqueo/abrir", "desbloquear", "1"), http.StatusSeeOther, "/desbloqueo/listo")
		s.Want(s.browser.Post("/ingresar", "cedula", string(s.person.Identifier), "clave", s.clave), http.StatusSeeOther, "/cuenta")
	})
}

// S073: five wrong answers elsewhere end the link there, and do not take it from
// the browser that asked for it.
func TestS073_WrongAnswersElsewhereLeaveHerTheLink(t *testing.T) {
	eachWaiting(t, func(t *testing.T, s *waiting) {
		other := s.NewBrowser()
		other.Open(s.link)
		for i := range 5 {
			other.Post("/desbloqueo/abrir", "ultimos", "0000", "vez", strconv.Itoa(i))
		}
		if got := other.Post("/desbloqueo/abrir", "ultimos", "9913"); got.Status != http.StatusOK {
			t.Errorf("a sixth answer counted: %d", got.Status)
		}
		s.browser.Open(s.link)
		s.Want(s.browser.Post("/desbloqueo/abrir", "desbloquear", "1"), http.StatusSeeOther, "/desbloqueo/listo")
	})
}
