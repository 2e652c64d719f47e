package templates

import (
	"net/http"
	"strings"
	"time"
)

// Faults of the pages of second factors.
const (
	SecondEmpty     Fault = "segundo-empty"     // codigo: of the application
	SecondMalformed Fault = "segundo-malformed" // not six digits
	SecondWrong     Fault = "segundo-wrong"
	SecondUsed      Fault = "segundo-used"  // it was right, and accepted before
	SecondPause     Fault = "segundo-pause" // too many wrong ones: it was not compared
	SavedEmpty      Fault = "respaldo-empty"
	SavedWrong      Fault = "respaldo-wrong"
)

// secondField is the id of the input that a fault of these pages belongs to; "" for any other.
func secondField(f Fault) string {
	switch f {
	case SecondEmpty, SecondMalformed, SecondWrong, SecondUsed, SecondPause:
		return "codigo"
	case SavedEmpty, SavedWrong:
		return "codigo_respaldo"
	default:
		return ""
	}
}

// Second is /ingresar/segundo: what follows a clave that alone is not enough. Its forms post codigo, of an authenticator
// application, or codigo_respaldo, a recovery code; cancelar ends it. What was typed is never shown again.
type Second struct {
	Layout
	Goal    *Goal
	Session string // whom the page is shown to; each form brings it back
	// TOTP, Codes and Passkey are what the person has.
	TOTP, Codes bool
	Passkey     *PasskeyAsk
	Inside      bool // she is signed in, and this application asks for more
	Faults      []Fault
	Left        int       // tries left after a wrong one; 0 leaves the figure out
	From        time.Time // with SecondPause: from when on codes are compared again
	Stale       bool
	Over        bool // no try is left: she begins again with her clave
}

func (Second) name() string { return "second" }

func (s Second) path() string { return pathOr(s.Layout, requestPath("/ingresar/segundo", s.Goal)) }

// Failed reports whether the page tells of something that has to be mended.
func (s Second) Failed() bool { return len(s.Faults) > 0 || s.Over || s.Passkey.refused() }

// AppState is what there is of a person's authenticator application.
type AppState string

// The states. The zero value is none.
const (
	AppNone   AppState = ""
	AppBegun  AppState = "begun"  // its code has to be typed once
	AppOn     AppState = "on"     // it counts
	AppEnding AppState = "ending" // it counts until Ends
)

// StepDone is what has just been done on /cuenta/segundo-paso.
type StepDone string

// What may have been done. The zero value is nothing.
const (
	DoneBound  StepDone = "activada"
	DoneEnded  StepDone = "quitada"
	DoneEnding StepDone = "por-terminar"
	DoneKept   StepDone = "conservada"
	DoneAlways StepDone = "siempre"
	DoneOff    StepDone = "no-siempre"
	DoneNot    StepDone = "otra" // nothing: it was so already, or somebody was faster
)

// SegundoPaso is /cuenta/segundo-paso. Each of its forms posts to a path of its own below it.
type SegundoPaso struct {
	Own
	State AppState
	Since time.Time // with AppOn and AppEnding
	Ends  time.Time // with AppEnding
	// Key, QR and Size are the secret of an application in AppBegun: in groups to type, and as the path and the side of
	// an SVG.
	Key      []string
	QR       string
	Size     int
	Always   bool // a second step is asked for after each clave
	Has      bool // there is something it could be: an application, a passkey or a recovery code
	AtOnce   bool // the application can be removed at once: she has just proved herself by more than a clave
	Codes    int  // recovery codes that are left
	Done     StepDone
	Others   bool // with Done: her account is open elsewhere, too
	Faults   []Fault
	Passkeys int
}

func (SegundoPaso) name() string { return "segundopaso" }

func (s SegundoPaso) path() string { return pathOr(s.Layout, "/cuenta/segundo-paso") }

// Failed reports whether the page tells of something that has to be mended.
func (s SegundoPaso) Failed() bool { return len(s.Faults) > 0 }

// Codigos is /cuenta/codigos. Fresh are the codes of a set that was made just now, which nobody is shown again.
type Codigos struct {
	Own
	Fresh []string
	Left  int       // codes that are left
	Since time.Time // when the set was made; zero: there is none
}

func (Codigos) name() string { return "codigos" }

func (c Codigos) path() string { return pathOr(c.Layout, "/cuenta/codigos") }

// RecoverExtra is /generar-recuperar/clave before the form of a new clave, for an account that has a passkey: the link in the
// mail alone opens nothing (DEV-7). Its form posts codigo_respaldo, or llave.
type RecoverExtra struct {
	Layout
	Opened    string // the hidden field abierto
	Until     time.Time
	Remaining time.Duration
	Codes     bool        // she has recovery codes left
	Passkey   *PasskeyAsk // nil: none of hers can be used
	Faults    []Fault     // SavedEmpty, SavedWrong
	Left      int         // tries left after SavedWrong; 0 leaves the figure out
	Spent     bool        // none is left for codes
	Stale     bool
}

func (RecoverExtra) name() string { return "recoverextra" }

func (r RecoverExtra) path() string { return pathOr(r.Layout, "/generar-recuperar/clave") }

// Failed reports whether the page tells of something that has to be mended.
func (r RecoverExtra) Failed() bool { return len(r.Faults) > 0 || r.Passkey.refused() }

// CodesText is a set of recovery codes as a text to keep, in a catalogue's language.
func (p *Pages) CodesText(lang string, codes []string) (string, error) {
	c, ok := p.catalogs[lang]
	if !ok {
		c = p.catalogs[Languages()[0]]
	}
	title, err := c.text("codes.file")
	if err != nil {
		return "", err
	}
	once, err := c.text("codes.file.once")
	if err != nil {
		return "", err
	}
	return title + "\r\n" + once + "\r\n\r\n" + strings.Join(codes, "\r\n") + "\r\n", nil
}

// secondStates are these pages.
func secondStates(l, in Layout) []State {
	ok, when, g := http.StatusOK, sampleTime(), sampleGoal()
	own := sampleOwn(in)
	beside := func(refused bool) *PasskeyAsk {
		p := samplePasskey(refused)
		p.After = true
		return p
	}
	ask := Second{Layout: l, Goal: g, Session: own.Session, TOTP: true, Codes: true}
	var all []State
	vary := func(name string, change func(*Second)) {
		p := ask
		change(&p)
		all = append(all, State{"second" + name, ok, p})
	}
	vary("", func(*Second) {})
	vary("-bare", func(p *Second) { p.Goal, p.Codes = nil, false })
	vary("-inside", func(p *Second) { p.Layout, p.Inside = in, true })
	vary("-codes", func(p *Second) { p.TOTP = false })
	vary("-codes-wrong", func(p *Second) { p.TOTP, p.Faults, p.Left = false, []Fault{SavedWrong}, 1 })
	vary("-passkey", func(p *Second) { p.Passkey = beside(false) })
	vary("-passkey-codes", func(p *Second) { p.TOTP, p.Passkey = false, beside(false) })
	vary("-passkey-only", func(p *Second) { p.TOTP, p.Codes, p.Passkey = false, false, beside(false) })
	vary("-passkey-refused", func(p *Second) { p.Passkey = beside(true) })
	vary("-stale", func(p *Second) { p.Stale = true })
	vary("-over", func(p *Second) { p.Over = true })
	vary("-over-bare", func(p *Second) { p.Over, p.Goal = true, nil })
	vary("-pause", func(p *Second) { p.Faults, p.From, p.Left = []Fault{SecondPause}, when.Add(16*time.Minute), 4 })
	vary("-pause-long", func(p *Second) { p.Faults, p.From = []Fault{SecondPause}, when.Add(30*time.Hour) })
	for _, f := range []Fault{SecondEmpty, SecondMalformed, SecondWrong, SecondUsed, SavedEmpty, SavedWrong} {
		vary("-"+string(f), func(p *Second) { p.Faults, p.Left = []Fault{f}, 3 })
	}
	extra := RecoverExtra{
		Layout: l, Opened: "EJEMPLO", Until: when.Add(12 * time.Minute), Remaining: 12 * time.Minute, Codes: true, Passkey: beside(false),
	}
	more := func(name string, change func(*RecoverExtra)) {
		p := extra
		change(&p)
		all = append(all, State{"recoverextra" + name, ok, p})
	}
	more("", func(*RecoverExtra) {})
	more("-passkey", func(p *RecoverExtra) { p.Codes = false })
	more("-codes", func(p *RecoverExtra) { p.Passkey = nil })
	more("-none", func(p *RecoverExtra) { p.Codes, p.Passkey = false, nil })
	more("-empty", func(p *RecoverExtra) { p.Faults = []Fault{SavedEmpty} })
	more("-wrong", func(p *RecoverExtra) { p.Faults, p.Left = []Fault{SavedWrong}, 4 })
	more("-spent", func(p *RecoverExtra) { p.Faults, p.Spent = []Fault{SavedWrong}, true })
	more("-refused", func(p *RecoverExtra) { p.Passkey = beside(true) })
	more("-stale", func(p *RecoverExtra) { p.Stale = true })
	begun := SegundoPaso{
		Own: own, State: AppBegun, Key: []string{"JBSW", "Y3DP", "EHPK", "3PXP", "JBSW", "Y3DP", "EHPK", "3PXP"}, QR: sampleQR(), Size: 29,
	}
	on := SegundoPaso{Own: own, State: AppOn, Since: when.AddDate(0, -2, 0), Always: true, Has: true, Codes: 8}
	page := func(name string, p SegundoPaso, change func(*SegundoPaso)) {
		change(&p)
		all = append(all, State{"segundopaso" + name, ok, p})
	}
	page("", SegundoPaso{Own: own}, func(*SegundoPaso) {})
	page("-passkey", SegundoPaso{Own: own, Has: true, Passkeys: 2}, func(*SegundoPaso) {})
	page("-begun", begun, func(*SegundoPaso) {})
	for _, f := range []Fault{SecondEmpty, SecondMalformed, SecondWrong} {
		page("-begun-"+string(f), begun, func(p *SegundoPaso) { p.Faults = []Fault{f} })
	}
	page("-on", on, func(*SegundoPaso) {})
	page("-on-once", on, func(p *SegundoPaso) { p.AtOnce, p.Always = true, false })
	page("-ending", on, func(p *SegundoPaso) { p.State, p.Ends = AppEnding, when.Add(20*time.Hour) })
	for _, d := range []StepDone{DoneBound, DoneEnded, DoneEnding, DoneKept, DoneAlways, DoneOff, DoneNot} {
		page("-"+string(d), on, func(p *SegundoPaso) {
			p.Done = d
			switch d {
			case DoneBound:
				p.Codes, p.Others = 0, true
			case DoneEnded:
				p.State, p.Always, p.Has, p.Codes = AppNone, false, false, 0
			case DoneEnding:
				p.State, p.Ends = AppEnding, when.Add(24*time.Hour)
			case DoneOff:
				p.Always = false
			}
		})
	}
	fresh := []string{
		"JBSW-Y3DP-EHPK-3PXP", "KRUG-S4ZA-NFZS-AYLO", "MV4G-C3LQ-NRSS-AY3P", "ORSX-G5BA-ONZX-I4TJ", "NZTS-A5DI-MVZG-K2LT",
		"MFZW-IZDG-O5UW-43TH", "PFXX-K4RA-MNXW-IZLT", "ONSW-G4TF-OQQG-C4TF", "MZ2W-45DB-ONSW-KIDX", "OJUX-I2LO-M4QG-S3TT",
	}
	return append(all,
		State{"codigos", ok, Codigos{Own: own}},
		State{"codigos-left", ok, Codigos{Own: own, Left: 8, Since: when.AddDate(0, -2, 0)}},
		State{"codigos-few", ok, Codigos{Own: own, Left: 1, Since: when.AddDate(0, -2, 0)}},
		State{"codigos-spent", ok, Codigos{Own: own, Since: when.AddDate(0, -2, 0)}},
		State{"codigos-fresh", ok, Codigos{Own: own, Fresh: fresh, Left: 10, Since: when}},
	)
}

// sampleQR looks like a code and is none.
func sampleQR() string {
	const corner = "h7v1h-7zm0 1h1v5h-1zm6 0h1v5h-1zm-6 5h7v1h-7zm2 -4h3v3h-3z"
	return "M4 4" + corner + "M18 4" + corner + "M4 18" + corner + "M13 5h2v3h-2zM12 12h5v1h-5zM19 13h1v4h-1zM14 16h3v2h-3zM20 20h4v1h-4zM13 21h2v3h-2z"
}
