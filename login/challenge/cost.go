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

// CostOf is the cost under pressure: network and identifier are the failures in
// their buckets now (login.Limit.Level), each 0 where there is none or the
// identifier is not known yet. Twenty failures of a network, or five on an
// identifier, double the work and the wait (T13). It never exceeds sixteen times
// the least, some seconds' work or 80 seconds, as neighbours and the person
// herself pay too.
func CostOf(network, identifier int) Cost {
	doublings := min(max(network, 0)/20+max(identifier, 0)/5, 4)
	return Cost{Work: leastWork << doublings, Wait: leastWait << doublings}
}
