package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// AuthRequest is one authorization request: what the application asked, how far
// the person has come, and the one code it ends in.
type AuthRequest struct {
	ID            string
	ClientID      string
	RedirectURI   string
	ResponseMode  string // query, fragment, form_post, and the same with .jwt
	State         string
	Nonce         string
	Scope         string // granted so far, space-separated; consent may narrow it
	CodeChallenge string // S256; "" for a client registered without PKCE
	Params        AuthParams
	BrowserHash   string // of the cookie of the browser that asked
	CreatedAt     Instant
	ExpiresAt     Instant
	SessionID     string  // bound when the person is known in this request
	ProvedAt      Instant // when she proved who she is inside this request; zero: not yet
	CompletedAt   Instant

	// Set on completion.
	AfiliadoID    string
	SID           string
	AuthAt        Instant
	ACR           string
	AMR           string
	CodeHash      string
	CodeExpiresAt Instant
	CodeUsedAt    Instant
	GrantID       string
}

// AuthParams are the request parameters that steer the person's way and the
// claims she ends with (OpenID Core 3.1.2.1).
type AuthParams struct {
	Prompt       []string        `json:"prompt,omitempty"`
	MaxAge       *int64          `json:"max_age,omitempty"` // seconds; nil: not asked, 0: always again
	LoginHint    string          `json:"login_hint,omitempty"`
	HintedSub    string          `json:"hinted_sub,omitempty"` // sub of a valid id_token_hint: who may answer is the one whose DB.Subject(client, id) it is
	UILocales    string          `json:"ui_locales,omitempty"`
	ACRValues    []string        `json:"acr_values,omitempty"`    // in the application's order
	ACREssential bool            `json:"acr_essential,omitempty"` // asked by the claims parameter as essential
	Claims       json.RawMessage `json:"claims,omitempty"`        // the claims parameter, checked
	Resources    []string        `json:"resources,omitempty"`     // resource servers the tokens are for (RFC 8707), checked; consent may take some away
	JKT          string          `json:"dpop_jkt,omitempty"`      // the key the code is bound to (RFC 9449 section 10)
	Pushed       string          `json:"pushed,omitempty"`        // PushedRequest.URIHash, where it came of one
}

type authRequestRow struct {
	ID            string  `db:"id"`
	ClientID      string  `db:"client_id"`
	RedirectURI   string  `db:"redirect_uri"`
	ResponseMode  string  `db:"response_mode"`
	State         string  `db:"state"`
	Nonce         string  `db:"nonce"`
	Scope         string  `db:"scope"`
	CodeChallenge string  `db:"code_challenge"`
	Params        string  `db:"params"`
	BrowserHash   string  `db:"browser_hash"`
	CreatedAt     Instant `db:"created_at"`
	ExpiresAt     Instant `db:"expires_at"`
	SessionID     string  `db:"session_id"`
	ProvedAt      Instant `db:"proved_at"`
	CompletedAt   Instant `db:"completed_at"`
	AfiliadoID    string  `db:"afiliado_id"`
	SID           string  `db:"sid"`
	AuthAt        Instant `db:"auth_at"`
	ACR           string  `db:"acr"`
	AMR           string  `db:"amr"`
	CodeHash      *string `db:"code_hash"`
	CodeExpiresAt Instant `db:"code_expires_at"`
	CodeUsedAt    Instant `db:"code_used_at"`
	GrantID       string  `db:"grant_id"`
}

const authRequestColumns = `id, client_id, redirect_uri, response_mode, state, nonce, scope, code_challenge, params, browser_hash,
	created_at, expires_at, session_id, proved_at, completed_at, afiliado_id, sid, auth_at, acr, amr, code_hash, code_expires_at,
	code_used_at, grant_id`

func (r authRequestRow) noun() (*AuthRequest, error) {
	q := &AuthRequest{
		ID: r.ID, ClientID: r.ClientID, RedirectURI: r.RedirectURI, ResponseMode: r.ResponseMode, State: r.State, Nonce: r.Nonce,
		Scope: r.Scope, CodeChallenge: r.CodeChallenge, BrowserHash: r.BrowserHash, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt,
		SessionID: r.SessionID, ProvedAt: r.ProvedAt, CompletedAt: r.CompletedAt, AfiliadoID: r.AfiliadoID, SID: r.SID, AuthAt: r.AuthAt,
		ACR: r.ACR, AMR: r.AMR, CodeExpiresAt: r.CodeExpiresAt, CodeUsedAt: r.CodeUsedAt, GrantID: r.GrantID,
	}
	if r.CodeHash != nil {
		q.CodeHash = *r.CodeHash
	}
	if err := json.Unmarshal([]byte(r.Params), &q.Params); err != nil {
		return nil, fmt.Errorf("storage: auth request params: %w", err)
	}
	return q, nil
}

// AddAuthRequest stores a new request.
func (tx *Tx) AddAuthRequest(ctx context.Context, q AuthRequest) error {
	params, err := json.Marshal(q.Params)
	if err != nil {
		return fmt.Errorf("storage: auth request params: %w", err)
	}
	err = tx.run(ctx, `INSERT INTO auth_request (id, client_id, redirect_uri, response_mode, state, nonce, scope, code_challenge, params,
		browser_hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		q.ID, q.ClientID, q.RedirectURI, q.ResponseMode, q.State, q.Nonce, q.Scope, q.CodeChallenge, string(params), q.BrowserHash,
		q.CreatedAt, q.ExpiresAt)
	if err != nil {
		return fmt.Errorf("storage: add auth request: %w", err)
	}
	return nil
}

func (r reads) authRequest(ctx context.Context, query string, args ...any) (*AuthRequest, error) {
	var row authRequestRow
	if err := r.get(ctx, &row, query, args...); err != nil {
		return nil, fmt.Errorf("storage: auth request: %w", err)
	}
	return row.noun()
}

// AuthRequest returns the request, running, completed or expired.
func (r reads) AuthRequest(ctx context.Context, id string) (*AuthRequest, error) {
	return r.authRequest(ctx, `SELECT `+authRequestColumns+` FROM auth_request WHERE id = ?`, id)
}

// LockAuthRequest returns the request and holds its row: whoever completes it
// does so once.
func (tx *Tx) LockAuthRequest(ctx context.Context, id string) (*AuthRequest, error) {
	return tx.authRequest(ctx, `SELECT `+authRequestColumns+` FROM auth_request WHERE id = ?`+tx.db.dia.forUpdate, id)
}

// AuthRequestByCode returns the request whose code hashes to codeHash, used or
// not, expired or not.
func (r reads) AuthRequestByCode(ctx context.Context, codeHash string) (*AuthRequest, error) {
	return r.authRequest(ctx, `SELECT `+authRequestColumns+` FROM auth_request WHERE code_hash = ?`, codeHash)
}

// ProveAuthRequest notes that the person of the session proved who she is
// inside the request, at at.
func (tx *Tx) ProveAuthRequest(ctx context.Context, id, sessionID string, at time.Time) error {
	err := tx.run(ctx, `UPDATE auth_request SET session_id = ?, proved_at = ? WHERE id = ? AND completed_at = 0`, sessionID, At(at), id)
	if err != nil {
		return fmt.Errorf("storage: prove auth request: %w", err)
	}
	return nil
}

// CompleteAuthRequest ends the request, with a code (q.CodeHash) or, after a
// refusal, without; one that needed no page is stored by this alone. The row
// stays until q.ExpiresAt so that a replayed code can be told from an unknown
// one. A request completes once: again is ErrConflict.
func (tx *Tx) CompleteAuthRequest(ctx context.Context, q AuthRequest) error {
	var code *string
	if q.CodeHash != "" {
		code = &q.CodeHash
	}
	params, err := json.Marshal(q.Params)
	if err != nil {
		return fmt.Errorf("storage: auth request params: %w", err)
	}
	n, err := tx.exec(ctx, `INSERT INTO auth_request (id, client_id, redirect_uri, response_mode, state, nonce, scope, code_challenge, params,
		browser_hash, created_at, expires_at, session_id, proved_at, completed_at, afiliado_id, sid, auth_at, acr, amr, code_hash, code_expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET completed_at = excluded.completed_at, session_id = excluded.session_id,
		afiliado_id = excluded.afiliado_id, sid = excluded.sid, auth_at = excluded.auth_at, acr = excluded.acr, amr = excluded.amr,
		scope = excluded.scope, params = excluded.params, code_hash = excluded.code_hash, code_expires_at = excluded.code_expires_at, expires_at = excluded.expires_at
		WHERE auth_request.completed_at = 0`,
		q.ID, q.ClientID, q.RedirectURI, q.ResponseMode, q.State, q.Nonce, q.Scope, q.CodeChallenge, string(params), q.BrowserHash, q.CreatedAt,
		q.ExpiresAt, q.SessionID, q.ProvedAt, q.CompletedAt, q.AfiliadoID, q.SID, q.AuthAt, q.ACR, q.AMR, code, q.CodeExpiresAt)
	if err == nil && n == 0 {
		err = ErrConflict
	}
	if err != nil {
		return fmt.Errorf("storage: complete auth request: %w", err)
	}
	return nil
}

// UseCode spends a code for grantID. Only one caller ever gets the request back;
// for everybody else, and for a code that is expired, unknown or another
// client's, it is ErrNotFound (RFC 6749 section 4.1.2).
func (tx *Tx) UseCode(ctx context.Context, codeHash, clientID, grantID string, now time.Time) (*AuthRequest, error) {
	return tx.authRequest(ctx, `UPDATE auth_request SET code_used_at = ?, grant_id = ? WHERE code_hash = ? AND client_id = ?
		AND code_used_at = 0 AND code_expires_at > ? RETURNING `+authRequestColumns, At(now), grantID, codeHash, clientID, At(now))
}
