package login

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"iess.gob.ec/clave/storage"
)

// Where dates go after the policy was edited.
func TestS092_Recompute(t *testing.T) {
	now := time.Date(2026, time.November, 22, 15, 0, 0, 0, time.UTC)
	in := func(days int) storage.Instant { return storage.At(now.AddDate(0, 0, days)) }
	year, quarter := DefaultRenewal(), Renewal{MaxAge: 90 * 24 * time.Hour, Waiver: 15}
	for _, tt := range []struct {
		name     string
		policy   Renewal
		set, due storage.Instant
		long     bool
		from, to storage.Instant // the date is from, or between both
		who      storage.Holder
	}{
		{"unchanged", year, in(-100), in(265), false, in(265), in(265), storage.Holder{AfiliadoID: "a"}},
		{"longer", year, in(-60), in(30), false, in(305), in(305), storage.Holder{AfiliadoID: "a"}},
		{"longer, was due already", year, in(-100), in(-10), false, in(265), in(265), storage.Holder{AfiliadoID: "a"}},
		{"shorter, far enough", quarter, in(-10), in(355), false, in(80), in(80), storage.Holder{AfiliadoID: "a"}},
		{"shorter, too near", quarter, in(-70), in(295), false, in(30), in(60), storage.Holder{AfiliadoID: "a"}},
		{"shorter, long over", quarter, in(-300), in(65), false, in(30), in(60), storage.Holder{AfiliadoID: "a"}},
		{"shorter, told of a nearer date", quarter, in(-345), in(20), false, in(20), in(20), storage.Holder{AfiliadoID: "a"}},
		{"shorter, due already", quarter, in(-400), in(-35), false, in(-35), in(-35), storage.Holder{AfiliadoID: "a"}},
		{"never eased beyond the date there is", quarter, in(-334), in(31), false, in(30), in(31), storage.Holder{AfiliadoID: "a"}},
		{"expiry on", quarter, in(-700), storage.Instant{}, false, in(30), in(60), storage.Holder{AfiliadoID: "a"}},
		{"expiry off", Renewal{}, in(-100), in(265), false, storage.Instant{}, storage.Instant{}, storage.Holder{AfiliadoID: "a"}},
		{"long, waived", year, in(-100), in(265), true, storage.Instant{}, storage.Instant{}, storage.Holder{AfiliadoID: "a"}},
		{"long, waiver off", Renewal{MaxAge: year.MaxAge}, in(-100), storage.Instant{}, true, in(265), in(265), storage.Holder{AfiliadoID: "a"}},
		{"a passkey", year, in(-100), in(265), false, storage.Instant{}, storage.Instant{}, storage.Holder{AfiliadoID: "a", Passkey: true}},
		{"a passkey, due already", year, in(-400), in(-35), false, storage.Instant{}, storage.Instant{}, storage.Holder{AfiliadoID: "a", Passkey: true}},
		{"a passkey, waiver off", Renewal{MaxAge: year.MaxAge}, in(-100), storage.Instant{}, false, in(265), in(265), storage.Holder{AfiliadoID: "a", Passkey: true}},
		{"a day of her own", year, in(-100), in(265), false, in(52), in(53), storage.Holder{AfiliadoID: "a", Day: 114}},
		{"one too near", year, in(-100), in(265), false, in(265), in(265), storage.Holder{AfiliadoID: "a", Day: 1201}},
		{"one that has come near", year, in(-340), storage.At(time.Date(2026, time.December, 1, 5, 0, 0, 0, time.UTC)), false, in(8), in(9), storage.Holder{AfiliadoID: "a", Day: 1201}},
		{"one given up", year, in(-100), in(52), false, in(265), in(265), storage.Holder{AfiliadoID: "a"}},
		{"long, only longer ones waived", Renewal{MaxAge: year.MaxAge, Waiver: 20}, in(-100), storage.Instant{}, true, in(265), in(265), storage.Holder{AfiliadoID: "a"}},
	} {
		got := tt.policy.Recompute(storage.HeldClave{Clave: storage.Clave{CreatedAt: tt.set, DueAt: tt.due, Long: tt.long}, Holder: tt.who}, now)
		if got.Before(tt.from.Time) || got.After(tt.to.Time) {
			t.Errorf("%s: got %v, want %v to %v", tt.name, got, tt.from, tt.to)
		}
	}
}

// Nobody is surprised, nobody loses time she had beyond what the policy says, no
// day is a stampede, and doing it again, then or later, changes nothing.
func TestS092_RecomputeSurprisesNobody(t *testing.T) {
	now := time.Date(2026, time.November, 22, 15, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	span := func(t *rapid.T, label string, from, to int) time.Duration {
		return time.Duration(rapid.IntRange(from*24, to*24).Draw(t, label)) * time.Hour
	}
	rapid.Check(t, func(t *rapid.T) {
		r := Renewal{MaxAge: span(t, "max age", 0, 400), Waiver: rapid.SampledFrom([]int{0, 12, 15, 20}).Draw(t, "waiver"), Spread: span(t, "spread", 0, 60)}
		c := storage.HeldClave{
			Clave:  storage.Clave{CreatedAt: storage.At(now.Add(-span(t, "age", 0, 1000))), Long: rapid.Bool().Draw(t, "long")},
			Holder: storage.Holder{AfiliadoID: rapid.StringN(1, 20, -1).Draw(t, "id"), Passkey: rapid.Bool().Draw(t, "passkey")},
		}
		c.Holder.Day = rapid.SampledFrom([]int{0, 101, 229, 314, 630, 1122, 1231}).Draw(t, "day")
		r.Passkey = rapid.Bool().Draw(t, "waived")
		if rapid.Bool().Draw(t, "due") {
			c.DueAt = storage.At(now.Add(span(t, "due in", -400, 400)))
		}
		got := r.Recompute(c, now)
		want := r.DueAt(c.CreatedAt.Time, "", storage.Holder{AfiliadoID: c.Holder.AfiliadoID})
		switch {
		case got.IsZero():
			if r.MaxAge > 0 && !(c.Long && r.Waiver > 0 && r.Waiver <= 15) && !(r.Passkey && c.Holder.Passkey) {
				t.Fatal("she never has to renew")
			}
		case got.Before(now.Add(30*day)) && (c.DueAt.IsZero() || storage.At(got).Before(c.DueAt.Time)):
			t.Fatalf("%v comes sooner than in 30 days, and than %v", got, c.DueAt)
		case got.After(want) && got.After(now.Add(91*day)) && !storage.At(got).Equal(c.DueAt.Time):
			t.Fatalf("%v is later than the policy's %v", got, want)
		}
		c.DueAt = storage.At(got)
		if again := r.Recompute(c, now.Add(span(t, "later", 0, 100))); !storage.At(again).Equal(c.DueAt.Time) {
			t.Fatalf("again: %v after %v", again, got)
		}
	})
}

// Whoever expires at once because a policy became shorter is asked on different
// days.
func TestS092_RecomputeIsNoStampede(t *testing.T) {
	now := time.Date(2026, time.November, 22, 15, 0, 0, 0, time.UTC)
	quarter := Renewal{MaxAge: 90 * 24 * time.Hour}
	days := map[string]int{}
	const people = 3000
	for range people {
		due := quarter.Recompute(storage.HeldClave{
			Clave:  storage.Clave{CreatedAt: storage.At(now.AddDate(0, 0, -200)), DueAt: storage.At(now.AddDate(0, 0, 165))},
			Holder: storage.Holder{AfiliadoID: storage.NewID()},
		}, now)
		days[due.Format(time.DateOnly)]++
	}
	for d, n := range days {
		if n > people/15 {
			t.Errorf("%s: %d of %d people, on %d days", d, n, people, len(days))
		}
	}
}

// D17: a date goes with the first passkey and comes back after the last one, the
// regular one, though never nearer than 30 days; one kept beside it stays.
func TestD17_PasskeysWaiveTheRenewal(t *testing.T) {
	now := time.Date(2026, time.November, 22, 15, 0, 0, 0, time.UTC)
	in := func(days int) storage.Instant { return storage.At(now.AddDate(0, 0, days)) }
	year, strict := DefaultRenewal(), Renewal{MaxAge: 365 * 24 * time.Hour, Waiver: 15}
	never := storage.Instant{}
	for _, tt := range []struct {
		name     string
		policy   Renewal
		set, due storage.Instant
		passkey  bool
		from, to storage.Instant
	}{
		{"the first", year, in(-100), in(265), true, never, never},
		{"the first, due already", year, in(-400), in(-35), true, never, never},
		{"the last one gone", year, in(-100), never, false, in(265), in(265)},
		{"the last one gone, late in the year", year, in(-350), never, false, in(30), in(60)},
		{"the last one gone, years later", year, in(-1000), never, false, in(30), in(60)},
		{"one of none gone", year, in(-100), in(100), false, in(100), in(100)},
		{"not waived", strict, in(-100), in(265), true, in(265), in(265)},
		{"not waived, gone", strict, in(-100), never, false, never, never},
		{"no expiry", Renewal{Passkey: true}, in(-100), never, false, never, never},
	} {
		c := storage.HeldClave{Clave: storage.Clave{CreatedAt: tt.set, DueAt: tt.due}, Holder: storage.Holder{AfiliadoID: "a", Passkey: tt.passkey}}
		if got := tt.policy.Waive(c, now); got.Before(tt.from.Time) || got.After(tt.to.Time) {
			t.Errorf("%s: got %v, want %v to %v", tt.name, got, tt.from, tt.to)
		}
	}
	long := storage.HeldClave{Clave: storage.Clave{CreatedAt: in(-100), Long: true}}
	if got := year.Waive(long, now); !got.IsZero() {
		t.Errorf("a long clave: got %v, want never", got)
	}
	if got := year.DueAt(now, "Cotopaxi47", storage.Holder{AfiliadoID: "a", Passkey: true}); !got.IsZero() {
		t.Errorf("a clave set beside a passkey: got %v, want never", got)
	}
}
