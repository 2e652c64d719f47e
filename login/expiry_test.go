package login_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
)

func expiring(c *login.Config) { c.Lockout.Expires = 24 * time.Hour }

// lifted are the details of the locks that ended, with whom they belonged to.
func (s *site) lifted() []string {
	s.T.Helper()
	rows, err := s.DB.AuditRows(s.T.Context(), 0, 10000)
	if err != nil {
		s.T.Fatal(err)
	}
	var out []string
	for _, row := range rows {
		if row.Event == login.EventClaveUnlocked {
			out = append(out, row.Detail+row.AfiliadoID)
		}
	}
	return out
}

// told counts the errands left for an identifier.
func (s *site) told(id storage.Identifier, kind string) int {
	s.T.Helper()
	all, err := s.DB.DueErrands(s.T.Context(), s.Time(), 1000)
	if err != nil {
		s.T.Fatal(err)
	}
	n := 0
	for _, e := range all {
		if e.Kind == kind && string(e.IdentifierMAC) == string(s.DB.IdentifierMAC(id)) {
			n++
		}
	}
	return n
}

// D04: a second before its end the lock holds, and a second after it the full
// budget is there, for identifiers nobody has alike; audited once, told once.
func TestD04_LockEndsByItself(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		a := s.person(cedula, clave)
		for n, id := range []storage.Identifier{cedula, nobody} {
			mac := s.DB.IdentifierMAC(id)
			for range 6 {
				s.browser().signIn("", id, wrong)
			}
			b, err := s.DB.LoginBudget(t.Context(), mac)
			if err != nil || b.LockReason != storage.LockLogin {
				t.Fatalf("got %+v, %v", b, err)
			}
			end := b.LockedAt.Add(24 * time.Hour)
			s.SetTime(end.Add(-time.Second))
			compared := s.Hash.Counts().Compared
			if got := s.browser().try("", id, clave); !strings.Contains(got.Body, denied) || s.Hash.Counts().Compared != compared || len(s.lifted()) != n {
				t.Errorf("%s, a second before the end: %d %s", id, got.Status, head(got.Body))
			}
			s.SetTime(end.Add(time.Second))
			for range 4 {
				s.browser().try("", id, wrong)
			}
			if b, err := s.DB.LoginBudget(t.Context(), mac); err != nil || b.LockReason != "" || b.Failures != 4 {
				t.Errorf("%s, a second after the end: %+v, %v", id, b, err)
			}
			if got := s.lifted(); len(got) != n+1 || !strings.Contains(got[n], `"by":"time"`) || !strings.Contains(got[n], `"was":"login"`) ||
				strings.Contains(got[n], a.ID) != (id == cedula) {
				t.Errorf("%s: lifted %v", id, got)
			}
			if s.told(id, login.NoticeUnlocked) != 1 {
				t.Errorf("%s: not told once", id)
			}
			if id == cedula {
				own := s.browser()
				s.Want(own.signIn("", id, clave), http.StatusSeeOther, "/cuenta")
				if n := s.Hash.Counts().Compared - compared; n != 5 {
					t.Errorf("compared %d after the end, want 5", n)
				}
				continue
			}
			s.browser().signIn("", id, wrong)
			if b, err := s.DB.LoginBudget(t.Context(), mac); err != nil || b.LockReason != storage.LockLogin {
				t.Errorf("the fifth of the new period did not lock: %+v %v", b, err)
			}
		}
	}, expiring)
}

// D04: what an officer or a disavowal has closed stays, and where nothing is
// configured every lock does. The job lifts the same locks as an attempt.
func TestD04_S086_OnlyLocksOfStrangersEnd(t *testing.T) {
	t.Parallel()
	people := map[string]storage.Identifier{
		storage.LockLogin: "1759999913", storage.LockRecuperacion: "0959999913", storage.LockOperador: "1059999910", storage.LockCompromiso: "1359999917",
	}
	lock := func(s *site) {
		for _, reason := range slices.Sorted(maps.Keys(people)) {
			s.person(people[reason], clave)
			s.In(func(tx *storage.Tx) error {
				_, err := tx.LockClave(s.T.Context(), s.DB.IdentifierMAC(people[reason]), reason, s.Time())
				return err
			})
		}
	}
	locked := func(s *site, reason string) bool {
		b, err := s.DB.LoginBudget(s.T.Context(), s.DB.IdentifierMAC(people[reason]))
		if err != nil {
			s.T.Fatal(err)
		}
		return b.LockReason == reason
	}
	each(t, func(t *testing.T, s *site) {
		lock(s)
		s.Pass(24*time.Hour - time.Second)
		for range 2 {
			if err := s.EndLocks(t.Context(), s.Time()); err != nil {
				t.Fatal(err)
			}
			for reason := range people {
				over := s.lifted() != nil && (reason == storage.LockLogin || reason == storage.LockRecuperacion)
				if locked(s, reason) == over {
					t.Errorf("%s: locked %v", reason, !over)
				}
			}
			s.Pass(2 * time.Second)
		}
		if err := s.EndLocks(t.Context(), s.Time().Add(time.Hour)); err != nil || len(s.lifted()) != 2 {
			t.Errorf("lifted %v, %v", s.lifted(), err)
		}
		if s.told(people[storage.LockLogin], login.NoticeUnlocked) != 1 || s.told(people[storage.LockOperador], login.NoticeUnlocked) != 0 {
			t.Error("not those were told whose lock ended")
		}
		for _, reason := range []string{storage.LockOperador, storage.LockCompromiso} {
			if got := s.browser().signIn("", people[reason], clave); !strings.Contains(got.Body, denied) {
				t.Errorf("%s: an attempt passed", reason)
			}
		}
	}, expiring)
	each(t, func(t *testing.T, s *site) {
		lock(s)
		s.Pass(365 * 24 * time.Hour)
		err := s.EndLocks(t.Context(), s.Time())
		s.browser().signIn("", people[storage.LockLogin], clave)
		if err != nil || len(s.lifted()) != 0 || !locked(s, storage.LockLogin) {
			t.Errorf("lifted %v, %v", s.lifted(), err)
		}
	})
}

// D04, FT-15: however many come when the lock ends, one lifts it and five claves
// are compared.
func TestD04_FT15_ManyAtTheMomentOfTheEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		for period := range 2 {
			before := s.Hash.Counts().Compared
			logintest.Parallel(60, func(i int) {
				if i == 30 {
					if err := s.EndLocks(t.Context(), s.Time()); err != nil {
						t.Error(err)
					}
					return
				}
				id := cedula
				if i%3 == 2 {
					id = nobody
				}
				s.browser().try("", id, wrong)
			})
			if n := s.Hash.Counts().Compared - before; n != 5 {
				t.Errorf("period %d: compared %d claves, want 5", period, n)
			}
			if n, want := len(s.lifted()), 2*period; n != want || s.Events("clave.locked") != want+2 {
				t.Errorf("period %d: lifted %d, locked %d times", period, n, s.Events("clave.locked"))
			}
			s.Pass(24 * time.Hour)
		}
	}, expiring)
}

// D04, D03: a lane that was used up is full again too, and its person was told
// until when.
func TestD04_D03_LanesAreFullAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		own := s.browser()
		s.Want(own.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
		own.PostForm("/oauth/logout", nil)
		var last answer
		for range 5 {
			last = own.signIn("", cedula, wrong)
		}
		if !strings.Contains(last.Body, "23 de noviembre de 2026") || strings.Contains(last.Body, denied) {
			t.Errorf("the own device is not told until when: %s", last.Body)
		}
		s.Pass(time.Hour)
		if got := own.signIn("", cedula, clave); !strings.Contains(got.Body, "23 de noviembre de 2026, 12:") {
			t.Errorf("later: %s", got.Body)
		}
		if got := s.browser().signIn("", cedula, clave); strings.Contains(got.Body, "23 de noviembre") {
			t.Error("a stranger is told until when")
		}
		s.Pass(23*time.Hour + time.Second)
		for range 4 {
			if got := own.signIn("", cedula, wrong); !strings.Contains(got.Body, denied) {
				t.Errorf("got %s", head(got.Body))
			}
		}
		s.Want(own.signIn("", cedula, clave), http.StatusSeeOther, "/cuenta")
		if n := len(s.lifted()); n != 1 {
			t.Errorf("lifted %d times", n)
		}
	}, expiring)
}

// D04, T17: an attempt after the end does the same work and is answered alike,
// whether or not anybody has the identifier.
func TestD04_T17_EndIsTheSameForEverybody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		disabled := s.person(another, clave)
		type work struct {
			statements, commits, hashed int64
			status                      int
			body                        string
		}
		measure := func(id storage.Identifier) work {
			b := s.browser()
			counts := s.Hash.Counts()
			w := work{statements: s.Stmts.Load(), commits: s.Commits.Load(), hashed: counts.Compared + counts.Wasted}
			got := b.signIn("", id, wrong)
			counts = s.Hash.Counts()
			return work{
				s.Stmts.Load() - w.statements, s.Commits.Load() - w.commits, counts.Compared + counts.Wasted - w.hashed,
				got.Status, strings.ReplaceAll(head(got.Body), string(id), ""),
			}
		}
		for range 5 {
			for _, id := range []storage.Identifier{cedula, another, nobody} {
				s.browser().signIn("", id, wrong)
			}
		}
		s.In(func(tx *storage.Tx) error { return tx.DisableAfiliado(t.Context(), disabled.ID, "prueba", s.Time()) })
		s.Pass(24*time.Hour + time.Second)
		for round := range 6 { // the first lifts, the fifth locks
			want := measure(nobody)
			for _, id := range []storage.Identifier{cedula, another} {
				if got := measure(id); got != want {
					t.Errorf("round %d: got %+v, want %+v", round, got, want)
				}
			}
		}
		if len(s.lifted()) != 3 || s.told(another, login.NoticeUnlocked) != 0 {
			t.Errorf("lifted %v; a disabled person was told %d times", s.lifted(), s.told(another, login.NoticeUnlocked))
		}
	}, expiring)
}
