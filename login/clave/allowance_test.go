package clave_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

const idleTitle = "Su clave no estaba bloqueada"

// unpressed lets identifiers be asked for without their challenge costing more.
func unpressed(c *login.Config) { c.Identifier = login.Limit{Free: 1, Leak: time.Nanosecond} }

// flood lets strangers ask for the person as often as they are answered, and once
// more.
func (s *site) flood() {
	s.T.Helper()
	for range 4 {
		s.browser().askUnlock(s.who.Identifier)
	}
	s.Work()
}

func (s *site) wantLinks(n int) {
	s.T.Helper()
	if got := len(s.mails()); got != n {
		s.T.Errorf("%d mails, want %d: %v", got, n, s.kinds())
	}
}

// T13, D06: strangers who ask for somebody do not use up what she is sent herself,
// in a browser known to be hers or beside a link from her mail.
func TestT13_D06_StrangersDoNotUseUpHerMails(t *testing.T) {
	t.Run("known browser", func(t *testing.T) {
		fresh(t, func(t *testing.T, s *site) {
			own := s.browser()
			s.Want(own.signIn("", old), http.StatusSeeOther, "/cuenta")
			s.lock(storage.LockLogin)
			s.flood()
			s.wantLinks(3)
			own.askUnlock(s.who.Identifier)
			s.Work()
			s.wantLinks(4)
			for range 4 {
				s.Pass(6 * time.Second)
				own.Post("/desbloqueo/reenviar")
			}
			s.Work()
			s.wantLinks(6)
		})
	})
	t.Run("link", func(t *testing.T) {
		each(t, func(t *testing.T, s *site) {
			b, link := locked(s)
			s.flood()
			s.wantLinks(3)
			b.Open(link)
			s.Pass(6 * time.Second)
			s.Want(b.Post("/desbloqueo/reenviar"), http.StatusSeeOther, "/desbloqueo/enviado")
			s.Work()
			s.wantLinks(4)
		})
	})
}

// T13: strangers have twelve mails a day sent to one person; she still gets hers.
func TestT13_StrangersSendTwelveMailsADay(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, _ := locked(s)
		for range 8 {
			s.Pass(15 * time.Minute)
			s.flood()
		}
		s.wantLinks(12)
		b.Open(s.linkOf("enlace-desbloqueo"))
		b.Post("/desbloqueo/reenviar")
		s.Work()
		s.wantLinks(13)
		s.Pass(24 * time.Hour)
		s.browser().askUnlock(s.who.Identifier)
		s.Work()
		s.wantLinks(14)
	}, unpressed)
}

// T13: each wish to unlock that was typed presses on its identifier, whoever has
// it, if anybody.
func TestT13_AskingPressesOnTheIdentifier(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		for _, id := range []storage.Identifier{s.who.Identifier, nobody} {
			for i := range 3 {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/desbloqueo", nil)
				if _, level, err := s.Levels(t.Context(), r, &login.Visit{Now: s.Time()}, id); err != nil || level != i {
					t.Errorf("after %d wishes the identifier is at %d, %v", i, level, err)
				}
				s.browser().askUnlock(id)
			}
		}
	})
}

// T13: a link stands in for the challenge in one other browser, and then no more.
func TestT13_ADeadLinkSparesOneChallenge(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		_, link := locked(s)
		s.Pass(4 * time.Minute)
		for i := range 3 {
			b := s.browser()
			s.WantText(b.Open(link), resendButton)
			leads := "/desbloqueo"
			if i == 0 {
				leads = "/desbloqueo/enviado"
			}
			s.Want(b.Post("/desbloqueo/reenviar"), http.StatusSeeOther, leads)
		}
		if n := s.Events("unlock.asked"); n != 2 {
			t.Errorf("asked %d times, want by form and by one press", n)
		}
	})
}

// pressNetwork lets n failures press on the network of the tests.
func (s *site) pressNetwork(n int) {
	s.T.Helper()
	key := s.DB.PressureKey("network", "127.0.0.0/24")
	s.In(func(tx *storage.Tx) error {
		for range n {
			if err := tx.AddPressure(s.T.Context(), key, s.Time(), s.Network.Leak, 1000*s.Network.Leak); err != nil {
				return err
			}
		}
		return nil
	})
}

// T13: answers that were posed before the network pressed do not count once it
// does; a small rise refuses nobody.
func TestT13_HoardedAnswersDoNotUnlock(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		ask := func(b *browser, reto string) answer {
			return b.Post("/desbloqueo", "identificacion", string(nobody), "reto", reto)
		}
		honest, hoarder := s.browser(), s.browser()
		first, second := honest.Get("/desbloqueo"), hoarder.Get("/desbloqueo")
		s.Pass(-15 * time.Second) // ticketOf holds ten seconds each
		early, late := honest.ticketOf(first), hoarder.ticketOf(second)
		s.Pass(10 * time.Second)
		s.pressNetwork(25)
		s.Want(ask(honest, early), http.StatusSeeOther, "/desbloqueo/enviado")
		s.pressNetwork(50)
		if got := ask(hoarder, late); got.Status != http.StatusOK || s.Events("unlock.asked") != 1 {
			t.Errorf("a hoarded answer counted: %d %s", got.Status, got.Location)
		}
	}, func(c *login.Config) { c.Network = login.Limit{Free: 1000, Leak: 24 * time.Hour} })
}

// Who was not locked is told so, and gets no notice of an unlock.
func TestS073_ThereWasNoLock(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.askUnlock(s.who.Identifier)
		s.Work()
		s.Deliver()
		b.Open(s.linkOf("enlace-desbloqueo"))
		s.Want(b.Post("/desbloqueo/abrir"), http.StatusSeeOther, "/desbloqueo/listo")
		s.WantText(b.Get("/desbloqueo/listo"), idleTitle)
		s.Work()
		s.wantMails("enlace-desbloqueo")
		if s.Events("clave.unlocked") != 0 || s.Events("unlock.idle") != 1 {
			t.Error("audited as an unlock")
		}
	})
}

// T05: whoever knows her clave does not choose the language of the alert.
func TestT05_AThiefDoesNotChooseTheLanguage(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		thief := s.browser()
		thief.Get("/?ui_locales=en")
		s.Want(thief.signIn("", old), http.StatusSeeOther, "/cuenta")
		s.Pass(5 * time.Minute)
		s.Work()
		s.wantMails(login.NoticeNewDevice)
		for _, m := range s.mails() {
			if m.Locale != "" {
				t.Errorf("%s in %q", m.Template, m.Locale)
			}
		}
	})
}

// otherKeys is the same database opened by whoever seals with a key that the site
// does not have.
func (s *site) otherKeys() *storage.DB {
	s.T.Helper()
	keys := storagetest.Keys()
	keys.Current, keys.Seal["later"] = "later", bytes.Repeat([]byte{7}, 32)
	db, err := storage.Open(s.T.Context(), storage.Config{URL: s.Database, Keys: keys})
	if err != nil {
		s.T.Fatal(err)
	}
	s.T.Cleanup(func() { db.Close() })
	return db
}

// T05: the notice of a new device that does not open holds back what else
// happened in that browser until a minute after it was due, and no longer.
func TestT05_ADamagedAlertHoldsNothingBack(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			s := newSite(t, engine)
			other := s.otherKeys()
			add := func(db *storage.DB, kind string, wait time.Duration) {
				storagetest.InTx(t, db, func(tx *storage.Tx) error {
					return tx.AddErrand(t.Context(), storage.Errand{
						Kind: kind, IdentifierMAC: s.DB.IdentifierMAC(s.who.Identifier), BrowserHash: "browser",
						CreatedAt: storage.At(s.Time()), NextAt: storage.At(s.Time().Add(wait)),
					})
				})
			}
			add(other, login.NoticeNewDevice, s.NewDeviceWait)
			add(s.DB, login.NoticeChanged, 0)
			run := func(mails ...string) {
				t.Helper()
				_ = s.Claves.RunErrands(t.Context(), s.Time()) // tells of the damaged one
				s.wantMails(mails...)
			}
			run()
			s.Pass(s.NewDeviceWait)
			run()
			s.Pass(time.Minute)
			run(login.NoticeChanged)
			s.Pass(time.Hour)
			add(s.DB, login.NoticeRenewed, 0)
			run(login.NoticeChanged, login.NoticeRenewed)
		})
	}
}

// T05: "No fui yo" of one day lives no longer because of what happens later.
func TestT05_NoFuiYoEndsInItsOwnTime(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		s.browser().signIn("", old)
		s.Pass(5 * time.Minute)
		s.Work()
		s.Deliver()
		first := s.linkOf(login.NoticeNewDevice)
		s.Pass(9 * 24 * time.Hour)
		for range 5 {
			s.browser().signIn("", wrongClave)
		}
		s.Work()
		s.Deliver()
		second := s.linkOf(login.NoticeLocked)
		s.WantText(s.browser().Open(first), `id="no-fui-yo"`)
		s.Pass(25 * time.Hour)
		b := s.browser()
		s.WantText(b.Open(first), "venció")
		page := b.Open(second)
		s.WantText(page, `id="no-fui-yo"`)
		if first.ID == second.ID {
			t.Error("nine days apart they are the same link")
		}
	})
}
