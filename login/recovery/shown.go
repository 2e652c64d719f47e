package recovery

import (
	"maps"
	"sync"
	"time"

	"iess.gob.ec/clave/templates"
)

// shownMost bounds what shown keeps.
const shownMost = 4096

// shown remembers the questions that a case was shown, so that its form can be
// shown again without drawing them anew, which is work, and while the registry is
// away. It is within one process, and safe for concurrent use.
type shown struct {
	mu    sync.Mutex
	cases map[string]shownCase
}

type shownCase struct {
	history  [2]templates.QuizQuestion
	personal [2]string
	until    time.Time
}

func newShown() *shown { return &shown{cases: map[string]shownCase{}} }

func (s *shown) keep(id string, c shownCase, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, found := s.cases[id]; !found && len(s.cases) >= shownMost {
		maps.DeleteFunc(s.cases, func(_ string, old shownCase) bool { return !old.until.After(now) })
		for other := range s.cases { // any: its questions are drawn again where they are asked for
			if len(s.cases) < shownMost {
				break
			}
			delete(s.cases, other)
		}
	}
	s.cases[id] = c
}

func (s *shown) of(id string) (shownCase, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, found := s.cases[id]
	return c, found
}
