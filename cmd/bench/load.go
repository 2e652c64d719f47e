package main

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// operation is what one worker does again and again.
type operation func(ctx context.Context, worker int) error

// result is what a load came to. Only successes are operations.
type result struct {
	took    []float64      // ms of each success, ascending
	errors  map[string]int // by text
	seconds float64
}

func (r result) ops() int { return len(r.took) }

func (r result) failed() int {
	n := 0
	for _, times := range r.errors {
		n += times
	}
	return n
}

func (r result) rate() float64 { return float64(len(r.took)) / max(r.seconds, 1e-9) }

// load has workers do op in a closed loop for d, each at least once, and waits for
// what is then under way: it is counted, so that no work belongs to nobody.
func load(ctx context.Context, workers int, d time.Duration, op operation) result {
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		out = result{errors: map[string]int{}}
	)
	start := time.Now()
	for w := range workers {
		wg.Go(func() {
			var took []float64
			for {
				begun := time.Now()
				if err := op(ctx, w); err != nil {
					mu.Lock()
					out.errors[err.Error()]++
					mu.Unlock()
				} else {
					took = append(took, float64(time.Since(begun))/float64(time.Millisecond))
				}
				if time.Since(start) >= d || ctx.Err() != nil {
					break
				}
			}
			mu.Lock()
			out.took = append(out.took, took...)
			mu.Unlock()
		})
	}
	wg.Wait()
	out.seconds = time.Since(start).Seconds()
	slices.Sort(out.took)
	return out
}

// percentile is the nearest rank of p percent in an ascending sample; 0 of none.
func percentile(ascending []float64, p float64) float64 {
	if len(ascending) == 0 {
		return 0
	}
	rank := int(math.Ceil(p / 100 * float64(len(ascending))))
	return ascending[min(max(rank, 1), len(ascending))-1]
}

// median is the middle of values, in whatever order; 0 of none.
func median[T cmp.Ordered](values []T) T {
	if len(values) == 0 {
		var zero T
		return zero
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}
