package quiz

import (
	"slices"
	"strconv"

	"iess.gob.ec/clave/storage"
)

func number(n int) string { return strconv.Itoa(n) }

// weighted is an option with roughly the share of people of whom it is true, so
// that decoys are as common as truths.
type weighted struct {
	option Option
	weight float64
}

// bands are those of salaries, in cents, and roughly how many in a hundred
// people ever came to each and no further. The last has no upper end.
func bands() []weighted {
	from := []int64{0, 100, 150, 200, 270, 360, 480, 640, 850, 1150, 1500, 2000, 2700, 3600, 4800}
	share := []float64{2, 2, 3, 5, 9, 15, 19, 14, 11, 8, 5, 3, 2, 1, 1}
	out := make([]weighted, len(from))
	for i := range from {
		out[i] = weighted{Option{From: 100 * from[i]}, share[i]}
		if i+1 < len(from) {
			out[i].option.To = 100*from[i+1] - 1
		}
	}
	return out
}

// provinces are those of Ecuador and roughly their shares of those who contribute.
func provinces() []weighted {
	var out []weighted
	for _, row := range []struct {
		share float64
		names []string
	}{
		{30, []string{"Pichincha"}},
		{24, []string{"Guayas"}},
		{7, []string{"Azuay"}},
		{6, []string{"Manabí"}},
		{5, []string{"El Oro"}},
		{4, []string{"Los Ríos", "Tungurahua"}},
		{3, []string{"Cotopaxi", "Loja"}},
		{2, []string{"Chimborazo", "Esmeraldas", "Imbabura", "Santa Elena", "Santo Domingo de los Tsáchilas"}},
		{1, []string{"Bolívar", "Cañar", "Carchi", "Galápagos", "Morona Santiago", "Napo", "Orellana", "Pastaza", "Sucumbíos", "Zamora Chinchipe"}},
	} {
		for _, name := range row.names {
			out = append(out, weighted{Option{Text: name}, row.share})
		}
	}
	return out
}

// salary is the question on the first employer's highest salary. There is none
// where she began at two at once.
func (d draw) salary(p past) []asked {
	if len(p.jobs) == 0 || len(p.jobs) > 1 && p.jobs[1].first() == p.jobs[0].first() {
		return nil
	}
	j := p.jobs[0]
	var highest int64
	for _, cents := range j.salary {
		highest = max(highest, cents)
	}
	if highest <= 0 {
		return nil
	}
	truth := candidate{fact: j.key, employers: []string{j.key}, current: j.current}
	var decoys []candidate
	for _, b := range bands() {
		if highest >= b.option.From && (highest <= b.option.To || b.option.To == 0) {
			truth.option = b.option
			continue
		}
		decoys = append(decoys, candidate{option: b.option, weight: b.weight, fact: number(int(b.option.From))})
	}
	if a, ok := d.ask(Salary, truth, decoys, 0); ok {
		return []asked{a}
	}
	return nil
}

// provinces is the question on a province besides the one of most months, which
// everybody knows. There is none where it is not clear which that is.
func (d draw) provinces(p past) []asked {
	home, most, second := "", 0, 0
	for name, n := range p.provinces {
		switch {
		case n > most:
			home, most, second = name, n, most
		default:
			second = max(second, n)
		}
	}
	if second*5 > most*4 {
		return nil
	}
	var truths, decoys []candidate
	for _, w := range provinces() {
		name := fold(w.option.Text)
		c := candidate{option: w.option, weight: w.weight, fact: name, current: true}
		if p.provinces[name] == 0 {
			decoys = append(decoys, c)
			continue
		}
		for _, j := range p.jobs {
			if fold(j.province) == name {
				c.employers = append(c.employers, j.key)
				c.current = c.current && j.current
			}
		}
		if name != home && c.employers != nil {
			truths = append(truths, c)
		}
	}
	truth, ok := d.truth(Province, truths)
	if !ok {
		return nil
	}
	if a, ok := d.ask(Province, truth, decoys, 0); ok {
		return []asked{a}
	}
	return nil
}

// nearYears is how many years from a job count as its time.
const nearYears = 2

// widths of the circle around a job from which the decoys of its employer come.
// All of them come from one circle: of two from her town and two from elsewhere,
// the truth would be with the greater number.
const (
	sameSector = iota // province, sector and time
	sameProvince
	sameTime
	anywhere
)

// enoughEmployers are what the next wider circle is not needed for. Which circle
// that is only changes when months of years ago are imported.
const enoughEmployers = 8

// employer is the job that the question on employers is about.
func (d draw) employer(p past) *job {
	var all []candidate
	for _, j := range p.jobs {
		all = append(all, candidate{fact: j.key, current: j.current})
	}
	truth, _ := d.truth(Employer, all)
	return p.jobs[slices.IndexFunc(p.jobs, func(j *job) bool { return j.key == truth.fact })]
}

// employers is the question on employers, with the decoys of the closest circle
// that has enough of them. Each is as likely as there are people of the pool who
// worked there, since the truth is chosen by a person and not by a list.
func (d draw) employers(p past, pool []storage.Historia) []asked {
	if len(p.jobs) == 0 {
		return nil
	}
	j := d.employer(p)
	truth := candidate{option: Option{Text: j.name}, fact: j.key, employers: []string{j.key}, current: j.current}
	for circle := sameSector; circle <= anywhere; circle++ {
		decoys := p.decoys(j, pool, circle)
		if len(decoys) < enoughEmployers && circle < anywhere {
			continue
		}
		if a, ok := d.ask(Employer, truth, decoys, 0); ok {
			return []asked{a}
		}
	}
	return nil
}

func (p past) decoys(j *job, pool []storage.Historia, circle int) []candidate {
	type who struct{ afiliado, employer string }
	seen := map[who]bool{}
	at := map[string]*candidate{}
	for _, h := range pool {
		name := fold(h.Employer)
		if name == "" || month(h) >= p.end || p.ids[h.EmployerID] || j.circle(h) > circle || seen[who{h.AfiliadoID, name}] ||
			slices.ContainsFunc(p.jobs, func(j *job) bool { return j.like(name) }) {
			continue
		}
		seen[who{h.AfiliadoID, name}] = true
		c := at[name]
		if c == nil {
			c = &candidate{option: Option{Text: h.Employer}, fact: name}
			at[name] = c
		}
		c.weight++
		c.option.Text = min(c.option.Text, h.Employer) // whatever the order of the pool
	}
	out := make([]candidate, 0, len(at))
	for _, c := range at {
		out = append(out, *c)
	}
	return out // in no order; ask ranks them
}

// circle is the closest in which h is to j.
func (j *job) circle(h storage.Historia) int {
	switch near := j.first()/12-nearYears <= h.Year && h.Year <= j.last()/12+nearYears; {
	case !near:
		return anywhere
	case h.Province != j.province:
		return sameTime
	case h.Sector != j.sector:
		return sameProvince
	}
	return sameSector
}
