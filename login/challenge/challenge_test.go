package challenge_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/altcha-org/altcha-lib-go"

	"iess.gob.ec/clave/login/challenge"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

// world is a Challenge with a clock of its own, and a browser at a form.
type world struct {
	*challenge.Challenge
	db   *storage.DB
	now  time.Time
	form challenge.Form
}

func newWorld(t testing.TB, db *storage.DB) *world {
	t.Helper()
	w := &world{db: db, now: storagetest.Noon(), form: challenge.Form{
		Purpose: "desbloqueo", Browser: storage.Hash("browser"), Path: "/desbloqueo?id=x",
	}}
	var err error
	if w.Challenge, err = challenge.New(challenge.Config{DB: db, Now: func() time.Time { return w.now }}); err != nil {
		t.Fatal(err)
	}
	return w
}

// cheap keeps tests quick.
var cheap = challenge.Cost{Work: 200, Wait: 5 * time.Second}

func (w *world) issue(t testing.TB, cost challenge.Cost) *templates.Challenge {
	t.Helper()
	ch, err := w.Issue(httptest.NewRecorder(), w.form, cost)
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

func (w *world) verify(t testing.TB, values url.Values) error {
	t.Helper()
	return w.Verify(t.Context(), values, w.form, challenge.Cost{})
}

// payload solves a proof of work as the widget does.
func payload(t testing.TB, ch *templates.Challenge) altcha.Payload {
	t.Helper()
	var c altcha.Challenge
	if err := json.Unmarshal([]byte(ch.Work), &c); err != nil {
		t.Fatal(err)
	}
	s, err := altcha.SolveChallenge(c.Challenge, c.Salt, altcha.Algorithm(c.Algorithm), int(c.MaxNumber), 0, nil)
	if err != nil || s == nil {
		t.Fatalf("no solution of %s: %v", ch.Work, err)
	}
	return altcha.Payload{Algorithm: c.Algorithm, Challenge: c.Challenge, Number: int64(s.Number), Salt: c.Salt, Signature: c.Signature}
}

func encode(t testing.TB, p altcha.Payload) url.Values {
	t.Helper()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return url.Values{"altcha": {base64.StdEncoding.EncodeToString(b)}}
}

func ticket(ch *templates.Challenge) url.Values { return url.Values{"reto": {ch.Ticket}} }

// both are the two ways to answer, ready to be verified.
func (w *world) both(t testing.TB) map[string]url.Values {
	t.Helper()
	ch := w.issue(t, cheap)
	w.now = w.now.Add(cheap.Wait)
	return map[string]url.Values{"work": encode(t, payload(t, ch)), "ticket": ticket(ch)}
}

func want(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestS024_MissingAnswerIsRefused(t *testing.T) {
	w := newWorld(t, storagetest.Open(t, "sqlite"))
	for _, values := range []url.Values{nil, {}, {"altcha": {""}, "reto": {""}}, {"identificacion": {"1759999913"}}} {
		want(t, w.verify(t, values), challenge.ErrMissing)
		if challenge.Answered(values) {
			t.Errorf("%v counts as an answer", values)
		}
	}
}

func TestS025_AnswerCountsOnce(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		w := newWorld(t, db)
		for kind, values := range w.both(t) {
			want(t, w.verify(t, values), nil)
			want(t, w.verify(t, values), challenge.ErrReused)
			if !challenge.Answered(values) {
				t.Errorf("%s is no answer", kind)
			}
		}
	})
}

func TestT18_AnswerSentFiftyTimesAtOnceCountsOnce(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		a := newWorld(t, db)
		b := newWorld(t, db) // another replica
		answers := a.both(t)
		b.now = a.now
		for kind, values := range answers {
			var wg sync.WaitGroup
			errs := make([]error, 50)
			for i := range errs {
				w := []*world{a, b}[i%2]
				wg.Go(func() { errs[i] = w.Verify(t.Context(), values, w.form, challenge.Cost{}) })
			}
			wg.Wait()
			passed := 0
			for _, err := range errs {
				if err == nil {
					passed++
				} else {
					want(t, err, challenge.ErrReused)
				}
			}
			if passed != 1 {
				t.Errorf("%s: %d passed, want 1", kind, passed)
			}
		}
	})
}

func TestS025_ChallengeExpiresAfterFiveMinutes(t *testing.T) {
	w := newWorld(t, storagetest.Open(t, "sqlite"))
	start := w.now
	for _, tt := range []struct {
		after time.Duration
		want  error
	}{
		{4*time.Minute + 59*time.Second, nil},
		{5 * time.Minute, challenge.ErrExpired},
		{time.Hour, challenge.ErrExpired},
	} {
		w.now = start
		answers := w.both(t)
		w.now = start.Add(tt.after)
		for kind, values := range answers {
			if got := w.verify(t, values); !errors.Is(got, tt.want) {
				t.Errorf("%s after %s: got %v, want %v", kind, tt.after, got, tt.want)
			}
		}
	}
}

func TestT18_PurgeForgetsNoAnswerThatCouldComeAgain(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		w := newWorld(t, db)
		start := w.now
		values := w.both(t)["work"]
		want(t, w.verify(t, values), nil)
		for _, tt := range []struct {
			after time.Duration // by the clock of the replica that purges
			rows  int64
		}{{challenge.Life + time.Minute, 0}, {challenge.Life + 3*time.Minute, 1}} {
			n, err := db.Purge(t.Context(), start.Add(tt.after), 100)
			if err != nil || n != tt.rows {
				t.Errorf("after %s: purged %d, %v, want %d", tt.after, n, err, tt.rows)
			}
			if tt.rows == 0 {
				want(t, w.verify(t, values), challenge.ErrReused)
			}
		}
	})
}

func TestS025_AnswerBelongsToItsFormAndBrowser(t *testing.T) {
	w := newWorld(t, storagetest.Open(t, "sqlite"))
	other := newWorld(t, storagetest.Open(t, "sqlite", func(c *storage.Config) { c.Keys.Index = []byte(strings.Repeat("k", 32)) }))
	for kind, values := range w.both(t) {
		for name, f := range map[string]challenge.Form{
			"another form":    {Purpose: "cambio", Browser: w.form.Browser},
			"another browser": {Purpose: w.form.Purpose, Browser: storage.Hash("other")},
			"no browser":      {Purpose: w.form.Purpose},
		} {
			if got := w.Verify(t.Context(), values, f, challenge.Cost{}); !errors.Is(got, challenge.ErrUnsolved) {
				t.Errorf("%s, %s: got %v", kind, name, got)
			}
		}
		other.now = w.now
		if got := other.verify(t, values); !errors.Is(got, challenge.ErrUnsolved) {
			t.Errorf("%s at an installation with another key: got %v", kind, got)
		}
		if err := w.verify(t, values); err != nil {
			t.Errorf("%s was spent by what does not count: %v", kind, err)
		}
	}
	empty := w.form
	empty.Browser = ""
	ch, err := w.Issue(httptest.NewRecorder(), empty, cheap)
	if err != nil {
		t.Fatal(err)
	}
	want(t, w.Verify(t.Context(), encode(t, payload(t, ch)), empty, challenge.Cost{}), challenge.ErrUnsolved)
}

func TestS025_TamperedAnswerIsRefused(t *testing.T) {
	w := newWorld(t, storagetest.Open(t, "sqlite"))
	ch := w.issue(t, cheap)
	good := payload(t, ch)
	for name, change := range map[string]func(*altcha.Payload){
		"number":    func(p *altcha.Payload) { p.Number++ },
		"negative":  func(p *altcha.Payload) { p.Number = -p.Number - 1 },
		"salt":      func(p *altcha.Payload) { p.Salt = "x" + p.Salt },
		"later":     func(p *altcha.Payload) { p.Salt = strings.Replace(p.Salt, "u=1", "u=9", 1) },
		"spliced":   func(p *altcha.Payload) { p.Salt, p.Number = p.Salt+"1", p.Number%10 },
		"no end":    func(p *altcha.Payload) { p.Salt = strings.TrimSuffix(p.Salt, "&") },
		"challenge": func(p *altcha.Payload) { p.Challenge = strings.Repeat("0", 64) },
		"signature": func(p *altcha.Payload) { p.Signature = strings.Repeat("0", 64) },
		"algorithm": func(p *altcha.Payload) { p.Algorithm = "SHA-1" },
		"none":      func(p *altcha.Payload) { p.Algorithm = "" },
		"empty":     func(p *altcha.Payload) { *p = altcha.Payload{} },
		"own salt": func(p *altcha.Payload) { // solved, but never posed by us
			own, err := altcha.CreateChallenge(altcha.ChallengeOptions{HMACKey: "mine", MaxNumber: 1})
			if err != nil {
				t.Fatal(err)
			}
			b, _ := json.Marshal(own)
			*p = payload(t, &templates.Challenge{Work: string(b)})
		},
	} {
		p := good
		change(&p)
		if got := w.verify(t, encode(t, p)); !errors.Is(got, challenge.ErrUnsolved) {
			t.Errorf("%s: got %v", name, got)
		}
	}
	w.now = w.now.Add(cheap.Wait)
	flipped := []byte(ch.Ticket)
	flipped[20] ^= 1
	for _, values := range []url.Values{
		{"altcha": {"{}"}},
		{"altcha": {"AAAA"}},
		{"altcha": {strings.Repeat("A", 1<<20)}},
		{"reto": {"on"}},
		{"reto": {string(flipped)}},
		{"reto": {strings.Repeat("A", 1<<20)}},
		{"altcha": {"wrong"}, "reto": {ch.Ticket}}, // a wrong solution is no excuse for the ticket
	} {
		want(t, w.verify(t, values), challenge.ErrUnsolved)
	}
	want(t, w.verify(t, encode(t, good)), nil)
	want(t, w.verify(t, ticket(ch)), nil)
}

func TestKeepLeavesTheBoxAsItWas(t *testing.T) {
	w := newWorld(t, storagetest.Open(t, "sqlite"))
	ch := w.issue(t, cheap)
	for name, tt := range map[string]struct {
		values       url.Values
		same, ticked bool
	}{
		"ticket":     {ticket(ch), true, true},
		"work":       {encode(t, payload(t, ch)), false, true},
		"not ours":   {url.Values{"reto": {"x"}}, false, true},
		"not ticked": {nil, false, false},
	} {
		got, err := w.Keep(httptest.NewRecorder(), tt.values, w.form, cheap)
		if err != nil || (got.Ticket == ch.Ticket) != tt.same || got.Ticked != tt.ticked || got.Work == ch.Work {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestT13_CheapAnswerDoesNotPassUnderPressure(t *testing.T) {
	w := newWorld(t, storagetest.Open(t, "sqlite"))
	dear := challenge.Cost{Work: 2 * cheap.Work, Wait: 3 * cheap.Wait}
	answers := w.both(t)
	want(t, w.Verify(t.Context(), answers["work"], w.form, dear), challenge.ErrCheap)
	early, ok := errors.AsType[*challenge.NotYet](w.Verify(t.Context(), answers["ticket"], w.form, dear))
	if !ok || early.Wait != dear.Wait-cheap.Wait {
		t.Errorf("got %v, want a wait of %s", early, dear.Wait-cheap.Wait)
	}
	w.now = w.now.Add(dear.Wait - cheap.Wait)
	want(t, w.Verify(t.Context(), answers["ticket"], w.form, dear), nil)
	want(t, w.Verify(t.Context(), encode(t, payload(t, w.issue(t, dear))), w.form, dear), nil)
}

func TestEveryErrorHasItsFault(t *testing.T) {
	seen := map[templates.Fault]bool{}
	for _, err := range []error{
		challenge.ErrMissing, challenge.ErrUnsolved, challenge.ErrExpired, challenge.ErrReused, challenge.ErrCheap, &challenge.NotYet{Wait: time.Second},
	} {
		f := challenge.FaultOf(fmt.Errorf("page: %w", err))
		if f == "" || seen[f] {
			t.Errorf("%v: fault %q", err, f)
		}
		seen[f] = true
	}
	if f := challenge.FaultOf(storage.ErrConflict); f != "" || challenge.FaultOf(nil) != "" {
		t.Errorf("an error of others has fault %q", f)
	}
}

func TestNewNeedsItsParts(t *testing.T) {
	if _, err := challenge.New(challenge.Config{}); err == nil {
		t.Error("a Challenge without database was made")
	}
}

func TestIssueLetsThePageStartWorkers(t *testing.T) {
	w := newWorld(t, storagetest.Open(t, "sqlite"))
	rec := httptest.NewRecorder()
	if _, err := w.Issue(rec, w.form, cheap); err != nil {
		t.Fatal(err)
	}
	if got := rec.Header()[http.CanonicalHeaderKey("Content-Security-Policy")]; len(got) != 1 || got[0] != "worker-src 'self'" {
		t.Errorf("got %q", got)
	}
}

func FuzzVerify(f *testing.F) {
	w := newWorld(f, storagetest.Open(f, "sqlite"))
	for _, values := range w.both(f) {
		f.Add(values.Get("altcha"), values.Get("reto"))
	}
	w.form.Browser = storage.Hash("other") // to which nothing has been posed
	f.Add(base64.StdEncoding.EncodeToString([]byte(`{"algorithm":"SHA-256","salt":"a?u=1&b=2?c&","number":9e99}`)), "")
	f.Add("e30=", "e30")
	f.Fuzz(func(t *testing.T, work, sealed string) {
		err := w.Verify(t.Context(), url.Values{"altcha": {work}, "reto": {sealed}}, w.form, challenge.Cost{})
		if challenge.FaultOf(err) == "" {
			t.Errorf("got %v", err)
		}
	})
}
