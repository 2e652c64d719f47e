package storage

import (
	"context"
	"errors"
	"fmt"
)

// Tastes are what a person has chosen of how she is served.
type Tastes struct {
	// RenewalDay is the day of the year, MMDD, on which she wishes to renew her clave;
	// 0 for any.
	RenewalDay int `db:"renewal_day"`
	// Image is the name of her personal image, "" for none.
	Image string `db:"image"`
}

// Tastes returns what a person has chosen; the zero value where she has chosen
// nothing.
func (r reads) Tastes(ctx context.Context, afiliadoID string) (Tastes, error) {
	var t Tastes
	err := r.get(ctx, &t, `SELECT renewal_day, image FROM preference WHERE afiliado_id = ?`, afiliadoID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Tastes{}, fmt.Errorf("storage: tastes: %w", err)
	}
	return t, nil
}

// SetRenewalDay remembers the day of the year on which a person wishes to renew. Her
// present due date is moved by MoveClaveDue.
func (tx *Tx) SetRenewalDay(ctx context.Context, afiliadoID string, day int) error {
	err := tx.run(ctx, `INSERT INTO preference (afiliado_id, renewal_day) VALUES (?, ?)
		ON CONFLICT (afiliado_id) DO UPDATE SET renewal_day = excluded.renewal_day`, afiliadoID, day)
	if err != nil {
		return fmt.Errorf("storage: set renewal day: %w", err)
	}
	return nil
}

// SetImage remembers the name of a person's personal image, "" for none.
func (tx *Tx) SetImage(ctx context.Context, afiliadoID, image string) error {
	err := tx.run(ctx, `INSERT INTO preference (afiliado_id, image) VALUES (?, ?)
		ON CONFLICT (afiliado_id) DO UPDATE SET image = excluded.image`, afiliadoID, image)
	if err != nil {
		return fmt.Errorf("storage: set image: %w", err)
	}
	return nil
}
