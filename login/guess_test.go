package login

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"iess.gob.ec/clave/login/totp"
)

// ASVS 6.6.3: whoever has the clave and does nothing for a year but try codes
// as soon as one is compared finds one with a chance of less than one in a thousand,
// also while its person signs in every day with mistakes of her own.
func TestASVS_6_6_3_CodesCannotBeGuessed(t *testing.T) {
	const year = 365 * 24 * time.Hour
	chance := float64(1+2*totp.Skew) / math.Pow10(totp.Digits) // of one code
	begin := time.Date(2026, time.November, 22, 17, 0, 0, 0, time.UTC)
	rng := rand.New(rand.NewPCG(1, 2))
	for name, patient := range map[string]func() time.Duration{
		"at once":           func() time.Duration { return 0 },
		"saves them up":     func() time.Duration { return time.Duration(rng.Int64N(int64(20 * 24 * time.Hour))) },
		"a little at times": func() time.Duration { return time.Duration(rng.Int64N(int64(time.Hour))) },
	} {
		failures, failedAt := 0, time.Time{}
		tries, hers := 0, begin
		for now := begin; now.Before(begin.Add(year)); {
			for hers.Before(now) { // a mistake of her own is taken away by the right code that follows it
				if codesFrom(failures, failedAt, hers).IsZero() {
					failures, failedAt = codesWeighing(failures, failedAt, hers)+1, hers
					failures--
				}
				hers = hers.Add(24 * time.Hour)
			}
			if from := codesFrom(failures, failedAt, now); !from.IsZero() {
				now = from.Add(patient())
				continue
			}
			tries++
			failures, failedAt = codesWeighing(failures, failedAt, now)+1, now
		}
		odds := 1 - math.Pow(1-chance, float64(tries))
		t.Logf("%s: %d tries, odds %.6f", name, tries, odds)
		if odds > 1.0/1000 || tries < 10 {
			t.Errorf("%s: %d tries in a year find a code with a chance of %.5f, want at most 0.001", name, tries, odds)
		}
	}
}

func TestCodesPauseGrows(t *testing.T) {
	at := time.Date(2026, time.November, 22, 17, 0, 0, 0, time.UTC)
	for failures, want := range map[int]time.Duration{
		0: 0, 4: 0, 5: time.Minute, 6: 2 * time.Minute, 9: 16 * time.Minute, 10: 30 * time.Hour, 50: 30 * time.Hour,
	} {
		from := codesFrom(failures, at, at)
		if want == 0 && !from.IsZero() || want > 0 && !from.Equal(at.Add(want)) {
			t.Errorf("%d: got %v, want %v", failures, from, want)
		}
		if want > 0 && codesFrom(failures, at, at.Add(want-time.Second)).IsZero() {
			t.Errorf("%d: over too soon", failures)
		}
	}
	for after, want := range map[time.Duration]int{0: 7, 29 * time.Hour: 7, 30 * time.Hour: 6, 300 * time.Hour: 0, -time.Hour: 7} {
		if got := codesWeighing(7, at, at.Add(after)); got != want {
			t.Errorf("after %v: got %d, want %d", after, got, want)
		}
	}
	if !codesFrom(10, at, at.Add(30*time.Hour)).IsZero() {
		t.Error("no code is compared after 30 hours")
	}
}
