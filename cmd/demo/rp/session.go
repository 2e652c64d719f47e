package rp

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// A session of the application ends after this long without use, and in any
// case after this long.
const (
	idleLife = 15 * time.Minute
	longLife = 12 * time.Hour
)

// session is a person signed in to this application. Whoever reads or writes
// known holds mu.
type session struct {
	created  time.Time
	sid, sub string // the provider's names of its session and of the person

	mu    sync.Mutex
	known known
}

// known is what the application holds about the person of a session.
type known struct {
	tokens   tokens
	userinfo json.RawMessage // as last received
	asked    time.Time       // when it was received

	draft dollars    // the amount last typed in a solicitud that is not sent
	sent  *solicitud // the last one that is
}

func (k known) subject() string     { return k.tokens.claims.Subject }
func (k known) authTime() time.Time { return k.tokens.claims.AuthTime.AsTime() }
func (k known) acr() string         { return k.tokens.claims.AuthenticationContextClassReference }

func (s *session) snapshot() known {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known
}

func (s *session) change(f func(*known)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.known)
}

// startSession signs the person in to the application with a new cookie; a
// session this browser had before ends (ASVS 7.2.4).
func (a *App) startSession(w http.ResponseWriter, r *http.Request, k known, now time.Time) *session {
	if old := a.cookie(r, a.sessionCookie); old != "" {
		a.forget(r.Context(), old, now)
	}
	secret := newSecret()
	s := &session{created: now, sid: k.tokens.claims.SessionID, sub: k.subject(), known: k}
	a.sessions.put(hash(secret), s, now, now.Add(idleLife))
	_, over := a.ended.get(endedSID(s.sid), now) // while the code was on its way
	if at, closed := a.closed.get(s.sub, now); over || closed && !k.authTime().After(at) {
		a.sessions.take(hash(secret), now)
	}
	a.setCookie(w, a.sessionCookie, secret)
	return s
}

// forget ends the session of that cookie and gives its refresh token back.
func (a *App) forget(ctx context.Context, secret string, now time.Time) *session {
	s, ok := a.sessions.take(hash(secret), now)
	if !ok {
		return nil
	}
	token := s.snapshot().tokens.refresh
	if token == "" {
		return s
	}
	p, err := a.discover(ctx)
	if err == nil {
		err = p.revoke(ctx, token)
	}
	if err != nil { // it expires by itself; the person has nothing to wait for
		a.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "refresh token not revoked", slog.String("client_id", a.cfg.ClientID), slog.String("error", err.Error()))
	}
	return s
}

// session returns the live session of this browser, or nil. Where its access
// token has run out and it has a refresh token it is renewed first, so that an
// application learns within that time that the provider let the person go.
func (a *App) session(w http.ResponseWriter, r *http.Request, now time.Time) (*session, error) {
	secret := a.cookie(r, a.sessionCookie)
	if secret == "" {
		return nil, nil //nolint:nilnil // nobody signed in is an answer
	}
	s, ok := a.sessions.get(hash(secret), now)
	if !ok {
		return nil, nil //nolint:nilnil // as above
	}
	err := a.renew(r.Context(), s, now)
	switch {
	case errors.Is(err, errRefused):
		a.sessions.take(hash(secret), now)
		a.clearCookie(w, a.sessionCookie)
		return nil, nil //nolint:nilnil // the provider ended it
	case errors.Is(err, errUnreachable):
		a.cfg.Log.LogAttrs(r.Context(), slog.LevelWarn, "session not renewed", slog.String("client_id", a.cfg.ClientID), slog.String("error", err.Error()))
	case err != nil:
		a.sessions.take(hash(secret), now)
		return nil, err
	}
	until := now.Add(idleLife)
	if end := s.created.Add(longLife); end.Before(until) {
		until = end
	}
	a.sessions.extend(hash(secret), until)
	return s, nil
}

// renew exchanges the refresh token once the access token has run out. Requests
// of the same session wait for each other: a rotated token must be sent once.
func (a *App) renew(ctx context.Context, s *session, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := &s.known
	if now.Before(k.tokens.expires) || k.tokens.refresh == "" {
		return nil
	}
	p, err := a.discover(ctx)
	if err != nil {
		return err
	}
	t, err := p.refresh(ctx, k.tokens.refresh)
	if err != nil {
		return err
	}
	before := k.tokens
	if t.refresh == "" {
		t.refresh = before.refresh
	}
	if t.id == "" {
		t.id, t.claims = before.id, before.claims
	} else {
		if err := checkRefreshed(t.claims, before.claims, a.cfg.ClientID); err != nil {
			return err
		}
		if t.claims.AuthTime == 0 {
			t.claims.AuthTime = before.claims.AuthTime
		}
		if t.claims.AuthenticationContextClassReference == "" {
			t.claims.AuthenticationContextClassReference = before.claims.AuthenticationContextClassReference
		}
	}
	k.tokens = *t // before userinfo: the old refresh token is spent
	info, err := p.userinfo(ctx, t.access, before.claims.Subject)
	if err != nil {
		return err
	}
	k.userinfo, k.asked = info, now
	return nil
}
