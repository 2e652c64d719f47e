package login

import (
	"crypto/sha256"
	"encoding/binary"
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
	// Passkey waives the renewal of whoever has a passkey.
	Passkey bool
	// Spread brings each due date forward by up to so much, differently for each
	// person, where claves of the same day would all expire at once; never by more
	// than a quarter of MaxAge.
	Spread time.Duration
}

// longFrom is from how many characters on a clave is long (D17).
const longFrom = 15

// Long reports whether a sign-in with that clave is of class ACRClave15.
func Long(clave string) bool { return utf8.RuneCountInString(clave) >= longFrom }

// DueAt is when that clave, set at created, has to be renewed by that person: where
// she has chosen a day of the year, on the last such day that its age allows, unless
// that comes within 30 days. The zero time means never.
func (r Renewal) DueAt(created time.Time, clave string, who storage.Holder) time.Time {
	if r.MaxAge <= 0 || r.Waiver > 0 && utf8.RuneCountInString(clave) >= r.Waiver || r.waived(who) {
		return time.Time{}
	}
	due := storage.At(created).Add(r.MaxAge - spread(who.AfiliadoID, min(r.Spread, r.MaxAge/4)))
	if day := lastDay(who.Day, due); day.After(created.Add(notice)) {
		return day
	}
	return due
}

// lastDay is the beginning of the last day of that name, MMDD, that is not after due,
// by the clock of Ecuador; the zero time for none. What is no day of a year is the
// last of its month before it: 29 February where there is none.
func lastDay(day int, due time.Time) time.Time {
	month, dom := time.Month(day/100), day%100
	if month < time.January || month > time.December || dom < 1 || dom > 31 {
		return time.Time{}
	}
	ecuador := time.FixedZone("Ecuador", -5*60*60)
	for year := due.In(ecuador).Year(); ; year-- {
		last := time.Date(year, month+1, 0, 0, 0, 0, 0, ecuador)
		at := last.AddDate(0, 0, min(dom, last.Day())-last.Day())
		if !at.After(due) {
			return at.UTC()
		}
	}
}

// OnDay reports whether a due date is the beginning of the day of that name, MMDD.
func OnDay(due time.Time, day int) bool { return lastDay(day, due).Equal(due) }

// waived reports whether that person need not renew, whatever her clave.
func (r Renewal) waived(who storage.Holder) bool { return r.Passkey && who.Passkey }

// spread is the person's own part of most, the same each time; whole seconds.
func spread(afiliadoID string, most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	sum := sha256.Sum256([]byte(afiliadoID))                              // ids that differ little lie far apart
	part := time.Duration(binary.BigEndian.Uint64(sum[:]) % uint64(most)) //nolint:gosec // less than most
	return part.Truncate(time.Second)
}

// notice is how long before its due date a clave is first spoken of: nobody is
// given a date so near that a reminder would come late or not at all (S092).
const notice = 30 * 24 * time.Hour

// Recompute is when c has to be renewed by its holder under r where another policy
// gave it its date, or she had a passkey then and has none now; the zero time means
// never. Nobody's date comes nearer than 30 days from
// now, so that everybody is reminded in time, and dates that would have are
// spread, so that no day is a stampede; who is due already, or has been told of a
// nearer date, keeps that, or gets a later one where r gives it. How long a clave
// is its hash does not tell: all but those of 15 characters or more count as
// short, and those do too where r waives longer ones only.
// Recompute of what it returned, at that moment or later, is the same date.
func (r Renewal) Recompute(c storage.HeldClave, now time.Time) time.Time {
	if r.MaxAge <= 0 || c.Long && r.Waiver > 0 && r.Waiver <= longFrom || r.waived(c.Holder) {
		return time.Time{}
	}
	want, soonest := r.DueAt(c.CreatedAt.Time, "", c.Holder), now.Add(notice)
	held := c.DueAt.Time
	if want.Before(soonest) && !want.Equal(held) { // if it is because of the day she chose, that counts from the next clave on
		free := c.Holder
		free.Day = 0
		want = r.DueAt(c.CreatedAt.Time, "", free)
	}
	switch {
	case !want.Before(soonest):
		return want
	case !held.IsZero() && !held.After(soonest):
		if want.After(held) && want.After(now) {
			return want
		}
		return held
	}
	eased := soonest.Add(spread(c.Holder.AfiliadoID, max(r.Spread, notice)))
	if !held.IsZero() && held.Before(eased) {
		return held
	}
	return eased
}

// Waive is when c has to be renewed once a passkey of its holder has come or gone
// (D17): never while she has one; after the last, when it would have been, though
// no sooner than in 30 days. A date that she kept beside a passkey stays.
func (r Renewal) Waive(c storage.HeldClave, now time.Time) time.Time {
	if r.waived(c.Holder) || r.Passkey && c.DueAt.IsZero() {
		return r.Recompute(c, now)
	}
	return c.DueAt.Time
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

// waits reports whether the renewal of c, which is due, waits for a transaction
// that runs at an application whose declared window that is: the clave expired
// less than window ago, and the person's session had begun before it did. Proving
// again within the session, as the application may ask before a signature, does
// not renew (rotation never interrupts); a new session does, and a compromised
// clave waits for nothing.
func waits(c *storage.Clave, s *storage.Session, window time.Duration, now time.Time) bool {
	return !c.Compromised && s.CreatedAt.Before(c.DueAt.Time) && now.Before(c.DueAt.Add(window))
}

// times are those of c as applications are told at now.
func (r Renewal) times(c *storage.Clave, now time.Time) storage.ClaveTimes {
	if c == nil {
		return storage.ClaveTimes{}
	}
	t := storage.ClaveTimes{Due: c.DueAt, Recovered: c.RecoveredAt}
	if r.MaxAge <= 0 {
		t.Due = storage.Instant{}
	}
	return t.At(now)
}
