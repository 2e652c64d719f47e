package recovery_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// How many steps the model test takes on each database, and in one world of it.
const (
	modelSteps         = 800
	modelStepsPostgres = 200
	worldSteps         = 400
)

// FT-28, R0 to R3: random people, thieves, officers, mail delays and clocks on the
// way to a new clave, and a model of it beside them that says, before each step,
// what may come of it. After each step what the step was about is as the model
// has it; now and then, and at the end, the whole database is.
//
// One world again, as far as it came: CLAVE_MODEL_SEED=… go test -run
// TestFT28_R0_R1_R2_R3_Model ./login/recovery; more of them: CLAVE_MODEL_STEPS=100000.
func TestFT28_R0_R1_R2_R3_Model(t *testing.T) {
	t.Parallel()
	number := func(name string) uint64 {
		n, _ := strconv.ParseUint(os.Getenv(name), 10, 64) //nolint:forbidigo // what a person who replays a world says
		return n
	}
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			steps := modelSteps
			if engine == "postgres" {
				steps = modelStepsPostgres
			}
			if n := number("CLAVE_MODEL_STEPS"); n > 0 {
				steps = int(n)
			}
			seed := uint64(time.Now().UnixNano())
			if n := number("CLAVE_MODEL_SEED"); n > 0 {
				seed, steps = n, min(steps, worldSteps)
			}
			all := map[string]int{}
			for ; steps > 0; steps -= worldSteps {
				// A world is a test of its own, so that its database goes when it is over.
				ok := t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { live(t, engine, seed, min(steps, worldSteps), all) })
				if !ok {
					t.Fatalf("CLAVE_MODEL_SEED=%d fails", seed)
				}
				seed++
			}
			t.Logf("what happened: %v", all)
		})
	}
}

// live takes so many steps in the world of a seed.
func live(t *testing.T, engine string, seed uint64, steps int, all map[string]int) {
	t.Helper()
	w := newWorld(t, engine, seed)
	for n := range steps {
		w.Pass(time.Duration(1+w.IntN(2000)) * time.Millisecond)
		w.step()
		if n%50 == 49 {
			w.whole()
		}
		if t.Failed() {
			t.Fatalf("CLAVE_MODEL_SEED=%d, step %d:\n  %s", seed, n, strings.Join(w.told[max(0, len(w.told)-60):], "\n  "))
		}
	}
	w.whole()
	w.verify()
	for what, n := range w.came {
		all[what] += n
	}
}

// world is people and browsers on the way, and what should be the case.
type world struct {
	*site
	*rand.Rand
	people  []*human
	tabs    []*tab
	last    *tab               // who did something last
	hopeful []*tab             // who know all that is asked of somebody with a mailbox
	boxes   map[string][]*mail // by address, what has come
	cases   map[string]*caso
	links   map[string]*enlace // that have come
	told    []string
	came    map[string]int
	serial  int
	asked   map[string][2]string // right answers to the quiz, by month and person
	forms   atomic.Int64
}

// human is one as she should be on file.
type human struct {
	name       string
	a          storage.Afiliado // zero ID: nobody
	history    bool
	enrolled   [2]string
	email      string
	registry   string // what the registry has said, where she has changed it here since
	emailAt    time.Time
	approved   bool      // by the address before
	said       time.Time // the last "No fui yo"
	disabled   bool
	lock       string
	spent      int
	spentUntil time.Time
	claves     []string // the last is the present one
	set        time.Time
	recovered  int
	change     *change
	killed     map[string]time.Time // by purpose: links older than this are dead
	mails      map[string][]time.Time
}

// change is an open change of address.
type change struct {
	email        string
	asked, ready time.Time
	proved       bool
	told         bool // the address on file
}

// tab is one browser and who sits there.
type tab struct {
	*journey
	name   string
	knows  map[*human]bool // all that is asked of her
	reads  map[string]bool // mailboxes
	caso   *caso
	opened *enlace // last
	kept   *enlace // to a new clave, whose token it holds
	form   string  // abierto of the form it shows, of which link, since when
	formOf *enlace
	formAt time.Time
}

// caso is one of generating or recovering.
type caso struct {
	id        string
	h         *human
	tab       *tab
	step      string
	expires   time.Time
	other     bool // another address was typed
	ended     bool
	passed    bool
	requested bool
	written   int // times it was answered with a mail
}

func (c *caso) live(now time.Time) bool { return c != nil && !c.ended && c.expires.After(now) }

// enlace is a link that has come to a mailbox.
type enlace struct {
	id, purpose      string
	h                *human
	to               string // address
	tab              *tab   // whose it is; nil: anybody's
	caso             *caso
	created, expires time.Time
	used             bool
	attempts         int
}

type mail struct {
	template string
	link     *enlace
}

// dead reports whether something has ended a link before it was used.
func (l *enlace) dead() bool { return l.created.Before(l.h.killed[l.purpose]) }

// opens reports whether a link opens anything in b: strangers' wrong answers close
// it for strangers only.
func (l *enlace) opens(b *tab, now time.Time) bool {
	return l != nil && !l.used && !l.dead() && l.expires.After(now) && (l.tab == b || l.attempts < login.LinkAttempts)
}

const (
	ownAnswer1, ownAnswer2 = "Copito de Nieve", "Ñandú Veloz"
	newAnswer1, newAnswer2 = "Doña Eufrosina", "El sastre valiente"
)

// newWorld puts people on file and browsers before them: each one's own, a thief
// who knows everything of some and reads one mailbox, one who reads a mailbox and
// knows nothing, and one who just tries.
func newWorld(t *testing.T, engine string, seed uint64) *world {
	t.Helper()
	w := &world{
		Rand: rand.New(rand.NewPCG(seed, 28)), boxes: map[string][]*mail{}, cases: map[string]*caso{}, links: map[string]*enlace{}, came: map[string]int{}, asked: map[string][2]string{},
	}
	w.site = newSiteOf(t, engine, func(c *login.Config) {
		c.Network = login.Limit{Free: 1e6, Leak: time.Millisecond}
		c.Identifier = c.Network
	})
	w.add(&human{name: "maria", a: w.maria, history: true, enrolled: [2]string{ownAnswer1, ownAnswer2}, claves: []string{old}})
	w.add(&human{name: "diana", a: w.diana, history: true})
	w.add(&human{name: "nobody", a: storage.Afiliado{Identifier: nobody, Birthdate: "1980-05-05"}})
	w.add(&human{name: "silent", a: w.person("1059999910", ""), history: true})
	w.add(&human{name: "newcomer", a: storagetest.AddAfiliado(t, w.DB, storage.Afiliado{Identifier: "1859999912", Birthdate: "2003-01-19", Email: "nuevo@example.ec", Mobile: "+593990000009"})})
	rosa := &human{name: "rosa", a: w.person("0159999911", "rosa@example.ec"), history: true, enrolled: [2]string{ownAnswer1, ownAnswer2}}
	w.enrol(rosa.a.ID, ownAnswer1, ownAnswer2)
	w.add(rosa)
	// Fewer months to ask about, so that a step takes less.
	raw := storagetest.Raw(t, w.Database)
	defer raw.Close()
	if _, err := raw.ExecContext(t.Context(), `DELETE FROM historia WHERE month NOT IN (1, 6)`); err != nil {
		t.Fatal(err)
	}
	thief := w.sit("thief", "thief@example.com", rosa.email)
	for _, h := range w.people {
		w.sit(h.name, h.email).knows[h] = true
		thief.knows[h] = w.IntN(2) == 0
	}
	for _, b := range w.tabs {
		for _, h := range w.people {
			if b.knows[h] && h.history && h.email != "" && !slices.Contains(w.hopeful, b) {
				w.hopeful = append(w.hopeful, b)
			}
		}
	}
	w.sit("reader", w.people[0].email, w.people[1].email, "registro0@example.ec")
	w.sit("stranger")
	for i, address := range []string{"otro0@example.com", "otro1@example.com", "registro1@example.ec", "registro2@example.ec"} {
		w.tabs[1+i].reads[address] = true
	}
	return w
}

func (w *world) add(h *human) {
	h.email, h.killed, h.mails = h.a.Email, map[string]time.Time{}, map[string][]time.Time{}
	w.people = append(w.people, h)
}

func (w *world) sit(name string, addresses ...string) *tab {
	b := &tab{name: name, journey: w.journey(), knows: map[*human]bool{}, reads: map[string]bool{}}
	for _, a := range addresses {
		if a != "" {
			b.reads[a] = true
		}
	}
	w.tabs = append(w.tabs, b)
	return b
}

// say notes what happens, for whoever reads of a failure.
func (w *world) say(what, format string, args ...any) {
	w.came[what]++
	w.told = append(w.told, w.Time().Format("01-02 15:04:05 ")+what+" "+fmt.Sprintf(format, args...))
}

func (w *world) fail(format string, args ...any) {
	w.T.Helper()
	w.T.Errorf(format, args...)
}

func pick[T any](w *world, of []T) T { return of[w.IntN(len(of))] }

// step does one thing: mostly what comes next where somebody is on the way, else
// anything.
func (w *world) step() {
	if w.last == nil || w.IntN(6) == 0 {
		w.last = pick(w, w.tabs)
		if w.IntN(3) > 0 { // who has a way to go
			w.last = pick(w, w.hopeful)
		}
	}
	b := w.last
	if w.IntN(3) > 0 {
		w.next(b)
		return
	}
	acts := []struct {
		weight int
		do     func()
	}{
		{6, func() { w.start(b, w.wanted(b)) }},
		{8, func() { w.answer(b) }},
		{8, func() { w.data(b) }},
		{6, func() { w.resend(b) }},
		{12, w.deliver},
		{12, func() { w.open(b) }},
		{8, func() { w.elsewhere(b) }},
		{8, func() { w.confirm(b) }},
		{8, func() { w.press(b) }},
		{8, func() { w.signIn(b) }},
		{6, func() { w.officer(pick(w, w.people)) }},
		{1, w.imported},
		{3, w.job},
		{6, w.later},
		{12, func() { w.atOnce(b) }},
	}
	total := 0
	for _, a := range acts {
		total += a.weight
	}
	n := w.IntN(total)
	for _, a := range acts {
		if n -= a.weight; n < 0 {
			a.do()
			return
		}
	}
}

// next is what leads on from where b is.
func (w *world) next(b *tab) {
	l, kept, now := b.opened, b.kept, w.Time()
	switch {
	case l != nil && l.purpose != storage.LinkGenerar && l.opens(b, now) && (l.purpose != storage.LinkNoFuiYo || w.IntN(12) == 0):
		w.press(b)
	case kept != nil && kept.opens(b, now) && kept.tab != b:
		w.elsewhere(b)
	case b.form != "" && b.formOf == kept && now.Before(b.formAt.Add(15*time.Minute)) && !kept.used:
		w.confirm(b)
	case !b.caso.live(now):
		w.start(b, w.wanted(b))
	case b.caso.step == "preguntas":
		w.answer(b)
	case b.caso.step == "datos":
		w.data(b)
	case (b.caso.step == "fallida" || b.caso.step == "asistida") && w.IntN(2) == 0:
		w.officer(b.caso.h)
	case b.caso.step != "enviado" || w.IntN(8) == 0:
		w.start(b, w.wanted(b))
	case w.IntN(2) == 0:
		w.deliver()
	default:
		w.open(b)
	}
}
