package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Messages lists the newest limit messages to a person, for her and for
// officers. Those that are done have no Data.
func (r reads) Messages(ctx context.Context, afiliadoID string, limit int) ([]Message, error) {
	var rows []messageRow
	err := r.list(ctx, &rows, `SELECT `+messageColumns+`, FALSE AS suppressed FROM outbox WHERE afiliado_id = ?
		ORDER BY created_at DESC, id LIMIT ?`, afiliadoID, limit)
	if err != nil {
		return nil, fmt.Errorf("storage: messages: %w", err)
	}
	return r.db.openMessages(rows)
}

// Message returns the message with that id.
func (r reads) Message(ctx context.Context, id string) (*Message, error) {
	var row messageRow
	if err := r.get(ctx, &row, `SELECT `+messageColumns+`, FALSE AS suppressed FROM outbox WHERE id = ?`, id); err != nil {
		return nil, fmt.Errorf("storage: message: %w", err)
	}
	m, err := r.db.openMessage(row)
	return &m, err
}

// CountMessages says how many messages of that template a person has been
// written since since, and of those to address how many, whoever they were for.
// Merged ones do not count. Caps are asked for in the transaction that
// enqueues, under the person's lock.
func (r reads) CountMessages(ctx context.Context, afiliadoID, address, template string, since time.Time) (int, int, error) {
	var n struct {
		Person  int `db:"person"`
		Address int `db:"address"`
	}
	err := r.get(ctx, &n, `SELECT
		(SELECT COUNT(*) FROM outbox WHERE afiliado_id = ? AND template = ? AND created_at > ? AND state <> 'merged') AS person,
		(SELECT COUNT(*) FROM outbox WHERE recipient_mac = ? AND template = ? AND created_at > ? AND state <> 'merged') AS address`,
		afiliadoID, template, At(since), r.db.addressMAC(address), template, At(since))
	if err != nil {
		return 0, 0, fmt.Errorf("storage: count messages: %w", err)
	}
	return n.Person, n.Address, nil
}

// PendingMessage returns the person's oldest message of that template to
// address that nobody is sending yet, and holds it, so that it can be merged or
// enriched; ErrNotFound where there is none.
func (tx *Tx) PendingMessage(ctx context.Context, afiliadoID, address, template string, now time.Time) (*Message, error) {
	var row messageRow
	err := tx.get(ctx, &row, `SELECT `+messageColumns+`, FALSE AS suppressed FROM outbox WHERE afiliado_id = ? AND recipient_mac = ?
		AND template = ? AND state = 'pending' AND leased_until <= ? ORDER BY created_at, id LIMIT 1`+tx.db.dia.forUpdate,
		afiliadoID, tx.db.addressMAC(address), template, At(now))
	if err != nil {
		return nil, fmt.Errorf("storage: pending message: %w", err)
	}
	m, err := tx.db.openMessage(row)
	return &m, err
}

// RewriteMessage gives a message PendingMessage returned new data and a new
// time. ErrConflict where it is no longer pending.
func (tx *Tx) RewriteMessage(ctx context.Context, m Message, data json.RawMessage, next time.Time) error {
	sealed, err := tx.db.ring.seal("outbox", "outbox.data/"+m.ID, data)
	if err != nil {
		return err
	}
	return tx.settle(ctx, "rewrite", m, `data = ?, next_at = ?`, sealed, At(next))
}

// MergeMessage drops a message PendingMessage returned, because another one
// says it too. ErrConflict where it is no longer pending.
func (tx *Tx) MergeMessage(ctx context.Context, m Message, now time.Time) error {
	return tx.settle(ctx, "merge", m, done, MessageMerged, At(now), "", "")
}

// OldestMessage is since when the message has waited that has waited longest at
// now: since it was to be sent, or, where it was tried in vain, since it was
// made. Zero: none waits.
func (r reads) OldestMessage(ctx context.Context, now time.Time) (Instant, error) {
	var since Instant
	err := r.get(ctx, &since, `SELECT COALESCE(MIN(CASE WHEN attempts > 0 OR last_error <> '' THEN created_at ELSE next_at END), 0)
		FROM outbox WHERE state = 'pending' AND (next_at <= ? OR attempts > 0 OR last_error <> '')`, At(now))
	if err != nil {
		return Instant{}, fmt.Errorf("storage: oldest message: %w", err)
	}
	return since, nil
}

// MessageStates counts the messages that wait, and those that were done after
// since, by state.
func (r reads) MessageStates(ctx context.Context, since time.Time) (map[string]int, error) {
	var rows []struct {
		State string `db:"state"`
		N     int    `db:"n"`
	}
	err := r.list(ctx, &rows, `SELECT state, COUNT(*) AS n FROM outbox WHERE state = 'pending' GROUP BY state
		UNION ALL SELECT state, COUNT(*) FROM outbox WHERE done_at > 0 AND done_at > ? GROUP BY state`, At(since))
	if err != nil {
		return nil, fmt.Errorf("storage: message states: %w", err)
	}
	out := map[string]int{}
	for _, row := range rows {
		out[row.State] = row.N
	}
	return out, nil
}
