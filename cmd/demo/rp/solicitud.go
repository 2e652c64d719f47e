package rp

import (
	"crypto/rand"
	"net/http"
	"time"
)

// solicitud is a request for a loan as the application notes it down.
type solicitud struct {
	Number string
	Monto  dollars
	At     time.Time
	ACR    string
}

func (a *App) getSolicitud(w http.ResponseWriter, r *http.Request) error {
	s, err := a.session(w, r, a.cfg.Now())
	if err != nil {
		return err
	}
	if s == nil {
		return a.notice(w, r, a.signInFirst(pathSolicitud))
	}
	k := s.snapshot()
	return a.render(w, r, http.StatusOK, "solicitud", solicitudPage{frame: a.frame(&k), Draft: draft(k.draft), Sent: k.sent, Largest: largest, Most: mostMonto})
}

// postSolicitud takes an amount. Where a recovery is too short ago she is told so
// at once; where the sign-in is not recent or not strong enough the person proves
// it first and the amount waits for her.
func (a *App) postSolicitud(w http.ResponseWriter, r *http.Request) error {
	now := a.cfg.Now()
	s, err := a.session(w, r, now)
	if err != nil {
		return err
	}
	typed := r.PostFormValue("monto")
	monto, ok := parseDollars(typed)
	if s == nil {
		// Whoever signs in now may be somebody else: the amount is kept, not sent.
		return a.authorize(w, r, preSession{target: pathSolicitud, monto: monto}, need{}, "")
	}
	if !ok {
		k := s.snapshot()
		return a.render(w, r, http.StatusUnprocessableEntity, "solicitud",
			solicitudPage{frame: a.frame(&k), Draft: typed, Fault: true, Sent: k.sent, Largest: largest, Most: mostMonto})
	}
	s.change(func(k *known) { k.draft = monto })
	k, n := s.snapshot(), needOf(monto, a.cfg.Fresh)
	from, err := k.waits(n, now)
	if err != nil {
		return err
	}
	if !from.IsZero() {
		http.Redirect(w, r, pathWait, http.StatusSeeOther)
		return nil
	}
	if n.fresh(k.authTime(), now) && n.strong(k.acr()) {
		a.send(s, monto, now)
		http.Redirect(w, r, pathSolicitud, http.StatusSeeOther)
		return nil
	}
	return a.authorize(w, r, preSession{target: pathSolicitud, sub: k.subject(), monto: monto}, n, "")
}

// goOn leads a person who has just signed in to where she was going.
func (a *App) goOn(w http.ResponseWriter, r *http.Request, s *session, pre preSession, now time.Time) error {
	target := pre.target
	switch {
	case pre.sub != "" && pre.sub != s.snapshot().subject():
		// What one person typed is never sent in the name of another.
		return a.notice(w, r, a.otherPerson())
	case pre.sub != "":
		var err error
		if target, err = a.stepUp(s, pre.monto, now); err != nil {
			return err
		}
	case pre.monto > 0:
		s.change(func(k *known) { k.draft = pre.monto })
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
	return nil
}

// stepUp sends the amount for which the person of s has just signed in again, or
// keeps it where her sign-in does not reach that far; its age has been checked with
// the ID token. It returns the page that comes next.
func (a *App) stepUp(s *session, monto dollars, now time.Time) (string, error) {
	k, n := s.snapshot(), needOf(monto, a.cfg.Fresh)
	from, err := k.waits(n, now) // once more: she may have recovered her clave since she began
	if err == nil && from.IsZero() && n.strong(k.acr()) {
		a.send(s, monto, now)
		return pathSolicitud, nil
	}
	s.change(func(k *known) { k.draft = monto })
	if err == nil && from.IsZero() {
		return pathLevel, nil
	}
	return pathWait, err
}

func (a *App) send(s *session, monto dollars, now time.Time) {
	s.change(func(k *known) {
		k.draft = 0
		k.sent = &solicitud{Number: rand.Text()[:8], Monto: monto, At: now, ACR: k.acr()}
	})
}

// getLevel says which level the sign-in has, which one the amount needs, and
// the ways on.
func (a *App) getLevel(w http.ResponseWriter, r *http.Request) error {
	s, err := a.session(w, r, a.cfg.Now())
	if err != nil {
		return err
	}
	if s == nil {
		return a.notice(w, r, a.signInFirst(pathSolicitud))
	}
	k := s.snapshot()
	if needOf(k.draft, a.cfg.Fresh).strong(k.acr()) {
		http.Redirect(w, r, pathSolicitud, http.StatusSeeOther)
		return nil
	}
	return a.render(w, r, http.StatusOK, "nivel",
		levelPage{frame: a.frame(&k), Monto: k.draft, Largest: largest, Have: acrWords(k.acr()), Account: a.cfg.Issuer + "/cuenta", Change: a.cfg.Issuer + "/cambio", Help: a.cfg.Issuer + "/ayuda"})
}

func draft(d dollars) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
