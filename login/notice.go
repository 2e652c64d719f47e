package login

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"iess.gob.ec/clave/login/challenge"
	"iess.gob.ec/clave/storage"
)

// Kinds of errands. A notice is named as the mail that tells of it
// (templates.Mail); those of factors are templates.FactorKind (TellFactor), those of
// data templates.DataKind (TellData), those of what else a person changes in her
// account templates.OwnChange (TellOwn). Package clave works them out.
const (
	NoticeChanged   = "clave-cambiada"
	NoticeRenewed   = "clave-renovada"
	NoticeLocked    = "clave-bloqueada"
	NoticeUnlocked  = "clave-desbloqueada"
	NoticeNewDevice = "equipo-nuevo"
	NoticeDisabled  = "cuenta-deshabilitada"
	NoticeRecovered = "clave-recuperada"
	NoticeShut      = "preguntas-agotadas" // wrong answers closed the way to a new clave, and nothing else

	// ErrandUnlock is somebody's wish to unlock an identifier (S071).
	ErrandUnlock = "desbloqueo"
)

// Notice is what an errand says beside its kind. Notify fills in When, Network,
// Device and Locale.
type Notice struct {
	When     time.Time
	Network  string    `json:",omitempty"` // coarse
	Device   string    `json:",omitempty"`
	Locale   string    `json:",omitempty"` // of the browser
	Reason   string    `json:",omitempty"` // of a lock
	Closed   bool      `json:",omitempty"` // other sessions were ended
	Operator bool      `json:",omitempty"` // an officer did it
	Expired  bool      `json:",omitempty"` // nobody did it: the time was over
	First    bool      `json:",omitempty"` // she had no clave before
	Hers     bool      `json:",omitempty"` // asked where she is known, or beside a link of hers: no stranger's wish
	Due      time.Time `json:",omitzero"`  // when the new clave ends
	Ends     time.Time `json:",omitzero"`  // when a factor ends that serves until then
	Made     string    `json:",omitempty"` // the device on which a passkey was made (DeviceName)

	// Of what applications know of her, and of her rights over data (TellData).
	Application string `json:",omitempty"`
	Number      string `json:",omitempty"` // of a request
	Right       string `json:",omitempty"` // one of storage.Rights

	// Of her addresses (TellOwn).
	Ready  time.Time `json:",omitzero"`  // when a further one may become the first
	Former string    `json:",omitempty"` // one that was removed, and is told all the same

	Wait time.Duration `json:"-"` // how long to wait for what follows
}

// Notify leaves word in tx, for whoever has the identifier with that hash, of
// something that r has caused. It is one statement and looks nobody up, so that
// an identifier nobody has costs the same (T01): the mail is written by whoever
// works the errand out (design.md section 4: no mail without its effect, and no
// effect without its mail).
func (s *Server) Notify(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, kind string, identifierMAC []byte, n Notice) error {
	return s.NotifyIf(ctx, tx, r, v, kind, identifierMAC, n, true)
}

// NotifyIf is Notify where so is true, and the same work for nothing otherwise.
func (s *Server) NotifyIf(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, kind string, identifierMAC []byte, n Notice, so bool) error {
	n.When, n.Locale = v.Now, v.Lang
	n.Network, n.Device = Origin(r)
	data, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("login: notice: %w", err)
	}
	e := storage.Errand{
		Kind: kind, IdentifierMAC: identifierMAC, BrowserHash: v.Browser, Data: data,
		CreatedAt: storage.At(v.Now), NextAt: storage.At(v.Now.Add(n.Wait)),
	}
	if v.Request != nil {
		e.ClientID, e.AuthRequest = v.Request.ClientID, v.Request.ID
	}
	return tx.AddErrandIf(ctx, e, so)
}

// Origin is the network and the device that r comes from, as people are told.
func Origin(r *http.Request) (string, string) {
	return NetworkName(addressOf(r.RemoteAddr)), DeviceName(r.UserAgent())
}

// NetworkName is the network of an IP address as people are told of it: enough to
// say "not mine", too little to find anybody. It is "" where there is no address.
func NetworkName(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		b := addr.As4()
		return fmt.Sprintf("%d.%d.%d.x", b[0], b[1], b[2])
	}
	b := addr.As16()
	return fmt.Sprintf("%x-%x-%x-x", uint16(b[0])<<8|uint16(b[1]), uint16(b[2])<<8|uint16(b[3]), uint16(b[4])<<8|uint16(b[5]))
}

// Members of what is left of the personal part of an audit row.
const (
	coarseNetwork = "network"
	coarseDevice  = "device"
)

// Coarse is what may be kept of the personal part of an audit row once it is erased:
// the network and the device as people are told of them, where they are known.
func Coarse(fields map[string]string) map[string]string {
	out := map[string]string{}
	network, device := Whence(fields)
	if network != "" {
		out[coarseNetwork] = network
	}
	if device != "" {
		out[coarseDevice] = device
	}
	return out
}

// Whence is the network and the device, as people are told, of the personal part of
// an audit row or of what Coarse left of it; each is "" where it is not known.
func Whence(fields map[string]string) (string, string) {
	return cmp.Or(NetworkName(fields["address"]), fields[coarseNetwork]), cmp.Or(DeviceName(fields["user_agent"]), fields[coarseDevice])
}

// DeviceName is what people call a browser and its machine, "" where the header
// says nothing known. Nothing of the header itself is in it.
func DeviceName(agent string) string {
	first := func(names [][2]string) string {
		for _, n := range names {
			if strings.Contains(agent, n[0]) {
				return n[1]
			}
		}
		return ""
	}
	program := first([][2]string{
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"SamsungBrowser/", "Samsung Internet"},
		{"FxiOS/", "Firefox"},
		{"Firefox/", "Firefox"},
		{"CriOS/", "Chrome"},
		{"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
	})
	machine := first([][2]string{
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"Android", "Android"},
		{"Windows", "Windows"},
		{"CrOS", "ChromeOS"},
		{"Mac OS X", "Mac"},
		{"Linux", "Linux"},
	})
	if program == "" || machine == "" {
		return program + machine
	}
	return program + " · " + machine
}

// Lives of "No fui yo": from hand-over, and whenever it is handed over.
const (
	disavowLife   = 10 * 24 * time.Hour
	disavowLatest = 14 * 24 * time.Hour
)

// DisavowLink is a person's "No fui yo" for notices of now (Tx.ShareLink).
func DisavowLink(afiliadoID string, now time.Time) storage.Link {
	return storage.Link{
		ID: storage.NewID(), Purpose: storage.LinkNoFuiYo, AfiliadoID: afiliadoID, Life: disavowLife,
		CreatedAt: storage.At(now), LatestAt: storage.At(now.Add(disavowLatest)),
	}
}

// NetworkKey names the network that r comes from, by a keyed hash.
func (s *Server) NetworkKey(r *http.Request) []byte {
	return s.DB.PressureKey("network", networkOf(r.RemoteAddr))
}

// identifierKey names what presses on an identifier, in the same way.
func (s *Server) identifierKey(id storage.Identifier) []byte {
	return s.DB.PressureKey("identifier", string(id))
}

// Levels are the failures that press on the network of r and on an identifier
// now, for the cost of a challenge (T13).
func (s *Server) Levels(ctx context.Context, r *http.Request, v *Visit, id storage.Identifier) (int, int, error) {
	byName, byNet := s.identifierKey(id), s.NetworkKey(r)
	full, err := s.DB.Pressure(ctx, byName, byNet)
	if err != nil {
		return 0, 0, err
	}
	return s.Network.Level(full[string(byNet)], v.Now), s.Identifier.Level(full[string(byName)], v.Now), nil
}

// PressIdentifier counts something that is asked for an identifier, whoever has
// it, against that.
func (s *Server) PressIdentifier(ctx context.Context, tx *storage.Tx, v *Visit, id storage.Identifier) error {
	return tx.AddPressure(ctx, s.identifierKey(id), v.Now, s.Identifier.Leak, s.Identifier.Rim(challenge.FullIdentifier))
}

// EaseIdentifier forgets what was counted against an identifier, once its person has
// proved who she is: she needs no challenge for what others did, or she before. It
// comes after the budgets, as counting does.
func (s *Server) EaseIdentifier(ctx context.Context, tx *storage.Tx, id storage.Identifier) error {
	return tx.EasePressure(ctx, s.identifierKey(id))
}

// PressNetwork counts something that r asks for against its network.
func (s *Server) PressNetwork(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit) error {
	return tx.AddPressure(ctx, s.NetworkKey(r), v.Now, s.Network.Leak, s.Network.Rim(challenge.FullNetwork))
}
