package quiz

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
)

// choices is how many options stand before "Ninguna de las anteriores".
const choices = 5

// Last is the index of that one, the last option of every question.
const Last = choices

// noneShare is how often that is the right one.
const noneShare = 0.15

// leastSeed is the shortest seed in bytes.
const leastSeed = 16

// draw is chance that is the same each time. Every choice is a ranking by an HMAC
// of what is ranked, so that an option that comes or goes moves no other.
type draw struct {
	seed []byte
	end  int // first month that does not count
}

// candidate is something that may become an option.
type candidate struct {
	option    Option
	weight    float64
	slot      int      // place in time, for what has one
	fact      string   // what it is about, as a name
	employers []string // whose it is about; none where it is about a time or place alone
	year      int      // in which it happened
	current   bool     // about an employer where she still is
}

// asked is a question that can be put: a truth and as many decoys as there are
// choices, the last of which gives way to the truth unless none is right.
type asked struct {
	field  Field
	truth  candidate
	decoys []candidate
}

// sum is a keyed fingerprint of words. None of them may contain a NUL.
func (d draw) sum(words ...string) []byte {
	mac := hmac.New(sha256.New, d.seed)
	mac.Write([]byte("quiz"))
	for _, w := range words {
		mac.Write([]byte{0})
		mac.Write([]byte(w))
	}
	return mac.Sum(nil)
}

// share is a number between 0 and 1, never either, that words stand for.
func (d draw) share(words ...string) float64 {
	return (float64(binary.BigEndian.Uint64(d.sum(words...))>>11) + 0.5) / (1 << 53)
}

// order is the place of a field in this quarter of the year.
func (d draw) order(f Field) float64 { return d.share("field", strconv.Itoa(d.end), string(f)) }

// none reports whether no option of a is right. It is so for ever, not for one
// quarter: who saw several would else know by the option that comes and goes.
func (d draw) none(a asked) bool {
	return d.share("none", string(a.field), a.truth.fact) < noneShare
}

// truth chooses what a field asks about, the same for ever while it can: a former
// employer before the current one.
func (d draw) truth(f Field, from []candidate) (candidate, bool) {
	if len(from) == 0 {
		return candidate{}, false
	}
	return slices.MinFunc(from, func(a, b candidate) int {
		if a.current != b.current {
			return cmp.Or(btoi(a.current), -1)
		}
		return cmp.Or(cmp.Compare(d.share("truth", string(f), a.fact), d.share("truth", string(f), b.fact)), cmp.Compare(a.fact, b.fact))
	}), true
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ask draws the decoys of truth, each with the chance that its weight gives it
// (Efraimidis and Spirakis), at least apart slots from one another and from
// truth. They do not depend on the quarter of the year: of decoys drawn anew, the
// truth would be what remains. False: there are not enough.
func (d draw) ask(f Field, truth candidate, from []candidate, apart int) (asked, bool) {
	type ranked struct {
		candidate
		key float64
	}
	all := make([]ranked, len(from))
	for i, c := range from {
		all[i] = ranked{c, -math.Log(d.share("decoy", string(f), truth.fact, c.fact)) / c.weight}
	}
	slices.SortFunc(all, func(a, b ranked) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.fact, b.fact)) })
	a := asked{field: f, truth: truth}
	for _, c := range all {
		near := func(o candidate) bool {
			return apart > 0 && max(c.slot-o.slot, o.slot-c.slot) < apart || f == Employer && similar(c.fact, o.fact)
		}
		if near(truth) || slices.ContainsFunc(a.decoys, near) {
			continue
		}
		if a.decoys = append(a.decoys, c.candidate); len(a.decoys) == choices {
			return a, true
		}
	}
	return asked{}, false
}

// Start is the key from which storage.Donors and storage.Peers read for a seed: an
// afiliado id that is nobody's.
func Start(seed []byte) string {
	return base32.StdEncoding.EncodeToString(draw{seed: seed}.sum("start"))[:26]
}
