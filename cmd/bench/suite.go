package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// row is one scenario on one database: a value for each round.
type row struct {
	scenario               scenario
	site                   string
	server, database, rest []float64 // CPU ms per operation; rest is without its hash
	hash                   []float64 // CPU ms of its hash
	rate, p50, p99         []float64
	count                  *count // per operation; nil where the database is embedded
	ops, failed            int
}

// cpu is what an operation takes of server and database.
func (r row) cpu() float64 {
	sum := make([]float64, len(r.server))
	for i := range sum {
		sum[i] = r.server[i] + r.database[i]
	}
	return median(sum)
}

// quality is what is asked of one database besides speed.
type quality struct {
	ops, failed, busy         int // with many workers; busy are among failed
	twice                     int // refresh tokens spent twice
	alone, beside             []result
	logins                    []float64 // per second, meanwhile
	starts                    []time.Duration
	idle, loaded, hashed, top float64 // MiB
}

// suite is one run of everything.
type suite struct {
	options
	labs      []*lab
	rows      []*row
	qualities []*quality
	failures  map[string]int // by text
}

// run measures everything, scenario by scenario, the databases next to each other,
// so that whatever disturbs the machine disturbs both alike.
func (s *suite) run(ctx context.Context) error {
	s.failures = map[string]int{}
	for _, sc := range s.scenarios() {
		for _, l := range s.labs {
			s.rows = append(s.rows, &row{scenario: sc, site: l.name})
		}
	}
	for i, l := range s.labs {
		s.qualities[i].idle = memory(l.pid(), "VmRSS")
	}
	for round := range s.rounds {
		for _, r := range s.rows {
			if err := s.measure(ctx, round, r); err != nil {
				return fmt.Errorf("%s, %s: %w", r.scenario.name, r.site, err)
			}
		}
	}
	for i, l := range s.labs {
		s.qualities[i].hashed = max(s.qualities[i].hashed, memory(l.pid(), "VmRSS"))
	}
	for _, part := range []func(context.Context, *lab, *quality) error{s.isolation, s.crowded, s.chains, s.coldStarts} {
		for i, l := range s.labs {
			if err := part(ctx, l, s.qualities[i]); err != nil {
				return fmt.Errorf("%s: %w", l.name, err)
			}
		}
	}
	return ctx.Err()
}

func (s *suite) scenarios() []scenario {
	return slices.DeleteFunc(scenarios(), func(sc scenario) bool { return len(s.only) > 0 && !slices.Contains(s.only, sc.name) })
}

// fill leaves the traces of a while's work in the database: nobody's is empty.
func (s *suite) fill(ctx context.Context, l *lab) error {
	for _, sc := range scenarios() {
		if sc.hashes {
			continue // everybody has signed in
		}
		op, err := sc.prepare(ctx, l, s.workers)
		if err != nil {
			return err
		}
		if res := load(ctx, s.workers, s.warm, op); res.ops() == 0 {
			return fmt.Errorf("%s, %s: nothing succeeds: %v", sc.name, l.name, res.errors)
		}
	}
	if l.counters == nil {
		return nil
	}
	return l.counters.analyze(ctx)
}

// measure runs one scenario once on one database.
func (s *suite) measure(ctx context.Context, round int, r *row) error {
	i := slices.IndexFunc(s.labs, func(l *lab) bool { return l.name == r.site })
	l, q := s.labs[i], s.qualities[i]
	op, err := r.scenario.prepare(ctx, l, s.workers)
	if err != nil {
		return err
	}
	load(ctx, s.workers, s.warm, op)
	profiled := s.watch(ctx, l, r.scenario)
	server, database := l.spent()
	res := load(ctx, s.workers, s.measured, op)
	serverAfter, databaseAfter := l.spent()
	share := <-profiled
	if share.err != nil {
		return share.err
	}
	s.note(r.scenario.name, l, res)
	r.ops, r.failed = r.ops+res.ops(), r.failed+res.failed()
	n := float64(max(res.ops(), 1))
	own, other := ms(serverAfter-server)/n, ms(databaseAfter-database)/n
	r.server, r.database = append(r.server, own), append(r.database, other)
	r.hash, r.rest = append(r.hash, own*share.hash), append(r.rest, own*(1-share.hash)+other)
	r.rate, r.p50, r.p99 = append(r.rate, res.rate()), append(r.p50, percentile(res.took, 50)), append(r.p99, percentile(res.took, 99))
	switch rss := memory(l.pid(), "VmRSS"); {
	case r.scenario.hashes:
		q.hashed = max(q.hashed, rss)
	case round == 0: // later rounds come after hashes
		q.loaded = max(q.loaded, rss)
	}
	if l.counters != nil && round == 0 {
		if r.count, err = s.counted(ctx, l, op); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// counted is what PostgreSQL counts of an operation.
func (s *suite) counted(ctx context.Context, l *lab, op operation) (*count, error) {
	if _, err := s.settled(ctx, op); err != nil {
		return nil, err
	}
	before, err := l.counters.read(ctx)
	if err != nil {
		return nil, err
	}
	n := load(ctx, s.workers, s.measured/3, op).ops()
	more, err := s.settled(ctx, op)
	if err != nil {
		return nil, err
	}
	after, err := l.counters.read(ctx)
	each := float64(max(n+more, 1))
	return &count{(after.commits - before.commits) / each, (after.writing - before.writing) / each, (after.wal - before.wal) / each}, err
}

// settled gives PostgreSQL's processes reason to publish their counts, which each
// does at the end of a transaction and at most once a second. It returns how many
// operations that took.
func (s *suite) settled(ctx context.Context, op operation) (int, error) {
	select {
	case <-time.After(s.settle):
	case <-ctx.Done():
	}
	return load(ctx, s.workers, 0, op).ops(), ctx.Err()
}

// share is the part of the server's time that hashes took.
type share struct {
	hash float64
	err  error
}

// watch profiles the server while a load runs, where claves are hashed: what an
// operation takes besides cannot be told from two figures of which one is thirty
// times the other. Profiles that were asked for are kept.
func (s *suite) watch(ctx context.Context, l *lab, sc scenario) <-chan share {
	done := make(chan share, 1)
	dir := cmp.Or(s.profiles, l.dir)
	if !sc.hashes && s.profiles == "" {
		done <- share{}
		return done
	}
	go func() {
		var out share
		file, err := l.profile(ctx, s.measured, dir, sc.name)
		if err == nil && sc.hashes {
			out.hash, err = hashShare(ctx, file)
		}
		out.err = err
		done <- out
	}()
	return done
}

// spent is what server and database have used so far.
func (l *lab) spent() (time.Duration, time.Duration) {
	if l.counters == nil {
		return processorTime(l.pid()), 0
	}
	return processorTime(l.pid()), processorTime(l.counters.postmaster)
}

// note says how a load went and keeps its errors.
func (s *suite) note(what string, l *lab, res result) {
	say(s.progress, "%-20s %-10s %9.1f/s  p99 %8.2f ms  errors %d", what, l.name, res.rate(), percentile(res.took, 99), res.failed())
	for text, n := range res.errors {
		s.failures[what+", "+l.name+": "+text] += n
	}
}

// isolation introspects in two workers, alone and while all others sign in.
func (s *suite) isolation(ctx context.Context, l *lab, q *quality) error {
	introspect, err := prepareIntrospect(ctx, l, 2)
	if err != nil {
		return err
	}
	signIn, err := codes(func(a applications) application { return a.web })(ctx, l, s.workers)
	if err != nil {
		return err
	}
	for range s.rounds {
		load(ctx, 2, s.warm/2, introspect)
		q.alone = append(q.alone, load(ctx, 2, s.measured, introspect))
		all := make(chan result)
		go func() { all <- load(ctx, s.workers, s.measured+s.warm, signIn) }()
		load(ctx, 2, s.warm, introspect) // until all of them hash
		q.beside = append(q.beside, load(ctx, 2, s.measured, introspect))
		logins := <-all
		q.logins = append(q.logins, logins.rate())
		s.note("introspect alone", l, q.alone[len(q.alone)-1])
		s.note("introspect beside", l, q.beside[len(q.beside)-1])
		s.note("sign-in beside", l, logins)
	}
	return nil
}

// crowded runs every scenario with many workers. Only errors count.
func (s *suite) crowded(ctx context.Context, l *lab, q *quality) error {
	for _, sc := range s.scenarios() {
		op, err := sc.prepare(ctx, l, s.many)
		if err != nil {
			return err
		}
		busy := 0
		res := load(ctx, s.many, s.measured/2, op)
		for text, n := range res.errors {
			if text == errBusy.Error() {
				busy += n
			}
		}
		s.note(fmt.Sprintf("%s, %d", sc.name, s.many), l, res)
		q.ops, q.failed, q.busy = q.ops+res.ops(), q.failed+res.failed(), q.busy+busy
	}
	q.top = memory(l.pid(), "VmHWM")
	return nil
}

func (s *suite) chains(ctx context.Context, l *lab, q *quality) error {
	var err error
	q.twice, err = l.spentTwice(ctx, s.workers, s.replays)
	return err
}

// coldStarts stops the server and starts it anew.
func (s *suite) coldStarts(ctx context.Context, l *lab, q *quality) error {
	for range s.starts {
		took, err := l.restart(ctx)
		if err != nil {
			return err
		}
		q.starts = append(q.starts, took)
	}
	return nil
}

// quiet is how quiet the machine is now.
func (s *suite) quiet() quiet {
	q := quiet{at: time.Now(), ours: ownTime(syscall.RUSAGE_SELF) + ownTime(syscall.RUSAGE_CHILDREN)}
	for _, l := range s.labs {
		if l.process != nil {
			q.ours += processorTime(l.pid())
		}
		if l.counters != nil {
			q.ours += processorTime(l.counters.postmaster)
		}
	}
	q.worked, q.stolen = machineTime()
	return q
}

// close stops the servers.
func (s *suite) close() error {
	var errs []error
	for _, l := range s.labs {
		errs = append(errs, l.stop())
		if l.counters != nil {
			errs = append(errs, l.counters.db.Close())
		}
	}
	return errors.Join(errs...)
}
