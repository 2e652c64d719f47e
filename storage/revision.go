package storage

import (
	"context"
	"fmt"
)

// What processes cache and have to notice changing.
const (
	RevisionClient     = "client"
	RevisionSigningKey = "signing_key"
)

func (tx *Tx) bump(ctx context.Context, name string) error {
	err := tx.run(ctx, `INSERT INTO revision (name, n) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET n = revision.n + 1`, name)
	if err != nil {
		return fmt.Errorf("storage: revision: %w", err)
	}
	return nil
}

// Revisions returns how often each cached thing has changed.
func (r reads) Revisions(ctx context.Context) (map[string]int64, error) {
	var rows []struct {
		Name string `db:"name"`
		N    int64  `db:"n"`
	}
	if err := r.list(ctx, &rows, `SELECT name, n FROM revision`); err != nil {
		return nil, fmt.Errorf("storage: revisions: %w", err)
	}
	out := make(map[string]int64, len(rows))
	for _, row := range rows {
		out[row.Name] = row.N
	}
	return out, nil
}
