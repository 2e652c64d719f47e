package recovery_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// T27: no form of the way, at whatever step, breaks a handler.
func FuzzT27_WizardForms(f *testing.F) {
	paths := []string{"/generar-recuperar", "/generar-recuperar/clave", resent, "/correo/confirmar", "/correo/aprobar"}
	for step := range 4 {
		for i, body := range []string{
			"dia=29&mes=2&historia_1=0&historia_2=5&personal_1=%ff&personal_2=", "dia=31&mes=2", "correo=a%40b.example&celular=%2B593990000001&convencional=",
			"declaracion=1&pregunta_1=x&respuesta_1=a&clave_nueva=Chimborazo63&clave_confirmacion=", "identificacion=1759999913&reto=x", "cancelar=1&id=x",
			"dia=-1&mes=99999999999999999999&historia_1=9&historia_2=%00", "correo=%0d%0aBcc%3a", "caso=&abierto=1.",
		} {
			f.Add(uint8(step), uint8(i), body)
		}
	}
	s := newSite(f, "sqlite")
	var at []*journey
	var casos []string
	abierto, sent := "", 0
	begin := func() { // what the forms before have locked and spent is over
		s.Pass(16 * time.Minute)
		s.In(func(tx *storage.Tx) error {
			for _, id := range []storage.Identifier{s.maria.Identifier, diana, nobody} {
				if err := tx.UnlockClave(s.T.Context(), s.DB.IdentifierMAC(id)); err != nil {
					return err
				}
			}
			return nil
		})
		at = []*journey{s.journey(), s.journey(), s.journey(), s.journey()}
		casos = []string{"", at[1].start(nobody).Hidden("caso"), at[2].pass(s.maria).Hidden("caso"), ""}
		abierto = at[3].Open(at[3].ask(s.diana)).Hidden("abierto")
	}
	f.Fuzz(func(t *testing.T, step, path uint8, body string) {
		s.T = t
		if sent%64 == 0 {
			begin()
		}
		sent++
		n := int(step) % len(at)
		pairs := []string{"caso", casos[n], "abierto", abierto}
		typed, _ := url.ParseQuery(body) // what can be read of it is sent
		for name := range typed {
			pairs = append(pairs, name, typed.Get(name))
		}
		to := paths[int(path)%len(paths)]
		if got := at[n].Post(to, pairs...); got.Status >= http.StatusInternalServerError && got.Status != http.StatusServiceUnavailable || got.Status == 0 {
			t.Fatalf("%s at step %d with %q: %d", to, n, body, got.Status)
		}
	})
}
