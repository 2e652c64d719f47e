package storage

import (
	"context"
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

// Standing returns, at once, what decides whether a person may go on to an
// application: her clave without its hash, and what she allowed it and has not
// withdrawn. Each is nil, and no error, where there is none.
func (r reads) Standing(ctx context.Context, afiliadoID, clientID string) (*Clave, *Consent, error) {
	var row struct {
		Long        *bool    `db:"long"`
		ClaveAt     *Instant `db:"c_created_at"`
		DueAt       *Instant `db:"due_at"`
		Compromised *bool    `db:"compromised"`
		Kind        *string  `db:"kind"`
		Scope       *string  `db:"scope"`
		Asked       *string  `db:"asked"`
		ConsentAt   *Instant `db:"k_created_at"`
	}
	err := r.get(ctx, &row, `SELECT c.long, c.created_at AS c_created_at, c.due_at, c.compromised, k.kind, k.scope, k.asked,
		k.created_at AS k_created_at
		FROM afiliado a LEFT JOIN clave c ON c.afiliado_id = a.id
		LEFT JOIN consent k ON k.afiliado_id = a.id AND k.client_id = ? AND k.withdrawn_at = 0
		WHERE a.id = ?`, clientID, afiliadoID)
	if err != nil {
		return nil, nil, fmt.Errorf("storage: standing: %w", err)
	}
	var clave *Clave
	if row.ClaveAt != nil {
		clave = &Clave{AfiliadoID: afiliadoID, Long: *row.Long, CreatedAt: *row.ClaveAt, DueAt: *row.DueAt, Compromised: *row.Compromised}
	}
	if row.Kind == nil {
		return clave, nil, nil
	}
	return clave, &Consent{
		AfiliadoID: afiliadoID, ClientID: clientID, Kind: *row.Kind, Scope: *row.Scope, Asked: *row.Asked, CreatedAt: *row.ConsentAt,
	}, nil
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
