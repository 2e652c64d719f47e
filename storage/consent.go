package storage

import (
	"context"
	"errors"
	"fmt"
)

// Consent is what a person allowed an application to receive.
type Consent struct {
	AfiliadoID  string  `db:"afiliado_id"`
	ClientID    string  `db:"client_id"`
	Kind        string  `db:"kind"`  // notice (first party) or consent (third party)
	Scope       string  `db:"scope"` // space-separated
	Asked       string  `db:"asked"` // what she was asked for: Scope and what she left out
	CreatedAt   Instant `db:"created_at"`
	WithdrawnAt Instant `db:"withdrawn_at"`
}

// Consent returns what the person allowed the application, withdrawn ones not;
// nothing allowed is nil and no error.
func (r reads) Consent(ctx context.Context, afiliadoID, clientID string) (*Consent, error) {
	var c Consent
	err := r.get(ctx, &c, `SELECT afiliado_id, client_id, kind, scope, asked, created_at, withdrawn_at FROM consent
		WHERE afiliado_id = ? AND client_id = ? AND withdrawn_at = 0`, afiliadoID, clientID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil //nolint:nilnil // documented: nothing allowed is an answer, not a failure
	}
	if err != nil {
		return nil, fmt.Errorf("storage: consent: %w", err)
	}
	return &c, nil
}

// SaveConsent records c in place of what the person allowed before.
func (tx *Tx) SaveConsent(ctx context.Context, c Consent) error {
	err := tx.run(ctx, `INSERT INTO consent (afiliado_id, client_id, kind, scope, asked, created_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (afiliado_id, client_id) DO UPDATE SET kind = excluded.kind, scope = excluded.scope, asked = excluded.asked,
		created_at = excluded.created_at, withdrawn_at = 0`, c.AfiliadoID, c.ClientID, c.Kind, c.Scope, c.Asked, c.CreatedAt)
	if err != nil {
		return fmt.Errorf("storage: save consent: %w", err)
	}
	return nil
}
