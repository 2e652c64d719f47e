package login

import (
	"context"
	"errors"
	"net/http"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// getLogin is GET /ingresar: the form, for a running request or without one.
func (s *Server) getLogin(w http.ResponseWriter, r *http.Request) error {
	v, err := s.Visit(w, r)
	if err != nil {
		return err
	}
	page, err := s.loginPage(w, r, v)
	if err != nil {
		return err
	}
	page.Code, page.Shared = r.URL.Query().Get("codigo") == "1", r.URL.Query().Get(FieldShared) == "1"
	var hint storage.Identifier
	if v.Request != nil {
		if id, kind, err := s.Identifiers.Parse(v.Request.Params.LoginHint); err == nil {
			hint, page.Cedula, page.Code = id, string(id), kind == storage.IdentifierCodigo
		}
	}
	ch, before, err := s.Resume(w, r, v, hint)
	if err != nil {
		return err
	}
	if page.Challenge = ch; before != "" {
		page.Cedula, page.Code = before, r.URL.Query().Get("codigo") == "1"
	}
	return s.Show(w, v, http.StatusOK, page)
}

// loginPage is the empty form. Who is signed in already is asked to confirm.
func (s *Server) loginPage(w http.ResponseWriter, r *http.Request, v *Visit) (templates.Login, error) {
	page := templates.Login{Layout: s.Layout(r, v), Goal: v.Goal(), Passkey: s.AskPasskey(w, false), Marked: s.SharedHere(r)}
	found, err := s.liveSession(r.Context(), s.DB, r, v.Now)
	if err != nil || found == nil {
		return page, err
	}
	a, err := s.DB.Afiliado(r.Context(), found.AfiliadoID)
	if err != nil {
		return page, err
	}
	page.SignedIn, page.Again, page.Name = true, true, a.GivenName
	if page.Passkey != nil && v.Request != nil {
		page.Passkey.First, err = s.passkeyFirst(r.Context(), v, found)
	}
	return page, err
}

// postLogin is POST /ingresar: it checks a cédula and clave and goes on.
func (s *Server) postLogin(w http.ResponseWriter, r *http.Request) error {
	v, err := s.Visit(w, r)
	if f, ok := errors.AsType[*failure](err); ok && f.old != nil && !r.PostForm.Has("cancelar") {
		return s.showStale(w, r, f.old)
	}
	if err != nil {
		return err
	}
	if v.Form.Has("cancelar") {
		return s.Cancel(w, r, v)
	}
	if response := v.Form.Get(FieldPasskey); response != "" {
		return s.postPasskey(w, r, v, response)
	}
	id, page, err := s.readLogin(w, r, v)
	if err != nil {
		return err
	}
	if id == "" {
		if page.Challenge, err = s.Keep(w, r, v, id); err != nil {
			return err
		}
		return s.Show(w, v, http.StatusOK, page)
	}
	a, err := s.Try(r.Context(), r, v, id, v.Form.Get("clave"))
	if err != nil {
		n, err := s.Refusal(w, r, v, id, page.Cedula, err)
		if err != nil {
			return err
		}
		page.Challenge, page.Faults, page.Busy, page.Retry = n.Challenge, n.Faults, n.Busy, n.Retry
		return s.ShowRefusal(w, v, n, page)
	}
	return s.settleLogin(w, r, v, id, a, page)
}

// showStale shows the form anew after its request has become too old: the same
// request begins again, for the same browser, and what was typed stays, but for
// the clave. Where the request is forgotten, whoever signs in goes on from the
// home page, where every application is one press away.
func (s *Server) showStale(w http.ResponseWriter, r *http.Request, v *Visit) error {
	v.Lang = s.Language(r)
	if old := v.Request; old != nil {
		again := *old
		again.ID = storage.NewID() // stored as one that nobody has proved
		again.CreatedAt, again.ExpiresAt = storage.At(v.Now), storage.At(v.Now.Add(old.ExpiresAt.Sub(old.CreatedAt.Time)))
		err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error { return tx.AddAuthRequest(r.Context(), again) })
		if err != nil {
			return err
		}
		v.Request, v.Lang = &again, s.language(r, again.Params.UILocales)
	}
	page, err := s.loginPage(w, r, v)
	if err != nil {
		return err
	}
	page.Stale, page.Code, page.Cedula, page.Shared = true, v.Form.Get("codigo") == "1", Typed(v.Form.Get("cedula")), v.Form.Has(FieldShared)
	if page.Challenge, err = s.Keep(w, r, v, ""); err != nil {
		return err
	}
	return s.Show(w, v, http.StatusOK, page)
}

// readLogin reads the form. The identifier is empty where the page already says
// what is wrong with it: nobody is then looked up and no attempt spent.
func (s *Server) readLogin(w http.ResponseWriter, r *http.Request, v *Visit) (storage.Identifier, templates.Login, error) {
	page, err := s.loginPage(w, r, v)
	if err != nil {
		return "", page, err
	}
	text := v.Form.Get("cedula")
	page.Code, page.Cedula, page.Shared = v.Form.Get("codigo") == "1", Typed(text), v.Form.Has(FieldShared)
	id, _, err := s.Identifiers.Parse(text)
	switch {
	case !v.SameSite(r):
		page.Stale = true
		return "", page, nil
	case page.Cedula == "", v.Form.Get("clave") == "" && err == nil: // S068: empty or wrong, one message
		page.Denied = true
		return "", page, nil
	case err != nil && page.Code:
		page.Faults = []templates.Fault{templates.CodigoMalformed}
		return "", page, nil
	case err != nil:
		page.Faults = []templates.Fault{templates.CedulaMalformed}
		return "", page, nil
	default:
		return id, page, nil
	}
}

// SameSite reports whether the form is known to come from a page of ours: by a
// cookie that forms of other sites do not bring, or by the browser's word, which
// http.CrossOriginProtection has judged (T15).
func (v *Visit) SameSite(r *http.Request) bool {
	return !v.newcomer || r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != ""
}

// settleLogin writes down how the attempt ended and, where it was right, signs
// the person in and goes on, all in one transaction.
func (s *Server) settleLogin(w http.ResponseWriter, r *http.Request, v *Visit, id storage.Identifier, a *Attempt, page templates.Login) error {
	var answer http.Handler
	cookies := func(http.ResponseWriter) {}
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		p, err := s.Settle(ctx, tx, r, v, a)
		if err != nil || p == nil {
			return err
		}
		if p.SecondDue(v) {
			answer = redirect(v.PagePath(pageSecond))
			_, cookies, err = s.AskSecond(ctx, tx, r, v, p)
			return err
		}
		answer, cookies, err = s.enter(ctx, tx, r, v, p)
		return err
	})
	if err != nil {
		return err
	}
	if answer != nil {
		cookies(w)
		s.Answer(w, r, answer)
		return nil
	}
	if reason := s.Reason(a); reason != "" {
		return s.Show(w, v, http.StatusOK, templates.Locked{Layout: page.Layout, Goal: page.Goal, Reason: reason, Until: s.Until(a, v)})
	}
	page.Denied, page.Advise = true, a.Advise()
	if page.Challenge, err = s.Pose(w, r, v, id); err != nil {
		return err
	}
	return s.Show(w, v, http.StatusOK, page)
}

// enter signs the person in and advances the running request. A form that comes
// again after its request was completed signs nobody in.
func (s *Server) enter(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, p *Proof) (http.Handler, func(http.ResponseWriter), error) {
	nothing := func(http.ResponseWriter) {}
	if over, err := s.Hold(ctx, tx, v); err != nil || over != nil {
		return over, nothing, err
	}
	found, cookies, err := s.SignIn(ctx, tx, r, v, p)
	if err != nil {
		return nil, nothing, err
	}
	if v.Request != nil {
		v.Request.SessionID, v.Request.ProvedAt = found.ID, found.AuthAt
		if err := tx.ProveAuthRequest(ctx, v.Request.ID, found.ID, v.Now); err != nil {
			return nil, nothing, err
		}
	}
	answer, err := s.Onward(ctx, tx, v, found)
	return answer, cookies, err
}
