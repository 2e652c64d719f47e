package login

import (
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// maxAttempts is the ceiling of NIST SP 800-63B: no configuration goes above it.
const maxAttempts = 100

// leastExpiry is the shortest time after which a lock may end by itself.
const leastExpiry = 15 * time.Minute

// Lockout is how many wrong claves in a row lock (S069, D02), and for how long
// (D04).
type Lockout struct {
	Attempts int // 1 to 100
	// Expires is how long after it was set a lock that strangers can cause ends by
	// itself: 15 minutes at least. 0: never.
	Expires time.Duration
}

// Locks reports whether a wrong clave that took attempt number n locks. Number 0
// is an attempt that nobody compared.
func (l Lockout) Locks(n int) bool { return n > 0 && n >= min(l.Attempts, maxAttempts) }

// Ends is when the lock of b ends by itself: at the zero time where there is
// none, or it never does, as that of an officer or of a known clave (D04).
func (l Lockout) Ends(b storage.LoginBudget) time.Time {
	if l.Expires <= 0 || b.LockReason != storage.LockLogin && b.LockReason != storage.LockRecuperacion {
		return time.Time{}
	}
	return b.LockedAt.Add(l.Expires)
}

// Ended reports whether the lock of b is over at now, though it stands there yet.
func (l Lockout) Ended(b storage.LoginBudget, now time.Time) bool {
	end := l.Ends(b)
	return !end.IsZero() && !now.Before(end)
}

// passes reports whether an attempt may be compared in spite of a lock: the lane
// of a known device passes the locks that strangers can cause, and no other
// (D03, S086). An unknown reason lets nobody pass.
func passes(reason string, lane bool) bool {
	switch reason {
	case "":
		return true
	case storage.LockLogin, storage.LockRecuperacion:
		return lane
	default:
		return false
	}
}

// exactReason is what a person on her own device is told, or "" where there is
// nothing to tell but the one sentence. exhausted says that the attempts of the
// device itself are used up.
func exactReason(a storage.Account, b storage.LoginBudget, exhausted bool) templates.Reason {
	switch {
	case a.Disabled():
		return templates.ReasonDisabled
	case !passes(b.LockReason, true):
		return templates.Reason(b.LockReason)
	case exhausted:
		return templates.ReasonLogin
	default:
		return ""
	}
}
