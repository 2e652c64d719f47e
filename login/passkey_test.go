package login_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/login/passkeytest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

const (
	asksPasskey    = `data-llave="/ingresar/llave/opciones"`
	refusedPasskey = `No se pudo ingresar con esa llave de acceso`
)

// enter sends the form with what the device answers.
func (b *browser) enter(request string, d *passkeytest.Authenticator) answer {
	b.s.T.Helper()
	form := []string{"cedula", "", "clave", "", login.FieldPasskey, b.Prove(d)}
	if request != "" {
		form = append(form, "id", request)
	}
	return b.Post("/ingresar", form...)
}

// denials are the reasons of refused passkeys in the audit.
func (s *site) denials() []string {
	s.T.Helper()
	var out []string
	rows, err := storagetest.Raw(s.T, s.Database).QueryContext(s.T.Context(), `SELECT detail FROM audit WHERE event = 'passkey.denied' ORDER BY id`)
	if err != nil {
		s.T.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		var detail struct{ Reason string }
		if err := rows.Scan(&text); err != nil {
			s.T.Fatal(err)
		}
		if err := json.Unmarshal([]byte(text), &detail); err != nil {
			s.T.Fatal(err)
		}
		out = append(out, detail.Reason)
	}
	if err := rows.Err(); err != nil {
		s.T.Fatal(err)
	}
	return out
}

// Whoever has a passkey signs in with nothing typed, in a running request and
// without one, and the session tells how.
func TestPasskeySignsIn(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		d := s.NewDevice()
		made := s.Enrol(d, a.ID)
		b := s.browser()
		request := b.ask("historia", "openid profile").Param("id")
		page := b.Get("/ingresar?id=" + request)
		s.WantText(page, asksPasskey, `autocomplete="username webauthn"`)
		if csp := page.Header["Content-Security-Policy"]; !slices.Contains(csp, "connect-src 'self'") {
			t.Errorf("got policies %q, want connections to ourselves", csp)
		}
		s.Want(b.enter(request, d), http.StatusSeeOther, "/autorizar")
		session, err := s.DB.SessionBySecret(t.Context(), storage.Hash(b.Cookie("session")), s.Time(), s.Time().Add(-time.Hour))
		if err != nil || session.AfiliadoID != a.ID || session.ACR != login.ACRPasskey || session.AMR != "hwk user mfa" || !session.AuthAt.Equal(s.Time()) {
			t.Errorf("got %+v, %v; want her session by a passkey of one device", session, err)
		}
		q, err := s.DB.AuthRequest(t.Context(), request)
		if err != nil || q.SessionID != session.ID || q.ProvedAt.IsZero() {
			t.Errorf("got %+v, %v; want her proof in the request", q, err)
		}
		stored, err := s.DB.PasskeyByCredential(t.Context(), made.CredentialID)
		if err != nil || !stored.LastAt.Equal(s.Time()) {
			t.Errorf("got %+v, %v; want its use noted", stored, err)
		}
		other := s.browser()
		other.Get("/ingresar")
		s.Want(other.enter("", d), http.StatusSeeOther, "/cuenta")
		never := s.NewDevice() // of somebody who has no clave
		s.Enrol(never, s.person(another, "").ID)
		other = s.browser()
		other.Get("/ingresar")
		s.Want(other.enter("", never), http.StatusSeeOther, "/cuenta")
		if got := s.denials(); len(got) > 0 {
			t.Errorf("denied: %q", got)
		}
	})
}

// A device becomes known by a passkey as by a clave: the first time is told of, and
// from then on a stranger's lock does not stop the clave there.
func TestPasskeyMakesTheDeviceKnown(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		d := s.NewDevice()
		s.Enrol(d, a.ID)
		b := s.browser()
		b.Get("/ingresar")
		s.Want(b.enter("", d), http.StatusSeeOther, "/cuenta")
		if known, err := s.DB.KnowsDevice(t.Context(), s.DB.IdentifierMAC(cedula), storage.Hash(b.Cookie("device")), s.Time()); err != nil || !known {
			t.Errorf("got %v, %v; want the device known", known, err)
		}
		if due, err := s.DB.DueErrands(t.Context(), s.Time().Add(time.Hour), 10); err != nil || len(due) != 1 || due[0].Kind != login.NoticeNewDevice {
			t.Errorf("got %+v, %v; want a notice of the new device", due, err)
		}
		s.Want(b.enter("", d), http.StatusSeeOther, "/cuenta")
		if due, err := s.DB.DueErrands(t.Context(), s.Time().Add(time.Hour), 10); err != nil || len(due) != 1 {
			t.Errorf("got %+v, %v; want no second notice", due, err)
		}
	})
}

// Unknown, revoked, of a locked and of a disabled account, wrong or too late: the
// answer is the same, but for what names the request (T01). The cédula stays typed.
func TestT01_RefusedPasskeysLookTheSame(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		unknown := s.NewDevice()
		if _, err := unknown.Create([]byte(`{"publicKey":{"rp":{"id":"localhost"},"user":{"id":"AAAA"}}}`)); err != nil {
			t.Fatal(err)
		}
		enrolled := func(id storage.Identifier) (*storage.Afiliado, *passkeytest.Authenticator, storage.Passkey) {
			a, d := s.person(id, clave), s.NewDevice()
			return a, d, s.Enrol(d, a.ID)
		}
		ann, revoked, made := enrolled("1759999913")
		s.In(func(tx *storage.Tx) error {
			_, err := tx.RevokePasskey(t.Context(), ann.ID, made.ID, s.Time())
			return err
		})
		_, operador, _ := enrolled("0959999913")
		_, compromiso, _ := enrolled("0159999911")
		for id, reason := range map[storage.Identifier]string{"0959999913": storage.LockOperador, "0159999911": storage.LockCompromiso} {
			s.In(func(tx *storage.Tx) error {
				_, err := tx.LockClave(t.Context(), s.DB.IdentifierMAC(id), reason, s.Time())
				return err
			})
		}
		bea, disabled, _ := enrolled("1059999910")
		s.In(func(tx *storage.Tx) error { return tx.DisableAfiliado(t.Context(), bea.ID, "x", s.Time()) })
		_, unverified, _ := enrolled("1359999917")
		unverified.Unverified = true
		_, other, _ := enrolled("1859999912")
		other.Origin = "http://localhost.evil.example:8080"
		_, framed, _ := enrolled("3059999916")
		framed.CrossOrigin = true

		bodies := map[string]string{}
		for name, d := range map[string]*passkeytest.Authenticator{
			"unknown": unknown, "revoked": revoked, "locked by an officer": operador, "compromised": compromiso, "disabled": disabled,
			"unverified": unverified, "of another origin": other, "in a frame": framed,
		} {
			b := s.browser()
			b.Get("/ingresar")
			response := b.Prove(d)
			got := b.Post("/ingresar", "cedula", "1759999913", "clave", "", login.FieldPasskey, response)
			s.Want(got, http.StatusOK, "")
			s.WantText(got, refusedPasskey, `value="1759999913"`)
			var credential struct{ ID string }
			if err := json.Unmarshal([]byte(response), &credential); err != nil {
				t.Fatal(err)
			}
			if b.Cookie("session") != "" {
				t.Errorf("%s: there is a session", name)
			}
			bodies[strings.ReplaceAll(got.Body, credential.ID, "ID")] += name + " "
		}
		b := s.browser()
		b.Get("/ingresar")
		bodies[strings.ReplaceAll(b.Post("/ingresar", "cedula", "1759999913", "clave", "", login.FieldPasskey, `{"id":"ID"}`).Body, "", "")] += "malformed "
		if len(bodies) != 1 {
			t.Errorf("%d answers: %q", len(bodies), slices.Collect(valuesOf(bodies)))
		}
		got := s.denials()
		slices.Sort(got)
		want := []string{"invalid", "invalid", "invalid", "locked", "locked", "locked", "malformed", "unknown", "unknown"}
		if !slices.Equal(got, want) {
			t.Errorf("the audit says %q, want %q", got, want)
		}
	})
}

func valuesOf(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// What strangers did to the clave stops no passkey; an officer's word does.
func TestT03_PasskeyPassesTheLockOfStrangers(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		d := s.NewDevice()
		s.Enrol(d, a.ID)
		for range 5 {
			s.browser().signIn("", cedula, wrong)
		}
		if budget, err := s.DB.LoginBudget(t.Context(), s.DB.IdentifierMAC(cedula)); err != nil || budget.LockReason != storage.LockLogin {
			t.Fatalf("got %+v, %v; want the clave locked", budget, err)
		}
		b := s.browser()
		b.Get("/ingresar")
		s.Want(b.enter("", d), http.StatusSeeOther, "/cuenta")
		if budget, err := s.DB.LoginBudget(t.Context(), s.DB.IdentifierMAC(cedula)); err != nil || budget.LockReason != storage.LockLogin {
			t.Errorf("got %+v, %v; want the clave still locked", budget, err)
		}
		s.In(func(tx *storage.Tx) error {
			if err := tx.UnlockClave(t.Context(), s.DB.IdentifierMAC(cedula)); err != nil {
				return err
			}
			_, err := tx.LockClave(t.Context(), s.DB.IdentifierMAC(cedula), storage.LockOperador, s.Time())
			return err
		})
		s.WantText(b.enter("", d), "Una persona del IESS bloqueó esta clave") // she is known here, and told why
		stranger := s.browser()
		stranger.Get("/ingresar")
		s.WantText(stranger.enter("", d), refusedPasskey)
	})
}

// A sign-in by passkey gives the session a new secret; one that was planted opens
// nothing (T14, ASVS 7.2.4).
func TestT14_PasskeyGivesTheSessionANewSecret(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		d := s.NewDevice()
		s.Enrol(d, a.ID)
		b := s.browser()
		b.Get("/ingresar")
		planted := storage.NewSecret()
		b.SetCookie("session", planted)
		s.Want(b.enter("", d), http.StatusSeeOther, "/cuenta")
		first := b.Cookie("session")
		if first == planted || first == "" {
			t.Fatal("the planted secret is the session's")
		}
		before := b.Clone()
		s.Want(b.enter("", d), http.StatusSeeOther, "/cuenta")
		if b.Cookie("session") == first {
			t.Error("the secret stayed the same")
		}
		if got := before.Get("/"); strings.Contains(got.Body, "cerrar-sesion") {
			t.Error("the old secret still opens the session")
		}
	})
}

// Of fifty forms with one response, sent at once, one signs in.
func TestT18_PasskeySignsInOnce(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		d := s.NewDevice()
		s.Enrol(d, a.ID)
		b := s.browser()
		b.Get("/ingresar")
		response := b.Prove(d)
		statuses := make([]int, 50)
		logintest.Parallel(len(statuses), func(i int) {
			statuses[i] = b.Post("/ingresar", "cedula", strings.Repeat("0", i), login.FieldPasskey, response).Status
		})
		won := len(slices.DeleteFunc(slices.Clone(statuses), func(status int) bool { return status != http.StatusSeeOther }))
		sessions, err := s.DB.SurplusSessions(t.Context(), a.ID, 0, s.Time())
		if err != nil || len(sessions) != 1 || won != 1 {
			t.Errorf("got %v, %v and %d forms that went on; want one", sessions, err, won)
		}
		if got := s.denials(); len(got) != len(statuses)-1 {
			t.Errorf("%d denials, want all but one", len(got))
		}
	})
}

// The same form twice, as from a double click: one sign-in, and the same answer.
func TestFT14_PasskeyFormSentTwice(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		d := s.NewDevice()
		s.Enrol(d, a.ID)
		b := s.browser()
		b.Get("/ingresar")
		form := []string{"cedula", "", login.FieldPasskey, b.Prove(d)}
		answers := make([]answer, 2)
		logintest.Parallel(len(answers), func(i int) { answers[i] = b.Post("/ingresar", form...) })
		for _, got := range answers {
			s.Want(got, http.StatusSeeOther, "/cuenta")
		}
		if got := s.denials(); len(got) > 0 {
			t.Errorf("denied: %q", got)
		}
	})
}

// Refused passkeys weigh on their network as failed claves do.
func TestRefusedPasskeysPressOnTheNetwork(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.Get("/ingresar")
		r := b.Request(http.MethodGet, "/ingresar", "")
		r.RemoteAddr = "127.0.0.1:1"
		for _, response := range []string{"{}", "[]", "{}"} { // the same form twice in a row would count once
			b.Post("/ingresar", "cedula", "", login.FieldPasskey, response)
		}
		level, _, err := s.Levels(t.Context(), r, &login.Visit{Now: s.Time()}, cedula)
		if err != nil || level != 3 {
			t.Errorf("got %d, %v; want the network pressed three times", level, err)
		}
	})
}

// A copy of a passkey is told to its person, once, and lets nobody in again (WA-5).
func TestWA_5_CloneIsToldOnce(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		d := s.NewDevice()
		s.Enrol(d, a.ID)
		b := s.browser()
		b.Get("/ingresar")
		thief := d.Clone()
		s.Want(b.enter("", d), http.StatusSeeOther, "/cuenta")
		for _, copied := range []*passkeytest.Authenticator{thief, thief, d} {
			other := s.browser()
			other.Get("/ingresar")
			s.WantText(other.enter("", copied), refusedPasskey)
		}
		due, err := s.DB.DueErrands(t.Context(), s.Time().Add(time.Hour), 10)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, e := range due {
			kinds = append(kinds, e.Kind)
		}
		slices.Sort(kinds)
		if want := []string{login.NoticeNewDevice, "llave-dudosa"}; !slices.Equal(kinds, want) {
			t.Errorf("got notices %q, want %q", kinds, want)
		}
		if got := s.denials(); !slices.Equal(got, []string{"cloned", "marked", "marked"}) {
			t.Errorf("the audit says %q", got)
		}
	})
}

// A credential that nobody has may be forgotten by its browser; one that was refused
// for another reason is left to it (WA-10).
func TestWA_10_OnlyUnknownCredentialsAreForgotten(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		made := s.Enrol(s.NewDevice(), a.ID)
		b := s.browser()
		b.Get("/ingresar")
		for id, want := range map[string]bool{made.CredentialID: false, "AAAA": true, "": false} {
			if _, unknown := b.PasskeyOptions("negada", id); unknown != want {
				t.Errorf("%q: got %v, want %v", id, unknown, want)
			}
		}
		s.In(func(tx *storage.Tx) error {
			_, err := tx.RevokePasskey(t.Context(), a.ID, made.ID, s.Time())
			return err
		})
		if _, unknown := b.PasskeyOptions("negada", made.CredentialID); !unknown {
			t.Error("a revoked one is to be forgotten")
		}
		got := b.Post("/ingresar", "cedula", "", login.FieldPasskey, `{"id":"`+made.CredentialID+`"}`)
		s.WantText(got, `data-negada="`+made.CredentialID+`"`)
		got = b.Post("/ingresar", "cedula", "", login.FieldPasskey, `{"id":"\"><script>"}`)
		s.WantText(got, `data-negada=""`)
	})
}
