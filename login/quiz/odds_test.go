package quiz

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"iess.gob.ec/clave/storage"
)

// TestOddsOfTheDoc computes the numbers of the package comment.
func TestOddsOfTheDoc(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(strings.ReplaceAll(string(doc), "//", "")), " ")
	option := (1 - noneShare) / choices
	best := max(option, noneShare)
	both := best * best // 25 pairs of options are equally likely, so five different ones add up
	const attempts, day = 5, 4 / (4*365.0 + 1)
	oneKnown := 1 - noneShare // the five options, leaving out "Ninguna"
	for _, want := range []string{
		fmt.Sprintf("with 0.85 / %d = %.1f %%, \"Ninguna\" with %.1f %%", choices, 100*option, 100*noneShare),
		fmt.Sprintf("one blind guess %.2f %%, 1 in %.0f", 100*both, 1/both),
		fmt.Sprintf("five different guesses %.2f %%, 1 in %.0f", 100*attempts*both, 1/(attempts*both)),
		fmt.Sprintf("by who knows the other %.2f %%", 100*oneKnown),
		fmt.Sprintf("unknown, one %.4f %%, 1 in %.0f", 100*both*day, 1/(both*day)),
		fmt.Sprintf("unknown, five %.4f %%, 1 in %.0f", 100*attempts*both*day, 1/(attempts*both*day)),
		fmt.Sprintf("of a thousand people's %.0f.", math.Ceil(1000*attempts*both)),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the package comment does not say %q", want)
		}
	}
}

// No rule that looks at the options alone guesses much better than chance.
func TestC_HL_Q_NoPlaceGivesTheTruthAway(t *testing.T) {
	all := crowd()
	hits, of := map[string]int{}, 0
	for _, a := range asks() {
		if !a.ok {
			continue
		}
		for _, q := range a.set {
			of++
			hits[fmt.Sprintf("option %d", q.right)]++
			hits["in the middle"] += btoi(q.right == middle(q))
			hits["the most common"] += btoi(q.right == common(q, all))
		}
	}
	for rule, n := range hits {
		if share := float64(n) / float64(of); share > 0.25 {
			t.Errorf("%s is right in %.3f of %d questions", rule, share, of)
		}
	}
}

// middle is the option nearest to the mean of all in time or money.
func middle(q Question) int {
	at := func(o Option) float64 { return float64(4*o.Year+o.Quarter) + math.Log(float64(1+o.From)) }
	mean := 0.0
	for _, o := range q.Options[:choices] {
		mean += at(o) / choices
	}
	best := 0
	for i, o := range q.Options[:choices] {
		if math.Abs(at(o)-mean) < math.Abs(at(q.Options[best])-mean) {
			best = i
		}
	}
	return best
}

// common is the option that is true of most people, as far as that is known.
func common(q Question, all []storage.Historia) int {
	weigh := func(o Option) float64 {
		n := 0.0
		for _, w := range slices.Concat(bands(), provinces()) {
			if w.option == o {
				n = w.weight
			}
		}
		if q.Field == Employer {
			for _, h := range all {
				n += float64(btoi(h.Employer == o.Text))
			}
		}
		return n
	}
	best, most := 0, -1.0
	for i, o := range q.Options[:choices] {
		if n := weigh(o); n > most {
			best, most = i, n
		}
	}
	return best
}

// TestT01_T23_UnknownPeopleAreAskedAlike compares what is seen of the questions of
// known people with those of unknown ones, feature by feature.
func TestT01_T23_UnknownPeopleAreAskedAlike(t *testing.T) {
	all := crowd()
	people := len(asks())
	ids := make([]string, people)
	lives := map[string][]storage.Historia{}
	known, unknown := newSight(), newSight()
	for n, a := range asks() {
		ids[n] = Start(seedOf(1_000_000 + n))
		lives[ids[n]] = a.history
		if a.ok {
			known.see(a.set)
		}
	}
	slices.Sort(ids)
	for n := range people {
		seed := seedOf(50_000 + n)
		at, _ := slices.BinarySearch(ids, Start(seed))
		history := Pretend(seed, lives[ids[at%people]], noon)
		set, ok := Ask(seed, history, peers(all, seed, history, noon), noon)
		if !ok {
			t.Fatalf("nothing to ask unknown person %d", n)
		}
		unknown.see(set)
	}
	for feature, counts := range known.counts {
		apart := 0.0
		for _, value := range union(counts, unknown.counts[feature]) {
			apart += math.Abs(float64(counts[value])/known.of[feature]-float64(unknown.counts[feature][value])/unknown.of[feature]) / 2
		}
		if apart > 0.09 {
			t.Errorf("%s: distributions are %.3f apart: %v and %v", feature, apart, counts, unknown.counts[feature])
		}
	}
}

// sight is what an observer counts.
type sight struct {
	counts map[string]map[string]int
	of     map[string]float64
}

func newSight() sight { return sight{map[string]map[string]int{}, map[string]float64{}} }

func (s sight) add(feature, value string) {
	if s.counts[feature] == nil {
		s.counts[feature] = map[string]int{}
	}
	s.counts[feature][value]++
	s.of[feature]++
}

func (s sight) see(set Set) {
	s.add("fields", fmt.Sprint(set[0].Field, set[1].Field))
	for _, q := range set {
		s.add("options", fmt.Sprint(len(q.Options)))
		for _, o := range q.Options[:choices] {
			switch q.Field {
			case Employer:
				sector, _, _ := strings.Cut(o.Text, " ")
				s.add("sector", sector)
				s.add("number", o.Text[len(o.Text)-6:len(o.Text)-5])
			case Entry, Exit:
				s.add("time of "+string(q.Field), fmt.Sprint(o.Year/5*5))
			case Salary:
				s.add("salary", fmt.Sprint(o.From))
			}
		}
	}
}

func union(a, b map[string]int) []string {
	var out []string
	for _, m := range []map[string]int{a, b} {
		for k := range m {
			if !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
	}
	return out
}
