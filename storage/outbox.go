package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// States of a message.
const (
	MessagePending    = "pending"
	MessageSent       = "sent"       // the next mail server took it
	MessageFailed     = "failed"     // it was refused for good, or too often
	MessageSuppressed = "suppressed" // the address takes no mail
	MessageExpired    = "expired"    // it, or the link in it, was of no use any more
)

// Who is served first where messages have piled up.
const (
	PriorityAwaited  = 0 // somebody sits and waits for it
	PriorityNotice   = 1
	PriorityReminder = 2
)

// Message is one thing to send to one address. Recipient and Data are sealed in
// the database and wiped once the message is done (retention of mail bodies: 0).
type Message struct {
	ID          string
	AfiliadoID  string // "" for none
	Template    string // what templates.DecodeMail knows Data by
	Recipient   string
	Locale      string          // "": that of the installation
	Data        json.RawMessage // the templates.Mail as JSON; never a clave, token or code
	LinkID      string          // the link it carries, "" for none
	Priority    int
	State       string
	Attempts    int     // how often the message itself was put off
	NextAt      Instant // not before
	LeasedUntil Instant
	Lease       string
	ComposedAt  Instant // the Date of a mail whose hand-over was begun and not settled
	CreatedAt   Instant
	ExpiresAt   Instant // zero: never
	DoneAt      Instant // when it became what State says; zero while pending
	LastError   string  // a class, never what a server said
	Hash        string  // of what was sent, Hash
	Suppressed  bool    // the address takes no mail; only LeaseMessages says
	Image       string  // the person's (Tastes), "" for none; only LeaseMessages says
	Sealed      error   // why Recipient and Data do not open; only LeaseMessages and Messages say
}

type messageRow struct {
	ID          string  `db:"id"`
	AfiliadoID  string  `db:"afiliado_id"`
	Template    string  `db:"template"`
	Recipient   []byte  `db:"recipient"`
	Locale      string  `db:"locale"`
	Data        []byte  `db:"data"`
	LinkID      string  `db:"link_id"`
	Priority    int     `db:"priority"`
	State       string  `db:"state"`
	Attempts    int     `db:"attempts"`
	NextAt      Instant `db:"next_at"`
	LeasedUntil Instant `db:"leased_until"`
	Lease       string  `db:"lease"`
	ComposedAt  Instant `db:"composed_at"`
	CreatedAt   Instant `db:"created_at"`
	ExpiresAt   Instant `db:"expires_at"`
	DoneAt      Instant `db:"done_at"`
	LastError   string  `db:"last_error"`
	Hash        string  `db:"hash"`
	Suppressed  bool    `db:"suppressed"`
	Image       string  `db:"image"`
}

const messageColumns = `id, afiliado_id, template, recipient, locale, data, link_id, priority, state, attempts, next_at, leased_until,
	lease, composed_at, created_at, expires_at, done_at, last_error, hash`

// closed is a message without what is sealed in it.
func (r messageRow) closed() Message {
	return Message{
		ID: r.ID, AfiliadoID: r.AfiliadoID, Template: r.Template, Locale: r.Locale, LinkID: r.LinkID, Priority: r.Priority, State: r.State,
		Attempts: r.Attempts, NextAt: r.NextAt, LeasedUntil: r.LeasedUntil, Lease: r.Lease, ComposedAt: r.ComposedAt, CreatedAt: r.CreatedAt,
		ExpiresAt: r.ExpiresAt, DoneAt: r.DoneAt, LastError: r.LastError, Hash: r.Hash, Suppressed: r.Suppressed, Image: r.Image,
	}
}

func (db *DB) openMessage(r messageRow) (Message, error) {
	m := r.closed()
	recipient, err := db.ring.open("outbox", "outbox.recipient/"+r.ID, r.Recipient)
	if err != nil {
		return Message{}, err
	}
	m.Recipient = string(recipient)
	m.Data, err = db.ring.open("outbox", "outbox.data/"+r.ID, r.Data)
	return m, err
}

// Enqueue stores a message to be sent once the transaction has committed, and
// not before m.NextAt (zero: at once). An empty ID is made here. An address that
// ParseEmail does not take is ErrEmail, with nothing written and the transaction
// whole (ASVS 1.3.11).
func (tx *Tx) Enqueue(ctx context.Context, m Message) error {
	if _, err := ParseEmail(m.Recipient); err != nil {
		return fmt.Errorf("storage: enqueue: %w", err)
	}
	if m.ID == "" {
		m.ID = NewID()
	}
	if m.NextAt.IsZero() {
		m.NextAt = m.CreatedAt
	}
	if len(m.Data) == 0 {
		m.Data = json.RawMessage("{}")
	}
	recipient, err := tx.db.ring.seal("outbox", "outbox.recipient/"+m.ID, []byte(m.Recipient))
	if err != nil {
		return err
	}
	data, err := tx.db.ring.seal("outbox", "outbox.data/"+m.ID, m.Data)
	if err != nil {
		return err
	}
	err = tx.run(ctx, `INSERT INTO outbox (id, kind, afiliado_id, template, recipient, recipient_mac, locale, data, link_id, priority, state,
		next_at, created_at, expires_at) VALUES (?, 'mail', ?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?)`,
		m.ID, m.AfiliadoID, m.Template, recipient, tx.db.addressMAC(m.Recipient), m.Locale, data, m.LinkID, m.Priority,
		m.NextAt, m.CreatedAt, m.ExpiresAt)
	if err != nil {
		return fmt.Errorf("storage: enqueue: %w", err)
	}
	return nil
}

// LeaseMessages takes up to n messages that are due at now, until until, and
// returns them, the most pressing first. No two callers hold the same message:
// who takes longer than until has lost it, and finds out when she marks it. One
// that does not open is among them, and says so in Sealed: others go on.
func (db *DB) LeaseMessages(ctx context.Context, n int, now, until time.Time) ([]Message, error) {
	var due bool // asked first: who looks in vain, each second, does not hold up SQLite's writer
	err := db.get(ctx, &due, `SELECT EXISTS (SELECT 1 FROM outbox WHERE state = 'pending' AND next_at <= ? AND leased_until <= ?)`, At(now), At(now))
	if err != nil {
		return nil, fmt.Errorf("storage: lease messages: %w", err)
	}
	if !due {
		return nil, nil
	}
	var rows []messageRow
	err = db.InTx(ctx, func(tx *Tx) error {
		return tx.list(ctx, &rows, `WITH due AS (SELECT id FROM outbox WHERE state = 'pending' AND next_at <= ? AND leased_until <= ?
			ORDER BY priority, next_at LIMIT ?`+db.dia.skip+`)
			UPDATE outbox SET leased_until = ?, lease = ? WHERE id IN (SELECT id FROM due) AND state = 'pending'
			RETURNING `+messageColumns+`, EXISTS (SELECT 1 FROM suppression s WHERE s.address_mac = outbox.recipient_mac AND s.expires_at > ?) AS suppressed,
				COALESCE((SELECT f.image FROM preference f WHERE f.afiliado_id = outbox.afiliado_id), '') AS image`,
			At(now), At(now), n, At(until), NewID(), At(now))
	})
	if err != nil {
		return nil, fmt.Errorf("storage: lease messages: %w", err)
	}
	out := make([]Message, len(rows))
	for i, row := range rows {
		if out[i], err = db.openMessage(row); err != nil {
			out[i] = row.closed()
			out[i].Sealed = err
		}
	}
	slices.SortFunc(out, func(a, b Message) int { // RETURNING keeps no order
		if a.Priority != b.Priority {
			return a.Priority - b.Priority
		}
		return a.NextAt.Compare(b.NextAt.Time)
	})
	return out, nil
}

// settle changes a message that is still leased to whoever holds m; ErrConflict
// where it is not.
func (tx *Tx) settle(ctx context.Context, what string, m Message, set string, args ...any) error {
	n, err := tx.exec(ctx, `UPDATE outbox SET `+set+` WHERE id = ? AND lease = ? AND state = 'pending'`, append(args, m.ID, m.Lease)...)
	if err == nil && n == 0 {
		err = ErrConflict
	}
	if err != nil {
		return fmt.Errorf("storage: message %s: %w", what, err)
	}
	return nil
}

// done ends a message and wipes what was in it. Its address stays sealed until
// the row is purged: the person is shown where her mail went.
const done = `state = ?, done_at = ?, data = NULL, lease = '', leased_until = 0, last_error = ?, hash = ?`

// ComposeMessage notes that a mail dated now is about to be handed over.
func (tx *Tx) ComposeMessage(ctx context.Context, m Message, now time.Time) error {
	return tx.settle(ctx, "compose", m, `composed_at = ?`, At(now))
}

// MarkSent notes that the next mail server took the message, whose text has that
// hash. The clock of its link starts (DeliverLink).
func (tx *Tx) MarkSent(ctx context.Context, m Message, hash string, now time.Time) error {
	if err := tx.settle(ctx, "sent", m, done, MessageSent, At(now), "", hash); err != nil || m.LinkID == "" {
		return err
	}
	return tx.DeliverLink(ctx, m.LinkID, now)
}

// DeferMessage puts a message off until next because of class, which is not the
// message's fault: its attempts stay, and so does the date of a mail that may
// have been taken, so that it is sent again as it was.
func (tx *Tx) DeferMessage(ctx context.Context, m Message, class string, next time.Time) error {
	return tx.settle(ctx, "defer", m, `next_at = ?, lease = '', leased_until = 0, last_error = ?`, At(next), class)
}

// RetryMessage puts a message off until next because of class; it counts as an
// attempt of the message.
func (tx *Tx) RetryMessage(ctx context.Context, m Message, class string, next time.Time) error {
	return tx.settle(ctx, "retry", m, `attempts = attempts + 1, next_at = ?, lease = '', leased_until = 0, composed_at = 0, last_error = ?`,
		At(next), class)
}

// FailMessage gives a message up because of class.
func (tx *Tx) FailMessage(ctx context.Context, m Message, class string, now time.Time) error {
	return tx.settle(ctx, "fail", m, done, MessageFailed, At(now), class, "")
}

// SuppressMessage gives a message up because its address takes no mail.
func (tx *Tx) SuppressMessage(ctx context.Context, m Message, now time.Time) error {
	return tx.settle(ctx, "suppress", m, done, MessageSuppressed, At(now), "suppressed", "")
}

// ExpireMessage gives a message up that is of no use any more.
func (tx *Tx) ExpireMessage(ctx context.Context, m Message, now time.Time) error {
	return tx.settle(ctx, "expire", m, done, MessageExpired, At(now), "", "")
}

// ReleaseMessages gives messages of one lease back that were not tried; nothing
// is held against them.
func (tx *Tx) ReleaseMessages(ctx context.Context, lease string) error {
	if err := tx.run(ctx, `UPDATE outbox SET lease = '', leased_until = 0 WHERE lease = ? AND state = 'pending'`, lease); err != nil {
		return fmt.Errorf("storage: release messages: %w", err)
	}
	return nil
}
