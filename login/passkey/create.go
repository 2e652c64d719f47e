package passkey

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"iess.gob.ec/clave/storage"
)

// Person is who makes a passkey. The names are what her device shows in its list of
// passkeys, and what its provider stores: never her identifier.
type Person struct {
	AfiliadoID  string
	Name        string // to tell accounts apart
	DisplayName string
}

// BeginCreate begins a ceremony that makes a passkey in the browser with that hash
// (login.Server.Browser), and returns the options for navigator.credentials.create.
// Devices that hold one of her live passkeys are excluded (WA-7). The caller holds
// her row.
func (p *RelyingParty) BeginCreate(ctx context.Context, tx *storage.Tx, browserHash string, who Person, now time.Time) (json.RawMessage, error) {
	handle, err := tx.UserHandle(ctx, who.AfiliadoID, now)
	if err != nil {
		return nil, err
	}
	passkeys, err := tx.Passkeys(ctx, who.AfiliadoID, now)
	if err != nil {
		return nil, err
	}
	u, err := userOf(handle, passkeys)
	if err != nil {
		return nil, err
	}
	u.name, u.display = who.Name, who.DisplayName
	excluded := make([]protocol.CredentialDescriptor, len(u.credentials))
	for i, c := range u.credentials {
		excluded[i] = c.Descriptor()
	}
	options, data, err := p.web.BeginRegistration(u, webauthn.WithExclusions(excluded), webauthn.WithCredentialParameters(algorithms()))
	if err != nil {
		return nil, fmt.Errorf("passkey: begin: %w", err)
	}
	c := storage.Ceremony{Kind: storage.CeremonyCreate, BrowserHash: browserHash, AfiliadoID: who.AfiliadoID}
	if err := keep(ctx, tx, c, data, now); err != nil {
		return nil, err
	}
	return json.Marshal(options)
}

// FinishCreate checks the response of a ceremony that BeginCreate began for the same
// person in the same browser. The passkey it returns is not stored: the caller names
// it, says in which browser it was made, and calls tx.AddPasskey. The caller holds
// her row. A response that makes none is *Refused.
func (p *RelyingParty) FinishCreate(ctx context.Context, tx *storage.Tx, browserHash, afiliadoID, response string, now time.Time) (*storage.Passkey, error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(response))
	if err != nil || len(parsed.RawID) > MaxCredentialID {
		return nil, &Refused{Reason: ReasonMalformed, cause: err}
	}
	c := storage.Ceremony{Kind: storage.CeremonyCreate, BrowserHash: browserHash, AfiliadoID: afiliadoID}
	data, err := spend(ctx, tx, c, parsed.Response.CollectedClientData.Challenge, now)
	if err != nil {
		return nil, err
	}
	credential, err := p.web.CreateCredential(&user{handle: data.UserID}, data, parsed)
	if err != nil {
		return nil, &Refused{Reason: ReasonInvalid, cause: err}
	}
	id := base64.RawURLEncoding.EncodeToString(credential.ID)
	_, err = tx.PasskeyByCredential(ctx, id)
	if err == nil {
		return nil, &Refused{Reason: ReasonTaken}
	}
	if !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	text, err := json.Marshal(credential)
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	return &storage.Passkey{
		ID: storage.NewID(), AfiliadoID: afiliadoID, CredentialID: id, Credential: string(text), BackedUp: credential.Flags.BackupState,
		CreatedAt: storage.At(now),
	}, nil
}

// Synced reports whether a passkey lives in an account of its provider and comes to
// the other devices of its person (BE), rather than in one device only.
func Synced(p storage.Passkey) bool {
	var c webauthn.Credential
	return json.Unmarshal([]byte(p.Credential), &c) == nil && c.Flags.BackupEligible
}
