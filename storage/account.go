package storage

import (
	"context"
	"fmt"
	"time"
)

// Account is what decides whether a person may sign in. Nothing of it is sealed.
type Account struct {
	ID         string  `db:"id"`
	Locale     string  `db:"locale"` // preferred language, "" where never chosen
	DisabledAt Instant `db:"disabled_at"`
}

// Disabled reports whether an officer has switched the account off.
func (a Account) Disabled() bool { return !a.DisabledAt.IsZero() }

// LockAccount is LockAfiliado for who needs no personal data.
func (tx *Tx) LockAccount(ctx context.Context, id string) (*Account, error) {
	var a Account
	err := tx.get(ctx, &a, `SELECT id, locale, disabled_at FROM afiliado WHERE id = ?`+tx.db.dia.forUpdate, id)
	if err != nil {
		return nil, fmt.Errorf("storage: lock account: %w", err)
	}
	return &a, nil
}

// Credentials is all that an attempt to sign in needs to know of a person, read
// at once. Nothing is opened but by PHC.
type Credentials struct {
	Account
	ClaveAt Instant // when the clave was set
	Device  *Device // nil where this browser is not known to be hers
	sealed  []byte  // the clave's hash; nil: she never had one
}

// HasClave reports whether the person has a clave.
func (c *Credentials) HasClave() bool { return len(c.sealed) > 0 }

// Credentials returns what there is for the identifier with that hash, and the
// person's lane in the browser whose device cookie hashes to deviceHash. It is one
// statement whether or not anybody is found.
func (r reads) Credentials(ctx context.Context, identifierMAC []byte, deviceHash string, now time.Time) (*Credentials, error) {
	var row struct {
		Account
		PHC      []byte   `db:"phc"`
		ClaveAt  *Instant `db:"clave_at"`
		DeviceID *string  `db:"d_id"`
		Failures *int     `db:"d_failures"`
	}
	err := r.get(ctx, &row, `SELECT a.id, a.locale, a.disabled_at, c.phc, c.created_at AS clave_at, d.id AS d_id, d.failures AS d_failures
		FROM afiliado a LEFT JOIN clave c ON c.afiliado_id = a.id
		LEFT JOIN device d ON d.afiliado_id = a.id AND d.secret_hash = ? AND d.expires_at > ?
		WHERE a.identifier_mac = ?`, deviceHash, At(now), identifierMAC)
	if err != nil {
		return nil, fmt.Errorf("storage: credentials: %w", err)
	}
	out := &Credentials{Account: row.Account, sealed: row.PHC}
	if row.ClaveAt != nil {
		out.ClaveAt = *row.ClaveAt
	}
	if row.DeviceID != nil {
		out.Device = &Device{ID: *row.DeviceID, AfiliadoID: row.ID, SecretHash: deviceHash, Failures: *row.Failures}
	}
	return out, nil
}

// Entrance is what decides whether a person may enter who has proved who she is by
// something else than her clave.
type Entrance struct {
	IdentifierMAC []byte // hash of her identifier
	Budget        LoginBudget
	Known         bool // the browser is known to be hers
}

// Entrance returns how that stands for a person in the browser whose device cookie
// hashes to deviceHash; ErrNotFound where there is no such person.
func (r reads) Entrance(ctx context.Context, afiliadoID, deviceHash string, now time.Time) (*Entrance, error) {
	var row struct {
		LoginBudget
		MAC   []byte `db:"identifier_mac"`
		Known bool   `db:"known"`
	}
	err := r.get(ctx, &row, `SELECT a.identifier_mac, COALESCE(b.failures, 0) AS failures, COALESCE(b.lock_reason, '') AS lock_reason,
		COALESCE(b.locked_at, 0) AS locked_at,
		EXISTS (SELECT 1 FROM device d WHERE d.afiliado_id = a.id AND d.secret_hash = ? AND d.expires_at > ?) AS known
		FROM afiliado a LEFT JOIN login_budget b ON b.identifier_mac = a.identifier_mac WHERE a.id = ?`, deviceHash, At(now), afiliadoID)
	if err != nil {
		return nil, fmt.Errorf("storage: entrance: %w", err)
	}
	return &Entrance{IdentifierMAC: row.MAC, Budget: row.LoginBudget, Known: row.Known}, nil
}

// PHC opens the hash of the clave; "" where there is none.
func (db *DB) PHC(c *Credentials) (string, error) {
	phc, err := db.ring.open("clave", "clave.phc/"+c.ID, c.sealed)
	return string(phc), err
}
