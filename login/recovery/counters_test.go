package recovery_test

import (
	"net/http"
	"testing"

	"iess.gob.ec/clave/storage"
)

// S030: attempts count over replicas, networks, browsers and restarts, whoever has
// the identifier, and the fifth is the last everywhere.
func TestS030_TheCountSurvives(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		first := s.URL
		g := s.gate()
		other := s.replica()
		for _, id := range []storage.Identifier{nobody, s.maria.Identifier} {
			g.lead(t, first)
			g.come("127.0.21.1")
			j := s.journey()
			page := j.start(id)
			s.WantText(j.answer(page, wrong()), "cuatro intentos")
			g.lead(t, other) // the same form at another replica
			s.WantText(j.answer(page, wrong()), "tres intentos")
			g.come("127.0.22.1")
			s.WantText(j.answer(page, wrong()), "dos intentos")
			j = s.journey() // without cookies
			page = j.start(id)
			s.WantText(page, "Le quedan dos intentos")
			s.WantText(j.answer(page, wrong()), "un intento")
			restarted := s.replica() // knows what is on disk
			g.lead(t, restarted)
			g.come("127.0.23.1")
			last := s.journey()
			lastPage := last.start(id)
			s.WantText(lastPage, "Le queda un intento")
			s.WantText(last.answer(lastPage, wrong()), "Por aquí no podemos seguir")
			for _, at := range []string{first, other, restarted} {
				g.lead(t, at)
				if got := j.answer(page, s.answers(s.maria)); got.Status != http.StatusOK {
					t.Errorf("%s has a sixth attempt: %s", id, got.Location)
				}
			}
			if reason := s.locked(id); reason != storage.LockRecuperacion {
				t.Errorf("%s is locked for %q", id, reason)
			}
		}
	})
}
