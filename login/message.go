package login

import (
	"context"
	"encoding/json"
	"fmt"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// addressLimit is how many mails of one kind that people ask for one address gets
// within UnlockWindow, whoever they are for: a family may share a mailbox.
const addressLimit = 6

// AddressLimit is that, or UnlockLimit where one person alone may have more.
func (s *Server) AddressLimit() int { return max(addressLimit, s.UnlockLimit) }

// Enqueue puts m into the outbox as msg, whose Template and Data it fills in.
func Enqueue(ctx context.Context, tx *storage.Tx, msg storage.Message, m templates.Mail) error {
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("login: mail: %w", err)
	}
	msg.Template, msg.Data = m.Template(), data
	return tx.Enqueue(ctx, msg)
}
