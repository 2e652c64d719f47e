package recovery

import (
	"testing"
	"time"

	"iess.gob.ec/clave/login/quiz"
	"iess.gob.ec/clave/storage"
)

// Quiz is what a case on id asks of the work history at now.
func (s *Server) Quiz(t testing.TB, id storage.Identifier, now time.Time) quiz.Set {
	t.Helper()
	asked, err := s.subject(t.Context(), id, now)
	if err != nil {
		t.Fatal(err)
	}
	return asked.quiz
}

// SetRegistry replaces the registry of the pages.
func (s *Server) SetRegistry(r Registry) { s.cfg.Registry = r }
