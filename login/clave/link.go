package clave

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Audit events of links.
const (
	eventUnlocked     = login.EventClaveUnlocked
	eventUnlockDenied = "unlock.denied" // a wrong answer or code
	eventUnlockIdle   = "unlock.idle"   // a link was used, and there was no lock
)

// getLink is GET and HEAD /enlace/{token}: the token leaves the address at once,
// and nothing is spent (T11).
func (s *Server) getLink(w http.ResponseWriter, r *http.Request) error {
	to := login.PageUnlock
	token := mux.Vars(r)["token"]
	link, err := s.DB.LinkByToken(r.Context(), token)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		s.DropSecret(w, login.CookieOf(storage.LinkDesbloqueo)) // where it leads
		return s.Redirect(w, r, to)
	case err != nil:
		return err
	case login.PageOf(link.Purpose) != "":
		to = login.PageOf(link.Purpose)
	}
	s.KeepSecret(w, login.CookieOf(link.Purpose), token, login.OpenedFor)
	return s.Redirect(w, r, to)
}

// opened is the link to unlock that lies in this browser; nil, with the answer
// written, where it opens nothing.
func (s *Server) opened(w http.ResponseWriter, r *http.Request) (*login.Visit, *storage.Link, error) {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return nil, nil, err
	}
	link, err := s.KeptLink(r, storage.LinkDesbloqueo)
	if err != nil || v.Opens(link) {
		return v, link, err
	}
	return v, nil, s.showDead(w, r, v, link, templates.LinkToUnlock)
}

// getOpen is GET /desbloqueo/abrir: what an opened link would do.
func (s *Server) getOpen(w http.ResponseWriter, r *http.Request) error {
	v, link, err := s.opened(w, r)
	if err != nil || link == nil {
		return err
	}
	return s.Show(w, v, http.StatusOK, s.openPage(r, v, link))
}

func (s *Server) openPage(r *http.Request, v *login.Visit, link *storage.Link) templates.LinkUnlock {
	page := templates.LinkUnlock{Layout: s.Layout(r, v), Elsewhere: !v.AskedFor(link)}
	if !link.DeliveredAt.IsZero() {
		page.Until = link.ExpiresAt.Time
	}
	return page
}

// showDead says why a link opens nothing, and offers another.
func (s *Server) showDead(w http.ResponseWriter, r *http.Request, v *login.Visit, link *storage.Link, purpose templates.LinkPurpose) error {
	page := templates.LinkExpired{Layout: s.Layout(r, v), Purpose: purpose, State: templates.LinkUnknown}
	if link == nil {
		mac, err := s.lastAsked(r.Context(), v)
		if err != nil {
			return err
		}
		page.Resend = mac != nil && purpose == templates.LinkToUnlock && s.byMail()
		return s.Show(w, v, http.StatusOK, page)
	}
	page.State, page.Ended = login.DeadLink(link)
	if purpose == templates.LinkToDisavow && page.State == templates.LinkReplaced { // that of another notice was used
		rows, err := s.DB.PersonEvents(r.Context(), link.AfiliadoID, login.EventDisavowed, link.ReplacedAt.Time, 1)
		if err != nil {
			return err
		}
		if len(rows) > 0 && rows[0].At.Equal(link.ReplacedAt.Time) {
			page.State = templates.LinkUsed
		}
	}
	page.Resend = purpose == templates.LinkToUnlock && page.State != templates.LinkUsed && s.byMail()
	return s.Show(w, v, http.StatusOK, page)
}

// postOpen is POST /desbloqueo/abrir: it unlocks, in the browser that asked for
// nothing more, elsewhere for the last four characters of the identifier (S073).
func (s *Server) postOpen(w http.ResponseWriter, r *http.Request) error {
	v, link, err := s.opened(w, r)
	if err != nil || link == nil {
		return err
	}
	page := s.openPage(r, v, link)
	var right func(*storage.Afiliado) bool
	if page.Elsewhere {
		typed := foldIdentifier(v.Form.Get("ultimos"))
		if typed == "" { // a form sent unchanged, by a scanner say, costs nothing
			page.Faults = []templates.Fault{templates.UltimosEmpty}
			return s.Show(w, v, http.StatusOK, page)
		}
		right = func(a *storage.Afiliado) bool { return endsIn(a.Identifier, typed) }
	}
	u, err := s.unlock(r, v, link, right)
	if err != nil {
		return err
	}
	if u.wrong {
		if u.left == 0 {
			link.Attempts = login.LinkAttempts
			return s.showDead(w, r, v, link, templates.LinkToUnlock)
		}
		page.Faults, page.Left = []templates.Fault{templates.UltimosWrong}, u.left
		return s.Show(w, v, http.StatusOK, page)
	}
	return s.showUnlock(w, r, v, u)
}

// showUnlock answers an attempt that was no wrong answer.
func (s *Server) showUnlock(w http.ResponseWriter, r *http.Request, v *login.Visit, u unlocking) error {
	switch {
	case u.reason != "":
		return s.Show(w, v, http.StatusOK, templates.Locked{Layout: s.Layout(r, v), Reason: u.reason})
	case !u.done:
		return s.showDead(w, r, v, u.link, templates.LinkToUnlock)
	default:
		s.KeepSecret(w, login.CookieOf(storage.LinkDesbloqueo), s.DB.LinkToken(u.link.ID), login.OpenedFor)
		return s.Redirect(w, r, "/desbloqueo/listo")
	}
}

// foldIdentifier is what was typed of an identifier, as identifiers are stored.
func foldIdentifier(s string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, login.Typed(s)))
}

// endsIn reports whether typed is the end of id, four characters, or the whole.
func endsIn(id storage.Identifier, typed string) bool {
	end := string(id)
	if len(typed) != len(end) {
		end = end[max(0, len(end)-4):]
	}
	return subtle.ConstantTimeCompare([]byte(end), []byte(typed)) == 1
}

// unlocking is how an attempt to use a link ended.
type unlocking struct {
	link   *storage.Link
	done   bool             // it was this attempt that unlocked
	wrong  bool             // what was typed is not right
	left   int              // attempts left after a wrong one
	reason templates.Reason // a lock that no link lifts
}

// unlock uses link, after right, where that is not nil, has taken one of its
// attempts and found what was typed to be right. All of it is one transaction:
// the link is used, the lock lifted, the full budget restored on the identifier
// and on every lane, what pressed on the identifier forgotten, with audit and
// notice.
func (s *Server) unlock(r *http.Request, v *login.Visit, link *storage.Link, right func(*storage.Afiliado) bool) (unlocking, error) {
	ctx := r.Context()
	var u unlocking
	err := s.DB.InTx(ctx, func(tx *storage.Tx) error {
		u = unlocking{link: link}
		a, err := tx.LockAfiliado(ctx, link.AfiliadoID)
		if err != nil {
			return err
		}
		if u.link, err = tx.LockLink(ctx, link.ID); err != nil {
			return err
		}
		if right != nil {
			n, err := tx.LinkAttempt(ctx, link.ID, login.LinkAttempts, v.Now)
			if err != nil || n == 0 {
				return err
			}
			if !right(a) {
				u.wrong, u.left = true, login.LinkAttempts-n
				return tx.Audit(ctx, v.Event(r, eventUnlockDenied, a.ID))
			}
		}
		return s.lift(ctx, tx, r, v, a, &u)
	})
	return u, err
}

// lift spends u.link and lifts the lock of a, whose row is held.
func (s *Server) lift(ctx context.Context, tx *storage.Tx, r *http.Request, v *login.Visit, a *storage.Afiliado, u *unlocking) error {
	mac := s.DB.IdentifierMAC(a.Identifier)
	budget, err := tx.LoginBudget(ctx, mac)
	if err != nil {
		return err
	}
	if u.reason = beyondMail(a, budget); u.reason != "" {
		return nil
	}
	if u.done, err = tx.UseLink(ctx, u.link.ID, v.Now); err != nil || !u.done {
		return err
	}
	if err := tx.UnlockClave(ctx, mac, storage.LockOperador, storage.LockCompromiso); err != nil {
		return err
	}
	if err := s.EaseIdentifier(ctx, tx, a.Identifier); err != nil {
		return err
	}
	if err := tx.ForgiveDevices(ctx, a.ID); err != nil {
		return err
	}
	e := v.Event(r, eventUnlocked, a.ID)
	e.Detail = map[string]string{"was": budget.LockReason, "by": "link"}
	if budget.LockReason == "" { // nothing happened that she has to be told of
		e.Name, e.Detail = eventUnlockIdle, nil
		return tx.Audit(ctx, e)
	}
	if err := tx.Audit(ctx, e); err != nil {
		return err
	}
	return s.Notify(ctx, tx, r, v, login.NoticeUnlocked, mac, login.Notice{})
}

// beyondMail is why a link does not unlock, "" where it may: what an officer or a
// disavowal has closed stays closed (S086).
func beyondMail(a *storage.Afiliado, b storage.LoginBudget) templates.Reason {
	switch {
	case a.Disabled():
		return templates.ReasonDisabled
	case b.LockReason == storage.LockOperador, b.LockReason == storage.LockCompromiso:
		return templates.Reason(b.LockReason)
	default:
		return ""
	}
}

// getUnlocked is GET /desbloqueo/listo, for the browser that unlocked.
func (s *Server) getUnlocked(w http.ResponseWriter, r *http.Request) error {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return err
	}
	link, err := s.KeptLink(r, storage.LinkDesbloqueo)
	if err != nil {
		return err
	}
	if link == nil || link.UsedAt.IsZero() {
		return s.Redirect(w, r, "/desbloqueo")
	}
	idle, err := s.DB.PersonEvents(r.Context(), link.AfiliadoID, eventUnlockIdle, link.UsedAt.Time, 1)
	if err != nil {
		return err
	}
	page := templates.Unlocked{Layout: s.Layout(r, v), When: link.UsedAt.Time, Idle: len(idle) > 0 && idle[0].At.Equal(link.UsedAt.Time)}
	request := ""
	if v.AskedFor(link) {
		asked, err := s.DB.BrowserErrands(r.Context(), login.ErrandUnlock, v.Browser, v.Now.Add(-askedFor))
		if err != nil {
			return err
		}
		if len(asked) > 0 {
			request = asked[0].AuthRequest
		}
	}
	if page.Application, err = s.WayBack(r.Context(), v, link.ClientID, request); err != nil {
		return err
	}
	return s.Show(w, v, http.StatusOK, page)
}
