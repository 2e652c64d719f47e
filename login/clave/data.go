package clave

import (
	"slices"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/templates"
)

// isData reports whether an errand of that kind tells of applications or of rights
// over data.
func isData(kind string) bool {
	return slices.Contains(templates.DataKinds(), templates.DataKind(kind))
}

// data is such a notice as a mail.
func (j *job) data() templates.Mail {
	n := j.notice
	return templates.MailData{
		Kind: templates.DataKind(j.errand.Kind), Name: j.afiliado.GivenName, When: n.When, Network: n.Network, Device: n.Device,
		Application: n.Application, Number: n.Number, Right: n.Right, Due: n.Due,
	}
}

// dataCauses are the audit events that these notices tell of.
func dataCauses() map[string]string {
	out := map[string]string{}
	for _, kind := range templates.DataKinds() {
		out[string(kind)] = login.DataEvent(kind)
	}
	return out
}
