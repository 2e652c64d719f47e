package login_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
)

// press lets strangers fail: on the identifier, and from its network.
func (s *site) press(id storage.Identifier, failures int) {
	s.T.Helper()
	for range failures {
		s.browser().try("", id, wrong)
	}
}

// unused are identifiers that nobody has.
func unused(n int) storage.Identifier { return storage.Identifier(fmt.Sprintf("EXT-%06d", 900000+n)) }

func (s *site) failures(id storage.Identifier) int {
	s.T.Helper()
	b, err := s.DB.LoginBudget(s.T.Context(), s.DB.IdentifierMAC(id))
	if err != nil {
		s.T.Fatal(err)
	}
	return b.Failures
}

// T02, T13, S024: under pressure a form without the answer to its challenge
// spends no attempt and no hash, whoever the identifier belongs to, even where
// all hash slots are taken.
func TestT13_T02_S024_UnansweredSpendsNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		for _, id := range []storage.Identifier{cedula, nobody} {
			b := s.browser()
			for i := range 5 { // her own five she makes without
				if got := b.try("", id, wrong); strings.Contains(got.Body, logintest.Refused) || (got.Reto() != "") != (i == 4) {
					t.Errorf("%s, attempt %d: challenge %q, %s", id, i+1, got.Reto(), head(got.Body))
				}
			}
			s.In(func(tx *storage.Tx) error { return tx.UnlockClave(t.Context(), s.DB.IdentifierMAC(id)) })
			before := hashes(s.Hash.Counts())
			slot, err := s.Hash.Take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for name, reto := range map[string][]string{"none": nil, "empty": {""}, "wrong": {"x"}} {
				got := s.browser().try("", id, clave, reto...)
				if got.Status != http.StatusOK || got.Reto() == "" || !strings.Contains(got.Body, logintest.Refused) || strings.Contains(got.Body, denied) {
					t.Errorf("%s, %s: %d %s", id, name, got.Status, head(got.Body))
				}
				if !strings.Contains(got.Body, `value="`+string(id)+`"`) || strings.Contains(got.Body, clave) {
					t.Errorf("%s, %s: the identifier is lost, or the clave kept", id, name)
				}
			}
			slot.Release()
			if n := s.failures(id); n != 0 || hashes(s.Hash.Counts()) != before {
				t.Errorf("%s: %d attempts and %d hashes were spent", id, n, hashes(s.Hash.Counts())-before)
			}
		}
		s.Want(s.browser().signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
	}, identifierOnly, func(c *login.Config) {
		c.Hash, _ = login.NewHasher(login.HashConfig{Memory: 8, Passes: 1, Slots: 1, Wait: 10 * time.Millisecond})
	})
}

// T01: the challenge is due, costs and looks the same whoever the identifier
// belongs to, in any browser, refused or answered.
func TestT01_T17_ChallengeIsTheSameForEverybody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person("1759999913", clave)
		s.person("0959999913", "")
		s.person("1059999910", clave)
		s.person("1859999912", clave)
		other := s.browser() // with a lane, of somebody else
		s.Want(other.signIn("", "1859999912", clave), http.StatusSeeOther, "/cuenta")
		other.PostForm("/oauth/logout", nil)
		type step struct {
			status              int
			header, body        string
			hashes, stmts, comm int64
		}
		measure := func(id storage.Identifier, b *browser) []step {
			var out []step
			do := func(reto ...string) answer {
				before := []int64{hashes(s.Hash.Counts()), s.Stmts.Load(), s.Commits.Load()}
				got := b.try("", id, wrong, reto...)
				var h strings.Builder
				got.Header.Del("Date")
				_ = got.Header.Write(&h)
				normal := func(text string) string {
					return changing.ReplaceAllString(strings.ReplaceAll(text, string(id), "CEDULA"), "SECRET")
				}
				out = append(out, step{
					got.Status, normal(h.String()), normal(got.Body),
					hashes(s.Hash.Counts()) - before[0], s.Stmts.Load() - before[1], s.Commits.Load() - before[2],
				})
				return got
			}
			reto := do().Reto()
			if reto == "" {
				return out
			}
			do(reto) // too early
			s.Pass(logintest.LongestWait)
			do(reto)
			do(reto) // used
			return out
		}
		for round := range 9 {
			want := measure(nobody, s.browser())
			if refusals := len(want) == 4; refusals != (round >= 4) {
				t.Fatalf("round %d: %d steps", round, len(want))
			}
			for _, id := range []storage.Identifier{"1759999913", "0959999913"} {
				if got := measure(id, s.browser()); !slices.Equal(got, want) {
					t.Errorf("round %d, %s: %s", round, id, parting(fmt.Sprint(got), fmt.Sprint(want)))
				}
			}
			foreign := measure(unused(2), other)
			if got := measure("1059999910", other); !slices.Equal(got, foreign) {
				t.Errorf("round %d, with somebody's lane: %s", round, parting(fmt.Sprint(got), fmt.Sprint(foreign)))
			}
		}
	}, identifierOnly)
}

// parting is where two texts part.
func parting(a, b string) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	return a[max(0, i-80):min(len(a), i+80)] + " ≠ " + b[max(0, i-80):min(len(b), i+80)]
}

// T02, design section 4: a network that has failed often makes its strangers
// answer, and refuses nobody; known devices are spared.
func TestT02_T03_NetworkAsksStrangersOnly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		s.person(another, clave)
		own := s.browser()
		s.Want(own.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
		own.PostForm("/oauth/logout", nil)
		for i := range 20 {
			if got := s.browser().Get("/ingresar"); got.Reto() != "" {
				t.Fatalf("asked after %d failures", i)
			}
			s.press(unused(i), 1)
		}
		b := s.browser()
		page := b.Get("/ingresar")
		if page.Reto() == "" || !strings.Contains(strings.Join(page.Header["Content-Security-Policy"], ";"), "worker-src 'self'") {
			t.Errorf("no challenge: %s", head(page.Body))
		}
		s.Pass(logintest.LongestWait)
		for i := range 14 { // what has leaked meanwhile
			s.press(unused(20+i), 1)
		}
		s.Want(b.try("", another, clave, page.Reto()), http.StatusSeeOther, "/cuenta")
		if got := own.Get("/ingresar"); got.Reto() != "" {
			t.Error("the known device is asked")
		}
		s.Want(own.try("", cedula, clave), http.StatusSeeOther, "/cuenta")
		if got := own.try("", unused(0), clave); got.Reto() == "" || !strings.Contains(got.Body, logintest.Refused) {
			t.Errorf("it is spared for others too: %d %s", got.Status, head(got.Body))
		}
		s.Pass(time.Hour)
		if got := s.browser().Get("/ingresar"); got.Reto() != "" {
			t.Error("still asked an hour later")
		}
	})
}

// T13: an answer hoarded while the network hardly pressed does not count once it
// does; a small rise refuses nobody.
func TestT13_HoardedAnswersTryNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		press := func(n int) {
			s.In(func(tx *storage.Tx) error {
				for range n {
					key := s.DB.PressureKey("network", "127.0.0.0/24")
					if err := tx.AddPressure(t.Context(), key, s.Time(), s.Network.Leak, 1000*s.Network.Leak); err != nil {
						return err
					}
				}
				return nil
			})
		}
		press(20)
		honest, hoarder := s.browser(), s.browser()
		early, late := honest.Get("/ingresar").Reto(), hoarder.Get("/ingresar").Reto()
		s.Pass(11 * time.Second)
		press(20)
		s.Want(honest.try("", cedula, clave, early), http.StatusSeeOther, "/cuenta")
		press(40)
		if got := hoarder.try("", cedula, wrong, late); strings.Contains(got.Body, denied) || s.failures(cedula) != 0 {
			t.Errorf("a hoarded answer counted: %d %s", got.Status, head(got.Body))
		}
	}, func(c *login.Config) { c.Network = login.Limit{Free: 1000, Leak: 24 * time.Hour} })
}

// S025, T18: an answer counts once, however many forms bring it at once.
func TestT18_S025_OneAnswerOneAttempt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		s.press(cedula, 5)
		s.In(func(tx *storage.Tx) error { return tx.UnlockClave(t.Context(), s.DB.IdentifierMAC(cedula)) })
		b := s.browser()
		reto := b.try("", cedula, wrong).Reto()
		s.Pass(logintest.LongestWait)
		before := hashes(s.Hash.Counts())
		logintest.Parallel(50, func(i int) {
			b.PostForm("/ingresar", url.Values{"cedula": {string(cedula)}, "clave": {wrong + strings.Repeat("x", i)}, "reto": {reto}})
		})
		if n := hashes(s.Hash.Counts()) - before; n != 1 || s.failures(cedula) != 1 {
			t.Errorf("one answer made %d hashes, %d attempts", n, s.failures(cedula))
		}
	}, identifierOnly)
}

// Without script: a ticket that comes a few seconds early is waited for; one that
// comes much too early leads to a page that waits in the person's place, with no
// field for a clave that its refresh would lose, and keeps all else.
func TestS025_WithoutScriptNoClaveIsLost(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.Wait = func(_ context.Context, d time.Duration) error { s.Pass(d); return nil }
		s.person("EXT-0004711", clave)
		s.press("EXT-0004711", 5)
		s.In(func(tx *storage.Tx) error { return tx.UnlockClave(t.Context(), s.DB.IdentifierMAC("EXT-0004711")) })
		b := s.browser()
		in := b.ask("historia", "openid")
		form := func(reto string) answer {
			return b.PostForm("/ingresar", url.Values{
				"id": {in.Param("id")}, "codigo": {"1"}, "cedula": {"ext-0004711"}, "clave": {clave}, "reto": {reto},
			})
		}
		first := form("")
		early := form(first.Reto())
		if early.Status != http.StatusOK || strings.Contains(early.Body, `name="clave"`) || !strings.Contains(early.Body, "Espere 10 segundos") {
			t.Errorf("got %d %s", early.Status, head(early.Body))
		}
		seconds, address, ok := strings.Cut(early.Header.Get("Refresh"), ";url=")
		if !ok || seconds != "10" || !strings.Contains(early.Body, `href="`+strings.ReplaceAll(address, "&", "&amp;")+`"`) || strings.Contains(strings.ToLower(address), "ext") {
			t.Errorf("Refresh %q", early.Header.Get("Refresh"))
		}
		page := b.Get(address)
		for _, want := range []string{`value="ext-0004711"`, `name="clave"`, `name="codigo" value="1"`, `name="id" value="` + in.Param("id") + `"`, " checked", "Espere 10 segundos"} {
			if !strings.Contains(page.Body, want) {
				t.Errorf("the page has no %s: %s", want, head(page.Body))
			}
		}
		s.Pass(5 * time.Second)
		s.Want(form(page.Reto()), http.StatusSeeOther, "/autorizar") // five seconds early: held
	}, identifierOnly)
}

// What else is wrong with a form leaves the box as it was.
func TestS024_OtherFaultsKeepTheTick(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		for i := range 20 {
			s.press(unused(i), 1)
		}
		b := s.browser()
		reto := b.Get("/ingresar").Reto()
		got := b.try("", "1759999914", clave, reto)
		if got.Reto() != reto || !strings.Contains(got.Body, " checked") {
			t.Errorf("the ticket has gone: %s", head(got.Body))
		}
		if got := b.try("", "1759999914", clave); got.Reto() == "" || strings.Contains(got.Body, " checked") {
			t.Error("ticked by itself")
		}
	})
}
