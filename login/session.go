package login

import (
	"context"
	"errors"
	"net/http"
	"time"

	"iess.gob.ec/clave/storage"
)

// touchMost is after how long at the latest a session's next sign of life is written
// down.
const touchMost = time.Minute

// sessions is what *storage.DB and *storage.Tx have in common here.
type sessions interface {
	SessionBySecret(ctx context.Context, secretHash string, now, idleSince time.Time) (*storage.Session, error)
}

// Session returns the live session of this browser, or storage.ErrNotFound.
func (s *Server) Session(ctx context.Context, r *http.Request) (*storage.Session, error) {
	return s.session(ctx, s.DB, r, s.Now())
}

func (s *Server) session(ctx context.Context, from sessions, r *http.Request, now time.Time) (*storage.Session, error) {
	value := secret(r, s.cookies.session)
	if value == "" {
		return nil, storage.ErrNotFound
	}
	found, err := from.SessionBySecret(ctx, storage.Hash(value), now, now.Add(-s.Idle))
	if err == nil && s.idled(found, now) {
		return nil, storage.ErrNotFound
	}
	return found, err
}

// SessionIn is Session as tx sees it, nil for none.
func (s *Server) SessionIn(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit) (*storage.Session, error) {
	return s.liveSession(ctx, tx, r, v.Now)
}

// Proved reports whether the session's person has just proved who she is: in the
// running request, or, without one, in the session, within ProofLife.
func (s *Server) Proved(v *Visit, found *storage.Session) bool {
	at := found.AuthAt
	if v.Request != nil {
		if v.Request.SessionID != found.ID {
			return false
		}
		at = v.Request.ProvedAt
	}
	return !at.IsZero() && !at.After(v.Now) && v.Now.Sub(at.Time) <= s.ProofLife
}

// fieldSession is the hidden field of Mark.
const fieldSession = "sesion"

// Mark names a session, or whatever else lets a person send a form, in that form
// by its id, without opening it.
func Mark(id string) string { return storage.Hash("form " + id) }

// ShownFor is the Mark that a form came with, "" for none.
func (v *Visit) ShownFor() string { return v.Form.Get(fieldSession) }

// Swapped reports whether a form was shown for another session than the one it
// comes back in: somebody else has signed in here meanwhile, in another tab, and
// what the form says was not said to her.
func (v *Visit) Swapped(found *storage.Session) bool {
	shown := v.ShownFor()
	return shown != "" && found != nil && shown != Mark(found.ID)
}

// liveSession is session, with nil for none.
func (s *Server) liveSession(ctx context.Context, from sessions, r *http.Request, now time.Time) (*storage.Session, error) {
	found, err := s.session(ctx, from, r, now)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil //nolint:nilnil // documented: none
	}
	return found, err
}

// touch notes in tx that the session's person is still there.
func (s *Server) touch(ctx context.Context, tx *storage.Tx, found *storage.Session, now time.Time) error {
	if !s.stale(found, now) {
		return nil
	}
	return tx.TouchSession(ctx, found.ID, now)
}

// stale reports whether the session's last sign of life is so old that it is worth
// writing down another one.
func (s *Server) stale(found *storage.Session, now time.Time) bool {
	return now.Sub(found.SeenAt.Time) >= min(touchMost, s.idle(found)/15)
}

// Touch notes that the session's person is still there.
func (s *Server) Touch(ctx context.Context, found *storage.Session, now time.Time) error {
	if !s.stale(found, now) {
		return nil
	}
	return s.stay(ctx, found, now)
}

// SignIn makes this browser's session that of the person who has just proved
// who she is. Whatever session the browser had before opens nothing from then on
// (T14, ASVS 7.2.4): another person's ends, her own gets a new secret, so that
// the applications she has entered stay entered. The returned function sets the
// cookies once tx has committed.
func (s *Server) SignIn(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, p *Proof) (*storage.Session, func(http.ResponseWriter), error) {
	device, keep, err := s.keepDevice(ctx, tx, r, v, p)
	if err != nil {
		return nil, nil, err
	}
	now := storage.At(v.Now)
	found := storage.Session{
		ID: storage.NewID(), AfiliadoID: p.ID, AMR: p.amr, ACR: p.acr, AuthAt: now, SeenAt: now, CreatedAt: now,
		ExpiresAt: storage.At(v.Now.Add(s.Absolute)), UserAgent: userAgent(r), Network: NetworkName(addressOf(r.RemoteAddr)),
		Offer: device != deviceShared && s.able(v),
	}
	if device == deviceShared {
		found.Shared, found.ExpiresAt = true, storage.At(v.Now.Add(s.SharedAbsolute))
	}
	value := storage.NewSecret()
	found.SecretHash = storage.Hash(value)
	old, err := s.liveSession(ctx, tx, r, v.Now)
	if err == nil && old == nil {
		old, err = s.requestSession(ctx, tx, v, p)
	}
	if err != nil {
		return nil, nil, err
	}
	event := v.Event(r, EventSessionStarted, p.ID)
	if old != nil && old.AfiliadoID == p.ID {
		event.Name = eventSessionRenewed
		found.ID, found.CreatedAt = old.ID, old.CreatedAt
		err = unlessEnded(v, tx.RenewSession(ctx, found))
	} else {
		err = s.startSession(ctx, tx, r, v, old, found)
	}
	if err != nil {
		return nil, nil, err
	}
	event.Detail = map[string]string{"acr": found.ACR, "device": device}
	if p.passkey != "" {
		event.Detail["passkey"] = p.passkey
	}
	if err := tx.Audit(ctx, event); err != nil {
		return nil, nil, err
	}
	if device == DeviceKnown {
		if err := s.mailLanguage(ctx, tx, r, v, p.Account); err != nil {
			return nil, nil, err
		}
	} else { // a shared computer is nobody's: whoever says to be at one is told of too
		err := s.Notify(ctx, tx, r, v, NoticeNewDevice, p.mac, Notice{Wait: s.NewDeviceWait})
		if err != nil {
			return nil, nil, err
		}
	}
	asked := s.KeptSecret(r, storage.LinkSegundo) != "" // of another sign-in, or of this one: it is over
	return &found, func(w http.ResponseWriter) {
		if asked {
			s.DropSecret(w, storage.LinkSegundo)
		}
		s.set(w, s.cookies.session, value, 0)
		keep(w)
	}, nil
}

// requestSession is the session in which the same person has just proved who she
// is inside the same request, without this browser knowing: two replicas saw a
// double click, or the answer was lost (FT-14, FT-01). nil: none. The request is
// held.
func (s *Server) requestSession(ctx context.Context, tx *storage.Tx, v *Visit, p *Proof) (*storage.Session, error) {
	if v.Request == nil || v.Request.SessionID == "" {
		return nil, nil //nolint:nilnil // documented: none
	}
	found, err := tx.LockSession(ctx, v.Request.SessionID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil, nil //nolint:nilnil // documented: none
	case err != nil:
		return nil, err
	case found.AfiliadoID != p.ID, !found.EndedAt.IsZero(), found.ExpiresAt.Past(v.Now), s.idled(found, v.Now):
		return nil, nil //nolint:nilnil // documented: none
	default:
		return found, nil
	}
}

// startSession ends old, stores found and ends what the person has too many of.
func (s *Server) startSession(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, old *storage.Session, found storage.Session) error {
	if old != nil {
		if err := s.end(ctx, tx, v.Event(r, EventSessionEnded, old.AfiliadoID), old.ID, storage.CauseReplaced, v.Now); err != nil {
			return err
		}
	}
	if err := tx.AddSession(ctx, found); err != nil {
		return err
	}
	surplus, err := tx.SurplusSessions(ctx, found.AfiliadoID, s.Sessions, v.Now)
	if err != nil {
		return err
	}
	for _, id := range surplus {
		if err := s.end(ctx, tx, v.Event(r, EventSessionEnded, found.AfiliadoID), id, storage.CauseTooMany, v.Now); err != nil {
			return err
		}
	}
	return nil
}

// unlessEnded is err, of a statement about a live session. Where that has ended
// meanwhile, closed elsewhere, its person is led to sign in.
func unlessEnded(v *Visit, err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return &answered{to: v.unasked()}
	}
	return err
}

// end ends a session with its audit row.
func (s *Server) end(ctx context.Context, tx *storage.Tx, e storage.Event, id, reason string, now time.Time) error {
	open, err := tx.EndSession(ctx, id, reason, now)
	if err != nil || !open {
		return err
	}
	e.Detail = map[string]string{"reason": reason, "session": id}
	return tx.Audit(ctx, e)
}

// freshLife is how long a proof of who she is lets a person change what is hers
// (ASVS 7.5.1).
const freshLife = 5 * time.Minute

// Fresh reports whether the session's person has proved who she is in it within
// the last five minutes, by whatever means.
func (v *Visit) Fresh(found *storage.Session) bool {
	return v.within(found.AuthAt) || v.within(found.ProvedAt)
}

// FreshBySecond is Fresh by a passkey or a second factor.
func (v *Visit) FreshBySecond(found *storage.Session) bool {
	return Satisfies(found.ACR, ACR2FA) && v.within(found.AuthAt)
}

func (v *Visit) within(at storage.Instant) bool {
	return !at.IsZero() && !at.After(v.Now) && v.Now.Sub(at.Time) <= freshLife
}

// Confirm notes that the person of a live session has proved once more who she is,
// and gives the session a new secret. What applications are told of it, class and
// time, changes only where the proof was of the same class or a stronger one. The
// returned function sets the cookie once tx has committed.
func (s *Server) Confirm(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, found *storage.Session, p *Proof) (func(http.ResponseWriter), error) {
	value, now := storage.NewSecret(), storage.At(v.Now)
	found.SecretHash, found.SeenAt, found.ProvedAt = storage.Hash(value), now, now
	if Satisfies(p.acr, found.ACR) {
		found.AMR, found.ACR, found.AuthAt = p.amr, p.acr, now
	}
	if err := unlessEnded(v, tx.RenewSession(ctx, *found)); err != nil {
		return nil, err
	}
	e := v.Event(r, eventSessionConfirmed, found.AfiliadoID)
	e.Detail = map[string]string{"amr": p.amr}
	if err := tx.Audit(ctx, e); err != nil {
		return nil, err
	}
	return func(w http.ResponseWriter) { s.set(w, s.cookies.session, value, 0) }, nil
}

// Raise gives a session a new secret and the class of the clave its person has just
// set. Where she typed her present clave to do so (typed), that was a proof of who
// she is: the running request needs no other. A session that was proved by more than
// a clave stays of its class and time, and such a request is not proved by less. The
// returned function sets the cookie once tx has committed.
func (s *Server) Raise(ctx context.Context, tx *storage.Tx, v *Visit, found *storage.Session, clave string, typed bool) (func(http.ResponseWriter), error) {
	value := storage.NewSecret()
	found.SecretHash, found.SeenAt = storage.Hash(value), storage.At(v.Now)
	if typed {
		found.ProvedAt = found.SeenAt
	}
	proved := false
	if !Satisfies(found.ACR, ACR2FA) {
		found.ACR = acrOf(Long(clave))
		if proved = typed; proved {
			found.AuthAt = found.SeenAt
		}
	}
	if err := unlessEnded(v, tx.RenewSession(ctx, *found)); err != nil {
		return nil, err
	}
	if proved && v.Request != nil {
		v.Request.SessionID, v.Request.ProvedAt = found.ID, found.SeenAt
		if err := tx.ProveAuthRequest(ctx, v.Request.ID, found.ID, v.Now); err != nil {
			return nil, err
		}
	}
	return func(w http.ResponseWriter) { s.set(w, s.cookies.session, value, 0) }, nil
}

// EndSession ends a session in tx, with the tokens that live only with it, as the
// application clientID asked ("": none did), and returns what removes its cookie
// from the browser that r comes from. One that has ended leaves no second audit
// row (FT-14).
func (s *Server) EndSession(ctx context.Context, tx *storage.Tx, r *http.Request, found *storage.Session, clientID string) (func(http.ResponseWriter), error) {
	now := s.Now()
	e := (&Visit{Now: now}).Event(r, EventSessionEnded, found.AfiliadoID)
	e.ClientID = clientID
	if err := s.end(ctx, tx, e, found.ID, storage.CauseLogout, now); err != nil {
		return nil, err
	}
	value := secret(r, s.cookies.session)
	own := value != "" && storage.Hash(value) == found.SecretHash
	return func(w http.ResponseWriter) {
		s.once.forget(secret(r, s.cookies.browser))
		if own {
			s.part(w, r, found)
		}
	}, nil
}
