package storage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// Disclosure is a set of claims that an application has been handed of a person,
// in a token or at userinfo, and when it first and last was.
type Disclosure struct {
	AfiliadoID string  `db:"afiliado_id"`
	ClientID   string  `db:"client_id"`
	Claims     string  `db:"claims"` // names, in the order of ScopeClaims, space-separated
	FirstAt    Instant `db:"first_at"`
	LastAt     Instant `db:"last_at"`
}

// disclosureBatch is how many rows one statement of AddDisclosures has.
const disclosureBatch = 500

// AddDisclosures notes what applications were handed. What is known already becomes
// known for longer, never for less. Rows are written in the order of their keys, so
// that replicas that do so at once wait for each other one way round.
func (tx *Tx) AddDisclosures(ctx context.Context, all []Disclosure) error {
	all = slices.SortedFunc(slices.Values(all), func(a, b Disclosure) int {
		return cmp.Or(cmp.Compare(a.AfiliadoID, b.AfiliadoID), cmp.Compare(a.ClientID, b.ClientID), cmp.Compare(a.Claims, b.Claims))
	})
	for part := range slices.Chunk(all, disclosureBatch) {
		var args []any
		for _, d := range part {
			args = append(args, d.AfiliadoID, d.ClientID, d.Claims, d.FirstAt, d.LastAt)
		}
		_, err := tx.execOnce(ctx, `INSERT INTO disclosure (afiliado_id, client_id, claims, first_at, last_at) VALUES `+values(len(part), 5)+`
			ON CONFLICT (afiliado_id, client_id, claims) DO UPDATE SET
			first_at = CASE WHEN excluded.first_at < disclosure.first_at THEN excluded.first_at ELSE disclosure.first_at END,
			last_at = CASE WHEN excluded.last_at > disclosure.last_at THEN excluded.last_at ELSE disclosure.last_at END`, args...)
		if err != nil {
			return fmt.Errorf("storage: add disclosures: %w", err)
		}
	}
	return nil
}

// Disclosures lists what applications have been handed of a person.
func (r reads) Disclosures(ctx context.Context, afiliadoID string) ([]Disclosure, error) {
	var out []Disclosure
	err := r.list(ctx, &out, `SELECT afiliado_id, client_id, claims, first_at, last_at FROM disclosure WHERE afiliado_id = ?
		ORDER BY client_id, first_at, claims`, afiliadoID)
	if err != nil {
		return nil, fmt.Errorf("storage: disclosures: %w", err)
	}
	return out, nil
}

// Consents lists what a person was told of, or allowed, and has taken back.
func (r reads) Consents(ctx context.Context, afiliadoID string) ([]Consent, error) {
	var out []Consent
	err := r.list(ctx, &out, `SELECT afiliado_id, client_id, kind, scope, asked, created_at, withdrawn_at FROM consent WHERE afiliado_id = ?
		ORDER BY created_at, client_id`, afiliadoID)
	if err != nil {
		return nil, fmt.Errorf("storage: consents: %w", err)
	}
	return out, nil
}

// Access is what of a person's an application can still use: the tokens of a grant,
// or its part of a session.
type Access struct {
	ClientID  string  `db:"client_id"`
	SessionID string  `db:"session_id"`
	Scope     string  `db:"scope"` // of a grant; "" of a session it has entered
	CreatedAt Instant `db:"created_at"`
	ExpiresAt Instant `db:"expires_at"`
	UserAgent string  `db:"user_agent"` // of the session; "" once that is gone
	Session   bool    `db:"live"`       // it is a live session, seen after idleSince
}

// Accesses lists the live grants and the live sessions' applications of a person,
// the newest first.
func (r reads) Accesses(ctx context.Context, afiliadoID string, now, idleSince time.Time) ([]Access, error) {
	var out []Access
	err := r.list(ctx, &out, `SELECT g.client_id AS client_id, g.session_id AS session_id, g.scope AS scope, g.created_at AS created_at,
		g.expires_at AS expires_at, COALESCE(s.user_agent, '') AS user_agent, FALSE AS live
		FROM oauth_grant g LEFT JOIN session s ON s.id = g.session_id WHERE g.afiliado_id = ? AND g.revoked_at = 0 AND g.expires_at > ?
		UNION ALL SELECT e.client_id, s.id, '', e.created_at, s.expires_at, s.user_agent, TRUE
		FROM session s JOIN session_client e ON e.session_id = s.id
		WHERE s.afiliado_id = ? AND s.ended_at = 0 AND s.expires_at > ? AND s.seen_at > ?
		ORDER BY created_at DESC, client_id`, afiliadoID, At(now), afiliadoID, At(now), At(idleSince))
	if err != nil {
		return nil, fmt.Errorf("storage: accesses: %w", err)
	}
	return out, nil
}

// CloseAccess ends all that an application can use of a person: her codes, the
// grants, its part of her sessions, of which it is told. Where she takes back what
// she allowed (withdraw), it is told of no more events about her, and has to ask
// anew; that sessions of hers have ended it still is. It holds her row, and reports whether there was anything to end.
func (tx *Tx) CloseAccess(ctx context.Context, afiliadoID, clientID string, withdraw bool, now time.Time) (bool, error) {
	var n int64
	err := tx.holdAfiliado(ctx, afiliadoID)
	count := func(query string, args ...any) {
		if err != nil {
			return
		}
		var some int64
		some, err = tx.exec(ctx, query, args...)
		n += some
	}
	if withdraw {
		count(`UPDATE consent SET withdrawn_at = ? WHERE afiliado_id = ? AND client_id = ? AND withdrawn_at = 0`, At(now), afiliadoID, clientID)
	}
	count(`UPDATE auth_request SET code_expires_at = ? WHERE afiliado_id = ? AND client_id = ? AND code_used_at = 0 AND code_expires_at > ?`,
		At(now), afiliadoID, clientID, At(now))
	if err == nil { // who spends a code holds its session: she is done before this, or sees what this leaves
		var held []string
		err = tx.list(ctx, &held, `SELECT id FROM session WHERE afiliado_id = ? AND ended_at = 0 ORDER BY id`+tx.db.dia.forUpdate, afiliadoID)
	}
	if err == nil {
		err = tx.queueClosed(ctx, afiliadoID, clientID, now)
	}
	if err == nil && withdraw {
		err = tx.run(ctx, `UPDATE event_delivery SET state = '`+DeliveryCancelled+`', done_at = ?, lease = '', leased_until = 0
			WHERE afiliado_id = ? AND client_id = ? AND state = '`+DeliveryPending+`' AND event <> '`+SessionRevoked+`'`, At(now), afiliadoID, clientID)
	}
	count(`UPDATE oauth_grant SET revoked_at = ?, revoked_reason = ? WHERE afiliado_id = ? AND client_id = ? AND revoked_at = 0 AND expires_at > ?`,
		At(now), CauseWithdrawn, afiliadoID, clientID, At(now))
	// Its name of each session goes too: the session's end is then told of once only,
	// and who comes back gets a new one.
	count(`DELETE FROM session_client WHERE client_id = ? AND session_id IN (SELECT s.id FROM session s WHERE s.afiliado_id = ? AND s.ended_at = 0)`,
		clientID, afiliadoID)
	if err != nil {
		return false, fmt.Errorf("storage: close access: %w", err)
	}
	return n > 0, nil
}

// queueClosed queues what tells an application that its part of a person's sessions
// has ended: those that are open, and those it holds a live grant of.
func (tx *Tx) queueClosed(ctx context.Context, afiliadoID, clientID string, now time.Time) error {
	const open = `SELECT e.sid, e.client_id, s.id AS session_id, s.afiliado_id FROM session s JOIN session_client e ON e.session_id = s.id
		WHERE s.afiliado_id = ? AND e.client_id = ? AND s.ended_at = 0
		UNION SELECT g.sid, g.client_id, g.session_id, g.afiliado_id FROM oauth_grant g
		WHERE g.afiliado_id = ? AND g.client_id = ? AND g.sid <> '' AND g.revoked_at = 0 AND g.expires_at > ?`
	args := []any{afiliadoID, clientID, afiliadoID, clientID, At(now)}
	err := tx.run(ctx, newLogouts+`SELECT r.sid, r.client_id, r.session_id, r.afiliado_id, 'pending', CAST(? AS BIGINT), CAST(? AS BIGINT)
		FROM (`+open+`) r JOIN client c ON c.id = r.client_id WHERE `+told+` ON CONFLICT (sid) DO NOTHING`, append([]any{At(now), At(now)}, args...)...)
	if err == nil {
		err = tx.queueOf(ctx, `SELECT o.sid, o.client_id, o.afiliado_id FROM (`+open+`) o JOIN client c ON c.id = o.client_id WHERE `+receives,
			CauseWithdrawn, now, append(args, between(SessionRevoked))...)
	}
	return err
}
