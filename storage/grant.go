package storage

import (
	"context"
	"fmt"
	"time"
)

// Grant is the family of tokens that came from one code (OAuth 2.0 "grant").
type Grant struct {
	ID            string  `db:"id"`
	ClientID      string  `db:"client_id"`
	AfiliadoID    string  `db:"afiliado_id"`
	SessionID     string  `db:"session_id"`
	SID           string  `db:"sid"`
	Scope         string  `db:"scope"`
	Claims        string  `db:"claims"`    // the claims parameter, "" for none
	Resources     string  `db:"resources"` // audiences it may give tokens for (RFC 8707), space-separated; "" for none in particular
	Nonce         string  `db:"nonce"`
	AuthAt        Instant `db:"auth_at"`
	ACR           string  `db:"acr"`
	AMR           string  `db:"amr"`
	CreatedAt     Instant `db:"created_at"`
	ExpiresAt     Instant `db:"expires_at"` // absolute: no refresh lives longer
	RevokedAt     Instant `db:"revoked_at"`
	RevokedReason string  `db:"revoked_reason"`
	JKT           string  `db:"jkt"` // thumbprint of the DPoP key its refresh tokens are bound to, "" for none
	X5T           string  `db:"x5t"` // the same of a client certificate, hashed

	// ClaveDueAt is when the person's clave falls due, zero for never, RecoveredAt
	// when it was last generated or recovered. They are not stored with the grant:
	// LockRefreshToken reads them.
	ClaveDueAt  Instant `db:"clave_due_at"`
	RecoveredAt Instant `db:"recovered_at"`
}

const grantColumns = `g.id, g.client_id, g.afiliado_id, g.session_id, g.sid, g.scope, g.claims, g.resources, g.nonce, g.auth_at, g.acr, g.amr,
	g.created_at, g.expires_at, g.revoked_at, g.revoked_reason, g.jkt, g.x5t`

// AccessToken is an opaque access token, or the record of a JWT one.
type AccessToken struct {
	Hash      string  `db:"hash"`
	GrantID   string  `db:"grant_id"` // "" for client_credentials
	ClientID  string  `db:"client_id"`
	Scope     string  `db:"scope"`
	Audience  string  `db:"audience"`
	CreatedAt Instant `db:"created_at"`
	ExpiresAt Instant `db:"expires_at"`
	JKT       string  `db:"jkt"` // thumbprint of the DPoP key it is bound to (RFC 9449), "" for none
	X5T       string  `db:"x5t"` // hash of the client certificate it is bound to (RFC 8705), "" for none
}

// RefreshToken is one link of a grant's chain of refresh tokens.
type RefreshToken struct {
	Hash         string  `db:"hash"`
	GrantID      string  `db:"grant_id"`
	CreatedAt    Instant `db:"created_at"`
	UsedAt       Instant `db:"used_at"`
	ChildHash    string  `db:"child_hash"` // the newest token minted from this one
	Replacements int     `db:"replacements"`
	RevokedAt    Instant `db:"revoked_at"`
}

const refreshColumns = `hash, grant_id, created_at, used_at, child_hash, replacements, revoked_at`

// AddGrant stores a new grant. It is ErrNotFound where the person has taken back
// meanwhile what she allowed the application (CloseAccess).
func (tx *Tx) AddGrant(ctx context.Context, g Grant) error {
	n, err := tx.exec(ctx, `INSERT INTO oauth_grant (id, client_id, afiliado_id, session_id, sid, scope, claims, resources, nonce, auth_at, acr, amr,
		created_at, expires_at, jkt, x5t) SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT),
		CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BIGINT),
		CAST(? AS TEXT), CAST(? AS TEXT)
		WHERE NOT EXISTS (SELECT 1 FROM consent k WHERE k.afiliado_id = ? AND k.client_id = ? AND k.withdrawn_at > 0)`,
		g.ID, g.ClientID, g.AfiliadoID, g.SessionID, g.SID, g.Scope, g.Claims, g.Resources, g.Nonce, g.AuthAt, g.ACR, g.AMR,
		g.CreatedAt, g.ExpiresAt, g.JKT, g.X5T, g.AfiliadoID, g.ClientID)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("storage: add grant: %w", err)
	}
	return nil
}

// RevokeGrant ends every token of the grant and reports whether it was live.
func (tx *Tx) RevokeGrant(ctx context.Context, id, reason string, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE oauth_grant SET revoked_at = ?, revoked_reason = ? WHERE id = ? AND revoked_at = 0`, At(now), reason, id)
	if err != nil {
		return false, fmt.Errorf("storage: revoke grant: %w", err)
	}
	return n > 0, nil
}

// AddAccessToken stores an access token by its hash.
func (tx *Tx) AddAccessToken(ctx context.Context, t AccessToken) error { return t.add(ctx, tx.run) }

// AddAccessToken stores an access token to which nothing else belongs.
func (db *DB) AddAccessToken(ctx context.Context, t AccessToken) error { return t.add(ctx, db.alone) }

func (t AccessToken) add(ctx context.Context, run func(ctx context.Context, query string, args ...any) error) error {
	err := run(ctx, `INSERT INTO access_token (hash, grant_id, client_id, scope, audience, created_at, expires_at, jkt, x5t)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		t.Hash, t.GrantID, t.ClientID, t.Scope, t.Audience, t.CreatedAt, t.ExpiresAt, t.JKT, t.X5T)
	if err != nil {
		return fmt.Errorf("storage: add access token: %w", err)
	}
	return nil
}

// Bearer is what an access token stands for, read at once.
type Bearer struct {
	AccessToken
	Claims      string // the grant's claims parameter
	Afiliado    *Afiliado
	ClaveDueAt  Instant // when her clave falls due; zero: never
	RecoveredAt Instant // when a clave of hers was last generated or recovered; zero: never
}

// Bearer returns what a live access token of a live grant stands for; expired,
// revoked, or of a disabled person is ErrNotFound. Tokens of no grant
// (client_credentials) are not found here.
func (r reads) Bearer(ctx context.Context, hash string, now time.Time) (*Bearer, error) {
	var row struct {
		afiliadoRow
		GrantID   string  `db:"t_grant_id"`
		ClientID  string  `db:"t_client_id"`
		Scope     string  `db:"t_scope"`
		Audience  string  `db:"t_audience"`
		CreatedAt Instant `db:"t_created_at"`
		ExpiresAt Instant `db:"t_expires_at"`
		JKT       string  `db:"t_jkt"`
		X5T       string  `db:"t_x5t"`
		Claims    string  `db:"g_claims"`
		DueAt     Instant `db:"c_due_at"`
		Recovered Instant `db:"c_recovered_at"`
	}
	err := r.get(ctx, &row, `SELECT `+afiliadoColumns+`, t.grant_id AS t_grant_id, t.client_id AS t_client_id, t.scope AS t_scope,
		t.audience AS t_audience, t.created_at AS t_created_at, t.expires_at AS t_expires_at,
		t.jkt AS t_jkt, t.x5t AS t_x5t, g.claims AS g_claims,
		COALESCE(c.due_at, 0) AS c_due_at, COALESCE(c.recovered_at, 0) AS c_recovered_at
		FROM access_token t JOIN oauth_grant g ON g.id = t.grant_id JOIN afiliado a ON a.id = g.afiliado_id
		LEFT JOIN clave c ON c.afiliado_id = a.id
		WHERE t.hash = ? AND t.expires_at > ? AND g.revoked_at = 0 AND a.disabled_at = 0`, hash, At(now))
	if err != nil {
		return nil, fmt.Errorf("storage: bearer: %w", err)
	}
	a, err := r.db.openAfiliado(row.afiliadoRow)
	if err != nil {
		return nil, err
	}
	token := AccessToken{hash, row.GrantID, row.ClientID, row.Scope, row.Audience, row.CreatedAt, row.ExpiresAt, row.JKT, row.X5T}
	return &Bearer{token, row.Claims, a, row.DueAt, row.Recovered}, nil
}

// AddRefreshToken stores a refresh token by its hash.
func (tx *Tx) AddRefreshToken(ctx context.Context, t RefreshToken) error {
	err := tx.run(ctx, `INSERT INTO refresh_token (hash, grant_id, created_at) VALUES (?, ?, ?)`, t.Hash, t.GrantID, t.CreatedAt)
	if err != nil {
		return fmt.Errorf("storage: add refresh token: %w", err)
	}
	return nil
}

// LockRefreshToken returns a refresh token and its grant and holds the grant's
// row, so that two uses of one family take turns. Revoked and used ones are
// returned too: what they mean is the caller's rule. That of a disabled person
// is ErrNotFound.
func (tx *Tx) LockRefreshToken(ctx context.Context, hash string) (*RefreshToken, *Grant, error) {
	var g Grant
	err := tx.get(ctx, &g, `SELECT `+grantColumns+`, COALESCE((SELECT c.due_at FROM clave c WHERE c.afiliado_id = g.afiliado_id), 0) AS clave_due_at,
		COALESCE((SELECT c.recovered_at FROM clave c WHERE c.afiliado_id = g.afiliado_id), 0) AS recovered_at
		FROM oauth_grant g WHERE g.id = (SELECT grant_id FROM refresh_token WHERE hash = ?)
		AND EXISTS (SELECT 1 FROM afiliado a WHERE a.id = g.afiliado_id AND a.disabled_at = 0)`+tx.db.dia.forUpdate, hash)
	if err != nil {
		return nil, nil, fmt.Errorf("storage: lock refresh token: %w", err)
	}
	t, err := tx.RefreshToken(ctx, hash) // after the lock: as the last holder of it left it
	if err != nil {
		return nil, nil, err
	}
	return t, &g, nil
}

// RefreshToken returns a refresh token, whatever its state.
func (r reads) RefreshToken(ctx context.Context, hash string) (*RefreshToken, error) {
	var t RefreshToken
	if err := r.get(ctx, &t, `SELECT `+refreshColumns+` FROM refresh_token WHERE hash = ?`, hash); err != nil {
		return nil, fmt.Errorf("storage: refresh token: %w", err)
	}
	return &t, nil
}

// UseRefreshToken notes that child was minted from the token. The first use
// sets the time; a later one is a replacement and counts as such.
func (tx *Tx) UseRefreshToken(ctx context.Context, hash, child string, now time.Time) error {
	err := tx.run(ctx, `UPDATE refresh_token SET replacements = replacements + CASE WHEN used_at = 0 THEN 0 ELSE 1 END,
		used_at = CASE WHEN used_at = 0 THEN ? ELSE used_at END, child_hash = ? WHERE hash = ?`, At(now), child, hash)
	if err != nil {
		return fmt.Errorf("storage: use refresh token: %w", err)
	}
	return nil
}

// RevokeRefreshToken ends one refresh token, not its family.
func (tx *Tx) RevokeRefreshToken(ctx context.Context, hash string, now time.Time) error {
	if err := tx.run(ctx, `UPDATE refresh_token SET revoked_at = ? WHERE hash = ? AND revoked_at = 0`, At(now), hash); err != nil {
		return fmt.Errorf("storage: revoke refresh token: %w", err)
	}
	return nil
}
