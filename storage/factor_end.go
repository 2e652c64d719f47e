package storage

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// EndedFactors is how many factors of a person have just been ended, and how many
// that were to end go on.
type EndedFactors struct {
	Passkeys int64
	TOTP     int64 // 0 or 1
	Codes    int64
	Kept     int64
}

// Any reports whether one was ended.
func (e EndedFactors) Any() bool { return e.Passkeys+e.TOTP+e.Codes > 0 }

// Detail is what an audit row says of it.
func (e EndedFactors) Detail() map[string]string {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return map[string]string{"passkeys": number(e.Passkeys), "totp": number(e.TOTP), "codes": number(e.Codes), "kept": number(e.Kept)}
}

// DisavowFactors undoes what somebody else may have done to the factors of a
// person, whose row is held: what was added at since or later ends at now, and the
// second step that came with it is off; what was to end later goes on.
func (tx *Tx) DisavowFactors(ctx context.Context, afiliadoID string, since, now time.Time) (EndedFactors, error) {
	out, err := tx.endFactors(ctx, afiliadoID, since, now)
	if err != nil {
		return out, err
	}
	passkeys, err := tx.exec(ctx, `UPDATE passkey SET revoked_at = 0 WHERE afiliado_id = ? AND revoked_at > ?`, afiliadoID, At(now))
	if err == nil {
		out.Kept, err = tx.exec(ctx, `UPDATE totp SET removed_at = 0 WHERE afiliado_id = ? AND removed_at > ?`, afiliadoID, At(now))
	}
	if err != nil {
		return out, fmt.Errorf("storage: disavow factors: %w", err)
	}
	out.Kept += passkeys
	return out, nil
}

// EndFactors ends all factors of a person, whose row is held: passkeys, her
// authenticator application, recovery codes; and her second step is off.
func (tx *Tx) EndFactors(ctx context.Context, afiliadoID string, now time.Time) (EndedFactors, error) {
	return tx.endFactors(ctx, afiliadoID, time.Time{}, now)
}

func (tx *Tx) endFactors(ctx context.Context, afiliadoID string, since, now time.Time) (EndedFactors, error) {
	var out EndedFactors
	var err error
	out.Passkeys, err = tx.exec(ctx, `UPDATE passkey SET revoked_at = ? WHERE afiliado_id = ? AND created_at >= ? AND (revoked_at = 0 OR revoked_at > ?)`,
		At(now), afiliadoID, At(since), At(now))
	if err == nil {
		out.TOTP, err = tx.exec(ctx, `UPDATE totp SET removed_at = ? WHERE afiliado_id = ? AND created_at >= ? AND confirmed_at > 0
			AND (removed_at = 0 OR removed_at > ?)`, At(now), afiliadoID, At(since), At(now))
	}
	if err == nil { // one that proves nothing yet is no factor, and has no end to tell of
		err = tx.run(ctx, `DELETE FROM totp WHERE afiliado_id = ? AND created_at >= ? AND confirmed_at = 0`, afiliadoID, At(since))
	}
	if err == nil {
		out.Codes, err = tx.exec(ctx, `UPDATE recovery_code SET used_at = ? WHERE afiliado_id = ? AND created_at >= ? AND used_at = 0`,
			At(now), afiliadoID, At(since))
	}
	if err == nil && (out.TOTP > 0 || since.IsZero()) {
		err = tx.run(ctx, `UPDATE preference SET second_step = ? WHERE afiliado_id = ?`, false, afiliadoID)
	}
	if err != nil {
		return out, fmt.Errorf("storage: end factors: %w", err)
	}
	return out, nil
}
