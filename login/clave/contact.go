package clave

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// contact tells of an address on file that was changed, at the former, at the new
// one and at every other of the person: whoever changed it may hold the new, and
// only the others can object.
func (j *job) contact(ctx context.Context, data json.RawMessage) error {
	var c storage.ChangedContact
	if err := json.Unmarshal(data, &c); err != nil {
		return fmt.Errorf("clave: %w", err)
	}
	mailboxes, err := j.tx.Mailboxes(ctx, j.afiliado)
	if err != nil {
		return err
	}
	told := []string{""}
	tell := func(address string, m templates.MailContactChanged) error {
		_, err := storage.ParseEmail(address)
		if err != nil || slices.ContainsFunc(told, func(had string) bool { return strings.EqualFold(had, address) }) {
			return nil //nolint:nilerr // nobody can be told there
		}
		told = append(told, address)
		m.Name, m.When = j.afiliado.GivenName, c.When
		return j.sendTo(ctx, address, m, storage.PriorityNotice)
	}
	if err := errors.Join(tell(c.Former, templates.MailContactChanged{Former: true}), tell(c.Present, templates.MailContactChanged{})); err != nil {
		return err
	}
	for _, address := range mailboxes {
		if err := tell(address, templates.MailContactChanged{Other: true}); err != nil {
			return err
		}
	}
	if len(told) == 1 {
		return j.audit(ctx, login.EventUnreachable, map[string]string{"kind": j.errand.Kind})
	}
	return nil
}
