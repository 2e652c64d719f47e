package recovery_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"iess.gob.ec/clave/login/recovery"
	"iess.gob.ec/clave/storage"
)

// Whoever was asked on the last day of a quarter may answer on the first of the
// next (S030): the questions are those of when she began.
func TestS030_T23_AQuarterEndsMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		end := time.Date(2027, 1, 1, 5, 0, 0, 0, time.UTC) // midnight in Ecuador
		for range 4 {
			s.Pass(end.Add(-5 * time.Minute).Sub(s.Time()))
			j := s.journey()
			page := j.start(s.maria.Identifier)
			right := s.answers(s.maria)
			s.Pass(10 * time.Minute)
			s.Want(j.answer(page, right), http.StatusSeeOther, "/generar-recuperar")
			if n := s.spent(s.maria.Identifier); n != 0 {
				t.Errorf("%v: got %d attempts spent, want none", end, n)
			}
			end = end.AddDate(0, 3, 0)
		}
	})
}

// corrected is a registry in which everybody's work was a year earlier.
type corrected struct{ recovery.Registry }

func (c corrected) Historia(ctx context.Context, afiliadoID string) ([]storage.Historia, error) {
	out, err := c.Registry.Historia(ctx, afiliadoID)
	for i := range out {
		out[i].Year--
	}
	return out, err
}

// Answers to questions that would not be asked any more are not looked at: what was
// corrected in the registry meanwhile costs no attempt (S030, FT-24).
func TestS030_FT24_TheQuestionsChangeMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		page := j.start(s.maria.Identifier)
		right := s.answers(s.maria)
		s.way.SetRegistry(corrected{s.DB})
		got := j.answer(page, right)
		s.Want(got, http.StatusOK, "")
		s.WantText(got, "de preguntas que ya cambiaron")
		if n := s.spent(s.maria.Identifier); n != 0 {
			t.Errorf("got %d attempts spent, want none", n)
		}
		s.Want(j.answer(got, s.answers(s.maria)), http.StatusSeeOther, "/generar-recuperar")
	})
}
