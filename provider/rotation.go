package provider

import (
	"time"

	"iess.gob.ec/clave/storage"
)

// rotationGrace is how long a used refresh token may still mint one replacement:
// the answer that carried the first may have been lost.
const rotationGrace = 10 * time.Second

// keepsRefresh reports whether a refresh token of m is used again and again: it is
// of use only to who authenticates and holds the key its tokens are bound to, and
// a lost answer costs nothing (FAPI 2.0 Security Profile 5.3.2.1, RFC 9700 section
// 2.2.2).
func keepsRefresh(m storage.ClientMetadata) bool {
	return constrained(m) && m.TokenEndpointAuthMethod != "none"
}

// rotation is what the use of a refresh token leads to.
type rotation int

// The zero value refuses and revokes.
const (
	rotationReuse   rotation = iota // somebody else has the token: the family ends
	rotationMint                    // the first use
	rotationReplace                 // the one replacement; the first child ends
)

// rotate decides the use of t at now. child is the token minted from it, nil
// where there is none (design.md section 3, RFC 9700 section 2.2.2).
func rotate(t storage.RefreshToken, child *storage.RefreshToken, now time.Time) rotation {
	switch {
	case !t.RevokedAt.IsZero():
		return rotationReuse
	case t.UsedAt.IsZero():
		return rotationMint
	case t.Replacements > 0 || child == nil || !child.UsedAt.IsZero() || !child.RevokedAt.IsZero():
		return rotationReuse
	case now.Sub(t.UsedAt.Time) > rotationGrace || now.Before(t.UsedAt.Time):
		return rotationReuse
	default:
		return rotationReplace
	}
}
