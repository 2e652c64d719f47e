package login

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// pressedPlaces is how many attempts of one network under pressure may wait for
// a hash slot at a time, in one process. Any other network may fill half of the
// queue.
const pressedPlaces = 4

// crowd gives each network so many places. It is safe for concurrent use.
type crowd struct {
	each   int
	mu     sync.Mutex
	places map[string]*places // of networks from which somebody is here
}

type places struct {
	taken chan struct{}
	users int // who holds a place or waits for one
}

func newCrowd(each int) *crowd { return &crowd{each: max(1, each), places: map[string]*places{}} }

// enter waits for a place of network, at most most, or returns ErrBusy. What it
// returns gives the place back.
func (c *crowd) enter(ctx context.Context, network string, most time.Duration) (func(), error) {
	p := c.join(network)
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case p.taken <- struct{}{}:
		return func() {
			<-p.taken
			c.part(network, p)
		}, nil
	case <-timer.C:
		c.part(network, p)
		return nil, ErrBusy
	case <-ctx.Done():
		c.part(network, p)
		return nil, fmt.Errorf("login: hash slot: %w", ctx.Err())
	}
}

func (c *crowd) join(network string) *places {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.places[network]
	if p == nil {
		p = &places{taken: make(chan struct{}, c.each)}
		c.places[network] = p
	}
	p.users++
	return p
}

func (c *crowd) part(network string, p *places) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.users--; p.users == 0 {
		delete(c.places, network)
	}
}
