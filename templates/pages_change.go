package templates

import "time"

// ChangeStep is where a person is on /cambio.
type ChangeStep string

// The steps of a change. The zero value is the public form's first.
const (
	ChangeProve   ChangeStep = ""        // cedula, clave_actual, acuerdo; button aceptar
	ChangeNew     ChangeStep = "new"     // proven: clave_nueva, clave_confirmacion, cerrar_otras; button aceptar
	ChangeSession ChangeStep = "session" // in session, all on one page: clave_actual too, no cedula
)

// Change is /cambio (S087–S091, D29). It never shows a clave that was typed, and the public form answers a wrong cédula
// and a wrong clave with the one sentence of [Login].
type Change struct {
	Layout
	Goal *Goal
	Step ChangeStep
	// Params are hidden fields of the form.
	Params []Param
	// Code and Cedula are as in [Login].
	Code   bool
	Cedula string
	Rules  Rules
	// Agreed keeps the tick of the agreement after an error; Keep keeps cerrar_otras unticked (it is ticked at first).
	Agreed bool
	Keep   bool
	// Denied and Advise are as in [Login], for ChangeProve.
	Denied bool
	Advise bool
	// Challenge is as in [Login], wherever clave_actual is asked.
	Challenge *Challenge
	Faults    []Fault
	// Stale and Busy are as in [Login], Swapped as in [Renew].
	Stale   bool
	Swapped bool
	Busy    bool
	Retry   time.Duration
	// Session names, in the field sesion, what lets her change it: the session, or the proof of the first step.
	Session string
}

func (Change) name() string { return "change" }

func (c Change) path() string {
	if c.Path != "" {
		return c.Path
	}
	return requestPath("/cambio", c.Goal, "codigo", codigo(c.Code))
}

// Mode is the address of the same page with the other kind of identifier.
func (c Change) Mode() string { return requestPath("/cambio", c.Goal, "codigo", codigo(!c.Code)) }

// Clave is the id of the field for the clave that holds now.
func (c Change) Clave() string { return "clave_actual" }

// Username is as in [Login]: a change wants the clave itself.
func (Change) Username() string { return "username" }

// Failed reports whether the page tells of something that has to be mended.
func (c Change) Failed() bool { return c.Denied || c.Busy || len(c.Faults) > 0 }

// Changed is /cambio/listo: the new clave holds.
type Changed struct {
	Layout
	When        time.Time
	Closed      bool         // the other sessions were ended
	Mailed      bool         // a notice went to her mailbox
	Application *Application // where she was going; nil where unknown
}

func (Changed) name() string { return "changed" }

func (c Changed) path() string {
	if c.Path != "" {
		return c.Path
	}
	return "/cambio/listo"
}

// Disavow is /no-fui-yo, where "No fui yo" of a mail leads: one press confirms. Nothing has been done yet. The form
// posts no-fui-yo to /no-fui-yo.
type Disavow struct {
	Layout
	// Template is the [Mail] the link came with; the page names what it told of.
	Template string
	When     time.Time
	Network  string
	Device   string
	// Since is from when on whatever was added to prove who she is ends with the clave; zero leaves it out.
	Since time.Time
	// Challenge has to be ticked: a scanner that sends the form unchanged does nothing (T11). Faults are the Challenge's.
	Challenge *Challenge
	Faults    []Fault
}

func (Disavow) name() string { return "disavow" }

func (d Disavow) path() string {
	if d.Path != "" {
		return d.Path
	}
	return "/no-fui-yo"
}

// Failed reports whether the page tells of something that has to be mended.
func (d Disavow) Failed() bool { return len(d.Faults) > 0 }

// Disavowed is /no-fui-yo/listo: sessions are ended, devices forgotten, the clave opens nothing; on to a new one.
type Disavowed struct {
	Layout
	When  time.Time
	Since time.Time // as in [Disavow]
	Case  string    // names what was done, for who asks about it; its beginning is shown
}

func (Disavowed) name() string { return "disavowed" }

func (d Disavowed) path() string {
	if d.Path != "" {
		return d.Path
	}
	return "/no-fui-yo/listo"
}
