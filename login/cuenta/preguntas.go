package cuenta

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/personal"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

const pageQuestions = "/cuenta/preguntas"

// Until when the registry is waited for, and when it may be tried again (FT-24).
const (
	patience      = 5 * time.Second
	retryRegistry = 30 * time.Second
)

// noImage is what the form says for no image.
const noImage = "ninguna"

// getQuestions is GET /cuenta/preguntas: which questions she chose, and her image.
func (s *Server) getQuestions(w http.ResponseWriter, r *http.Request, v *visit) error {
	page, err := s.questionsPage(r, v)
	if err != nil {
		return err
	}
	page.Done = templates.Done(s.doneHere(r, v))
	return s.Show(w, v.Visit, http.StatusOK, page)
}

func (s *Server) questionsPage(r *http.Request, v *visit) (templates.MyQuestions, error) {
	page := templates.MyQuestions{Own: s.own(r, v)}
	enrolled, err := s.DB.Answers(r.Context(), v.afiliado.ID)
	if err != nil {
		return page, err
	}
	for _, a := range enrolled {
		page.Enrolled, page.Since = append(page.Enrolled, a.Question), a.CreatedAt.Time
	}
	tastes, err := s.DB.Tastes(r.Context(), v.afiliado.ID)
	page.Image, page.Picked = tastes.Image, tastes.Image
	return page, err
}

// postQuestions is POST /cuenta/preguntas/cambiar: two questions and answers in the
// place of those she had, by the rules of enrolment (S063, T22). What somebody began
// with the former ones ends.
func (s *Server) postQuestions(w http.ResponseWriter, r *http.Request, v *visit) error {
	page, err := s.questionsPage(r, v)
	if err != nil {
		return err
	}
	typed := personal.Read(v.Form)
	page.Chosen, page.Answers = typed.Chosen, typed.Answers
	history, err := s.history(r.Context(), v.afiliado.ID)
	if err != nil {
		if r.Context().Err() != nil {
			return err
		}
		page.Unavailable, page.Retry = true, retryRegistry
		return s.ShowRefusal(w, v.Visit, login.Refusal{Busy: true, Retry: page.Retry}, page)
	}
	if page.Faults = typed.Faults(*v.afiliado, history); len(page.Faults) > 0 {
		return s.Show(w, v.Visit, http.StatusOK, page)
	}
	answers, err := s.hashed(r.Context(), v, typed)
	if errors.Is(err, login.ErrBusy) {
		page.Busy, page.Retry = true, s.Hash.RetryAfter()
		return s.ShowRefusal(w, v.Visit, login.Refusal{Busy: true, Retry: page.Retry}, page)
	}
	if err != nil {
		return err
	}
	err = s.holding(r, v, func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) error {
		if err := tx.EndRecoveries(ctx, s.DB.IdentifierMAC(a.Identifier), v.Now); err != nil {
			return err
		}
		if err := tx.KillLinks(ctx, a.ID, storage.LinkGenerar, v.Now); err != nil {
			return err
		}
		if err := tx.SetAnswers(ctx, a.ID, answers); err != nil {
			return err
		}
		return s.TellOwn(ctx, tx, r, v.Visit, a, templates.QuestionsChanged, nil, login.Notice{})
	})
	if err != nil {
		return err
	}
	return s.toDone(w, r, v, pageQuestions, string(templates.DoneQuestions))
}

// history is the person's work history, which no answer may be taken from.
func (s *Server) history(ctx context.Context, afiliadoID string) ([]storage.Historia, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	history, err := s.cfg.Registry.Historia(ctx, afiliadoID)
	if err == nil && slices.ContainsFunc(history, func(h storage.Historia) bool { return h.AfiliadoID != afiliadoID }) {
		err = errors.New("cuenta: somebody else's history was found")
	}
	return history, err
}

func (s *Server) hashed(ctx context.Context, v *visit, typed personal.Form) ([]storage.Answer, error) {
	slot, err := s.Hash.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer slot.Release()
	return typed.Hash(slot, v.Now)
}

// postImage is POST /cuenta/preguntas/imagen (S062).
func (s *Server) postImage(w http.ResponseWriter, r *http.Request, v *visit) error {
	image := v.Form.Get("imagen")
	if image != noImage && !templates.IsImage(image) {
		page, err := s.questionsPage(r, v)
		if err != nil {
			return err
		}
		page.Faults = []templates.Fault{templates.ImagenEmpty}
		return s.Show(w, v.Visit, http.StatusOK, page)
	}
	if image == noImage {
		image = ""
	}
	done := templates.DoneImageSame
	err := s.holding(r, v, func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) error {
		done = templates.DoneImageSame
		present, err := tx.Tastes(ctx, a.ID)
		if err != nil || present.Image == image {
			return err
		}
		done = templates.DoneImage
		if err := tx.SetImage(ctx, a.ID, image); err != nil {
			return err
		}
		return s.TellOwn(ctx, tx, r, v.Visit, a, templates.ImageChanged, map[string]string{"image": image}, login.Notice{})
	})
	if err != nil {
		return err
	}
	return s.toDone(w, r, v, pageQuestions, string(done))
}
