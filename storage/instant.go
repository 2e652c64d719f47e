package storage

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Instant is a time as the database keeps it: unix microseconds in UTC, the
// zero time as 0.
type Instant struct{ time.Time }

// At is t to the microsecond, in UTC.
func At(t time.Time) Instant {
	if t.IsZero() {
		return Instant{}
	}
	return Instant{t.UTC().Truncate(time.Microsecond)}
}

// Value implements driver.Valuer.
func (i Instant) Value() (driver.Value, error) {
	if i.IsZero() {
		return int64(0), nil
	}
	return i.UnixMicro(), nil
}

// Scan implements sql.Scanner.
func (i *Instant) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*i = Instant{}
	case int64:
		if v == 0 {
			*i = Instant{}
			return nil
		}
		*i = Instant{time.UnixMicro(v).UTC()}
	default:
		return fmt.Errorf("storage: an instant cannot come from %T", src)
	}
	return nil
}

// Past reports whether i is set and not after now: the form in which every
// deadline of a row is asked.
func (i Instant) Past(now time.Time) bool { return !i.IsZero() && !i.After(now) }
