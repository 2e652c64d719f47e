package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"iess.gob.ec/clave/storage"
)

// mediaSecurityEvent is what a security event token is pushed as (RFC 8935
// section 2.1).
const mediaSecurityEvent = "application/secevent+jwt"

// securityEvent are the claims of a security event token (RFC 8417 section 2.2, as
// OpenID Shared Signals Framework 1.0, section 4.1, has them): neither sub nor exp,
// so that none can be taken for an ID token or an access token.
type securityEvent struct {
	Iss    string                 `json:"iss"`
	Aud    string                 `json:"aud"`
	Iat    int64                  `json:"iat"`
	JTI    string                 `json:"jti"`
	Txn    string                 `json:"txn"` // the same for all that came of one effect
	Toe    int64                  `json:"toe"`
	SubID  subjectID              `json:"sub_id"`
	Events map[string]eventClaims `json:"events"` // just one
}

// subjectID is a subject identifier (RFC 9493): iss_sub, opaque, or the complex one
// of OpenID Shared Signals Framework 1.0, section 3.2.
type subjectID struct {
	Format  string     `json:"format"`
	Iss     string     `json:"iss,omitempty"`
	Sub     string     `json:"sub,omitempty"`
	ID      string     `json:"id,omitempty"`
	User    *subjectID `json:"user,omitempty"`
	Session *subjectID `json:"session,omitempty"`
}

// eventClaims are those of one event: of OpenID CAEP 1.0 (section 2; 3.2 for
// credential-change) or of OpenID RISC 1.0 (Reason).
type eventClaims struct {
	Timestamp      int64             `json:"event_timestamp,omitempty"` // in seconds
	Initiator      string            `json:"initiating_entity,omitempty"`
	ReasonAdmin    map[string]string `json:"reason_admin,omitempty"` // by language
	ReasonUser     map[string]string `json:"reason_user,omitempty"`
	CredentialType string            `json:"credential_type,omitempty"`
	ChangeType     string            `json:"change_type,omitempty"`
	Reason         string            `json:"reason,omitempty"`
}

// securityEventFor is the security event token of d at now, signed as the
// application's ID tokens are: with a key of now, however long ago the event was.
// Each attempt gets a new one, with the same jti: an application that has seen it
// has done what it has to.
func (s *Server) securityEventFor(ctx context.Context, c *storage.Client, d storage.Delivery, now time.Time) (string, error) {
	signer, err := s.keys.typed(ctx, c.Metadata.IDTokenSignedAlg, typeSecurityEvent)
	if err != nil {
		return "", err
	}
	user := subjectID{Format: "iss_sub", Iss: s.Issuer, Sub: s.DB.Subject(*c, d.AfiliadoID)}
	subject := user
	if d.SID != "" {
		subject = subjectID{Format: "complex", User: &user, Session: &subjectID{Format: "opaque", ID: d.SID}}
	}
	payload, err := json.Marshal(securityEvent{
		Iss: s.Issuer, Aud: c.ID, Iat: now.Unix(), JTI: storage.Hash("event " + d.ID),
		Txn: s.DB.EffectID(*c, d),
		Toe: d.CreatedAt.Unix(), SubID: subject, Events: map[string]eventClaims{d.Event: claimsOf(d)},
	})
	if err != nil {
		return "", fmt.Errorf("provider: security event: %w", err)
	}
	return compact(signer, payload)
}

// Types of credentials in OpenID CAEP 1.0, section 3.2, beside password. It tells
// authenticators that are built in from those that are carried; people carry in
// their telephones what is built in there, so that the former is nearer.
const (
	credentialPasskey = "fido2-platform"
	credentialTOTP    = "app"
)

// claimsOf says what happened. Why, people and teams are told in words where the
// type does not say it all.
func claimsOf(d storage.Delivery) eventClaims {
	switch d.Event {
	case storage.SessionRevoked:
		c := because(d.Cause)
		c.Timestamp = d.CreatedAt.Unix()
		return c
	case storage.CredentialChange:
		c := eventClaims{Timestamp: d.CreatedAt.Unix(), Initiator: "user", CredentialType: "password", ChangeType: "update"}
		switch d.Cause {
		case storage.CauseGenerated:
			c.ChangeType = "create"
		case storage.CauseDisavowed:
			c = because(d.Cause)
			c.Timestamp, c.CredentialType, c.ChangeType = d.CreatedAt.Unix(), "password", "revoke"
		case storage.CauseRecovered:
			c.ReasonAdmin = because(d.Cause).ReasonAdmin
		case storage.CausePasskeyAdded:
			c.CredentialType, c.ChangeType = credentialPasskey, "create"
		case storage.CausePasskeyEnded:
			c.CredentialType, c.ChangeType = credentialPasskey, "delete"
		case storage.CauseTOTPAdded:
			c.CredentialType, c.ChangeType = credentialTOTP, "create"
		case storage.CauseTOTPEnded:
			c.CredentialType, c.ChangeType = credentialTOTP, "delete"
		case storage.CauseFactorsEnded:
			c = because(d.Cause)
			c.Timestamp, c.CredentialType, c.ChangeType = d.CreatedAt.Unix(), credentialPasskey, "revoke"
		}
		return c
	case storage.AccountDisabled:
		if d.Cause == storage.CauseDisavowed {
			return eventClaims{Reason: "hijacking"}
		}
	}
	return eventClaims{}
}

// because says who brought a thing about, and why.
func because(cause string) eventClaims {
	words := func(initiator, admin, razon, user, motivo string) eventClaims {
		c := eventClaims{Initiator: initiator, ReasonAdmin: map[string]string{"en": admin, "es": razon}}
		if user != "" {
			c.ReasonUser = map[string]string{"en": user, "es": motivo}
		}
		return c
	}
	switch cause {
	case storage.CauseLogout:
		return words("user", "The person signed out.", "La persona cerró su sesión.", "", "")
	case storage.CauseReplaced:
		return words("policy", "Another person signed in at the same browser.", "Otra persona ingresó en el mismo navegador.",
			"Somebody else has signed in at this browser.", "Otra persona ingresó en este navegador.")
	case storage.CauseClosed:
		return words("user", "The person closed the session in her account.", "La persona cerró la sesión desde su cuenta.",
			"You closed this session in your account.", "Usted cerró esta sesión desde su cuenta.")
	case storage.CauseTooMany:
		return words("policy", "The person has newer sessions, and may have only so many.", "La persona tiene sesiones más recientes y hay un máximo.",
			"You have signed in at many other places since.", "Usted ingresó después en muchos otros lugares.")
	case storage.CauseChanged:
		return words("user", "The person changed her clave and closed her other sessions.", "La persona cambió su clave y cerró sus otras sesiones.",
			"Your clave was changed.", "Se cambió su clave.")
	case storage.CauseGenerated, storage.CauseRecovered:
		return words("user", "The person set a new clave without the old one (recovery).", "La persona puso una clave nueva sin la anterior (recuperación).",
			"Your clave was recovered.", "Se recuperó su clave.")
	case storage.CauseDisavowed:
		return words("user", "The person says that somebody else uses her account (\"No fui yo\").", "La persona dice que alguien más usa su cuenta («No fui yo»).",
			"You told us that it was not you.", "Usted nos dijo que no fue usted.")
	case storage.CauseWithdrawn:
		return words("user", "The person closed this application's access.", "La persona cerró el acceso de esta aplicación.",
			"You closed the access of this application.", "Usted cerró el acceso de esta aplicación.")
	case storage.CauseDisabled:
		return words("admin", "An officer switched the account off.", "Un funcionario desactivó la cuenta.",
			"Your account was switched off.", "Su cuenta fue desactivada.")
	case storage.CauseFactorsEnded:
		return words("admin", "An officer ended the person's passkeys and second factors.", "Un funcionario terminó las llaves de acceso y los segundos factores de la persona.",
			"Your passkeys and codes were ended.", "Se terminaron sus llaves de acceso y sus códigos.")
	default:
		return eventClaims{Initiator: "policy"}
	}
}

// errInvalidKey is the code of RFC 8935 section 2.4 by which an application says
// that it does not know, or no longer trusts, the key that signed.
const errInvalidKey = "invalid_key"

// pushError is the class of a refusal: the code of RFC 8935 section 2.4, where the
// application gives one of those. Its own words are not kept.
func pushError(answer []byte) string {
	var said struct {
		Err string `json:"err"`
	}
	known := []string{"invalid_request", errInvalidKey, "invalid_issuer", "invalid_audience", "authentication_failed", "access_denied"}
	if json.Unmarshal(answer, &said) != nil || !slices.Contains(known, said.Err) {
		return "status 400"
	}
	return said.Err
}
