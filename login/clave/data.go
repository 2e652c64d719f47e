package clave

import (
	"context"
	"slices"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// isData reports whether an errand of that kind tells of applications or of rights
// over data.
func isData(kind string) bool {
	return slices.Contains(templates.DataKinds(), templates.DataKind(kind))
}

// data tells of it at each of the person's addresses (login.Addresses): whoever has
// just changed one must not be the only one to hear that all data were taken.
func (j *job) data(ctx context.Context) error {
	n := j.notice
	m := templates.MailData{
		Kind: templates.DataKind(j.errand.Kind), Name: j.afiliado.GivenName, When: n.When, Network: n.Network, Device: n.Device,
		Application: n.Application, Number: n.Number, Right: n.Right, Due: n.Due,
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

// dataCauses are the audit events that these notices tell of.
func dataCauses() map[string]string {
	out := map[string]string{}
	for _, kind := range templates.DataKinds() {
		out[string(kind)] = login.DataEvent(kind)
	}
	return out
}
