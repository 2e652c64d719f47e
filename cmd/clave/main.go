// Command clave is the OpenID provider of Ecuador's social security: the
// service itself and what its operators need around it.
//
// It is the only code that reads configuration, environment and clock.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"iess.gob.ec/clave/storage"
)

// Exit statuses (contract.md section 1).
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// program is all that a run of clave touches outside itself, so that tests run
// the very same.
type program struct {
	args           []string
	environ        []string
	stdout, stderr io.Writer
	// listen opens the listeners of serve.
	listen func(ctx context.Context, address string) (net.Listener, error)
	now    func() time.Time
	// exit ends the process at once.
	exit func(status int)
}

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	status := run(ctx, program{
		args: os.Args[1:], environ: os.Environ(), stdout: os.Stdout, stderr: os.Stderr, exit: os.Exit,
		listen: func(ctx context.Context, address string) (net.Listener, error) {
			return new(net.ListenConfig).Listen(ctx, "tcp", address)
		},
		now: time.Now,
	})
	cancel()
	os.Exit(status)
}

// failure is a list of lines for people, already whole.
type failure []problem

func (f failure) Error() string {
	lines := make([]string, len(f))
	for i, p := range f {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// usageError is wrong use of a command.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// run runs one command and returns the exit status.
func run(ctx context.Context, p program) int {
	c := &commands{program: p}
	root := c.root()
	root.SetArgs(longFlags(p.args))
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	ctx, stop := c.untilSignal(ctx)
	defer stop()
	err := root.ExecuteContext(ctx)
	for _, db := range c.opened {
		err = errors.Join(err, db.Close())
	}
	err = errors.Join(err, c.unsaid)
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case !c.started, errors.As(err, &usage): // cobra found the mistake before any command ran
		say(p.stderr, "clave: %v; clave -h shows the commands\n", err)
		return exitUsage
	case ctx.Err() != nil && !c.serving: // whatever was in the way then
		say(p.stderr, "clave: interrupted; run it again to go on\n")
		return exitFailed
	default:
		var f failure
		if errors.As(err, &f) {
			say(p.stderr, "%v\n", f)
		} else {
			say(p.stderr, "clave: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
		}
		return exitFailed
	}
}

// say is for stderr: nobody could be told that it failed.
func say(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

// printf writes to stdout; that it could not be written fails the command.
func (c *commands) printf(format string, args ...any) {
	if _, err := fmt.Fprintf(c.stdout, format, args...); err != nil && c.unsaid == nil {
		c.unsaid = err
	}
}

func (c *commands) println(args ...any) { c.printf("%s", fmt.Sprintln(args...)) }

// migrateUpLine is the remedy of an older schema.
func (c *commands) migrateUpLine() string { return "run: clave migrate up -config " + c.configFile }

// older adds what to do to an error that says that the schema is too old.
func (c *commands) older(err error) error {
	if errors.Is(err, storage.ErrSchema) {
		return fmt.Errorf("%w; %s", err, c.migrateUpLine())
	}
	return err
}

// longFlags lets people write -config for --config, as the contract does.
func longFlags(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		if a == "--" {
			copy(out[i:], args[i:])
			break
		}
		if len(a) > 2 && a[0] == '-' && a[1] >= 'a' && a[1] <= 'z' {
			a = "-" + a
		}
		out[i] = a
	}
	return out
}

// commands holds what the commands share.
type commands struct {
	program
	configFile string
	started    bool // the arguments were right
	serving    bool // the end of its context is no interruption
	opened     []*storage.DB
	unsaid     error // of writing to stdout
}

func (c *commands) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "clave",
		Short:         "Clave IESS: one login for the applications of the social security",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRun: func(*cobra.Command, []string) {
			c.started = true
		},
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.PersistentFlags().StringVar(&c.configFile, "config", "clave.yaml", "configuration file")
	root.AddCommand(c.serve(), c.migrate(), c.config(), c.client(), c.imports(), c.afiliado(), c.rights(), c.renewal(), c.keys(), c.audit(), c.version())
	return group(root)
}

// group makes a command that only has commands below it refuse to run by itself.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("%s: there is no command %q", cmd.CommandPath(), args[0])
		}
		return nil
	}
	cmd.RunE = func(*cobra.Command, []string) error {
		return usageError{cmd.CommandPath() + ": a command is missing"}
	}
	return cmd
}

// load reads the configuration.
func (c *commands) load() (*config, error) {
	cfg, problems := loadConfig(c.configFile, c.environ)
	if cfg == nil {
		return nil, failure(problems)
	}
	return cfg, nil
}

// loadServing is load for who serves, or asks whether one could.
func (c *commands) loadServing() (*config, error) {
	cfg, problems := loadConfig(c.configFile, c.environ)
	if len(problems) > 0 {
		return nil, failure(problems)
	}
	return cfg, nil
}

// open reads the configuration and opens its database, whose schema has to be
// this program's.
func (c *commands) open(ctx context.Context) (*config, *storage.DB, error) {
	cfg, err := c.load()
	if err != nil {
		return nil, nil, err
	}
	db, err := c.database(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	return cfg, db, c.older(db.CheckSchema(ctx))
}

// database opens the database, whatever its schema; run closes it.
func (c *commands) database(ctx context.Context, cfg *config) (*storage.DB, error) {
	db, err := storage.Open(ctx, cfg.storage())
	if err != nil {
		return nil, fmt.Errorf("the database does not answer: %s; start it, or correct database.url in %s", withoutPassword(err, cfg.Database.URL), c.configFile)
	}
	c.opened = append(c.opened, db)
	return db, nil
}

func (c *config) storage() storage.Config {
	return storage.Config{
		URL: c.Database.URL, MaxConns: c.Database.MaxConns,
		Keys: storage.Keys{Current: c.Keys.Current, Seal: c.Keys.Seal, Index: c.Keys.Index, Pairwise: c.Keys.Pairwise},
	}
}
