package templates

import "time"

// The mails of the wizard. Their common fields are as in the other notices.

// MailGenerateLink brings the link that leads to a clave (S034), for the first time and for recovery alike.
type MailGenerateLink struct {
	Name    string
	When    time.Time
	Network string
	Device  string
	Life    time.Duration // how long the link lives from its hand-over
	Link    string        `json:"-"`
	Until   time.Time     `json:"-"`
}

// Template implements [Mail].
func (MailGenerateLink) Template() string { return "enlace-generar" }

// MailGenerateHeld answers in the mailbox who asked for a link and gets none: why, and from when one may be had (D18).
type MailGenerateHeld struct {
	Name    string
	When    time.Time
	Network string
	Device  string
	Ready   time.Time // from when on links go out again; zero leaves it out
	Open    bool      // a change of the address is under way; else the address on file is too new
	Disavow string    `json:"-"`
}

// Template implements [Mail].
func (MailGenerateHeld) Template() string { return "enlace-retenido" }

// MailQuestionsPassed tells that somebody answered all questions of the wizard (T04).
type MailQuestionsPassed struct {
	Name    string
	When    time.Time
	Network string
	Device  string
	Disavow string `json:"-"`
}

// Template implements [Mail].
func (MailQuestionsPassed) Template() string { return "preguntas-superadas" }

// MailQuestionsSpent tells that wrong answers closed the wizard to her for a day, and nothing else.
type MailQuestionsSpent struct {
	Name    string
	When    time.Time
	Network string
	Device  string
	Disavow string `json:"-"`
}

// Template implements [Mail].
func (MailQuestionsSpent) Template() string { return "preguntas-agotadas" }

// MailRecovered tells that a clave was made with the wizard.
type MailRecovered struct {
	Name    string
	When    time.Time
	Network string
	Device  string
	First   bool   // she never had one
	Disavow string `json:"-"`
}

// Template implements [Mail].
func (MailRecovered) Template() string { return "clave-recuperada" }

// MailContactNew goes to the new address: its link proves that she reads it (D18). Until then anybody may read it, so that
// it does not say whose account it is.
type MailContactNew struct {
	When    time.Time
	Network string
	Device  string
	Ready   time.Time // when the address counts, if she confirms it
	Life    time.Duration
	Link    string    `json:"-"`
	Until   time.Time `json:"-"`
}

// Template implements [Mail].
func (MailContactNew) Template() string { return "correo-nuevo" }

// MailContactOld goes to the address on file: what was asked, from when it counts, a link that approves it at once, and
// "No fui yo", which stops it (D18, T05).
type MailContactOld struct {
	Name    string
	When    time.Time
	Network string
	Device  string
	Ready   time.Time
	Account bool   `json:",omitempty"` // it was asked in her account, for an address that is confirmed already
	Link    string `json:"-"`
	Disavow string `json:"-"`
}

// Template implements [Mail].
func (MailContactOld) Template() string { return "correo-viejo" }

// MailContactApplied tells, at the former address and at the new one, that the change she asked for is made. Neither
// address is in it.
type MailContactApplied struct {
	Name    string
	When    time.Time
	Former  bool   // it goes to the former address
	Account bool   `json:",omitempty"` // it was asked in her account
	Other   bool   `json:",omitempty"` // it goes to another address of hers, at which she is still told everything
	Disavow string `json:"-"`
}

// Template implements [Mail].
func (MailContactApplied) Template() string { return "correo-aplicado" }

func (m MailGenerateLink) minted(l Links) Mail {
	m.Link, m.Until = l.URL, l.Until
	return m
}
func (m MailGenerateHeld) minted(l Links) Mail    { m.Disavow = l.Disavow; return m }
func (m MailQuestionsPassed) minted(l Links) Mail { m.Disavow = l.Disavow; return m }
func (m MailQuestionsSpent) minted(l Links) Mail  { m.Disavow = l.Disavow; return m }
func (m MailRecovered) minted(l Links) Mail       { m.Disavow = l.Disavow; return m }
func (m MailContactNew) minted(l Links) Mail {
	m.Link, m.Until = l.URL, l.Until
	return m
}

func (m MailContactOld) minted(l Links) Mail {
	m.Link, m.Disavow = l.URL, l.Disavow
	return m
}
func (m MailContactApplied) minted(l Links) Mail { m.Disavow = l.Disavow; return m }
