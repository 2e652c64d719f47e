package clave_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
)

// S092: a clave at the end of its validity is renewed on the way, and the person
// still arrives.
func TestS092_RenewalOnTheWay(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		id, _ := b.ask("")
		s.Want(b.signIn(id, old), http.StatusSeeOther, "/renovar")
		page := b.Get("/renovar?id=" + id)
		for _, word := range []string{"8 de noviembre de 2026", "Historia Laboral", `name="clave_nueva"`, `name="acuerdo"`} {
			if !strings.Contains(page.Body, word) {
				t.Errorf("the page lacks %q", word)
			}
		}
		if strings.Contains(page.Body, "clave_actual") {
			t.Error("asks again for the clave that was just typed")
		}
		before := s.Commits.Load()
		s.Want(b.renew(id, nueva), http.StatusSeeOther, "/autorizar")
		if n := s.Commits.Load() - before; n != 1 {
			t.Errorf("renewing took %d commits", n)
		}
		s.Want(b.Post("/autorizar", "id", id, "continuar", "1"), http.StatusSeeOther, "https://historia.example/cb")
		accepted, err := s.DB.Acceptances(t.Context(), s.who.ID)
		if a := s.Pages.Agreement(); err != nil || len(accepted) != 1 || accepted[0].Version != a.Version || accepted[0].TextHash != a.Hash {
			t.Errorf("accepted %+v, %v", accepted, err)
		}
		if s.Events("clave.renewed") != 1 {
			t.Error("no audit row")
		}
		s.Want(s.browser().signIn("", nueva), http.StatusSeeOther, "/cuenta")
		if got := s.browser().signIn("", old); got.Status != http.StatusOK {
			t.Errorf("the old clave: %d %s", got.Status, got.Location)
		}
		c, err := s.DB.Clave(t.Context(), s.who.ID)
		if err != nil || !c.DueAt.Equal(s.Time().Add(365*24*time.Hour)) {
			t.Errorf("due %v, %v", c.DueAt, err)
		}
	})
}

func TestS092_WithoutARunningRequest(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		s.Want(b.Get("/renovar"), http.StatusSeeOther, "/ingresar")
		s.Want(b.signIn("", old), http.StatusSeeOther, "/renovar")
		s.Want(b.renew("", nueva), http.StatusSeeOther, "/cuenta")
		s.Want(b.Get("/renovar"), http.StatusSeeOther, "/")
		if got := b.Get("/"); !strings.Contains(got.Body, "Carlos Alberto") {
			t.Error("not signed in after the renewal")
		}
	})
}

// A form that was open for one person sets nobody else's clave, though she has
// signed in meanwhile in the same browser and hers is due too.
func TestRenewalIsOfWhomThePageWasShownTo(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		s.Want(b.signIn("", old), http.StatusSeeOther, "/renovar")
		_, rest, _ := strings.Cut(b.Get("/renovar").Body, `name="sesion" value="`)
		mark, _, _ := strings.Cut(rest, `"`)
		if mark == "" {
			t.Fatal("the page does not say for whom it is")
		}
		s.another("1759999913")
		s.Want(b.Post("/ingresar", "cedula", "1759999913", "clave", old), http.StatusSeeOther, "/renovar")
		s.WantText(b.renew("", nueva, "sesion", mark), swapped)
		if s.Events("clave.renewed") != 0 {
			t.Error("somebody's clave was set")
		}
		s.Want(b.renew("", nueva), http.StatusSeeOther, "/cuenta")
	})
}

func TestS092_OffByConfiguration(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.Want(s.browser().signIn("", old), http.StatusSeeOther, "/cuenta")
	}, func(c *login.Config) { c.Renewal.MaxAge = 0 })
}

// D17: 15 characters waive the next renewal, and raise the class at once.
func TestD17_LongClaveIsNotAskedAgain(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		id, _ := b.ask("")
		b.signIn(id, old)
		b.renew(id, long)
		got := b.Post("/autorizar", "id", id, "continuar", "1")
		if got.Param("acr") != login.ACRClave15 {
			t.Errorf("got %q", got.Location)
		}
		s.Pass(10 * 365 * 24 * time.Hour)
		s.Want(s.browser().signIn("", long), http.StatusSeeOther, "/cuenta")
	})
}

// DEV-2: a clave on the list of common ones is renewed at the next login.
func TestDEV2_CommonClaveIsRenewedAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		phc, err := s.Hash.Make(t.Context(), "password1")
		if err != nil {
			t.Fatal(err)
		}
		s.In(func(tx *storage.Tx) error {
			return tx.SetClave(t.Context(), storage.Clave{AfiliadoID: s.who.ID, PHC: phc, CreatedAt: storage.At(s.Time())}, s.History)
		})
		b := s.browser()
		s.Want(b.signIn("", "password1"), http.StatusSeeOther, "/renovar")
		s.Want(b.renew("", nueva), http.StatusSeeOther, "/cuenta")
		s.Want(s.browser().signIn("", nueva), http.StatusSeeOther, "/cuenta")
	}, func(c *login.Config) { c.Renewal.MaxAge = 0 })
}

// S089: not one of the last five; the sixth may come again.
func TestS089_LastFive(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		s.Want(b.signIn("", old), http.StatusSeeOther, "/renovar")
		claves := []string{old}
		for i := range 5 {
			for _, used := range claves {
				if got := b.renew("", used); got.Status != http.StatusOK || !strings.Contains(got.Body, "clave_nueva-error") {
					t.Errorf("%d: %s passed: %d %s", i, used, got.Status, got.Location)
				}
			}
			next := fmt.Sprintf("Xk4tRw9p%d", i)
			s.Want(b.renew("", next), http.StatusSeeOther, "/cuenta")
			claves = append(claves, next)
			s.Pass(366 * 24 * time.Hour)
			b = s.browser()
			s.Want(b.signIn("", next), http.StatusSeeOther, "/renovar")
		}
		s.Want(b.renew("", old), http.StatusSeeOther, "/cuenta")
	})
}

func TestS088_EachRuleIsTold(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.signIn("", old)
		for _, tt := range []struct{ nueva, otra, acuerdo, want string }{
			{nueva, nueva, "", "acuerdo-error"},
			{nueva, "Chimborazo64", "1", "clave_confirmacion-error"},
			{nueva, "", "1", "clave_confirmacion-error"},
			{"corta1", "corta1", "1", "clave_nueva-error"},
			{"", "", "1", "clave_nueva-error"},
			{"ecuador2026", "ecuador2026", "1", "clave_nueva-error"},
			{"mina1988", "mina1988", "1", "clave_nueva-error"},
			{"\x00\xff", "\x00\xff", "1", "clave_nueva-error"},
		} {
			got := b.Post("/renovar", "clave_nueva", tt.nueva, "clave_confirmacion", tt.otra, "acuerdo", tt.acuerdo)
			if got.Status != http.StatusOK || !strings.Contains(got.Body, tt.want) || len(tt.nueva) > 2 && strings.Contains(got.Body, tt.nueva) {
				t.Errorf("%+v: %d %s", tt, got.Status, got.Location)
			}
		}
	})
}

// S039: a form open for longer than 15 minutes is refused, with a fresh one that
// asks the present clave; what is not secret is kept.
func TestS039_OldFormIsRefreshed(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		id, _ := b.ask("")
		b.signIn(id, old)
		s.Pass(14 * time.Minute)
		b.Get("/continuar?id=" + id) // she is still there
		s.Pass(time.Minute + time.Second)
		got := b.renew(id, nueva)
		if got.Status != http.StatusOK || !strings.Contains(got.Body, `name="clave_actual"`) || !strings.Contains(got.Body, "checked") {
			t.Errorf("got %d %s", got.Status, got.Location)
		}
		if got := b.renew(id, nueva, "clave_actual", ""); !strings.Contains(got.Body, "clave_actual-error") {
			t.Errorf("empty: %d", got.Status)
		}
		s.Want(b.renew(id, nueva, "clave_actual", old), http.StatusSeeOther, "/autorizar")
	})
}

// S087, ASVS 6.2.3: who did not just type her clave does, and a wrong one counts
// as a failed sign-in.
func TestASVS_6_2_3_PresentClaveIsAsked(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.signIn("", old)
		id, got := b.ask("") // the session is live, but nothing was proved in this request
		s.Want(got, http.StatusSeeOther, "/renovar")
		if got := b.Get("/renovar?id=" + id); !strings.Contains(got.Body, `name="clave_actual"`) {
			t.Error("does not ask")
		}
		for i := range 5 {
			got := b.renew(id, nueva, "clave_actual", fmt.Sprintf("Equivocada%d", i))
			if wrong := strings.Contains(got.Body, "clave_actual-error"); got.Status != http.StatusOK || wrong != (i < 4) {
				t.Errorf("wrong clave %d: %d", i+1, got.Status)
			}
		}
		if got := b.renew(id, nueva, "clave_actual", old); got.Status != http.StatusOK {
			t.Errorf("used up: %d %s", got.Status, got.Location)
		}
		if s.Events("clave.locked") != 1 || s.Events("clave.renewed") != 0 {
			t.Error("not locked, or renewed")
		}
		// Who does not know the present clave learns nothing of former ones.
		if compared := s.Hash.Counts().Compared; compared != 6 {
			t.Errorf("compared %d", compared)
		}
	})
}

func TestCancelReturnsAccessDenied(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		id, _ := b.ask("")
		b.signIn(id, old)
		got := b.Post("/renovar", "id", id, "cancelar", "1")
		if got.Leads() != "https://historia.example/cb" || got.Param("error") != "access_denied" || got.Param("code") != "" {
			t.Errorf("got %q", got.Location)
		}
		if _, got := b.ask("prompt=none"); !strings.Contains(got.Location, "error=interaction_required") {
			t.Errorf("prompt=none: %q", got.Location)
		}
	})
}

// Ending others' sessions: a renewal ends none; its own gets a new secret.
func TestRenewalEndsNoOtherSession(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		other, b := s.browser(), s.browser()
		other.signIn("", old)
		b.signIn("", old)
		thief := b.Clone()
		s.Want(b.renew("", nueva), http.StatusSeeOther, "/cuenta")
		if got := other.Get("/"); !strings.Contains(got.Body, "Carlos Alberto") {
			t.Error("the other browser was signed out")
		}
		if got := thief.Get("/"); strings.Contains(got.Body, "Carlos Alberto") {
			t.Error("T14: the session's old secret still works")
		}
	})
}

// FT-14: the form twenty times at once: one effect and one answer.
func TestFT14_DuplicateRenewals(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		id, _ := b.ask("")
		b.signIn(id, old)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				got := b.renew(id, nueva)
				if strings.HasPrefix(got.Location, "/continuar?") { // it set out when the first had been answered
					got = b.Get(got.Location)
				}
				s.Want(got, http.StatusSeeOther, "/autorizar")
			})
		}
		wg.Wait()
		s.renewedOnce()
	})
}

// T18: forms that no process knows to be the same: the database decides.
func TestT18_ParallelRenewals(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		id, _ := b.ask("")
		b.signIn(id, old)
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if got := b.renew(id, fmt.Sprintf("Chimborazo6%d", i)); got.Status != http.StatusSeeOther {
					t.Errorf("got %d", got.Status)
				}
			})
		}
		wg.Wait()
		s.renewedOnce()
	})
}

func (s *site) renewedOnce() {
	s.T.Helper()
	if n := s.Events("clave.renewed"); n != 1 {
		s.T.Errorf("renewed %d times", n)
	}
	if accepted, err := s.DB.Acceptances(s.T.Context(), s.who.ID); err != nil || len(accepted) != 1 {
		s.T.Errorf("accepted %d times, %v", len(accepted), err)
	}
}

func TestT28_BusyRenewal(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.signIn("", old)
		slot, err := s.Hash.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := b.renew("", nueva); got.Status != http.StatusServiceUnavailable {
			t.Errorf("got %d", got.Status)
		}
		slot.Release()
		s.Want(b.renew("", nueva), http.StatusSeeOther, "/cuenta")
	}, func(c *login.Config) {
		c.Hash, _ = login.NewHasher(login.HashConfig{Memory: 8, Passes: 1, Slots: 1, Wait: time.Millisecond})
	})
}
