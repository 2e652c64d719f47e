package clave_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"iess.gob.ec/clave/login/clave"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// What happens beside each effect, to every other way into the account.

// offline gives an application access that outlives sessions, and returns whether
// it still has it.
func (s *site) offline() func() bool {
	s.T.Helper()
	ctx, now := s.T.Context(), s.Time()
	g := storage.Grant{
		ID: storage.NewID(), ClientID: "historia", AfiliadoID: s.who.ID, Scope: "openid offline_access", CreatedAt: storage.At(now),
		ExpiresAt: storage.At(now.Add(1000 * time.Hour)),
	}
	token := storage.RefreshToken{Hash: storage.NewID(), GrantID: g.ID, CreatedAt: g.CreatedAt}
	s.In(func(tx *storage.Tx) error {
		if err := tx.AddGrant(ctx, g); err != nil {
			return err
		}
		return tx.AddRefreshToken(ctx, token)
	})
	return func() bool {
		s.T.Helper()
		held := false
		s.In(func(tx *storage.Tx) error {
			_, now, err := tx.LockRefreshToken(ctx, token.Hash)
			held = err == nil && now.RevokedAt.IsZero()
			return err
		})
		return held
	}
}

// knows reports whether b is known to be the person's own.
func (s *site) knows(b *browser) bool {
	s.T.Helper()
	known, err := s.DB.KnowsDevice(s.T.Context(), s.DB.IdentifierMAC(s.who.Identifier), storage.Hash(b.Cookie("device")), s.Time())
	if err != nil {
		s.T.Fatal(err)
	}
	return known
}

// T03, S073: whoever lifts the lock restores the budget of her own browsers too:
// strangers who lock anew keep her out of none.
func TestT03_UnlockingRestoresEveryLane(t *testing.T) {
	for name, unlock := range map[string]func(s *site){
		"link": func(s *site) {
			b := s.browser()
			b.askUnlock(s.who.Identifier)
			s.Work()
			s.Deliver()
			b.Open(s.linkOf("enlace-desbloqueo"))
			s.Want(b.Post("/desbloqueo/abrir"), http.StatusSeeOther, "/desbloqueo/listo")
		},
		"operator": func(s *site) {
			if err := clave.UnlockByOperator(s.T.Context(), s.DB, s.who.ID, "llamada", s.Time()); err != nil {
				s.T.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			fresh(t, func(t *testing.T, s *site) {
				own := s.browser()
				s.Want(own.signIn("", old), http.StatusSeeOther, "/cuenta")
				for range 5 {
					own.signIn("", wrongClave)
				}
				unlock(s)
				s.lock(storage.LockLogin) // strangers
				s.Want(own.signIn("", old), http.StatusSeeOther, "/cuenta")
			})
		})
	}
}

// A new clave ends what the troubles of the old one called for: the link that
// unlocks, and the proof of the old one in another browser.
func TestNewClaveEndsLinksAndProofs(t *testing.T) {
	for _, way := range []string{"/cambio", "/renovar"} {
		t.Run(way, func(t *testing.T) {
			fresh(t, func(t *testing.T, s *site) {
				asked, link := locked(s)
				s.In(func(tx *storage.Tx) error { return tx.UnlockClave(t.Context(), s.DB.IdentifierMAC(s.who.Identifier)) })
				proved := s.browser()
				s.Want(proved.prove(s.who.Identifier, old), http.StatusSeeOther, "/cambio")
				form := proved.Get("/cambio").Fields()
				b := s.browser()
				b.signIn("", old)
				if way == "/renovar" {
					s.In(func(tx *storage.Tx) error { return storagetest.MoveDue(t.Context(), tx, s.who.ID, s.Time()) })
					s.Want(b.renew("", nueva), http.StatusSeeOther, "/cuenta")
				} else {
					s.Want(b.setNew(nueva, append(b.Get("/cambio").Fields(), "clave_actual", old, "acuerdo", "1")...), http.StatusSeeOther, "/cambio/listo")
				}
				set := mustClave(s).PHC
				s.WantText(asked.Open(link), resendButton)
				proved.setNew("Xk4tRw9pQ2", form...)
				if mustClave(s).PHC != set {
					t.Error("who proved the old clave sets another")
				}
			})
		})
	}
}

// T14, 7.4.3: a change in session gives the session a new secret and, with the box
// ticked, ends what applications hold without the person too.
func TestT14_ASVS_7_4_3_ChangeInSessionRenewsIt(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		held := s.offline()
		b, thief := s.browser(), s.browser()
		b.signIn("", old)
		thief.SetCookie("session", b.Cookie("session"))
		s.WantText(thief.Get("/cambio"), `name="desde"`)
		s.Want(b.setNew(nueva, append(b.Get("/cambio").Fields(), "clave_actual", old, "acuerdo", "1")...), http.StatusSeeOther, "/cambio/listo")
		s.WantText(thief.Get("/cambio"), `name="cedula"`) // the old secret opens nothing
		s.WantText(b.Get("/cambio"), `name="desde"`)
		if held() {
			t.Error("an application keeps its offline access")
		}
	})
}

// D29, T14: the public form's proof is its person's and its browser's: it leaves
// another person's session there as it is, and is worth nothing elsewhere.
func TestD29_T14_TheProofIsOfOnePersonInOneBrowser(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		other := s.another("1759999913")
		b := s.browser()
		s.Want(b.Answering("/ingresar", "cedula", string(other.Identifier), "clave", old), http.StatusSeeOther, "/cuenta")
		session := b.Cookie("session")
		s.Want(b.prove(s.who.Identifier, old), http.StatusSeeOther, "/cambio")
		thief := s.browser()
		thief.Get("/cambio")
		thief.SetCookie("cambio", b.Cookie("cambio"))
		s.WantText(thief.Get("/cambio"), `name="cedula"`)
		s.WantText(thief.setNew(long), `name="cedula"`)
		if s.Events("clave.changed") != 0 {
			t.Fatal("the proof counts in another browser")
		}
		s.Want(b.setNew(long), http.StatusSeeOther, "/cambio/listo")
		if b.Cookie("session") != session {
			t.Error("another person's session has been raised")
		}
		s.WantText(b.Get("/cambio"), `name="desde"`) // hers lives on
		if s.Events("clave.changed") != 1 {
			t.Error("not changed")
		}
	})
}

// T05: "No fui yo" leaves no way in: known browsers, live links and proofs, and
// what applications hold without the person end, and an officer's lock stays.
func TestT05_NoFuiYoLeavesNoWayIn(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		held, told := s.offline(), s.Subscribe(s.who.ID)
		thief := s.browser()
		thief.signIn("", old)
		s.Want(thief.prove(s.who.Identifier, old), http.StatusSeeOther, "/cambio")
		form := thief.Get("/cambio").Fields()
		s.disavow()
		if got := told(); !slices.Equal(got, []string{"account-disabled: disavowed", "credential-change: disavowed"}) {
			t.Errorf("applications are told %q", got)
		}
		if held() {
			t.Error("an application keeps its offline access")
		}
		if s.knows(thief) {
			t.Error("the thief's browser is still known")
		}
		s.In(func(tx *storage.Tx) error { return tx.UnlockClave(t.Context(), s.DB.IdentifierMAC(s.who.Identifier)) })
		thief.setNew(nueva, form...)
		if s.Events("clave.changed") != 0 {
			t.Error("the thief's proof sets a clave once the lock is lifted")
		}
	})
	t.Run("officer's lock", func(t *testing.T) {
		fresh(t, func(t *testing.T, s *site) {
			told := s.Subscribe(s.who.ID)
			s.browser().signIn("", old)
			s.lock(storage.LockOperador)
			s.disavow()
			if got := told(); got != nil { // it was closed before
				t.Errorf("applications are told %q", got)
			}
			if got := s.budget().LockReason; got != storage.LockOperador {
				t.Errorf("the lock is %q now", got)
			}
			s.refusesToUnlock()
		})
	})
}

// T05: no operator gives the clave back that somebody else knows: the thief would
// be the first to sign in with it, and set the next.
func TestT05_OperatorsDoNotLiftADisavowal(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		thief := s.browser()
		thief.signIn("", old)
		s.disavow()
		s.refusesToUnlock()
		thief.signIn("", old)
		s.WantText(s.browser().signIn("", old), denied)
		s.Work()
		s.wantMails("equipo-nuevo", "clave-bloqueada")
	})
}

// refusesToUnlock checks that an operator's unlock of a disavowed clave changes
// nothing.
func (s *site) refusesToUnlock() {
	s.T.Helper()
	before := s.budget()
	if err := clave.UnlockByOperator(s.T.Context(), s.DB, s.who.ID, "llamada", s.Time()); !errors.Is(err, clave.ErrDisavowed) {
		s.T.Errorf("got %v, want it refused", err)
	}
	if now := s.budget(); now.LockReason != before.LockReason || now.Failures != before.Failures || s.Events("clave.unlocked") != 0 {
		s.T.Errorf("%+v became %+v", before, now)
	}
}

// disavow presses "No fui yo" in the notice of a new device.
func (s *site) disavow() {
	s.T.Helper()
	s.Pass(5 * time.Minute)
	s.Work()
	s.Deliver()
	owner := s.browser()
	reto := owner.ticketOf(owner.Open(s.linkOf("equipo-nuevo")))
	s.Want(owner.Post("/no-fui-yo", "no-fui-yo", "1", "reto", reto), http.StatusSeeOther, "/no-fui-yo/listo")
}

// Switching an account off ends all that was open in it, not only what begins
// after: that stays so once it is switched on again.
func TestDisablingEndsAllThatWasOpen(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		held, told := s.offline(), s.Subscribe(s.who.ID)
		b, link := locked(s)
		s.In(func(tx *storage.Tx) error { return tx.UnlockClave(t.Context(), s.DB.IdentifierMAC(s.who.Identifier)) })
		own := s.browser()
		own.signIn("", old)
		found, err := s.DB.SessionBySecret(t.Context(), storage.Hash(own.Cookie("session")), s.Time(), s.Time().Add(-time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if err := clave.DisableByOperator(t.Context(), s.DB, s.who.ID, "pedido", s.Time()); err != nil {
			t.Fatal(err)
		}
		s.WantText(b.Open(link), resendButton)
		if got := told(); !slices.Equal(got, []string{"account-disabled: disabled"}) { // and of no lock of hers
			t.Errorf("applications are told %q", got)
		}
		s.In(func(tx *storage.Tx) error { return tx.DisableAfiliado(t.Context(), s.who.ID, "", time.Time{}) }) // on again
		s.In(func(tx *storage.Tx) error {
			now, err := tx.LockSession(t.Context(), found.ID)
			if err == nil && now.EndedAt.IsZero() {
				t.Error("the session has not ended")
			}
			return err
		})
		if held() {
			t.Error("an application keeps its offline access")
		}
		if s.knows(own) {
			t.Error("the browser is still known")
		}
		s.WantText(b.Open(link), resendButton)
	})
}
