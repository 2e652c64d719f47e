package clave_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// S074: who unlocks by mail has the full budget again and signs in with no
// challenge: the failures on her identifier before are forgotten.
func TestS074_UnlockingEasesHerIdentifier(t *testing.T) {
	t.Parallel()
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			const right = "Guayas2019x"
			s := logintest.NewSite(t, engine, func(*logintest.Site, *mux.Router) {})
			a := storagetest.AddAfiliado(t, s.DB, storage.Afiliado{Fingerprint: true})
			phc, err := s.Hash.Make(t.Context(), right)
			if err != nil {
				t.Fatal(err)
			}
			storagetest.AddClave(t, s.DB, a.ID, phc, time.Time{})
			for range 5 {
				s.NewBrowser().Post("/ingresar", "cedula", string(a.Identifier), "clave", "Equivocada1x")
			}
			b := s.NewBrowser()
			page := b.Get("/desbloqueo")
			s.Want(b.Post("/desbloqueo", "identificacion", string(a.Identifier), "reto", b.Ticket(page)), http.StatusSeeOther, "/desbloqueo/enviado")
			s.Work()
			s.Deliver()
			b.Open(s.LinkOf(a.ID, "enlace-desbloqueo"))
			s.Want(b.Post("/desbloqueo/abrir", "desbloquear", "1"), http.StatusSeeOther, "/desbloqueo/listo")
			s.Want(b.Post("/ingresar", "cedula", string(a.Identifier), "clave", right), http.StatusSeeOther, "/")
		})
	}
}
