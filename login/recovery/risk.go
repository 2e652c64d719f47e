package recovery

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Route is how a case goes on once its questions are passed.
type Route string

// The routes. Each only adds to the official way: nothing is ever left out of it
// (C10).
const (
	RouteLink   Route = "enlace"   // the link leaves at once
	RouteWait   Route = "espera"   // it leaves half an hour later, with the warning long there
	RouteOffice Route = "asistida" // an officer has to see her
)

// Line is one reason for care. It is written down with the case, so that a person
// and an auditor can be told why.
type Line string

// The lines.
const (
	LineDevice    Line = "equipo-desconocido"       // the browser is not known to be hers
	LineNetwork   Line = "red-desconocida"          // she has been seen signing in, and never from that network
	LineCrowd     Line = "red-concurrida"           // more than three people from that network within ten minutes
	LineListed    Line = "red-en-lista"             // the network is one of recovery.networks
	LineAddress   Line = "correo-reciente"          // her address changed within 30 days
	LineDisavowed Line = "desconocimiento-reciente" // "No fui yo" within 30 days
	LineRecovered Line = "recuperacion-reciente"    // generated or recovered within 30 days
	LineHour      Line = "madrugada"                // between midnight and five in Ecuador
	LinePasskey   Line = "passkey"                  // the account has one (DEV-7)
)

const (
	lately     = 30 * 24 * time.Hour
	crowdFrom  = 3 // people of a network within crowdIn that are nothing unusual
	crowdIn    = 10 * time.Minute
	waitFrom   = 3 // weight from which the link waits
	officeFrom = 5 // and from which no link goes
	extraCost  = 40
)

// Facts is all that Assess looks at. It is stored with the case.
type Facts struct {
	At          time.Time `json:"at"`
	KnownDevice bool      `json:"known_device"`
	NewNetwork  bool      `json:"new_network,omitempty"` // of a /24, or /48 of IPv6; false too where none is known of her
	People      int       `json:"people"`                // distinct identifiers from the network within ten minutes
	Listed      bool      `json:"listed"`
	AddressAt   time.Time `json:"address_at,omitzero"`   // since when it is hers; zero: always
	DisavowedAt time.Time `json:"disavowed_at,omitzero"` // last "No fui yo"; zero: none
	RecoveredAt time.Time `json:"recovered_at,omitzero"` // last time; zero: never
	Passkeys    int       `json:"passkeys"`
}

// Verdict is what follows from Facts.
type Verdict struct {
	Lines []Line `json:"lines"` // that fired
	Route Route  `json:"route"`
}

// Assess says how a case goes on. It is a function of f alone: the same facts give
// the same verdict, and one fact more never a lighter one.
func Assess(f Facts) Verdict {
	v, weight := Verdict{Lines: []Line{}, Route: RouteLink}, 0
	crowded, unusual := f.People > crowdFrom, 1
	if crowded || f.Listed { // where hardly anybody always is: a CAU, a carrier's pool, a VPN. It weighs once
		unusual = 0
	}
	for _, rule := range []struct {
		line   Line
		weight int
		fires  bool
	}{
		{LineDevice, 1, !f.KnownDevice},
		{LineNetwork, unusual, f.NewNetwork}, // nor does this, with a device that is new too
		{LineCrowd, 1, crowded},              // a mobile carrier's customers, or a CAU: alone it delays nobody
		{LineListed, 2, f.Listed},
		{LineAddress, 1, recent(f.AddressAt, f.At)},
		{LineDisavowed, 1, recent(f.DisavowedAt, f.At)},
		{LineRecovered, 1, recent(f.RecoveredAt, f.At)},
		{LineHour, 1, f.At.In(time.FixedZone("Ecuador", -5*60*60)).Hour() < 5},
		{LinePasskey, 0, ExtraProof(f.Passkeys)}, // the link asks for more (DEV-7); nobody is told before it
	} {
		if rule.fires {
			v.Lines = append(v.Lines, rule.line)
			weight += rule.weight
		}
	}
	switch {
	case weight >= officeFrom:
		v.Route = RouteOffice
	case weight >= waitFrom:
		v.Route = RouteWait
	}
	return v
}

func recent(at, now time.Time) bool { return !at.IsZero() && now.Sub(at) < lately }

// Pressing is what a network adds to the failures that a challenge costs more for,
// before it is known who asks: listed and crowded networks pay, and nobody is
// refused.
func Pressing(people int, listed bool) int {
	extra := 0
	if people > crowdFrom {
		extra += extraCost
	}
	if listed {
		extra += extraCost
	}
	return extra
}

// Networks are those of hosting companies and anonymisers (recovery.networks).
type Networks []netip.Prefix

// Has reports whether an address host:port is in one of them.
func (n Networks) Has(remote string) bool {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	addr := ap.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(n, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// assessment is what a case keeps of its risk.
type assessment struct {
	Facts   Facts   `json:"facts"`
	Verdict Verdict `json:"verdict"`
}

func (a assessment) text() (string, error) {
	out, err := json.Marshal(a)
	if err != nil {
		return "", fmt.Errorf("recovery: risk: %w", err)
	}
	return string(out), nil
}

// Replay assesses the facts stored with a case (storage.Recovery.Risk) once more,
// and returns that verdict and the one that was stored.
func Replay(stored string) (Verdict, Verdict, error) {
	var a assessment
	if err := json.Unmarshal([]byte(stored), &a); err != nil {
		return Verdict{}, Verdict{}, fmt.Errorf("recovery: risk: %w", err)
	}
	return Assess(a.Facts), a.Verdict, nil
}
