package passkey

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"iess.gob.ec/clave/storage"
)

// Life is how long a ceremony may take (WA-1).
const Life = 5 * time.Minute

// MaxCredentialID is how long a credential id may be, in bytes (WA-7).
const MaxCredentialID = 1023

// RelyingParty begins and finishes the ceremonies of one issuer. It is safe for
// concurrent use.
type RelyingParty struct {
	web *webauthn.WebAuthn
}

// ErrNoHost says that no browser makes passkeys for the issuer: its host is an
// address, not a name.
var ErrNoHost = errors.New("passkey: an issuer whose host is an IP address has no passkeys")

// New returns the relying party of issuer: its id is the host, its only origin the
// issuer itself (WA-2, WA-3).
func New(issuer string) (*RelyingParty, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return nil, errors.New("passkey: the issuer must be a URL")
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return nil, ErrNoHost
	}
	timeout := webauthn.TimeoutConfig{Timeout: Life, TimeoutUVD: Life} // told to the browser; the stored row is what ends
	web, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: "Clave IESS", RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
		// Some password managers answer for extensions that nobody asked for. We ask
		// for none and read none.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	return &RelyingParty{web: web}, nil
}

// ID is the relying party id: the host of the issuer.
func (p *RelyingParty) ID() string { return p.web.Config.RPID }

// algorithms are those a new passkey may have: ES256, EdDSA, RS256 (WA-6).
func algorithms() []protocol.CredentialParameter {
	var out []protocol.CredentialParameter
	for _, alg := range []webauthncose.COSEAlgorithmIdentifier{webauthncose.AlgES256, webauthncose.AlgEdDSA, webauthncose.AlgRS256} {
		out = append(out, protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: alg})
	}
	return out
}

// Reason is why a response proves nothing. It is for the audit: people are told
// one sentence.
type Reason string

// The reasons.
const (
	ReasonMalformed   Reason = "malformed"          // no response of a browser
	ReasonStale       Reason = "stale"              // its ceremony was spent, ran out or is another's
	ReasonUnknown     Reason = "unknown"            // nobody has that passkey, she does not, or it was revoked
	ReasonInvalid     Reason = "invalid"            // challenge, origin, flags or signature are wrong
	ReasonEligibility Reason = "backup-eligibility" // a passkey of one device says it is a synced one, or the reverse (WA-4)
	ReasonCloned      Reason = "cloned"             // its counter went back, seen for the first time (WA-5)
	ReasonMarked      Reason = "marked"             // it has been marked as cloned before
	ReasonTaken       Reason = "taken"              // the new passkey is somebody's already (WA-7)
)

// Refused is the error for a response that proves nothing. The transaction should
// be committed all the same: the ceremony is spent, and a clone marked.
type Refused struct {
	Reason Reason
	// Account and Passkey are whose the response says it is, nil where that is nobody;
	// Account alone, where another person's passkey came in the place of hers.
	// Only from ReasonCloned on has it been proved.
	Account *storage.Account
	Passkey *storage.Passkey
	cause   error
}

// Error implements error.
func (r *Refused) Error() string { return "passkey: refused: " + string(r.Reason) }

// Unwrap is what the library said, nil where we refused.
func (r *Refused) Unwrap() error { return r.cause }

// user is a person as the library wants her.
type user struct {
	handle        []byte
	name, display string
	credentials   []webauthn.Credential
}

// WebAuthnID implements webauthn.User.
func (u *user) WebAuthnID() []byte { return u.handle }

// WebAuthnName implements webauthn.User.
func (u *user) WebAuthnName() string { return u.name }

// WebAuthnDisplayName implements webauthn.User.
func (u *user) WebAuthnDisplayName() string { return u.display }

// WebAuthnCredentials implements webauthn.User.
func (u *user) WebAuthnCredentials() []webauthn.Credential { return u.credentials }

// userOf is the person with that handle and those passkeys.
func userOf(handle string, passkeys []storage.Passkey) (*user, error) {
	raw, err := base64.RawURLEncoding.DecodeString(handle)
	if err != nil {
		return nil, fmt.Errorf("passkey: user handle: %w", err)
	}
	u := &user{handle: raw}
	for _, p := range passkeys {
		var c webauthn.Credential
		if err := json.Unmarshal([]byte(p.Credential), &c); err != nil {
			return nil, fmt.Errorf("passkey: stored credential %s: %w", p.ID, err)
		}
		u.credentials = append(u.credentials, c)
	}
	return u, nil
}

// keep stores a ceremony that begins.
func keep(ctx context.Context, tx *storage.Tx, c storage.Ceremony, data *webauthn.SessionData, now time.Time) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("passkey: %w", err)
	}
	c.ID, c.Data, c.CreatedAt, c.ExpiresAt = storage.Hash(data.Challenge), string(text), storage.At(now), storage.At(now.Add(Life))
	return tx.AddCeremony(ctx, c)
}

// spend takes the ceremony of that challenge, whatever comes of it.
func spend(ctx context.Context, tx *storage.Tx, c storage.Ceremony, challenge string, now time.Time) (webauthn.SessionData, error) {
	var data webauthn.SessionData
	c.ID = storage.Hash(challenge)
	text, err := tx.UseCeremony(ctx, c, now)
	if errors.Is(err, storage.ErrNotFound) {
		return data, &Refused{Reason: ReasonStale}
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &data)
	}
	return data, err
}
