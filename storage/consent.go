package storage

import (
	"context"
	"fmt"
	"time"
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

// Standing is what decides whether a person may go on to an application.
type Standing struct {
	Clave   *Clave   // without its hash; nil where she has none
	Consent *Consent // what she allowed it and has not withdrawn; nil for nothing
	Factors Factors  // those that serve now
}

// Standing returns, at once, how a person stands at now towards an application.
func (r reads) Standing(ctx context.Context, afiliadoID, clientID string, now time.Time) (Standing, error) {
	var row struct {
		Factors
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
		k.created_at AS k_created_at, `+factorColumns+`
		FROM afiliado a LEFT JOIN clave c ON c.afiliado_id = a.id
		LEFT JOIN consent k ON k.afiliado_id = a.id AND k.client_id = ? AND k.withdrawn_at = 0
		WHERE a.id = ?`, At(now), At(now), clientID, afiliadoID)
	if err != nil {
		return Standing{}, fmt.Errorf("storage: standing: %w", err)
	}
	out := Standing{Factors: row.Factors}
	if row.ClaveAt != nil {
		out.Clave = &Clave{AfiliadoID: afiliadoID, Long: *row.Long, CreatedAt: *row.ClaveAt, DueAt: *row.DueAt, Compromised: *row.Compromised}
	}
	if row.Kind != nil {
		out.Consent = &Consent{
			AfiliadoID: afiliadoID, ClientID: clientID, Kind: *row.Kind, Scope: *row.Scope, Asked: *row.Asked, CreatedAt: *row.ConsentAt,
		}
	}
	return out, nil
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
