package templates

import (
	"encoding/json"
	"time"
)

// OwnChange is a change that a person makes to what is hers in her account. Each is a mail of its own name.
type OwnChange string

// The changes that people are told of.
const (
	EmailAdded       OwnChange = "correo-agregado" // a further address was proved
	EmailRemoved     OwnChange = "correo-quitado"
	PhonesChanged    OwnChange = "telefonos-cambiados"
	QuestionsChanged OwnChange = "preguntas-cambiadas"
	ImageChanged     OwnChange = "imagen-cambiada"
)

// OwnChanges are all of them.
func OwnChanges() []OwnChange {
	return []OwnChange{EmailAdded, EmailRemoved, PhonesChanged, QuestionsChanged, ImageChanged}
}

// MailOwnChange tells at each of a person's addresses, the former ones among them, that something of hers was changed
// (ASVS 6.3.7). What it was before and is now is not in it: who reads the one address need not know the other.
type MailOwnChange struct {
	Kind    OwnChange
	Name    string
	When    time.Time
	Network string
	Device  string
	Ready   time.Time `json:",omitzero"`  // with EmailAdded: from when links go there too
	Former  bool      `json:",omitempty"` // with EmailRemoved: it goes to the address that was removed
	Disavow string    `json:"-"`
}

// Template implements [Mail]: it is the kind.
func (m MailOwnChange) Template() string { return string(m.Kind) }

func (m MailOwnChange) minted(l Links) Mail { m.Disavow = l.Disavow; return m }

func (m MailOwnChange) letter(c *composer) letter {
	key := "mail." + m.Template()
	l := c.open(m, m.Name)
	l.Lead = []string{c.say(key + ".what"), c.say(key + ".means")}
	if m.Former {
		l.Lead[1] = c.say(key + ".former")
	}
	if !m.Ready.IsZero() {
		l.Lead = append(l.Lead, c.say("mail.correo-agregado.ready", "When", c.moment(m.Ready)))
	}
	l.Facts = c.facts(m.When, m.Network, m.Device)
	l.Own, l.Other = c.own(c.say("mail.nothing")), c.notme(m.Disavow)
	switch m.Kind {
	case QuestionsChanged, ImageChanged:
		l.Own.Action = c.page("mail.see.questions", "/cuenta/preguntas")
	default:
		l.Own.Action = c.page("mail.see.contact", "/cuenta/contacto")
	}
	if m.Disavow != "" && m.Kind == EmailAdded {
		l.Other.Do = append(l.Other.Do, c.say("mail.correo-agregado.undo"))
	}
	return l
}

// ownMails are the mails of all kinds.
func ownMails() []mailKind {
	out := []mailKind{mailKindOf[MailAddressNew]()}
	for _, kind := range OwnChanges() {
		out = append(out, mailKind{string(kind), func(data []byte) (Mail, error) {
			var m MailOwnChange
			err := json.Unmarshal(data, &m)
			m.Kind = kind
			return m, err
		}})
	}
	return out
}

// MailAddressNew goes to a further address that somebody adds to her account: its link, or the code, proves that she
// reads it. Until then anybody may read it, so that it does not say whose account it is.
type MailAddressNew struct {
	When    time.Time
	Network string
	Device  string
	Life    time.Duration
	Link    string    `json:"-"`
	Code    string    `json:"-"` // eight digits, to type in her account instead
	Until   time.Time `json:"-"`
}

// Template implements [Mail].
func (MailAddressNew) Template() string { return "correo-otro" }

func (m MailAddressNew) minted(l Links) Mail {
	m.Link, m.Code, m.Until = l.URL, l.Code, l.Until
	return m
}

func (m MailAddressNew) letter(c *composer) letter {
	l := c.open(m, "")
	l.Lead = []string{c.say("mail.correo-otro.what")}
	l.Facts = c.facts(m.When, m.Network, m.Device)
	l.Own = c.own(c.say("mail.correo-nuevo.open", "Span", c.keep(c.c.span(m.Life))))
	if m.Link != "" {
		l.Own.Action = &way{Label: c.say("mail.correo-nuevo.button"), URL: m.Link}
	}
	l.Code = groups(m.Code)
	if l.Code != "" {
		l.Small = append(l.Small, c.say("mail.correo-otro.code"))
	}
	l.Small = append(l.Small, c.say("mail.correo-otro.elsewhere"))
	l.Other = part{Title: c.say("mail.notme.link"), Do: []string{
		c.say("mail.correo-nuevo.stranger"), c.say("mail.correo-nuevo.nothing"),
	}}
	return l
}

// ownMailStates are these mails in all their states.
func ownMailStates() []MailState {
	const name, network, device = "María Fernanda", "186.46.12.x", "Firefox · Windows"
	when := sampleTime()
	out := []MailState{{"correo-otro", MailAddressNew{When: when, Network: network, Device: device, Life: 24 * time.Hour}}}
	for _, kind := range OwnChanges() {
		m := MailOwnChange{Kind: kind, Name: name, When: when, Network: network, Device: device}
		if kind == EmailAdded {
			m.Ready = when.Add(72 * time.Hour)
		}
		out = append(out, MailState{string(kind), m})
	}
	gone := MailOwnChange{Kind: EmailRemoved, Name: name, When: when, Network: network, Device: device, Former: true}
	return append(out, MailState{"correo-quitado-anterior", gone})
}
