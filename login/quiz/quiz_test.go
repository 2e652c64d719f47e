package quiz

import (
	"encoding/binary"
	"reflect"
	"slices"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

func TestS028_C_HL_Q_TwoFieldsOneRightAnswerEach(t *testing.T) {
	asked := map[Field]int{}
	none, of := 0, 0
	for n, a := range asks() {
		if _, _, year := Near(seedOf(n), a.history, noon); a.ok != (year != 0) {
			t.Errorf("person %d: Ask %v, but Near gives the year %d", n, a.ok, year)
		}
		if !a.ok {
			continue
		}
		check(t, a.set, a.history, noon)
		for _, q := range a.set {
			asked[q.Field]++
			of++
			none += btoi(q.right == choices)
		}
	}
	if of < 1800 || len(asked) != 7 {
		t.Errorf("%d questions are asked of 1000 people, by field %v", of, asked)
	}
	if share := float64(none) / float64(of); share < 0.13 || share > 0.17 {
		t.Errorf("none is right in %.3f of %d questions, want 0.15", share, of)
	}
}

func TestT23_C_HL_Q_OneSetInAQuarter(t *testing.T) {
	all := crowd()
	for n := range 20 {
		history := life(n)
		pool := peers(all, seedOf(n), history, noon)
		first, ok := Ask(seedOf(n), history, pool, noon)
		if !ok {
			continue
		}
		r := chance(n)
		for i := range 50 {
			h, p := slices.Clone(history), slices.Clone(pool)
			r.Shuffle(len(h), func(i, j int) { h[i], h[j] = h[j], h[i] })
			r.Shuffle(len(p), func(i, j int) { p[i], p[j] = p[j], p[i] })
			for m := range i % 5 { // what imports bring meanwhile
				h = append(h, storage.Historia{
					EmployerID: "NUEVO", Employer: first[i%2].Options[i%5].Text + "X", Province: "Napo",
					Year: 2026, Month: 7 + m, Days: 30, SalaryCents: 900_000,
				})
			}
			for _, row := range h[len(history):] {
				row.Employer, row.Province, row.Sector = "Recién llegada", history[0].Province, history[0].Sector
				p = append(p, row)
			}
			now := time.Date(2026, 10, 1, 5, 0, 0, 0, time.UTC).Add(time.Duration(r.Int64N(int64(92 * 24 * time.Hour))))
			if again, _ := Ask(seedOf(n), h, p, now); !reflect.DeepEqual(again, first) {
				t.Fatalf("person %d: set %d is %+v, want %+v", n, i, again, first)
			}
		}
	}
}

// What is asked again in another quarter has the same options: there is nothing
// to intersect.
func TestT23_QuartersDoNotDrawDecoysAnew(t *testing.T) {
	all := crowd()
	same, again := 0, 0
	fields := map[Field]bool{}
	for n := range 60 {
		history := slices.DeleteFunc(life(n), func(h storage.Historia) bool { return h.Year > 2019 })
		pool := peers(all, seedOf(n), history, noon)
		seen := map[Field]Question{}
		for quarter := range 12 {
			set, ok := Ask(seedOf(n), history, pool, noon.AddDate(0, 3*quarter, 0))
			if !ok {
				break
			}
			for _, q := range set {
				fields[q.Field] = true
				if was, ok := seen[q.Field]; ok {
					again++
					same += btoi(reflect.DeepEqual(was.Options, q.Options))
				}
				seen[q.Field] = q
			}
		}
	}
	if again < 300 || float64(same) < 0.95*float64(again) || len(fields) < 5 {
		t.Errorf("%d of %d questions have the options they had before, in %d fields", same, again, len(fields))
	}
}

// Whoever joins the pool takes the place of one decoy at most, and never moves
// the truth; but for the one who makes a closer circle wide enough.
func TestT23_PoolMayGrow(t *testing.T) {
	changed, of := 0, 0
	for n, a := range asks()[:150] {
		seed := seedOf(n)
		pool := peers(crowd(), seed, a.history, noon)
		province, sector, year := Near(seed, a.history, noon)
		grown := append(slices.Clone(pool), storage.Historia{
			AfiliadoID: "new", EmployerID: "NUEVO", Employer: "Otra Empresa", Province: province, Sector: sector, Year: year, Month: 6, Days: 30,
		})
		set, _ := Ask(seed, a.history, grown, noon)
		if !a.ok || set[0].Field != a.set[0].Field || set[1].Field != a.set[1].Field {
			continue
		}
		p := read(a.history, end(noon))
		j := draw{seed: seed, end: p.end}.employer(p)
		if n := slices.IndexFunc([]int{sameSector, sameProvince, sameTime}, func(circle int) bool {
			return len(p.decoys(j, pool, circle)) == enoughEmployers-1
		}); n >= 0 {
			continue
		}
		for i, q := range set {
			of++
			was := a.set[i]
			kept := 0
			for _, o := range q.Options {
				kept += btoi(slices.Contains(was.Options, o))
			}
			if kept < choices || q.Options[q.right] != was.Options[was.right] {
				t.Errorf("person %d: %+v became %+v", n, was, q)
			}
			changed += btoi(kept == choices)
		}
	}
	if of < 250 || changed > of/8 {
		t.Errorf("%d of %d questions changed", changed, of)
	}
}

func TestShortSeed(t *testing.T) {
	if set, ok := Ask([]byte("fifteen bytes.."), life(1), nil, noon); ok || set.Right([2]int{}) {
		t.Error("asked with a seed of 15 bytes")
	}
}

func TestC_HL_Q_CurrentEmployerOnlyWhereThereIsNoOther(t *testing.T) {
	alone := 0
	for n, a := range asks() {
		if !a.ok {
			continue
		}
		set, seed := a.set, seedOf(n)
		p := read(a.history, end(noon))
		d := draw{seed: seed, end: end(noon)}
		former := slices.ContainsFunc(p.jobs, func(j *job) bool { return !j.current && j.last() < p.end-3 })
		if !former {
			alone++
			continue
		}
		for _, q := range set {
			for _, j := range p.jobs {
				o := q.Options[q.right]
				if j.current && (q.Field == Employer && o.Text == j.name || q.Field == Salary && j == p.jobs[0]) {
					t.Errorf("person %d: %s is asked of the current employer", n, q.Field)
				}
			}
		}
		if d.employer(p).current {
			t.Errorf("person %d: the question on employers is about the current one", n)
		}
	}
	if alone == 0 {
		t.Error("nobody has one employer alone")
	}
}

func TestRight(t *testing.T) {
	set := Set{{right: 2, Options: make([]Option, 6)}, {right: 5, Options: make([]Option, 6)}}
	for _, tt := range []struct {
		answers [2]int
		want    bool
	}{
		{[2]int{2, 5}, true},
		{[2]int{2, 4}, false},
		{[2]int{1, 5}, false},
		{[2]int{5, 2}, false},
		{[2]int{-1, -1}, false},
		{[2]int{6, 6}, false},
		{[2]int{2 + 1<<32, 5}, false},
		{[2]int{2, 5 - 1<<32}, false},
	} {
		if got := set.Right(tt.answers); got != tt.want {
			t.Errorf("Right(%v) = %v, want %v", tt.answers, got, tt.want)
		}
	}
	if (Set{}).Right([2]int{}) {
		t.Error("an empty set was answered")
	}
}

func FuzzC_HL_Q_Ask(f *testing.F) {
	f.Add([]byte("seed"), []byte("\x01\x70\x1f\x00\x02\x70\x2f\x01\x03\x60\x08\x02"))
	f.Add([]byte(""), []byte{})
	f.Add([]byte("seed"), []byte("\x01p\x1f\x00200090 0"))
	all := slices.Collect(func(yield func(storage.Historia) bool) {
		for n := range 40 {
			for _, h := range life(n) {
				if h.Month == 6 && !yield(h) {
					return
				}
			}
		}
	})
	f.Fuzz(func(t *testing.T, seed, data []byte) {
		var history []storage.Historia
		for ; len(data) >= 4 && len(history) < 400; data = data[4:] {
			employer := string(rune('V' + data[0]%5)) // A and C would be taken for the legal form
			from := 12*1990 + int(binary.BigEndian.Uint16(data[1:]))%430
			for m := range int(data[3]) % 30 {
				history = append(history, storage.Historia{
					EmployerID: employer, Employer: "Empresa " + employer, Province: towns[data[0]%6], Kind: "k",
					Year: (from + m) / 12, Month: (from+m)%12 + 1, Days: int(data[0]) % 31, SalaryCents: int64(data[3]) * 1000,
				})
			}
		}
		history = distinct(history)
		seed = append(seed, "sixteen or longer"...)
		set, ok := Ask(seed, history, all, noon)
		if !ok {
			history = Pretend(seed, nil, noon)
			if set, ok = Ask(seed, history, all, noon); !ok {
				t.Fatal("nothing to ask of a made-up history")
			}
		}
		check(t, set, history, noon)
	})
}

// distinct leaves one row of a month at an employer, as the registry does.
func distinct(history []storage.Historia) []storage.Historia {
	slices.SortStableFunc(history, compareRows)
	return slices.CompactFunc(history, func(a, b storage.Historia) bool {
		return a.Year == b.Year && a.Month == b.Month && a.EmployerID == b.EmployerID
	})
}
