package challenge_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login/challenge"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

// follow is where a Refresh header leads, and after how many seconds.
func follow(t *testing.T, h http.Header) (string, *url.URL) {
	t.Helper()
	seconds, target, ok := strings.Cut(h.Get("Refresh"), ";url=")
	u, err := url.Parse(target)
	if !ok || err != nil {
		t.Fatalf("Refresh %q: %v", h.Get("Refresh"), err)
	}
	return seconds, u
}

// The whole way of a browser without script that was too quick (design section 7).
func TestS025_WithoutScriptATicketHasToBeHeld(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		w := newWorld(t, db)
		ch := w.issue(t, cheap)
		if ch.Wait != cheap.Wait || ch.Ticked || ch.Fault != "" {
			t.Errorf("posed as %+v", ch)
		}
		w.now = w.now.Add(1500 * time.Millisecond)
		err := w.verify(t, ticket(ch))
		early, ok := errors.AsType[*challenge.NotYet](err)
		if !ok || early.Wait != 3500*time.Millisecond {
			t.Fatalf("got %v", err)
		}

		rec := httptest.NewRecorder()
		again, err := w.Again(rec, ticket(ch), w.form, cheap, err, "1759999913")
		if err != nil {
			t.Fatal(err)
		}
		if again.Fault != templates.ChallengeEarly || !again.Ticked || again.Wait != early.Wait || again.Work == ch.Work {
			t.Errorf("posed again as %+v", again)
		}
		seconds, next := follow(t, rec.Header())
		if seconds != "4" || next.Path != "/desbloqueo" || next.Query().Get("id") != "x" || next.Query().Get("reto") != again.Ticket {
			t.Errorf("refreshes after %s to %s", seconds, next)
		}
		if strings.Contains(next.String(), "1759999913") {
			t.Error("what was typed stands in the address")
		}

		w.now = w.now.Add(4 * time.Second)
		resumed, typed, err := w.Resume(httptest.NewRecorder(), next.Query(), w.form, cheap)
		if err != nil || resumed == nil {
			t.Fatalf("got %v, %v", resumed, err)
		}
		if typed != "1759999913" || !resumed.Ticked || resumed.Wait != 0 || resumed.Fault != "" {
			t.Errorf("resumed as %+v with %q", resumed, typed)
		}
		want(t, w.verify(t, ticket(resumed)), nil)
		want(t, w.verify(t, ticket(ch)), challenge.ErrReused) // the same one, whatever it carries
	})
}

func TestS025_TicketTooEarlyInTimeTooLate(t *testing.T) {
	w := newWorld(t, storagetest.Open(t, "sqlite"))
	start := w.now
	for _, tt := range []struct {
		after time.Duration
		fault templates.Fault
	}{
		{0, templates.ChallengeEarly},
		{cheap.Wait - time.Millisecond, templates.ChallengeEarly},
		{cheap.Wait, ""},
		{challenge.Life - time.Millisecond, ""},
		{challenge.Life, templates.ChallengeExpired},
	} {
		w.now = start
		ch := w.issue(t, cheap)
		w.now = start.Add(tt.after)
		if err := w.verify(t, ticket(ch)); challenge.FaultOf(err) != tt.fault {
			t.Errorf("after %s: got %v, want fault %q", tt.after, err, tt.fault)
		}
	}
}

func TestAgainPosesAnewWhereTheTicketIsGone(t *testing.T) {
	w := newWorld(t, storagetest.Open(t, "sqlite"))
	old := w.issue(t, cheap)
	for _, cause := range []error{challenge.ErrMissing, challenge.ErrUnsolved, challenge.ErrExpired, challenge.ErrReused, challenge.ErrCheap} {
		rec := httptest.NewRecorder()
		ch, err := w.Again(rec, ticket(old), w.form, cheap, cause, "1759999913")
		if err != nil {
			t.Fatal(err)
		}
		if ch.Ticket == old.Ticket || ch.Ticked || ch.Fault != challenge.FaultOf(cause) || rec.Header().Get("Refresh") != "" {
			t.Errorf("%v: posed as %+v, Refresh %q", cause, ch, rec.Header().Get("Refresh"))
		}
	}
}

func TestResumeRefusesWhatIsNotItsOwn(t *testing.T) {
	w := newWorld(t, storagetest.Open(t, "sqlite"))
	ch := w.issue(t, cheap)
	resume := func(f challenge.Form, sealed string) *templates.Challenge {
		t.Helper()
		got, _, err := w.Resume(httptest.NewRecorder(), url.Values{"reto": {sealed}}, f, cheap)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for name, got := range map[string]*templates.Challenge{
		"nothing":         resume(w.form, ""),
		"anything":        resume(w.form, "abc"),
		"another browser": resume(challenge.Form{Purpose: w.form.Purpose, Browser: storage.Hash("other")}, ch.Ticket),
		"another form":    resume(challenge.Form{Purpose: "cambio", Browser: w.form.Browser}, ch.Ticket),
	} {
		if got != nil {
			t.Errorf("%s is resumed", name)
		}
	}
	if resume(w.form, ch.Ticket) == nil {
		t.Error("its own is not resumed")
	}
	w.now = w.now.Add(challenge.Life)
	if resume(w.form, ch.Ticket) != nil {
		t.Error("an expired one is resumed")
	}
}

func TestTicketCarriesNoMoreThanAnIdentifier(t *testing.T) {
	w := newWorld(t, storagetest.Open(t, "sqlite"))
	ch := w.issue(t, cheap)
	rec := httptest.NewRecorder()
	if _, err := w.Again(rec, ticket(ch), w.form, cheap, w.verify(t, ticket(ch)), strings.Repeat("9", 60<<10)); err != nil {
		t.Fatal(err)
	}
	if n := len(rec.Header().Get("Refresh")); n > 500 {
		t.Errorf("the header has %d bytes", n)
	}
	_, next := follow(t, rec.Header())
	got, typed, err := w.Resume(httptest.NewRecorder(), next.Query(), w.form, cheap)
	if err != nil || got == nil || typed != "" {
		t.Errorf("got %v, %q, %v", got, typed, err)
	}
}
