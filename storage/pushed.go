package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// PushedRequest is an authorization request that an application has handed in
// beforehand (RFC 9126).
type PushedRequest struct {
	URIHash  string // Hash of the request_uri
	ClientID string
	// Request is what was asked, checked. Its other fields are for whoever makes a
	// running request of it.
	Request   AuthRequest
	CreatedAt Instant
	ExpiresAt Instant
}

// pushedBody is what is stored of PushedRequest.Request.
type pushedBody struct {
	RedirectURI   string     `json:"redirect_uri"`
	ResponseMode  string     `json:"response_mode"`
	State         string     `json:"state,omitempty"`
	Nonce         string     `json:"nonce,omitempty"`
	Scope         string     `json:"scope"`
	CodeChallenge string     `json:"code_challenge,omitempty"`
	Params        AuthParams `json:"params"`
}

// AddPushedRequest stores a pushed request.
func (tx *Tx) AddPushedRequest(ctx context.Context, p PushedRequest) error {
	q := p.Request
	body, err := json.Marshal(pushedBody{q.RedirectURI, q.ResponseMode, q.State, q.Nonce, q.Scope, q.CodeChallenge, q.Params})
	if err != nil {
		return fmt.Errorf("storage: pushed request: %w", err)
	}
	err = tx.run(ctx, `INSERT INTO pushed_request (uri_hash, client_id, request, created_at, expires_at) VALUES (?, ?, ?, ?, ?)`,
		p.URIHash, p.ClientID, string(body), p.CreatedAt, p.ExpiresAt)
	if err != nil {
		return fmt.Errorf("storage: add pushed request: %w", err)
	}
	return nil
}

// PushedRequest returns what the client has pushed and may still use at now.
// Expired, used, unknown or another client's is ErrNotFound.
func (r reads) PushedRequest(ctx context.Context, uriHash, clientID string, now time.Time) (*PushedRequest, error) {
	var row struct {
		Request   string  `db:"request"`
		CreatedAt Instant `db:"created_at"`
		ExpiresAt Instant `db:"expires_at"`
	}
	err := r.get(ctx, &row, `SELECT request, created_at, expires_at FROM pushed_request
		WHERE uri_hash = ? AND client_id = ? AND used_at = 0 AND expires_at > ?`, uriHash, clientID, At(now))
	if err != nil {
		return nil, fmt.Errorf("storage: pushed request: %w", err)
	}
	var b pushedBody
	if err := json.Unmarshal([]byte(row.Request), &b); err != nil {
		return nil, fmt.Errorf("storage: pushed request: %w", err)
	}
	return &PushedRequest{uriHash, clientID, AuthRequest{
		ClientID: clientID, RedirectURI: b.RedirectURI, ResponseMode: b.ResponseMode, State: b.State, Nonce: b.Nonce,
		Scope: b.Scope, CodeChallenge: b.CodeChallenge, Params: b.Params,
	}, row.CreatedAt, row.ExpiresAt}, nil
}

// UsePushedRequest notes that a request that came of it was completed. Of any
// number of completions one succeeds; the others are ErrConflict. How old it is
// does not matter: the person may have taken her time.
func (tx *Tx) UsePushedRequest(ctx context.Context, uriHash string, now time.Time) error {
	n, err := tx.exec(ctx, `UPDATE pushed_request SET used_at = ? WHERE uri_hash = ? AND used_at = 0`, At(now), uriHash)
	if err == nil && n == 0 {
		err = ErrConflict
	}
	if err != nil {
		return fmt.Errorf("storage: use pushed request: %w", err)
	}
	return nil
}

// ProofNonce is the nonce of one window of time for proofs of possession (RFC
// 9449 section 8): the same in every replica, and no use for anything else.
func (db *DB) ProofNonce(window string) []byte { return db.cfg.Keys.MAC("dpop_nonce", window) }
