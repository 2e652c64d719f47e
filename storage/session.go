package storage

import (
	"context"
	"fmt"
	"time"
)

// Session is a browser in which a person has signed in (SSO).
type Session struct {
	ID         string  `db:"id"`
	SecretHash string  `db:"secret_hash"` // Hash of what the cookie carries
	AfiliadoID string  `db:"afiliado_id"`
	AMR        string  `db:"amr"` // space-separated (RFC 8176)
	ACR        string  `db:"acr"`
	AuthAt     Instant `db:"auth_at"` // when she last proved who she is
	SeenAt     Instant `db:"seen_at"`
	CreatedAt  Instant `db:"created_at"`
	ExpiresAt  Instant `db:"expires_at"` // absolute limit
	EndedAt    Instant `db:"ended_at"`
	UserAgent  string  `db:"user_agent"`
	ProvedAt   Instant `db:"proved_at"` // when she last did, also by less than ACR; zero: at AuthAt
	Offer      bool    `db:"offer"`     // a passkey is still to be offered
	Shared     bool    `db:"shared"`    // on a computer that several people share
	Network    string  `db:"network"`   // that it was last proved from, coarse
}

// DoneMAC shows of an address that we made it, so that a page may say to the person of
// a session that what it says was done.
func (db *DB) DoneMAC(said string) []byte { return db.cfg.Keys.MAC("done", said) }

const sessionColumns = `s.id, s.secret_hash, s.afiliado_id, s.amr, s.acr, s.auth_at, s.seen_at, s.created_at, s.expires_at, s.ended_at, s.user_agent,
	s.proved_at, s.offer, s.shared, s.network`

// AddSession stores a new session.
func (tx *Tx) AddSession(ctx context.Context, s Session) error {
	err := tx.run(ctx, `INSERT INTO session (id, secret_hash, afiliado_id, amr, acr, auth_at, seen_at, created_at, expires_at, user_agent,
		proved_at, offer, shared, network) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, s.ID, s.SecretHash, s.AfiliadoID, s.AMR, s.ACR,
		s.AuthAt, s.SeenAt, s.CreatedAt, s.ExpiresAt, s.UserAgent, s.ProvedAt, s.Offer, s.Shared, s.Network)
	if err != nil {
		return fmt.Errorf("storage: add session: %w", err)
	}
	return nil
}

// SessionBySecret returns the session whose cookie hashes to secretHash, if it
// is live: not ended, before its absolute limit, seen after idleSince, and its
// person not disabled. Anything else is ErrNotFound.
func (r reads) SessionBySecret(ctx context.Context, secretHash string, now, idleSince time.Time) (*Session, error) {
	var s Session
	err := r.get(ctx, &s, `SELECT `+sessionColumns+` FROM session s JOIN afiliado a ON a.id = s.afiliado_id
		WHERE s.secret_hash = ? AND s.ended_at = 0 AND s.expires_at > ? AND s.seen_at > ? AND a.disabled_at = 0`,
		secretHash, At(now), At(idleSince))
	if err != nil {
		return nil, fmt.Errorf("storage: session: %w", err)
	}
	return &s, nil
}

// LockSession returns the session by id, live or not, and holds its row.
func (tx *Tx) LockSession(ctx context.Context, id string) (*Session, error) {
	var s Session
	err := tx.get(ctx, &s, `SELECT `+sessionColumns+` FROM session s WHERE s.id = ?`+tx.db.dia.forUpdate, id)
	if err != nil {
		return nil, fmt.Errorf("storage: lock session: %w", err)
	}
	return &s, nil
}

// RenewSession replaces the secret of a session whose person has proved again
// who she is, with what that proof was: the old cookie opens nothing from now on
// (ASVS 7.2.4). A session that has ended is ErrNotFound.
func (tx *Tx) RenewSession(ctx context.Context, s Session) error {
	n, err := tx.exec(ctx, `UPDATE session SET secret_hash = ?, amr = ?, acr = ?, auth_at = ?, seen_at = ?, expires_at = ?, user_agent = ?,
		proved_at = ?, offer = ?, shared = ?, network = ? WHERE id = ? AND ended_at = 0`, s.SecretHash, s.AMR, s.ACR, s.AuthAt, s.SeenAt, s.ExpiresAt,
		s.UserAgent, s.ProvedAt, s.Offer, s.Shared, s.Network, s.ID)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("storage: renew session: %w", err)
	}
	return nil
}

// SurplusSessions returns the ids of a person's live sessions beyond the newest
// keep (ASVS 7.1.2).
func (r reads) SurplusSessions(ctx context.Context, afiliadoID string, keep int, now time.Time) ([]string, error) {
	var out []string
	err := r.list(ctx, &out, `SELECT id FROM session WHERE afiliado_id = ? AND ended_at = 0 AND expires_at > ?
		ORDER BY auth_at DESC, id LIMIT 1000 OFFSET ?`, afiliadoID, At(now), keep)
	if err != nil {
		return nil, fmt.Errorf("storage: surplus sessions: %w", err)
	}
	return out, nil
}

// HoldSession holds the row of a session that is live, and whose person is not
// disabled, until the transaction ends; otherwise it is ErrNotFound. It returns
// when that person's clave falls due, and when it was last generated or recovered;
// zero for never.
func (tx *Tx) HoldSession(ctx context.Context, id string, now time.Time) (Instant, Instant, error) {
	var clave struct {
		DueAt       Instant `db:"due_at"`
		RecoveredAt Instant `db:"recovered_at"`
	}
	err := tx.get(ctx, &clave, `SELECT COALESCE((SELECT c.due_at FROM clave c WHERE c.afiliado_id = s.afiliado_id), 0) AS due_at,
		COALESCE((SELECT c.recovered_at FROM clave c WHERE c.afiliado_id = s.afiliado_id), 0) AS recovered_at
		FROM session s WHERE s.id = ? AND s.ended_at = 0 AND s.expires_at > ?
		AND EXISTS (SELECT 1 FROM afiliado a WHERE a.id = s.afiliado_id AND a.disabled_at = 0)`+tx.db.dia.forUpdate, id, At(now))
	if err != nil {
		return Instant{}, Instant{}, fmt.Errorf("storage: hold session: %w", err)
	}
	return clave.DueAt, clave.RecoveredAt, nil
}

// TouchSession notes that the person is still there.
func (tx *Tx) TouchSession(ctx context.Context, id string, now time.Time) error {
	if err := tx.run(ctx, `UPDATE session SET seen_at = ? WHERE id = ? AND seen_at < ?`, At(now), id, At(now)); err != nil {
		return fmt.Errorf("storage: touch session: %w", err)
	}
	return nil
}

// onlyWithSession picks the grants that live no longer than their session. The
// underscore is escaped, or it would stand for any character.
const onlyWithSession = `' ' || scope || ' ' NOT LIKE '% offline!_access %' ESCAPE '!'`

// EndSession ends a session because of reason, one of the causes, revokes the
// grants that live only with it, those without offline_access, and queues what
// tells its applications. It reports whether the session was still open.
func (tx *Tx) EndSession(ctx context.Context, id, reason string, now time.Time) (bool, error) {
	n, err := tx.endSessions(ctx, `s.id = ?`, now, id)
	if err == nil && n > 0 {
		err = tx.queueRevoked(ctx, `s.id = ?`, reason, now, id)
	}
	if err == nil {
		err = tx.run(ctx, `UPDATE oauth_grant SET revoked_at = ?, revoked_reason = ? WHERE session_id = ? AND revoked_at = 0
			AND `+onlyWithSession, At(now), reason, id)
	}
	if err != nil {
		return false, fmt.Errorf("storage: end session: %w", err)
	}
	return n > 0, nil
}

// EndSessions ends every session of a person but the one named except ("": all)
// and revokes her grants, those with offline_access too, but the ones that live
// with the session named. It queues what tells the applications of either.
func (tx *Tx) EndSessions(ctx context.Context, afiliadoID, except, reason string, now time.Time) error {
	_, err := tx.endSessions(ctx, `s.afiliado_id = ? AND s.id <> ?`, now, afiliadoID, except)
	if err == nil {
		err = tx.queueGrantLogouts(ctx, afiliadoID, except, now)
	}
	if err == nil {
		err = tx.queueAllRevoked(ctx, afiliadoID, except, reason, now)
	}
	if err == nil {
		err = tx.run(ctx, `UPDATE oauth_grant SET revoked_at = ?, revoked_reason = ? WHERE afiliado_id = ? AND (session_id = '' OR session_id <> ?)
			AND revoked_at = 0`, At(now), reason, afiliadoID, except)
	}
	if err != nil {
		return fmt.Errorf("storage: end sessions: %w", err)
	}
	return nil
}

// endSessions ends the open sessions s that match where and queues logout tokens
// for their applications; the caller queues SessionRevoked. No other statement ends
// a session, so that none ends untold. It returns how many there were.
func (tx *Tx) endSessions(ctx context.Context, where string, now time.Time, args ...any) (int64, error) {
	n, err := tx.exec(ctx, `UPDATE session AS s SET ended_at = ? WHERE s.ended_at = 0 AND `+where, append([]any{At(now)}, args...)...)
	if err != nil || n == 0 {
		return 0, err
	}
	return n, tx.queueLogouts(ctx, where, now, args...)
}

// SessionClient is an application a session has entered.
type SessionClient struct {
	SessionID string  `db:"session_id"`
	ClientID  string  `db:"client_id"`
	SID       string  `db:"sid"`
	CreatedAt Instant `db:"created_at"`
}

// JoinSession notes that the session entered an application and returns the sid
// by which that application, and no other, knows the session.
func (tx *Tx) JoinSession(ctx context.Context, sessionID, clientID string, now time.Time) (string, error) {
	var sid string
	err := tx.get(ctx, &sid, `INSERT INTO session_client (session_id, client_id, sid, created_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (session_id, client_id) DO UPDATE SET sid = session_client.sid RETURNING sid`, sessionID, clientID, NewID(), At(now))
	if err != nil {
		return "", fmt.Errorf("storage: join session: %w", err)
	}
	return sid, nil
}

// SessionClients lists the applications a session has entered.
func (r reads) SessionClients(ctx context.Context, sessionID string) ([]SessionClient, error) {
	var out []SessionClient
	err := r.list(ctx, &out, `SELECT session_id, client_id, sid, created_at FROM session_client WHERE session_id = ? ORDER BY created_at`, sessionID)
	if err != nil {
		return nil, fmt.Errorf("storage: session clients: %w", err)
	}
	return out, nil
}
