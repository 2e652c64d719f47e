package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage/storagetest"
)

// TestBench runs everything there is to measure, briefly: of the figures only those
// that do not depend on time are looked at.
func TestBench(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	o := options{
		workers: 2, many: 3, crowd: 1, rounds: 1, starts: 1, pool: 2, replays: 1,
		measured: time.Millisecond, warm: time.Millisecond, progress: t.Output(),
	}
	var out bytes.Buffer
	s, err := bench(t.Context(), o, &out)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(s.rows), len(scenarios()); got != want {
		t.Errorf("got %d rows, want %d", got, want)
	}
	for _, r := range s.rows {
		if r.failed > 0 || r.ops < o.workers || median(r.rate) <= 0 || median(r.p99) < median(r.p50) {
			t.Errorf("%s, %s: %d done, %d failed, %v/s, p50 %v, p99 %v", r.scenario.name, r.site, r.ops, r.failed, r.rate, r.p50, r.p99)
		}
		if !strings.Contains(out.String(), "\n| "+r.scenario.name+" ") {
			t.Errorf("no line for %s in\n%s", r.scenario.name, out.String())
		}
	}
	q := s.qualities[0]
	if q.ops == 0 || q.failed > 0 || q.twice > 0 || len(q.alone) != 1 || len(q.beside) != 1 || len(q.starts) != 1 || q.idle == 0 || q.loaded == 0 || q.top == 0 {
		t.Errorf("got %+v", q)
	}
	if len(s.failures) > 0 {
		t.Errorf("got errors %v", s.failures)
	}
}

// What PostgreSQL counts of an operation that is known: one transaction that writes
// and one that reads.
func TestCountersOfPostgreSQL(t *testing.T) {
	c, err := openCounters(t.Context(), storagetest.URL(t, "postgres"))
	if !errors.Is(err, errNotDurable) { // the tests' server runs without fsync
		t.Errorf("got %v", err)
	}
	defer c.db.Close()
	if c.postmaster == 0 || processorTime(c.postmaster) == 0 {
		t.Errorf("its first process is %d and has used %v", c.postmaster, processorTime(c.postmaster))
	}
	if _, err := c.db.ExecContext(t.Context(), "CREATE TABLE one (a int)"); err != nil {
		t.Fatal(err)
	}
	s := suite{options: options{workers: 1, measured: 30 * time.Millisecond, settle: 1100 * time.Millisecond}}
	var got *count
	for range 10 { // what others write to the server meanwhile counts too, and never takes away
		got, err = s.counted(t.Context(), &lab{site: &site{counters: c}}, func(ctx context.Context, _ int) error {
			for _, query := range []string{"INSERT INTO one VALUES (1)", "SELECT a FROM one LIMIT 1"} {
				if _, err := c.db.ExecContext(ctx, query); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil && got.writing == 1 && got.commits >= 1.5 && got.commits <= 3 && got.wal >= 50 {
			return
		}
	}
	t.Errorf("got %+v, %v", got, err)
}

func TestLoad(t *testing.T) {
	var calls [3]int
	r := load(t.Context(), 3, 0, func(_ context.Context, worker int) error {
		if calls[worker]++; worker == 2 {
			return errors.New("no")
		}
		return nil
	})
	if calls != [3]int{1, 1, 1} || r.ops() != 2 || r.failed() != 1 || r.errors["no"] != 1 || r.took[0] > r.took[1] || r.rate() <= 0 {
		t.Errorf("got calls %v, %+v", calls, r)
	}
}

func TestPercentileAndMedian(t *testing.T) {
	var hundred []float64
	for i := range 100 {
		hundred = append(hundred, float64(i+1))
	}
	for p, want := range map[float64]float64{0: 1, 50: 50, 95: 95, 99: 99, 100: 100} {
		if got := percentile(hundred, p); got != want {
			t.Errorf("p%v: got %v, want %v", p, got, want)
		}
	}
	if percentile(nil, 50) != 0 || median[float64](nil) != 0 || median([]float64{9, 1, 5}) != 5 || median([]float64{4, 2}) != 2 {
		t.Error("the least of samples")
	}
}

func TestHashShare(t *testing.T) {
	top := "Type: cpu\nDuration: 3s, Total samples = 2000ms (66.67%)\nShowing nodes accounting for 1900ms, 95.00% of 2000ms total\n flat flat% sum%\n"
	if got := shareIn(top); got != 0.95 {
		t.Errorf("got %v", got)
	}
	if got := shareIn("Showing nodes accounting for 0, 0% of 0 total"); got != 0 {
		t.Errorf("of no samples: got %v", got)
	}
}

func TestTableMarksTargets(t *testing.T) {
	r := row{
		scenario: scenario{name: "refresh", target: 0.5, p99: 40, commits: 2}, site: "PostgreSQL", server: []float64{0.2, 0.9, 0.3}, database: []float64{0.1, 0.1, 0.1},
		rate: []float64{12_345.6}, p50: []float64{1.234}, p99: []float64{41.23}, count: &count{3.04, 2.1, 1234.5}, ops: 99, failed: 1,
	}
	var out strings.Builder
	r.print(&out)
	want := "| refresh | PostgreSQL | 0.40 | ≤ 0.50 ✓ | 0.10 | 12,345 | 1.23 | 41.2 ≤ 40 ✗ | 3.0 (2.1) ≤ 2 ✓ | 1234 | 1 of 100 |\n"
	if out.String() != want {
		t.Errorf("got  %swant %s", out.String(), want)
	}
	out.Reset()
	r = row{scenario: scenario{name: "code", what: "with clave", target: 1.3, hashes: true}, site: "embedded", server: []float64{39}, database: []float64{0}, hash: []float64{37.6}, rest: []float64{1.4}}
	r.print(&out)
	if want := "| … less its hash of 37.6 | embedded | 1.40 |  |"; !strings.Contains(out.String(), want) {
		t.Errorf("got %s, want %s", out.String(), want)
	}
}

func TestOptions(t *testing.T) {
	var stdout, stderr strings.Builder
	for args, want := range map[string]int{"-h": exitDone, "-rounds 0": exitUsage, "now": exitUsage, "-d soon": exitUsage} {
		if got := run(t.Context(), strings.Fields(args), "", &stdout, &stderr); got != want {
			t.Errorf("bench %s: got status %d, want %d", args, got, want)
		}
	}
	if !strings.Contains(stderr.String(), "-short") || stdout.Len() > 0 {
		t.Errorf("got %q, %q", stdout.String(), stderr.String())
	}
}
