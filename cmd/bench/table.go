package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// say writes a line for people. Whoever does not read it has gone.
func say(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }

// tickOf is ✓ where what is asked for is kept, ✗ where it is missed.
func tickOf(kept bool) string {
	if kept {
		return "✓"
	}
	return "✗"
}

// atMost is a target and whether got keeps it; "" where there is none.
func atMost(got, target float64) string {
	if target == 0 {
		return ""
	}
	text := number(target)
	if target == float64(int(target)) {
		text = strconv.Itoa(int(target))
	}
	return "≤ " + text + " " + tickOf(got <= target)
}

// number shows about three digits.
func number(f float64) string {
	switch {
	case f >= 10_000:
		return fmt.Sprintf("%d,%03d", int(f)/1000, int(f)%1000)
	case f >= 100 || f == 0:
		return fmt.Sprintf("%.0f", f)
	case f >= 10:
		return fmt.Sprintf("%.1f", f)
	case f >= 0.1:
		return fmt.Sprintf("%.2f", f)
	default:
		return fmt.Sprintf("%.3f", f)
	}
}

// print writes both tables as Markdown.
func (s *suite) print(w io.Writer, conditions string) {
	say(w, "%s\n", conditions)
	say(w, "| operation | database | CPU ms | target | of it database | per second | p50 ms | p99 ms | commits (that write) | WAL bytes | errors |")
	say(w, "|---|---|--:|---|--:|--:|--:|---|--:|--:|--:|")
	for _, r := range s.rows {
		r.print(w)
	}
	say(w, "\n| quality | %s | target |", strings.Join(s.names(), " | "))
	say(w, "|---%s|---|", strings.Repeat("|---", len(s.labs)))
	for _, line := range s.lines() {
		say(w, "| %s | %s | %s |", line.name, strings.Join(line.cells, " | "), line.target)
	}
	for _, text := range slices.Sorted(maps.Keys(s.failures)) {
		say(w, "\n%d × %s", s.failures[text], text)
	}
}

// print writes the line of r, and below it what is left without the hash. The
// targets are those of PostgreSQL.
func (r *row) print(w io.Writer) {
	name, target, p99, database, commits, wal := r.scenario.name, "", number(median(r.p99)), "", "", ""
	if r.scenario.what != "" {
		name += " (" + r.scenario.what + ")"
	}
	if r.count != nil {
		database, wal = number(median(r.database)), number(r.count.wal)
		commits = strings.TrimSpace(fmt.Sprintf("%.1f (%.1f) %s", r.count.commits, r.count.writing, atMost(math.Round(r.count.writing), r.scenario.commits)))
		p99 = strings.TrimSpace(p99 + " " + atMost(median(r.p99), r.scenario.p99))
		if !r.scenario.hashes {
			target = atMost(r.cpu(), r.scenario.target)
		}
	}
	say(w, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %d of %d |", name, r.site, number(r.cpu()), target, database,
		number(median(r.rate)), number(median(r.p50)), p99, commits, wal, r.failed, r.ops+r.failed)
	if r.scenario.hashes {
		rest := median(r.rest)
		if r.count != nil {
			target = atMost(rest, r.scenario.target)
		}
		say(w, "| … less its hash of %s | %s | %s | %s | | | | | | | |", number(median(r.hash)), r.site, number(rest), target)
	}
}

func (s *suite) names() []string {
	var out []string
	for _, l := range s.labs {
		out = append(out, l.name)
	}
	return out
}

// line is one of the second table: a cell for each database.
type line struct {
	name   string
	cells  []string
	target string
}

func (s *suite) lines() []line {
	each := func(name, target string, cell func(q *quality) string) line {
		out := line{name: name, target: target}
		for _, q := range s.qualities {
			out.cells = append(out.cells, cell(q))
		}
		return out
	}
	rates := func(all []result) float64 {
		var v []float64
		for _, r := range all {
			v = append(v, r.rate())
		}
		return median(v)
	}
	p99s := func(all []result) float64 {
		var v []float64
		for _, r := range all {
			v = append(v, percentile(r.took, 99))
		}
		return median(v)
	}
	return []line{
		s.failedWith(s.workers),
		each(fmt.Sprintf("errors at %d workers", s.many), "0", func(q *quality) string {
			return fmt.Sprintf("%d of %d, of which %d times %v %s", q.failed, q.ops+q.failed, q.busy, errBusy, tickOf(q.failed == 0))
		}),
		each("refresh tokens spent twice", "0", func(q *quality) string { return fmt.Sprintf("%d %s", q.twice, tickOf(q.twice == 0)) }),
		each("introspect, 2 workers", "", func(q *quality) string {
			return fmt.Sprintf("%s/s, p99 %s ms", number(rates(q.alone)), number(p99s(q.alone)))
		}),
		each(fmt.Sprintf("the same while %d sign in", s.workers), "≥ 1000/s, p99 ≤ 20 ms", func(q *quality) string {
			return fmt.Sprintf("%s/s %s, p99 %s ms %s, beside %s sign-ins/s", number(rates(q.beside)), tickOf(rates(q.beside) >= 1000),
				number(p99s(q.beside)), tickOf(p99s(q.beside) <= 20), number(median(q.logins)))
		}),
		each("RSS idle / loaded without hashing / with / peak, MiB", fmt.Sprintf("≤ 25 / ≤ 60 / ≤ %d / ≤ 120", maxHashing()), func(q *quality) string {
			return fmt.Sprintf("%.0f %s / %.0f %s / %.0f %s / %.0f %s", q.idle, tickOf(q.idle <= 25), q.loaded, tickOf(q.loaded <= 60),
				q.hashed, tickOf(q.hashed <= float64(maxHashing())), q.top, tickOf(q.top <= 120))
		}),
		each("cold start least / median, ms", "≤ 100 / ≤ 250", func(q *quality) string {
			if len(q.starts) == 0 {
				return "–"
			}
			least, middle := ms(slices.Min(q.starts)), ms(median(q.starts))
			return fmt.Sprintf("%.0f %s / %.0f %s", least, tickOf(least <= 100), middle, tickOf(middle <= 250))
		}),
	}
}

// failedWith is the line of the errors in the first table.
func (s *suite) failedWith(workers int) line {
	out := line{name: fmt.Sprintf("errors at %d workers", workers), target: "0"}
	for _, l := range s.labs {
		ops, failed := 0, 0
		for _, r := range s.rows {
			if r.site == l.name {
				ops, failed = ops+r.ops+r.failed, failed+r.failed
			}
		}
		out.cells = append(out.cells, fmt.Sprintf("%d of %d %s", failed, ops, tickOf(failed == 0)))
	}
	return out
}
