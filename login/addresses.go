package login

import (
	"context"
	"slices"
	"strings"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// formerFor is how long after another took its place an address is still told of
// what happens to its person's ways to sign in: whoever has changed the address
// must not be the only one to hear of what comes next (T05, ASVS 6.3.7).
const formerFor = 30 * 24 * time.Hour

// mailsLooked is how many of the last messages are looked through for addresses.
const mailsLooked = 200

// messages is what *storage.DB and *storage.Tx have in common here.
type messages interface {
	Mailboxes(ctx context.Context, a *storage.Afiliado) ([]string, error)
	Messages(ctx context.Context, afiliadoID string, limit int) ([]storage.Message, error)
}

// Addresses are where a is told of a change to what is hers: the address on file,
// her further ones that are proved, and those that were on file within 30 days, as
// the messages say that told them. Empty: there is none that mail can reach.
func Addresses(ctx context.Context, from messages, a *storage.Afiliado, now time.Time) ([]string, error) {
	out, err := from.Mailboxes(ctx, a)
	if err != nil {
		return nil, err
	}
	add := func(address string) {
		_, err := storage.ParseEmail(address)
		if err == nil && !slices.ContainsFunc(out, func(had string) bool { return strings.EqualFold(had, address) }) {
			out = append(out, address)
		}
	}
	told, err := from.Messages(ctx, a.ID, mailsLooked)
	if err != nil {
		return nil, err
	}
	for _, m := range told {
		changed := m.Template == templates.MailContactChanged{}.Template() || m.Template == templates.MailContactApplied{}.Template()
		if changed && m.Sealed == nil && m.CreatedAt.After(now.Add(-formerFor)) {
			add(m.Recipient)
		}
	}
	return out, nil
}

// Ripe is from when a further address that is proved counts as the one on file does:
// links go there too, and it may take that one's place without waiting (D18).
func (s *Server) Ripe(e storage.EmailAddress) time.Time { return e.ProvedAt.Add(s.ContactWait) }

// LinkMailboxes are where a link for a goes by a mail of that template: the address
// on file, which the caller has seen not to be Full, and those of her further ones
// that are Ripe at now and have not had too many such mails, so that who loses one
// mailbox is not lost with it.
func (s *Server) LinkMailboxes(ctx context.Context, tx *storage.Tx, a *storage.Afiliado, template string, now time.Time) ([]string, error) {
	all, err := tx.LinkMailboxes(ctx, a, now.Add(-s.ContactWait))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, address := range all {
		if address != a.Email {
			_, shared, err := tx.CountMessages(ctx, a.ID, address, template, now.Add(-s.UnlockWindow))
			if err != nil {
				return nil, err
			}
			if shared >= s.AddressLimit() {
				continue
			}
		}
		out = append(out, address)
	}
	return out, nil
}
