package storage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What applications are told of, by the URI under which a token names it:
// back-channel logout, and the security events of OpenID CAEP 1.0 and RISC 1.0.
const (
	BackchannelLogout = "http://schemas.openid.net/event/backchannel-logout"

	SessionRevoked   = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	CredentialChange = "https://schemas.openid.net/secevent/caep/event-type/credential-change" //nolint:gosec // the name of an event
	AccountDisabled  = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
	AccountEnabled   = "https://schemas.openid.net/secevent/risc/event-type/account-enabled"
)

// SecurityEvents are the types that an application may receive.
func SecurityEvents() []string {
	return []string{SessionRevoked, CredentialChange, AccountDisabled, AccountEnabled}
}

// EventName is how metrics and commands call a type: its last segment, as
// session-revoked.
func EventName(event string) string { return event[strings.LastIndexByte(event, '/')+1:] }

// Why sessions end, and why a security event came about.
const (
	CauseLogout    = "logout"          // the person left
	CauseReplaced  = "replaced"        // somebody else signed in at the same browser
	CauseClosed    = "closed"          // the person ended it in her account
	CauseTooMany   = "too many"        // the person has newer sessions
	CauseChanged   = "clave changed"   // or renewed
	CauseGenerated = "clave generated" // her first one
	CauseRecovered = "clave recovered"
	CauseDisavowed = "disavowed" // she said "No fui yo"
	CauseDisabled  = "disabled"  // an officer switched the account off
	CauseWithdrawn = "withdrawn" // she took back what she allowed an application, or closed its access

	CausePasskeyAdded = "passkey added"
	CausePasskeyEnded = "passkey ended"
	CauseTOTPAdded    = "authenticator application added"
	CauseTOTPEnded    = "authenticator application ended"
	CauseFactorsEnded = "factors ended" // by an officer, all of them
)

// subscribed is how a client's row says which events it receives: each between
// spaces. What it could not have been registered for is left out.
func subscribed(m ClientMetadata) string {
	var out []string
	for _, event := range m.Events {
		if m.EventsURI != "" && slices.Contains(SecurityEvents(), event) {
			out = append(out, event)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return " " + strings.Join(out, " ") + " "
}

// receives is which applications c receive an event, given as between.
const receives = `c.disabled_at = 0 AND c.events LIKE ?`

// between is what finds event in what subscribed says. No type has a character
// that stands for others.
func between(event string) string { return "% " + event + " %" }

// newEvents begins a statement that queues deliveries of security events.
const newEvents = `INSERT INTO event_delivery (id, client_id, afiliado_id, sid, event, cause, state, next_at, created_at) `

// revoked are the applications that the sessions s, which have ended, had entered
// and that receive SessionRevoked.
const revoked = `SELECT e.sid, e.client_id, s.afiliado_id
	FROM session s JOIN session_client e ON e.session_id = s.id JOIN client c ON c.id = e.client_id
	WHERE ` + receives + ` AND s.ended_at = ? AND `

// queueRevoked queues SessionRevoked for the applications that the sessions s which
// match where, and have ended at now because of cause, had entered. The sid is an
// application's own name of a session, so that each is told once.
func (tx *Tx) queueRevoked(ctx context.Context, where, cause string, now time.Time, args ...any) error {
	return tx.queueOf(ctx, revoked+where, cause, now, append([]any{between(SessionRevoked), At(now)}, args...)...)
}

// queueAllRevoked does so for all of a person's sessions but except, and for the
// applications that hold a live grant from a session that ran out, and is no longer
// on file.
func (tx *Tx) queueAllRevoked(ctx context.Context, afiliadoID, except, cause string, now time.Time) error {
	return tx.queueOf(ctx, revoked+`s.afiliado_id = ? AND s.id <> ? UNION SELECT g.sid, g.client_id, g.afiliado_id
		FROM oauth_grant g JOIN client c ON c.id = g.client_id
		WHERE `+receives+` AND g.afiliado_id = ? AND g.session_id <> ? AND g.sid <> '' AND g.revoked_at = 0 AND g.expires_at > ?`, cause, now,
		between(SessionRevoked), At(now), afiliadoID, except, between(SessionRevoked), afiliadoID, except, At(now))
}

func (tx *Tx) queueOf(ctx context.Context, sessions, cause string, now time.Time, args ...any) error {
	err := tx.run(ctx, newEvents+`SELECT r.sid, r.client_id, r.afiliado_id, r.sid, CAST(? AS TEXT), CAST(? AS TEXT), 'pending',
		CAST(? AS BIGINT), CAST(? AS BIGINT) FROM (`+sessions+`) r WHERE r.sid <> '' ON CONFLICT (id) DO NOTHING`,
		append([]any{SessionRevoked, cause, At(now), At(now)}, args...)...)
	if err != nil {
		return fmt.Errorf("storage: queue revoked sessions: %w", err)
	}
	return nil
}

// QueueEvent queues a security event about a person, which came about at now, for
// each application that receives events of that type and knows her: that she
// allowed to, or that has entered a session of hers or holds a grant, as far as
// these are on file, unless she has taken back what she allowed. No other one
// learns that there is such a person.
func (tx *Tx) QueueEvent(ctx context.Context, event, cause, afiliadoID string, now time.Time) error {
	return tx.queueEvent(ctx, event, `CAST(? AS TEXT)`, afiliadoID, now, cause)
}

// queueEvent is QueueEvent with a cause that args give to an expression.
func (tx *Tx) queueEvent(ctx context.Context, event, cause, afiliadoID string, now time.Time, args ...any) error {
	args = slices.Concat([]any{NewID(), afiliadoID, event}, args, []any{At(now), At(now), between(event), afiliadoID, afiliadoID, afiliadoID, afiliadoID})
	err := tx.run(ctx, newEvents+`SELECT CAST(? AS TEXT) || ' ' || c.id, c.id, CAST(? AS TEXT), '', CAST(? AS TEXT), `+cause+`, 'pending',
		CAST(? AS BIGINT), CAST(? AS BIGINT) FROM client c WHERE `+receives+` AND (
		EXISTS (SELECT 1 FROM consent k WHERE k.afiliado_id = ? AND k.client_id = c.id AND k.withdrawn_at = 0)
		OR EXISTS (SELECT 1 FROM oauth_grant g WHERE g.afiliado_id = ? AND g.client_id = c.id)
		OR EXISTS (SELECT 1 FROM session s JOIN session_client e ON e.session_id = s.id WHERE s.afiliado_id = ? AND e.client_id = c.id))
		AND NOT EXISTS (SELECT 1 FROM consent k WHERE k.afiliado_id = ? AND k.client_id = c.id AND k.withdrawn_at > 0)`, args...)
	if err != nil {
		return fmt.Errorf("storage: queue event: %w", err)
	}
	return nil
}

// queueNewClave queues CredentialChange for a clave that is about to be set: where
// that needs no former one, it tells a recovery from a first clave.
func (tx *Tx) queueNewClave(ctx context.Context, c Clave) error {
	if c.RecoveredAt.IsZero() {
		return tx.QueueEvent(ctx, CredentialChange, CauseChanged, c.AfiliadoID, c.CreatedAt.Time)
	}
	return tx.queueEvent(ctx, CredentialChange, `CASE WHEN EXISTS (SELECT 1 FROM clave WHERE afiliado_id = ?) THEN CAST(? AS TEXT) ELSE CAST(? AS TEXT) END`,
		c.AfiliadoID, c.CreatedAt.Time, c.AfiliadoID, CauseRecovered, CauseGenerated)
}
