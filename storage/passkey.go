package storage

import (
	"context"
	"fmt"
	"time"
)

// Passkey is a WebAuthn credential with which a person signs in ("llave de
// acceso"). Credential is the library's whole record of it as JSON; what stands
// beside it is for lists and rules.
type Passkey struct {
	ID           string
	AfiliadoID   string
	CredentialID string // base64url without padding, unique among everybody's (WA-7)
	Credential   string
	Handle       string // by which authenticators know its person (WA-8), base64url; AddPasskey does not read it
	Name         string // what she calls it; sealed
	BackedUp     bool   // a copy of it lay with its provider when it was used last
	UserAgent    string // of the browser in which it was made
	CreatedAt    Instant
	LastAt       Instant // of its last use, zero for never
	ClonedAt     Instant // since when its counter says that somebody has a copy of it (WA-5)
	RevokedAt    Instant // zero: never; ahead of now: it serves until then
}

// Live reports whether the passkey still serves at now. One with ClonedAt lives,
// but proves nothing any more.
func (p Passkey) Live(now time.Time) bool { return !p.RevokedAt.Past(now) }

type passkeyRow struct {
	ID           string  `db:"id"`
	AfiliadoID   string  `db:"afiliado_id"`
	CredentialID string  `db:"credential_id"`
	Credential   string  `db:"credential"`
	Handle       string  `db:"handle"`
	Name         []byte  `db:"name"`
	BackedUp     bool    `db:"backed_up"`
	UserAgent    string  `db:"user_agent"`
	CreatedAt    Instant `db:"created_at"`
	LastAt       Instant `db:"last_at"`
	ClonedAt     Instant `db:"cloned_at"`
	RevokedAt    Instant `db:"revoked_at"`
}

// selectKeys reads passkeys with the handle of their person.
const selectKeys = `SELECT p.id, p.afiliado_id, p.credential_id, p.credential, h.handle, p.name, p.backed_up, p.user_agent, p.created_at, p.last_at,
	p.cloned_at, p.revoked_at FROM passkey p JOIN user_handle h ON h.afiliado_id = p.afiliado_id`

const (
	sealPasskey = "passkey"
	placeOfName = "passkey.name/"
	// passkeyLive takes now; it is Passkey.Live.
	passkeyLive = `(revoked_at = 0 OR revoked_at > ?)` //nolint:gosec // SQL, no credential
)

func (db *DB) openPasskey(r passkeyRow) (Passkey, error) {
	name, err := db.ring.open(sealPasskey, placeOfName+r.ID, r.Name)
	return Passkey{
		ID: r.ID, AfiliadoID: r.AfiliadoID, CredentialID: r.CredentialID, Credential: r.Credential, Handle: r.Handle, Name: string(name),
		BackedUp: r.BackedUp, UserAgent: r.UserAgent, CreatedAt: r.CreatedAt, LastAt: r.LastAt, ClonedAt: r.ClonedAt, RevokedAt: r.RevokedAt,
	}, err
}

// UserHandle returns by what authenticators know the person: 32 random bytes as
// base64url, the same for good, never her identifier (WA-8). It is made where she
// has none.
func (tx *Tx) UserHandle(ctx context.Context, afiliadoID string, now time.Time) (string, error) {
	var handle string
	err := tx.get(ctx, &handle, `INSERT INTO user_handle (afiliado_id, handle, created_at) VALUES (?, ?, ?)
		ON CONFLICT (afiliado_id) DO UPDATE SET handle = user_handle.handle RETURNING handle`, afiliadoID, NewSecret(), At(now))
	if err != nil {
		return "", fmt.Errorf("storage: user handle: %w", err)
	}
	return handle, nil
}

// AddPasskey stores a new passkey of a person who has a UserHandle. A credential
// that anybody has, or had until 400 days ago (Purge), is ErrConflict (WA-7).
func (tx *Tx) AddPasskey(ctx context.Context, p Passkey) error {
	name, err := tx.db.ring.seal(sealPasskey, placeOfName+p.ID, []byte(p.Name))
	if err == nil {
		err = tx.run(ctx, `INSERT INTO passkey (id, afiliado_id, credential_id, credential, name, backed_up, user_agent, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, p.ID, p.AfiliadoID, p.CredentialID, p.Credential, name, p.BackedUp, p.UserAgent, p.CreatedAt)
	}
	if err != nil {
		return fmt.Errorf("storage: add passkey: %w", err)
	}
	return nil
}

// Passkeys lists the passkeys of a person that live at now, the oldest first.
func (r reads) Passkeys(ctx context.Context, afiliadoID string, now time.Time) ([]Passkey, error) {
	var rows []passkeyRow
	err := r.list(ctx, &rows, selectKeys+` WHERE p.afiliado_id = ? AND `+passkeyLive+` ORDER BY p.created_at, p.id`, afiliadoID, At(now))
	if err != nil {
		return nil, fmt.Errorf("storage: passkeys: %w", err)
	}
	out := make([]Passkey, len(rows))
	for i, row := range rows {
		if out[i], err = r.db.openPasskey(row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// PasskeyByCredential returns the passkey with that credential id (base64url),
// live or not.
func (r reads) PasskeyByCredential(ctx context.Context, credentialID string) (*Passkey, error) {
	var row passkeyRow
	if err := r.get(ctx, &row, selectKeys+` WHERE p.credential_id = ?`, credentialID); err != nil {
		return nil, fmt.Errorf("storage: passkey: %w", err)
	}
	p, err := r.db.openPasskey(row)
	return &p, err
}

// LockAccountByCredential is LockAccount for the person whose passkey has that
// credential id (base64url), live or not.
func (tx *Tx) LockAccountByCredential(ctx context.Context, credentialID string) (*Account, error) {
	var a Account
	err := tx.get(ctx, &a, `SELECT id, locale, disabled_at FROM afiliado WHERE id = (SELECT afiliado_id FROM passkey WHERE credential_id = ?)`+
		tx.db.dia.forUpdate, credentialID)
	if err != nil {
		return nil, fmt.Errorf("storage: lock account: %w", err)
	}
	return &a, nil
}

// UsePasskey notes that the passkey has proved its person at p.LastAt, with
// p.Credential and p.BackedUp as they are since then.
func (tx *Tx) UsePasskey(ctx context.Context, p Passkey) error {
	err := tx.run(ctx, `UPDATE passkey SET credential = ?, backed_up = ?, last_at = ? WHERE id = ?`, p.Credential, p.BackedUp, p.LastAt, p.ID)
	if err != nil {
		return fmt.Errorf("storage: use passkey: %w", err)
	}
	return nil
}

// ClonePasskey marks a passkey of which somebody has a copy (WA-5), and reports
// whether it was not marked before.
func (tx *Tx) ClonePasskey(ctx context.Context, id string, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE passkey SET cloned_at = ? WHERE id = ? AND cloned_at = 0`, At(now), id)
	if err != nil {
		return false, fmt.Errorf("storage: clone passkey: %w", err)
	}
	return n > 0, nil
}

// RenamePasskey gives a passkey of the person's that lives at now another name,
// and reports whether there was one.
func (tx *Tx) RenamePasskey(ctx context.Context, afiliadoID, id, name string, now time.Time) (bool, error) {
	sealed, err := tx.db.ring.seal(sealPasskey, placeOfName+id, []byte(name))
	var n int64
	if err == nil {
		n, err = tx.exec(ctx, `UPDATE passkey SET name = ? WHERE id = ? AND afiliado_id = ? AND `+passkeyLive, sealed, id, afiliadoID, At(now))
	}
	if err != nil {
		return false, fmt.Errorf("storage: rename passkey: %w", err)
	}
	return n > 0, nil
}

// RevokePasskey ends a passkey of the person's at the time at, now or later, and
// reports whether that changed anything: one that ends earlier keeps its end.
func (tx *Tx) RevokePasskey(ctx context.Context, afiliadoID, id string, at time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE passkey SET revoked_at = ? WHERE id = ? AND afiliado_id = ? AND `+passkeyLive, At(at), id, afiliadoID, At(at))
	if err != nil {
		return false, fmt.Errorf("storage: revoke passkey: %w", err)
	}
	return n > 0, nil
}

// KeepPasskey takes back the end of a passkey of the person's that has not come at
// now, and reports whether there was one.
func (tx *Tx) KeepPasskey(ctx context.Context, afiliadoID, id string, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE passkey SET revoked_at = 0 WHERE id = ? AND afiliado_id = ? AND revoked_at > ?`, id, afiliadoID, At(now))
	if err != nil {
		return false, fmt.Errorf("storage: keep passkey: %w", err)
	}
	return n > 0, nil
}
