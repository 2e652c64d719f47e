package recovery_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/login/recovery"
	"iess.gob.ec/clave/storage"
)

// levels are the failures that press on the browsers' network and on id.
func (s *site) levels(id storage.Identifier) [2]int {
	s.T.Helper()
	r := httptest.NewRequestWithContext(s.T.Context(), http.MethodGet, "/", nil)
	r.RemoteAddr = "127.0.0.1:1"
	network, identifier, err := s.Levels(s.T.Context(), r, &login.Visit{Now: s.Time()}, id)
	if err != nil {
		s.T.Fatal(err)
	}
	return [2]int{network, identifier}
}

// begins reports whether the first step for id is taken from a browser that has held
// its ticket for so long.
func (s *site) begins(id storage.Identifier, held time.Duration) bool {
	s.T.Helper()
	j := s.journey()
	reto := j.Ticket(j.Get("/generar-recuperar"))
	s.Pass(held - 80*time.Second)
	return j.Post("/generar-recuperar", "identificacion", string(id), "reto", reto).Status == http.StatusSeeOther
}

// T13: what is begun and answered wrongly presses on the network and on the
// identifier, whoever has it; answers in a browser that did not ask for the link on
// the network. The next challenge is dearer by that, for who tries the same
// identifier.
func TestT13_WhatIsTriedPresses(t *testing.T) {
	pages(t, func(t *testing.T, s *site) {
		presses := func(what string, id storage.Identifier, want [2]int, f func() logintest.Answer) {
			t.Helper()
			before := s.levels(id)
			f()
			if after := s.levels(id); after[0]-before[0] != want[0] || after[1]-before[1] != want[1] {
				t.Errorf("%s for %s: from %v to %v", what, id, before, after)
			}
		}
		for _, id := range []storage.Identifier{nobody, s.maria.Identifier} {
			j := s.journey()
			reto := j.Ticket(j.Get("/generar-recuperar"))
			presses("the first step", id, [2]int{1, 1}, func() logintest.Answer {
				return j.Post("/generar-recuperar", "identificacion", string(id), "reto", reto)
			})
			page := j.Get("/generar-recuperar")
			presses("an empty form", id, [2]int{}, func() logintest.Answer { return j.answer(page, form{}) })
			for range 5 { // the last one locks
				presses("a wrong answer", id, [2]int{1, 1}, func() logintest.Answer { return j.answer(page, wrong()) })
			}
			presses("an answer after the last", id, [2]int{}, func() logintest.Answer { return j.answer(page, wrong()) })
			if s.begins(id, 9*time.Second) || !s.begins(id, 10*time.Second) {
				t.Errorf("the next challenge for %s does not cost twice as much", id)
			}
			if !s.begins("0159999911", 5*time.Second) {
				t.Error("it costs somebody else more")
			}
		}
		link, b := s.journey().ask(s.diana), s.journey()
		b.Open(link)
		for _, field := range []string{"1", "2"} {
			presses("a wrong answer elsewhere", diana, [2]int{1, 0}, func() logintest.Answer {
				return b.Post("/generar-recuperar/clave", "dia", field, "mes", "1", "historia_1", "0")
			})
		}
	})
}

// C10: from a listed network, and from one where many begin, the first challenge
// costs more; from others it does not.
func TestC10_ListedAndCrowdedNetworksPayMore(t *testing.T) {
	pages(t, func(t *testing.T, s *site) {
		g := s.gate()
		for _, tt := range []struct {
			name, from string
			cheap      bool
		}{{"an ordinary network", "127.0.8.1", true}, {"a listed one", "127.0.9.1", false}, {"its neighbour", "127.0.10.1", true}} {
			g.come(tt.from)
			if s.begins("0159999911", 5*time.Second) != tt.cheap {
				t.Errorf("%s: five seconds are enough: %v", tt.name, !tt.cheap)
			}
			if !s.begins("0159999911", 20*time.Second) {
				t.Errorf("%s: twenty seconds are not enough", tt.name)
			}
		}
		s.Pass(24 * time.Hour)
		g.come("127.0.11.1")
		for i, id := range cedulas(5) {
			if s.begins(id, 5*time.Second) != (i < 4) {
				t.Errorf("of a crowd number %d: five seconds are enough: %v", i, i >= 4)
			}
		}
		s.Pass(10 * time.Minute)
		if !s.begins(nobody, 5*time.Second) {
			t.Error("the crowd is remembered")
		}
	}, func(c *recovery.Config) { c.Networks = recovery.Networks{netip.MustParsePrefix("127.0.9.0/24")} })
}
