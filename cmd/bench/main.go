// Command bench measures the production binary with both databases and prints the
// figures of the README, each beside its target.
//
// It installs clave with its own commands, serves it on the loopback interface and
// signs made-up people in. It needs Linux, whose /proc says what the server and the
// database use. It is never linked into cmd/clave.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"iess.gob.ec/clave/login"
)

// Exit statuses (contract.md section 1).
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Getenv("CLAVE_TEST_POSTGRES"), os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// options are the flags.
type options struct {
	clave    string // "": build it
	database string // "": both
	profiles string // "": none is kept
	postgres string // "": the embedded database only
	workers  int
	many     int
	crowd    int
	rounds   int
	starts   int
	pool     int           // tokens that are shown in turn
	replays  int           // refresh tokens that all workers use at once
	settle   time.Duration // how long PostgreSQL may take to publish its counts
	measured time.Duration
	warm     time.Duration
	only     []string
	progress io.Writer
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	var only string
	var short bool
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.clave, "clave", "", "measure this binary instead of building one")
	f.IntVar(&o.workers, "workers", 16, "workers of a load; each begins anew when it is done")
	f.IntVar(&o.many, "many", 64, "workers where only errors count")
	f.IntVar(&o.crowd, "crowd", 128, "people who sign in with their clave")
	f.IntVar(&o.rounds, "rounds", 3, "rounds; the table has their medians")
	f.IntVar(&o.starts, "starts", 7, "cold starts")
	f.DurationVar(&o.measured, "d", 3*time.Second, "how long each load is measured")
	f.DurationVar(&o.warm, "warm", time.Second, "how long it warms up before")
	f.StringVar(&o.database, "db", "", "only PostgreSQL, or only embedded")
	f.StringVar(&only, "only", "", "only these operations, by name, separated by commas")
	f.StringVar(&o.profiles, "profiles", "", "keep a processor profile of each operation in this folder; costs some percent")
	f.BoolVar(&short, "short", false, "a first look: one round of a second, instead of -rounds, -starts, -d, -warm and -crowd")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			f.SetOutput(stderr)
			say(stderr, "make bench, or .ci/postgres -durable go run ./cmd/bench [flags]: the figures of the README")
			f.PrintDefaults()
		}
		return o, err
	}
	if short {
		o.rounds, o.starts, o.measured, o.warm, o.crowd = 1, 1, time.Second, 200*time.Millisecond, 16
	}
	if only != "" {
		o.only = strings.Split(only, ",")
	}
	o.pool, o.replays, o.settle, o.progress = 64, 20, 1100*time.Millisecond, stderr
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("%q is not a flag", f.Arg(0))
	case o.database != "" && o.database != "PostgreSQL" && o.database != "embedded":
		return o, fmt.Errorf("-db %q is neither PostgreSQL nor embedded", o.database)
	case min(o.workers, o.many, o.crowd, o.rounds) < 1 || o.starts < 0:
		return o, errors.New("-workers, -many, -crowd and -rounds are at least 1")
	}
	return o, nil
}

// run measures, prints and returns the exit status.
func run(ctx context.Context, args []string, postgres string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case err != nil:
		say(stderr, "bench: %v; bench -h shows the flags", err)
		return exitUsage
	}
	o.postgres = postgres
	if postgres == "" {
		say(stderr, "bench: no PostgreSQL; make bench starts one. The embedded database alone:")
	}
	if _, err := bench(ctx, o, stdout); err != nil {
		say(stderr, "bench: %v", err)
		return exitFailed
	}
	return exitDone
}

// bench is one run from nothing to the tables. It leaves nothing behind.
func bench(ctx context.Context, o options, stdout io.Writer) (*suite, error) {
	dir, err := os.MkdirTemp("", "clave-bench-")
	if err != nil {
		return nil, err
	}
	s := &suite{options: o}
	err = s.prepare(ctx, dir)
	before := s.quiet()
	if err == nil {
		say(s.progress, "measuring")
		err = s.run(ctx)
	}
	if err == nil {
		s.print(stdout, s.conditions(s.quiet().since(before)))
	}
	return s, errors.Join(err, s.close(), os.RemoveAll(dir))
}

// prepare installs clave once for each database and brings people past everything
// that is asked once only.
func (s *suite) prepare(ctx context.Context, dir string) error {
	binary := s.clave
	if binary == "" {
		say(s.progress, "building cmd/clave")
		var err error
		if binary, err = build(ctx, dir); err != nil {
			return err
		}
	}
	hasher, err := login.NewHasher(login.HashConfig{})
	if err != nil {
		return err
	}
	phc, err := hasher.Make(ctx, commonClave)
	if err != nil {
		return err
	}
	databases := slices.DeleteFunc([][2]string{{"PostgreSQL", s.postgres}, {"embedded", "sqlite:clave.db"}}, func(db [2]string) bool {
		return db[1] == "" || s.database != "" && s.database != db[0]
	})
	keep := max(s.workers, s.many)
	for _, db := range databases {
		say(s.progress, "installing on %s", db[0])
		own := filepath.Join(dir, db[0])
		if err := os.Mkdir(own, 0o700); err != nil {
			return err
		}
		l := &lab{pool: s.pool}
		if l.site, err = install(ctx, binary, own, db[0], db[1], keep+s.crowd, phc); err != nil {
			return err
		}
		s.labs, s.qualities = append(s.labs, l), append(s.qualities, &quality{})
		if strings.HasPrefix(db[1], "postgres") {
			if l.counters, err = openCounters(ctx, db[1]); err != nil {
				return err
			}
		}
		if _, err := l.start(ctx); err != nil {
			return err
		}
		if l.rp, err = newRP(ctx, l.issuer(), l.address, l.key, 2*keep); err != nil {
			return err
		}
		if err := l.signEverybodyIn(ctx, min(s.workers, 4), keep, keep+s.crowd); err != nil {
			return err
		}
		if err := s.fill(ctx, l); err != nil {
			return err
		}
		if _, err := l.restart(ctx); err != nil { // as if nobody had hashed in it
			return err
		}
	}
	return nil
}

// conditions are what a reader has to know of the run.
func (s *suite) conditions(disturbed string) string {
	settings := ""
	for _, l := range s.labs {
		if l.counters != nil {
			settings = l.counters.settings + "; "
		}
	}
	return fmt.Sprintf("%d cores, %s; %s%d workers beside it on the same cores; medians of %d rounds of %s. Meanwhile %s.",
		runtime.NumCPU(), runtime.Version(), settings, s.workers, s.rounds, s.measured, disturbed)
}

// maxHashing is how much memory a server may take that hashes: cores × 19 MiB more
// than without.
func maxHashing() int { return 60 + 19*runtime.NumCPU() }
