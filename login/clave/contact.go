package clave

import (
	"context"
	"encoding/json"
	"fmt"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// contact tells of a changed address, at the former and at the new one: whoever
// changed it may hold the new, and only the former can object.
func (j *job) contact(ctx context.Context, data json.RawMessage) error {
	var c storage.ChangedContact
	if err := json.Unmarshal(data, &c); err != nil {
		return fmt.Errorf("clave: %w", err)
	}
	told := false
	for _, to := range []struct {
		address string
		former  bool
	}{{c.Former, true}, {c.Present, false}} {
		if _, err := storage.ParseEmail(to.address); err != nil {
			continue
		}
		told = true
		m := templates.MailContactChanged{Name: j.afiliado.GivenName, When: c.When, Former: to.former}
		if err := j.sendTo(ctx, to.address, m, storage.PriorityNotice); err != nil {
			return err
		}
	}
	if !told {
		return j.audit(ctx, login.EventUnreachable, map[string]string{"kind": j.errand.Kind})
	}
	return nil
}
