package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// world is the whole demo, running in this process on ports of its own.
type world struct {
	*demo
	historia, prestamos, fondos string // where the applications are
	clock                       *clock
	logged                      *journal
}

// clock is the machine's, set forward by as much as a test wants, or stopped.
type clock struct{ ahead, still atomic.Int64 }

func (c *clock) now() time.Time {
	if at := c.still.Load(); at != 0 {
		return time.UnixMicro(at)
	}
	return time.Now().Add(time.Duration(c.ahead.Load()))
}

func (c *clock) set(ahead time.Duration)  { c.ahead.Store(int64(ahead)) }
func (c *clock) pass(while time.Duration) { c.ahead.Add(int64(while)) }

// stop makes it be at until goOn, however long the test takes.
func (c *clock) stop(at time.Time) {
	c.set(time.Until(at))
	c.still.Store(at.UnixMicro())
}

func (c *clock) goOn() { c.still.Store(0) }

// journal is a log that a test can read while it is written.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

// String is what has been logged so far.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// newJournal is where everything is logged until the test ends, also by the
// OpenID library, which knows only the process's logger.
func newJournal(t *testing.T) *journal {
	t.Helper()
	j, before := &journal{}, slog.Default()
	slog.SetDefault(j.logger())
	t.Cleanup(func() { slog.SetDefault(before) })
	return j
}

// logger logs all there is.
func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// newWorld starts the demo on engine and stops it with the test. It must stop
// cleanly, and its log must hold no secret (T20).
func newWorld(t *testing.T, engine string, change ...func(*options)) *world {
	t.Helper()
	return newWorldIn(t, engine, newJournal(t), change...)
}

// newWorldIn does the same beside other worlds that log to the same journal.
func newWorldIn(t *testing.T, engine string, logged *journal, change ...func(*options)) *world {
	t.Helper()
	w := &world{clock: &clock{}, logged: logged}
	o := options{data: t.TempDir(), now: w.clock.now, quick: true, people: spares, log: logged.logger(), progress: func(int, int) {}}
	if engine == "postgres" {
		o.database = storagetest.URL(t, engine)
	}
	for _, f := range change {
		f(&o)
	}
	w.demo = prepareSomewhere(t, o)
	w.historia, w.prestamos, w.fondos = w.app(1), w.app(2), w.app(3)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- w.serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, w.close()); err != nil {
			t.Errorf("the demo did not stop cleanly: %v", err)
		}
		w.checkLog(t)
	})
	return w
}

// prepareSomewhere prepares the demo on the first base port where all of its
// ports are free.
func prepareSomewhere(t *testing.T, o options) *demo {
	t.Helper()
	for range 20 {
		o.port = freePort(t)
		d, err := prepare(t.Context(), o)
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	t.Fatal("found no seven ports in a row that are free")
	return nil
}

// freePort is a port nobody listens on, below those that the system gives to
// connections: it stays free while a server is down.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20_000 + rand.IntN(12_000)
		if l, err := net.Listen("tcp4", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("found no free port")
	return 0
}

func (w *world) app(n int) string { return "http://localhost:" + strconv.Itoa(w.port+n) }

// db is the provider's database, beside the running server.
func (w *world) db() *storage.DB { return w.server.DB() }

// age makes clave the person's, set so long ago that it has expired after a year
// (or not).
func (w *world) age(t *testing.T, id storage.Identifier, clave string, age time.Duration) {
	t.Helper()
	a, err := w.db().AfiliadoByIdentifier(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := login.NewHasher(login.HashConfig{Memory: 64, Passes: 1})
	if err != nil {
		t.Fatal(err)
	}
	phc, err := hash.Make(t.Context(), clave)
	if err != nil {
		t.Fatal(err)
	}
	set := time.Now().Add(-age)
	storagetest.InTx(t, w.db(), func(tx *storage.Tx) error {
		return tx.SetClave(t.Context(), storage.Clave{
			AfiliadoID: a.ID, PHC: phc, Long: login.Long(clave), CreatedAt: storage.At(set), DueAt: storage.At(set.Add(365 * day)),
		}, 5)
	})
}

// checkLog looks for what may never be logged: whole identifiers and claves, of
// everybody and as they were typed (contract.md section 6). Codes, tokens and
// cookies have 43 letters and nothing else has: T20.
func (w *world) checkLog(t *testing.T) {
	t.Helper()
	logged := w.logged.String()
	canaries := []string{unknownCedula, newClave, secondClave, wrongClave, firstAnswer, secondAnswer}
	for _, p := range people() {
		canaries = append(canaries, string(p.identifier), p.clave, p.family, p.email)
		for _, given := range p.answers {
			canaries = append(canaries, given.text)
		}
	}
	for _, c := range canaries {
		if c != "" && strings.Contains(logged, c) {
			t.Errorf("T20: the log holds %q:\n%s", c, lineWith(logged, c))
		}
	}
	heads := regexp.MustCompile(`(?m)^.*"msg":"audit head signed".*$`) // public, and full of letters
	for _, word := range strings.FieldsFunc(heads.ReplaceAllString(logged, ""), func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
	}) {
		// A member of discovery has as many letters, but neither capitals nor digits.
		if len(word) == 43 && strings.ToLower(word) != word {
			t.Errorf("T20: the log holds what looks like a secret:\n%s", lineWith(logged, word))
		}
	}
}

func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}

// spares are generated people, for tests that need somebody of their own:
// generated(0) and on, all with commonClave.
const spares = 100

// What visitors type that is in no table.
const (
	unknownCedula = "1758000002" // nobody's, with a good check digit
	wrongClave    = "Antisana5758x"
	newClave      = "Sangay5286zeta"
	secondClave   = "Cayambe5790alfa"
)
