package recovery

import (
	"context"
	"time"

	"iess.gob.ec/clave/login/quiz"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Sizes of what the registry tells of other people.
const (
	donors = 8  // histories, of which one is borrowed
	peers  = 64 // employers in each circle
)

// draw puts the questions on the work history: on hers where she has enough of
// one, else on a stranger's. The registry is asked the same either way, and tells
// one history: where it was not hers, a donor's is read and looked through for
// nothing (T01).
func (s *Server) draw(ctx context.Context, asked *subject, id storage.Identifier, now time.Time) error {
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	seed := s.DB.QuizSeed(id)
	others, err := s.cfg.Registry.Donors(asking, quiz.Start(seed), donors)
	if err != nil {
		return unavailable(ctx, err)
	}
	about, donor := quiz.Pretend(seed, others, now), ""
	if len(others) > 0 {
		donor = others[0].AfiliadoID
	}
	if _, _, year := quiz.Near(seed, asked.history, now); year != 0 {
		about, asked.hers, donor = asked.history, true, ""
	}
	idle, err := s.history(asking, donor)
	if err != nil {
		return unavailable(ctx, err)
	}
	quiz.Near(seed, idle, now)
	province, sector, year := quiz.Near(seed, about, now)
	pool, err := s.cfg.Registry.Peers(asking, province, sector, year, quiz.Start(seed), peers)
	if err != nil {
		return unavailable(ctx, err)
	}
	asked.quiz, _ = quiz.Ask(seed, about, pool, now)
	return nil
}

// wording are the questions of a set as pages put them.
func wording(set quiz.Set) [2]templates.QuizQuestion {
	var out [2]templates.QuizQuestion
	for i, q := range set {
		out[i] = templates.QuizQuestion{Field: templates.QuizField(q.Field), Year: q.Year, Month: q.Month}
		for _, o := range q.Options {
			out[i].Options = append(out[i].Options, templates.QuizOption{
				Text: o.Text, From: o.From, To: o.To, Year: o.Year, Quarter: o.Quarter, None: o.None,
			})
		}
	}
	return out
}
