package clave

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/challenge"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// askedFor is how long a browser is shown what it asked for, and may ask again
// without saying for whom.
const askedFor = time.Hour

// linkKept is longer than storage keeps a link.
const linkKept = 60 * 24 * time.Hour

// eventUnlockAsked is a wish to unlock, whoever the identifier belongs to, if to
// anybody.
const eventUnlockAsked = "unlock.asked"

// unlockForm is where the challenge of /desbloqueo is posed.
func unlockForm(v *login.Visit) login.Asking {
	q := url.Values{}
	if v.Request != nil {
		q.Set("id", v.Request.ID)
	}
	if v.Form.Get("codigo") == "1" {
		q.Set("codigo", "1")
	}
	return login.Asking{Form: challenge.Form{Purpose: "desbloqueo", Browser: v.Browser, Path: "/desbloqueo?" + q.Encode()}}
}

// getUnlock is GET /desbloqueo.
func (s *Server) getUnlock(w http.ResponseWriter, r *http.Request) error {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return err
	}
	page := templates.Unlock{Layout: s.Layout(r, v), Goal: v.Goal(), Code: r.URL.Query().Get("codigo") == "1", Expires: s.Lockout.Expires}
	if !s.byMail() {
		return s.Show(w, v, http.StatusOK, page)
	}
	if page.Challenge, page.Identificacion, err = s.PoseAsking(w, r, v, unlockForm(v)); err != nil {
		return err
	}
	return s.Show(w, v, http.StatusOK, page)
}

// postUnlock is POST /desbloqueo. Nobody is looked up: an errand is left, whoever
// the identifier belongs to, and the answer is the same (S071, T17).
func (s *Server) postUnlock(w http.ResponseWriter, r *http.Request) error {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return err
	}
	if v.Form.Has("cancelar") {
		return s.Cancel(w, r, v)
	}
	if !s.byMail() { // a form of before
		return s.Redirect(w, r, v.PagePath("/desbloqueo"))
	}
	page := templates.Unlock{
		Layout: s.Layout(r, v), Goal: v.Goal(), Code: v.Form.Get("codigo") == "1", Identificacion: login.Typed(v.Form.Get("identificacion")),
		Expires: s.Lockout.Expires,
	}
	id, cause, err := s.ReadAsking(r, v, unlockForm(v), &page.Faults, &page.Stale)
	if err != nil {
		return err
	}
	if id == "" || cause != nil {
		if page.Challenge, err = s.AskAgain(w, r, v, unlockForm(v), id, cause, page.Identificacion); err != nil {
			return err
		}
		return s.Show(w, v, http.StatusOK, page)
	}
	if _, err := s.ask(r, v, wish{mac: s.DB.IdentifierMAC(id), id: id}); err != nil {
		return err
	}
	return s.Redirect(w, r, v.PagePath("/desbloqueo/enviado"))
}

// wish is somebody's to unlock an identifier.
type wish struct {
	mac  []byte             // of the identifier
	id   storage.Identifier // where it was typed; "" for a press
	link *storage.Link      // hers, opened in this browser; nil: none
	only bool               // nothing but that link says who she is
}

// ask leaves the errand, unless this browser has asked for the same identifier as
// often as it may: then the last one stands. It reports whether the wish counts:
// a link stands in for the challenge in one new browser only.
func (s *Server) ask(r *http.Request, v *login.Visit, q wish) (bool, error) {
	ctx := r.Context()
	hers, err := s.Hers(ctx, r, v, q.mac)
	if err != nil {
		return false, err
	}
	hers = hers || q.link != nil
	counts := true
	err = s.DB.InTx(ctx, func(tx *storage.Tx) error {
		counts = true
		if q.only {
			if counts, err = tx.SpendChallenge(ctx, "resend "+q.link.ID, v.Now.Add(linkKept)); err != nil || !counts {
				return err
			}
		}
		before, err := tx.BrowserErrands(ctx, login.ErrandUnlock, v.Browser, v.Now.Add(-s.UnlockWindow))
		if err != nil {
			return err
		}
		by := "press"
		if q.id != "" {
			by = "form"
			if err := s.PressIdentifier(ctx, tx, v, q.id); err != nil {
				return err
			}
		}
		if err := s.PressNetwork(ctx, tx, r, v); err != nil {
			return err
		}
		if len(forSame(before, q.mac)) >= s.UnlockLimit {
			return nil
		}
		e := v.Event(r, eventUnlockAsked, "")
		e.Detail = map[string]string{"by": by}
		if err := tx.Audit(ctx, e); err != nil {
			return err
		}
		return s.Notify(ctx, tx, r, v, login.ErrandUnlock, q.mac, login.Notice{Hers: hers})
	})
	return counts, err
}

// forSame are the errands for one identifier.
func forSame(all []storage.Errand, mac []byte) []storage.Errand {
	var out []storage.Errand
	for _, e := range all {
		if string(e.IdentifierMAC) == string(mac) {
			out = append(out, e)
		}
	}
	return out
}

// getSent is GET /desbloqueo/enviado: what this browser asked for last, told to
// everybody alike.
func (s *Server) getSent(w http.ResponseWriter, r *http.Request) error {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return err
	}
	asked, err := s.DB.BrowserErrands(r.Context(), login.ErrandUnlock, v.Browser, v.Now.Add(-askedFor))
	if err != nil {
		return err
	}
	if len(asked) == 0 {
		return s.Redirect(w, r, v.PagePath("/desbloqueo"))
	}
	asked = forSame(asked, asked[0].IdentifierMAC)
	page := templates.MailSent{
		Layout: s.Layout(r, v), Goal: v.Goal(), Asked: asked[0].CreatedAt.Time, Life: s.UnlockLife, Again: len(asked) > 1,
		Limit: s.UnlockLimit, Window: s.UnlockWindow,
	}
	if len(asked) >= s.UnlockLimit {
		if next := asked[s.UnlockLimit-1].CreatedAt.Add(s.UnlockWindow); next.After(v.Now) {
			page.Next = next
		}
	}
	return s.Show(w, v, http.StatusOK, page)
}

// postResend is POST /desbloqueo/reenviar: another link with one press, for whom
// this browser asked last or, where it did not ask, for whom the dead link it
// opened was.
func (s *Server) postResend(w http.ResponseWriter, r *http.Request) error {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return err
	}
	q, err := s.askedBefore(r, v)
	if err != nil {
		return err
	}
	if q.mac == nil || !v.SameSite(r) {
		return s.Redirect(w, r, v.PagePath("/desbloqueo"))
	}
	counts, err := s.ask(r, v, q)
	if err != nil {
		return err
	}
	if !counts {
		return s.Redirect(w, r, v.PagePath("/desbloqueo"))
	}
	return s.Redirect(w, r, v.PagePath("/desbloqueo/enviado"))
}

// askedBefore is the wish that one press is; without a hash where there is none.
func (s *Server) askedBefore(r *http.Request, v *login.Visit) (wish, error) {
	link, err := s.KeptLink(r, storage.LinkDesbloqueo)
	if err != nil {
		return wish{}, err
	}
	asked, err := s.DB.BrowserErrands(r.Context(), login.ErrandUnlock, v.Browser, v.Now.Add(-askedFor))
	if err != nil {
		return wish{}, err
	}
	var q wish
	if len(asked) > 0 {
		q.mac = asked[0].IdentifierMAC
	}
	if link == nil {
		return q, nil
	}
	a, err := s.DB.Afiliado(r.Context(), link.AfiliadoID)
	if err != nil {
		return wish{}, err
	}
	mac := s.DB.IdentifierMAC(a.Identifier)
	if len(asked) == 0 || link.CreatedAt.After(asked[0].CreatedAt.Time) {
		return wish{mac: mac, link: link, only: !v.AskedFor(link)}, nil
	}
	if bytes.Equal(mac, q.mac) {
		q.link = link
	}
	return q, nil
}

// lastAsked is the hash of the identifier this browser asked for last, nil for
// none.
func (s *Server) lastAsked(ctx context.Context, v *login.Visit) ([]byte, error) {
	asked, err := s.DB.BrowserErrands(ctx, login.ErrandUnlock, v.Browser, v.Now.Add(-askedFor))
	if err != nil || len(asked) == 0 {
		return nil, err
	}
	return asked[0].IdentifierMAC, nil
}
