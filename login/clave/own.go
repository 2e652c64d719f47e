package clave

import (
	"context"
	"slices"
	"strings"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// tell puts a notice into the outbox for each address of the person (ASVS 6.3.7,
// DEV-7): of a change to what is hers also for those that were hers until lately.
func (j *job) tell(ctx context.Context, m templates.Mail) error {
	addresses, err := j.tx.Mailboxes(ctx, j.afiliado)
	if err == nil && isChange(j.errand.Kind) {
		addresses, err = login.Addresses(ctx, j.tx, j.afiliado, j.now)
	}
	if err != nil {
		return err
	}
	if _, err := storage.ParseEmail(j.notice.Former); err == nil {
		gone := j.own()
		gone.Former = true
		if err := j.sendTo(ctx, j.notice.Former, gone, storage.PriorityNotice); err != nil {
			return err
		}
	}
	for _, address := range addresses {
		if strings.EqualFold(address, j.notice.Former) {
			continue
		}
		if err := j.sendTo(ctx, address, m, storage.PriorityNotice); err != nil {
			return err
		}
	}
	if len(addresses) == 0 && j.notice.Former == "" {
		return j.audit(ctx, login.EventUnreachable, map[string]string{"kind": j.errand.Kind})
	}
	return nil
}

// isChange reports whether an errand of that kind tells of a change to what is hers,
// or of a use of it.
func isChange(kind string) bool { return isFactor(kind) || isData(kind) || isOwn(kind) }

// isOwn reports whether an errand of that kind tells what a person changed in her
// account.
func isOwn(kind string) bool {
	return slices.Contains(templates.OwnChanges(), templates.OwnChange(kind))
}

// own is such a notice as a mail.
func (j *job) own() templates.MailOwnChange {
	return templates.MailOwnChange{
		Kind: templates.OwnChange(j.errand.Kind), Name: j.afiliado.GivenName, When: j.notice.When,
		Network: j.notice.Network, Device: j.notice.Device, Ready: j.notice.Ready,
	}
}

// ownCauses are the audit events that notices of such changes tell of.
func ownCauses() map[string]string {
	out := map[string]string{}
	for _, kind := range templates.OwnChanges() {
		out[string(kind)] = login.OwnEvent(kind)
	}
	return out
}
