package login_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"iess.gob.ec/clave/storage"
)

// The fifth wrong clave locks, a right one before forgets, and identifiers that
// nobody has behave alike.
func TestS069_FifthWrongClaveLocks(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		for range 4 {
			if got := b.signIn("", cedula, wrong); !strings.Contains(got.body, denied) {
				t.Fatalf("got %d %s", got.status, head(got.body))
			}
		}
		own := s.browser()
		own.want(own.signIn("", cedula, clave), http.StatusSeeOther, "/")
		for range 5 {
			b.signIn("", cedula, wrong)
		}
		if s.events("clave.locked") != 1 {
			t.Errorf("locked %d times", s.events("clave.locked"))
		}
		compared := s.Hash.Counts().Compared
		if got := b.signIn("", cedula, clave); got.status != http.StatusOK || !strings.Contains(got.body, denied) {
			t.Errorf("the right clave of a locked person: %d %s", got.status, head(got.body))
		}
		if s.Hash.Counts().Compared != compared {
			t.Error("a clave was compared though it is locked")
		}
		for range 6 {
			b.signIn("", nobody, wrong)
		}
		if s.events("clave.locked") != 2 {
			t.Error("an identifier that nobody has was not locked")
		}
	})
}

// FT-15: 200 parallel wrong claves, exactly 5 compared, one lock.
func TestFT15_ParallelWrongClaves(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		before := s.Hash.Counts().Compared
		parallel(200, func(int) { s.browser().try("", cedula, wrong) })
		if n := s.Hash.Counts().Compared - before; n != 5 {
			t.Errorf("compared %d claves, want 5", n)
		}
		if n := s.events("clave.locked"); n != 1 {
			t.Errorf("locked %d times", n)
		}
		b, err := s.DB.LoginBudget(t.Context(), s.DB.IdentifierMAC(a.Identifier))
		if err != nil || b.LockReason != storage.LockLogin || b.Failures < 5 || b.Failures > 6 { // the sixth was refused
			t.Errorf("got %+v, %v", b, err)
		}
	})
}

// A right clave among wrong ones wins only if it was reserved within the first
// five, and then nothing stays locked by those beside it.
func TestFT15_RightOneAmongThem(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		before := s.Hash.Counts().Compared
		won := make([]bool, 40)
		parallel(len(won), func(i int) {
			try := wrong
			if i%10 == 0 {
				try = clave
			}
			won[i] = s.browser().try("", cedula, try).leads() == "/"
		})
		for i, w := range won {
			if w && i%10 != 0 {
				t.Error("a wrong clave won")
			}
		}
		winners := 0
		for _, w := range won {
			if w {
				winners++
			}
		}
		b, err := s.DB.LoginBudget(t.Context(), s.DB.IdentifierMAC(cedula))
		if err != nil {
			t.Fatal(err)
		}
		// Each winner restores the budget, so that up to five more are compared.
		if n := s.Hash.Counts().Compared - before; n > int64(5*(winners+1)) || b.Failures > 6 {
			t.Errorf("compared %d with %d winners, budget %+v", n, winners, b)
		}
	})
}

// T03, D03: strangers who use up the attempts do not keep a person from her own
// device, which has five of its own.
func TestT03_KnownDevicePassesStrangersLock(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		own := s.browser()
		own.want(own.signIn("", cedula, clave), http.StatusSeeOther, "/")
		own.post("/oauth/logout", nil)
		stranger := s.browser()
		for range 7 {
			stranger.signIn("", cedula, wrong)
		}
		for range 4 {
			if got := own.signIn("", cedula, wrong); !strings.Contains(got.body, denied) {
				t.Errorf("got %s", head(got.body))
			}
		}
		own.want(own.signIn("", cedula, clave), http.StatusSeeOther, "/")
		own.post("/oauth/logout", nil)
		s.in(func(tx *storage.Tx) error { return tx.UnlockClave(t.Context(), s.DB.IdentifierMAC(cedula)) })
		for i := range 5 {
			got := own.signIn("", cedula, wrong)
			if locked := !strings.Contains(got.body, denied); locked != (i == 4) {
				t.Errorf("attempt %d: %s", i+1, head(got.body))
			}
		}
		if got := own.signIn("", cedula, clave); got.status != http.StatusOK || strings.Contains(got.body, denied) {
			t.Errorf("used up: %d %s", got.status, head(got.body))
		}
		if got := s.browser().signIn("", cedula, clave); !strings.Contains(got.body, denied) {
			t.Errorf("S069: five wrong ones on the own device lock too, got %s", head(got.body))
		}
		// Whoever lifts the lock lets her in on her own device as well.
		s.in(func(tx *storage.Tx) error { return tx.UnlockClave(t.Context(), s.DB.IdentifierMAC(cedula)) })
		own.want(own.signIn("", cedula, clave), http.StatusSeeOther, "/")
		_ = a
	})
}

// The lane never passes a lock of an officer or of a compromised clave, and the
// exact state is told there and nowhere else.
func TestD03_LanePassesOnlyStrangersLocks(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		for reason, id := range map[string]storage.Identifier{
			storage.LockLogin: "1759999913", storage.LockRecuperacion: "0959999913", storage.LockOperador: "1059999910", storage.LockCompromiso: "1359999917",
		} {
			s.person(id, clave)
			own := s.browser()
			own.signIn("", id, clave)
			own.post("/oauth/logout", nil)
			s.in(func(tx *storage.Tx) error {
				_, err := tx.LockClave(t.Context(), s.DB.IdentifierMAC(id), reason, s.now())
				return err
			})
			got := own.signIn("", id, clave)
			if reason == storage.LockLogin || reason == storage.LockRecuperacion {
				own.want(got, http.StatusSeeOther, "/")
			} else if got.status != http.StatusOK || strings.Contains(got.body, denied) {
				t.Errorf("%s, own device: %d %s", reason, got.status, head(got.body))
			}
			if got := s.browser().signIn("", id, clave); !strings.Contains(got.body, denied) {
				t.Errorf("%s, strange device: %s", reason, head(got.body))
			}
		}
	})
}

func TestASVS_7_4_2_DisabledPersonIsOutAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		own := s.browser()
		own.signIn("", cedula, clave)
		s.in(func(tx *storage.Tx) error { return tx.DisableAfiliado(t.Context(), a.ID, "prueba", s.now()) })
		own.want(own.ask("historia", "openid"), http.StatusSeeOther, "/ingresar")
		if got := own.signIn("", cedula, clave); strings.Contains(got.body, denied) || got.status != http.StatusOK {
			t.Errorf("own device: %d %s", got.status, head(got.body))
		}
		if got := s.browser().signIn("", cedula, clave); !strings.Contains(got.body, denied) {
			t.Errorf("strange device: %s", head(got.body))
		}
	})
}

func TestS070_AdviceFromTheThirdFailure(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		for _, id := range []storage.Identifier{cedula, nobody} {
			b := s.browser()
			for i := range 7 {
				got := b.signIn("", id, wrong)
				if advice := strings.Contains(got.body, "notice warn"); advice != (i >= 2) {
					t.Errorf("%s, failure %d: advice %v", id, i+1, advice)
				}
			}
		}
	})
}

func TestT03_SharedComputersGetNoLane(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		ids := []storage.Identifier{"1759999913", "0959999913", "1059999910", "1359999917", "1859999912"}
		b := s.browser()
		for _, id := range ids {
			s.person(id, clave)
			b.want(b.signIn("", id, clave), http.StatusSeeOther, "/")
		}
		stranger := s.browser()
		for range 5 {
			stranger.signIn("", ids[0], wrong)
		}
		if got := b.signIn("", ids[0], clave); !strings.Contains(got.body, denied) {
			t.Errorf("a browser of five people passed a lock: %d %s", got.status, got.location)
		}
	})
}

// parallel runs f(0) … f(n-1) at the same time.
func parallel(n int, f func(i int)) {
	var start, end sync.WaitGroup
	start.Add(1)
	for i := range n {
		end.Go(func() { start.Wait(); f(i) })
	}
	start.Done()
	end.Wait()
}
