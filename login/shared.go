package login

import (
	"context"
	"net/http"
	"strings"
	"time"

	"iess.gob.ec/clave/storage"
)

// FieldShared is the box of a sign-in by which a person says that several people
// share the computer she is at.
const FieldShared = "compartido"

// SharedHere reports whether this browser is marked as that of a computer that
// several people share.
func (s *Server) SharedHere(r *http.Request) bool {
	c, err := r.Cookie(s.cookies.device)
	return err == nil && c.Value == sharedDevice
}

func (s *Server) markShared(w http.ResponseWriter) {
	s.set(w, s.cookies.device, sharedDevice, s.DeviceLife)
}

// dropBrowser forgets every lane of a browser with that secret, "" for none: its
// mark takes the place of the secret, and nobody could come by one of them again.
func (s *Server) dropBrowser(ctx context.Context, tx *storage.Tx, value string) error {
	if value == "" {
		return nil
	}
	return tx.DropBrowser(ctx, storage.Hash(value))
}

// idle is for how long the session outlives its last sign of life.
func (s *Server) idle(found *storage.Session) time.Duration {
	if found.Shared {
		return s.SharedIdle
	}
	return s.Idle
}

// idled reports whether the session has been idle for too long (ASVS 7.3.1).
func (s *Server) idled(found *storage.Session, now time.Time) bool {
	return !found.SeenAt.Add(s.idle(found)).After(now)
}

// Live reports whether a session of the list that storage gives is open at now.
func (s *Server) Live(found *storage.Session, now time.Time) bool { return !s.idled(found, now) }

// Lane reports whether a known device is this browser.
func (s *Server) Lane(r *http.Request, d storage.Device) bool { return d.SecretHash == s.deviceHash(r) }

// Share makes this browser in tx that of a computer which several people share, as
// the session's person says: nobody is known in it any more, and her session is as
// short there as one that begins there (T33). The returned function sets the mark
// once tx has committed.
func (s *Server) Share(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, found *storage.Session) (func(http.ResponseWriter), error) {
	if err := s.dropBrowser(ctx, tx, secret(r, s.cookies.device)); err != nil {
		return nil, err
	}
	until := v.Now.Add(s.SharedAbsolute)
	if found.ExpiresAt.Before(until) {
		until = found.ExpiresAt.Time
	}
	if err := unlessEnded(v, tx.SetSessionShared(ctx, found.ID, true, until)); err != nil {
		return nil, err
	}
	return s.markShared, tx.Audit(ctx, v.Event(r, EventDeviceShared, found.AfiliadoID))
}

// Unshare takes that back, as the session's person says, who has just proved who
// she is: the browser is known as hers, and her session lives as any other since its
// last proof.
func (s *Server) Unshare(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, found *storage.Session) (func(http.ResponseWriter), error) {
	keep, err := s.lane(ctx, tx, r, v, found.AfiliadoID, storage.NewSecret())
	if err != nil {
		return nil, err
	}
	if err := unlessEnded(v, tx.SetSessionShared(ctx, found.ID, false, found.AuthAt.Add(s.Absolute))); err != nil {
		return nil, err
	}
	return keep, tx.Audit(ctx, v.Event(r, EventDeviceOwn, found.AfiliadoID))
}

// Part takes the cookie of a session that has ended from this browser. On a shared
// computer it leaves nothing of the person there.
func (s *Server) Part(w http.ResponseWriter, r *http.Request, found *storage.Session) {
	s.once.forget(secret(r, s.cookies.browser))
	s.part(w, r, found)
}

// part is Part. Of a shared computer the mark alone stays, which names nobody and
// tells the next one's sign-in where it is. Clear-Site-Data takes what the browser
// keeps of our pages, also for its Back button. It does not say "cookies": that
// would take the mark, and those of every application below the same domain.
func (s *Server) part(w http.ResponseWriter, r *http.Request, found *storage.Session) {
	s.set(w, s.cookies.session, "", -1)
	if !found.Shared {
		return
	}
	for _, c := range r.Cookies() {
		if s.cookies.ours(c.Name) && c.Name != s.cookies.device && c.Name != s.cookies.session {
			s.set(w, c.Name, "", -1)
		}
	}
	w.Header().Set("Clear-Site-Data", `"cache"`)
}

// ours reports whether a cookie has a name that we give.
func (c cookieNames) ours(name string) bool {
	before, after, _ := strings.Cut(c.named("\x00"), "\x00")
	return len(name) > len(before)+len(after) && strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
}
