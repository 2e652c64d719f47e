package login

import (
	"math"
	"net/netip"
	"time"

	"iess.gob.ec/clave/storage"
)

// Limit is how failures press on those who cause them: a leaky bucket that only
// ever delays (design section 4: it never refuses neighbours).
type Limit struct {
	Free int           // failures that cost nothing
	Leak time.Duration // how long one failure presses
	Step time.Duration // delay for each failure beyond Free
	Max  time.Duration // no delay is longer
}

// Level is the number of failures in a bucket that will be empty at tat.
func (l Limit) Level(tat storage.Instant, now time.Time) int {
	left := tat.Sub(now)
	if tat.IsZero() || left <= 0 || l.Leak <= 0 {
		return 0
	}
	return int((left + l.Leak - 1) / l.Leak)
}

// Delay is how long an attempt waits at that level.
func (l Limit) Delay(level int) time.Duration {
	over := level - l.Free
	if over <= 0 {
		return 0
	}
	if over > int(l.Max/max(l.Step, 1)) {
		return l.Max
	}
	return time.Duration(over) * l.Step
}

// Rim is how long the failures in a bucket press at most: those beyond the level
// from which on neither the delay nor a challenge costs more, which is at full
// failures, are forgotten.
func (l Limit) Rim(full int) time.Duration {
	if l.Leak <= 0 {
		return 0
	}
	if step := max(l.Step, 1); l.Max > 0 {
		full = max(full, l.Free+int((l.Max+step-1)/step))
	}
	return min(time.Duration(full), math.MaxInt64/2/l.Leak) * l.Leak
}

// networkOf is the network of an address host:port: its /24 or, IPv6, its /48.
// An address that cannot be read is a network of its own.
func networkOf(remote string) string {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return "unknown"
	}
	addr, bits := ap.Addr().Unmap().WithZone(""), 48
	if addr.Is4() {
		bits = 24
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return prefix.String()
}
