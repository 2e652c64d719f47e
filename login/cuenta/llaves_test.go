package cuenta_test

import (
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/login/passkeytest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

var optionsOf = regexp.MustCompile(`data-llave-nueva="([^"]+)"`)

// options are those with which a page makes a passkey.
func (s *site) options(page logintest.Answer) []byte {
	s.T.Helper()
	found := optionsOf.FindStringSubmatch(page.Body)
	if found == nil {
		s.T.Fatalf("no options on the page: %d %s", page.Status, page.Location)
	}
	return []byte(html.UnescapeString(found[1]))
}

// made is what a device answers to a page's options.
func (s *site) made(d *passkeytest.Authenticator, page logintest.Answer) string {
	s.T.Helper()
	answer, err := d.Create(s.options(page))
	if err != nil {
		s.T.Fatal(err)
	}
	return answer
}

// post sends one of María's forms.
func (s *site) post(b *logintest.Browser, path string, pairs ...string) logintest.Answer {
	s.T.Helper()
	return b.Post(path, append([]string{"sesion", mark(s.maria)}, pairs...)...)
}

// wantDone is an answer that leads to the list, which says that.
func (s *site) wantDone(got logintest.Answer, done string) {
	s.T.Helper()
	s.Want(got, http.StatusSeeOther, "/cuenta/llaves")
	if got.Param("hecho") != done {
		s.T.Errorf("got %q, want it to say %q", got.Location, done)
	}
}

// keys are María's live passkeys.
func (s *site) keys() []storage.Passkey {
	s.T.Helper()
	all, err := s.DB.Passkeys(s.T.Context(), s.maria.ID, s.Time())
	if err != nil {
		s.T.Fatal(err)
	}
	return all
}

// byPasskey signs María in with the device, in a browser of its own.
func (s *site) byPasskey(d *passkeytest.Authenticator) *logintest.Browser {
	s.T.Helper()
	b := s.NewBrowser()
	b.Get("/ingresar")
	s.Want(b.Post("/ingresar", "llave", b.Prove(d)), http.StatusSeeOther, "/cuenta")
	return b
}

// mails are the templates of the mails to María, and where they went, in order.
func (s *site) mails() []string {
	s.T.Helper()
	var out []string
	for _, m := range s.Mails(s.maria.ID) {
		if m.Template != "equipo-nuevo" {
			out = append(out, m.Template+" "+m.Recipient)
		}
	}
	slices.Sort(out)
	return out
}

// She adds a passkey, is told of it, need not renew her clave any more (D17), and
// signs in with it.
func TestD17_ASVS_6_3_7_APasskeyIsAdded(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.In(func(tx *storage.Tx) error {
			return storagetest.MoveDue(t.Context(), tx, s.maria.ID, s.Time().Add(100*24*time.Hour))
		})
		b, d := s.enter(s.maria), s.NewDevice()
		s.WantText(b.Get("/cuenta/llaves"), "Todavía no tiene ninguna")
		s.Want(s.post(b, "/cuenta/llaves/agregar", "agregar", "1"), http.StatusSeeOther, "/cuenta/llaves/nueva")
		answer := s.made(d, b.Get("/cuenta/llaves/nueva"))
		got := s.post(b, "/cuenta/llaves/nueva", "credencial", answer, "nombre", "  Mi\n celular  ", "crear", "1")
		s.wantDone(got, "agregada")
		s.WantText(b.Get(got.Location), "ya puede ingresar con esta llave", "Mi celular", "Está solo en ese equipo")
		if !s.due(s.maria).IsZero() {
			t.Error("the clave is due")
		}
		s.Work()
		if got, want := s.mails(), []string{"llave-agregada " + s.maria.Email}; !slices.Equal(got, want) {
			t.Errorf("mails %q, want %q", got, want)
		}
		s.byPasskey(d)
	})
}

// Adding and revoking want a proof of the last five minutes; with a factor, adding
// wants that factor, and the clave alone revokes in a day only (NIST SP 800-63B, C6).
func TestASVS_7_5_1_WA_11_AFactorIsBoundAndRevokedByItsLike(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		d := s.NewDevice()
		mine := s.Enrol(d, s.maria.ID)
		b := s.enter(s.maria)
		for _, path := range []string{"/cuenta/llaves/agregar", "/cuenta/llaves/nueva", "/cuenta/llaves/quitar-ahora"} {
			if got := s.post(b, path, "cual", mine.ID); !strings.Contains(got.Body, asksPasskey) || strings.Contains(got.Body, confirms) {
				t.Errorf("%s with the clave alone: got %d %s, want to be asked for the factor", path, got.Status, got.Location)
			}
		}
		s.Want(b.Get("/cuenta/llaves/nueva"), http.StatusSeeOther, "/cuenta/llaves")
		s.WantText(b.Get("/cuenta/llaves/quitar?cual="+mine.ID), "Es su única llave", "volverá a vencer", "en 24 horas")
		ending := s.post(b, "/cuenta/llaves/quitar", "cual", mine.ID)
		s.wantDone(ending, "por-terminar")
		if got, want := s.keys()[0].RevokedAt.Time, s.Time().Add(24*time.Hour); !got.Equal(want) {
			t.Errorf("ends %v, want %v", got, want)
		}
		if s.due(s.maria).IsZero() {
			t.Error("the last passkey is about to end, and the clave is not due")
		}
		s.WantText(b.Get(ending.Location), "Termina el 23 de noviembre de 2026, 12:00", "consérvela")
		s.byPasskey(d) // it serves until then
		s.wantDone(s.post(b, "/cuenta/llaves/conservar", "cual", mine.ID), "conservada")
		if len(s.keys()) != 1 || !s.keys()[0].RevokedAt.IsZero() || !s.due(s.maria).IsZero() {
			t.Errorf("kept: %+v, due %v", s.keys(), !s.due(s.maria).IsZero())
		}
		s.wantDone(s.post(b, "/cuenta/llaves/quitar", "cual", mine.ID), "por-terminar")
		s.Pass(6 * time.Minute)
		if got := s.post(b, "/cuenta/llaves/quitar", "cual", mine.ID); !strings.Contains(got.Body, confirms) {
			t.Errorf("with an old proof: got %d %s", got.Status, got.Location)
		}
		strong := s.byPasskey(d)
		s.WantText(strong.Get("/cuenta/llaves/quitar?cual="+mine.ID), "en cuanto presione el botón")
		s.wantDone(s.post(strong, "/cuenta/llaves/quitar", "cual", mine.ID), "quitada")
		if len(s.keys()) != 0 || s.due(s.maria).IsZero() {
			t.Errorf("revoked: %+v, due %v", s.keys(), !s.due(s.maria).IsZero())
		}
		s.Work()
		to := " " + s.maria.Email
		want := []string{"llave-conservada" + to, "llave-por-terminar" + to, "llave-por-terminar" + to, "llave-terminada" + to}
		if got := s.mails(); !slices.Equal(got, want) {
			t.Errorf("mails %q, want %q", got, want)
		}
		s.Pass(25 * time.Hour)
		if got := s.NewBrowser(); got.Post("/ingresar", "llave", got.Prove(d)).Status != http.StatusOK {
			t.Error("a revoked passkey signs in")
		}
	})
}

// What ends in a day ends then, with nobody doing anything.
func TestASVS_6_5_6_ARevokedPasskeyEndsInADay(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		d := s.NewDevice()
		mine := s.Enrol(d, s.maria.ID)
		s.post(s.enter(s.maria), "/cuenta/llaves/quitar", "cual", mine.ID)
		s.Pass(24*time.Hour - time.Second)
		s.byPasskey(d)
		s.Pass(time.Second)
		b := s.NewBrowser()
		if got := b.Post("/ingresar", "llave", b.Prove(d)); got.Status != http.StatusOK || len(s.keys()) != 0 {
			t.Errorf("got %d to %s, want it over", got.Status, got.Location)
		}
	})
}

// Another person's passkey is not shown, named, kept or revoked.
func TestWA_11_AnothersPasskey(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.Enrol(s.NewDevice(), s.maria.ID)
		other := s.Enrol(s.NewDevice(), s.luis.ID)
		b := s.enter(s.maria)
		for _, page := range []string{"nombre", "quitar"} {
			s.Want(b.Get("/cuenta/llaves/"+page+"?cual="+other.ID), http.StatusSeeOther, "/cuenta/llaves")
		}
		if got := b.Get("/cuenta/llaves"); strings.Contains(got.Body, other.ID) || strings.Contains(got.Body, other.CredentialID) {
			t.Error("it is on the list")
		}
		for _, page := range []string{"nombre", "quitar", "conservar"} {
			s.Want(s.post(b, "/cuenta/llaves/"+page, "cual", other.ID, "nombre", "mía"), http.StatusSeeOther, "/cuenta/llaves")
		}
		got, err := s.DB.PasskeyByCredential(t.Context(), other.CredentialID)
		if err != nil || got.Name != other.Name || !got.RevokedAt.IsZero() {
			t.Errorf("got %+v, %v, want it untouched", got, err)
		}
	})
}

func TestAPasskeyGetsAnotherName(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		mine := s.Enrol(s.NewDevice(), s.maria.ID)
		b := s.enter(s.maria)
		s.WantText(b.Get("/cuenta/llaves/nombre?cual="+mine.ID), mine.Name)
		s.WantText(s.post(b, "/cuenta/llaves/nombre", "cual", mine.ID, "nombre", " \t"), "Escriba un nombre")
		s.wantDone(s.post(b, "/cuenta/llaves/nombre", "cual", mine.ID, "nombre", strings.Repeat("á", 50)), "nombre")
		if got := s.keys()[0].Name; got != strings.Repeat("á", 40) {
			t.Errorf("got %q", got)
		}
	})
}

// WA-7: a device that has one is excluded, and one that lies about it is refused;
// what one ceremony gave is one passkey, however often it comes.
func TestWA_7_OnePasskeyOfADevice(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		d := s.NewDevice()
		b := s.enter(s.maria)
		answer := s.made(d, b.Get("/cuenta/llaves/nueva"))
		var added atomic.Int32
		logintest.Parallel(20, func(int) {
			got := s.post(b.Clone(), "/cuenta/llaves/nueva", "credencial", answer, "nombre", "uno", "crear", "1")
			if got.Param("hecho") == "agregada" {
				added.Add(1)
			}
		})
		if n := len(s.keys()); n != 1 || s.Events(login.EventPasskeyAdded) != 1 || added.Load() == 0 {
			t.Fatalf("%d passkeys of one ceremony, %d told of, %d answers", n, s.Events(login.EventPasskeyAdded), added.Load())
		}
		strong := s.byPasskey(d)
		page := strong.Get("/cuenta/llaves/nueva")
		if _, err := d.Create(s.options(page)); !errors.Is(err, passkeytest.ErrExcluded) {
			t.Errorf("got %v, want the device excluded", err)
		}
		s.Pass(11 * time.Minute) // no repetition of a moment ago
		strong = s.byPasskey(d)
		got := s.post(strong, "/cuenta/llaves/nueva", "credencial", answer, "crear", "1")
		s.WantText(got, "No se creó la llave")
		if len(s.keys()) != 1 || s.Events("passkey.unmade") != 1 {
			t.Errorf("%d passkeys", len(s.keys()))
		}
		s.WantText(s.post(strong, "/cuenta/llaves/nueva", "credencial", "x"), "No se creó la llave")
	})
}

// Nobody has more than ten.
func TestAtMostTenPasskeys(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		d := s.NewDevice()
		s.Enrol(d, s.maria.ID)
		b := s.byPasskey(d)
		late := s.made(s.NewDevice(), b.Get("/cuenta/llaves/nueva"))
		for range login.MaxPasskeys - 1 {
			s.Enrol(s.NewDevice(), s.maria.ID)
		}
		s.WantText(b.Get("/cuenta/llaves"), "Ya tiene 10 llaves")
		s.Want(b.Get("/cuenta/llaves/nueva"), http.StatusSeeOther, "/cuenta/llaves")
		s.Want(s.post(b, "/cuenta/llaves/nueva", "credencial", late, "crear", "1"), http.StatusSeeOther, "/cuenta/llaves")
		if n := len(s.keys()); n != login.MaxPasskeys {
			t.Errorf("%d passkeys", n)
		}
	})
}

// WA-10: the list tells the browser which passkeys are left.
func TestWA_10_TheListSignalsWhatIsLeft(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		mine := s.Enrol(s.NewDevice(), s.maria.ID)
		page := s.enter(s.maria).Get("/cuenta/llaves")
		found := regexp.MustCompile(`data-llaves="([^"]+)"`).FindStringSubmatch(page.Body)
		if found == nil {
			t.Fatal("nothing is told")
		}
		var told struct {
			RPID, UserID             string
			AllAcceptedCredentialIDs []string
		}
		if err := json.Unmarshal([]byte(html.UnescapeString(found[1])), &told); err != nil {
			t.Fatal(err)
		}
		host, err := url.Parse(s.Issuer)
		if err != nil {
			t.Fatal(err)
		}
		if told.RPID != host.Hostname() || len(told.UserID) != 43 || !slices.Equal(told.AllAcceptedCredentialIDs, []string{mine.CredentialID}) {
			t.Errorf("got %+v", told)
		}
	})
}

// "No ofrecerme más" is taken back on the list.
func TestASVS_6_3_3_TheOfferIsTakenUpAgain(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.In(func(tx *storage.Tx) error { return tx.DeclineOffer(t.Context(), s.maria.ID, storage.At(s.Time())) })
		b := s.enter(s.maria)
		s.WantText(b.Get("/cuenta/llaves"), `id="ofrecer"`)
		s.Pass(6 * time.Minute) // it protects nobody less: no proof
		done := s.post(b, "/cuenta/llaves/oferta", "ofrecer", "1")
		s.wantDone(done, "ofrecer")
		if got := b.Get(done.Location); strings.Contains(got.Body, `id="ofrecer"`) || !strings.Contains(got.Body, "le ofreceremos") {
			t.Error("nothing has changed")
		}
	})
}

// T05: whoever changes the address first does not keep the notice from her.
func TestASVS_6_3_7_OldAndNewAddressHearOfAPasskey(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		const present = "otra@example.org"
		file := "cedula,nombres,apellidos,fecha_nacimiento,correo,tipo_asegurado,estado,huella\n" + cedula + "," +
			strings.Join([]string{s.maria.GivenName, s.maria.FamilyName, s.maria.Birthdate, present, "afiliado", "activa", "si"}, ",") + "\n"
		report, err := s.DB.ImportAfiliados(t.Context(), strings.NewReader(file), storage.ImportOptions{Identifier: login.ParseIdentifier, Now: s.Time})
		if err != nil || report.Updated != 1 {
			t.Fatalf("got %+v, %v", report, err)
		}
		s.Work()
		b := s.enter(s.maria)
		answer := s.made(s.NewDevice(), b.Get("/cuenta/llaves/nueva"))
		s.wantDone(s.post(b, "/cuenta/llaves/nueva", "credencial", answer, "crear", "1"), "agregada")
		s.Work()
		want := []string{
			"contacto-cambiado " + s.maria.Email, "contacto-cambiado " + present, "llave-agregada " + s.maria.Email, "llave-agregada " + present,
		}
		slices.Sort(want)
		if got := s.mails(); !slices.Equal(got, want) {
			t.Errorf("mails %q, want %q", got, want)
		}
	})
}
