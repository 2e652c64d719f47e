package quiz

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode"

	"iess.gob.ec/clave/storage"
)

// job is what a person contributed at one employer.
type job struct {
	key              string   // folded name, the first
	names            []string // folded, all
	name             string   // as the registry wrote it last
	province, sector string
	months           []int         // in which she contributed, ascending
	salary           map[int]int64 // cents by month, all planillas together
	current          bool
}

func (j *job) first() int { return j.months[0] }
func (j *job) last() int  { return j.months[len(j.months)-1] }

// past is what counts of a history.
type past struct {
	jobs      []*job          // by first month
	months    []int           // with a contribution anywhere, ascending
	provinces map[string]int  // months in each, by folded name
	ids       map[string]bool // RUC or número patronal of every employer
	end       int
}

// read returns what counts of a history: contributions before the month end, by
// employer. Two of one name or one RUC are one.
func read(history []storage.Historia, end int) past {
	p := past{provinces: map[string]int{}, ids: map[string]bool{}, end: end}
	folded := map[string]string{}
	rows := slices.DeleteFunc(slices.Clone(history), func(h storage.Historia) bool {
		if _, ok := folded[h.Employer]; !ok {
			folded[h.Employer] = fold(h.Employer)
		}
		return h.Days <= 0 || h.Month < 1 || h.Month > 12 || h.Year < 1 || month(h) >= end || folded[h.Employer] == ""
	})
	slices.SortFunc(rows, compareRows)
	at := map[string]*job{} // by RUC and by name
	months := map[int]bool{}
	for _, h := range rows {
		name := folded[h.Employer]
		j, other := at["id "+h.EmployerID], at["name "+name]
		switch {
		case j == nil && other == nil:
			j = &job{key: name, salary: map[int]int64{}}
			p.jobs = append(p.jobs, j)
		case j == nil:
			j = other
		case other != nil && j != other:
			p.merge(j, other, at)
		}
		at["id "+h.EmployerID], at["name "+name] = j, j
		p.ids[h.EmployerID] = true
		if !slices.Contains(j.names, name) {
			j.names = append(j.names, name)
		}
		m := month(h)
		j.name, j.province, j.sector = h.Employer, h.Province, h.Sector
		j.salary[m] += h.SalaryCents
		months[m] = true
		if h.Province != "" {
			p.provinces[h.Province]++
		}
	}
	p.provinces = refold(p.provinces)
	p.months = slices.Sorted(maps.Keys(months))
	for _, j := range p.jobs {
		j.months = slices.Sorted(maps.Keys(j.salary))
		j.current = j.last() == p.months[len(p.months)-1]
	}
	slices.SortStableFunc(p.jobs, func(a, b *job) int { return cmp.Compare(a.first(), b.first()) })
	return p
}

func refold(counts map[string]int) map[string]int {
	out := make(map[string]int, len(counts))
	for name, n := range counts {
		out[fold(name)] += n
	}
	return out
}

func (p *past) merge(j, other *job, at map[string]*job) {
	j.names = append(j.names, other.names...)
	for m, cents := range other.salary {
		j.salary[m] += cents
	}
	for k, v := range at {
		if v == other {
			at[k] = j
		}
	}
	p.jobs = slices.DeleteFunc(p.jobs, func(o *job) bool { return o == other })
}

// month counts months since the year 0.
func month(h storage.Historia) int { return 12*h.Year + h.Month - 1 }

func compareRows(a, b storage.Historia) int {
	return cmp.Or(cmp.Compare(a.Year, b.Year), cmp.Compare(a.Month, b.Month), cmp.Compare(a.EmployerID, b.EmployerID), cmp.Compare(a.Kind, b.Kind),
		cmp.Compare(a.Employer, b.Employer), cmp.Compare(a.Province, b.Province), cmp.Compare(a.Sector, b.Sector), cmp.Compare(a.SalaryCents, b.SalaryCents))
}

// like reports whether a folded name may be one of j's.
func (j *job) like(name string) bool {
	return slices.ContainsFunc(j.names, func(n string) bool { return similar(n, name) })
}

// fold is a name without case, accents, punctuation and the legal form at its
// end: "Comercial Andina Cía. Ltda." and "COMERCIAL ANDINA C LTDA" are one.
func fold(name string) string {
	name = strings.Map(plain, strings.ToUpper(name))
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	legal := []string{"S", "A", "C", "L", "SA", "CA", "CL", "SAS", "CIA", "LTDA", "EP"}
	n := len(words)
	for n > 1 && slices.Contains(legal, words[n-1]) {
		n--
	}
	return strings.Join(words[:n], " ")
}

func plain(r rune) rune {
	switch r {
	case 'Á':
		return 'A'
	case 'É':
		return 'E'
	case 'Í':
		return 'I'
	case 'Ó':
		return 'O'
	case 'Ú', 'Ü':
		return 'U'
	case 'Ñ':
		return 'N'
	}
	return r
}

// similar reports whether two folded names may well be the same employer's: equal,
// or one with something added, as a branch.
func similar(a, b string) bool {
	return a != "" && b != "" && (strings.HasPrefix(a+" ", b+" ") || strings.HasPrefix(b+" ", a+" "))
}
