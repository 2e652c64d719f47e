package templates

import "time"

// Challenge is "No soy un robot" (S024) as login/challenge poses it: a box that, with script, starts a proof of work and,
// without, hands in a ticket that counts after some seconds. Put {{template "challenge" .}} with it into the page's form; a
// page with a nil Challenge poses none. It has no puzzle (WCAG 3.3.8).
type Challenge struct {
	// Work is the proof of work to solve, the JSON of an ALTCHA challenge. The solution comes back in the field altcha.
	Work string
	// Ticket is the value of the box, the field reto.
	Ticket string
	// Wait is how long until Ticket counts; 0 says it does. With ChallengeEarly the handler answers with a Refresh header
	// of as many seconds.
	Wait time.Duration
	// Fault says what was wrong with the last answer; the page has the same one among its Faults.
	Fault Fault
	// Ticked keeps the box as it was: the person has only to press again. With a Wait of 0 the page says so.
	Ticked bool
	// Next is, with ChallengeEarly, the address at which a GET shows the form again, with the ticket.
	Next string
}

// Early reports whether the ticket came too soon. A page with a field for a clave then waits without one: what is typed
// meanwhile would be lost when the page refreshes itself.
func (c *Challenge) Early() bool { return c != nil && c.Fault == ChallengeEarly }

// The other faults of a challenge, beside ChallengeMissing.
const (
	ChallengeWrong   Fault = "reto-wrong"   // not solved, or given to another browser or for another form
	ChallengeExpired Fault = "reto-expired" // older than five minutes (S025)
	ChallengeUsed    Fault = "reto-used"    // a challenge counts once (T18)
	ChallengeMore    Fault = "reto-more"    // cheaper than what is due by now (T13)
	ChallengeEarly   Fault = "reto-early"   // the ticket does not count yet
)
