package rp

import (
	"slices"
	"time"
)

// acrLevels are the provider's levels, weakest first; a stronger one satisfies a
// request for a weaker.
func acrLevels() []string {
	return []string{"urn:iess:acr:clave", "urn:iess:acr:clave15", "urn:iess:acr:2fa", "urn:iess:acr:passkey"}
}

// strongACR are the levels a large solicitud accepts, in the order we prefer.
func strongACR() []string {
	return []string{"urn:iess:acr:passkey", "urn:iess:acr:2fa", "urn:iess:acr:clave15"}
}

// largest is the largest amount for which a recent sign-in of any level is
// enough, however short ago the clave was recovered (USD 1.000).
const largest = dollars(1000_00)

// need is what an action asks of the sign-in it rests on.
type need struct {
	maxAge  time.Duration
	acr     []string      // any of these, in the order preferred; none: any level
	settled time.Duration // since the clave was generated or recovered; 0: any
}

// needOf says what asking for monto takes: a sign-in no older than fresh and,
// above largest, one of the strong levels and a clave that nobody has generated or
// recovered while settling.
func needOf(monto dollars, fresh time.Duration) need {
	n := need{maxAge: fresh}
	if monto > largest {
		n.acr, n.settled = strongACR(), settling
	}
	return n
}

// fresh reports whether a sign-in at authTime is recent enough at now.
func (n need) fresh(authTime, now time.Time) bool {
	return !authTime.IsZero() && now.Sub(authTime) <= n.maxAge
}

// from is when what n asks of a clave recovered then is fulfilled; zero: it is.
func (n need) from(recovered, now time.Time) time.Time {
	if at := recovered.Add(n.settled); !recovered.IsZero() && now.Before(at) {
		return at
	}
	return time.Time{}
}

// strong reports whether a sign-in of level acr is strong enough. A level we do
// not know is not.
func (n need) strong(acr string) bool {
	if len(n.acr) == 0 {
		return true
	}
	levels := acrLevels()
	have := slices.Index(levels, acr)
	return have >= 0 && slices.ContainsFunc(n.acr, func(want string) bool { return have >= slices.Index(levels, want) })
}
