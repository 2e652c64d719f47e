package templates

import (
	"slices"
	"time"
)

// Home is / : the menu of spec S005. Name, where Layout.SignedIn, greets the person by her given names.
type Home struct {
	Layout
	Name string
	// Applications are the registered ones with an address to start at; the page links to them. None hides the list.
	Applications []Application
}

func (Home) name() string { return "home" }
func (Home) path() string { return "/" }

// Login is /ingresar: the one page with a field for the clave. It never shows a clave again, nor anything about the
// person of a cédula that was merely typed.
type Login struct {
	Layout
	Goal *Goal // nil without a running request
	// Code asks for a código de identificación (foreigners) instead of a cédula; the form then carries codigo=1.
	Code bool
	// Cedula is what was typed, kept in the field.
	Cedula string
	// Faults are the fields that stopped the attempt before anything was looked up.
	Faults []Fault
	// Denied shows the one sentence for every failed sign-in (S068, design section 4) with the ways out.
	Denied bool
	// Advise adds the advice of S070 to Denied: from the third failure on.
	Advise bool
	// Stale says that the form had grown old and was refreshed, with nothing lost.
	Stale bool
	// Busy says that no hash slot was free and no attempt was spent; it is answered with 503. Retry is the Retry-After.
	Busy  bool
	Retry time.Duration
	// Challenge has to be answered with the clave; nil: none is due. While it is [Challenge.Early] the page waits.
	Challenge *Challenge
	// Shared keeps the box compartido ticked: other people use the computer. Marked leaves it out: that is known.
	Shared, Marked bool
	// Again asks a person who is already signed in to confirm who she is (max_age, prompt=login, acr). Name is hers from
	// the live session, and stays empty where there is none.
	Again bool
	Name  string
	// Passkey offers to sign in without a clave; nil: nobody can.
	Passkey *PasskeyAsk
}

// PasskeyAsk is the part of a form that asks for a passkey instead of a clave. It shows where script can use one.
type PasskeyAsk struct {
	Options    string // the path where llave.js gets what a passkey is asked
	Own        bool   // only those of the session's person will do
	First      bool   // she is better served by it: the application wants more than her clave, or she has one
	After      bool   // it comes after her clave, or beside a code
	Alone      bool   // nothing else is asked for beside it
	Refused    bool   // the last one let nobody in: one sentence, whatever the reason
	Credential string // its id; the browser may forget it, where it is nobody's
}

// Only is p where nothing else on the page will do.
func (p *PasskeyAsk) Only() *PasskeyAsk {
	only := *p
	only.Alone = true
	return &only
}

func (Login) name() string { return "login" }

func (l Login) path() string {
	if l.Path != "" {
		return l.Path
	}
	return requestPath("/ingresar", l.Goal, "codigo", codigo(l.Code))
}

// Mode is the address of the same page with the other kind of identifier.
func (l Login) Mode() string { return requestPath("/ingresar", l.Goal, "codigo", codigo(!l.Code)) }

// Clave is the id of the field for the clave.
func (l Login) Clave() string { return "clave" }

// Failed reports whether the page tells of something that has to be mended.
func (l Login) Failed() bool { return l.Denied || l.Busy || len(l.Faults) > 0 || l.Passkey.refused() }

// Username is the kind of the identifier's field, for the browser's autofill.
func (l Login) Username() string { return l.Passkey.username() }

func (p *PasskeyAsk) refused() bool { return p != nil && p.Refused }

// username lets autofill offer passkeys beside names, where there are any.
func (p *PasskeyAsk) username() string {
	if p == nil {
		return "username"
	}
	return "username webauthn"
}

// Reason says why a clave does not open. The exact one is shown only on a known device or after proof.
type Reason string

// The reasons of a lock (S086), and the account an officer disabled.
const (
	ReasonLogin        Reason = "login"        // too many wrong claves
	ReasonRecuperacion Reason = "recuperacion" // too many wrong answers
	ReasonOperador     Reason = "operador"     // locked by an officer
	ReasonCompromiso   Reason = "compromiso"   // somebody else knows the clave
	ReasonDisabled     Reason = "disabled"     // the account is disabled
)

// Locked tells a person on a device known to be hers, or after proof, exactly why she cannot enter and how she will.
// Show it to nobody else. Its form posts cancelar to /ingresar.
type Locked struct {
	Layout
	Goal   *Goal
	Reason Reason // the zero value says only that the clave is locked
	// Until is when the lock ends by itself; zero: it does not (D04).
	Until time.Time
}

func (Locked) name() string { return "locked" }

func (l Locked) path() string {
	if l.Path != "" {
		return l.Path
	}
	return requestPath("/ingresar", l.Goal)
}

// LogoutConfirm asks before ending the session, where no valid id_token_hint vouches for the application (ASVS 10.6.2).
// Both buttons, salir and quedarse, post Params to Action.
type LogoutConfirm struct {
	Layout
	Action string // path of the logout endpoint
	Params []Param
	// Application asked for the logout, or nil where nobody is known to have.
	Application *Application
	Wrong       bool // what was asked could not be believed: nothing leads back
}

func (LogoutConfirm) name() string { return "logout" }

func (l LogoutConfirm) path() string {
	if l.Path != "" {
		return l.Path
	}
	return l.Action
}

// LoggedOut is where a logout ends that leads to no application by itself: the advice of S095 and the ways on.
type LoggedOut struct {
	Layout
	Application *Application // offered as the way back; nil where none is known
	// Stayed is true where the person chose to stay signed in.
	Stayed bool
	// Shared is the last page on a shared computer: it asks to close the window.
	Shared bool
	// Farewells are the applications that she had entered, and whether they have ended her session too.
	Farewells []Farewell
}

func (LoggedOut) name() string { return "loggedout" }

// Unsettled reports whether some application has not answered yet: the page is worth a second look, at its Path.
func (l LoggedOut) Unsettled() bool {
	return l.Path != "" && slices.ContainsFunc(l.Farewells, func(f Farewell) bool {
		return f.State == FarewellTelling || f.State == FarewellSilent
	})
}

// Farewell is an application that a person had entered who has signed out.
type Farewell struct {
	Name  string // its client_name
	Host  string // the host people know it by; empty hides it
	State FarewellState
}

// FarewellState is whether an application has ended the person's session with it.
type FarewellState string

// The states of a farewell.
const (
	FarewellClosed  FarewellState = "closed"  // it said that it has
	FarewellTelling FarewellState = "telling" // it is being told
	FarewellSilent  FarewellState = "silent"  // it did not answer, and is told again
	FarewellOwn     FarewellState = "own"     // it cannot be told, or said no: the person has to end it there
)

// Tone is how the state is marked: good, warn or not at all.
func (f Farewell) Tone() string {
	switch f.State {
	case FarewellClosed:
		return "good"
	case FarewellSilent, FarewellOwn:
		return "warn"
	default:
		return ""
	}
}
