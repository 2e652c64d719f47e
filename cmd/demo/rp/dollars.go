package rp

import (
	"strconv"
	"strings"
)

// dollars is an amount in cents of a US dollar.
type dollars int64

// The amounts one may ask for.
const (
	leastMonto = dollars(1_00)
	mostMonto  = dollars(100_000_00)
)

// parseDollars reads an amount as people in Ecuador write it: "800", "1.500",
// "1500,50". A dot parts thousands, a comma cents; spaces, "$" and "USD" are
// ignored. It reports whether the amount is readable and within the limits.
func parseDollars(s string) (dollars, bool) {
	s = strings.Join(strings.Fields(strings.TrimPrefix(strings.TrimSpace(strings.ToUpper(s)), "USD")), "")
	s = strings.TrimPrefix(s, "$")
	whole, cents, comma := strings.Cut(s, ",")
	groups := strings.Split(whole, ".")
	for i, g := range groups {
		if i > 0 && len(g) != 3 || i == 0 && len(groups) > 1 && len(g) > 3 {
			return 0, false
		}
	}
	whole = strings.Join(groups, "")
	if whole == "" || len(whole) > 9 || comma && (len(cents) == 0 || len(cents) > 2) || !digits(whole) || !digits(cents) {
		return 0, false
	}
	n, err := strconv.ParseInt(whole+(cents + "00")[:2], 10, 64)
	if err != nil || dollars(n) < leastMonto || dollars(n) > mostMonto {
		return 0, false
	}
	return dollars(n), true
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// String writes the amount as it is read here: "1.500,50"; whole dollars
// without cents.
func (d dollars) String() string {
	whole := strconv.FormatInt(int64(d)/100, 10)
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "." + whole[i:]
	}
	if cents := int64(d) % 100; cents != 0 {
		return whole + "," + strconv.FormatInt(100+cents, 10)[1:]
	}
	return whole
}
