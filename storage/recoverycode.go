package storage

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"
)

// How many recovery codes a set has, and of how many random bytes each: 80 bits
// (ASVS 6.5.2 asks for 20 where the hash is a fast one; NIST SP 800-63B-4 section
// 4.2.1.1 for 64).
const (
	RecoveryCodes     = 10
	recoveryCodeBytes = 10
)

// NewRecoveryCodes returns a set of recovery codes as people write them down:
// 16 letters and digits, in groups of four.
func NewRecoveryCodes() []string {
	codes := make([]string, RecoveryCodes)
	for i := range codes {
		b := make([]byte, recoveryCodeBytes)
		_, _ = rand.Read(b) // never fails (crypto/rand)
		var groups []string
		for s := base32.StdEncoding.EncodeToString(b); s != ""; s = s[4:] {
			groups = append(groups, s[:4])
		}
		codes[i] = strings.Join(groups, "-")
	}
	return codes
}

// canonicalCode is a recovery code however it was typed: without what stands
// between the groups, in capitals, and with the letters for which people take the
// digits that no code has.
func canonicalCode(typed string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z', '2' <= r && r <= '7':
			return r
		case r == '0':
			return 'O'
		case r == '1':
			return 'I'
		case r == '8':
			return 'B'
		default:
			return -1
		}
	}, typed)
}

// recoveryCodeMAC is a code as it is stored: a keyed hash, for its person alone.
func (db *DB) recoveryCodeMAC(afiliadoID, typed string) []byte {
	return db.cfg.Keys.MAC("recovery_code", afiliadoID+"\x00"+canonicalCode(typed))
}

// SetRecoveryCodes gives a person these codes in place of all she had. It holds her
// row.
func (tx *Tx) SetRecoveryCodes(ctx context.Context, afiliadoID string, codes []string, now time.Time) error {
	err := tx.holdAfiliado(ctx, afiliadoID)
	if err == nil {
		err = tx.run(ctx, `DELETE FROM recovery_code WHERE afiliado_id = ?`, afiliadoID)
	}
	if err == nil && len(codes) > 0 {
		var args []any
		for _, code := range codes {
			args = append(args, tx.db.recoveryCodeMAC(afiliadoID, code), afiliadoID, At(now))
		}
		err = tx.run(ctx, `INSERT INTO recovery_code (mac, afiliado_id, created_at) VALUES `+
			strings.TrimSuffix(strings.Repeat(`(?, ?, ?), `, len(codes)), `, `), args...)
	}
	if err != nil {
		return fmt.Errorf("storage: set recovery codes: %w", err)
	}
	return nil
}

// UseRecoveryCode spends one of a person's codes, however it was typed, and reports
// whether it was one that she had: this one statement alone decides (ASVS 6.5.1).
func (tx *Tx) UseRecoveryCode(ctx context.Context, afiliadoID, typed string, now time.Time) (bool, error) {
	var used Instant
	err := tx.get(ctx, &used, `UPDATE recovery_code SET used_at = ? WHERE mac = ? AND afiliado_id = ? AND used_at = 0 RETURNING used_at`,
		At(now), tx.db.recoveryCodeMAC(afiliadoID, typed), afiliadoID)
	return oneRow(err, "use recovery code")
}

// RecoveryCodesAt returns when a person's set was made; the zero Instant where she
// has none.
func (r reads) RecoveryCodesAt(ctx context.Context, afiliadoID string) (Instant, error) {
	var at Instant
	if err := r.get(ctx, &at, `SELECT COALESCE(MAX(created_at), 0) FROM recovery_code WHERE afiliado_id = ?`, afiliadoID); err != nil {
		return Instant{}, fmt.Errorf("storage: recovery codes: %w", err)
	}
	return at, nil
}

// oneRow reports whether a conditional UPDATE … RETURNING found its row.
func oneRow(err error, what string) (bool, error) {
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("storage: %s: %w", what, err)
	}
	return true, nil
}
