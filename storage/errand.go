package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Errand is something to do for whoever an identifier belongs to, if anybody
// does: to tell her what happened, to send the link she asked for. It is written
// in the transaction of its cause and worked out afterwards, so that what a
// stranger's request does and takes is the same for every identifier (T01, T17).
type Errand struct {
	ID            string
	Kind          string
	IdentifierMAC []byte
	BrowserHash   string // of the browser that caused it, "" for none
	ClientID      string // where its person was going, ""
	AuthRequest   string // the running request, ""
	// Data is for AddErrand alone, which seals it: lists leave it closed, so that
	// what does not open holds up its own errand and no other (ErrandData).
	Data      json.RawMessage
	CreatedAt Instant
	NextAt    Instant // not before
	DoneAt    Instant // zero while it is to be done
}

type errandRow struct {
	ID            string  `db:"id"`
	Kind          string  `db:"kind"`
	IdentifierMAC []byte  `db:"identifier_mac"`
	BrowserHash   string  `db:"browser_hash"`
	ClientID      string  `db:"client_id"`
	AuthRequest   string  `db:"auth_request"`
	CreatedAt     Instant `db:"created_at"`
	NextAt        Instant `db:"next_at"`
	DoneAt        Instant `db:"done_at"`
}

const errandColumns = `id, kind, identifier_mac, browser_hash, client_id, auth_request, created_at, next_at, done_at`

// errandKept is how long a done errand stays known: a browser may ask so often
// in so much time, and is shown what it asked for.
const errandKept = time.Hour

func (r reads) errands(ctx context.Context, query string, args ...any) ([]Errand, error) {
	var rows []errandRow
	if err := r.list(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("storage: errands: %w", err)
	}
	out := make([]Errand, len(rows))
	for i, row := range rows {
		out[i] = Errand{
			ID: row.ID, Kind: row.Kind, IdentifierMAC: row.IdentifierMAC, BrowserHash: row.BrowserHash, ClientID: row.ClientID,
			AuthRequest: row.AuthRequest, CreatedAt: row.CreatedAt, NextAt: row.NextAt, DoneAt: row.DoneAt,
		}
	}
	return out, nil
}

// AddErrand stores an errand, to be done once the transaction has committed and
// not before e.NextAt (zero: at once). An empty ID is made here.
func (tx *Tx) AddErrand(ctx context.Context, e Errand) error { return tx.AddErrandIf(ctx, e, true) }

// AddErrandIf is AddErrand where so is true, and the same statement with no
// effect otherwise: whether there was cause does not show in the work done (T01).
func (tx *Tx) AddErrandIf(ctx context.Context, e Errand, so bool) error {
	if e.ID == "" {
		e.ID = NewID()
	}
	if e.NextAt.IsZero() {
		e.NextAt = e.CreatedAt
	}
	if len(e.Data) == 0 {
		e.Data = json.RawMessage("{}")
	}
	data, err := tx.db.ring.seal("errand", "errand.data/"+e.ID, e.Data)
	if err != nil {
		return err
	}
	err = tx.run(ctx, `INSERT INTO errand (id, kind, identifier_mac, browser_hash, client_id, auth_request, data, created_at, next_at)
		SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS `+tx.db.dia.blob+`), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT),
		CAST(? AS `+tx.db.dia.blob+`), CAST(? AS BIGINT), CAST(? AS BIGINT) WHERE CAST(? AS BOOLEAN)`,
		e.ID, e.Kind, e.IdentifierMAC, e.BrowserHash, e.ClientID, e.AuthRequest, data, e.CreatedAt, e.NextAt, so)
	if err != nil {
		return fmt.Errorf("storage: add errand: %w", err)
	}
	return nil
}

// DueErrands lists up to limit errands that are to be done at now, oldest first.
// It holds none: TakeErrand decides who does one.
func (r reads) DueErrands(ctx context.Context, now time.Time, limit int) ([]Errand, error) {
	return r.errands(ctx, `SELECT `+errandColumns+` FROM errand WHERE done_at = 0 AND next_at <= ? ORDER BY next_at, created_at, id LIMIT ?`,
		At(now), limit)
}

// OpenErrands lists what is still to be done for an identifier because of one
// browser, oldest first.
func (r reads) OpenErrands(ctx context.Context, identifierMAC []byte, browserHash string) ([]Errand, error) {
	return r.errands(ctx, `SELECT `+errandColumns+` FROM errand WHERE browser_hash = ? AND done_at = 0 AND identifier_mac = ?
		ORDER BY created_at, id LIMIT 100`, browserHash, identifierMAC)
}

// BrowserErrands lists the errands of a kind that a browser has caused since
// since, done or not, newest first.
func (r reads) BrowserErrands(ctx context.Context, kind, browserHash string, since time.Time) ([]Errand, error) {
	return r.errands(ctx, `SELECT `+errandColumns+` FROM errand WHERE browser_hash = ? AND created_at > ? AND kind = ?
		ORDER BY created_at DESC, id LIMIT 100`, browserHash, At(since), kind)
}

// ErrandData opens what is in an errand; nothing where it is done.
func (r reads) ErrandData(ctx context.Context, id string) (json.RawMessage, error) {
	var sealed []byte
	err := r.get(ctx, &sealed, `SELECT data FROM errand WHERE id = ?`, id)
	if err == nil {
		sealed, err = r.db.ring.open("errand", "errand.data/"+id, sealed)
	}
	if err != nil {
		return nil, fmt.Errorf("storage: errand data: %w", err)
	}
	return sealed, nil
}

// TakeErrand ends an errand and wipes what was in it, which ErrandData tells
// before; it reports whether the caller is the one to do it, which this one
// statement decides. Whoever fails to do it must not commit.
func (tx *Tx) TakeErrand(ctx context.Context, id string, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE errand SET done_at = ?, expires_at = ?, data = NULL WHERE id = ? AND done_at = 0`,
		At(now), At(now.Add(errandKept)), id)
	if err != nil {
		return false, fmt.Errorf("storage: take errand: %w", err)
	}
	return n > 0, nil
}

// PutOffErrand leaves an errand undone until next.
func (tx *Tx) PutOffErrand(ctx context.Context, id string, next time.Time) error {
	if err := tx.run(ctx, `UPDATE errand SET next_at = ? WHERE id = ? AND done_at = 0`, At(next), id); err != nil {
		return fmt.Errorf("storage: put off errand: %w", err)
	}
	return nil
}

// ForgiveDevices restores the full budget of every lane of a person.
func (tx *Tx) ForgiveDevices(ctx context.Context, afiliadoID string) error {
	if err := tx.run(ctx, `UPDATE device SET failures = 0 WHERE afiliado_id = ?`, afiliadoID); err != nil {
		return fmt.Errorf("storage: forgive devices: %w", err)
	}
	return nil
}

// DueClave is a person whose clave ends soon.
type DueClave struct {
	AfiliadoID string  `db:"afiliado_id"`
	DueAt      Instant `db:"due_at"`
}

// DueClaves lists up to limit people whose clave has to be renewed after from
// and not after until, and who have no message whose id is prefix, person and due
// date in microseconds joined by hyphens (ReminderID).
func (r reads) DueClaves(ctx context.Context, prefix string, from, until time.Time, limit int) ([]DueClave, error) {
	var out []DueClave
	err := r.list(ctx, &out, `SELECT c.afiliado_id, c.due_at FROM clave c JOIN afiliado a ON a.id = c.afiliado_id
		WHERE c.due_at > ? AND c.due_at <= ? AND a.disabled_at = 0 AND a.email IS NOT NULL AND NOT EXISTS
		(SELECT 1 FROM outbox o WHERE o.id = CAST(? AS TEXT) || '-' || c.afiliado_id || '-' || CAST(c.due_at AS TEXT))
		ORDER BY c.due_at, c.afiliado_id LIMIT ?`, At(from), At(until), prefix, limit)
	if err != nil {
		return nil, fmt.Errorf("storage: due claves: %w", err)
	}
	return out, nil
}

// ReminderID is the id of the one message that reminds of a due date.
func ReminderID(prefix string, c DueClave) string {
	return fmt.Sprintf("%s-%s-%d", prefix, c.AfiliadoID, c.DueAt.UnixMicro())
}
