package templates

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Mail is one of the typed messages of this package: what the outbox keeps as JSON and [Pages.RenderMail] puts into
// words. No mail has a place for a clave (S090), and what opens something (links, codes) is never part of the JSON.
type Mail interface {
	// Template is the mail's name in the outbox, such as clave-bloqueada.
	Template() string
	minted(Links) Mail
	letter(*composer) letter
}

// Links is what is minted when a mail is sent, and only then. Every URL begins with the issuer.
type Links struct {
	URL     string    // opens what the mail is about
	Code    string    // eight digits to type instead; empty leaves them out
	Until   time.Time // when URL and Code end
	Disavow string    // "No fui yo"; empty hides it
}

// Minted returns m with l in it, as far as m has a place for it.
func Minted(m Mail, l Links) Mail { return m.minted(l) }

// DecodeMail returns the mail that json.Marshal made data of. Template is the one it had; an unknown one is an error.
func DecodeMail(template string, data []byte) (Mail, error) {
	for _, k := range mailKinds() {
		if k.template != template {
			continue
		}
		m, err := k.decode(data)
		if err != nil {
			return nil, fmt.Errorf("templates: mail %s: %w", template, err)
		}
		return m, nil
	}
	return nil, fmt.Errorf("templates: no mail %q", template)
}

// mailKind is one type of mail.
type mailKind struct {
	template string
	decode   func([]byte) (Mail, error)
}

func mailKindOf[M Mail]() mailKind {
	var zero M
	return mailKind{zero.Template(), func(data []byte) (Mail, error) {
		var m M
		err := json.Unmarshal(data, &m)
		return m, err
	}}
}

// mailKinds are all of them.
func mailKinds() []mailKind {
	return append([]mailKind{
		mailKindOf[MailUnlockLink](), mailKindOf[MailUnlockAssisted](), mailKindOf[MailClaveLocked](),
		mailKindOf[MailClaveUnlocked](), mailKindOf[MailClaveChanged](), mailKindOf[MailClaveRenewed](),
		mailKindOf[MailRenewalDue](), mailKindOf[MailNewDevice](), mailKindOf[MailContactChanged](),
		mailKindOf[MailGenerateLink](), mailKindOf[MailGenerateHeld](), mailKindOf[MailQuestionsPassed](), mailKindOf[MailQuestionsSpent](),
		mailKindOf[MailRecovered](),
		mailKindOf[MailContactNew](), mailKindOf[MailContactOld](), mailKindOf[MailContactApplied](),
		mailKindOf[MailAccountDisabled](), mailKindOf[MailTest](),
	}, slices.Concat(factorMails(), dataMails(), ownMails())...)
}

// Every notice says to whom, when, from where and from which device. Name holds the person's given names, Network is
// coarse (a city, a provider or a shortened address) and Device is such as "Firefox · Windows". Empty ones are left out.

// MailClaveChanged tells that the clave was changed with the present one.
type MailClaveChanged struct {
	Name    string
	When    time.Time
	Network string
	Device  string
	Closed  bool   // the other sessions were ended
	Disavow string `json:"-"`
}

// Template implements [Mail].
func (MailClaveChanged) Template() string { return "clave-cambiada" }

// MailClaveRenewed tells that a due clave was replaced at login.
type MailClaveRenewed struct {
	Name    string
	When    time.Time
	Network string
	Device  string
	Due     time.Time // when the new one ends; zero for never
	Disavow string    `json:"-"`
}

// Template implements [Mail].
func (MailClaveRenewed) Template() string { return "clave-renovada" }

// MailClaveLocked tells that the clave was locked, why, and how to go on.
type MailClaveLocked struct {
	Name    string
	When    time.Time
	Network string
	Device  string
	Reason  Reason    // ReasonLogin, ReasonRecuperacion, ReasonOperador or ReasonCompromiso
	Until   time.Time `json:",omitzero"` // when the lock ends by itself; zero: never (D04)
	Online  bool      // she may unlock by mail: her fingerprint is registered (S021)
	// Operator says, with ReasonCompromiso, that the lock stays, and a person of the IESS opened the wizard again.
	Operator bool   `json:",omitempty"`
	Disavow  string `json:"-"`
}

// Template implements [Mail].
func (MailClaveLocked) Template() string { return "clave-bloqueada" }

// MailClaveUnlocked tells that the clave opens again.
type MailClaveUnlocked struct {
	Name     string
	When     time.Time
	Network  string
	Device   string
	Operator bool   // a person of the IESS did it; Network and Device are not shown then
	Expired  bool   `json:",omitempty"` // nobody did it: the lock ended by itself (D04); as above
	Disavow  string `json:"-"`
}

// Template implements [Mail].
func (MailClaveUnlocked) Template() string { return "clave-desbloqueada" }

// MailNewDevice tells of a login from a device not seen before, and of what followed within minutes.
type MailNewDevice struct {
	Name        string
	When        time.Time
	Network     string
	Device      string
	Application string // where it led; empty leaves it out
	// Also are what the same browser did since, in order.
	Also    []Also
	Disavow string `json:"-"`
}

// Template implements [Mail].
func (MailNewDevice) Template() string { return "equipo-nuevo" }

// Also is one thing that happened, named by the [Mail] it would have been alone: clave-cambiada, clave-renovada,
// clave-bloqueada, clave-desbloqueada.
type Also struct {
	Template string
	When     time.Time
}

// MailContactChanged tells, at the former address and at the new one, that the IESS writes to another from now on.
// Neither address is in it: who reads the one need not know the other.
type MailContactChanged struct {
	Name    string
	When    time.Time
	Former  bool   // it goes to the former address
	Other   bool   `json:",omitempty"` // it goes to another address of hers, to which nothing changes
	Disavow string `json:"-"`
}

// Template implements [Mail].
func (MailContactChanged) Template() string { return "contacto-cambiado" }

// MailUnlockLink brings the link that unlocks (S072), or the code to type instead.
type MailUnlockLink struct {
	Name    string
	When    time.Time // when it was asked for
	Network string
	Device  string
	Life    time.Duration // how long the link lives from its hand-over (D05)
	Link    string        `json:"-"`
	Code    string        `json:"-"` // eight digits, shown in two groups
	Until   time.Time     `json:"-"`
}

// Template implements [Mail].
func (MailUnlockLink) Template() string { return "enlace-desbloqueo" }

// MailUnlockAssisted answers who asked to unlock and cannot by mail: the ways that work, and no link (S021).
type MailUnlockAssisted struct {
	Name    string
	When    time.Time
	Network string
	Device  string
	// Reason says why: zero where no fingerprint is registered, ReasonRecuperacion where wrong answers locked the clave
	// besides, ReasonOperador, ReasonCompromiso or ReasonDisabled.
	Reason Reason
	Off    bool `json:",omitempty"` // nobody unlocks by mail any more (D04)
}

// Template implements [Mail].
func (MailUnlockAssisted) Template() string { return "desbloqueo-asistido" }

// MailRenewalDue reminds of a clave about to end (S092).
type MailRenewalDue struct {
	Name string
	Due  time.Time
	Days int // days left, at least 1
}

// Template implements [Mail].
func (MailRenewalDue) Template() string { return "clave-por-vencer" }

// MailAccountDisabled tells that the account was disabled.
type MailAccountDisabled struct {
	Name string
	When time.Time
}

// Template implements [Mail].
func (MailAccountDisabled) Template() string { return "cuenta-deshabilitada" }

// MailTest is what `clave config check -send` sends.
type MailTest struct{ When time.Time }

// Template implements [Mail].
func (MailTest) Template() string { return "prueba" }

func (m MailClaveChanged) minted(l Links) Mail  { m.Disavow = l.Disavow; return m }
func (m MailClaveRenewed) minted(l Links) Mail  { m.Disavow = l.Disavow; return m }
func (m MailClaveLocked) minted(l Links) Mail   { m.Disavow = l.Disavow; return m }
func (m MailClaveUnlocked) minted(l Links) Mail { m.Disavow = l.Disavow; return m }
func (m MailNewDevice) minted(l Links) Mail     { m.Disavow = l.Disavow; return m }
func (m MailContactChanged) minted(l Links) Mail {
	m.Disavow = l.Disavow
	return m
}

func (m MailUnlockLink) minted(l Links) Mail {
	m.Link, m.Code, m.Until = l.URL, l.Code, l.Until
	return m
}
func (m MailUnlockAssisted) minted(Links) Mail  { return m }
func (m MailRenewalDue) minted(Links) Mail      { return m }
func (m MailAccountDisabled) minted(Links) Mail { return m }
func (m MailTest) minted(Links) Mail            { return m }
