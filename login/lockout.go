package login

import (
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// maxAttempts is the ceiling of NIST SP 800-63B: no configuration goes above it.
const maxAttempts = 100

// Lockout is how many wrong claves in a row lock (S069, D02).
type Lockout struct {
	Attempts int // 1 to 100
}

// Locks reports whether a wrong clave that took attempt number n locks. Number 0
// is an attempt that nobody compared.
func (l Lockout) Locks(n int) bool { return n > 0 && n >= min(l.Attempts, maxAttempts) }

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
