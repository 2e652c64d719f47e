package clave

import (
	"context"
	"slices"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// isFactor reports whether an errand of that kind tells what became of a factor.
func isFactor(kind string) bool {
	return slices.Contains(templates.FactorKinds(), templates.FactorKind(kind))
}

// factor tells what became of one of the person's factors, at each of her
// addresses (login.Addresses).
func (j *job) factor(ctx context.Context) error {
	m := templates.MailFactor{
		Kind: templates.FactorKind(j.errand.Kind), Name: j.afiliado.GivenName, When: j.notice.When,
		Network: j.notice.Network, Device: j.notice.Device, Made: j.notice.Made, Until: j.notice.Ends,
	}
	addresses, err := login.Addresses(ctx, j.tx, j.afiliado, j.now)
	if err != nil {
		return err
	}
	if len(addresses) == 0 {
		return j.audit(ctx, login.EventUnreachable, map[string]string{"kind": j.errand.Kind})
	}
	for _, address := range addresses {
		if err := j.sendTo(ctx, address, m, storage.PriorityNotice); err != nil {
			return err
		}
	}
	return nil
}

// factorCauses are the audit events that notices of factors tell of.
func factorCauses() map[string]string {
	out := map[string]string{}
	for _, kind := range templates.FactorKinds() {
		out[string(kind)] = login.FactorEvent(kind)
	}
	return out
}
