package storage

import (
	"context"
	"fmt"
	"time"
)

// ContactChange is an e-mail address that is to take the place of the one on file
// (D18). It does once somebody has proved that its mail is read, and the wait is
// over or was cut short from the address on file. Until then it can be cancelled
// from there. A person has one that is open at most.
type ContactChange struct {
	ID          string
	AfiliadoID  string
	Email       string
	AskedAt     Instant
	ProvedAt    Instant // zero: not proved yet
	ReadyAt     Instant // not before; AskedAt and the wait, or when it was approved
	CancelledAt Instant
	AppliedAt   Instant
}

type contactChangeRow struct {
	ID          string  `db:"id"`
	AfiliadoID  string  `db:"afiliado_id"`
	Email       []byte  `db:"email"`
	AskedAt     Instant `db:"asked_at"`
	ProvedAt    Instant `db:"proved_at"`
	ReadyAt     Instant `db:"ready_at"`
	CancelledAt Instant `db:"cancelled_at"`
	AppliedAt   Instant `db:"applied_at"`
}

const (
	contactChangeColumns = `c.id, c.afiliado_id, c.email, c.asked_at, c.proved_at, c.ready_at, c.cancelled_at, c.applied_at`
	contactChangeOpen    = `cancelled_at = 0 AND applied_at = 0`
	// What an officer has closed changes no more than a disabled account does.
	contactChangeFree = `NOT EXISTS (SELECT 1 FROM afiliado o JOIN login_budget b ON b.identifier_mac = o.identifier_mac
		WHERE o.id = contact_change.afiliado_id AND b.lock_reason = '` + LockOperador + `')`
)

func (db *DB) openContactChange(r contactChangeRow) (ContactChange, error) {
	email, err := db.ring.open("contact_change", "contact_change.email/"+r.ID, r.Email)
	return ContactChange{
		ID: r.ID, AfiliadoID: r.AfiliadoID, Email: string(email), AskedAt: r.AskedAt, ProvedAt: r.ProvedAt, ReadyAt: r.ReadyAt,
		CancelledAt: r.CancelledAt, AppliedAt: r.AppliedAt,
	}, err
}

// AskContactChange stores a new change and cancels the one that is open: the
// clock starts anew. It holds the person's row. What c says of its proof and end
// is not read; ReadyAt must be set.
func (tx *Tx) AskContactChange(ctx context.Context, c ContactChange) error {
	sealed, err := tx.db.ring.seal("contact_change", "contact_change.email/"+c.ID, []byte(c.Email))
	if err != nil {
		return err
	}
	err = tx.holdAfiliado(ctx, c.AfiliadoID)
	if err == nil {
		_, err = tx.CancelContactChanges(ctx, c.AfiliadoID, c.AskedAt.Time)
	}
	if err == nil {
		err = tx.run(ctx, `INSERT INTO contact_change (id, afiliado_id, email, email_mac, asked_at, ready_at) VALUES (?, ?, ?, ?, ?, ?)`,
			c.ID, c.AfiliadoID, sealed, tx.db.addressMAC(c.Email), c.AskedAt, c.ReadyAt)
	}
	if err != nil {
		return fmt.Errorf("storage: ask contact change: %w", err)
	}
	return nil
}

func (r reads) contactChange(ctx context.Context, query string, args ...any) (*ContactChange, error) {
	var row contactChangeRow
	if err := r.get(ctx, &row, query, args...); err != nil {
		return nil, fmt.Errorf("storage: contact change: %w", err)
	}
	c, err := r.db.openContactChange(row)
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// OpenContactChange returns the change of a person that is neither cancelled nor
// applied, proved or not.
func (r reads) OpenContactChange(ctx context.Context, afiliadoID string) (*ContactChange, error) {
	return r.contactChange(ctx, `SELECT `+contactChangeColumns+` FROM contact_change c WHERE afiliado_id = ? AND `+contactChangeOpen, afiliadoID)
}

// ContactChange returns the change with that id, whatever became of it.
func (r reads) ContactChange(ctx context.Context, id string) (*ContactChange, error) {
	return r.contactChange(ctx, `SELECT `+contactChangeColumns+` FROM contact_change c WHERE id = ?`, id)
}

// ContactChangePeople counts the people for whom an address was asked for after
// since, as the one on file or as a further one, whatever became of it. Families
// share mailboxes; thieves do too.
func (r reads) ContactChangePeople(ctx context.Context, email string, since time.Time) (int, error) {
	var n int
	err := r.get(ctx, &n, `SELECT COUNT(*) FROM (SELECT afiliado_id FROM contact_change WHERE email_mac = ? AND asked_at > ?
		UNION SELECT afiliado_id FROM email_address WHERE email_mac = ? AND added_at > ?) people`,
		r.db.addressMAC(email), At(since), r.db.addressMAC(email), At(since))
	if err != nil {
		return 0, fmt.Errorf("storage: contact change people: %w", err)
	}
	return n, nil
}

// ProveContactChange notes that the mail of the new address is read, and reports
// whether this was the first to note it on an open change (ASVS 6.5.1). Whoever
// spends its link too holds the person's row first, here and in ApproveContactChange.
func (tx *Tx) ProveContactChange(ctx context.Context, id string, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE contact_change SET proved_at = ? WHERE id = ? AND proved_at = 0 AND `+contactChangeOpen, At(now), id)
	if err != nil {
		return false, fmt.Errorf("storage: prove contact change: %w", err)
	}
	return n > 0, nil
}

// ApproveContactChange ends the wait of an open change from the address on file,
// and reports whether it did: one that is ready by itself waits for nothing. The
// new address has to be proved all the same, before or after.
func (tx *Tx) ApproveContactChange(ctx context.Context, id string, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE contact_change SET ready_at = ?, approved_at = ? WHERE id = ? AND ready_at > ? AND `+contactChangeOpen,
		At(now), At(now), id, At(now))
	if err != nil {
		return false, fmt.Errorf("storage: approve contact change: %w", err)
	}
	return n > 0, nil
}

// ContactApproved reports whether the address that is a person's since at was asked
// for, and the one before it approved: it did not wait.
func (r reads) ContactApproved(ctx context.Context, afiliadoID string, at Instant) (bool, error) {
	var n int
	err := r.get(ctx, &n, `SELECT COUNT(*) FROM contact_change WHERE afiliado_id = ? AND asked_at = ? AND applied_at > 0 AND approved_at > 0`,
		afiliadoID, at)
	if err != nil {
		return false, fmt.Errorf("storage: contact approved: %w", err)
	}
	return n > 0, nil
}

// CancelContactChanges cancels what is open of a person ("No fui yo") and returns
// how many that were.
func (tx *Tx) CancelContactChanges(ctx context.Context, afiliadoID string, now time.Time) (int64, error) {
	n, err := tx.exec(ctx, `UPDATE contact_change SET cancelled_at = ? WHERE afiliado_id = ? AND `+contactChangeOpen, At(now), afiliadoID)
	if err != nil {
		return 0, fmt.Errorf("storage: cancel contact changes: %w", err)
	}
	return n, nil
}

// DueContactChanges lists up to limit open changes that are proved and ready at
// now, of people whom no officer has locked or disabled, the longest ready first.
// Email is "" where it does not open, so that one such row holds up no other:
// ApplyContactChange fails on it.
func (r reads) DueContactChanges(ctx context.Context, now time.Time, limit int) ([]ContactChange, error) {
	var rows []contactChangeRow
	err := r.list(ctx, &rows, `SELECT `+contactChangeColumns+` FROM contact_change c JOIN afiliado a ON a.id = c.afiliado_id
		WHERE c.ready_at <= ? AND c.proved_at > 0 AND c.cancelled_at = 0 AND c.applied_at = 0 AND a.disabled_at = 0 AND NOT EXISTS
		(SELECT 1 FROM login_budget b WHERE b.identifier_mac = a.identifier_mac AND b.lock_reason = '`+LockOperador+`')
		ORDER BY c.ready_at, c.id LIMIT ?`, At(now), limit)
	if err != nil {
		return nil, fmt.Errorf("storage: due contact changes: %w", err)
	}
	out := make([]ContactChange, len(rows))
	for i, row := range rows {
		out[i], _ = r.db.openContactChange(row) // said above
	}
	return out, nil
}

// ApplyContactChange makes the stored address of a due change the one on file,
// proven, and hers since it was asked for, and reports whether it did: a change
// that is not due at now, or no longer open, changes nothing, nor does that of a
// person whom an officer has locked or disabled. What lies in the former mailbox
// opens nothing any more, and an import leaves the new address alone while the
// registry's file says what it said before. Where it was one of her further
// addresses, the former takes its place among those. It holds the person's row; to tell both
// addresses and to audit is the caller's.
func (tx *Tx) ApplyContactChange(ctx context.Context, c ContactChange, now time.Time) (bool, error) {
	a, err := tx.LockAfiliado(ctx, c.AfiliadoID)
	if err != nil {
		return false, fmt.Errorf("storage: apply contact change: %w", err)
	}
	if a.Disabled() {
		return false, nil
	}
	n, err := tx.exec(ctx, `UPDATE contact_change SET applied_at = ? WHERE id = ? AND afiliado_id = ? AND proved_at > 0 AND ready_at <= ? AND `+
		contactChangeOpen+` AND `+contactChangeFree, At(now), c.ID, c.AfiliadoID, At(now))
	if err != nil || n == 0 {
		if err != nil {
			err = fmt.Errorf("storage: apply contact change: %w", err)
		}
		return false, err
	}
	stored, err := tx.ContactChange(ctx, c.ID)
	if err != nil {
		return false, err
	}
	sealed, err := tx.db.ring.seal("afiliado", "afiliado.email/"+c.AfiliadoID, []byte(stored.Email))
	if err != nil {
		return false, err
	}
	err = tx.run(ctx, `UPDATE afiliado SET email = ?, email_verified = ?, email_at = ?, email_source = ?, updated_at = ? WHERE id = ?`,
		sealed, true, stored.AskedAt, tx.db.changedHere(a.source.Email, "email", a.ID, a.Email), At(now), c.AfiliadoID)
	if err == nil {
		err = tx.promoteEmailAddress(ctx, a, stored.Email, now)
	}
	if err == nil {
		err = tx.endMailed(ctx, []any{c.AfiliadoID}, At(now))
	}
	if err != nil {
		return false, fmt.Errorf("storage: apply contact change: %w", err)
	}
	return true, nil
}
