package templates

import (
	"slices"
	"time"
)

// MailState is one mail in one of its states, with made-up people in it. Mail holds no links: give it some with
// [Minted], or take the ones of [MailState.Sample].
type MailState struct {
	Name string // template, then what is particular: clave-bloqueada-operador
	Mail Mail
}

// Sample is the mail of s with links that lead nowhere, below issuer.
func (s MailState) Sample(issuer string) Mail {
	return Minted(s.Mail, Links{
		URL: issuer + "/enlace/EJEMPLO", Code: "48150297", Disavow: issuer + "/enlace/EJEMPLO-NO-FUI-YO",
		Until: sampleTime().Add(5 * time.Minute),
	})
}

// MailStates are all mails in all their states. Tests check them, and the
// demo's mailbox shows them.
func MailStates() []MailState {
	const name, network, device = "María Fernanda", "186.46.12.x", "Firefox · Windows"
	when := sampleTime()
	locked := MailClaveLocked{Name: name, When: when, Network: network, Device: device, Reason: ReasonLogin}
	assisted := MailUnlockAssisted{Name: name, When: when, Network: network, Device: device}
	all := []MailState{
		{"clave-cambiada", MailClaveChanged{Name: name, When: when, Network: network, Device: device, Closed: true}},
		{"clave-cambiada-sola", MailClaveChanged{Name: name, When: when}},
		{"clave-renovada", MailClaveRenewed{Name: name, When: when, Network: network, Device: device, Due: when.AddDate(1, 0, 0)}},
		{"clave-renovada-sin-fecha", MailClaveRenewed{Name: name, When: when, Network: network, Device: device}},
		{"clave-desbloqueada", MailClaveUnlocked{Name: name, When: when, Network: network, Device: device}},
		{"clave-desbloqueada-operador", MailClaveUnlocked{Name: name, When: when, Operator: true}},
		{"clave-desbloqueada-plazo", MailClaveUnlocked{Name: name, When: when, Expired: true}},
		{"equipo-nuevo", MailNewDevice{Name: name, When: when, Network: network, Device: device, Application: "Préstamos"}},
		{"equipo-nuevo-y-mas", MailNewDevice{Name: name, When: when, Network: network, Device: device, Also: []Also{
			{MailClaveChanged{}.Template(), when.Add(2 * time.Minute)}, {"otro", when.Add(3 * time.Minute)},
		}}},
		{"contacto-cambiado", MailContactChanged{Name: name, When: when}},
		{"contacto-cambiado-otro", MailContactChanged{Name: name, When: when, Other: true}},
		{"contacto-cambiado-anterior", MailContactChanged{Name: name, When: when, Former: true}},
		{"enlace-desbloqueo", MailUnlockLink{Name: name, When: when, Network: network, Device: device, Life: 3 * time.Minute}},
		{"clave-por-vencer", MailRenewalDue{Name: name, Due: when.AddDate(0, 0, 30), Days: 30}},
		{"clave-por-vencer-manana", MailRenewalDue{Name: name, Due: when.AddDate(0, 0, 1), Days: 1}},
		{"cuenta-deshabilitada", MailAccountDisabled{Name: name, When: when}},
		{"prueba", MailTest{When: when}},
	}
	for _, r := range []Reason{ReasonLogin, ReasonRecuperacion, ReasonOperador, ReasonCompromiso} {
		locked.Reason = r
		all = append(all, MailState{locked.Template() + "-" + string(r), locked})
	}
	locked.Reason, locked.Operator = ReasonCompromiso, true
	all = append(all, MailState{"clave-bloqueada-reabierta", locked})
	locked.Reason, locked.Operator, locked.Online = ReasonLogin, false, true
	all = append(all, MailState{"clave-bloqueada-huella", locked}, MailState{"desbloqueo-asistido", assisted})
	locked.Online, locked.Until, assisted.Off = false, when.Add(24*time.Hour), true
	all = append(all, MailState{"clave-bloqueada-plazo", locked}, MailState{"desbloqueo-asistido-apagado", assisted})
	assisted.Off = false
	for _, r := range []Reason{ReasonRecuperacion, ReasonOperador, ReasonCompromiso, ReasonDisabled} {
		assisted.Reason = r
		all = append(all, MailState{assisted.Template() + "-" + string(r), assisted})
	}
	return slices.Concat(all, recoverMailStates(), factorMailStates(), dataMailStates(), ownMailStates())
}

// recoverMailStates are the mails of the wizard.
func recoverMailStates() []MailState {
	const name, network, device = "María Fernanda", "186.46.12.x", "Firefox · Windows"
	when := sampleTime()
	ready := when.Add(72 * time.Hour)
	return []MailState{
		{"enlace-generar", MailGenerateLink{Name: name, When: when, Network: network, Device: device, Life: 15 * time.Minute}},
		{"enlace-retenido", MailGenerateHeld{Name: name, When: when, Network: network, Device: device, Ready: ready}},
		{"enlace-retenido-cambio", MailGenerateHeld{Name: name, When: when, Network: network, Device: device, Ready: ready, Open: true}},
		{"preguntas-superadas", MailQuestionsPassed{Name: name, When: when, Network: network, Device: device}},
		{"preguntas-agotadas", MailQuestionsSpent{Name: name, When: when, Network: network, Device: device}},
		{"clave-recuperada", MailRecovered{Name: name, When: when, Network: network, Device: device}},
		{"clave-recuperada-primera", MailRecovered{Name: name, When: when, Network: network, Device: device, First: true}},
		{"correo-nuevo", MailContactNew{When: when, Network: network, Device: device, Ready: ready, Life: 72 * time.Hour}},
		{"correo-viejo", MailContactOld{Name: name, When: when, Network: network, Device: device, Ready: ready}},
		{"correo-viejo-cuenta", MailContactOld{Name: name, When: when, Network: network, Device: device, Ready: ready, Account: true}},
		{"correo-aplicado", MailContactApplied{Name: name, When: when}},
		{"correo-aplicado-cuenta", MailContactApplied{Name: name, When: when, Account: true}},
		{"correo-aplicado-otro", MailContactApplied{Name: name, When: when, Account: true, Other: true}},
		{"correo-aplicado-anterior", MailContactApplied{Name: name, When: when, Former: true}},
	}
}

// sampleTime is 22 November 2026, 11:05 in Guayaquil.
func sampleTime() time.Time { return time.Date(2026, time.November, 22, 16, 5, 0, 0, time.UTC) }
