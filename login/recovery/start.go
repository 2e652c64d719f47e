package recovery

import (
	"net/http"
	"net/url"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/challenge"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// startForm is where the challenge of the first step is posed. Networks that are
// listed or crowded pay more; whose identifier it is nobody has asked yet.
func (s *Server) startForm(r *http.Request, v *visit) (login.Asking, error) {
	q := url.Values{}
	if v.Request != nil {
		q.Set("id", v.Request.ID)
	}
	if r.URL.Query().Get("codigo") == "1" || v.Form.Get("codigo") == "1" {
		q.Set("codigo", "1")
	}
	q.Set("nuevo", "1") // where the page comes back to by itself
	people, err := s.DB.NetworkRecoveries(r.Context(), s.NetworkKey(r), v.Now.Add(-crowdIn))
	return login.Asking{
		Form:  challenge.Form{Purpose: "generar", Browser: v.Browser, Path: pathStart + "?" + q.Encode()},
		Extra: Pressing(people, s.cfg.Networks.Has(r.RemoteAddr)),
	}, err
}

func (s *Server) startPage(r *http.Request, v *visit) templates.RecoverStart {
	return templates.RecoverStart{
		Layout: s.Layout(r, v.Visit), Goal: v.Goal(), Code: r.URL.Query().Get("codigo") == "1" || v.Form.Get("codigo") == "1",
		Identificacion: login.Typed(v.Form.Get("identificacion")),
	}
}

func (s *Server) getStart(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.showStart(w, r, v, s.startPage(r, v))
}

// showStart shows the first step with a challenge to answer.
func (s *Server) showStart(w http.ResponseWriter, r *http.Request, v *visit, page templates.RecoverStart) error {
	f, err := s.startForm(r, v)
	if err != nil {
		return err
	}
	var typed string
	if page.Challenge, typed, err = s.PoseAsking(w, r, v.Visit, f); err != nil {
		return err
	}
	if typed != "" {
		page.Identificacion = typed
	}
	return s.Show(w, v.Visit, http.StatusOK, page)
}

// postStart begins a case, in the place of the one that the browser has. Nobody is
// looked up (S024, T01).
func (s *Server) postStart(w http.ResponseWriter, r *http.Request, v *visit) error {
	page := s.startPage(r, v)
	f, err := s.startForm(r, v)
	if err != nil {
		return err
	}
	id, cause, err := s.ReadAsking(r, v.Visit, f, &page.Faults, &page.Stale)
	if err != nil {
		return err
	}
	if id == "" || cause != nil {
		if page.Challenge, err = s.AskAgain(w, r, v.Visit, f, id, cause, page.Identificacion); err != nil {
			return err
		}
		return s.Show(w, v.Visit, http.StatusOK, page)
	}
	caso := storage.Recovery{
		ID: storage.NewID(), BrowserHash: v.Browser, Identifier: id, IdentifierMAC: s.DB.IdentifierMAC(id), NetworkMAC: s.NetworkKey(r),
		Step: string(StepQuestions), CreatedAt: storage.At(v.Now), ExpiresAt: storage.At(v.Now.Add(s.cfg.CaseLife)),
	}
	if v.Request != nil {
		caso.ClientID, caso.AuthRequest = v.Request.ClientID, v.Request.ID
	}
	err = s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		if err := tx.AddRecovery(ctx, caso); err != nil {
			return err
		}
		if err := tx.Audit(ctx, v.Event(r, eventStarted, "")); err != nil {
			return err
		}
		if err := s.PressIdentifier(ctx, tx, v.Visit, id); err != nil {
			return err
		}
		return s.PressNetwork(ctx, tx, r, v.Visit)
	})
	if err != nil {
		return err
	}
	return s.Redirect(w, r, v.PagePath(pathStart))
}
