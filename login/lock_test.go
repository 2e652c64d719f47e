package login_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
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
		parallel(200, func(int) { s.browser().signIn("", cedula, wrong) })
		if n := s.Hash.Counts().Compared - before; n != 5 {
			t.Errorf("compared %d claves, want 5", n)
		}
		if n := s.events("clave.locked"); n != 1 {
			t.Errorf("locked %d times", n)
		}
		b, err := s.DB.LoginBudget(t.Context(), s.DB.IdentifierMAC(a.Identifier))
		if err != nil || b.LockReason != storage.LockLogin || b.Failures != 5 {
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
			won[i] = s.browser().signIn("", cedula, try).leads() == "/"
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
		if n := s.Hash.Counts().Compared - before; n > int64(5*(winners+1)) || b.Failures > 5 {
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
		own.post("/salir", nil)
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
		own.post("/salir", nil)
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
	for _, reason := range []string{storage.LockLogin, storage.LockRecuperacion, storage.LockOperador, storage.LockCompromiso} {
		t.Run(reason, func(t *testing.T) {
			each(t, func(t *testing.T, s *site) {
				s.person(cedula, clave)
				own := s.browser()
				own.signIn("", cedula, clave)
				own.post("/salir", nil)
				s.in(func(tx *storage.Tx) error {
					_, err := tx.LockClave(t.Context(), s.DB.IdentifierMAC(cedula), reason, true, s.now(), s.now())
					return err
				})
				got := own.signIn("", cedula, clave)
				if reason == storage.LockLogin || reason == storage.LockRecuperacion {
					own.want(got, http.StatusSeeOther, "/")
				} else if got.status != http.StatusOK || strings.Contains(got.body, denied) {
					t.Errorf("own device: %d %s", got.status, head(got.body))
				}
				if got := s.browser().signIn("", cedula, clave); !strings.Contains(got.body, denied) {
					t.Errorf("strange device: %s", head(got.body))
				}
			})
		})
	}
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

var changing = regexp.MustCompile(`[A-Za-z0-9_-]{43}|Date: .*`)

// T01: unknown, wrong, locked, disabled and without a clave cost the same work
// and get the same bytes.
func TestT01_KnownAndUnknownAreAlike(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		withClave := s.person("1759999913", clave)
		s.person("0959999913", "") // never had a clave
		s.person("1059999910", clave)
		disabled := s.person("1359999917", clave)
		_ = withClave
		s.in(func(tx *storage.Tx) error {
			if _, err := tx.LockClave(t.Context(), s.DB.IdentifierMAC("1059999910"), storage.LockOperador, true, s.now(), s.now()); err != nil {
				return err
			}
			return tx.DisableAfiliado(t.Context(), disabled.ID, "prueba", s.now())
		})
		type work struct {
			statements, commits, hashes int64
			status                      int
			header, body                string
		}
		measure := func(id storage.Identifier, try string) work {
			before := []int64{s.statements.Load(), s.commits.Load(), hashes(s.Hash.Counts())}
			got := s.browser().signIn("", id, try)
			var header strings.Builder
			got.header.Del("Date")
			_ = got.header.Write(&header)
			normal := func(text string) string {
				return changing.ReplaceAllString(strings.ReplaceAll(text, string(id), "CEDULA"), "SECRET")
			}
			return work{
				s.statements.Load() - before[0], s.commits.Load() - before[1], hashes(s.Hash.Counts()) - before[2],
				got.status, normal(header.String()), normal(got.body),
			}
		}
		cases := []struct {
			name string
			id   storage.Identifier
			try  string
		}{
			{"wrong", "1759999913", wrong},
			{"no clave", "0959999913", clave},
			{"locked, wrong", "1059999910", wrong},
			{"disabled, wrong", "1359999917", wrong},
		}
		for round := range 7 { // before and after the count is full
			want := measure(nobody, wrong)
			for _, c := range cases {
				if got := measure(c.id, c.try); got != want {
					t.Errorf("round %d, %s: got %+v, want %+v", round+1, c.name, got, want)
				}
			}
		}
		want := measure(nobody, clave)
		for _, id := range []storage.Identifier{"1059999910", "1359999917", "1759999913"} {
			if got := measure(id, clave); got != want {
				t.Errorf("%s with the right clave: got %+v, want %+v", id, got, want)
			}
		}
	})
}

func hashes(c login.Counts) int64 { return c.Compared + c.Wasted + c.Made }

func TestT28_BusyIs503AndSpendsNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		slot, err := s.Hash.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := s.browser().signIn("", cedula, wrong)
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
			t.Errorf("got %d, Retry-After %q", got.status, got.header.Get("Retry-After"))
		}
		slot.Release()
		b, err := s.DB.LoginBudget(t.Context(), s.DB.IdentifierMAC(cedula))
		if err != nil || b.Failures != 0 {
			t.Errorf("an attempt was spent: %+v, %v", b, err)
		}
	}, func(c *login.Config) {
		c.Hash, _ = login.NewHasher(login.HashConfig{Memory: 8, Passes: 1, Slots: 1, Wait: time.Millisecond})
	})
}

func TestPressureDelaysStrangersOnly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		own := s.browser()
		own.signIn("", cedula, clave)
		for range 8 {
			s.browser().signIn("", cedula, wrong)
		}
		if n := s.waits.Load(); n != 2 { // the first six find at most five failures
			t.Errorf("waited %d times, want 2", n)
		}
		before := s.waits.Load()
		own.want(own.signIn("", cedula, clave), http.StatusSeeOther, "/")
		if s.waits.Load() != before {
			t.Error("the person waited on her own device")
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

// S068: an empty identifier or clave gets the one sentence too, and no attempt
// is spent.
func TestS068_EmptyAndWrongAreOneAnswer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		for _, f := range []url.Values{
			{"cedula": {string(cedula)}, "clave": {""}}, {"cedula": {""}, "clave": {clave}}, {"cedula": {""}, "clave": {""}}, {},
		} {
			if got := s.browser().post("/ingresar", f); got.status != http.StatusOK || !strings.Contains(got.body, denied) {
				t.Errorf("%v: %d %s", f, got.status, head(got.body))
			}
		}
		if c := s.Hash.Counts(); c.Compared+c.Wasted != 0 {
			t.Errorf("hashed: %+v", c)
		}
	})
}

// C-CED-4: whoever types a cédula, rightly or wrongly, learns nothing about its
// person.
func TestCCED4_NothingIsShownOnACedula(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		b := s.browser()
		in := b.ask("historia", "openid profile", "login_hint", string(cedula))
		for _, got := range []answer{b.get(in.location), b.signIn(in.request(), cedula, wrong), b.signIn("", cedula, wrong)} {
			for _, datum := range []string{"María", "Quishpe", "1985", "mquishpe", "991234567"} {
				if strings.Contains(got.body, datum) {
					t.Errorf("the page shows %q", datum)
				}
			}
		}
	})
}

// S019: the same field takes a foreigner's code.
func TestS019_CodeInTheSameField(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person("EXT-0004711", clave)
		b := s.browser()
		b.want(b.signIn("", " ext-0004711 ", clave), http.StatusSeeOther, "/")
		got := s.browser().post("/ingresar", url.Values{"codigo": {"1"}, "cedula": {"EXT*"}, "clave": {clave}})
		if got.status != http.StatusOK || strings.Contains(got.body, denied) || !strings.Contains(got.body, `name="codigo"`) {
			t.Errorf("got %d %s", got.status, head(got.body))
		}
	})
}

// ASVS 6.2.8: as typed: not cut, trimmed or changed in case; longer than any
// clave is just wrong.
func TestASVS_6_2_8_ASVS_6_2_9_ComparedAsTyped(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		long := strings.Repeat("Kw9zTr4q", 8)
		s.person(cedula, long)
		for _, try := range []string{strings.ToLower(long), " " + long, long + " ", long[:63], long + "x", long + strings.Repeat("x", 300)} {
			if got := s.browser().signIn("", cedula, try); got.status != http.StatusOK || !strings.Contains(got.body, denied) {
				t.Errorf("%d characters: %d %s", len(try), got.status, got.location)
			}
			s.in(func(tx *storage.Tx) error { return tx.UnlockClave(t.Context(), s.DB.IdentifierMAC(cedula)) })
		}
		b := s.browser()
		b.want(b.signIn("", cedula, long), http.StatusSeeOther, "/")
	})
}

// FT-26: a hash of other parameters is made anew at the next right clave.
func TestRehashAtLogin(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, "")
		weak, err := login.NewHasher(login.HashConfig{Memory: 16, Passes: 2})
		if err != nil {
			t.Fatal(err)
		}
		phc, err := weak.Make(t.Context(), clave)
		if err != nil {
			t.Fatal(err)
		}
		s.in(func(tx *storage.Tx) error {
			return tx.SetClave(t.Context(), storage.Clave{AfiliadoID: a.ID, PHC: phc, CreatedAt: storage.At(s.now())}, s.History)
		})
		for range 2 {
			b := s.browser()
			b.want(b.signIn("", cedula, clave), http.StatusSeeOther, "/")
			c, err := s.DB.Clave(t.Context(), a.ID)
			if err != nil || !strings.HasPrefix(c.PHC, "$argon2id$v=19$m=8,t=1,p=1$") {
				t.Errorf("%+v, %v", c, err)
			}
		}
	})
}

// S018: a cédula that cannot be one is refused before anybody is looked up.
func TestS018_CheckDigitIsCheckedFirst(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		before := s.statements.Load()
		got := s.browser().signIn("", "1759999914", clave)
		if got.status != http.StatusOK || strings.Contains(got.body, denied) || !strings.Contains(got.body, `value="1759999914"`) {
			t.Errorf("got %d %s", got.status, head(got.body))
		}
		if s.statements.Load() != before {
			t.Error("somebody was looked up")
		}
	})
}
