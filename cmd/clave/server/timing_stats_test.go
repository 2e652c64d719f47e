package server

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// timed runs f on each database, with few of each group or, by "make timing", with
// many: then it prints how each pair of groups differs in the milliseconds that f
// returns. Nothing but what is asked takes time there that can be configured away.
func timed(t *testing.T, few, many int, pairs [][2]string, f func(t *testing.T, s *Server, each int, chance *rand.Rand) map[string][]float64) {
	t.Helper()
	each := few
	if os.Getenv("CLAVE_TIMING") != "" {
		each = many
	}
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			s, _ := openOn(t, storagetest.URL(t, engine), func(c *Config) {
				c.AccessLog = false
				c.Hash = login.HashConfig{Memory: 256, Passes: 1}
				c.Login.Network = login.Limit{Free: math.MaxInt32, Leak: time.Nanosecond}
			})
			seed := rand.Uint64()
			t.Logf("%s: %d of each group, interleaved with seed %d", engine, each, seed)
			took := f(t, s, each, rand.New(rand.NewPCG(seed, 0)))
			if each < many {
				return
			}
			for _, pair := range pairs {
				a, b := took[pair[0]], took[pair[1]]
				d, p := kolmogorovSmirnov(a, b)
				t.Logf("%-28s %.3f ms, %-20s %.3f ms: medians differ by %.3f ms; Kolmogorov-Smirnov D %.4f, p %.3f",
					pair[0], median(a), pair[1], median(b), math.Abs(median(a)-median(b)), d, p)
			}
		})
	}
}

// importing is how the groups' people come into the database.
func importing() storage.ImportOptions {
	return storage.ImportOptions{
		Identifier: login.ParseIdentifier, ClaveDue: func(time.Time, string) time.Time { return time.Time{} }, Now: time.Now,
		Refused: func(r storage.Refusal) error { return fmt.Errorf("refused: %v", r) },
	}
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

// kolmogorovSmirnov returns the greatest distance between the distributions of
// two samples, and how likely one at least as great is where they are the same:
// the asymptotic form, good for large samples.
func kolmogorovSmirnov(a, b []float64) (float64, float64) {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	d := 0.0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		x := min(a[i], b[j])
		for i < len(a) && a[i] <= x {
			i++
		}
		for j < len(b) && b[j] <= x {
			j++
		}
		d = max(d, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	n := math.Sqrt(float64(len(a)) * float64(len(b)) / float64(len(a)+len(b)))
	lambda := (n + 0.12 + 0.11/n) * d
	p := 0.0
	for k := 1.0; k <= 100; k++ {
		p += 2 * math.Pow(-1, k-1) * math.Exp(-2*k*k*lambda*lambda)
	}
	if lambda < 0.2 { // the series does not converge there; the value is 1 to ten digits
		p = 1
	}
	return d, min(max(p, 0), 1)
}

// The statistics agree with a worked example (Press et al., Numerical Recipes,
// Q_KS(1.36) ≈ 0.049).
func TestKolmogorovSmirnov(t *testing.T) {
	a, b, c := make([]float64, 2000), make([]float64, 2000), make([]float64, 2000)
	for i := range a {
		a[i], b[i], c[i] = float64(i), float64(i)+0.5, float64(i+86) // moved by 4.3 % of the range
	}
	if d, p := kolmogorovSmirnov(a, b); d > 0.001 || p < 0.999 {
		t.Errorf("alike: D %v, p %v", d, p)
	}
	if d, p := kolmogorovSmirnov(a, c); math.Abs(d-0.043) > 1e-9 || math.Abs(p-0.049) > 0.002 {
		t.Errorf("moved: D %v, p %v, want 0.043 and 0.049", d, p)
	}
}
