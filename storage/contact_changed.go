package storage

import (
	"context"
	"encoding/json"
	"strings"
	"time"
)

// ErrandContact is the errand of a changed address. Its data are a ChangedContact,
// and both addresses are told.
const ErrandContact = "contacto-cambiado"

// EventContactChanged is the audit event of a changed address.
const EventContactChanged = "contact.changed"

// ChangedContact is what an ErrandContact tells of. Either address may be "".
type ChangedContact struct {
	When    time.Time
	Former  string
	Present string
}

// changedContact is one of a person.
type changedContact struct {
	afiliadoID string
	mac        []byte // of the identifier
	ChangedContact
}

// sameMailbox reports whether two addresses are one: case tells none apart.
func sameMailbox(a, b string) bool { return strings.EqualFold(a, b) }

// endMailed ends what lies in the mailboxes of people, whose rows are held: links
// open nothing any more, and what was to go there with such a link does not go. A
// running change of the clave goes on, as does a second step: their links are in no
// mail.
func (tx *Tx) endMailed(ctx context.Context, ids []any, now Instant) error {
	// Messages before links, as MarkSent holds them. A notice goes all the same,
	// without its "No fui yo".
	_, err := tx.execOnce(ctx, `UPDATE outbox SET `+done+` WHERE state = ? AND afiliado_id IN `+places(len(ids))+`
		AND link_id IN (SELECT id FROM link WHERE afiliado_id IN `+places(len(ids))+` AND purpose <> ?)`,
		append(append(append([]any{MessageExpired, now, "", "", MessagePending}, ids...), ids...), LinkNoFuiYo)...)
	if err != nil {
		return err
	}
	_, err = tx.execOnce(ctx, `UPDATE link SET replaced_at = ? WHERE afiliado_id IN `+places(len(ids))+`
		AND purpose NOT IN (?, ?, ?) AND used_at = 0 AND replaced_at = 0`, append(append([]any{now}, ids...), LinkCambio, LinkSegundo, LinkSegundoSesion)...)
	return err
}

// contactsChanged does what follows from changed addresses, whose people's rows
// are held: endMailed, no other change is waited for (D18), and word is left for
// both addresses.
func (tx *Tx) contactsChanged(ctx context.Context, changes []changedContact, actor string, now Instant) error {
	if len(changes) == 0 {
		return nil
	}
	ids := make([]any, len(changes))
	for i, c := range changes {
		ids[i] = c.afiliadoID
	}
	if err := tx.endMailed(ctx, ids, now); err != nil {
		return err
	}
	_, err := tx.execOnce(ctx, `UPDATE contact_change SET cancelled_at = ? WHERE afiliado_id IN `+places(len(ids))+` AND `+contactChangeOpen,
		append([]any{now}, ids...)...)
	if err != nil {
		return err
	}
	if actor == "" {
		actor = "operator"
	}
	for _, c := range changes {
		data, err := json.Marshal(c.ChangedContact)
		if err != nil {
			return err
		}
		if err := tx.AddErrand(ctx, Errand{Kind: ErrandContact, IdentifierMAC: c.mac, Data: data, CreatedAt: now}); err != nil {
			return err
		}
		if err := tx.Audit(ctx, Event{At: now, Name: EventContactChanged, AfiliadoID: c.afiliadoID, Actor: actor}); err != nil {
			return err
		}
	}
	return nil
}
