package provider

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// StepUp is what an API asks of the sign-in behind an access token before it does
// something (RFC 9470). It compares with what introspection, or an at+jwt, says.
// The zero value asks nothing.
type StepUp struct {
	// ACRValues are the levels that do; a stronger one than the weakest of them
	// does too. Empty: any.
	ACRValues []string
	// MaxAge is how long ago the person may have proved who she is, in whole
	// seconds; 0: whenever.
	MaxAge time.Duration
}

// Satisfied reports whether a sign-in at authAt that reached acr is enough at now.
func (u StepUp) Satisfied(acr string, authAt, now time.Time) bool {
	if u.MaxAge > 0 && (authAt.IsZero() || now.Sub(authAt) > u.MaxAge) {
		return false
	}
	reached := slices.Index(acrValues(), acr)
	return len(u.ACRValues) == 0 || slices.Contains(u.ACRValues, acr) || slices.ContainsFunc(u.ACRValues, func(value string) bool {
		level := slices.Index(acrValues(), value)
		return level >= 0 && reached >= level
	})
}

// Challenge is the WWW-Authenticate of the 401 for who does not satisfy it, scheme
// being that of the token, Bearer or DPoP (RFC 9470 section 3). The application
// then repeats its authorization request with these acr_values and max_age.
func (u StepUp) Challenge(scheme string) string {
	out := scheme + ` error="insufficient_user_authentication", error_description="a stronger or more recent sign-in is required"`
	if len(u.ACRValues) > 0 {
		out += `, acr_values="` + strings.Join(u.ACRValues, " ") + `"`
	}
	if u.MaxAge > 0 {
		out += `, max_age="` + strconv.FormatInt(int64(u.MaxAge/time.Second), 10) + `"`
	}
	return out
}
