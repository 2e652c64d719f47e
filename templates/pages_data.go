package templates

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Applications is /cuenta/aplicaciones: the applications that know a person, what each may receive, what it has received
// and when, and the way to close it.
type Applications struct {
	Own
	Apps []ConnectedApp
	// Closed is the name of the one that was just closed; ClosedOwn says that it is of the IESS. Nothing says that a form
	// named one that had nothing to close.
	Closed    string
	ClosedOwn bool
	Nothing   bool
}

func (Applications) name() string { return "applications" }

func (a Applications) path() string { return pathOr(a.Layout, "/cuenta/aplicaciones") }

// ConnectedApp is an application that knows the person.
type ConnectedApp struct {
	ID string // client_id, sent back in the field aplicacion
	Application
	FirstParty bool      // of the IESS: the law lets it receive, she was only told
	Since      time.Time // when she allowed it, or was told; zero: never
	Withdrawn  time.Time // when she took it back; zero: it holds, or there was none
	Allowed    []string  // the claims it may receive now
	APIs       []string  // other services it may use in her name, as they are called
	Offline    bool      // also without her (offline_access)
	Received   []Received
	Sessions   []AppSession // open there
	Open       bool         // there is something to close
}

// Holds reports whether a permission, or a notice, holds now.
func (a ConnectedApp) Holds() bool { return !a.Since.IsZero() && a.Withdrawn.IsZero() }

// Names are the claims that it has received, as they are called in tokens.
func (a ConnectedApp) Names() string {
	var all []string
	for _, r := range a.Received {
		for _, claim := range r.Claims {
			if !slices.Contains(all, claim) {
				all = append(all, claim)
			}
		}
	}
	return strings.Join(all, ", ")
}

// Received is a set of claims that an application was handed, first and last when.
type Received struct {
	Claims      []string
	First, Last time.Time
}

// AppSession is a session of hers that an application has entered, or tokens it holds without one.
type AppSession struct {
	Device string // such as "Firefox · Windows"; empty where unknown
	Since  time.Time
	Tokens bool // it may ask again without her
}

// received is what an application has received, one claim a line in people's words, with its first and last time. A claim
// without words of its own goes by its name.
func (c *catalog) received(sets []Received) ([]receivedClaim, error) {
	var all []receivedClaim
	claims := map[string]bool{}
	for _, set := range sets {
		for _, claim := range set.Claims {
			claims[claim] = true
		}
	}
	at := map[string]int{}
	for _, set := range sets {
		for _, claim := range set.Claims {
			if fold(claim, claims) == "" {
				continue
			}
			i, known := at[claim]
			if !known {
				i = len(all)
				at[claim] = i
				label := claim
				if key := "fact." + claim; c.has(key) {
					var err error
					if label, err = c.text(key); err != nil {
						return nil, err
					}
				}
				all = append(all, receivedClaim{label, set.First, set.Last})
			}
			if set.First.Before(all[i].First) {
				all[i].First = set.First
			}
			if set.Last.After(all[i].Last) {
				all[i].Last = set.Last
			}
		}
	}
	return all, nil
}

// receivedClaim is one line of it.
type receivedClaim struct {
	Label       string
	First, Last time.Time
}

// Once reports whether it was handed out at one time only, to the minute.
func (r receivedClaim) Once() bool { return r.Last.Sub(r.First) < time.Minute }

// Rights is /cuenta/derechos: what a person has asked of the IESS about her data, and a form to ask.
type Rights struct {
	Own
	Requests []RightsRequest
	// What she typed, kept, and what is wrong with it.
	Right, Detail string
	Most          int // characters of Detail
	Faults        []Fault
	Full          bool   // as many wait as there may be: no form
	Asked         string // number of the one just made
	Cancelled     string // number of the one just cancelled
	Days          int    // within which the law wants an answer
}

func (Rights) name() string { return "rights" }

func (p Rights) path() string { return pathOr(p.Layout, "/cuenta/derechos") }

// Failed reports whether the page tells of something that has to be mended.
func (p Rights) Failed() bool { return len(p.Faults) > 0 }

// Kinds are the rights, in the order of the law.
func (Rights) Kinds() []string {
	return []string{"acceso", "rectificacion", "eliminacion", "oposicion", "portabilidad"}
}

// RightsRequest is one request.
type RightsRequest struct {
	ID, Number, Right, Detail string
	State                     RightsState
	Outcome                   string // with RightsDone: concedida, parcial, negada
	Answer                    string
	Asked, Last, Done         time.Time // Last is the last day for an answer
	Left                      int       // days until then; 0: today; below: it is over
}

// Over is for how many days an answer has been due.
func (q RightsRequest) Over() int { return -q.Left }

// RightsState is what became of a request.
type RightsState string

// The states of a request.
const (
	RightsWaiting RightsState = "abierta"
	RightsDone    RightsState = "contestada"
	RightsStopped RightsState = "cancelada"
)

// MyData is /cuenta/mis-datos: all that is stored about a person, to take away.
type MyData struct {
	Own
	Shared bool          // the session is on a computer that several people share
	Often  bool          // it was taken too often lately
	Retry  time.Duration // with Often
}

func (MyData) name() string { return "mydata" }

func (p MyData) path() string { return pathOr(p.Layout, "/cuenta/mis-datos") }

func dataStates(in Layout) []State {
	ok, when := http.StatusOK, sampleTime()
	own := sampleOwn(in)
	apps := sampleApplications()
	received := []Received{
		{[]string{"name", "given_name", "family_name", "birthdate", "updated_at", "locale"}, when.AddDate(-1, 0, 0), when},
		{[]string{"cedula", "tipo_identificacion"}, when.AddDate(0, -3, 0), when.AddDate(0, -3, 0)},
		{[]string{"name", "nuevo"}, when.AddDate(-2, 0, 0), when.AddDate(0, 0, -1)},
	}
	loans := ConnectedApp{
		ID: "prestamos", Application: apps[1], FirstParty: true, Since: when.AddDate(-1, 0, 0), Allowed: []string{"name", "cedula", "email"},
		APIs: []string{"Historia Laboral (API)"}, Received: received, Open: true,
		Sessions: []AppSession{{Device: "Chrome · Android", Since: when}, {Since: when.AddDate(0, 0, -3), Tokens: true}},
	}
	biess := ConnectedApp{
		ID: "biess", Application: Application{
			Name: "BIESS Hipotecarios", Host: "hipotecarios.biess.example", Policy: "https://hipotecarios.biess.example/privacidad",
		}, Since: when.AddDate(0, -1, 0), Allowed: []string{"name", "email"}, Offline: true, Received: received[:1], Open: true,
	}
	gone := ConnectedApp{ID: "vieja", Application: Application{Name: "vieja"}, Since: when.AddDate(-1, 0, 0), Withdrawn: when.AddDate(0, 0, -2), Received: received[1:2]}
	bare := ConnectedApp{ID: "fondos", Application: apps[2], FirstParty: true, Since: when}
	none := ConnectedApp{ID: "otra", Application: Application{Name: "Otra"}, Received: []Received{{nil, when, when}}}
	page := Applications{Own: own, Apps: []ConnectedApp{biess, bare, none, loans, gone}}
	closed, closedOwn, nothing := page, page, page
	closed.Apps, closed.Closed = []ConnectedApp{gone}, "BIESS Hipotecarios"
	closedOwn.Apps, closedOwn.Closed, closedOwn.ClosedOwn = []ConnectedApp{bare}, "Fondos de Reserva", true
	nothing.Apps, nothing.Nothing = []ConnectedApp{bare}, true
	states := []State{
		{"applications", ok, page},
		{"applications-closed", ok, closed},
		{"applications-closed-own", ok, closedOwn},
		{"applications-nothing", ok, nothing},
		{"applications-empty", ok, Applications{Own: own}},
		{"mydata", ok, MyData{Own: own}},
		{"mydata-shared", ok, MyData{Own: own, Shared: true}},
		{"mydata-often", ok, MyData{Own: own, Often: true, Retry: 40 * time.Minute}},
	}
	return append(states, rightsStates(own)...)
}

func rightsStates(own Own) []State {
	ok, when := http.StatusOK, sampleTime()
	rights := Rights{Own: own, Most: 2000, Days: 15}
	asked := RightsRequest{
		ID: "WC0U3QFNGZ2VBQ", Number: "DER-7K2M-9XWZ", Right: "rectificacion", Detail: "Mi segundo nombre es Fernanda.\nEn la historia consta Fernando.",
		State: RightsWaiting, Asked: when.AddDate(0, 0, -3), Last: when.AddDate(0, 0, 12), Left: 12,
	}
	list := rights
	list.Requests = []RightsRequest{asked}
	vary := func(change func(*RightsRequest)) {
		q := asked
		q.Number = "DER-7K2M-9XW" + strconv.Itoa(len(list.Requests))
		change(&q)
		list.Requests = append(list.Requests, q)
	}
	vary(func(q *RightsRequest) { q.ID, q.Left, q.Right = "B", 1, "oposicion" })
	vary(func(q *RightsRequest) { q.ID, q.Left, q.Right = "C", 0, "acceso" })
	vary(func(q *RightsRequest) { q.ID, q.Left, q.Right = "D", -2, "eliminacion" })
	for _, outcome := range []string{"concedida", "parcial", "negada"} {
		vary(func(q *RightsRequest) {
			q.ID, q.State, q.Outcome, q.Done, q.Right = outcome, RightsDone, outcome, when, "portabilidad"
			q.Answer = "Corregimos su nombre.\nLa ley nos obliga a conservar el registro de ingresos."
		})
	}
	vary(func(q *RightsRequest) { q.ID, q.State, q.Done = "Z", RightsStopped, when })
	failed, long, full, done, cancelled := rights, rights, list, list, list
	failed.Faults = []Fault{DerechoEmpty, DetalleEmpty}
	long.Right, long.Detail, long.Faults = "eliminacion", "Borren mi teléfono.", []Fault{DetalleLong}
	full.Requests, full.Full = list.Requests[:4], true
	fullFailed := full
	fullFailed.Faults = failed.Faults
	done.Requests, done.Asked = list.Requests[:1], asked.Number
	cancelled.Requests, cancelled.Cancelled = list.Requests[7:], asked.Number
	return []State{
		{"rights", ok, rights},
		{"rights-list", ok, list},
		{"rights-empty", ok, failed},
		{"rights-long", ok, long},
		{"rights-full", ok, full},
		{"rights-full-empty", ok, fullFailed},
		{"rights-asked", ok, done},
		{"rights-cancelled", ok, cancelled},
	}
}
