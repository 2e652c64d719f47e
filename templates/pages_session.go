package templates

import (
	"net/http"
	"time"
)

// Countdown says on a page when the session ends in which it is shown (WCAG 2.2.1). Script counts, warns two minutes before
// and offers to stay; at the end the page stays as it is, but on a shared computer.
type Countdown struct {
	Ends   time.Time     // if nobody does anything
	Left   time.Duration // until then
	Extend bool          // staying moves the end; false at the absolute limit
	Shared bool          // several people share the computer
}

// Clock is the clock time of the end.
func (c Countdown) Clock() string { return clock(c.Ends) }

// Seconds is what is left in whole seconds, at least none.
func (c Countdown) Seconds() int { return max(0, int(c.Left/time.Second)) }

// Staying is /sesion/seguir: until when the session stays open, for who has no script.
type Staying struct {
	Layout
	Ends time.Time // zero: it has ended
}

func (Staying) name() string { return "staying" }

func (s Staying) path() string { return pathOr(s.Layout, "/sesion/seguir") }

// Sessions is /cuenta/sesiones: where a person is signed in and which devices are known as hers, and the end of each.
type Sessions struct {
	Own
	Open    []OpenSession // this one first
	Devices []KnownDevice
	Shared  bool // this computer is marked as shared
	Done    SessionsDone
}

func (Sessions) name() string { return "sessions" }

func (s Sessions) path() string { return pathOr(s.Layout, "/cuenta/sesiones") }

// OpenSession is one of her sessions.
type OpenSession struct {
	ID      string
	Device  string // as people call it; empty where it says nothing known
	Network string // coarse; empty where unknown
	By      string // what she proved who she is by: an acr without its prefix
	Begun   time.Time
	Seen    time.Time
	Here    bool // the one that the page is shown in
	Shared  bool // on a shared computer
}

// KnownDevice is a browser that is known as hers.
type KnownDevice struct {
	ID     string
	Device string
	First  time.Time
	Last   time.Time
	Here   bool
}

// SessionsDone is what has just been done on the page, or nothing.
type SessionsDone string

// What may have been done.
const (
	DoneClosed    SessionsDone = "closed"
	DoneOthers    SessionsDone = "others"
	DoneForgotten SessionsDone = "forgotten"
	DoneAll       SessionsDone = "all-forgotten"
	DoneShared    SessionsDone = "shared"
	DoneOwn       SessionsDone = "own"
)

func sessionsStates(in Layout) []State {
	ok, now := http.StatusOK, sampleTime()
	own := sampleOwn(in)
	own.Countdown = &Countdown{Ends: now.Add(14 * time.Minute), Left: 14 * time.Minute, Extend: true}
	here := OpenSession{
		ID: "A", Device: "Chrome · Android", Network: "192.0.2.x", By: "passkey", Begun: now.Add(-20 * time.Minute), Seen: now, Here: true,
	}
	other := OpenSession{ID: "B", Device: "Firefox · Windows", Network: "198.51.100.x", By: "clave", Begun: now.Add(-26 * time.Hour), Seen: now.Add(-25 * time.Hour)}
	odd := OpenSession{ID: "C", By: "2fa", Begun: now.Add(-time.Hour), Seen: now.Add(-10 * time.Minute), Shared: true}
	page := Sessions{
		Own: own, Open: []OpenSession{here, other, odd},
		Devices: []KnownDevice{
			{ID: "D", Device: "Chrome · Android", First: now.AddDate(0, -3, 0), Last: now, Here: true},
			{ID: "E", First: now.AddDate(0, -5, 0), Last: now.AddDate(0, -1, 0)},
		},
	}
	alone := page
	alone.Open, alone.Devices = alone.Open[:1], nil
	shared := alone
	shared.Shared, shared.Open = true, []OpenSession{here}
	shared.Open[0].Shared, shared.Open[0].By = true, "clave15"
	shared.Countdown = &Countdown{Ends: now.Add(4 * time.Minute), Left: 4 * time.Minute, Extend: true, Shared: true}
	last := alone
	last.Countdown = &Countdown{Ends: now.Add(3 * time.Minute), Left: 3 * time.Minute}
	lastShared := shared
	lastShared.Countdown = &Countdown{Ends: now.Add(3 * time.Minute), Left: 3 * time.Minute, Shared: true}
	all := []State{
		{"sessions", ok, page},
		{"sessions-alone", ok, alone},
		{"sessions-shared", ok, shared},
		{"sessions-last-minutes", ok, last},
		{"sessions-shared-last-minutes", ok, lastShared},
		{"staying", ok, Staying{Layout: in, Ends: now.Add(15 * time.Minute)}},
		{"staying-ended", ok, Staying{Layout: Layout{Lang: in.Lang, RequestID: in.RequestID}}},
		{"loggedout-shared", ok, LoggedOut{Layout: Layout{Lang: in.Lang, RequestID: in.RequestID}, Shared: true}},
	}
	for _, done := range []SessionsDone{DoneClosed, DoneOthers, DoneForgotten, DoneAll, DoneShared, DoneOwn} {
		one := page
		one.Done = done
		all = append(all, State{"sessions-" + string(done) + "-done", ok, one})
	}
	return all
}
