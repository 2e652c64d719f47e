package storage

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Messages lists the newest limit messages to a person, for her and for
// officers. Those that are done have no Data. One that does not open is among
// them, and says so in Sealed.
func (r reads) Messages(ctx context.Context, afiliadoID string, limit int) ([]Message, error) {
	var rows []messageRow
	err := r.list(ctx, &rows, `SELECT `+messageColumns+`, FALSE AS suppressed FROM outbox WHERE afiliado_id = ?
		ORDER BY created_at DESC, id LIMIT ?`, afiliadoID, limit)
	if err != nil {
		return nil, fmt.Errorf("storage: messages: %w", err)
	}
	out := make([]Message, len(rows))
	for i, row := range rows {
		if out[i], err = r.db.openMessage(row); err != nil {
			out[i] = row.closed()
			out[i].Sealed = err
		}
	}
	return out, nil
}

// NoticeOf returns the newest message with a link, without what is sealed in it.
func (r reads) NoticeOf(ctx context.Context, link Link) (*Message, error) {
	var row messageRow
	err := r.get(ctx, &row, `SELECT `+messageColumns+`, FALSE AS suppressed FROM outbox WHERE afiliado_id = ? AND link_id = ?
		ORDER BY created_at DESC, id LIMIT 1`, link.AfiliadoID, link.ID)
	if err != nil {
		return nil, fmt.Errorf("storage: notice of a link: %w", err)
	}
	m := row.closed()
	return &m, nil
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

// CountMessages says how often a person has been written with that template since
// since, what went to several of her addresses at once being once, and how many
// messages of it went to address, whoever they were for.
// Caps are asked for in the transaction that enqueues, under the person's lock.
func (r reads) CountMessages(ctx context.Context, afiliadoID, address, template string, since time.Time) (int, int, error) {
	var n struct {
		Person  int `db:"person"`
		Address int `db:"address"`
	}
	err := r.get(ctx, &n, `SELECT
		(SELECT COUNT(DISTINCT created_at) FROM outbox WHERE afiliado_id = ? AND template = ? AND created_at > ?) AS person,
		(SELECT COUNT(*) FROM outbox WHERE recipient_mac = ? AND template = ? AND created_at > ?) AS address`,
		afiliadoID, template, At(since), r.db.addressMAC(address), template, At(since))
	if err != nil {
		return 0, 0, fmt.Errorf("storage: count messages: %w", err)
	}
	return n.Person, n.Address, nil
}

// LinkMessageState is what became of the newest message of that template to a
// person whose link's id begins with prefix; "" where there is none (any more).
func (r reads) LinkMessageState(ctx context.Context, afiliadoID, template, prefix string) (string, error) {
	var state string
	err := r.get(ctx, &state, `SELECT state FROM outbox WHERE afiliado_id = ? AND template = ? AND link_id LIKE ?
		ORDER BY created_at DESC, id LIMIT 1`, afiliadoID, template, prefix+"%")
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("storage: message of a link: %w", err)
	}
	return state, nil
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
