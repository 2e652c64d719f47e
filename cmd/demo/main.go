// Command demo runs the whole of Clave IESS on one machine, with nothing else
// installed: the provider, made-up people, three applications and a mailbox. It listens on
// the loopback interface only. None of it is linked into cmd/clave.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// Exit statuses (contract.md section 1).
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, time.Now))
}

// run runs the demo until ctx is done and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, now func() time.Time) int {
	o, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case err != nil:
		say(stderr, "demo: %v; demo -h shows the flags", err)
		return exitUsage
	}
	o.now, o.log = now, slog.New(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	slog.SetDefault(o.log) // the OpenID library writes there
	o.progress = newProgress(stderr, now).at
	d, err := prepare(ctx, o)
	if err == nil {
		d.welcome(stdout)
		err = d.serve(ctx)
		say(stdout, "%s", d.farewell())
		err = errors.Join(err, d.close())
	}
	if err != nil {
		say(stderr, "demo: %s", oneLine(err))
		return exitFailed
	}
	return exitDone
}

// options are the flags and what a run takes from outside.
type options struct {
	port     int
	data     string // "": a temporary folder
	database string // "": the embedded one, in data
	clients  string // "": no more applications
	people   int

	now      func() time.Time
	log      *slog.Logger
	progress func(done, of int)
	quick    bool // cheap hashes and a network that presses on nobody, for tests
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("demo", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.IntVar(&o.port, "port", 8080, "base port P: provider on P, applications on P+1 to P+3, mailbox on P+4, internal listener on P+6")
	f.StringVar(&o.data, "data", "", "folder kept between runs: database, keys, mail, people.csv (default a temporary folder)")
	f.StringVar(&o.database, "db", "", "postgres://… instead of the embedded database")
	f.StringVar(&o.clients, "clients", "", "JSON file of more applications")
	f.IntVar(&o.people, "people", 0, "so many generated afiliados, listed in people.csv of the data folder")
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		f.SetOutput(stderr)
		say(stderr, "go run ./cmd/demo [flags]: Clave IESS with made-up people, three applications and a mailbox, on this machine only")
		f.PrintDefaults()
		return o, err
	case err != nil:
		return o, err
	case f.NArg() > 0:
		return o, fmt.Errorf("%q is not a flag", f.Arg(0))
	case o.port < 1 || o.port > 65535-6:
		return o, fmt.Errorf("-port %d is not between 1 and %d", o.port, 65535-6)
	case o.database != "" && !strings.HasPrefix(o.database, "postgres://") && !strings.HasPrefix(o.database, "postgresql://"):
		return o, errors.New("-db is not of the form postgres://…; without it the database is embedded")
	case o.people < 0 || o.people > maxPeople:
		return o, fmt.Errorf("-people %d is not between 0 and %d", o.people, maxPeople)
	}
	return o, nil
}
