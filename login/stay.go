package login

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Pages of a session that is about to end, or has.
const (
	PageStay   = "/sesion/seguir"
	PageClosed = "/sesion/cerrada"
)

// Ends is when the session ends if nobody does anything: after its idle time, and
// at its absolute limit at the latest (ASVS 7.3.1, 7.3.2).
func (s *Server) Ends(found *storage.Session) time.Time {
	idle := found.SeenAt.Add(s.idle(found))
	if found.ExpiresAt.Before(idle) {
		return found.ExpiresAt.Time
	}
	return idle
}

// Countdown is what a page of the session says of its end (WCAG 2.2.1).
func (s *Server) Countdown(found *storage.Session, now time.Time) *templates.Countdown {
	end := s.Ends(found)
	return &templates.Countdown{Ends: end, Left: end.Sub(now), Extend: end.Before(found.ExpiresAt.Time), Shared: found.Shared}
}

// stay notes that the session's person is there, at now.
func (s *Server) stay(ctx context.Context, found *storage.Session, now time.Time) error {
	err := s.DB.InTx(ctx, func(tx *storage.Tx) error { return tx.TouchSession(ctx, found.ID, now) })
	if err == nil {
		found.SeenAt = storage.At(now)
	}
	return err
}

// postStay is POST /sesion/seguir, "Seguir en la cuenta": the idle time begins
// anew; the absolute limit stays where it is. It is nobody's proof of anything.
func (s *Server) postStay(w http.ResponseWriter, r *http.Request) error {
	now := s.Now()
	found, err := s.liveSession(r.Context(), s.DB, r, now)
	if err != nil {
		return err
	}
	if found != nil {
		if err := s.stay(r.Context(), found, now); err != nil {
			return err
		}
	}
	if wantsJSON(r) {
		return s.tellEnd(w, found, now)
	}
	http.Redirect(w, r, PageStay, http.StatusSeeOther)
	return nil
}

// getStay is GET /sesion/seguir: until when the session is open. Asking does not
// make it last: a page that is left open must not.
func (s *Server) getStay(w http.ResponseWriter, r *http.Request) error {
	now := s.Now()
	found, err := s.liveSession(r.Context(), s.DB, r, now)
	if err != nil {
		return err
	}
	if wantsJSON(r) {
		return s.tellEnd(w, found, now)
	}
	page := templates.Staying{Layout: s.Layout(r, nil)}
	if found != nil {
		page.SignedIn, page.Ends = true, s.Ends(found)
	}
	return s.Pages.Render(w, http.StatusOK, page)
}

func wantsJSON(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "application/json")
}

// tellEnd tells the script of a page when the session ends; nil: it has.
func (s *Server) tellEnd(w http.ResponseWriter, found *storage.Session, now time.Time) error {
	answer := struct {
		Left   int    `json:"left"` // seconds
		Clock  string `json:"clock"`
		Extend bool   `json:"extend"`
	}{}
	if found != nil {
		c := s.Countdown(found, now)
		answer.Left, answer.Clock, answer.Extend = max(0, int(c.Left/time.Second)), c.Clock(), c.Extend
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Add("Vary", "Accept")
	return json.NewEncoder(w).Encode(answer)
}

// getClosed is GET /sesion/cerrada: where a person is who has closed the session
// that she was in.
func (s *Server) getClosed(w http.ResponseWriter, r *http.Request) error {
	found, err := s.liveSession(r.Context(), s.DB, r, s.Now())
	if err != nil {
		return err
	}
	if found != nil { // somebody has signed in here since
		return s.Redirect(w, r, "/")
	}
	page := templates.LoggedOut{Layout: s.Layout(r, nil), Shared: s.SharedHere(r)}
	page.Path = PageClosed
	return s.Pages.Render(w, http.StatusOK, page)
}
