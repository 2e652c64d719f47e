package mail

import (
	"context"

	"iess.gob.ec/clave/storage"
)

// troubleRefused: the server refused several addresses for good and took nothing.
const troubleRefused = "refused"

// refusal is a message the server will never want, as it says.
type refusal struct {
	m       storage.Message
	verdict verdict
	cause   error
}

func (r *round) refuse(f refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused = append(r.refused, f)
}

// conclude settles what was refused for good, once the round is over and shows
// whose fault it was: a server that refuses several addresses and takes nothing
// has a fault of its own, or sees one of ours. Then all of them wait, and no
// address is given up for what is not said of it.
func (r *round) conclude(ctx context.Context) {
	addresses := map[string]bool{}
	for _, f := range r.refused {
		addresses[f.m.Recipient] = true
	}
	all := !r.taken && len(addresses) > 1
	for _, f := range r.refused {
		if all {
			f.verdict.fate = fateRetry
			r.trouble, r.cause = troubleRefused, f.cause
		}
		if err := r.w.settle(ctx, f.m, r.w.ending(f.m, f.verdict)); err != nil {
			r.errs = append(r.errs, err)
		}
	}
}
