package templates

import (
	"net/http"
	"strings"
	"time"
)

// Activity is /cuenta/actividad: what happened with a person's account, newest first, by days of continental Ecuador.
type Activity struct {
	Own
	Days  []ActivityDay
	Since time.Time // the day before which nothing is listed
	// Before is the value of antes with which the page goes on to what is older; empty: this is all.
	Before string
	Later  bool // the page is not the first
}

func (Activity) name() string { return "activity" }

func (a Activity) path() string { return pathOr(a.Layout, "/cuenta/actividad") }

// ActivityDay is what happened on one day, and which day it is.
type ActivityDay struct {
	Day     time.Time
	When    DayName
	Entries []Happened
}

// DayName is how a day is called beside its date.
type DayName string

// The names of days; any other has that of its weekday.
const (
	DayToday     DayName = "today"
	DayYesterday DayName = "yesterday"
	DayOther     DayName = ""
)

// ByDays puts entries, newest first, under the days of continental Ecuador on which they happened.
func ByDays(entries []Happened, now time.Time) []ActivityDay {
	day := func(t time.Time) string { return t.In(guayaquil()).Format(time.DateOnly) }
	var out []ActivityDay
	for _, e := range entries {
		if n := len(out); n == 0 || day(out[n-1].Day) != day(e.When) {
			name := DayOther
			switch day(e.When) {
			case day(now):
				name = DayToday
			case day(now.AddDate(0, 0, -1)):
				name = DayYesterday
			}
			out = append(out, ActivityDay{Day: e.When, When: name})
		}
		last := &out[len(out)-1]
		last.Entries = append(last.Entries, e)
	}
	return out
}

// Happened is one thing that happened with an account.
type Happened struct {
	ID          string // names it in its form; it opens nothing
	When        time.Time
	What        Happening
	Application string // client_name; empty where none had to do with it
	By          string // how she proved who she is there: an acr without its prefix; empty leaves it out
	Network     string // coarse
	Device      string
	Erased      bool // network and device are no longer kept
}

// Alert reports whether it is marked as something to look at.
func (h Happened) Alert() bool {
	switch h.What {
	case HappenedWrongClave, HappenedLocked, HappenedCommon, HappenedAnswersWrong, HappenedAnswersShut, HappenedUnlockWrong, HappenedReplayed,
		HappenedForeign, HappenedElsewhere, HappenedPasskeyCloned, HappenedPasskeyDenied, HappenedSecondDenied, HappenedExtraWrong, HappenedPasskeyEnding, HappenedTOTPEnding,
		HappenedFactorsEnded, HappenedDisabled, HappenedUnreachable, HappenedUnwarned, HappenedDisavowed:
		return true
	default:
		return false
	}
}

// Wrong reports whether it is a try that opened nothing.
func (h Happened) Wrong() bool {
	return h.What == HappenedWrongClave || h.What == HappenedAnswersWrong || h.What == HappenedUnlockWrong || h.What == HappenedPasskeyDenied
}

// key is the catalogue's key of its sentence: one that names the application where there is such a one.
func (h Happened) key(c *catalog) string {
	what := h.What
	if !c.has("activity." + string(what)) {
		what = HappenedOther
	}
	key := "activity." + string(what)
	if h.Application != "" && c.has(key+".app") {
		key += ".app"
	}
	return key
}

// happened is the sentence of an entry.
func (c *catalog) happened(h Happened) (string, error) { return c.text(h.key(c), "App", h.Application) }

// remark is what is said below that sentence, if anything.
func (c *catalog) remark(h Happened) (string, error) {
	key := "activity." + string(h.What) + ".note"
	if !c.has(key) {
		return "", nil
	}
	return c.text(key)
}

// whence is from where it happened, as far as that is kept: device, network, and by what she proved who she is.
func (c *catalog) whence(h Happened) (string, error) {
	var parts []string
	if h.By != "" {
		by, err := c.text(c.known("sessions.by.", h.By, "", "other"))
		if err != nil {
			return "", err
		}
		parts = append(parts, by)
	}
	if h.Device != "" {
		parts = append(parts, h.Device)
	}
	if h.Network != "" {
		network, err := c.text("account.network", "Network", h.Network)
		if err != nil {
			return "", err
		}
		parts = append(parts, network)
	}
	if h.Erased {
		text, err := c.text("activity.erased")
		if err != nil {
			return "", err
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " · "), nil
}

// Words says an entry in the words of the page, for what is no page: when it happened,
// by the day and the clock of continental Ecuador, and what.
func (p *Pages) Words(lang string, h Happened) (string, string, error) {
	c, ok := p.catalogs[lang]
	if !ok {
		c = p.catalogs[Languages()[0]]
	}
	when, err := c.moment(h.When)
	if err != nil {
		return "", "", err
	}
	what, err := c.happened(h)
	return when, what, err
}

// NotMe is /cuenta/actividad/no-fui-yo: what "No fui yo" will do, before it does it.
type NotMe struct {
	Own
	Entry Happened
	Wrong bool      // a try that opened nothing: it says so
	Since time.Time // as in [Disavow]
}

func (NotMe) name() string { return "notme" }

func (n NotMe) path() string { return pathOr(n.Layout, "/cuenta/actividad") }

func activityStates(in Layout) []State {
	ok, now := http.StatusOK, sampleTime()
	own := sampleOwn(in)
	own.Countdown = &Countdown{Ends: now.Add(14 * time.Minute), Left: 14 * time.Minute, Extend: true}
	var all []Happened
	for i, what := range Happenings() {
		h := Happened{ID: "7", When: now.Add(-time.Duration(i) * 9 * time.Hour), What: what, Device: "Chrome · Android", Network: "192.0.2.x"}
		switch i % 4 {
		case 0:
			h.Application = "Préstamos"
		case 1:
			h.Application, h.By = "Préstamos", "clave"
		case 2:
			h.Device, h.Network, h.Erased = "", "", true
		}
		all = append(all, h)
	}
	since := now.AddDate(0, -13, 0)
	page := Activity{Own: own, Since: since, Before: "4711", Days: ByDays(all[:12], now)}
	rest := Activity{Own: own, Since: since, Later: true, Days: ByDays(all, now)}
	wrong := Happened{ID: "7", When: now, What: HappenedWrongClave, Device: "Firefox · Windows", Network: "198.51.100.x"}
	signIn := Happened{ID: "8", When: now, What: HappenedSignIn, Application: "Préstamos", By: "clave", Erased: true}
	return []State{
		{"activity", ok, page},
		{"activity-later", ok, rest},
		{"activity-empty", ok, Activity{Own: own, Since: since}},
		{"activity-end", ok, Activity{Own: own, Since: since, Later: true}},
		{"notme", ok, NotMe{Own: own, Entry: signIn, Since: now.AddDate(0, 0, -3)}},
		{"notme-wrong", ok, NotMe{Own: own, Entry: wrong, Wrong: true, Since: now.AddDate(0, 0, -3)}},
	}
}
