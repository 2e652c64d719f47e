package templates

import "time"

// DataKind is what became of what applications know of a person, or of what she asked about her data. Each is a mail of its
// own name.
type DataKind string

// The kinds.
const (
	PermissionWithdrawn DataKind = "permiso-retirado"   // what she allowed an application
	AccessClosed        DataKind = "acceso-cerrado"     // of an application of the IESS
	DataTaken           DataKind = "datos-descargados"  // everything about her, as a file
	RightsAsked         DataKind = "derecho-recibido"   // a request by the law on personal data; the receipt
	RightsCancelled     DataKind = "derecho-cancelado"  // by herself
	RightsAnswered      DataKind = "derecho-contestado" // by the IESS
)

// DataKinds are all of them.
func DataKinds() []DataKind {
	return []DataKind{PermissionWithdrawn, AccessClosed, DataTaken, RightsAsked, RightsCancelled, RightsAnswered}
}

// MailData tells of one of these. What was asked and answered is not in it: that stands in the account.
type MailData struct {
	Kind        DataKind
	Name        string
	When        time.Time
	Network     string
	Device      string
	Application string    `json:",omitempty"` // of PermissionWithdrawn and AccessClosed
	Number      string    `json:",omitempty"` // of a request
	Right       string    `json:",omitempty"` // acceso, rectificacion, eliminacion, oposicion, portabilidad
	Due         time.Time `json:",omitzero"`  // the last day for an answer
	Disavow     string    `json:"-"`
}

// Template implements [Mail]: it is the kind.
func (m MailData) Template() string { return string(m.Kind) }

func (m MailData) minted(l Links) Mail { m.Disavow = l.Disavow; return m }

func (m MailData) letter(c *composer) letter {
	key := "mail." + m.Template()
	l := c.open(m, m.Name)
	app := tame(m.Application, 60)
	if app == "" {
		app = c.say("mail.datos.app")
	}
	l.Lead = []string{c.say(key+".what", "App", app), c.say(key + ".means")}
	l.Facts = c.facts(m.When, m.Network, m.Device)
	if m.Number != "" {
		l.Facts = append([]fact{{Label: c.say("mail.derecho.number"), Value: tame(m.Number, 20), Numeric: true}}, l.Facts...)
	}
	if m.Right != "" {
		l.Facts = append(l.Facts, fact{Label: c.say("mail.derecho.right"), Value: c.say(c.c.known("derechos.", m.Right, "", "acceso"))})
	}
	if !m.Due.IsZero() {
		l.Facts = append(l.Facts, fact{Label: c.say("mail.derecho.due"), Value: c.date(m.Due)})
	}
	l.Own, l.Other = c.own(c.say(key+".do")), c.notme(m.Disavow)
	switch m.Kind {
	case PermissionWithdrawn, AccessClosed:
		l.Own.Action = c.page("mail.datos.apps", "/cuenta/aplicaciones")
	case DataTaken:
		l.Own.Action = c.page("mail.datos.activity", "/cuenta/actividad")
	default:
		l.Own.Action = c.page("mail.derecho.see", "/cuenta/derechos")
	}
	if m.Kind == RightsAnswered { // whose network and device are not hers to know
		l.Own.Title, l.Other.Title = c.say("mail.do"), c.say("mail.notasked")
	}
	return l
}

// dataMails are the kinds as DecodeMail knows them.
func dataMails() []mailKind {
	var all []mailKind
	for _, kind := range DataKinds() {
		all = append(all, mailKind{string(kind), mailKindOf[MailData]().decode})
	}
	return all
}

// dataMailStates are these mails.
func dataMailStates() []MailState {
	when := sampleTime()
	var all []MailState
	for _, kind := range DataKinds() {
		m := MailData{Kind: kind, Name: "María Fernanda", When: when, Network: "186.46.12.x", Device: "Firefox · Windows"}
		switch kind {
		case PermissionWithdrawn:
			m.Application = "BIESS Hipotecarios"
		case AccessClosed:
			m.Application = "Préstamos"
		case RightsAsked, RightsCancelled, RightsAnswered:
			m.Number, m.Right = "DER-7K2M-9XWZ", "rectificacion"
		}
		if kind == RightsAsked {
			m.Due = when.AddDate(0, 0, 15)
		}
		if kind == RightsAnswered {
			m.Network, m.Device = "", ""
		}
		all = append(all, MailState{m.Template(), m})
	}
	return append(all, MailState{"permiso-retirado-desconocida", MailData{Kind: PermissionWithdrawn, Name: "María Fernanda", When: when}})
}
