package login

import (
	"slices"
	"time"
)

// Alarm is when so many sign-ins fail, wherever they come from, that strangers
// answer a challenge whatever their own network did (T02). See DefaultAlarm.
type Alarm struct {
	Times int           // as many times the usual raise it; 0: nothing does
	Least int           // failures a minute below which nothing does
	Hold  time.Duration // how long it outlasts the last minute of so many
}

// DefaultAlarm is three times the usual, and a hundred a minute at least.
func DefaultAlarm() Alarm { return Alarm{Times: 3, Least: 100, Hold: 10 * time.Minute} }

// Over reports whether failures in a minute are too many where usual are usual.
func (a Alarm) Over(failures, usual int64) bool {
	return a.Times > 0 && failures >= max(int64(a.Least), int64(a.Times)*usual)
}

// Usual is the median of that many minutes, of which failed are the failures of
// those that had any.
func Usual(failed []int64, minutes int) int64 {
	sorted := slices.Sorted(slices.Values(failed))
	minutes = max(minutes, len(sorted))
	i := minutes/2 - (minutes - len(sorted))
	if i < 0 || i >= len(sorted) {
		return 0
	}
	return sorted[i]
}
