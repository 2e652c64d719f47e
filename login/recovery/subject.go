package recovery

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"iess.gob.ec/clave/login/quiz"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// errRegistry says that the registry cannot be asked now, or told of another
// person than was asked for. No attempt has been spent (FT-24).
var errRegistry = errors.New("recovery: the registry is not available")

// patience is how long the registry may take to answer.
const patience = 5 * time.Second

// retryRegistry is when whoever found the registry away may try again.
const retryRegistry = 30 * time.Second

// subject is whom a case asks about: a person, or nobody, about whom the same is
// asked (T01).
type subject struct {
	afiliado *storage.Afiliado // zero where nobody has the identifier
	history  []storage.Historia
	enrolled []storage.Answer // two, or none
	personal [2]string        // questions of the catalogue
	quiz     quiz.Set
	hers     bool // the quiz is about her own history
}

// known reports whether anybody has the identifier.
func (s subject) known() bool { return s.afiliado.ID != "" }

// subject looks up what a case on id asks. It does the same statements whether or
// not anybody has it.
func (s *Server) subject(ctx context.Context, id storage.Identifier, now time.Time) (*subject, error) {
	asked, err := s.registered(ctx, id)
	if err != nil {
		return nil, err
	}
	if asked.enrolled, err = s.enrolled(ctx, asked.afiliado.ID); err != nil {
		return nil, err
	}
	asked.personal = chosen(s.DB.QuestionSeed(id))
	for i, a := range asked.enrolled {
		asked.personal[i] = a.Question
	}
	return asked, s.draw(ctx, asked, id, now)
}

// registered asks the registry for who has id, and her work history.
func (s *Server) registered(ctx context.Context, id storage.Identifier) (*subject, error) {
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	a, err := s.cfg.Registry.AfiliadoByIdentifier(asking, id)
	if errors.Is(err, storage.ErrNotFound) {
		a, err = &storage.Afiliado{}, nil
	}
	if err == nil && (a == nil || a.ID != "" && a.Identifier != id) {
		err = errors.New("somebody else was found")
	}
	var history []storage.Historia
	if err == nil {
		history, err = s.history(asking, a.ID)
	}
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	return &subject{afiliado: a, history: history}, nil
}

// history asks the registry for a person's work history.
func (s *Server) history(asking context.Context, afiliadoID string) ([]storage.Historia, error) {
	history, err := s.cfg.Registry.Historia(asking, afiliadoID)
	if err == nil && slices.ContainsFunc(history, func(h storage.Historia) bool { return h.AfiliadoID != afiliadoID }) {
		err = errors.New("somebody else's history was found")
	}
	return history, err
}

// unavailable is errRegistry, unless it is whoever asks who has gone.
func unavailable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("recovery: %w", ctx.Err())
	}
	return fmt.Errorf("%w: %w", errRegistry, err)
}

// enrolled are the two questions a person chose, with her answers; none where she
// did not. They are hers for ever, also where others are offered by now.
func (s *Server) enrolled(ctx context.Context, afiliadoID string) ([]storage.Answer, error) {
	all, err := s.DB.Answers(ctx, afiliadoID)
	if err != nil || len(all) < 2 {
		return nil, err
	}
	return all[:2], nil
}

// chosen are two questions of the catalogue, the same for a seed for ever: those
// asked of who enrolled none. Each is ranked by a hash of its name, so that
// another catalogue changes little.
func chosen(seed []byte) [2]string {
	rank := func(question string) string {
		mac := hmac.New(sha256.New, seed)
		mac.Write([]byte(question))
		return string(mac.Sum(nil))
	}
	all := templates.PersonalQuestions()
	slices.SortFunc(all, func(a, b string) int { return strings.Compare(rank(a), rank(b)) })
	return [2]string{all[0], all[1]}
}
