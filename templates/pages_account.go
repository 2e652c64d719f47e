package templates

import (
	"net/http"
	"time"
)

// Own is what each page of Mi cuenta needs.
type Own struct {
	Layout
	// Session names whom the page is shown to; each of its forms brings it back.
	Session string
	Name    string // her given names
}

// Account is /cuenta: what a person has here, and the way to each part of it.
type Account struct {
	Own
	Family string // her family names
	Last   string // the last two characters of her identifier
	Other  bool   // a form came that was not shown to her: nothing was done
	Shared bool   // the computer is one that several people share
	// KeyAdded says that she has just made a passkey, where it was offered to her.
	KeyAdded bool
	Before   *Seen // her sign-in before this one; nil: none
	Clave    bool  // she has one
	Due      time.Time
	Keys     int    // passkeys
	TOTP     bool   // an authenticator application
	Codes    int    // recovery codes that are left
	Mailbox  string // masked; empty: none on file
	Image    string // her personal one, of [Images]; empty: none
	Further  int    // addresses beside it that were proved
	// Sessions are the open ones, this one among them.
	Sessions     int
	Applications []string // that know her, by name
}

func (Account) name() string { return "account" }

func (a Account) path() string { return pathOr(a.Layout, "/cuenta") }

// Confirm asks who is at a page of Mi cuenta to prove it once more, before what she posted is done.
type Confirm struct {
	Layout
	// Action is where the form goes, and Params what it carries: the path and the fields of what she posted.
	Action string
	Params []Param
	// Image is her personal one, where this browser is known to be hers; empty: none.
	Image string
	// Name is hers; empty where the session has ended meanwhile: the page then asks who she is, too.
	Name      string
	Cedula    string // what was typed, kept
	Denied    bool   // the one sentence for every failed sign-in
	Advise    bool   // with the advice of S070
	Stale     bool   // the form had to be refreshed
	Busy      bool   // 503: no hash slot was free; no attempt was spent
	Retry     time.Duration
	Faults    []Fault
	Challenge *Challenge
	Passkey   *PasskeyAsk // instead of the clave; nil: nobody can
	// Only says that the passkey is all that will do: she has no other second factor, and the clave alone is not enough.
	Only bool
	// Second asks for a second step in place of the clave, which has been proved: a code of an application (TOTP), a
	// recovery code (Codes). SecondFault is what was wrong with it, and Left, From and Over are as in [Second].
	Second, TOTP, Codes bool
	SecondFault         Fault
	Left                int
	From                time.Time
	Over                bool
}

func (Confirm) name() string { return "confirm" }

// Clave is the id of the field for the clave.
func (Confirm) Clave() string { return "clave" }

// Failed reports whether the page tells of something that has to be mended.
func (c Confirm) Failed() bool {
	return c.Denied || c.Busy || len(c.Faults) > 0 || c.Passkey.refused() || c.SecondFault != "" || c.Over
}

// Username is as in [Login].
func (c Confirm) Username() string { return c.Passkey.username() }

func accountStates(in Layout) []State {
	ok := http.StatusOK
	own := sampleOwn(in)
	page := Account{
		Own: own, Family: "Quishpe Andrade", Last: "13", Clave: true, Due: sampleTime().AddDate(0, 6, 8), Mailbox: "m•••e@c…", Image: "volcan", Sessions: 2, Keys: 1,
		Before: &Seen{When: sampleTime().Add(-26 * time.Hour), Network: "186.4.12.x", Device: "Chrome · Android"}, Applications: []string{"Historia Laboral", "Préstamos", "Fondos de Reserva"},
	}
	full, never, other := page, page, page
	full.Keys, full.TOTP, full.Codes, full.Sessions, full.Further, full.Due = 2, true, 9, 1, 2, time.Time{}
	never.Due, never.Mailbox, never.Before, never.Keys, never.Applications, never.Sessions = time.Time{}, "", nil, 0, nil, 1
	other.Other, other.Shared = true, true
	full.KeyAdded = true
	ask := Confirm{
		Layout: in, Action: "/cuenta/sesiones/cerrar", Name: "María Fernanda",
		Params: []Param{{"sesion", "K7QF2M9XWZ4TB6RHNVCJ3LDYPA"}, {"todas", "1"}},
	}
	ask.Path = "/cuenta"
	denied, advised, busy, ended, malformed, stale, pressed := ask, ask, ask, ask, ask, ask, ask
	denied.Denied = true
	advised.Denied, advised.Advise = true, true
	busy.Busy, busy.Retry = true, 2*time.Second
	ended.Name, ended.SignedIn = "", false
	malformed.Name, malformed.SignedIn, malformed.Cedula, malformed.Faults = "", false, "1759999914", []Fault{CedulaMalformed}
	stale.Name, stale.SignedIn, stale.Stale = "", false, true
	pressed.Challenge = sampleChallenge("")
	passkey, refused := ask, ask
	passkey.Passkey, refused.Passkey = samplePasskey(false), samplePasskey(true)
	for _, p := range []*PasskeyAsk{passkey.Passkey, refused.Passkey} {
		p.Own, p.First = true, true
	}
	after := samplePasskey(false)
	after.Own, after.After = true, true
	only := func(again bool) Confirm {
		c := ask
		c.Only, c.Passkey = true, samplePasskey(again)
		c.Passkey.Own, c.Passkey.Alone = true, true
		return c
	}
	off, anew := ask, only(false)
	off.Only, anew.Name, anew.SignedIn = true, "", false
	step := func(change func(*Confirm)) Confirm {
		c := ask
		c.Second, c.TOTP, c.Codes = true, true, true
		if change != nil {
			change(&c)
		}
		return c
	}
	return []State{
		{"account", ok, page},
		{"account-full", ok, full},
		{"account-bare", ok, never},
		{"account-other", ok, other},
		{"account-noclave", ok, Account{Own: own, Family: "Llerena Paredes", Last: "12", Sessions: 1}},
		{"confirm", ok, ask},
		{"confirm-denied", ok, denied},
		{"confirm-advised", ok, advised},
		{"confirm-busy", http.StatusServiceUnavailable, busy},
		{"confirm-ended", ok, ended},
		{"confirm-malformed", ok, malformed},
		{"confirm-stale", ok, stale},
		{"confirm-pressed", ok, pressed},
		{"confirm-passkey", ok, passkey},
		{"confirm-passkey-refused", ok, refused},
		{"confirm-only", ok, only(false)},
		{"confirm-only-refused", ok, only(true)},
		{"confirm-only-off", ok, off},
		{"confirm-only-ended", ok, anew},
		{"confirm-second", ok, step(nil)},
		{"confirm-second-wrong", ok, step(func(c *Confirm) { c.SecondFault, c.Left = SecondWrong, 3 })},
		{"confirm-second-pause", ok, step(func(c *Confirm) { c.SecondFault, c.From = SecondPause, sampleTime().Add(time.Minute) })},
		{"confirm-second-over", ok, step(func(c *Confirm) { c.Over = true })},
		{"confirm-second-codes", ok, step(func(c *Confirm) { c.TOTP = false })},
		{"confirm-second-codes-wrong", ok, step(func(c *Confirm) { c.TOTP, c.SecondFault, c.Left = false, SavedWrong, 1 })},
		{"confirm-second-refused", ok, step(func(c *Confirm) { c.Passkey = samplePasskey(true); c.Passkey.Own, c.Passkey.After = true, true })},
		{"confirm-second-passkey", ok, step(func(c *Confirm) { c.Passkey = after })},
		{"confirm-second-ended", ok, step(func(c *Confirm) { c.Name, c.SignedIn, c.Codes = "", false, false })},
	}
}
