package templates

import "time"

// Unlock is /desbloqueo: one field, one button, a challenge (S071). The form posts desbloquear. Without [WayMail] it has
// the other ways, and no field.
type Unlock struct {
	Layout
	Goal *Goal // nil without a running request
	// Code asks for a código de identificación instead of a cédula; the form then carries codigo=1.
	Code bool
	// Identificacion is what was typed, kept in the field.
	Identificacion string
	Challenge      *Challenge
	Faults         []Fault // IdentificacionEmpty, IdentificacionMalformed, or the Challenge's
	Stale          bool    // as in [Login]
	// Expires is how long a lock after failed attempts lasts; zero: until somebody lifts it (D04).
	Expires time.Duration
}

func (Unlock) name() string { return "unlock" }

func (u Unlock) path() string {
	if u.Path != "" {
		return u.Path
	}
	return requestPath("/desbloqueo", u.Goal, "codigo", codigo(u.Code))
}

// Mode is the address of the same page with the other kind of identifier.
func (u Unlock) Mode() string { return requestPath("/desbloqueo", u.Goal, "codigo", codigo(!u.Code)) }

// Failed reports whether the page tells of something that has to be mended.
func (u Unlock) Failed() bool { return len(u.Faults) > 0 }

// MailSent is /desbloqueo/enviado: the neutral answer to everybody, which says nothing of whether the person exists.
// Its button reenviar posts to /desbloqueo/reenviar.
type MailSent struct {
	Layout
	Goal  *Goal
	Asked time.Time     // when the link was asked for
	Life  time.Duration // how long the link lives from its hand-over (D05)
	Again bool          // this is not the first link asked for here
	// Next is when another may be asked for, where this browser has asked as often as it may; zero offers it now.
	Next time.Time
	// Limit and Window are how often: Limit links within Window.
	Limit  int
	Window time.Duration
}

func (MailSent) name() string { return "mailsent" }

func (m MailSent) path() string {
	if m.Path != "" {
		return m.Path
	}
	return requestPath("/desbloqueo/enviado", m.Goal)
}

// Expected is until when the mail may take, as the page says it (S035).
func (m MailSent) Expected() time.Time { return m.Asked.Add(15 * time.Minute) }

// LinkUnlock is /desbloqueo/abrir, where a link of the mail leads. In the browser that asked it posts itself; elsewhere
// it asks the last four characters of the identifier (S073). Nothing has been done yet. The form posts desbloquear.
type LinkUnlock struct {
	Layout
	Elsewhere bool
	Until     time.Time // when the link ends
	Faults    []Fault   // UltimosEmpty, UltimosWrong
	Left      int       // tries left after UltimosWrong; 0 leaves the figure out
}

func (LinkUnlock) name() string { return "linkunlock" }

func (l LinkUnlock) path() string {
	if l.Path != "" {
		return l.Path
	}
	return "/desbloqueo/abrir"
}

// Failed reports whether the page tells of something that has to be mended.
func (l LinkUnlock) Failed() bool { return len(l.Faults) > 0 }

// LinkState says why a link opens nothing.
type LinkState string

// The states of a dead link. The zero value is one that ended by the clock.
const (
	LinkEnded    LinkState = ""
	LinkUsed     LinkState = "used"
	LinkReplaced LinkState = "replaced" // a newer one was sent
	LinkSpent    LinkState = "spent"    // too many wrong answers
	LinkUnknown  LinkState = "unknown"  // incomplete, or never one of ours
	LinkLate     LinkState = "late"     // it was opened in time, and its form was open too long (S039)
)

// LinkPurpose says what a link is for.
type LinkPurpose string

// The purposes of links.
const (
	LinkToUnlock   LinkPurpose = "desbloqueo"
	LinkToDisavow  LinkPurpose = "no-fui-yo"
	LinkToGenerate LinkPurpose = "generar"
	LinkToContact  LinkPurpose = "correo" // either link of a changed address
)

// LinkExpired says that a link opens nothing any more, and sends another with one press (S072). Its button reenviar
// posts to /desbloqueo/reenviar, or for LinkToGenerate, with caso, to /generar-recuperar/reenviar.
type LinkExpired struct {
	Layout
	Purpose LinkPurpose // the zero value says nothing of the purpose
	State   LinkState
	Ended   time.Time // when it ended or was used; zero where unknown
	// Resend offers another link for LinkToUnlock and LinkToGenerate; without it the page leads to /desbloqueo or
	// /generar-recuperar.
	Resend bool
	Case   string // the hidden field caso, with LinkToGenerate
}

func (LinkExpired) name() string { return "linkexpired" }

func (l LinkExpired) path() string {
	if l.Path != "" {
		return l.Path
	}
	if l.Purpose == LinkToGenerate || l.Purpose == LinkToContact {
		return "/generar-recuperar"
	}
	return "/desbloqueo"
}

// CodeEntry is /desbloqueo/codigo: the short code of the mail, typed. The form posts desbloquear.
type CodeEntry struct {
	Layout
	// Identify asks for the identifier too: this browser did not ask for the link. Code and Identificacion are as in
	// [Unlock].
	Identify       bool
	Code           bool
	Identificacion string
	Challenge      *Challenge
	Faults         []Fault // those of [Unlock], MensajeEmpty, MensajeMalformed, MensajeWrong
}

func (CodeEntry) name() string { return "codeentry" }

func (c CodeEntry) path() string {
	if c.Path != "" {
		return c.Path
	}
	return requestPath("/desbloqueo/codigo", nil, "codigo", codigo(c.Code))
}

// Mode is the address of the same page with the other kind of identifier.
func (c CodeEntry) Mode() string {
	return requestPath("/desbloqueo/codigo", nil, "codigo", codigo(!c.Code))
}

// Failed reports whether the page tells of something that has to be mended.
func (c CodeEntry) Failed() bool { return len(c.Faults) > 0 }

// Unlocked is /desbloqueo/listo: the clave opens again, unchanged; "Ingresar" or "Generar / Recuperar clave" (S073, S074).
type Unlocked struct {
	Layout
	When        time.Time    // when it was unlocked
	Idle        bool         // it was not locked
	Application *Application // where she was going; nil where unknown
}

func (Unlocked) name() string { return "unlocked" }

func (u Unlocked) path() string {
	if u.Path != "" {
		return u.Path
	}
	return "/desbloqueo/listo"
}
