package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"iess.gob.ec/clave/storage"
)

// job is something to be done every so often: by one of the replicas where it
// is leased, by each of them otherwise.
type job struct {
	name   string
	every  time.Duration
	leased bool
	run    func(ctx context.Context, now time.Time) error
}

// leaseFor is how long a replica may take over a job before another one does it
// again: jobs bear being run twice.
const leaseFor = 5 * time.Minute

// runJobs runs each job until ctx is done, and returns when the last one has
// stopped.
func (s *Server) runJobs(ctx context.Context, jobs []job) {
	var wg sync.WaitGroup
	for _, j := range jobs {
		wg.Go(func() {
			ticker := time.NewTicker(j.tick())
			defer ticker.Stop()
			for {
				if err := s.runJob(ctx, j); err != nil && ctx.Err() == nil {
					s.log.LogAttrs(ctx, slog.LevelError, "job failed", slog.String("job", j.name), slog.String("cause", err.Error()))
				}
				select {
				case <-ctx.Done():
					return
				case <-ticker.C:
				}
			}
		})
	}
	wg.Wait()
}

// tick is how often a replica runs a job or, where it is leased, asks whether it
// is due. Half the interval then: a tick that comes a hair early must not cost a
// whole round.
func (j job) tick() time.Duration {
	if !j.leased {
		return j.every
	}
	return min(j.every/2, time.Minute)
}

// runJob runs j, if it is leased only where it is due and nobody else is at it.
func (s *Server) runJob(ctx context.Context, j job) error {
	now := s.now()
	if !j.leased {
		err := s.call(ctx, j, now)
		s.metrics.job(j.name, err)
		return err
	}
	until := now.Add(leaseFor)
	var mine bool
	err := s.db.InTx(ctx, func(tx *storage.Tx) error {
		var err error
		mine, err = tx.LeaseJob(ctx, j.name, j.every, now, until)
		return err
	})
	if err != nil || !mine {
		return err
	}
	err = s.call(ctx, j, now)
	s.metrics.job(j.name, err)
	// The lease is given back also while the program stops.
	done := context.WithoutCancel(ctx)
	if rerr := s.db.InTx(done, func(tx *storage.Tx) error { return tx.ReleaseJob(done, j.name, until, s.now()) }); err == nil {
		err = rerr
	}
	return err
}
