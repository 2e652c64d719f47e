package clave_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

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
	s.want(b.askUnlock(s.who.Identifier), http.StatusSeeOther, "/desbloqueo/enviado")
	s.work()
	s.deliver()
	return b, s.linkOf("enlace-desbloqueo")
}

// S071, S073: one field, one button, challenge; in the browser that asked, the
// opened link unlocks by one POST that carries its cookie.
func TestS071_UnlockInTheSameBrowser(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, link := locked(s)
		s.wantText(b.get("/desbloqueo/enviado"), "id=\"reenviar\"")
		page := b.open(link)
		s.wantText(page, autoPost)
		if strings.Contains(page.body, elsewhereFld) {
			t.Error("asks the browser that asked for more")
		}
		if s.budget().LockReason == "" {
			t.Error("opening unlocks")
		}
		before, clave := s.commits.Load(), mustClave(s)
		s.want(b.post("/desbloqueo/abrir", "desbloquear", "1"), http.StatusSeeOther, "/desbloqueo/listo")
		if n := s.commits.Load() - before; n != 1 {
			t.Errorf("unlocking took %d commits", n)
		}
		s.wantText(b.get("/desbloqueo/listo"), unlockedTitle, `id="ingresar"`, "/generar-recuperar")
		if got := s.budget(); got.LockReason != "" || got.Failures != 0 {
			t.Errorf("budget %+v", got)
		}
		if mustClave(s).PHC != clave.PHC {
			t.Error("the clave changed (D21)")
		}
		s.work()
		s.wantMails("enlace-desbloqueo", "clave-desbloqueada")
		if s.events("clave.unlocked") != 1 {
			t.Error("no audit row")
		}
	})
}

func mustClave(s *site) *storage.Clave {
	s.t.Helper()
	c, err := s.DB.Clave(s.t.Context(), s.who.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// S073, T11: elsewhere the last four characters; a wrong answer counts, five kill.
func TestS073_ElsewhereTheLastFour(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		_, link := locked(s)
		other := s.browser()
		page := other.open(link)
		s.wantText(page, elsewhereFld)
		if strings.Contains(page.body, autoPost) {
			t.Error("would unlock by itself")
		}
		s.wantText(other.post("/desbloqueo/abrir", "desbloquear", "1", "ultimos", "0000"), elsewhereFld, "ultimos-error")
		s.want(other.post("/desbloqueo/abrir", "desbloquear", "1", "ultimos", " 9913 "), http.StatusSeeOther, "/desbloqueo/listo")
		s.wantText(other.get("/desbloqueo/listo"), unlockedTitle)
	})
}

func TestS073_FiveWrongAnswersEndTheLink(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		_, link := locked(s)
		other := s.browser()
		other.open(link)
		for range 5 {
			other.post("/desbloqueo/abrir", "ultimos", "0000")
		}
		got := other.post("/desbloqueo/abrir", "ultimos", "9913")
		if got.status != http.StatusOK || s.budget().LockReason == "" {
			t.Errorf("a sixth answer counted: %d %s", got.status, got.location)
		}
		s.wantText(got, resendButton)
		if s.events("unlock.denied") != 5 {
			t.Errorf("%d audit rows", s.events("unlock.denied"))
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
			robot.do(http.MethodHead, path, "")
			robot.open(link)
			robot.post("/desbloqueo/abrir")
			robot.post("/desbloqueo/abrir", "ultimos", "", "desbloquear", "1")
		}
		now, err := s.DB.Link(t.Context(), link.ID)
		if err != nil || !now.Live(s.now()) || now.Attempts != 0 || s.budget().LockReason == "" {
			t.Fatalf("link %+v, %v", now, err)
		}
		b.open(link)
		s.want(b.post("/desbloqueo/abrir"), http.StatusSeeOther, "/desbloqueo/listo")
		late := s.browser()
		late.open(link)
		if got := late.post("/desbloqueo/abrir", "ultimos", "9913"); got.status != http.StatusOK {
			t.Errorf("a second POST: %d %s", got.status, got.location)
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
				s.pass(tt.after)
				page := b.open(link)
				if tt.works {
					s.wantText(page, autoPost)
					s.want(b.post("/desbloqueo/abrir"), http.StatusSeeOther, "/desbloqueo/listo")
					return
				}
				s.wantText(page, resendButton)
				if got := b.post("/desbloqueo/abrir"); got.status != http.StatusOK || s.budget().LockReason == "" {
					t.Errorf("unlocked by a dead link: %d", got.status)
				}
				s.want(b.post("/desbloqueo/reenviar", "reenviar", "1"), http.StatusSeeOther, "/desbloqueo/enviado")
				s.work()
				s.deliver()
				again := s.linkOf("enlace-desbloqueo")
				if again.ID == link.ID {
					t.Fatal("no other link")
				}
				b.open(again)
				s.want(b.post("/desbloqueo/abrir"), http.StatusSeeOther, "/desbloqueo/listo")
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
				s.work()
				link := s.linkOf("enlace-desbloqueo")
				s.pass(tt.late)
				s.in(func(tx *storage.Tx) error { return tx.DeliverLink(t.Context(), link.ID, s.now()) })
				s.pass(2*time.Minute + 59*time.Second)
				b.open(link)
				if got := b.post("/desbloqueo/abrir"); (got.status == http.StatusSeeOther) != tt.works {
					t.Errorf("got %d %s", got.status, got.location)
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
			b.post("/desbloqueo/reenviar")
			s.work()
			s.pass(6 * time.Second) // the same form is answered once within a moment
		}
		s.wantMails("enlace-desbloqueo", "enlace-desbloqueo", "enlace-desbloqueo")
		if got := b.get("/desbloqueo/enviado"); strings.Contains(got.body, resendButton) {
			t.Error("offers a fourth")
		}
		stranger := s.browser()
		s.want(stranger.askUnlock(s.who.Identifier), http.StatusSeeOther, "/desbloqueo/enviado")
		s.wantText(stranger.get("/desbloqueo/enviado"), resendButton)
		s.work()
		s.wantMails("enlace-desbloqueo", "enlace-desbloqueo", "enlace-desbloqueo")
		if s.events("unlock.capped") != 1 {
			t.Errorf("capped %d times", s.events("unlock.capped"))
		}
		s.wantText(b.open(first), resendButton)
		s.pass(15 * time.Minute)
		b.post("/desbloqueo/reenviar")
		s.work()
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
		s.want(b.askUnlock(s.who.Identifier), http.StatusSeeOther, "/desbloqueo/enviado")
		s.work()
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
				s.in(func(tx *storage.Tx) error { return tx.UnlockClave(t.Context(), s.DB.IdentifierMAC(s.who.Identifier)) })
				s.lock(reason)
				b.open(link)
				if got := b.post("/desbloqueo/abrir"); got.status != http.StatusOK || s.budget().LockReason != reason {
					t.Errorf("got %d %s, %+v", got.status, got.location, s.budget())
				}
				b.askUnlock(s.who.Identifier)
				s.work()
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
			browsers[i].open(link)
		}
		parallel(len(won), func(i int) {
			won[i] = browsers[i].post("/desbloqueo/abrir", "ultimos", "9913").status == http.StatusSeeOther
		})
		n := 0
		for _, w := range won {
			if w {
				n++
			}
		}
		if n != 1 || s.events("clave.unlocked") != 1 {
			t.Errorf("%d won, %d unlocked", n, s.events("clave.unlocked"))
		}
	})
}

// FT-14: the same form 20 times at once, and again, has one effect.
func TestFT14_DuplicateUnlocks(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, link := locked(s)
		b.open(link)
		parallel(20, func(int) {
			s.want(b.post("/desbloqueo/abrir", "desbloquear", "1"), http.StatusSeeOther, "/desbloqueo/listo")
		})
		if s.events("clave.unlocked") != 1 {
			t.Errorf("unlocked %d times", s.events("clave.unlocked"))
		}
		s.pass(time.Minute)
		s.wantText(b.post("/desbloqueo/abrir", "desbloquear", "1"), "/ingresar")
		s.wantText(b.get("/desbloqueo/listo"), unlockedTitle)
		s.work()
		s.wantMails("enlace-desbloqueo", "clave-desbloqueada")

		reto := b.ticketOf(b.get("/desbloqueo"))
		parallel(20, func(int) {
			s.want(b.post("/desbloqueo", "identificacion", string(s.who.Identifier), "reto", reto), http.StatusSeeOther, "/desbloqueo/enviado")
		})
		if s.events("unlock.asked") != 2 {
			t.Errorf("asked %d times", s.events("unlock.asked"))
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
		s.wantText(b.signIn(id, old), denied)
		page := b.get("/desbloqueo") // as the page's link leads, without the request
		s.wantText(page, "Historia Laboral", `name="id" value="`+id+`"`)
		s.want(b.askUnlock(s.who.Identifier, "id", id), http.StatusSeeOther, "/desbloqueo/enviado")
		s.work()
		s.deliver()
		link := s.linkOf("enlace-desbloqueo")
		if link.ClientID != "historia" {
			t.Errorf("the link leads to %q", link.ClientID)
		}
		other := s.browser()
		other.open(link)
		s.want(other.post("/desbloqueo/abrir", "ultimos", "9913"), http.StatusSeeOther, "/desbloqueo/listo")
		s.wantText(other.get("/desbloqueo/listo"), `id="ingresar" href="https://historia.example/"`)
		b.open(link)
		s.wantText(b.get("/desbloqueo/listo"), `id="ingresar" href="/continuar?id=`+id, "/generar-recuperar")
	})
}
