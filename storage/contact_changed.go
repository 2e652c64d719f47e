package storage

import (
	"context"
	"encoding/json"
	"strings"
	"time"
)

// ErrandContact is the errand of a changed address. Its data are a ContactChange,
// and both addresses are told.
const ErrandContact = "contacto-cambiado"

// EventContactChanged is the audit event of a changed address.
const EventContactChanged = "contact.changed"

// ContactChange is what an ErrandContact tells of. Either address may be "".
type ContactChange struct {
	When    time.Time
	Former  string
	Present string
}

// contactChange is one of a person.
type contactChange struct {
	afiliadoID string
	mac        []byte // of the identifier
	ContactChange
}

// sameMailbox reports whether two addresses are one: case tells none apart.
func sameMailbox(a, b string) bool { return strings.EqualFold(a, b) }

// contactsChanged does what follows from changed addresses, whose people's rows
// are held: what lies in the former mailbox opens nothing any more, what was to
// go there with such a link does not go, and word is left for both addresses. A
// running change of the clave goes on: its link is in no mail.
func (tx *Tx) contactsChanged(ctx context.Context, changes []contactChange, actor string, now Instant) error {
	if len(changes) == 0 {
		return nil
	}
	ids := make([]any, len(changes))
	for i, c := range changes {
		ids[i] = c.afiliadoID
	}
	// Messages before links, as MarkSent holds them. A notice goes all the same,
	// without its "No fui yo".
	_, err := tx.execOnce(ctx, `UPDATE outbox SET `+done+` WHERE state = ? AND afiliado_id IN `+places(len(ids))+`
		AND link_id IN (SELECT id FROM link WHERE afiliado_id IN `+places(len(ids))+` AND purpose <> ?)`,
		append(append(append([]any{MessageExpired, now, "", "", MessagePending}, ids...), ids...), LinkNoFuiYo)...)
	if err != nil {
		return err
	}
	_, err = tx.execOnce(ctx, `UPDATE link SET replaced_at = ? WHERE afiliado_id IN `+places(len(ids))+`
		AND purpose <> ? AND used_at = 0 AND replaced_at = 0`, append(append([]any{now}, ids...), LinkCambio)...)
	if err != nil {
		return err
	}
	if actor == "" {
		actor = "operator"
	}
	for _, c := range changes {
		data, err := json.Marshal(c.ContactChange)
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
