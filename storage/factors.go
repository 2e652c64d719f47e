package storage

import (
	"context"
	"fmt"
	"time"
)

// Factors is what a person can prove who she is with beside her clave.
type Factors struct {
	Passkeys   int  `db:"passkeys"`    // that may prove her at the moment asked
	TOTP       bool `db:"totp"`        // an authenticator application, confirmed
	Codes      int  `db:"codes"`       // recovery codes that are left
	SecondStep bool `db:"second_step"` // she wishes to be asked for one after each clave
	Declined   bool `db:"declined"`    // she wishes to be offered no passkey any more
}

// Any reports whether there is a factor to bind another one with; recovery codes
// alone are none.
func (f Factors) Any() bool { return f.Passkeys > 0 || f.TOTP }

// factorColumns count the factors of the person of row a; each takes the moment.
const factorColumns = `(SELECT COUNT(*) FROM passkey p WHERE p.afiliado_id = a.id AND p.cloned_at = 0 AND (p.revoked_at = 0 OR p.revoked_at > ?)) AS passkeys,
		EXISTS (SELECT 1 FROM totp t WHERE t.afiliado_id = a.id AND t.confirmed_at > 0 AND (t.removed_at = 0 OR t.removed_at > ?)) AS totp,
		(SELECT COUNT(*) FROM recovery_code r WHERE r.afiliado_id = a.id AND r.used_at = 0) AS codes,
		COALESCE((SELECT f.second_step FROM preference f WHERE f.afiliado_id = a.id), FALSE) AS second_step,
		EXISTS (SELECT 1 FROM preference f WHERE f.afiliado_id = a.id AND f.declined_at > 0) AS declined`

// Factors counts those of a person at now; ErrNotFound where there is no such
// person.
func (r reads) Factors(ctx context.Context, afiliadoID string, now time.Time) (Factors, error) {
	var f Factors
	if err := r.get(ctx, &f, `SELECT `+factorColumns+` FROM afiliado a WHERE a.id = ?`, At(now), At(now), afiliadoID); err != nil {
		return Factors{}, fmt.Errorf("storage: factors: %w", err)
	}
	return f, nil
}
