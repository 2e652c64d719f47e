package clave_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/clave"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

// tell writes down what a browser on a telephone has done to one of her factors.
func (s *site) tell(kind templates.FactorKind, n login.Notice) {
	s.T.Helper()
	r := httptest.NewRequestWithContext(s.T.Context(), http.MethodPost, "/cuenta/llaves", nil)
	r.Header.Set("User-Agent", "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36")
	s.In(func(tx *storage.Tx) error {
		return s.TellFactor(s.T.Context(), tx, r, &login.Visit{Now: s.Time(), Lang: "en"}, s.who, kind, map[string]string{"passkey": "x"}, n)
	})
}

// toldAt are the addresses that mails of that kind went to, in order.
func (s *site) toldAt(kind templates.FactorKind) []string {
	s.T.Helper()
	var out []string
	for _, m := range s.mails() {
		if m.Template != string(kind) {
			continue
		}
		if m.LinkID == "" {
			s.T.Errorf("%s is offered no way to object", m.Recipient)
		}
		if m.Locale == "en" {
			s.T.Errorf("who changed it chose the language of the warning")
		}
		out = append(out, m.Recipient)
	}
	slices.Sort(out)
	return out
}

// ASVS 6.3.7, T05: what becomes of a factor is told at the address on file and at
// the one it replaced not long ago, each with "No fui yo".
func TestASVS_6_3_7_T05_FactorsAreToldOfAtOldAndNewAddresses(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		const present = "carlos@nuevo.example"
		s.imported(present)
		s.Work()
		s.Pass(29 * 24 * time.Hour)
		ends := s.Time().Add(24 * time.Hour)
		s.tell(templates.KeyEnding, login.Notice{Ends: ends, Made: "Chrome · Android"})
		s.Work()
		if got, want := s.toldAt(templates.KeyEnding), []string{s.who.Email, present}; !slices.Equal(got, want) {
			t.Errorf("told %v, want %v", got, want)
		}
		all := s.mails()
		var m templates.MailFactor
		if err := json.Unmarshal(all[len(all)-1].Data, &m); err != nil || !m.Until.Equal(ends) || m.Made != "Chrome · Android" || m.Device != "Chrome · Android" {
			t.Errorf("got %+v, %v", m, err)
		}
		s.Deliver()
		s.WantText(s.browser().Open(s.linkOf(string(templates.KeyEnding))), "Una llave de acceso va a terminar", "Chrome · Android")
		s.Pass(2 * 24 * time.Hour)
		s.tell(templates.KeyAdded, login.Notice{})
		s.Work()
		if got, want := s.toldAt(templates.KeyAdded), []string{present}; !slices.Equal(got, want) {
			t.Errorf("told %v a month later, want %v", got, want)
		}
	})
}

// Each kind has its mail and its audit event; applications hear of what was added or
// ended.
func TestASVS_6_3_7_EveryKindOfFactorIsToldOf(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		heard := s.Subscribe(s.who.ID)
		var want []string
		for _, kind := range templates.FactorKinds() {
			s.tell(kind, login.Notice{})
			want = append(want, string(kind))
			if event := login.FactorEvent(kind); event == "" || s.Events(event) != 1 {
				t.Errorf("%s: %d audit rows %q, want one", kind, s.Events(event), event)
			}
		}
		s.Work()
		s.wantMails(want...)
		causes := []string{
			"credential-change: authenticator application added", "credential-change: authenticator application ended",
			"credential-change: factors ended", "credential-change: passkey added", "credential-change: passkey ended",
		}
		if got := heard(); !slices.Equal(got, causes) {
			t.Errorf("applications heard %q, want %q", got, causes)
		}
	})
}

// Who has no mailbox is not told, and that stands in the audit.
func TestFactorsOfWhoHasNoMailbox(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.change(func(a *storage.Afiliado) { a.Email = "" })
		s.tell(templates.StepAdded, login.Notice{})
		s.Work()
		if s.wantMails(); s.Events(login.EventUnreachable) != 1 {
			t.Error("nobody knows that she was not told")
		}
	})
}

// hold gives the person a passkey, made then.
func (s *site) hold(id string, made time.Time) {
	s.T.Helper()
	ctx := s.T.Context()
	s.In(func(tx *storage.Tx) error {
		_, err := tx.UserHandle(ctx, s.who.ID, made)
		return errors.Join(err, tx.AddPasskey(ctx, storage.Passkey{
			ID: id, AfiliadoID: s.who.ID, CredentialID: id, Credential: "{}", Name: id, CreatedAt: storage.At(made),
		}))
	})
}

// T11, ASVS 6.4.3: "No fui yo" ends a passkey added in the 72 hours before the
// notice or since, and lets go on an older one that was about to end.
func TestT11_ASVS_6_4_3_NoFuiYoEndsWhatAnIntruderAdded(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		heard := s.Subscribe(s.who.ID)
		s.hold("hers", s.Time().Add(-73*time.Hour))
		s.hold("before", s.Time().Add(-71*time.Hour))
		s.tell(templates.KeyAdded, login.Notice{})
		s.Work()
		s.Deliver()
		s.Pass(6 * 24 * time.Hour)
		s.hold("since", s.Time().Add(-time.Hour))
		s.In(func(tx *storage.Tx) error {
			_, err := tx.RevokePasskey(t.Context(), s.who.ID, "hers", s.Time().Add(time.Hour))
			return err
		})
		owner := s.browser()
		page := owner.Open(s.linkOf(string(templates.KeyAdded)))
		s.WantText(page, "Se agregó una llave de acceso", "que se agregaron desde el 6 de noviembre de 2026, 10:00")
		s.Want(owner.Post("/no-fui-yo", "no-fui-yo", "1", "reto", owner.ticketOf(page)), http.StatusSeeOther, "/no-fui-yo/listo")
		s.WantText(owner.Get("/no-fui-yo/listo"), "que se agregaron desde el 6 de noviembre de 2026, 10:00")
		left, err := s.DB.Passkeys(t.Context(), s.who.ID, s.Time())
		if err != nil || len(left) != 1 || left[0].ID != "hers" || !left[0].RevokedAt.IsZero() {
			t.Errorf("got %+v, %v, want hers, for good", left, err)
		}
		if !slices.Contains(heard(), "credential-change: passkey ended") {
			t.Error("no application hears that passkeys ended")
		}
	})
}

// D17: a new clave beside a passkey has no due date, nobody is reminded, and a
// policy recomputed counts passkeys; without the waiver all is as before.
func TestD17_AClaveBesideAPasskeyIsNotDue(t *testing.T) {
	for name, waives := range map[string]bool{"waived": true, "not waived": false} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, s *site) {
				s.hold("hers", s.Time())
				b := s.browser()
				b.signIn("", old)
				s.Want(b.renew("", nueva), http.StatusSeeOther, "/cuenta")
				c := mustClave(s)
				if got := c.DueAt.IsZero(); got != waives {
					t.Errorf("due %v", c.DueAt)
				}
				s.In(func(tx *storage.Tx) error {
					return storagetest.MoveDue(t.Context(), tx, s.who.ID, s.Time().Add(100*24*time.Hour))
				})
				nothing := func(int64, int64) {}
				if _, err := clave.Recompute(t.Context(), s.DB, s.Renewal, "prueba", s.Time(), nothing); err != nil {
					t.Fatal(err)
				}
				if got := mustClave(s).DueAt.IsZero(); got != waives {
					t.Errorf("recomputed: due %v", mustClave(s).DueAt)
				}
				s.Pass(360 * 24 * time.Hour)
				if err := s.Claves.RemindDue(t.Context(), s.Time()); err != nil {
					t.Fatal(err)
				}
				if got := !slices.Contains(s.kinds(), "clave-por-vencer"); got != waives {
					t.Errorf("mails %v", s.kinds())
				}
			}, func(c *login.Config) { c.Renewal.Passkey = waives })
		})
	}
}
