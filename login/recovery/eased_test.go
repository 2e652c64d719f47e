package recovery_test

import (
	"net/http"
	"testing"

	"iess.gob.ec/clave/storage"
)

// S038: what failed on her identifier before presses on her no more once she has
// recovered: she signs in with no challenge. What her network did presses on.
func TestS038_RecoveryEasesHerIdentifier(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		for range 4 {
			s.WantText(s.NewBrowser().Post("/ingresar", "cedula", string(s.maria.Identifier), "clave", "Equivocada1x"), "no coinciden")
		}
		j := s.journey()
		page := j.Open(j.ask(s.maria))
		pressing := func() (storage.Instant, storage.Instant) {
			t.Helper()
			network, byName := s.DB.PressureKey("network", "127.0.0.0/24"), s.DB.PressureKey("identifier", string(s.maria.Identifier))
			full, err := s.DB.Pressure(t.Context(), network, byName)
			if err != nil {
				t.Fatal(err)
			}
			return full[string(network)], full[string(byName)]
		}
		network, hers := pressing()
		s.Want(j.confirm(page, nueva), http.StatusSeeOther, "/generar-recuperar/listo")
		after, none := pressing()
		if network.IsZero() || !after.Equal(network.Time) || hers.IsZero() || !none.IsZero() {
			t.Errorf("the network's until %v, then %v; hers until %v, then %v", network, after, hers, none)
		}
		s.Want(s.NewBrowser().Post("/ingresar", "cedula", string(s.maria.Identifier), "clave", nueva), http.StatusSeeOther, "/cuenta")
	})
}
