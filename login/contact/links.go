package contact

import (
	"context"
	"net/http"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/challenge"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// form is where the challenge of both pages is posed: a scanner that opens
// links and sends forms unchanged does nothing (T11).
func form(v *login.Visit, path string) login.Asking {
	return login.Asking{Form: challenge.Form{Purpose: path, Browser: v.Browser, Path: path}}
}

// opened is one of the two links of a changed address, opened.
type opened struct {
	path, purpose string
	step          templates.ContactStep
	event         string
	act           func(tx *storage.Tx, ctx context.Context, id string, now time.Time) (bool, error)
}

func confirming() opened {
	return opened{login.PageConfirm, storage.LinkCorreoNuevo, templates.ContactConfirm, eventProved, (*storage.Tx).ProveContactChange}
}

func approving() opened {
	return opened{login.PageApprove, storage.LinkCorreoViejo, templates.ContactApprove, eventApproved, (*storage.Tx).ApproveContactChange}
}

func (s *Server) getConfirm(w http.ResponseWriter, r *http.Request) error {
	return s.getOpened(w, r, confirming())
}

func (s *Server) postConfirm(w http.ResponseWriter, r *http.Request) error {
	return s.postOpened(w, r, confirming())
}

func (s *Server) getApprove(w http.ResponseWriter, r *http.Request) error {
	return s.getOpened(w, r, approving())
}

func (s *Server) postApprove(w http.ResponseWriter, r *http.Request) error {
	return s.postOpened(w, r, approving())
}

// change finds the link and its change; a nil change: the answer has been
// written.
func (s *Server) change(w http.ResponseWriter, r *http.Request, k opened) (*login.Visit, *storage.Link, *storage.ContactChange, error) {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return nil, nil, nil, err
	}
	link, err := s.KeptLink(r, k.purpose)
	if err != nil {
		return v, nil, nil, err
	}
	if v.Opens(link) {
		c, err := s.DB.ContactChange(r.Context(), login.LinkOwner(link))
		return v, link, c, err
	}
	if link != nil && !link.UsedAt.IsZero() {
		return v, link, nil, s.Redirect(w, r, pathDone)
	}
	page := templates.LinkExpired{Layout: s.Layout(r, v), Purpose: templates.LinkToContact}
	page.State, page.Ended = login.DeadLink(link)
	return v, link, nil, s.Show(w, v, http.StatusOK, page)
}

func (s *Server) page(r *http.Request, v *login.Visit, step templates.ContactStep, c *storage.ContactChange) templates.ContactLink {
	return templates.ContactLink{
		Layout: s.Layout(r, v), Step: step, Address: login.MaskEmail(c.Email), Asked: c.AskedAt.Time, Ready: c.ReadyAt.Time,
		Applied: !c.AppliedAt.IsZero(),
	}
}

func (s *Server) getOpened(w http.ResponseWriter, r *http.Request, k opened) error {
	v, _, c, err := s.change(w, r, k)
	if err != nil || c == nil {
		return err
	}
	page := s.page(r, v, k.step, c)
	if page.Challenge, _, err = s.PoseAsking(w, r, v, form(v, k.path)); err != nil {
		return err
	}
	return s.Show(w, v, http.StatusOK, page)
}

// postContact does what the link is for, once; the change is then applied where that
// was all it waited for.
func (s *Server) postOpened(w http.ResponseWriter, r *http.Request, k opened) error {
	v, link, c, err := s.change(w, r, k)
	if err != nil || c == nil {
		return err
	}
	f := form(v, k.path)
	cause := s.Challenges.Verify(r.Context(), v.Form, f.Form, challenge.Cost{})
	if fault := challenge.FaultOf(cause); fault != "" {
		page := s.page(r, v, k.step, c)
		page.Faults = []templates.Fault{fault}
		if page.Challenge, err = s.AskAgain(w, r, v, f, "", cause, ""); err != nil {
			return err
		}
		return s.Show(w, v, http.StatusOK, page)
	}
	if cause != nil {
		return cause
	}
	err = s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		if _, err := tx.LockAfiliado(ctx, link.AfiliadoID); err != nil {
			return err
		}
		if won, err := tx.UseLink(ctx, link.ID, v.Now); err != nil || !won {
			return err
		}
		if done, err := k.act(tx, ctx, c.ID, v.Now); err != nil || !done {
			return err
		}
		if k.purpose == storage.LinkCorreoNuevo { // none waits beside a change that is proved
			if err := tx.KillLinks(ctx, link.AfiliadoID, storage.LinkGenerar, v.Now); err != nil {
				return err
			}
		}
		return tx.Audit(ctx, v.Event(r, k.event, link.AfiliadoID))
	})
	if err != nil {
		return err
	}
	// What Apply would do within the minute. By itself, as it holds messages
	// before links.
	err = s.DB.InTx(r.Context(), func(tx *storage.Tx) error { return s.apply(r.Context(), tx, *c, v.Now) })
	if err != nil {
		return err
	}
	return s.Redirect(w, r, pathDone)
}

// getDone is GET /correo/listo, for the browser that pressed: what it did
// last.
func (s *Server) getDone(w http.ResponseWriter, r *http.Request) error {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return err
	}
	var used *storage.Link
	var step templates.ContactStep
	for _, k := range []struct {
		opened
		step templates.ContactStep
	}{{confirming(), templates.ContactConfirmed}, {approving(), templates.ContactApproved}} {
		link, err := s.KeptLink(r, k.purpose)
		if err != nil {
			return err
		}
		if link != nil && !link.UsedAt.IsZero() && (used == nil || link.UsedAt.After(used.UsedAt.Time)) {
			used, step = link, k.step
		}
	}
	if used == nil {
		return s.Redirect(w, r, "/")
	}
	c, err := s.DB.ContactChange(r.Context(), login.LinkOwner(used))
	if err != nil {
		return err
	}
	if !c.CancelledAt.IsZero() {
		step = templates.ContactCancelled
	}
	return s.Show(w, v, http.StatusOK, s.page(r, v, step, c))
}
