package cuenta_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

const asksPasskey = `data-para="sesion"`

// The proof for a change may be a passkey: what was posted is done, and the session
// has risen, also where a second factor is wanted.
func TestConfirmByPasskey(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		d := s.NewDevice()
		s.Enrol(d, s.maria.ID)
		b := s.enter(s.maria)
		s.Pass(6 * time.Minute)
		form := []string{"sesion", mark(s.maria), "que", "esto"}
		for _, path := range []string{"/cuenta/prueba", "/cuenta/prueba-fuerte"} {
			got := b.Post(path, form...)
			if !strings.Contains(got.Body, asksPasskey) || !slices.Contains(got.Header["Content-Security-Policy"], "connect-src 'self'") {
				t.Fatalf("%s: got %d, want a passkey to be asked for", path, got.Status)
			}
			old := b.Clone()
			proof := append(form, "confirmar", "1", "clave", "", login.FieldPasskey, b.Prove(d, "para", "sesion"))
			s.Want(b.Post(path, proof...), http.StatusSeeOther, "/cuenta")
			s.Want(old.Get("/cuenta"), http.StatusSeeOther, "/ingresar") // ASVS 7.2.4
			s.Pass(6 * time.Minute)
		}
		if want := []string{s.maria.ID + " esto", s.maria.ID + " esto"}; !slices.Equal(s.done, want) {
			t.Errorf("got %q, want %q", s.done, want)
		}
	})
}

// Somebody else's passkey, one asked for elsewhere, and one that was used already
// confirm nothing.
func TestConfirmByAnotherPasskeyDoesNothing(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		hers, his := s.NewDevice(), s.NewDevice()
		s.Enrol(hers, s.maria.ID)
		s.Enrol(his, s.luis.ID)
		b := s.enter(s.maria)
		s.Pass(6 * time.Minute)
		options, _ := b.PasskeyOptions("para", "sesion")
		swapped := []byte(strings.ReplaceAll(string(options), "allowCredentials", "ignored"))
		stolen, err := his.Get(swapped)
		if err != nil {
			t.Fatal(err)
		}
		for name, response := range map[string]string{
			"his": stolen, "hers, asked for to sign in": b.Prove(hers), "asked for in another browser": s.NewBrowser().Prove(hers), "none": "{}",
		} {
			got := b.Post("/cuenta/prueba", "sesion", mark(s.maria), "que", name, "confirmar", "1", login.FieldPasskey, response)
			if !strings.Contains(got.Body, "No se pudo ingresar con esa llave") || !strings.Contains(got.Body, `name="que" value="`+name+`"`) {
				t.Errorf("%s: got %d %.300s, want it refused and what was posted kept", name, got.Status, got.Main())
			}
		}
		if len(s.done) > 0 {
			t.Errorf("done: %q", s.done)
		}
	})
}

// The session has ended: a passkey says who she is, and goes on for nobody else.
func TestConfirmByPasskeyAfterTheSessionHasEnded(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		hers, his := s.NewDevice(), s.NewDevice()
		s.Enrol(hers, s.maria.ID)
		s.Enrol(his, s.luis.ID)
		b := s.enter(s.maria)
		form := []string{"sesion", mark(s.maria), "que", "esto", "confirmar", "1", "cedula", "", "clave", "", login.FieldPasskey}
		s.Pass(16 * time.Minute)
		if got := b.Post("/cuenta/prueba", form[:4]...); !strings.Contains(got.Body, `autocomplete="username webauthn"`) {
			t.Errorf("got %d, want autofill to offer passkeys", got.Status)
		}
		s.Want(b.Post("/cuenta/prueba", append(form, b.Prove(his))...), http.StatusSeeOther, "/cuenta")
		if len(s.done) > 0 {
			t.Errorf("done for somebody else: %q", s.done)
		}
		s.Pass(16 * time.Minute)
		s.Want(b.Post("/cuenta/prueba", append(form, b.Prove(hers))...), http.StatusSeeOther, "/cuenta")
		if want := []string{s.maria.ID + " esto"}; !slices.Equal(s.done, want) {
			t.Errorf("got %q, want %q", s.done, want)
		}
	})
}

// Who has no passkey is not asked for one; one marked as copied is none.
func TestConfirmOffersOnlyWhatSheHas(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		s.Pass(6 * time.Minute)
		form := []string{"sesion", mark(s.maria), "que", "esto"}
		if got := b.Post("/cuenta/prueba", form...); strings.Contains(got.Body, "data-llave") {
			t.Error("a passkey is asked of whom has none")
		}
		made := s.Enrol(s.NewDevice(), s.maria.ID)
		if got := b.Post("/cuenta/prueba", form...); !strings.Contains(got.Body, asksPasskey) {
			t.Error("the passkey is not asked for")
		}
		if _, err := storagetest.Raw(t, s.Database).ExecContext(t.Context(), `UPDATE passkey SET cloned_at = 1 WHERE id = '`+made.ID+`'`); err != nil {
			t.Fatal(err)
		}
		if got := b.Post("/cuenta/prueba", form...); strings.Contains(got.Body, "data-llave") {
			t.Error("a copied passkey is asked for")
		}
	})
}

// What is written down of a person, and given to her (LOPDP arts. 13 and 17), names no
// passkey of somebody else that came in the place of hers.
func TestHerAuditNamesNobodyElsesPasskey(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		hers, his := s.NewDevice(), s.NewDevice()
		s.Enrol(hers, s.maria.ID)
		s.Enrol(his, s.luis.ID)
		b := s.enter(s.maria)
		s.Pass(6 * time.Minute)
		options, _ := b.PasskeyOptions("para", "sesion")
		stolen, err := his.Get([]byte(strings.ReplaceAll(string(options), "allowCredentials", "ignored")))
		if err != nil {
			t.Fatal(err)
		}
		b.Post("/cuenta/prueba", "sesion", mark(s.maria), "que", "esto", "confirmar", "1", login.FieldPasskey, stolen)
		if detail := s.last(login.EventPasskeyDenied, s.maria); detail["reason"] != "unknown" || detail["passkey"] != "" {
			t.Errorf("got %v, want why it was refused, and no passkey", detail)
		}
	})
}

// Where a second factor is wanted and she has none but a passkey, no clave is asked
// for: the right one would lead to the same page again, without a word.
func TestConfirmAsksForThePasskeyAlone(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		d := s.NewDevice()
		s.Enrol(d, s.maria.ID)
		b := s.enter(s.maria)
		form := []string{"sesion", mark(s.maria), "que", "esto"}
		for range 2 { // just signed in by her clave, and long ago
			for _, more := range [][]string{nil, {"confirmar", "1", "clave", clave}} {
				got := b.Post("/cuenta/prueba-fuerte", append(form, more...)...)
				s.WantText(got, "la clave sola no basta", asksPasskey, `name="que" value="esto"`, `href="/cuenta/llaves"`)
				if strings.Contains(got.Body, `id="clave"`) || strings.Contains(got.Body, `role="alert"`) {
					t.Error("the clave is asked for")
				}
			}
			s.Pass(6 * time.Minute)
		}
		got := b.Post("/cuenta/prueba-fuerte", append(form, "confirmar", "1", login.FieldPasskey, "{}")...)
		s.WantText(got, "No se pudo ingresar con esa llave", "la clave sola no basta")
		proof := append(form, "confirmar", "1", login.FieldPasskey, b.Prove(d, "para", "sesion"))
		s.Want(b.Post("/cuenta/prueba-fuerte", proof...), http.StatusSeeOther, "/cuenta")
		s.In(func(tx *storage.Tx) error { return tx.SetSecondStep(t.Context(), s.maria.ID, true) })
		s.Pass(16 * time.Minute) // and where she has to sign in again, and wishes a second step
		got = b.Post("/cuenta/prueba-fuerte", append(form, "confirmar", "1", "cedula", cedula, "clave", clave)...)
		s.WantText(got, "la clave sola no basta", "data-llave", `href="/ayuda/llaves"`)
		if strings.Contains(got.Body, confirms) {
			t.Error("there is a button that does nothing")
		}
		proof = append(form, "confirmar", "1", login.FieldPasskey, b.Prove(d))
		s.Want(b.Post("/cuenta/prueba-fuerte", proof...), http.StatusSeeOther, "/cuenta")
		if want := []string{s.maria.ID + " esto", s.maria.ID + " esto"}; !slices.Equal(s.done, want) {
			t.Errorf("got %q, want %q", s.done, want)
		}
	})
}
