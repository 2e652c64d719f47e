package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// EmailAddress is a further e-mail address of a person, beside the one on file
// (Afiliado.Email). Once its mail has proved to be read, she is told there too what
// happens to her account (ASVS 6.3.7); once that is old enough, links go there too (D18).
type EmailAddress struct {
	ID         string
	AfiliadoID string
	Email      string
	AddedAt    Instant
	ProvedAt   Instant // zero: nobody has proved yet that its mail is read
}

// MaxEmailAddresses is how many addresses a person has at most, the one on file and
// one that is still to be proved among them.
const MaxEmailAddresses = 5

// How long a row is kept: of an address that nobody proves, and of a removed one.
const (
	emailUnproved = 7 * 24 * time.Hour
	emailRemoved  = 90 * 24 * time.Hour
)

type emailAddressRow struct {
	ID         string  `db:"id"`
	AfiliadoID string  `db:"afiliado_id"`
	Email      []byte  `db:"email"`
	AddedAt    Instant `db:"added_at"`
	ProvedAt   Instant `db:"proved_at"`
}

func (db *DB) openEmailAddresses(rows []emailAddressRow) ([]EmailAddress, error) {
	out := make([]EmailAddress, len(rows))
	for i, row := range rows {
		email, err := db.ring.open("email_address", "email_address.email/"+row.ID, row.Email)
		if err != nil {
			return nil, err
		}
		out[i] = EmailAddress{ID: row.ID, AfiliadoID: row.AfiliadoID, Email: string(email), AddedAt: row.AddedAt, ProvedAt: row.ProvedAt}
	}
	return out, nil
}

// EmailAddresses lists a person's further addresses, proved or not, those she has
// had for longest first.
func (r reads) EmailAddresses(ctx context.Context, afiliadoID string) ([]EmailAddress, error) {
	var rows []emailAddressRow
	err := r.list(ctx, &rows, `SELECT id, afiliado_id, email, added_at, proved_at FROM email_address
		WHERE afiliado_id = ? AND removed_at = 0 ORDER BY added_at, id`, afiliadoID)
	if err != nil {
		return nil, fmt.Errorf("storage: email addresses: %w", err)
	}
	return r.db.openEmailAddresses(rows)
}

// Mailboxes are the addresses at which a is told what happens to her account, each
// once: the one on file first, then the further ones that are proved. Empty: there
// is none that mail can reach.
func (r reads) Mailboxes(ctx context.Context, a *Afiliado) ([]string, error) {
	return r.mailboxes(ctx, a, func(EmailAddress) bool { return true })
}

// LinkMailboxes are those of her Mailboxes to which links go: the one on file first,
// then the further ones that were proved by then (D18).
func (r reads) LinkMailboxes(ctx context.Context, a *Afiliado, then time.Time) ([]string, error) {
	return r.mailboxes(ctx, a, func(e EmailAddress) bool { return !e.ProvedAt.After(then) })
}

func (r reads) mailboxes(ctx context.Context, a *Afiliado, counts func(EmailAddress) bool) ([]string, error) {
	more, err := r.EmailAddresses(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	out := []string{a.Email}
	for _, e := range more {
		if !e.ProvedAt.IsZero() && counts(e) && !sameMailbox(e.Email, a.Email) {
			out = append(out, e.Email)
		}
	}
	return slices.DeleteFunc(out, func(address string) bool {
		_, err := ParseEmail(address)
		return err != nil
	}), nil
}

// AddEmailAddress stores a further address that is still to be proved, in the place
// of another one that is. It holds the person's row. One that is hers already is
// ErrConflict, as is one too many; nothing is written then.
func (tx *Tx) AddEmailAddress(ctx context.Context, e EmailAddress) error {
	sealed, err := tx.db.ring.seal("email_address", "email_address.email/"+e.ID, []byte(e.Email))
	if err != nil {
		return err
	}
	a, err := tx.LockAfiliado(ctx, e.AfiliadoID)
	if err != nil {
		return fmt.Errorf("storage: add email address: %w", err)
	}
	more, err := tx.EmailAddresses(ctx, e.AfiliadoID)
	if err != nil {
		return err
	}
	more = slices.DeleteFunc(more, func(m EmailAddress) bool { return m.ProvedAt.IsZero() })
	same := func(m EmailAddress) bool { return sameMailbox(m.Email, e.Email) }
	if len(more)+2 > MaxEmailAddresses || sameMailbox(a.Email, e.Email) || slices.ContainsFunc(more, same) {
		return fmt.Errorf("storage: add email address: %w", ErrConflict)
	}
	err = tx.run(ctx, `UPDATE email_address SET removed_at = ?, expires_at = ? WHERE afiliado_id = ? AND proved_at = 0 AND removed_at = 0`,
		e.AddedAt, At(e.AddedAt.Add(emailRemoved)), e.AfiliadoID)
	if err == nil { // one that she had before makes room: what is sealed is sealed for its id
		err = tx.run(ctx, `DELETE FROM email_address WHERE afiliado_id = ? AND email_mac = ? AND removed_at > 0`,
			e.AfiliadoID, tx.db.addressMAC(e.Email))
	}
	if err == nil {
		err = tx.run(ctx, `INSERT INTO email_address (id, afiliado_id, email, email_mac, added_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)`,
			e.ID, e.AfiliadoID, sealed, tx.db.addressMAC(e.Email), e.AddedAt, At(e.AddedAt.Add(emailUnproved)))
	}
	if err != nil {
		return fmt.Errorf("storage: add email address: %w", err)
	}
	return nil
}

// ProveEmailAddress notes that the mail of a further address is read, and reports
// whether this was the first to note it (ASVS 6.5.1).
func (tx *Tx) ProveEmailAddress(ctx context.Context, id string, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE email_address SET proved_at = ?, expires_at = 0 WHERE id = ? AND proved_at = 0 AND removed_at = 0`, At(now), id)
	if err != nil {
		return false, fmt.Errorf("storage: prove email address: %w", err)
	}
	return n > 0, nil
}

// RemoveEmailAddress takes a further address from a person and returns it;
// ErrNotFound where she has none with that id.
func (tx *Tx) RemoveEmailAddress(ctx context.Context, afiliadoID, id string, now time.Time) (*EmailAddress, error) {
	gone, err := tx.removeEmailAddresses(ctx, afiliadoID, `id = ?`, now, id)
	if err == nil && len(gone) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("storage: remove email address: %w", err)
	}
	return &gone[0], nil
}

// RemoveEmailAddressesSince takes from a person the further addresses that were added
// after since ("No fui yo"), and returns how many those were.
func (tx *Tx) RemoveEmailAddressesSince(ctx context.Context, afiliadoID string, since, now time.Time) (int, error) {
	gone, err := tx.removeEmailAddresses(ctx, afiliadoID, `added_at > ?`, now, At(since))
	if err != nil {
		return 0, fmt.Errorf("storage: remove email addresses: %w", err)
	}
	return len(gone), nil
}

func (tx *Tx) removeEmailAddresses(ctx context.Context, afiliadoID, which string, now time.Time, args ...any) ([]EmailAddress, error) {
	var rows []emailAddressRow
	err := tx.list(ctx, &rows, `UPDATE email_address SET removed_at = ?, expires_at = ? WHERE afiliado_id = ? AND removed_at = 0 AND `+which+`
		RETURNING id, afiliado_id, email, added_at, proved_at`, append([]any{At(now), At(now.Add(emailRemoved)), afiliadoID}, args...)...)
	if err != nil {
		return nil, err
	}
	return tx.db.openEmailAddresses(rows)
}

// promoteEmailAddress makes room where a further address has become the one on file
// of a person, whose row is held: that before takes its place among the further
// ones, proved since it was hers. An address that was none of them changes nothing.
func (tx *Tx) promoteEmailAddress(ctx context.Context, was *Afiliado, email string, now time.Time) error {
	gone, err := tx.removeEmailAddresses(ctx, was.ID, `email_mac = ? AND proved_at > 0`, now, tx.db.addressMAC(email))
	if err != nil || len(gone) == 0 {
		return err
	}
	if _, err := ParseEmail(was.Email); err != nil {
		return nil //nolint:nilerr // there was none, or none that can be written to
	}
	since := was.EmailAt
	if since.IsZero() {
		since = was.CreatedAt
	}
	if since.IsZero() {
		since = At(now)
	}
	id := NewID()
	sealed, err := tx.db.ring.seal("email_address", "email_address.email/"+id, []byte(was.Email))
	if err != nil {
		return err
	}
	mac := tx.db.addressMAC(was.Email)
	return errors.Join(
		tx.run(ctx, `DELETE FROM email_address WHERE afiliado_id = ? AND email_mac = ?`, was.ID, mac),
		tx.run(ctx, `INSERT INTO email_address (id, afiliado_id, email, email_mac, added_at, proved_at) VALUES (?, ?, ?, ?, ?, ?)`,
			id, was.ID, sealed, mac, since, since))
}
