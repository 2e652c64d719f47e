package login

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// addressLimit is how many mails of one kind that people ask for one address gets
// within UnlockWindow, whoever they are for: a family may share a mailbox.
const addressLimit = 6

// AddressLimit is that, or UnlockLimit where one person alone may have more.
func (s *Server) AddressLimit() int { return max(addressLimit, s.UnlockLimit) }

// Full reports whether a person, or whoever has the address, has had as many mails of
// that template within UnlockWindow as there may be. It is asked in the transaction
// that enqueues another, which holds the person.
func (s *Server) Full(ctx context.Context, tx *storage.Tx, afiliadoID, address, template string, now time.Time) (bool, error) {
	person, shared, err := tx.CountMessages(ctx, afiliadoID, address, template, now.Add(-s.UnlockWindow))
	return person >= s.UnlockLimit || shared >= s.AddressLimit(), err
}

// Enqueue puts m into the outbox as msg, whose Template and Data it fills in.
func Enqueue(ctx context.Context, tx *storage.Tx, msg storage.Message, m templates.Mail) error {
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("login: mail: %w", err)
	}
	msg.Template, msg.Data = m.Template(), data
	return tx.Enqueue(ctx, msg)
}
