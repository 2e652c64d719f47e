package storage

import (
	"context"
	"fmt"
	"time"
)

// newLogouts begins a statement that queues logout tokens.
const newLogouts = `INSERT INTO logout_delivery (sid, client_id, session_id, afiliado_id, state, next_at, created_at) `

// told is which applications c take logout tokens.
const told = `c.backchannel_logout_uri <> '' AND c.disabled_at = 0`

// queueLogouts queues a logout token for each application that the sessions s which
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

// queueGrantLogouts queues a logout token for each application that holds a live
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

// EndedClient is an application that a session had entered which has ended.
type EndedClient struct {
	ClientID string `db:"client_id"`
	State    string `db:"state"`    // of its logout token's Delivery; "": it takes none
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
