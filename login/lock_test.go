package login_test

import (
	"net/http"
	"strings"
	"testing"

	"iess.gob.ec/clave/login/logintest"
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
			if got := b.signIn("", cedula, wrong); !strings.Contains(got.Body, denied) {
				t.Fatalf("got %d %s", got.Status, head(got.Body))
			}
		}
		own := s.browser()
		s.Want(own.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
		for range 5 {
			b.signIn("", cedula, wrong)
		}
		if s.Events("clave.locked") != 1 {
			t.Errorf("locked %d times", s.Events("clave.locked"))
		}
		compared := s.Hash.Counts().Compared
		if got := b.signIn("", cedula, clave); got.Status != http.StatusOK || !strings.Contains(got.Body, denied) {
			t.Errorf("the right clave of a locked person: %d %s", got.Status, head(got.Body))
		}
		if s.Hash.Counts().Compared != compared {
			t.Error("a clave was compared though it is locked")
		}
		for range 6 {
			b.signIn("", nobody, wrong)
		}
		if s.Events("clave.locked") != 2 {
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
		logintest.Parallel(200, func(int) { s.browser().try("", cedula, wrong) })
		if n := s.Hash.Counts().Compared - before; n != 5 {
			t.Errorf("compared %d claves, want 5", n)
		}
		if n := s.Events("clave.locked"); n != 1 {
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
		logintest.Parallel(len(won), func(i int) {
			try := wrong
			if i%10 == 0 {
				try = clave
			}
			won[i] = s.browser().try("", cedula, try).Leads() == "/cuenta"
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
		s.Want(own.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
		own.PostForm("/oauth/logout", nil)
		stranger := s.browser()
		for range 7 {
			stranger.signIn("", cedula, wrong)
		}
		for range 4 {
			if got := own.signIn("", cedula, wrong); !strings.Contains(got.Body, denied) {
				t.Errorf("got %s", head(got.Body))
			}
		}
		s.Want(own.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
		own.PostForm("/oauth/logout", nil)
		s.In(func(tx *storage.Tx) error { return tx.UnlockClave(t.Context(), s.DB.IdentifierMAC(cedula)) })
		for i := range 5 {
			got := own.signIn("", cedula, wrong)
			if locked := !strings.Contains(got.Body, denied); locked != (i == 4) {
				t.Errorf("attempt %d: %s", i+1, head(got.Body))
			}
		}
		if got := own.signIn("", cedula, clave); got.Status != http.StatusOK || strings.Contains(got.Body, denied) {
			t.Errorf("used up: %d %s", got.Status, head(got.Body))
		}
		if got := s.browser().signIn("", cedula, clave); !strings.Contains(got.Body, denied) {
			t.Errorf("S069: five wrong ones on the own device lock too, got %s", head(got.Body))
		}
		// Whoever lifts the lock lets her in on her own device as well.
		s.In(func(tx *storage.Tx) error { return tx.UnlockClave(t.Context(), s.DB.IdentifierMAC(cedula)) })
		s.Want(own.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
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
			own.PostForm("/oauth/logout", nil)
			s.In(func(tx *storage.Tx) error {
				_, err := tx.LockClave(t.Context(), s.DB.IdentifierMAC(id), reason, s.Time())
				return err
			})
			got := own.signIn("", id, clave)
			if reason == storage.LockLogin || reason == storage.LockRecuperacion {
				s.Want(got, http.StatusSeeOther, "/cuenta")
			} else if got.Status != http.StatusOK || strings.Contains(got.Body, denied) {
				t.Errorf("%s, own device: %d %s", reason, got.Status, head(got.Body))
			}
			if got := s.browser().signIn("", id, clave); !strings.Contains(got.Body, denied) {
				t.Errorf("%s, strange device: %s", reason, head(got.Body))
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
		s.In(func(tx *storage.Tx) error { return tx.DisableAfiliado(t.Context(), a.ID, "prueba", s.Time()) })
		s.Want(own.ask("historia", "openid"), http.StatusSeeOther, "/ingresar")
		if got := own.signIn("", cedula, clave); strings.Contains(got.Body, denied) || got.Status != http.StatusOK {
			t.Errorf("own device: %d %s", got.Status, head(got.Body))
		}
		if got := s.browser().signIn("", cedula, clave); !strings.Contains(got.Body, denied) {
			t.Errorf("strange device: %s", head(got.Body))
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
				if advice := strings.Contains(got.Body, "notice warn"); advice != (i >= 2) {
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
			s.Want(b.signIn("", id, clave), http.StatusSeeOther, "/cuenta")
		}
		stranger := s.browser()
		for range 5 {
			stranger.signIn("", ids[0], wrong)
		}
		if got := b.signIn("", ids[0], clave); !strings.Contains(got.Body, denied) {
			t.Errorf("a browser of five people passed a lock: %d %s", got.Status, got.Location)
		}
	})
}
