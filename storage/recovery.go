package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Recovery is one case of generating or recovering a clave: a browser on its way
// from an identifier to a new clave. A case looks the same whether or not anybody
// has the identifier (T01). It is live until ExpiresAt unless it has been ended,
// and stays known for thirty days after, so that its risk decision can be made
// again from what Risk holds.
type Recovery struct {
	ID            string
	BrowserHash   string // Hash of the cookie of the browser that began it
	Identifier    Identifier
	IdentifierMAC []byte
	NetworkMAC    []byte // PressureKey of where it began
	AfiliadoID    string // "" until the answers were right
	Step          string // the wizard's; only AddRecovery, MoveRecovery and DecideRecovery write it
	ClientID      string // where its person was going, ""
	AuthRequest   string // the running request, ""
	Risk          string // JSON: the facts, and what was decided on them
	Contact       RecoveryContact
	CreatedAt     Instant
	ExpiresAt     Instant
	PassedAt      Instant // the answers were right
	RequestedAt   Instant // a link was asked for
	DoneAt        Instant // there is a new clave
	EndedAt       Instant // another took its place in the browser, or EndRecoveries
}

// RecoveryContact is what a person typed of her address and telephones; "" keeps
// what is on file.
type RecoveryContact struct {
	Email    string `json:"email,omitempty"`
	Mobile   string `json:"mobile,omitempty"`
	Landline string `json:"landline,omitempty"`
}

type recoveryRow struct {
	ID            string  `db:"id"`
	BrowserHash   string  `db:"browser_hash"`
	Identifier    []byte  `db:"identifier"`
	IdentifierMAC []byte  `db:"identifier_mac"`
	NetworkMAC    []byte  `db:"network_mac"`
	AfiliadoID    string  `db:"afiliado_id"`
	Step          string  `db:"step"`
	ClientID      string  `db:"client_id"`
	AuthRequest   string  `db:"auth_request"`
	Risk          string  `db:"risk"`
	Contact       []byte  `db:"contact"`
	CreatedAt     Instant `db:"created_at"`
	ExpiresAt     Instant `db:"expires_at"`
	PassedAt      Instant `db:"passed_at"`
	RequestedAt   Instant `db:"requested_at"`
	DoneAt        Instant `db:"done_at"`
	EndedAt       Instant `db:"ended_at"`
}

const recoveryColumns = `id, browser_hash, identifier, identifier_mac, network_mac, afiliado_id, step, client_id, auth_request, risk, contact,
	created_at, expires_at, passed_at, requested_at, done_at, ended_at`

func (r reads) recovery(ctx context.Context, query string, args ...any) (*Recovery, error) {
	var row recoveryRow
	if err := r.get(ctx, &row, query, args...); err != nil {
		return nil, fmt.Errorf("storage: recovery: %w", err)
	}
	identifier, err := r.db.ring.open("recovery", "recovery.identifier/"+row.ID, row.Identifier)
	if err != nil {
		return nil, err
	}
	contact, err := r.db.ring.open("recovery", "recovery.contact/"+row.ID, row.Contact)
	if err != nil {
		return nil, err
	}
	c := &Recovery{
		ID: row.ID, BrowserHash: row.BrowserHash, Identifier: Identifier(identifier), IdentifierMAC: row.IdentifierMAC, NetworkMAC: row.NetworkMAC,
		AfiliadoID: row.AfiliadoID, Step: row.Step, ClientID: row.ClientID, AuthRequest: row.AuthRequest, Risk: row.Risk,
		CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt, PassedAt: row.PassedAt, RequestedAt: row.RequestedAt, DoneAt: row.DoneAt, EndedAt: row.EndedAt,
	}
	if len(contact) > 0 {
		if err := json.Unmarshal(contact, &c.Contact); err != nil {
			return nil, fmt.Errorf("storage: recovery: %w", err)
		}
	}
	return c, nil
}

// sealedContact is what stands in the column contact: nothing where nothing was
// typed.
func (db *DB) sealedContact(id string, c RecoveryContact) ([]byte, error) {
	if c == (RecoveryContact{}) {
		return nil, nil
	}
	data, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("storage: recovery: %w", err)
	}
	return db.ring.seal("recovery", "recovery.contact/"+id, data)
}

// AddRecovery stores a new case, which takes the place of the browser's own one
// where it has one: that is ended, and however many are added at once, the
// browser has one that is not. What c says of its passing, asking and end is not
// read. A known id is ErrConflict.
func (tx *Tx) AddRecovery(ctx context.Context, c Recovery) error {
	identifier, err := tx.db.ring.seal("recovery", "recovery.identifier/"+c.ID, []byte(c.Identifier))
	if err != nil {
		return err
	}
	contact, err := tx.db.sealedContact(c.ID, c.Contact)
	if err != nil {
		return err
	}
	// The first time, it may end the former one, and then holds what others have
	// to wait for: the second time nothing stands in its way.
	for range 2 {
		var ended Instant
		err = tx.get(ctx, &ended, `INSERT INTO recovery (id, browser_hash, identifier, identifier_mac, network_mac, afiliado_id, step, client_id,
			auth_request, risk, contact, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (browser_hash) WHERE ended_at = 0 DO UPDATE SET ended_at = excluded.created_at RETURNING ended_at`,
			c.ID, c.BrowserHash, identifier, c.IdentifierMAC, c.NetworkMAC, c.AfiliadoID, c.Step, c.ClientID, c.AuthRequest, c.Risk, contact,
			c.CreatedAt, c.ExpiresAt)
		if err != nil {
			return fmt.Errorf("storage: add recovery: %w", err)
		}
		if ended.IsZero() {
			return nil
		}
	}
	return fmt.Errorf("storage: add recovery: %w", ErrConflict)
}

// BrowserRecovery returns the live case of a browser; a done one is live until
// it expires, so that its last page can be shown again.
func (r reads) BrowserRecovery(ctx context.Context, browserHash string, now time.Time) (*Recovery, error) {
	return r.recovery(ctx, `SELECT `+recoveryColumns+` FROM recovery WHERE browser_hash = ? AND ended_at = 0 AND expires_at > ?`, browserHash, At(now))
}

// Recovery returns the case with that id, live or not.
func (r reads) Recovery(ctx context.Context, id string) (*Recovery, error) {
	return r.recovery(ctx, `SELECT `+recoveryColumns+` FROM recovery WHERE id = ?`, id)
}

// MoveRecovery takes the case to.ID from the step from to to.Step, and reports
// whether it did: a case that is at another step by now, or not live at now, is
// left alone, and this one statement decides who moves it. It stores the person,
// the risk, the contact, the end and the times of to; what a case began with
// stays. from and to.Step may be the same.
func (tx *Tx) MoveRecovery(ctx context.Context, from string, to Recovery, now time.Time) (bool, error) {
	return tx.moveRecovery(ctx, from, to, now, ` AND ended_at = 0`)
}

// DecideRecovery is MoveRecovery for the verdict on what was answered while the case
// was live: also a case that has been ended since is moved, and stays ended. Who
// begins anew in her browser takes nothing back of what follows from her answers.
func (tx *Tx) DecideRecovery(ctx context.Context, from string, to Recovery, now time.Time) (bool, error) {
	return tx.moveRecovery(ctx, from, to, now, "")
}

func (tx *Tx) moveRecovery(ctx context.Context, from string, to Recovery, now time.Time, where string) (bool, error) {
	contact, err := tx.db.sealedContact(to.ID, to.Contact)
	if err != nil {
		return false, err
	}
	n, err := tx.exec(ctx, `UPDATE recovery SET step = ?, afiliado_id = ?, risk = ?, contact = ?, expires_at = ?, passed_at = ?, requested_at = ?,
		done_at = ? WHERE id = ? AND step = ? AND expires_at > ?`+where,
		to.Step, to.AfiliadoID, to.Risk, contact, to.ExpiresAt, to.PassedAt, to.RequestedAt, to.DoneAt, to.ID, from, At(now))
	if err != nil {
		return false, fmt.Errorf("storage: move recovery: %w", err)
	}
	return n > 0, nil
}

// NetworkRecoveries counts the identifiers for which cases were begun from a
// network after since.
func (r reads) NetworkRecoveries(ctx context.Context, networkMAC []byte, since time.Time) (int, error) {
	var n int
	err := r.get(ctx, &n, `SELECT COUNT(DISTINCT identifier_mac) FROM recovery WHERE network_mac = ? AND created_at > ?`, networkMAC, At(since))
	if err != nil {
		return 0, fmt.Errorf("storage: network recoveries: %w", err)
	}
	return n, nil
}

// NetworkRecoveriesAt counts the identifiers whose cases, begun from a network after
// since, are at step.
func (r reads) NetworkRecoveriesAt(ctx context.Context, networkMAC []byte, step string, since time.Time) (int, error) {
	var n int
	err := r.get(ctx, &n, `SELECT COUNT(DISTINCT identifier_mac) FROM recovery WHERE network_mac = ? AND created_at > ? AND step = ?`,
		networkMAC, At(since), step)
	if err != nil {
		return 0, fmt.Errorf("storage: network recoveries: %w", err)
	}
	return n, nil
}

// EndRecoveries ends the cases of an identifier, in whatever browsers, that are
// not done: one has led to a new clave, or its person said "No fui yo".
func (tx *Tx) EndRecoveries(ctx context.Context, identifierMAC []byte, now time.Time) error {
	err := tx.run(ctx, `UPDATE recovery SET ended_at = ? WHERE identifier_mac = ? AND ended_at = 0 AND done_at = 0`, At(now), identifierMAC)
	if err != nil {
		return fmt.Errorf("storage: end recoveries: %w", err)
	}
	return nil
}

// QuizSeed is what the questions on an identifier's work history are drawn with:
// the same for ever, and nobody's to foresee (T23).
func (db *DB) QuizSeed(id Identifier) []byte { return db.cfg.Keys.MAC("recovery.quiz", string(id)) }

// QuestionSeed is what the personal questions are drawn with that an identifier
// is asked who never chose any, or is nobody's: the same for ever (T01).
func (db *DB) QuestionSeed(id Identifier) []byte {
	return db.cfg.Keys.MAC("recovery.questions", string(id))
}
