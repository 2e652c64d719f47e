package quiz

import (
	"time"

	"iess.gob.ec/clave/storage"
)

// Pretend returns the history to ask somebody about who has none or is unknown:
// that of the first of donors who has enough, else a made-up one. Ask always has
// questions on it. Donors are whole histories of other people, each person's rows
// together, as storage.Donors returns them from Start on; whose they are shows
// nowhere.
func Pretend(seed []byte, donors []storage.Historia, now time.Time) []storage.Historia {
	for len(donors) > 0 {
		n := 1
		for n < len(donors) && donors[n].AfiliadoID == donors[0].AfiliadoID {
			n++
		}
		if _, _, year := Near(seed, donors[:n], now); year != 0 {
			return donors[:n]
		}
		donors = donors[n:]
	}
	return invent(seed, now)
}

// invent is the history of a registry that has none to lend: two employers, of
// whom only times and salaries are ever asked without a pool.
func invent(seed []byte, now time.Time) []storage.Historia {
	d := draw{seed: seed, end: end(now)}
	pick := func(what string, n int) int { return int(d.share("invent", what) * float64(n)) }
	first := 12*(d.end/12/5*5-10+pick("first", 5)) + pick("month", 12)
	second := first + 12 + pick("second", 30)
	cents := int64(48_000 + 1000*pick("cents", 60))
	var out []storage.Historia
	for m := first; m < d.end && m < second+40; m++ {
		h := storage.Historia{EmployerID: "0001", Year: m / 12, Month: m%12 + 1, Employer: "Uno", Days: 30, SalaryCents: cents}
		if m >= second {
			h.EmployerID, h.Employer = "0002", "Dos"
		}
		out = append(out, h)
	}
	return out
}
