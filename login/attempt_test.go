package login_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
)

var changing = regexp.MustCompile(`data-reto="[^"]*"|[A-Za-z0-9_-]{43,}|Date: .*`)

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
		s.In(func(tx *storage.Tx) error {
			if _, err := tx.LockClave(t.Context(), s.DB.IdentifierMAC("1059999910"), storage.LockOperador, s.Time()); err != nil {
				return err
			}
			return tx.DisableAfiliado(t.Context(), disabled.ID, "prueba", s.Time())
		})
		type work struct {
			statements, commits, hashes int64
			status                      int
			header, body                string
		}
		measure := func(id storage.Identifier, try string) work {
			before := []int64{s.Stmts.Load(), s.Commits.Load(), hashes(s.Hash.Counts())}
			got := s.browser().signIn("", id, try)
			var header strings.Builder
			got.Header.Del("Date")
			_ = got.Header.Write(&header)
			normal := func(text string) string {
				return changing.ReplaceAllString(strings.ReplaceAll(text, string(id), "CEDULA"), "SECRET")
			}
			return work{
				s.Stmts.Load() - before[0], s.Commits.Load() - before[1], hashes(s.Hash.Counts()) - before[2],
				got.Status, normal(header.String()), normal(got.Body),
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
	}, identifierOnly)
}

// identifierOnly lets a network press on nobody, so that what the tests measure
// depends on the identifier alone.
func identifierOnly(c *login.Config) { c.Network = login.Limit{Free: 1, Leak: time.Nanosecond} }

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
		if got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
			t.Errorf("got %d, Retry-After %q", got.Status, got.Header.Get("Retry-After"))
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
		s.Want(own.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
		if s.waits.Load() != before {
			t.Error("the person waited on her own device")
		}
	})
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
			if got := s.browser().PostForm("/ingresar", f); got.Status != http.StatusOK || !strings.Contains(got.Body, denied) {
				t.Errorf("%v: %d %s", f, got.Status, head(got.Body))
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
		for _, got := range []answer{b.Get(in.Location), b.signIn(in.Param("id"), cedula, wrong), b.signIn("", cedula, wrong)} {
			for _, datum := range []string{"María", "Quishpe", "1985", "mquishpe", "991234567"} {
				if strings.Contains(got.Body, datum) {
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
		s.Want(b.signIn("", " ext-0004711 ", clave), http.StatusSeeOther, "/cuenta")
		got := s.browser().PostForm("/ingresar", url.Values{"codigo": {"1"}, "cedula": {"EXT*"}, "clave": {clave}})
		if got.Status != http.StatusOK || strings.Contains(got.Body, denied) || !strings.Contains(got.Body, `name="codigo"`) {
			t.Errorf("got %d %s", got.Status, head(got.Body))
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
			if got := s.browser().signIn("", cedula, try); got.Status != http.StatusOK || !strings.Contains(got.Body, denied) {
				t.Errorf("%d characters: %d %s", len(try), got.Status, got.Location)
			}
			s.In(func(tx *storage.Tx) error { return tx.UnlockClave(t.Context(), s.DB.IdentifierMAC(cedula)) })
		}
		b := s.browser()
		s.Want(b.signIn("", cedula, long), http.StatusSeeOther, "/cuenta")
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
		s.In(func(tx *storage.Tx) error {
			return tx.SetClave(t.Context(), storage.Clave{AfiliadoID: a.ID, PHC: phc, CreatedAt: storage.At(s.Time())}, s.History)
		})
		for range 2 {
			b := s.browser()
			s.Want(b.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
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
		before := s.Stmts.Load()
		got := s.browser().signIn("", "1759999914", clave)
		if got.Status != http.StatusOK || strings.Contains(got.Body, denied) || !strings.Contains(got.Body, `value="1759999914"`) {
			t.Errorf("got %d %s", got.Status, head(got.Body))
		}
		if s.Stmts.Load() != before {
			t.Error("somebody was looked up")
		}
	})
}
