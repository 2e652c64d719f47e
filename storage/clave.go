package storage

import (
	"context"
	"fmt"
	"time"
)

// Clave is a person's clave as stored: never the clave, only its Argon2id hash
// in PHC form, which is itself sealed (the pepper).
type Clave struct {
	AfiliadoID  string
	PHC         string
	Long        bool // 15 characters or more (D17)
	CreatedAt   Instant
	DueAt       Instant // when it must be renewed; zero: never
	Compromised bool    // must be renewed now, whatever DueAt says
	RecoveredAt Instant // when a clave of hers was last generated or recovered; zero: never
}

type claveRow struct {
	AfiliadoID  string  `db:"afiliado_id"`
	PHC         []byte  `db:"phc"`
	Long        bool    `db:"long"`
	CreatedAt   Instant `db:"created_at"`
	DueAt       Instant `db:"due_at"`
	Compromised bool    `db:"compromised"`
	RecoveredAt Instant `db:"recovered_at"`
}

// facts is the clave without its hash.
func (r claveRow) facts() Clave {
	return Clave{
		AfiliadoID: r.AfiliadoID, Long: r.Long, CreatedAt: r.CreatedAt, DueAt: r.DueAt, Compromised: r.Compromised, RecoveredAt: r.RecoveredAt,
	}
}

func (db *DB) openClave(r claveRow) (*Clave, error) {
	phc, err := db.ring.open("clave", "clave.phc/"+r.AfiliadoID, r.PHC)
	if err != nil {
		return nil, err
	}
	c := r.facts()
	c.PHC = string(phc)
	return &c, nil
}

// Clave returns the clave of a person; ErrNotFound where she never had one.
func (r reads) Clave(ctx context.Context, afiliadoID string) (*Clave, error) {
	var row claveRow
	err := r.get(ctx, &row, `SELECT afiliado_id, phc, long, created_at, due_at, compromised, recovered_at FROM clave WHERE afiliado_id = ?`, afiliadoID)
	if err != nil {
		return nil, fmt.Errorf("storage: clave: %w", err)
	}
	return r.db.openClave(row)
}

// ClaveFacts is Clave without the hash, which stays sealed.
func (r reads) ClaveFacts(ctx context.Context, afiliadoID string) (*Clave, error) {
	var row claveRow
	err := r.get(ctx, &row, `SELECT afiliado_id, long, created_at, due_at, compromised, recovered_at FROM clave WHERE afiliado_id = ?`, afiliadoID)
	if err != nil {
		return nil, fmt.Errorf("storage: clave facts: %w", err)
	}
	c := row.facts()
	return &c, nil
}

// SetClave gives the person c as her only clave and remembers it in her
// history, of which the newest keep rows stay (S089). Where c.RecoveredAt is zero,
// as in a change or a renewal, that of the clave before is kept. It queues
// CredentialChange for the applications that know her.
func (tx *Tx) SetClave(ctx context.Context, c Clave, keep int) error {
	sealed, err := tx.db.ring.seal("clave", "clave.phc/"+c.AfiliadoID, []byte(c.PHC))
	if err != nil {
		return err
	}
	if err := tx.queueNewClave(ctx, c); err != nil {
		return err
	}
	err = tx.run(ctx, `INSERT INTO clave (afiliado_id, phc, long, created_at, due_at, compromised, recovered_at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (afiliado_id) DO UPDATE SET phc = excluded.phc, long = excluded.long, created_at = excluded.created_at,
		due_at = excluded.due_at, compromised = excluded.compromised,
		recovered_at = CASE WHEN excluded.recovered_at > 0 THEN excluded.recovered_at ELSE clave.recovered_at END`,
		c.AfiliadoID, sealed, c.Long, c.CreatedAt, c.DueAt, c.Compromised, c.RecoveredAt)
	if err == nil {
		id := NewID()
		var past []byte
		past, err = tx.db.ring.seal("clave", "clave_history.phc/"+id, []byte(c.PHC))
		if err != nil {
			return err
		}
		err = tx.run(ctx, `INSERT INTO clave_history (id, afiliado_id, phc, created_at) VALUES (?, ?, ?, ?)`, id, c.AfiliadoID, past, c.CreatedAt)
	}
	if err == nil {
		err = tx.run(ctx, `DELETE FROM clave_history WHERE afiliado_id = ? AND id NOT IN
			(SELECT id FROM clave_history WHERE afiliado_id = ? ORDER BY created_at DESC, id LIMIT ?)`, c.AfiliadoID, c.AfiliadoID, keep)
	}
	if err != nil {
		return fmt.Errorf("storage: set clave: %w", err)
	}
	return nil
}

// RehashClave replaces the hash of the same clave by a stronger one, unless the
// clave has been changed since old was read.
func (tx *Tx) RehashClave(ctx context.Context, old Clave, phc string) error {
	sealed, err := tx.db.ring.seal("clave", "clave.phc/"+old.AfiliadoID, []byte(phc))
	if err != nil {
		return err
	}
	if err := tx.run(ctx, `UPDATE clave SET phc = ? WHERE afiliado_id = ? AND created_at = ?`, sealed, old.AfiliadoID, old.CreatedAt); err != nil {
		return fmt.Errorf("storage: rehash clave: %w", err)
	}
	return nil
}

// CompromiseClave asks for a new clave at once, whatever the due date; nothing
// happens where there is no clave.
func (tx *Tx) CompromiseClave(ctx context.Context, afiliadoID string) error {
	if err := tx.run(ctx, `UPDATE clave SET compromised = ? WHERE afiliado_id = ?`, true, afiliadoID); err != nil {
		return fmt.Errorf("storage: compromise clave: %w", err)
	}
	return nil
}

// Holder is a person as far as it depends on her when her clave has to be renewed.
type Holder struct {
	AfiliadoID string `db:"afiliado_id"`
	Passkey    bool   `db:"passkey"`     // she has one that is neither about to end nor copied (D17)
	Day        int    `db:"renewal_day"` // of the year, MMDD, on which she wishes to renew; 0 for any
}

// HeldClave is a clave without its hash, and whose it is.
type HeldClave struct {
	Clave
	Holder Holder
}

// holderColumns are what a Holder is read from, of the person of row h.
const holderColumns = `EXISTS (SELECT 1 FROM passkey p WHERE p.afiliado_id = h.afiliado_id AND p.revoked_at = 0 AND p.cloned_at = 0) AS passkey,
		COALESCE((SELECT f.renewal_day FROM preference f WHERE f.afiliado_id = h.afiliado_id), 0) AS renewal_day`

// Holder returns a person as the holder of a clave, whether or not she has one.
func (r reads) Holder(ctx context.Context, afiliadoID string) (Holder, error) {
	out := Holder{AfiliadoID: afiliadoID}
	err := r.get(ctx, &out, `SELECT h.afiliado_id, `+holderColumns+` FROM (SELECT CAST(? AS TEXT) AS afiliado_id) h`, afiliadoID)
	if err != nil {
		return out, fmt.Errorf("storage: holder: %w", err)
	}
	return out, nil
}

// ClaveDates lists up to limit claves in the order of their people's ids, those
// after the id after: what a change of policy looks at.
func (r reads) ClaveDates(ctx context.Context, after string, limit int) ([]HeldClave, error) {
	var rows []struct {
		claveRow
		Passkey bool `db:"passkey"`
		Day     int  `db:"renewal_day"`
	}
	err := r.list(ctx, &rows, `SELECT h.afiliado_id, h.long, h.created_at, h.due_at, h.compromised, h.recovered_at, `+holderColumns+` FROM clave h
		WHERE h.afiliado_id > ? ORDER BY h.afiliado_id LIMIT ?`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("storage: clave dates: %w", err)
	}
	out := make([]HeldClave, len(rows))
	for i, row := range rows {
		out[i] = HeldClave{row.facts(), Holder{AfiliadoID: row.AfiliadoID, Passkey: row.Passkey, Day: row.Day}}
	}
	return out, nil
}

// ClaveCount is how many people have a clave.
func (r reads) ClaveCount(ctx context.Context) (int64, error) {
	var n int64
	if err := r.get(ctx, &n, `SELECT COUNT(*) FROM clave`); err != nil {
		return 0, fmt.Errorf("storage: clave count: %w", err)
	}
	return n, nil
}

// MoveClaveDue gives old, as ClaveDates read it, another due date, the zero time
// for never, and reports whether it did: a clave that has been changed or moved
// since is left alone.
func (tx *Tx) MoveClaveDue(ctx context.Context, old Clave, due time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE clave SET due_at = ? WHERE afiliado_id = ? AND created_at = ? AND due_at = ?`,
		At(due), old.AfiliadoID, old.CreatedAt, old.DueAt)
	if err != nil {
		return false, fmt.Errorf("storage: move clave due: %w", err)
	}
	return n > 0, nil
}

// ClaveHistory returns the hashes of the person's last claves, newest first,
// the present one among them.
func (r reads) ClaveHistory(ctx context.Context, afiliadoID string, limit int) ([]string, error) {
	var rows []struct {
		ID  string `db:"id"`
		PHC []byte `db:"phc"`
	}
	err := r.list(ctx, &rows, `SELECT id, phc FROM clave_history WHERE afiliado_id = ? ORDER BY created_at DESC, id LIMIT ?`, afiliadoID, limit)
	if err != nil {
		return nil, fmt.Errorf("storage: clave history: %w", err)
	}
	out := make([]string, len(rows))
	for i, row := range rows {
		phc, err := r.db.ring.open("clave", "clave_history.phc/"+row.ID, row.PHC)
		if err != nil {
			return nil, err
		}
		out[i] = string(phc)
	}
	return out, nil
}

// Acceptance is a text a person accepted (LAW-20: by version and hash).
type Acceptance struct {
	AfiliadoID string
	Document   string // "acuerdo", …
	Version    string
	TextHash   string
	AcceptedAt Instant
}

// AddAcceptance records that the person accepted a text.
func (tx *Tx) AddAcceptance(ctx context.Context, a Acceptance) error {
	err := tx.run(ctx, `INSERT INTO acceptance (id, afiliado_id, document, version, text_hash, accepted_at) VALUES (?, ?, ?, ?, ?, ?)`,
		NewID(), a.AfiliadoID, a.Document, a.Version, a.TextHash, a.AcceptedAt)
	if err != nil {
		return fmt.Errorf("storage: add acceptance: %w", err)
	}
	return nil
}

// Acceptances lists what the person accepted, newest first.
func (r reads) Acceptances(ctx context.Context, afiliadoID string) ([]Acceptance, error) {
	var out []Acceptance
	err := r.list(ctx, &out, `SELECT afiliado_id AS afiliadoid, document, version, text_hash AS texthash, accepted_at AS acceptedat
		FROM acceptance WHERE afiliado_id = ? ORDER BY accepted_at DESC`, afiliadoID)
	if err != nil {
		return nil, fmt.Errorf("storage: acceptances: %w", err)
	}
	return out, nil
}
