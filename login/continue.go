package login

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"iess.gob.ec/clave/storage"
)

// Advance decides the next step of req from stored state (Next) and returns the
// answer to write once tx has committed: a redirect to one of our pages, or what
// Protocol.Grant or Deny returned. The caller has made sure that r comes from
// the browser of req.
func (s *Server) Advance(ctx context.Context, tx *storage.Tx, r *http.Request, req *storage.AuthRequest) (http.Handler, error) {
	now := s.Now()
	client, err := s.Clients.Client(ctx, req.ClientID)
	if err != nil {
		return nil, err
	}
	found, err := s.liveSession(ctx, tx, r, now)
	if err != nil {
		return nil, err
	}
	return s.advance(ctx, tx, &Visit{Now: now, Request: req, Client: client, app: s.application(client)}, found)
}

// standings is what *storage.DB and *storage.Tx have in common here.
type standings interface {
	Standing(ctx context.Context, afiliadoID, clientID string, now time.Time) (storage.Standing, error)
}

// progress gathers what Next looks at.
func (s *Server) progress(ctx context.Context, from standings, v *Visit, found *storage.Session) (Progress, error) {
	p := Progress{
		Now: v.Now, Request: v.Request, SameBrowser: true, FirstParty: v.Client.Metadata.FirstParty, Session: found,
		Renewal: s.Renewal, Window: time.Duration(v.Client.Metadata.RenewalWindow) * time.Second, Reach: s.reach(),
	}
	if found == nil {
		return p, nil
	}
	p.Sub = s.DB.Subject(*v.Client, found.AfiliadoID)
	standing, err := from.Standing(ctx, found.AfiliadoID, v.Client.ID, v.Now)
	p.Clave, p.Consent, p.Factors = standing.Clave, standing.Consent, standing.Factors
	return p, err
}

func (s *Server) advance(ctx context.Context, tx *storage.Tx, v *Visit, found *storage.Session) (http.Handler, error) {
	p, err := s.progress(ctx, tx, v, found)
	if err != nil {
		return nil, err
	}
	if found != nil {
		if err := s.touch(ctx, tx, found, v.Now); err != nil {
			return nil, err
		}
	}
	switch step := Next(p); step {
	case StepLogin:
		return redirect(v.PagePath("/ingresar")), nil
	case StepSecond:
		return redirect(v.PagePath(pageSecond)), nil
	case StepRenew:
		return redirect(v.PagePath("/renovar")), nil
	case StepNotice, StepConsent:
		return redirect(v.PagePath("/autorizar")), nil
	case StepOffer:
		return redirect(v.PagePath(pageOffer)), nil
	case StepFinish:
		v.Request.Scope = granted(v.Request.Scope, p.Consent)
		v.Request.Params.Resources = grantedResources(v.Request.Params.Resources, v.Request.Scope, s.Issuer)
		return s.Protocol.Grant(ctx, tx, v.Request, found)
	case StepRefuse, StepOther, StepExpired, StepDone:
		return s.over(v, step), nil
	default:
		code, description := step.OAuthError()
		return s.deny(ctx, tx, v, found, code, description)
	}
}

// deny ends the running request with an OAuth error; the audit names the
// session's person, if there is one.
func (s *Server) deny(ctx context.Context, tx *storage.Tx, v *Visit, found *storage.Session, code, description string) (http.Handler, error) {
	if found != nil {
		v.Request.AfiliadoID = found.AfiliadoID
	}
	return s.Protocol.Deny(ctx, tx, v.Request, code, description)
}

// over is the answer for a request that cannot go on.
func (s *Server) over(v *Visit, step Step) http.Handler {
	err := s.refusal(v, step, true)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.fail(w, r, err) })
}

// Hold reads the running request again and holds its row until tx ends. Where it
// has been completed meanwhile, it returns the answer that is left to give.
func (s *Server) Hold(ctx context.Context, tx *storage.Tx, v *Visit) (http.Handler, error) {
	if v.Request == nil {
		return nil, nil //nolint:nilnil // documented: go on
	}
	req, err := tx.LockAuthRequest(ctx, v.Request.ID)
	if err != nil {
		return nil, err
	}
	v.Request = req
	if step := standing(req, true, v.Now); step != StepFinish {
		return s.over(v, step), nil
	}
	return nil, nil //nolint:nilnil // documented: go on
}

// Onward is where the session's person goes from a page of ours, whose running
// request, if any, is held: the request's next step, else what is due of her
// own, else the page of her own that she asked for (SignInFirst), else her account.
func (s *Server) Onward(ctx context.Context, tx *storage.Tx, v *Visit, found *storage.Session) (http.Handler, error) {
	if v.Request != nil {
		return s.advance(ctx, tx, v, found)
	}
	if found == nil {
		return redirect("/ingresar"), nil
	}
	clave, err := claveOf(ctx, tx, found.AfiliadoID)
	if err != nil {
		return nil, err
	}
	if _, due := s.Renewal.Due(clave, v.Now); due {
		return redirect("/renovar"), nil
	}
	if found.Offer {
		f, err := tx.Factors(ctx, found.AfiliadoID, v.Now)
		if err != nil {
			return nil, err
		}
		if offered(found, f, v.Now) {
			return redirect(pageOffer), nil
		}
	}
	return redirect(cmp.Or(v.next, PageAccount)), nil
}

// effect runs f in one transaction, with the visit's running request held, and
// writes the answer it returns once that has committed. A request that is over gets
// its own answer, and f does not run.
func (s *Server) effect(w http.ResponseWriter, r *http.Request, v *Visit, f func(ctx context.Context, tx *storage.Tx) (http.Handler, error)) error {
	var answer http.Handler
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		var err error
		if answer, err = s.Hold(r.Context(), tx, v); err != nil || answer != nil {
			return err
		}
		answer, err = f(r.Context(), tx)
		return err
	})
	if err != nil {
		return err
	}
	s.Answer(w, r, answer)
	return nil
}

// Answer writes what an effect ends in; a form that comes again gets it again.
func (s *Server) Answer(w http.ResponseWriter, r *http.Request, h http.Handler) {
	if k, ok := w.(keeper); ok {
		k.keepAnswer()
	}
	h.ServeHTTP(w, r)
}

// getContinue goes on with a running request wherever it stands.
func (s *Server) getContinue(w http.ResponseWriter, r *http.Request) error {
	v, err := s.Visit(w, r)
	if err != nil {
		return err
	}
	if v.Request == nil {
		return s.Redirect(w, r, "/")
	}
	return s.effect(w, r, v, func(ctx context.Context, tx *storage.Tx) (http.Handler, error) {
		found, err := s.liveSession(ctx, tx, r, v.Now)
		if err != nil {
			return nil, err
		}
		return s.advance(ctx, tx, v, found)
	})
}

// Cancel ends the running request with access_denied, as the person asked;
// without one it leads home.
func (s *Server) Cancel(w http.ResponseWriter, r *http.Request, v *Visit) error {
	if v.Request == nil {
		return s.Redirect(w, r, "/")
	}
	return s.effect(w, r, v, func(ctx context.Context, tx *storage.Tx) (http.Handler, error) {
		found, err := s.liveSession(ctx, tx, r, v.Now)
		if err != nil {
			return nil, err
		}
		if found != nil { // of nobody's, Deny leaves an entry in the log
			if err := tx.Audit(ctx, v.Event(r, eventRequestCancelled, found.AfiliadoID)); err != nil {
				return nil, err
			}
		}
		return s.deny(ctx, tx, v, found, "access_denied", "the person cancelled")
	})
}

// claves is what *storage.DB and *storage.Tx have in common here.
type claves interface {
	ClaveFacts(ctx context.Context, afiliadoID string) (*storage.Clave, error)
}

// claveOf is the person's clave without its hash, nil where she has none.
func claveOf(ctx context.Context, from claves, afiliadoID string) (*storage.Clave, error) {
	c, err := from.ClaveFacts(ctx, afiliadoID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil //nolint:nilnil // documented: none
	}
	return c, err
}

// pagePath is the address of a page of a running request.
func pagePath(path, id string) string { return path + "?" + url.Values{"id": {id}}.Encode() }
