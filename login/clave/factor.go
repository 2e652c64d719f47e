package clave

import (
	"slices"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/templates"
)

// isFactor reports whether an errand of that kind tells what became of a factor.
func isFactor(kind string) bool {
	return slices.Contains(templates.FactorKinds(), templates.FactorKind(kind))
}

// factor is such a notice as a mail.
func (j *job) factor() templates.Mail {
	return templates.MailFactor{
		Kind: templates.FactorKind(j.errand.Kind), Name: j.afiliado.GivenName, When: j.notice.When,
		Network: j.notice.Network, Device: j.notice.Device, Made: j.notice.Made, Until: j.notice.Ends,
	}
}

// factorCauses are the audit events that notices of factors tell of.
func factorCauses() map[string]string {
	out := map[string]string{}
	for _, kind := range templates.FactorKinds() {
		out[string(kind)] = login.FactorEvent(kind)
	}
	return out
}
