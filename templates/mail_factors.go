package templates

import "time"

// FactorKind is what became of one of the things with which a person proves who she is beside her clave. Each is a mail
// of its own name.
type FactorKind string

// The kinds. "Segundo paso" is what follows a clave: the codes of an application, or recovery codes.
const (
	KeyAdded  FactorKind = "llave-agregada"
	KeyEnded  FactorKind = "llave-terminada"
	KeyEnding FactorKind = "llave-por-terminar" // it serves until Until
	KeyKept   FactorKind = "llave-conservada"   // it was to end, and is not any more
	KeyCloned FactorKind = "llave-dudosa"       // its counter went back: there may be a copy of it (WA-5)

	StepAdded  FactorKind = "segundo-paso-agregado"
	StepEnded  FactorKind = "segundo-paso-terminado"
	StepEnding FactorKind = "segundo-paso-por-terminar" // it serves until Until
	StepKept   FactorKind = "segundo-paso-conservado"
	StepOff    FactorKind = "segundo-paso-apagado" // the clave alone is enough again
	CodesMade  FactorKind = "segundo-paso-codigos" // those before are void
	CodeUsed   FactorKind = "segundo-paso-usado"   // one recovery code
	AllEnded   FactorKind = "factores-terminados"  // an officer ended all of them

	// StepGuessed is nothing that became of a factor: somebody typed the right clave, and wrong codes after it.
	StepGuessed FactorKind = "segundo-paso-intentos"
)

// FactorKinds are all of them.
func FactorKinds() []FactorKind {
	return []FactorKind{
		KeyAdded, KeyEnded, KeyEnding, KeyKept, KeyCloned,
		StepAdded, StepEnded, StepEnding, StepKept, StepOff, CodesMade, CodeUsed, AllEnded, StepGuessed,
	}
}

// MailFactor tells what became of a passkey, an authenticator application or recovery codes (ASVS 6.3.7).
type MailFactor struct {
	Kind    FactorKind
	Name    string
	When    time.Time
	Network string
	Device  string
	// Made is the device, such as "Chrome · Android", on which a passkey was made. The name that somebody gave it is not in
	// the mail: it may be a thief's word.
	Made    string    `json:",omitempty"`
	Until   time.Time `json:",omitzero"` // with KeyEnding and StepEnding
	Disavow string    `json:"-"`
}

// Template implements [Mail]: it is the kind.
func (m MailFactor) Template() string { return string(m.Kind) }

func (m MailFactor) minted(l Links) Mail { m.Disavow = l.Disavow; return m }

// key reports whether it is about passkeys alone.
func (k FactorKind) key() bool {
	return k == KeyAdded || k == KeyEnded || k == KeyEnding || k == KeyKept || k == KeyCloned
}

func (m MailFactor) letter(c *composer) letter {
	key := "mail." + m.Template()
	l := c.open(m, m.Name)
	l.Lead = []string{c.say(key + ".what"), c.say(key + ".means")}
	if !m.Until.IsZero() {
		l.Lead = append(l.Lead, c.say("mail.factor.until", "Moment", c.moment(m.Until)))
	}
	l.Facts = c.facts(m.When, m.Network, m.Device)
	if made := tame(m.Made, 60); made != "" {
		l.Facts = append(l.Facts, fact{Label: c.say("mail.factor.made"), Value: made})
	}
	l.Own, l.Other = c.own(c.say(key+".do")), c.notme(m.Disavow)
	l.Own.Action = c.page("mail.factor.steps", "/cuenta/segundo-paso")
	if m.Kind.key() || m.Kind == AllEnded {
		l.Own.Action = c.page("mail.factor.keys", "/cuenta/llaves")
	}
	if m.Kind == AllEnded { // whose network and device are not hers to know
		l.Facts = c.facts(m.When, "", "")
		l.Own.Title, l.Other.Title = c.say("mail.do"), c.say("mail.notasked")
	}
	if m.Disavow == "" {
		return l
	}
	switch m.Kind {
	case KeyAdded, StepAdded, CodesMade:
		l.Other.Do = append(l.Other.Do, c.say("mail.factor.undo.added"))
	case KeyEnding, StepEnding:
		l.Other.Do = append(l.Other.Do, c.say("mail.factor.undo.ending"))
	}
	return l
}

// factorMails are the kinds as DecodeMail knows them.
func factorMails() []mailKind {
	var all []mailKind
	for _, kind := range FactorKinds() {
		all = append(all, mailKind{string(kind), mailKindOf[MailFactor]().decode})
	}
	return all
}

// factorMailStates are the mails about factors.
func factorMailStates() []MailState {
	when := sampleTime()
	var all []MailState
	for _, kind := range FactorKinds() {
		m := MailFactor{Kind: kind, Name: "María Fernanda", When: when, Network: "186.46.12.x", Device: "Firefox · Windows"}
		if kind.key() {
			m.Made = "Chrome · Android"
		}
		if kind == KeyEnding || kind == StepEnding {
			m.Until = when.Add(24 * time.Hour)
		}
		all = append(all, MailState{m.Template(), m})
	}
	return all
}
