package storage

import (
	"context"
	"fmt"
	"time"
)

// What can become of a LogoutDelivery.
const (
	LogoutPending   = "pending"
	LogoutDelivered = "delivered" // the application said that its session has ended
	LogoutRefused   = "refused"   // it said that it does not take the token
	LogoutFailed    = "failed"    // it did not answer in time, however often it was asked
	LogoutCancelled = "cancelled" // it is disabled, or no longer takes logout tokens
)

// LogoutStates are those, in that order.
func LogoutStates() []string {
	return []string{LogoutPending, LogoutDelivered, LogoutRefused, LogoutFailed, LogoutCancelled}
}

// LogoutDelivery is one application to be told that a session it had entered has
// ended (OpenID Connect Back-Channel Logout 1.0). It is queued in the transaction
// that ends the session, and once only: the sid is the application's own name of
// that session.
type LogoutDelivery struct {
	SID         string  `db:"sid"`
	ClientID    string  `db:"client_id"`
	SessionID   string  `db:"session_id"`
	AfiliadoID  string  `db:"afiliado_id"`
	State       string  `db:"state"`
	Attempts    int     `db:"attempts"` // how often it was tried in vain
	NextAt      Instant `db:"next_at"`  // not before
	LeasedUntil Instant `db:"leased_until"`
	Lease       string  `db:"lease"`
	CreatedAt   Instant `db:"created_at"` // when the session ended
	DoneAt      Instant `db:"done_at"`    // when it became what State says; zero while pending
	LastError   string  `db:"last_error"` // a class, never what the application said
}

const logoutColumns = `sid, client_id, session_id, afiliado_id, state, attempts, next_at, leased_until, lease, created_at, done_at, last_error`

// newLogouts begins a statement that queues deliveries of what follows: FROM, and
// a WHERE that c, the application, satisfies too.
const newLogouts = `INSERT INTO logout_delivery (sid, client_id, session_id, afiliado_id, state, next_at, created_at) `

// told is which applications are told anything.
const told = `c.backchannel_logout_uri <> '' AND c.disabled_at = 0`

// queueLogouts queues a delivery for each application that the sessions s which
// match where, and have ended at now, had entered.
func (tx *Tx) queueLogouts(ctx context.Context, where string, now time.Time, args ...any) error {
	err := tx.run(ctx, newLogouts+`SELECT e.sid, e.client_id, s.id, s.afiliado_id, 'pending', s.ended_at, s.ended_at
		FROM session s JOIN session_client e ON e.session_id = s.id JOIN client c ON c.id = e.client_id
		WHERE `+told+` AND s.ended_at = ? AND `+where+` ON CONFLICT (sid) DO NOTHING`, append([]any{At(now)}, args...)...)
	if err != nil {
		return fmt.Errorf("storage: queue logouts: %w", err)
	}
	return nil
}

// queueGrantLogouts queues a delivery for each application that holds a live
// grant of the person from a session other than except whose end it was not told:
// one that ran out, and is no longer on file.
func (tx *Tx) queueGrantLogouts(ctx context.Context, afiliadoID, except string, now time.Time) error {
	err := tx.run(ctx, newLogouts+`SELECT DISTINCT g.sid, g.client_id, g.session_id, g.afiliado_id, 'pending', CAST(? AS BIGINT), CAST(? AS BIGINT)
		FROM oauth_grant g JOIN client c ON c.id = g.client_id
		WHERE `+told+` AND g.afiliado_id = ? AND g.session_id <> ? AND g.sid <> '' AND g.revoked_at = 0 AND g.expires_at > ?
		ON CONFLICT (sid) DO NOTHING`, At(now), At(now), afiliadoID, except, At(now))
	if err != nil {
		return fmt.Errorf("storage: queue logouts of grants: %w", err)
	}
	return nil
}

// LogoutClients returns the applications for which a delivery is due at now.
func (r reads) LogoutClients(ctx context.Context, now time.Time) ([]string, error) {
	var out []string
	err := r.list(ctx, &out, `SELECT DISTINCT client_id FROM logout_delivery WHERE state = 'pending' AND next_at <= ? AND leased_until <= ?
		ORDER BY client_id`, At(now), At(now))
	if err != nil {
		return nil, fmt.Errorf("storage: logout clients: %w", err)
	}
	return out, nil
}

// LeaseLogouts takes up to n deliveries to an application that are due at now,
// until until, and returns them. No two callers hold the same one: who takes
// longer than until has lost it, and finds out when she settles it.
func (tx *Tx) LeaseLogouts(ctx context.Context, clientID string, n int, now, until time.Time) ([]LogoutDelivery, error) {
	var out []LogoutDelivery
	err := tx.list(ctx, &out, `WITH due AS (SELECT sid FROM logout_delivery WHERE client_id = ? AND state = 'pending' AND next_at <= ? AND leased_until <= ?
		ORDER BY next_at LIMIT ?`+tx.db.dia.skip+`)
		UPDATE logout_delivery SET leased_until = ?, lease = ? WHERE sid IN (SELECT sid FROM due) AND state = 'pending' RETURNING `+logoutColumns,
		clientID, At(now), At(now), n, At(until), NewID())
	if err != nil {
		return nil, fmt.Errorf("storage: lease logouts: %w", err)
	}
	return out, nil
}

// settleLogout changes a delivery that is still leased to whoever holds d;
// ErrConflict where it is not.
func (tx *Tx) settleLogout(ctx context.Context, what string, d LogoutDelivery, set string, args ...any) error {
	n, err := tx.exec(ctx, `UPDATE logout_delivery SET lease = '', leased_until = 0, `+set+` WHERE sid = ? AND lease = ? AND state = 'pending'`,
		append(args, d.SID, d.Lease)...)
	if err == nil && n == 0 {
		err = ErrConflict
	}
	if err != nil {
		return fmt.Errorf("storage: %s logout: %w", what, err)
	}
	return nil
}

// EndLogout notes that a delivery became what state says, because of class ("":
// nothing is wrong).
func (tx *Tx) EndLogout(ctx context.Context, d LogoutDelivery, state, class string, now time.Time) error {
	return tx.settleLogout(ctx, "end", d, `state = ?, done_at = ?, last_error = ?`, state, At(now), class)
}

// RetryLogout puts a delivery off until next because of class.
func (tx *Tx) RetryLogout(ctx context.Context, d LogoutDelivery, class string, next time.Time) error {
	return tx.settleLogout(ctx, "retry", d, `attempts = attempts + 1, next_at = ?, last_error = ?`, At(next), class)
}

// ReleaseLogout gives a leased delivery back that was not tried to the end.
func (tx *Tx) ReleaseLogout(ctx context.Context, d LogoutDelivery) error {
	return tx.settleLogout(ctx, "release", d, `state = 'pending'`)
}

// EndedClient is an application that a session had entered which has ended.
type EndedClient struct {
	ClientID string `db:"client_id"`
	State    string `db:"state"`    // of its LogoutDelivery; "": it takes none
	Attempts int    `db:"attempts"` // of the same
}

// EndedClients lists the applications that a session had entered which ended
// after since, the first one first. A session that lives on has none.
func (r reads) EndedClients(ctx context.Context, sessionID string, since time.Time) ([]EndedClient, error) {
	var out []EndedClient
	err := r.list(ctx, &out, `SELECT e.client_id, COALESCE(d.state, '') AS state, COALESCE(d.attempts, 0) AS attempts
		FROM session s JOIN session_client e ON e.session_id = s.id LEFT JOIN logout_delivery d ON d.sid = e.sid
		WHERE s.id = ? AND s.ended_at > ? ORDER BY e.created_at, e.client_id`, sessionID, At(since))
	if err != nil {
		return nil, fmt.Errorf("storage: ended clients: %w", err)
	}
	return out, nil
}

// ClientLogouts lists the newest limit deliveries to an application.
func (r reads) ClientLogouts(ctx context.Context, clientID string, limit int) ([]LogoutDelivery, error) {
	var out []LogoutDelivery
	err := r.list(ctx, &out, `SELECT `+logoutColumns+` FROM logout_delivery WHERE client_id = ? ORDER BY created_at DESC, sid LIMIT ?`, clientID, limit)
	if err != nil {
		return nil, fmt.Errorf("storage: logouts of a client: %w", err)
	}
	return out, nil
}

// LogoutCount is how many deliveries to an application are in a state, and when
// the session ended that is longest past among them.
type LogoutCount struct {
	ClientID string  `db:"client_id"`
	State    string  `db:"state"`
	Count    int64   `db:"n"`
	OldestAt Instant `db:"oldest"`
}

// LogoutCounts counts the pending deliveries, and those done after since, by
// application and state.
func (r reads) LogoutCounts(ctx context.Context, since time.Time) ([]LogoutCount, error) {
	var out []LogoutCount
	err := r.list(ctx, &out, `SELECT client_id, state, COUNT(*) AS n, MIN(created_at) AS oldest FROM logout_delivery
		WHERE state = 'pending' OR done_at > ? GROUP BY client_id, state ORDER BY client_id, state`, At(since))
	if err != nil {
		return nil, fmt.Errorf("storage: logout counts: %w", err)
	}
	return out, nil
}
