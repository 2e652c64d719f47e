package quiz

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

var (
	noon    = time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	towns   = []string{"Pichincha", "Pichincha", "Guayas", "Guayas", "Azuay", "Imbabura"}
	sectors = []string{"Comercio", "Industria", "Servicios"}
)

func chance(n int) *rand.Rand { return rand.New(rand.NewPCG(uint64(n), 7)) }

func seedOf(n int) []byte { return []byte(fmt.Sprintf("seed of person %d", n)) }

// employerOf is one of the made-up employers: 40 in each province and sector, the
// first far larger than the last.
func employerOf(r *rand.Rand, town, sector string) (string, string) {
	n := min(r.IntN(40), r.IntN(40))
	return fmt.Sprintf("%s-%s-%02d", town[:2], sector[:2], n), fmt.Sprintf("%s %s Número %d S.A.", sector, town, n)
}

// life is the history of a made-up person: one to six employers, breaks, a
// province changed now and then, rows up to last month.
func life(n int) []storage.Historia {
	r := chance(n)
	var out []storage.Historia
	town, sector := towns[r.IntN(len(towns))], sectors[r.IntN(len(sectors))]
	m := 12*(1990+r.IntN(34)) + r.IntN(12)
	cents := int64(30_000 + r.IntN(150_000))
	end := 12*noon.Year() + int(noon.Month()) - 2
	for job := 0; job < 1+r.IntN(6) && m <= end; job++ {
		if r.IntN(5) == 0 {
			town = towns[r.IntN(len(towns))]
		}
		id, name := employerOf(r, town, sector)
		for range 3 + r.IntN(120) {
			if m > end {
				break
			}
			out = append(out, storage.Historia{
				AfiliadoID: strconv.Itoa(n), EmployerID: id, Employer: name, Province: town, Sector: sector,
				Year: m / 12, Month: m%12 + 1, Kind: "dependencia", Days: 30, SalaryCents: cents,
			})
			if r.IntN(12) == 0 {
				cents += cents / 20
			}
			m++
		}
		m += r.IntN(3) * r.IntN(10)
	}
	return out
}

// peers are the months of June of many people in a year, as storage.Peers has
// them for Near.
func peers(crowd []storage.Historia, seed []byte, history []storage.Historia, now time.Time) []storage.Historia {
	province, sector, year := Near(seed, history, now)
	var out []storage.Historia
	for circle := range 4 {
		for _, h := range crowd {
			if len(out) < 64 && (circle > 2 || h.Year == year) && (circle > 1 || h.Province == province) && (circle > 0 || h.Sector == sector) {
				out = append(out, h)
			}
		}
	}
	return out
}

// crowd are the months of June of other people.
var crowd = sync.OnceValue(func() []storage.Historia {
	var out []storage.Historia
	for n := range 300 {
		out = append(out, life(100_000+n)...)
	}
	return slices.DeleteFunc(out, func(h storage.Historia) bool { return h.Month != 6 })
})

type answered struct {
	history []storage.Historia
	set     Set
	ok      bool
}

// asks are a thousand people and what they are asked.
var asks = sync.OnceValue(func() []answered {
	out := make([]answered, 1000)
	for n := range out {
		h := life(n)
		out[n].history = h
		out[n].set, out[n].ok = Ask(seedOf(n), h, peers(crowd(), seedOf(n), h, noon), noon)
	}
	return out
})

// check is what holds for every set, found by looking at the history itself.
func check(t *testing.T, set Set, history []storage.Historia, now time.Time) {
	t.Helper()
	if set[0].Field == set[1].Field {
		t.Errorf("both questions are about %s", set[0].Field)
	}
	local := now.UTC().Add(-5 * time.Hour)
	last := time.Date(local.Year(), (local.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, -4, 0)
	counts := slices.DeleteFunc(slices.Clone(history), func(h storage.Historia) bool {
		return h.Days == 0 || 12*h.Year+h.Month > 12*last.Year()+int(last.Month())
	})
	for _, q := range set {
		if q.Year != last.Year() || q.Month != int(last.Month()) {
			t.Errorf("%s: counts to %d-%d, want %s", q.Field, q.Year, q.Month, last.Format("2006-01"))
		}
		if len(q.Options) != 6 || q.Options[5] != (Option{None: true}) {
			t.Fatalf("%s: options %+v, want five and None", q.Field, q.Options)
		}
		var right []int
		for i, o := range q.Options[:5] {
			if slices.Contains(q.Options[:i], o) || o.None || o == (Option{}) {
				t.Errorf("%s: option %+v is empty or there twice", q.Field, o)
			}
			if isTrue(q.Field, o, counts) {
				right = append(right, i)
			}
		}
		if right == nil {
			right = []int{5}
		}
		if !slices.Equal(right, []int{q.right}) {
			t.Errorf("%s: options %v of %+v are true, want %d alone", q.Field, right, q.Options, q.right)
		}
	}
}

// isTrue looks an option up in a history in the most simple-minded way.
func isTrue(f Field, o Option, history []storage.Historia) bool {
	contributed := map[string]map[int]bool{"": {}}
	for _, h := range history {
		if contributed[h.EmployerID] == nil {
			contributed[h.EmployerID] = map[int]bool{}
		}
		m := 12*h.Year + h.Month - 1
		contributed[h.EmployerID][m], contributed[""][m] = true, true
	}
	home := map[string]int{}
	names := map[string]bool{}
	var first storage.Historia
	for _, h := range history {
		home[h.Province]++
		if first.Year == 0 || 12*h.Year+h.Month < 12*first.Year+first.Month {
			first = h
		}
	}
	var salary int64
	for _, h := range history {
		if h.EmployerID == first.EmployerID {
			salary = max(salary, h.SalaryCents)
		}
		if h.Year == o.Year {
			names[h.EmployerID] = true
		}
		m := 12*h.Year + h.Month - 1
		inQuarter := o.Year == h.Year && o.Quarter == (h.Month-1)/3+1
		before, after, lately := false, false, false
		for by := range contributed[h.EmployerID] {
			before, after = before || by < m, after || by > m
		}
		for back := range 6 {
			lately = lately || contributed[""][m-back-1]
		}
		switch f {
		case Employer:
			if h.Employer == o.Text {
				return true
			}
		case Entry:
			if inQuarter && !before {
				return true
			}
		case Exit:
			if inQuarter && !after {
				return true
			}
		case Gap:
			if inQuarter && !lately && 12*first.Year+first.Month-1 < m {
				return true
			}
		}
	}
	switch f {
	case Employers:
		return len(names) > 1
	case Province:
		for _, n := range home {
			if n > home[o.Text] {
				return home[o.Text] > 0
			}
		}
	case Salary:
		return salary >= o.From && (salary <= o.To || o.To == 0)
	}
	return false
}
