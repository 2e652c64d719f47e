package clave_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
)

// The titles of pages, as the catalogue has them.
const (
	unlockedTitle = "Su clave ha sido desbloqueada"
	elsewhereFld  = `name="ultimos"`
	resendButton  = `id="reenviar"`
	autoPost      = "data-auto"
)

// locked leaves a locked person, a browser that asked to unlock, and the link in
// her mail, handed over now.
func locked(s *site) (*browser, *storage.Link) {
	s.lock(storage.LockLogin)
	b := s.browser()
	s.Want(b.askUnlock(s.who.Identifier), http.StatusSeeOther, "/desbloqueo/enviado")
	s.Work()
	s.Deliver()
	return b, s.linkOf("enlace-desbloqueo")
}

// S071, S073: one field, one button, challenge; in the browser that asked, the
// opened link unlocks by one POST that carries its cookie.
func TestS071_UnlockInTheSameBrowser(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, link := locked(s)
		s.WantText(b.Get("/desbloqueo/enviado"), "id=\"reenviar\"")
		page := b.Open(link)
		s.WantText(page, autoPost)
		if strings.Contains(page.Body, elsewhereFld) {
			t.Error("asks the browser that asked for more")
		}
		if s.budget().LockReason == "" {
			t.Error("opening unlocks")
		}
		before, clave := s.Commits.Load(), mustClave(s)
		s.Want(b.Post("/desbloqueo/abrir", "desbloquear", "1"), http.StatusSeeOther, "/desbloqueo/listo")
		if n := s.Commits.Load() - before; n != 1 {
			t.Errorf("unlocking took %d commits", n)
		}
		s.WantText(b.Get("/desbloqueo/listo"), unlockedTitle, `id="ingresar"`, "/generar-recuperar")
		if got := s.budget(); got.LockReason != "" || got.Failures != 0 {
			t.Errorf("budget %+v", got)
		}
		if mustClave(s).PHC != clave.PHC {
			t.Error("the clave changed (D21)")
		}
		s.Work()
		s.wantMails("enlace-desbloqueo", "clave-desbloqueada")
		if s.Events("clave.unlocked") != 1 {
			t.Error("no audit row")
		}
	})
}

func mustClave(s *site) *storage.Clave {
	s.T.Helper()
	c, err := s.DB.Clave(s.T.Context(), s.who.ID)
	if err != nil {
		s.T.Fatal(err)
	}
	return c
}

// S073, T11: elsewhere the last four characters; a wrong answer counts, five kill.
func TestS073_ElsewhereTheLastFour(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		_, link := locked(s)
		other := s.browser()
		page := other.Open(link)
		s.WantText(page, elsewhereFld)
		if strings.Contains(page.Body, autoPost) {
			t.Error("would unlock by itself")
		}
		s.WantText(other.Post("/desbloqueo/abrir", "desbloquear", "1", "ultimos", "0000"), elsewhereFld, "ultimos-error")
		s.Want(other.Post("/desbloqueo/abrir", "desbloquear", "1", "ultimos", " 9913 "), http.StatusSeeOther, "/desbloqueo/listo")
		s.WantText(other.Get("/desbloqueo/listo"), unlockedTitle)
	})
}

func TestS073_FiveWrongAnswersEndTheLink(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		_, link := locked(s)
		other := s.browser()
		other.Open(link)
		for range 5 {
			other.Post("/desbloqueo/abrir", "ultimos", "0000")
		}
		got := other.Post("/desbloqueo/abrir", "ultimos", "9913")
		if got.Status != http.StatusOK || s.budget().LockReason == "" {
			t.Errorf("a sixth answer counted: %d %s", got.Status, got.Location)
		}
		s.WantText(got, resendButton)
		if s.Events("unlock.denied") != 5 {
			t.Errorf("%d audit rows", s.Events("unlock.denied"))
		}
	})
}

// T11: HEAD, 20×GET and a robot that sends the form unchanged spend nothing.
func TestT11_ScannersSpendNothing(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, link := locked(s)
		robot := s.browser()
		path := "/enlace/" + s.DB.LinkToken(link.ID)
		for range 20 {
			robot.Do(http.MethodHead, path, "")
			robot.Open(link)
			robot.Post("/desbloqueo/abrir")
			robot.Post("/desbloqueo/abrir", "ultimos", "", "desbloquear", "1")
		}
		now, err := s.DB.Link(t.Context(), link.ID)
		if err != nil || !now.Live(s.Time()) || now.Attempts != 0 || s.budget().LockReason == "" {
			t.Fatalf("link %+v, %v", now, err)
		}
		b.Open(link)
		s.Want(b.Post("/desbloqueo/abrir"), http.StatusSeeOther, "/desbloqueo/listo")
		late := s.browser()
		late.Open(link)
		if got := late.Post("/desbloqueo/abrir", "ultimos", "9913"); got.Status != http.StatusOK {
			t.Errorf("a second POST: %d %s", got.Status, got.Location)
		}
	})
}

// S072, D06: three minutes from hand-over.
func TestS072_ThreeMinutesFromHandOver(t *testing.T) {
	for name, tt := range map[string]struct {
		after time.Duration
		works bool
	}{"2:59": {2*time.Minute + 59*time.Second, true}, "3:01": {3*time.Minute + time.Second, false}} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, s *site) {
				b, link := locked(s)
				s.Pass(tt.after)
				page := b.Open(link)
				if tt.works {
					s.WantText(page, autoPost)
					s.Want(b.Post("/desbloqueo/abrir"), http.StatusSeeOther, "/desbloqueo/listo")
					return
				}
				s.WantText(page, resendButton)
				if got := b.Post("/desbloqueo/abrir"); got.Status != http.StatusOK || s.budget().LockReason == "" {
					t.Errorf("unlocked by a dead link: %d", got.Status)
				}
				s.Want(b.Post("/desbloqueo/reenviar", "reenviar", "1"), http.StatusSeeOther, "/desbloqueo/enviado")
				s.Work()
				s.Deliver()
				again := s.linkOf("enlace-desbloqueo")
				if again.ID == link.ID {
					t.Fatal("no other link")
				}
				b.Open(again)
				s.Want(b.Post("/desbloqueo/abrir"), http.StatusSeeOther, "/desbloqueo/listo")
			})
		})
	}
}

// T12: a mail ten minutes late still has its minutes; after an hour it is dead.
func TestT12_LateMail(t *testing.T) {
	for name, tt := range map[string]struct {
		late  time.Duration
		works bool
	}{"ten minutes": {10 * time.Minute, true}, "an hour": {61 * time.Minute, false}} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, s *site) {
				s.lock(storage.LockLogin)
				b := s.browser()
				b.askUnlock(s.who.Identifier)
				s.Work()
				link := s.linkOf("enlace-desbloqueo")
				s.Pass(tt.late)
				s.In(func(tx *storage.Tx) error { return tx.DeliverLink(t.Context(), link.ID, s.Time()) })
				s.Pass(2*time.Minute + 59*time.Second)
				b.Open(link)
				if got := b.Post("/desbloqueo/abrir"); (got.Status == http.StatusSeeOther) != tt.works {
					t.Errorf("got %d %s", got.Status, got.Location)
				}
			})
		})
	}
}

// D06: three links in fifteen minutes, whoever asks; a new one kills the old.
func TestD06_ThreeLinksInFifteenMinutes(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, first := locked(s)
		for range 4 {
			b.Post("/desbloqueo/reenviar")
			s.Work()
			s.Pass(6 * time.Second) // the same form is answered once within a moment
		}
		s.wantMails("enlace-desbloqueo", "enlace-desbloqueo", "enlace-desbloqueo")
		if got := b.Get("/desbloqueo/enviado"); strings.Contains(got.Body, resendButton) {
			t.Error("offers a fourth")
		}
		stranger := s.browser()
		s.Want(stranger.askUnlock(s.who.Identifier), http.StatusSeeOther, "/desbloqueo/enviado")
		s.WantText(stranger.Get("/desbloqueo/enviado"), resendButton)
		s.Work()
		s.wantMails("enlace-desbloqueo", "enlace-desbloqueo", "enlace-desbloqueo")
		if s.Events("unlock.capped") != 1 {
			t.Errorf("capped %d times", s.Events("unlock.capped"))
		}
		s.WantText(b.Open(first), resendButton)
		s.Pass(15 * time.Minute)
		b.Post("/desbloqueo/reenviar")
		s.Work()
		if n := len(s.mails()); n != 4 {
			t.Errorf("%d mails after the window", n)
		}
	})
}

// S021, D20: without a fingerprint the answer is the same, and the mail tells the
// ways without a link.
func TestS021_NoFingerprintNoLink(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.change(func(a *storage.Afiliado) { a.Fingerprint = false })
		s.lock(storage.LockLogin)
		b := s.browser()
		s.Want(b.askUnlock(s.who.Identifier), http.StatusSeeOther, "/desbloqueo/enviado")
		s.Work()
		s.wantMails("desbloqueo-asistido")
		if m := s.mails()[0]; m.LinkID != "" {
			t.Error("it has a link")
		}
	})
}

// S086: what an officer or a disavowal closed, no mail opens.
func TestS086_OperatorsLockStays(t *testing.T) {
	for _, reason := range []string{storage.LockOperador, storage.LockCompromiso} {
		t.Run(reason, func(t *testing.T) {
			each(t, func(t *testing.T, s *site) {
				b, link := locked(s)
				s.In(func(tx *storage.Tx) error { return tx.UnlockClave(t.Context(), s.DB.IdentifierMAC(s.who.Identifier)) })
				s.lock(reason)
				b.Open(link)
				if got := b.Post("/desbloqueo/abrir"); got.Status != http.StatusOK || s.budget().LockReason != reason {
					t.Errorf("got %d %s, %+v", got.Status, got.Location, s.budget())
				}
				b.askUnlock(s.who.Identifier)
				s.Work()
				s.wantMails("enlace-desbloqueo", "desbloqueo-asistido")
			})
		})
	}
}

// FT-16, T18, D05: 50 browsers use one link at once; one unlocks.
func TestFT16_D05_ParallelUsesOfALink(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		_, link := locked(s)
		won := make([]bool, 50)
		browsers := make([]*browser, len(won))
		for i := range browsers {
			browsers[i] = s.browser()
			browsers[i].Open(link)
		}
		logintest.Parallel(len(won), func(i int) {
			won[i] = browsers[i].Post("/desbloqueo/abrir", "ultimos", "9913").Status == http.StatusSeeOther
		})
		n := 0
		for _, w := range won {
			if w {
				n++
			}
		}
		if n != 1 || s.Events("clave.unlocked") != 1 {
			t.Errorf("%d won, %d unlocked", n, s.Events("clave.unlocked"))
		}
	})
}

// FT-14: the same form 20 times at once, and again, has one effect.
func TestFT14_DuplicateUnlocks(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, link := locked(s)
		b.Open(link)
		logintest.Parallel(20, func(int) {
			s.Want(b.Post("/desbloqueo/abrir", "desbloquear", "1"), http.StatusSeeOther, "/desbloqueo/listo")
		})
		if s.Events("clave.unlocked") != 1 {
			t.Errorf("unlocked %d times", s.Events("clave.unlocked"))
		}
		s.Pass(time.Minute)
		s.WantText(b.Post("/desbloqueo/abrir", "desbloquear", "1"), "/ingresar")
		s.WantText(b.Get("/desbloqueo/listo"), unlockedTitle)
		s.Work()
		s.wantMails("enlace-desbloqueo", "clave-desbloqueada")

		reto := b.ticketOf(b.Get("/desbloqueo"))
		logintest.Parallel(20, func(int) {
			s.Want(b.Post("/desbloqueo", "identificacion", string(s.who.Identifier), "reto", reto), http.StatusSeeOther, "/desbloqueo/enviado")
		})
		if s.Events("unlock.asked") != 2 {
			t.Errorf("asked %d times", s.Events("unlock.asked"))
		}
	})
}

// S074: after unlocking the person goes on where she came from: to the running
// request in the browser that asked, to a fresh start at the application elsewhere.
func TestS074_OnwardAfterUnlocking(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		s.lock(storage.LockLogin)
		b := s.browser()
		id, _ := b.ask("")
		s.WantText(b.signIn(id, old), denied)
		page := b.Get("/desbloqueo") // as the page's link leads, without the request
		s.WantText(page, "Historia Laboral", `name="id" value="`+id+`"`)
		s.Want(b.askUnlock(s.who.Identifier, "id", id), http.StatusSeeOther, "/desbloqueo/enviado")
		s.Work()
		s.Deliver()
		link := s.linkOf("enlace-desbloqueo")
		if link.ClientID != "historia" {
			t.Errorf("the link leads to %q", link.ClientID)
		}
		other := s.browser()
		other.Open(link)
		s.Want(other.Post("/desbloqueo/abrir", "ultimos", "9913"), http.StatusSeeOther, "/desbloqueo/listo")
		s.WantText(other.Get("/desbloqueo/listo"), `id="ingresar" href="https://historia.example/"`)
		b.Open(link)
		s.WantText(b.Get("/desbloqueo/listo"), `id="ingresar" href="/continuar?id=`+id, "/generar-recuperar")
	})
}

// D18: the link goes to each further address of hers that has been proved for 72
// hours, one and the same, and counts as one mail; a younger one gets none.
func TestD18_UnlockAtEveryRipeAddress(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		const ripe = "copito@example.ec"
		s.AddAddress(s.who.ID, ripe, s.Time().Add(-72*time.Hour))
		s.AddAddress(s.who.ID, "nueva@example.ec", s.Time().Add(-71*time.Hour))
		b, link := locked(s)
		var to []string
		for _, m := range s.mails() {
			if m.LinkID == link.ID {
				to = append(to, m.Recipient)
			}
		}
		slices.Sort(to)
		if want := []string{s.who.Email, ripe}; !slices.Equal(to, want) {
			t.Fatalf("the link went to %q, want %q", to, want)
		}
		b.Open(link)
		s.Want(b.Post("/desbloqueo/abrir", "desbloquear", "1"), http.StatusSeeOther, "/desbloqueo/listo")
	})
}
