package recovery

import (
	"errors"
	"net/http"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// visit is one to the way, with the case of the browser it comes from.
type visit struct {
	*login.Visit
	caso *storage.Recovery // nil where none is live
}

// step is where the case is.
func (v *visit) step() Step {
	if v.caso == nil {
		return StepNone
	}
	return Step(v.caso.Step)
}

// to is the case at another step.
func (v *visit) to(step Step) storage.Recovery {
	c := *v.caso
	c.Step = string(step)
	return c
}

func (s *Server) visit(w http.ResponseWriter, r *http.Request) (*visit, error) {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return nil, err
	}
	caso, err := s.DB.BrowserRecovery(r.Context(), v.Browser, v.Now)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	return &visit{v, caso}, nil
}

// getCase is GET /generar-recuperar: the step at which this browser's case is; with
// nuevo=1, or where there is none that goes on, the first.
func (s *Server) getCase(w http.ResponseWriter, r *http.Request) error {
	v, err := s.visit(w, r)
	if err != nil {
		return err
	}
	switch v.step() {
	case StepQuestions, StepData, StepSent:
		if r.URL.Query().Get("nuevo") != "1" {
			return s.showCase(w, r, v, false)
		}
	}
	return s.getStart(w, r, v)
}

// postCase is POST /generar-recuperar. Which step the form is of shows in its
// fields; one of another step, or of another case, does nothing, and is answered
// by the step at which the case is, with what was typed where that is the same
// (T24).
func (s *Server) postCase(w http.ResponseWriter, r *http.Request) error {
	v, err := s.visit(w, r)
	if err != nil {
		return err
	}
	if v.Form.Has("cancelar") {
		return s.Cancel(w, r, v.Visit)
	}
	of := StepQuestions
	switch {
	case v.Form.Has("identificacion"):
		return s.postStart(w, r, v)
	case v.Form.Has("correo"), v.Form.Has("celular"), v.Form.Has("convencional"):
		of = StepData
	}
	switch {
	case v.step() != of || v.Form.Get("caso") != v.caso.ID || !v.SameSite(r):
		return s.showCase(w, r, v, true)
	case of == StepData:
		return s.postData(w, r, v)
	default:
		return s.postQuestions(w, r, v)
	}
}

// showCase shows the step at which the case is. Stale: a form came that was not of
// that step.
func (s *Server) showCase(w http.ResponseWriter, r *http.Request, v *visit, stale bool) error {
	switch v.step() {
	case StepQuestions:
		return s.showQuestions(w, r, v, stale)
	case StepData:
		return s.showData(w, r, v, stale)
	case StepSent:
		return s.Redirect(w, r, v.PagePath(pathSent))
	case StepFailed, StepAssisted:
		return s.showFailed(w, r, v)
	case StepDone:
		return s.Redirect(w, r, pathDone)
	default:
		page := s.startPage(r, v)
		page.Ended = stale
		return s.showStart(w, r, v, page)
	}
}

// showFailed is where the way ends for everybody whom it cannot serve: nothing
// there says why (S030).
func (s *Server) showFailed(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.Show(w, v.Visit, http.StatusOK, templates.RecoverFailed{
		Layout: s.Layout(r, v.Visit), Goal: v.Goal(), Attempts: s.cfg.Attempts, Open: s.cfg.WizardOnly,
	})
}
