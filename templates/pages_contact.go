package templates

import (
	"net/http"
	"time"
)

// MyContact is /cuenta/contacto: the addresses and telephones of a person, whole, and what becomes of them.
type MyContact struct {
	Own
	Primary  string // on file; empty: none. Links of recovery go there
	Proved   bool   // its mail has proved to be read
	More     []MyAddress
	Room     bool // for one address more
	Pending  *MyAddress
	Change   *MyAddress // that is to become the first on its Ready; nil: none
	Wait     time.Duration
	Strong   bool // she has proved who she is with a passkey: no address has to wait
	Mobile   string
	Landline string
	// Typed: what stood in the fields.
	Correo, Celular, Convencional string
	Faults                        []Fault
	Done                          Done
}

func (MyContact) name() string   { return "mycontact" }
func (m MyContact) path() string { return pathOr(m.Layout, "/cuenta/contacto") }

// Failed reports whether the page tells of something that has to be mended.
func (m MyContact) Failed() bool { return len(m.Faults) > 0 }

// MayPromote reports whether there is a way to make a the first: at once, or by asking the one on file, which nobody has
// done for a yet.
func (m MyContact) MayPromote(a MyAddress) bool {
	atOnce := m.Strong || a.Ready.IsZero()
	return atOnce || m.Primary != "" && (m.Change == nil || m.Change.Address != a.Address)
}

// MyAddress is a further address.
type MyAddress struct {
	ID      string
	Address string
	Added   time.Time
	Ready   time.Time // from when it may become the first; zero: it may now
}

// MyAddressLink is what the link leads to that proves a further address. Nothing has been done yet.
type MyAddressLink struct {
	Own
	Address string
}

func (MyAddressLink) name() string   { return "myaddresslink" }
func (m MyAddressLink) path() string { return pathOr(m.Layout, "/cuenta/contacto/confirmar") }

func myContactStates(in Layout) []State {
	ok, when := http.StatusOK, sampleTime()
	page := MyContact{
		Own: sampleOwn(in), Primary: "mafer.quishpe@correo.example", Proved: true, Room: true, Wait: 72 * time.Hour,
		Mobile: "+593990000001", Landline: "+59322345678",
	}
	more, full, fresh, bare, code, none := page, page, page, page, page, page
	more.More = []MyAddress{
		{ID: "A", Address: "trabajo@empresa.example", Added: when.AddDate(0, -2, 0)},
		{ID: "B", Address: "mafer@otro.example", Added: when, Ready: when.Add(72 * time.Hour)},
	}
	more.Pending, more.Done = &MyAddress{ID: "C", Address: "tercero@correo.example", Added: when}, DoneEmailSent
	full.More, full.Room = append(more.More[:2:2], more.More...), false
	full.Change = &more.More[1]
	fresh.More, fresh.Strong, fresh.Done = more.More, true, DoneEmailFirst
	bare.Primary, bare.Proved, bare.Landline = "", false, ""
	bare.Correo, bare.Celular, bare.Convencional = "no es un correo", "123", "02 2345 678"
	bare.Faults = []Fault{CorreoMalformed, CelularMalformed}
	code.Pending, code.Faults = more.Pending, []Fault{MensajeWrong}
	none.Proved = false
	all := []State{
		{"mycontact", ok, page},
		{"mycontact-more", ok, more},
		{"mycontact-full", ok, full},
		{"mycontact-strong", ok, fresh},
		{"mycontact-bare", ok, bare},
		{"mycontact-code", ok, code},
		{"mycontact-unproved", ok, none},
		{"myaddresslink", ok, MyAddressLink{Own: sampleOwn(in), Address: "tercero@correo.example"}},
	}
	for _, f := range []Fault{CorreoEmpty, CorreoOwn, CorreoMany, CorreoLater, LandlineMalformed, TelefonoMissing} {
		one := page
		one.Faults, one.Room = []Fault{f}, f != CorreoMany
		all = append(all, State{"mycontact-" + string(f), ok, one})
	}
	return all
}
