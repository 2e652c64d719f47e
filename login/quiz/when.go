package quiz

import "slices"

// Options in time are drawn from blocks that are the same for everybody, so that
// the truth is neither in the middle of them nor at an end. The last block also
// takes what is left over.
const (
	blockQuarters = 20 // of the fields about quarters: 1990 to 1994, 1995 to 1999, …
	blockYears    = 8  // of the field about years: 2000 to 2007, 2008 to 2015, …
)

// gapMonths without contributions make a gap. Shorter ones from doubtMonths on
// are no gap and no decoy either: people count differently.
const (
	gapMonths   = 6
	doubtMonths = 2
)

// block is the stretch from which the options around at come, the second bound
// excluded. None is shorter than width.
func block(at, width, end int) (int, int) {
	from := at - at%width
	to := from + width
	if to > end {
		from -= width
	}
	if to+width > end {
		to = end
	}
	return from, to
}

// quarters are the questions on entry, exit and gap.
func (d draw) quarters(p past) []asked {
	var entries, exits, gaps []candidate
	doubtful := map[Field][]int{}
	doubt := func(f Field, m int) { doubtful[f] = append(doubtful[f], m/3) }
	for _, j := range p.jobs {
		entries = append(entries, j.at(j.first()))
		for i, m := range j.months {
			if i == 0 || m > j.months[i-1]+1 {
				doubt(Entry, m)
			}
			if m == j.last() || j.months[i+1] > m+1 {
				doubt(Exit, m)
			}
		}
		if !j.current && j.last() < p.end-3 { // some report late
			exits = append(exits, j.at(j.last()))
		}
	}
	for i, m := range p.months[min(1, len(p.months)):] {
		without := m - p.months[i] - 1
		if without >= doubtMonths {
			doubt(Gap, m)
		}
		if without >= gapMonths {
			gaps = append(gaps, p.comeback(m))
		}
	}
	var out []asked
	for _, q := range []struct {
		field Field
		from  []candidate
	}{{Entry, entries}, {Exit, exits}, {Gap, gaps}} {
		truth, ok := d.truth(q.field, q.from)
		if !ok {
			continue
		}
		if a, ok := d.quarter(q.field, truth, doubtful[q.field], p.end/3); ok {
			out = append(out, a)
		}
	}
	return out
}

// quarter asks for truth among quarters of its block, two or more away from what
// is doubtful; one away for whoever came and went all the time.
func (d draw) quarter(f Field, truth candidate, doubtful []int, end int) (asked, bool) {
	from, to := block(truth.slot, blockQuarters, end)
	for _, apart := range []int{2, 1} {
		var decoys []candidate
		for slot := from; slot < to; slot++ {
			if !slices.ContainsFunc(doubtful, func(at int) bool { return max(slot-at, at-slot) < apart }) {
				decoys = append(decoys, inQuarter(slot))
			}
		}
		if a, ok := d.ask(f, truth, decoys, apart); ok {
			return a, true
		}
	}
	return asked{}, false
}

// inQuarter is the quarter of a year that slot counts, since the year 0.
func inQuarter(slot int) candidate {
	o := Option{Year: slot / 4, Quarter: slot%4 + 1}
	return candidate{option: o, weight: 1, slot: slot, fact: number(slot), year: o.Year}
}

// at is something that happened to j in a month.
func (j *job) at(m int) candidate {
	c := inQuarter(m / 3)
	c.employers, c.current = []string{j.key}, j.current
	c.fact += " " + j.key
	return c
}

// comeback is the end of a gap in a month, at whichever employers.
func (p past) comeback(m int) candidate {
	c := inQuarter(m / 3)
	for _, j := range p.jobs {
		if slices.Contains(j.months, m) {
			c.employers = append(c.employers, j.key)
			c.current = c.current || j.current
		}
	}
	return c
}

// years is the question on years with two employers or more. One in which only
// the current employer was joined to a former one is known to colleagues.
func (d draw) years(p past) []asked {
	last := p.end / 12 // not a whole year yet
	in := map[int][]*job{}
	for _, j := range p.jobs {
		for i, m := range j.months {
			if y := m / 12; i == 0 || y != j.months[i-1]/12 {
				in[y] = append(in[y], j)
			}
		}
	}
	var truths []candidate
	for y := range last {
		jobs := in[y]
		if len(jobs) < 2 || slices.ContainsFunc(jobs[1:], func(j *job) bool { return j.like(jobs[0].key) }) {
			continue
		}
		c := inYear(y)
		former := 0
		for _, j := range jobs {
			if !j.current {
				former++
			}
		}
		c.current = former < 2
		truths = append(truths, c)
	}
	truth, ok := d.truth(Employers, truths)
	if !ok {
		return nil
	}
	var decoys []candidate
	from, to := block(truth.slot, blockYears, last)
	for y := from; y < to; y++ {
		if len(in[y]) < 2 {
			decoys = append(decoys, inYear(y))
		}
	}
	if a, ok := d.ask(Employers, truth, decoys, 1); ok {
		return []asked{a}
	}
	return nil
}

func inYear(y int) candidate {
	return candidate{option: Option{Year: y}, weight: 1, slot: y, fact: number(y), year: y}
}
