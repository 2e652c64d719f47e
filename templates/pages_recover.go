package templates

import "time"

// RecoverStart is /generar-recuperar, step 1 of 4 of the wizard (S022–S026): one field, one button, a challenge, the same
// for the first time and for recovery. The form posts buscar.
type RecoverStart struct {
	Layout
	Goal *Goal // nil without a running request
	// Code and Identificacion are as in [Unlock].
	Code           bool
	Identificacion string
	Challenge      *Challenge
	Faults         []Fault // those of [Unlock]
	Stale          bool    // as in [Login]
	// Ended says that the case in this browser came to its end by the clock; nothing was done.
	Ended bool
}

func (RecoverStart) name() string { return "recoverstart" }

func (r RecoverStart) path() string { return recoverPath(r.Layout, r.Goal, "codigo", codigo(r.Code)) }

// Mode is the address of the same page with the other kind of identifier.
func (r RecoverStart) Mode() string {
	return requestPath("/generar-recuperar", r.Goal, "codigo", codigo(!r.Code))
}

// Failed reports whether the page tells of something that has to be mended.
func (r RecoverStart) Failed() bool { return len(r.Faults) > 0 }

// recoverPath is l's own path, or that of the wizard.
func recoverPath(l Layout, g *Goal, pairs ...string) string {
	if l.Path != "" {
		return l.Path
	}
	return requestPath("/generar-recuperar", g, pairs...)
}

// RecoverAnswers is what was typed at the questions, kept in the fields.
type RecoverAnswers struct {
	Day, Month string    // dia and mes: decimal numbers, without zeros before them
	History    [2]string // historia_1, historia_2: the index of an option, from "0"
	Personal   [2]string // personal_1, personal_2
}

// RecoverQuestions is step 2 of 4 (S027–S030): day and month of birth, two questions on the work history, two personal
// ones, all on one page. It never says which block failed, and is the same for everybody. The form posts continuar.
type RecoverQuestions struct {
	Layout
	Goal *Goal
	Case string // the hidden field caso
	// Until is when the case ends, and Remaining how long that is from now; the zero values leave the clock out.
	Until     time.Time
	Remaining time.Duration
	History   [2]QuizQuestion
	Personal  [2]string // keys of [PersonalQuestions]
	Typed     RecoverAnswers
	Faults    []Fault // DiaEmpty, MesEmpty, FechaImpossible, Historia1Empty, Historia2Empty: no attempt was spent
	Wrong     bool    // the answers do not all agree, and an attempt was spent
	Left      int     // attempts left, at least 1; 0 leaves the figure out
	Stale     bool    // a form of an older case or of another step: nothing was done
	// Busy and Retry are as in [Login]. Unavailable says that the registry does not answer: no attempt was spent (FT-24).
	Busy        bool
	Unavailable bool
	Retry       time.Duration
}

func (RecoverQuestions) name() string { return "recoverquestions" }

func (r RecoverQuestions) path() string { return recoverPath(r.Layout, r.Goal) }

// Again is where another identifier is typed.
func (r RecoverQuestions) Again() string {
	return requestPath("/generar-recuperar", r.Goal, "nuevo", "1")
}

// Failed reports whether the page tells of something that has to be mended.
func (r RecoverQuestions) Failed() bool {
	return r.Wrong || r.Busy || r.Unavailable || len(r.Faults) > 0
}

// RecoverData is step 3 of 4 (S031, S032, D19): what is on file, masked, and fields for what has to change. An empty
// field keeps what is on file. The form posts continuar.
type RecoverData struct {
	Layout
	Goal      *Goal
	Case      string
	Until     time.Time
	Remaining time.Duration
	// Name, Identificacion, Email, More, Mobile and Landline are what is on file, masked by the caller; empty: nothing.
	// More are the other addresses to which the link goes.
	Name           string
	Identificacion string
	Code           bool // Identificacion is a código
	Email          string
	More           []string
	Mobile         string
	Landline       string
	// Correo, Celular and Convencional are what was typed, kept in the fields.
	Correo       string
	Celular      string
	Convencional string
	Wait         time.Duration // how long a changed address waits before it counts (D18)
	Faults       []Fault       // CorreoMalformed, CorreoLimit, CelularMalformed, LandlineMalformed, TelefonoMissing
	Stale        bool          // as in [RecoverQuestions]
}

func (RecoverData) name() string { return "recoverdata" }

func (r RecoverData) path() string { return recoverPath(r.Layout, r.Goal) }

// Again is as in [RecoverQuestions].
func (r RecoverData) Again() string { return requestPath("/generar-recuperar", r.Goal, "nuevo", "1") }

// Failed reports whether the page tells of something that has to be mended.
func (r RecoverData) Failed() bool { return len(r.Faults) > 0 }

// RecoverSent is /generar-recuperar/enviado, step 4 of 4: the neutral "revise su correo" (S033–S035), with one press for
// another link. Its button reenviar posts, with caso, to /generar-recuperar/reenviar.
type RecoverSent struct {
	Layout
	Goal *Goal
	Case string
	// Asked, Life, Again, Next, Limit and Window are as in [MailSent].
	Asked  time.Time
	Life   time.Duration
	Again  bool
	Next   time.Time
	Limit  int
	Window time.Duration
	// Spent says that no other link goes out for this case, however long one waits.
	Spent bool
	// Leaves is when the link leaves, where it has to wait (C10); zero: at once.
	Leaves time.Time
	// Changed says that she typed another address (D18): it has to be confirmed, and counts from Ready on. The page then
	// offers no other link. Wait is as in [RecoverData].
	Changed bool
	Ready   time.Time
	Wait    time.Duration
}

func (RecoverSent) name() string { return "recoversent" }

func (r RecoverSent) path() string {
	if r.Path != "" {
		return r.Path
	}
	return requestPath("/generar-recuperar/enviado", r.Goal)
}

// Anew is the address of the first step for whoever typed another address wrong, or is another person.
func (r RecoverSent) Anew() string { return requestPath("/generar-recuperar", r.Goal, "nuevo", "1") }

// Expected is until when the mail may take, as the page says it (S035).
func (r RecoverSent) Expected() time.Time {
	if r.Leaves.After(r.Asked) {
		return r.Leaves.Add(15 * time.Minute)
	}
	return r.Asked.Add(15 * time.Minute)
}

// RecoverFailed is where the wizard ends for everybody it cannot serve: attempts spent, no such person, no mailbox, an
// account that only a person may open. It does not say which (S030), and leads to the ways that work.
type RecoverFailed struct {
	Layout
	Goal *Goal
	// Attempts is how many wrong answers end the wizard; 0 means five. Open says that they do not lock the clave
	// (recovery.locks: wizard). Both are policy, the same for everybody.
	Attempts int
	Open     bool
}

func (RecoverFailed) name() string { return "recoverfailed" }

func (r RecoverFailed) path() string { return recoverPath(r.Layout, r.Goal) }

// Number is how many wrong answers end the wizard.
func (r RecoverFailed) Number() int {
	if r.Attempts == 0 {
		return 5
	}
	return r.Attempts
}

// RecoverElsewhere is /generar-recuperar/clave in a browser that did not ask for the link: day, month and one question
// first (T04, C7). Nothing has been done yet. The form posts continuar to the same address.
type RecoverElsewhere struct {
	Layout
	Until     time.Time // when the link ends
	Remaining time.Duration
	// Personal is the key of her personal question; empty asks History instead (field historia_1).
	Personal string
	History  QuizQuestion
	Typed    RecoverAnswers // Day, Month and the first of History or Personal
	Faults   []Fault        // DiaEmpty, MesEmpty, FechaImpossible, Historia1Empty, Personal1Empty
	Wrong    bool
	Left     int // tries left after Wrong; 0 leaves the figure out
	// Busy, Unavailable and Retry are as in [RecoverQuestions].
	Busy        bool
	Unavailable bool
	Retry       time.Duration
}

func (RecoverElsewhere) name() string { return "recoverelsewhere" }

func (r RecoverElsewhere) path() string {
	if r.Path != "" {
		return r.Path
	}
	return "/generar-recuperar/clave"
}

// Failed reports whether the page tells of something that has to be mended.
func (r RecoverElsewhere) Failed() bool {
	return r.Wrong || r.Busy || r.Unavailable || len(r.Faults) > 0
}

// RecoverClave is /generar-recuperar/clave, the end of step 4 (S036–S039, D07): the declaration, two personal questions
// where she has none yet (S063), and the clave twice. It never shows a clave that was typed. The form posts confirmar.
type RecoverClave struct {
	Layout
	Application *Application // where she was going; nil where unknown
	Opened      string       // the hidden field abierto
	// Until is when the form may last be sent, and Remaining how long that is from now.
	Until     time.Time
	Remaining time.Duration
	First     bool // she never had a clave
	// Enrol asks for two personal questions and their answers. Chosen are keys of [PersonalQuestions]; Answers are kept.
	Enrol   bool
	Chosen  [2]string
	Answers [2]string
	Rules   Rules
	// Declared keeps the tick of the declaration after an error.
	Declared bool
	// Faults are DeclarationMissing, Pregunta1Empty … Respuesta2Same, the ones of clave_nueva, and of clave_confirmacion.
	Faults []Fault
	Stale  bool // the form had to be shown anew: nothing was done
	// Busy, Unavailable and Retry are as in [RecoverQuestions].
	Busy        bool
	Unavailable bool
	Retry       time.Duration
}

func (RecoverClave) name() string { return "recoverclave" }

func (r RecoverClave) path() string {
	if r.Path != "" {
		return r.Path
	}
	return "/generar-recuperar/clave"
}

// Failed reports whether the page tells of something that has to be mended.
func (r RecoverClave) Failed() bool { return r.Busy || r.Unavailable || len(r.Faults) > 0 }

// RecoverDone is /generar-recuperar/listo: the new clave holds. It signs nobody in.
type RecoverDone struct {
	Layout
	When        time.Time
	First       bool         // she never had a clave before
	Application *Application // where she was going; nil where unknown
}

func (RecoverDone) name() string { return "recoverdone" }

func (r RecoverDone) path() string {
	if r.Path != "" {
		return r.Path
	}
	return "/generar-recuperar/listo"
}

// ContactStep says where the change of a mailbox is.
type ContactStep string

// The steps of a change of mailbox (D18).
const (
	ContactConfirm   ContactStep = "confirm"   // /correo/confirmar, from the new mailbox: one press, button confirmar
	ContactApprove   ContactStep = "approve"   // /correo/aprobar, from the old one: one press, button aprobar
	ContactConfirmed ContactStep = "confirmed" // the new mailbox is hers
	ContactApproved  ContactStep = "approved"  // the old one agrees: no wait
	ContactCancelled ContactStep = "cancelled" // the change was stopped; the mailbox on file stays
)

// ContactLink is where the links of a changed address lead. Opening one does nothing; each form posts to its own path.
type ContactLink struct {
	Layout
	Step    ContactStep
	Address string    // the new address, masked; empty leaves it out
	Asked   time.Time // when the change was asked for
	Ready   time.Time // when the new address counts; zero leaves it out
	Applied bool      // it counts already: confirmed and approved, or the wait is over
	// Challenge has to be ticked, as in [Disavow]. Faults are the Challenge's.
	Challenge *Challenge
	Faults    []Fault
}

func (ContactLink) name() string { return "contactlink" }

func (c ContactLink) path() string {
	switch {
	case c.Path != "":
		return c.Path
	case c.Step == ContactConfirm:
		return "/correo/confirmar"
	case c.Step == ContactApprove:
		return "/correo/aprobar"
	default:
		return "/correo/listo"
	}
}

// Failed reports whether the page tells of something that has to be mended.
func (c ContactLink) Failed() bool { return len(c.Faults) > 0 }
