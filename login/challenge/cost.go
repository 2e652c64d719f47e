package challenge

import "time"

// Cost is what one challenge takes of whoever answers it.
type Cost struct {
	// Work is the highest number that may have to be tried: hashes, twice as many
	// as it takes on average. It is at least 1.
	Work int64
	// Wait is how long a ticket takes to count, for browsers without script.
	Wait time.Duration
}

// What a challenge costs where nobody has failed lately: less than a second's
// work on a cheap phone, and less time than it takes to type a cédula.
const (
	leastWork = 50_000
	leastWait = 5 * time.Second
)

// Failures that double what a challenge costs.
const (
	networkStep    = 20
	identifierStep = 5
	mostDoublings  = 4
)

// LeastNetwork is the failures of a network from which on it makes forms that try
// claves ask for a challenge.
const LeastNetwork = networkStep

// FullNetwork and FullIdentifier are the failures from which on each of them alone
// makes a challenge cost no more.
const (
	FullNetwork    = networkStep * mostDoublings
	FullIdentifier = identifierStep * mostDoublings
)

func doublings(network, identifier int) int {
	return min(max(network, 0)/networkStep+max(identifier, 0)/identifierStep, mostDoublings)
}

// CostOf is the cost under pressure: network and identifier are the failures in
// their buckets now (login.Limit.Level), each 0 where there is none or the
// identifier is not known yet. Twenty failures of a network, or five on an
// identifier, double the work and the wait (T13). It never exceeds sixteen times
// the least, some seconds' work or 80 seconds, as neighbours and the person
// herself pay too.
func CostOf(network, identifier int) Cost {
	d := doublings(network, identifier)
	return Cost{Work: leastWork << d, Wait: leastWait << d}
}

// Due is what an answer must have cost at least: CostOf less one doubling of the
// network's. An honest answer was posed at the level of some moments ago; answers
// hoarded while there was no pressure do not count under it (T13).
func Due(network, identifier int) Cost { return CostOf(network-networkStep, identifier) }

// Pressed is CostOf for the forms that try claves, and whether they ask for a
// challenge at all: only under pressure, from the first doubling on (T02). The
// five attempts that are a person's own (S069) she makes without one.
func Pressed(network, identifier int) (Cost, bool) {
	return CostOf(network, identifier), doublings(network, identifier) > 0
}
