package templates

import (
	"html/template"
	"time"
)

// Notice is /autorizar for an application of the IESS: told once what it receives; the legal basis is not consent.
// Buttons continuar and cancelar.
type Notice struct {
	Layout
	Goal  Goal
	Given string  // the person's given names
	Data  []Datum // exactly what the application receives
	APIs  []API   // the other services it may use in her name
	// Session names, in the field sesion, the session the page is shown for: where another person has signed in since, it is shown anew.
	Session string
	// Offline is true where it may ask for the data later too, without the person (offline_access).
	Offline bool
}

func (Notice) name() string   { return "notice" }
func (n Notice) path() string { return autorizar(n.Layout, &n.Goal) }

// Consent is /autorizar for a third party: it may be refused, in part (opcional) or whole. Buttons autorizar and cancelar.
type Consent struct {
	Layout
	Goal     Goal
	Given    string
	Data     []Datum
	Optional []Option
	APIs     []API // each with a box of its own, in the field opcional too
	Offline  bool
	Session  string // as in [Notice]
}

func (Consent) name() string   { return "consent" }
func (c Consent) path() string { return autorizar(c.Layout, &c.Goal) }

// Option is a scope the person may add to a consent. Its box is ticked only where she ticked it (LOPDP art. 8).
type Option struct {
	Scope string // value of the field opcional: email, phone, profile, cedula, afiliacion
	Data  []Datum
}

// API is another service that an application may use in the person's name (RFC 8707). As with [Option], its box is
// ticked only where she ticked it.
type API struct {
	Mark string // value of the field opcional
	Name string // as it is registered
}

func autorizar(l Layout, g *Goal) string {
	if l.Path != "" {
		return l.Path
	}
	return requestPath("/autorizar", g)
}

// Cause says why a clave has to be renewed.
type Cause string

// The causes of a renewal. The zero value is an expired clave.
const (
	CauseExpired     Cause = ""            // it reached clave.max_age (S092)
	CauseCompromised Cause = "compromised" // somebody else may know it
)

// Rules are the figures a new clave has to obey (S037, D14, S089).
type Rules struct {
	Min, Max int // characters
	History  int // last claves that may not come again; 0 leaves the rule out
	Waiver   int // characters from which a clave no longer expires (D17); 0 leaves the advice out
}

// Renew is /renovar: a clave that must be renewed before the person goes on. It never shows what was typed.
type Renew struct {
	Layout
	Goal    *Goal // nil without a running request
	Cause   Cause
	Created time.Time // when the clave was set; zero where unknown
	Expired time.Time // when it expired; zero for other causes
	Rules   Rules
	// AskCurrent adds clave_actual: where she did not just type it.
	AskCurrent bool
	// Agreed keeps the tick of the agreement after an error.
	Agreed bool
	Faults []Fault
	// Stale and Busy are as in [Login]. Swapped says that the form was shown in another session, and nothing was done.
	Stale   bool
	Swapped bool
	Busy    bool
	Retry   time.Duration
	// Challenge is as in [Login], where AskCurrent.
	Challenge *Challenge
	// Session is as in [Notice].
	Session string
}

func (Renew) name() string { return "renew" }

func (r Renew) path() string {
	if r.Path != "" {
		return r.Path
	}
	return requestPath("/renovar", r.Goal)
}

// Failed reports whether the page tells of something that has to be mended.
func (r Renew) Failed() bool { return r.Busy || len(r.Faults) > 0 }

// Yearly reports whether the clave was valid for one year, which people call by that name.
func (r Renew) Yearly() bool {
	if r.Created.IsZero() || r.Expired.IsZero() {
		return false
	}
	days := r.Expired.Sub(r.Created).Round(24*time.Hour) / (24 * time.Hour)
	return days == 365 || days == 366
}

// FormPost hands an authorization response to the application by a form (OAuth 2.0 Form Post Response Mode). A module
// of ours submits it at once; without script the person presses its button.
type FormPost struct {
	Layout
	Application Application
	// Action is the redirect URI. The type switches the template's URL filter off, which custom schemes of native
	// applications need: convert only a URI that equals a registered one.
	Action template.URL
	Params []Param
}

func (FormPost) name() string { return "formpost" }
