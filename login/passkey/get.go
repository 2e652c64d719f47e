package passkey

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"iess.gob.ec/clave/storage"
)

// ErrNone says that a person has no live passkey to be asked for.
var ErrNone = errors.New("passkey: the person has no passkey")

// BeginGet begins a ceremony that proves a person by a passkey in the browser with
// that hash (login.Server.Browser), and returns the options for
// navigator.credentials.get. With afiliadoID "" any passkey of the browser's devices
// will do, and nothing tells who has one (WA-9); otherwise hers alone, and ErrNone
// where she has none that lives and is not marked as cloned.
func (p *RelyingParty) BeginGet(ctx context.Context, tx *storage.Tx, browserHash, afiliadoID string, now time.Time) (json.RawMessage, error) {
	var options *protocol.CredentialAssertion
	var data *webauthn.SessionData
	if afiliadoID == "" {
		var err error
		if options, data, err = p.web.BeginDiscoverableLogin(); err != nil {
			return nil, fmt.Errorf("passkey: begin: %w", err)
		}
	} else {
		passkeys, err := usable(ctx, tx, afiliadoID, now)
		if err != nil {
			return nil, err
		}
		if len(passkeys) == 0 {
			return nil, ErrNone
		}
		u, err := userOf(passkeys[0].Handle, passkeys)
		if err != nil {
			return nil, err
		}
		if options, data, err = p.web.BeginLogin(u); err != nil {
			return nil, fmt.Errorf("passkey: begin: %w", err)
		}
	}
	c := storage.Ceremony{Kind: storage.CeremonyGet, BrowserHash: browserHash, AfiliadoID: afiliadoID}
	if err := keep(ctx, tx, c, data, now); err != nil {
		return nil, err
	}
	return json.Marshal(options)
}

// usable are the passkeys of a person that may prove her.
func usable(ctx context.Context, tx *storage.Tx, afiliadoID string, now time.Time) ([]storage.Passkey, error) {
	passkeys, err := tx.Passkeys(ctx, afiliadoID, now)
	return slices.DeleteFunc(passkeys, func(p storage.Passkey) bool { return !p.ClonedAt.IsZero() }), err
}

// Assertion is a person proved by a passkey, with user verification.
type Assertion struct {
	Account *storage.Account // held until the transaction ends; whether she may enter is not checked
	Passkey storage.Passkey  // as stored now
	Synced  bool             // it lives in an account of its provider (BE), see AMR
	// BackupChanged says that its copy came to be or ceased to be since its last use
	// (BS; Passkey.BackedUp): it is accepted, audited and told (WA-4).
	BackupChanged bool
}

// AMR is how the person was proved (RFC 8176, IANA registry): a key of one device or
// one that is synced, with user verification, which together are two factors.
func (a *Assertion) AMR() string {
	if a.Synced {
		return "swk user mfa"
	}
	return "hwk user mfa"
}

// FinishGet checks the response of a ceremony that BeginGet began in the same browser
// with the same afiliadoID, and notes the use of the passkey. It holds the row of
// afiliadoID, else that of the passkey's person: no other may be held yet. A response
// that proves nobody is *Refused: of a passkey that nobody has no less than of a
// revoked one, after the same statements but for the person's row.
func (p *RelyingParty) FinishGet(ctx context.Context, tx *storage.Tx, browserHash, afiliadoID, response string, now time.Time) (*Assertion, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(response))
	if err != nil || len(parsed.RawID) > MaxCredentialID {
		return nil, &Refused{Reason: ReasonMalformed, cause: err}
	}
	id := base64.RawURLEncoding.EncodeToString(parsed.RawID)
	var account *storage.Account
	if afiliadoID != "" { // never somebody else's besides hers
		account, err = tx.LockAccount(ctx, afiliadoID)
	} else {
		account, err = tx.LockAccountByCredential(ctx, id)
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	c := storage.Ceremony{Kind: storage.CeremonyGet, BrowserHash: browserHash, AfiliadoID: afiliadoID}
	data, err := spend(ctx, tx, c, parsed.Response.CollectedClientData.Challenge, now)
	if err != nil {
		return nil, err
	}
	stored, err := tx.PasskeyByCredential(ctx, id)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil, &Refused{Reason: ReasonUnknown}
	case err != nil:
		return nil, err
	}
	refused := &Refused{Reason: ReasonUnknown, Account: account, Passkey: stored}
	if afiliadoID != "" && afiliadoID != stored.AfiliadoID { // whose it is, is not for her to know
		return nil, &Refused{Reason: ReasonUnknown, Account: account}
	}
	if account == nil || !stored.Live(now) {
		return nil, refused
	}
	return p.check(ctx, tx, afiliadoID, data, parsed, refused, now)
}

// check lets the library judge the response of a passkey that is known and lives.
func (p *RelyingParty) check(ctx context.Context, tx *storage.Tx, afiliadoID string, data webauthn.SessionData,
	parsed *protocol.ParsedCredentialAssertionData, refused *Refused, now time.Time,
) (*Assertion, error) {
	stored := *refused.Passkey
	u, err := userOf(stored.Handle, []storage.Passkey{stored})
	if err != nil {
		return nil, err
	}
	was := u.credentials[0].Flags
	var credential *webauthn.Credential
	if afiliadoID == "" {
		_, credential, err = p.web.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return u, nil }, data, parsed)
	} else if slices.ContainsFunc(data.AllowedCredentialIDs, func(id []byte) bool { return slices.Equal(id, parsed.RawID) }) {
		data.AllowedCredentialIDs = [][]byte{parsed.RawID} // another of hers may have been revoked meanwhile
		credential, err = p.web.ValidateLogin(u, data, parsed)
	} else {
		return nil, refused
	}
	if err != nil {
		refused.Reason, refused.cause = ReasonInvalid, err
		if was.BackupEligible != parsed.Response.AuthenticatorData.Flags.HasBackupEligible() {
			refused.Reason = ReasonEligibility
		}
		return nil, refused
	}
	if credential.Authenticator.CloneWarning || !stored.ClonedAt.IsZero() {
		return nil, p.cloned(ctx, tx, refused, now)
	}
	text, err := json.Marshal(credential)
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	stored.Credential, stored.BackedUp, stored.LastAt = string(text), credential.Flags.BackupState, storage.At(now)
	if err := tx.UsePasskey(ctx, stored); err != nil {
		return nil, err
	}
	return &Assertion{
		Account: refused.Account, Passkey: stored, Synced: credential.Flags.BackupEligible,
		BackupChanged: was.BackupState != credential.Flags.BackupState,
	}, nil
}

// cloned marks a passkey of which somebody has a copy: it proves nothing from then
// on, whoever of the two holds it.
func (p *RelyingParty) cloned(ctx context.Context, tx *storage.Tx, refused *Refused, now time.Time) error {
	first, err := tx.ClonePasskey(ctx, refused.Passkey.ID, now)
	if err != nil {
		return err
	}
	refused.Reason = ReasonMarked
	if first {
		refused.Reason = ReasonCloned
	}
	return refused
}
