package login

import (
	"hash/fnv"
	"time"
	"unicode/utf8"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Renewal is when a clave has to be renewed (S092, D17).
type Renewal struct {
	// MaxAge is how long a clave is valid; 0 means until it is compromised.
	MaxAge time.Duration
	// Waiver is the number of characters from which a clave does not expire; 0
	// waives nothing.
	Waiver int
	// Spread brings each due date forward by up to so much, differently for each
	// person, where claves of the same day would all expire at once.
	Spread time.Duration
}

// Long reports whether a sign-in with that clave is of class ACRClave15.
func Long(clave string) bool { return utf8.RuneCountInString(clave) >= 15 }

// DueAt is when that clave, set at created, has to be renewed by that person;
// the zero time means never.
func (r Renewal) DueAt(created time.Time, clave, afiliadoID string) time.Time {
	if r.MaxAge <= 0 || r.Waiver > 0 && utf8.RuneCountInString(clave) >= r.Waiver {
		return time.Time{}
	}
	due := created.Add(r.MaxAge)
	if r.Spread > 0 {
		h := fnv.New32a()
		h.Write([]byte(afiliadoID))
		due = due.Add(-time.Duration(h.Sum32()) % min(r.Spread, r.MaxAge))
	}
	return due
}

// Due reports whether c has to be renewed before its person goes on, and why. No
// clave is never due.
func (r Renewal) Due(c *storage.Clave, now time.Time) (templates.Cause, bool) {
	switch {
	case c == nil:
		return "", false
	case c.Compromised:
		return templates.CauseCompromised, true
	default:
		return templates.CauseExpired, r.MaxAge > 0 && c.DueAt.Past(now)
	}
}
