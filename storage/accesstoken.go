package storage

import (
	"context"
	"fmt"
	"time"
)

// TokenFacts is what a live access token says about itself, with what its grant
// says about the sign-in behind it; a token of no person (client_credentials) has
// no GrantID, and no more than its own members.
type TokenFacts struct {
	AccessToken
	AfiliadoID string  `db:"afiliado_id"`
	AuthAt     Instant `db:"auth_at"`
	ACR        string  `db:"acr"`
	AMR        string  `db:"amr"`
}

// TokenFacts returns a live access token; expired, revoked, of a revoked grant or
// of a disabled person is ErrNotFound.
func (r reads) TokenFacts(ctx context.Context, hash string, now time.Time) (*TokenFacts, error) {
	var f TokenFacts
	err := r.get(ctx, &f, `SELECT t.hash, t.grant_id, t.client_id, t.scope, t.audience, t.created_at, t.expires_at, t.jkt, t.x5t,
		COALESCE(g.afiliado_id, '') AS afiliado_id, COALESCE(g.auth_at, 0) AS auth_at, COALESCE(g.acr, '') AS acr, COALESCE(g.amr, '') AS amr
		FROM access_token t LEFT JOIN oauth_grant g ON g.id = t.grant_id LEFT JOIN afiliado a ON a.id = g.afiliado_id
		WHERE t.hash = ? AND t.expires_at > ? AND (t.grant_id = '' OR (g.revoked_at = 0 AND a.disabled_at = 0))`, hash, At(now))
	if err != nil {
		return nil, fmt.Errorf("storage: token facts: %w", err)
	}
	return &f, nil
}

// RevokeAccessToken ends one access token of the client, not its family, and
// reports whether there was one.
func (tx *Tx) RevokeAccessToken(ctx context.Context, hash, clientID string) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM access_token WHERE hash = ? AND client_id = ?`, hash, clientID)
	if err != nil {
		return false, fmt.Errorf("storage: revoke access token: %w", err)
	}
	return n > 0, nil
}
