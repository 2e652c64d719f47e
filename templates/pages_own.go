package templates

import (
	"net/http"
	"time"
)

// Done is what was done on a page of Mi cuenta just before it is shown, as the page's address says; anything else is
// nothing.
type Done string

// What was done.
const (
	DoneLanguage     Done = "idioma"
	DoneDay          Done = "dia"
	DoneEmailSent    Done = "correo-enviado"
	DoneEmailAdded   Done = "correo-agregado"
	DoneEmailRemoved Done = "correo-quitado"
	DoneEmailFirst   Done = "correo-principal"
	DoneEmailAsked   Done = "correo-pedido"
	DoneEmailKept    Done = "correo-cancelado"
	DoneEmailLate    Done = "correo-vencido"
	DoneEmailNothing Done = "correo-nada"
	DonePhones       Done = "telefonos"
	DonePhonesSame   Done = "telefonos-iguales"
	DoneQuestions    Done = "preguntas"
	DoneImage        Done = "imagen"
	DoneImageSame    Done = "imagen-igual"
)

// Nothing reports whether that is no more than that nothing was changed.
func (d Done) Nothing() bool {
	switch d {
	case DoneEmailLate, DoneEmailNothing, DonePhonesSame, DoneImageSame:
		return true
	default:
		return false
	}
}

// Seen is a sign-in as its person is told of it. Network and Device are empty where they are not known any more.
type Seen struct {
	When    time.Time
	Network string
	Device  string
}

// Profile is /cuenta/datos: what is on file of a person, how strongly she has signed in and could, when she did last, and
// the language she is served in.
type Profile struct {
	Own
	Data  []Datum // as on file, whole: nobody else sees the page (D19)
	Steps []Strength
	Now   Seen
	Last  *Seen // the sign-in before this session's; nil for none that is known
	// Chosen is the language she chose, one of [Languages]; empty where she never did.
	Chosen string
	Done   Done
}

func (Profile) name() string   { return "profile" }
func (p Profile) path() string { return pathOr(p.Layout, "/cuenta/datos") }

// Strength is one of the ways of signing in, weakest first: clave, clave15, 2fa, passkey.
type Strength struct {
	Level string
	Now   bool // this session is of it
	Have  bool // she could sign in so
	Next  bool // the one that is worth setting up next
}

// MyClave is /cuenta/clave: how long the clave lasts, and on which day of the year she wishes to renew it.
type MyClave struct {
	Own
	Has    bool // she has a clave
	Set    time.Time
	Due    time.Time // when it has to be renewed; zero: never
	Waived string    // why never: larga, llave or siempre
	Age    int       // days after which a clave has to be renewed; 0: never
	Long   int       // characters from which a clave lasts for ever; 0: none does
	Day    string    // chosen, as typed: 1 to 31, and the month 1 to 12; empty: any
	Month  string
	Kept   bool // the day she chose counts from the next clave on
	Faults []Fault
	Done   Done
}

func (MyClave) name() string   { return "myclave" }
func (m MyClave) path() string { return pathOr(m.Layout, "/cuenta/clave") }

// Failed reports whether the page tells of something that has to be mended.
func (m MyClave) Failed() bool { return len(m.Faults) > 0 }

func sampleOwn(in Layout) Own {
	return Own{Layout: in, Session: "K7QF2M9XWZ4TB6RHNVCJ3LDYPA", Name: "María Fernanda"}
}

// ownStates are the pages of what is hers, in all their states.
func ownStates(in Layout) []State {
	ok, when := http.StatusOK, sampleTime()
	data := Profile{
		Own: sampleOwn(in),
		Data: []Datum{
			{"given_name", []string{"María Fernanda"}},
			{"family_name", []string{"Quishpe Andrade"}},
			{"cedula", []string{"1759999913"}},
			{"tipo_identificacion", []string{"cedula"}},
			{"birthdate", []string{"1985-03-14"}},
			{"tipo_asegurado", []string{"afiliado", "pensionista"}},
			{"estado_afiliacion", []string{"activa"}},
		},
		Steps: []Strength{{Level: "clave", Now: true, Have: true}, {Level: "clave15", Next: true}, {Level: "2fa"}, {Level: "passkey"}},
		Now:   Seen{When: when, Network: "186.46.12.x", Device: "Firefox · Windows"},
		Last:  &Seen{When: when.AddDate(0, 0, -3), Network: "186.46.12.x", Device: "Chrome · Android"},
	}
	best, first := data, data
	best.Steps = []Strength{{Level: "clave", Have: true}, {Level: "clave15", Have: true}, {Level: "2fa", Have: true}, {Level: "passkey", Now: true, Have: true}}
	best.Chosen, best.Done = "es-EC", DoneLanguage
	first.Last, first.Now.Network, first.Now.Device = nil, "", ""
	first.Steps = []Strength{{Level: "clave", Have: true}, {Level: "clave15"}, {Level: "2fa", Now: true, Have: true}, {Level: "passkey", Next: true}}
	clave := MyClave{Own: sampleOwn(in), Has: true, Set: when.AddDate(0, -3, 0), Due: when.AddDate(0, 9, 0), Age: 365, Long: 15}
	chosen, kept, wrong, missing := clave, clave, clave, clave
	chosen.Day, chosen.Month, chosen.Done = "14", "3", DoneDay
	kept.Day, kept.Month, kept.Kept = "1", "12", true
	wrong.Day, wrong.Month, wrong.Faults = "31", "2", []Fault{FechaImpossible}
	missing.Month, missing.Faults = "2", []Fault{DiaMissing}
	all := []State{
		{"profile", ok, data},
		{"profile-best", ok, best},
		{"profile-first", ok, first},
		{"myclave", ok, clave},
		{"myclave-day", ok, chosen},
		{"myclave-kept", ok, kept},
		{"myclave-wrong", ok, wrong},
		{"myclave-missing", ok, missing},
		{"myclave-none", ok, MyClave{Own: sampleOwn(in), Age: 365}},
	}
	for _, why := range []string{"larga", "llave", "siempre"} {
		never := clave
		never.Due, never.Waived = time.Time{}, why
		if why == "siempre" {
			never.Age = 0
		}
		all = append(all, State{"myclave-" + why, ok, never})
	}
	return append(append(all, myContactStates(in)...), myQuestionStates(in)...)
}
