// Package passkey makes passkeys ("llaves de acceso") and proves people by them:
// WebAuthn ceremonies over go-webauthn, the only package that knows that library.
//
// A ceremony is begun in one transaction and finished in another:
//
//	options, err := rp.BeginGet(ctx, tx, browser, "", now)    // JSON for navigator.credentials.get
//	proof, err := rp.FinishGet(ctx, tx, browser, "", response, now)
//
// Begin stores what the library has to remember (storage.Ceremony) and returns the
// options as JSON, {"publicKey": …}, for PublicKeyCredential.parse…OptionsFromJSON.
// Finish takes what PublicKeyCredential.toJSON gave, spends the ceremony, whose id
// is the hash of the challenge in it, and checks the rest. A response that proves
// nothing is a *Refused; the transaction is to be committed then too.
//
// Every passkey is discoverable and verifies its person (fingerprint, face or PIN of
// the device). What she is told, audited and mailed is the caller's business, and so
// is whether her account may be entered.
package passkey
