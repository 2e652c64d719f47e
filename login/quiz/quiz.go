package quiz

import (
	"cmp"
	"crypto/subtle"
	"slices"
	"time"

	"iess.gob.ec/clave/storage"
)

// Field is what a question is about. Its words need nothing but the field and
// Question.Year and Month, so they are the same for everybody.
type Field string

// The fields. Each asks what is true up to the month that ends what counts.
const (
	Employer  Field = "employer"  // at which of these employers have you worked? Option.Text
	Entry     Field = "entry"     // in which of these quarters did you begin at one of your employers? Option.Year, Quarter
	Exit      Field = "exit"      // in which of these quarters did you leave one of your employers? Option.Year, Quarter
	Gap       Field = "gap"       // in which of these quarters did you contribute again, after six months or more without? Option.Year, Quarter
	Employers Field = "employers" // in which of these years did you work for two employers or more? Option.Year
	Province  Field = "province"  // besides where you worked longest, in which of these provinces have you worked? Option.Text
	Salary    Field = "salary"    // in which of these bands was the highest monthly salary at your first employer? Option.From, To
)

// Question is one question on the work history, the same for whoever asks for
// that person within a quarter of the year.
type Question struct {
	Field       Field
	Year, Month int      // only what was contributed up to this month counts; the same for everybody in a quarter
	Options     []Option // six, in the order shown; the last is always None
	right       int
}

// Option is one of the answers to choose from. It holds what its words need.
type Option struct {
	Text          string // name of an employer or a province
	Year, Quarter int    // Quarter 1 to 4, 0 where the option is a whole year
	From, To      int64  // salary in cents, both included; To 0: or more
	None          bool   // none of the options before it
}

// Set is the two questions of a person, from different fields.
type Set [2]Question

// Right reports whether both answers, indexes of Options, are right. It takes the
// same time whichever is wrong; an index that is no option's is wrong.
func (s Set) Right(answers [2]int) bool {
	right := 1
	for i, q := range s {
		answer := answers[i]
		if answer < 0 || answer >= len(q.Options) {
			answer = -1
		}
		right &= subtle.ConstantTimeEq(int32(q.right), int32(answer)) //nolint:gosec // both are below len(q.Options)
	}
	return right == 1
}

// Near is where and when the person of history worked whom the question on
// employers would ask about: what the pool of Ask is to be taken from. The year
// is 0 where the history is not enough.
func Near(seed []byte, history []storage.Historia, now time.Time) (string, string, int) {
	d := draw{seed: seed, end: end(now)}
	p := read(history, d.end)
	if _, ok := d.set(p, nil); !ok {
		return "", "", 0
	}
	j := d.employer(p)
	return j.province, j.sector, (j.first() + j.last()) / 2 / 12
}

// Ask draws the questions of a person from her history. The seed is hers, secret
// and the same for ever: the quarter of the year is mixed in here. The pool are
// months of other people, as storage.Peers returns them for Near; without enough
// of them no question is about employers. The order of history and pool does not
// matter. False: the history is not enough, or the seed is shorter than 16 bytes.
func Ask(seed []byte, history, pool []storage.Historia, now time.Time) (Set, bool) {
	d := draw{seed: seed, end: end(now)}
	return d.set(read(history, d.end), pool)
}

// end is the first month that does not count, in months since the year 0: three
// months before the quarter of now in Ecuador, since contributions reach the
// registry late. So it is always the first of a quarter.
func end(now time.Time) int {
	t := now.In(time.FixedZone("Ecuador", -5*60*60))
	return 12*t.Year() + (int(t.Month())-1)/3*3 - 3
}

// how near a set may come to what many know, the best first.
type mercy struct{ current, employer bool }

// set chooses the first two fields, in the quarter's order, that can be asked
// together: about former employers, and about two of them. Who has only one gets
// two facts on her; only who has nothing else is asked about the current one,
// whom colleagues know.
func (d draw) set(p past, pool []storage.Historia) (Set, bool) {
	if len(d.seed) < leastSeed {
		return Set{}, false // anybody could draw the same
	}
	var all []asked
	for _, f := range []func(past) []asked{d.quarters, d.years, d.provinces, d.salary} {
		all = append(all, f(p)...)
	}
	all = append(all, d.employers(p, pool)...)
	slices.SortFunc(all, func(a, b asked) int { return cmp.Compare(d.order(a.field), d.order(b.field)) })
	for _, m := range []mercy{{}, {employer: true}, {current: true}, {current: true, employer: true}} {
		for i, a := range all {
			for _, b := range all[i+1:] {
				if a.fits(b, m) {
					return Set{d.question(a), d.question(b)}, true
				}
			}
		}
	}
	return Set{}, false
}

// fits reports whether a and b may be asked together: never the same field or the
// same year, and never both of the fields whose answers are easier to guess.
func (a asked) fits(b asked, m mercy) bool {
	shared := slices.ContainsFunc(a.truth.employers, func(e string) bool { return slices.Contains(b.truth.employers, e) })
	sameYear := a.truth.year != 0 && a.truth.year == b.truth.year
	return a.field != b.field && !sameYear && (m.employer || !shared) && (m.current || !a.truth.current && !b.truth.current) && (!a.weak() || !b.weak())
}

func (a asked) weak() bool { return a.field == Salary || a.field == Province }

// question lays out the options of a. They stand in their natural order, in which
// the right one may be anywhere.
func (d draw) question(a asked) Question {
	none := d.none(a)
	options := make([]Option, 0, choices+1)
	for _, c := range a.decoys {
		options = append(options, c.option)
	}
	if !none {
		options[choices-1] = a.truth.option
	}
	slices.SortFunc(options, Option.compare)
	right := slices.Index(options, a.truth.option)
	if none {
		right = choices
	}
	last := d.end - 1
	return Question{Field: a.field, Year: last / 12, Month: last%12 + 1, Options: append(options, Option{None: true}), right: right}
}

func (o Option) compare(p Option) int {
	return cmp.Or(cmp.Compare(o.Text, p.Text), cmp.Compare(o.Year, p.Year), cmp.Compare(o.Quarter, p.Quarter), cmp.Compare(o.From, p.From))
}
