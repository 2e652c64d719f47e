package login

import "slices"

// Authentication context classes, weakest first (contract section 5).
const (
	ACRClave   = "urn:iess:acr:clave"   // a clave
	ACRClave15 = "urn:iess:acr:clave15" // a clave of 15 characters or more
	ACR2FA     = "urn:iess:acr:2fa"     // a clave and a second factor
	ACRPasskey = "urn:iess:acr:passkey" //nolint:gosec // a name, no credential
)

// amrClave is the authentication method of a clave (RFC 8176).
const amrClave = "pwd"

// acrLevel orders the classes; an unknown one is 0, which nothing is below.
func acrLevel(acr string) int {
	return 1 + slices.Index([]string{ACRClave, ACRClave15, ACR2FA, ACRPasskey}, acr)
}

// Satisfies reports whether a sign-in of class have meets a request for want: a
// stronger one satisfies a weaker. Unknown classes satisfy and are satisfied by
// nothing.
func Satisfies(have, want string) bool { return acrLevel(want) > 0 && acrLevel(have) >= acrLevel(want) }

func satisfiesAny(have string, wanted []string) bool {
	return slices.ContainsFunc(wanted, func(want string) bool { return Satisfies(have, want) })
}

// acrOf is the class of a sign-in by clave.
func acrOf(long bool) string {
	if long {
		return ACRClave15
	}
	return ACRClave
}
