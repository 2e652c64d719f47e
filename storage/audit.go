package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Event is one thing that happened, written in the transaction of its effect.
// Names are "noun.verb" constants beside the code that raises them. Detail and
// Personal never hold a clave, answer, code, token or cookie.
type Event struct {
	At         Instant
	Name       string
	AfiliadoID string // "" where the identifier belongs to nobody
	ClientID   string
	Actor      string            // "afiliado", "client", "operator", "system"
	RequestID  string            // "": that of the context
	Detail     map[string]string // not personal, kept as long as the log
	Personal   map[string]string // network, user agent, …: sealed, erasable
}

// Audit appends e to the log.
func (tx *Tx) Audit(ctx context.Context, e Event) error {
	if e.RequestID == "" {
		e.RequestID = RequestID(ctx)
	}
	detail, err := json.Marshal(e.Detail) // sorts its keys
	if err != nil {
		return fmt.Errorf("storage: audit: %w", err)
	}
	var salted []byte
	var commitment string
	if len(e.Personal) > 0 {
		salted, err = json.Marshal(personal{Salt: NewSecret(), Fields: e.Personal})
		if err != nil {
			return fmt.Errorf("storage: audit: %w", err)
		}
		sum := sha256.Sum256(salted)
		commitment = hex.EncodeToString(sum[:])
	}
	var id int64
	err = tx.get(ctx, &id, `INSERT INTO audit (at, event, afiliado_id, client_id, actor, request_id, detail, personal_hash)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		e.At, e.Name, e.AfiliadoID, e.ClientID, e.Actor, e.RequestID, string(detail), commitment)
	if err != nil {
		return fmt.Errorf("storage: audit: %w", err)
	}
	if salted != nil {
		sealed, err := tx.db.ring.seal("audit", auditPersonalPlace(id), salted)
		if err != nil {
			return err
		}
		if err := tx.run(ctx, `INSERT INTO audit_personal (audit_id, data) VALUES (?, ?)`, id, sealed); err != nil {
			return fmt.Errorf("storage: audit personal: %w", err)
		}
	}
	e.Personal = nil
	tx.events = append(tx.events, e)
	return nil
}

// personal is what lies beside an audit row; the salt keeps its hash from being
// guessed once it is erased.
type personal struct {
	Salt   string            `json:"salt"`
	Fields map[string]string `json:"fields"`
}

// AuditRow is a row of the log as stored.
type AuditRow struct {
	ID           int64   `db:"id"`
	At           Instant `db:"at"`
	Event        string  `db:"event"`
	AfiliadoID   string  `db:"afiliado_id"`
	ClientID     string  `db:"client_id"`
	Actor        string  `db:"actor"`
	RequestID    string  `db:"request_id"`
	Detail       string  `db:"detail"`
	PersonalHash string  `db:"personal_hash"`
}

// Details is what Detail says.
func (r AuditRow) Details() (map[string]string, error) {
	var out map[string]string
	if err := json.Unmarshal([]byte(r.Detail), &out); err != nil {
		return nil, fmt.Errorf("storage: audit detail: %w", err)
	}
	return out, nil
}

const auditColumns = `a.id, a.at, a.event, a.afiliado_id, a.client_id, a.actor, a.request_id, a.detail, a.personal_hash`

// AuditRows returns up to limit rows after the one with id after, oldest first.
func (r reads) AuditRows(ctx context.Context, after int64, limit int) ([]AuditRow, error) {
	var out []AuditRow
	err := r.list(ctx, &out, `SELECT `+auditColumns+` FROM audit a WHERE a.id > ? ORDER BY a.id LIMIT ?`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("storage: audit rows: %w", err)
	}
	return out, nil
}

// PersonEvents returns the newest rows of that name about a person that are not
// after until, newest first and at most limit.
func (r reads) PersonEvents(ctx context.Context, afiliadoID, name string, until time.Time, limit int) ([]AuditRow, error) {
	var out []AuditRow
	err := r.list(ctx, &out, `SELECT `+auditColumns+` FROM audit a WHERE a.afiliado_id = ? AND a.event = ? AND a.at <= ?
		ORDER BY a.id DESC LIMIT ?`, afiliadoID, name, At(until), limit)
	if err != nil {
		return nil, fmt.Errorf("storage: person events: %w", err)
	}
	return out, nil
}

// AuditPersonal opens the personal part of a row, or what was left of it when it was
// erased (EraseAuditPersonal); nil where there is neither.
func (r reads) AuditPersonal(ctx context.Context, id int64) (map[string]string, error) {
	all, err := r.AuditPersonals(ctx, []int64{id})
	return all[id], err
}

func auditPersonalPlace(id int64) string {
	return "audit_personal.data/" + strconv.FormatInt(id, 10)
}

func (db *DB) openAuditPersonal(id int64, sealed []byte) ([]byte, error) {
	return db.ring.open("audit", auditPersonalPlace(id), sealed)
}
