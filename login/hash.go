package login

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/alexedwards/argon2id"
)

// ErrBusy says that no hash slot became free in time: answer 503 with
// Retry-After. No attempt has been spent (T28).
var ErrBusy = errors.New("login: no hash slot is free")

// HashConfig is how claves are hashed. Zero fields get the defaults named.
type HashConfig struct {
	Memory uint32        // KiB: 19456
	Passes uint32        // 2
	Lanes  uint8         // 1
	Slots  int           // hashes at a time: one less than there are cores, at least 1
	Queue  int           // how many may wait for a slot: 64
	Wait   time.Duration // 5 s: for the last of a full queue, where there is one slot
}

// Hasher hashes claves with Argon2id, a bounded number at a time. It is safe for
// concurrent use.
type Hasher struct {
	params  argon2id.Params
	slots   chan struct{}
	first   chan struct{} // hands a slot over to who goes first
	turn    atomic.Int64
	queue   int64
	wait    time.Duration
	dummy   string // a hash of nothing anybody knows
	waiting struct{ first, rest atomic.Int64 }
	counts  struct{ compared, wasted, made, refused atomic.Int64 }
}

// Counts is what a Hasher has done since it was made.
type Counts struct {
	Compared int64 // claves compared with a stored hash
	Wasted   int64 // comparisons made so that their absence does not show
	Made     int64 // hashes of new claves
	Refused  int64 // ErrBusy
}

// NewHasher returns a Hasher.
func NewHasher(cfg HashConfig) (*Hasher, error) {
	set := func(to *int, value int) {
		if *to <= 0 {
			*to = value
		}
	}
	set(&cfg.Slots, max(1, runtime.NumCPU()-1))
	set(&cfg.Queue, 64)
	if cfg.Memory == 0 {
		cfg.Memory = 19456
	}
	if cfg.Passes == 0 {
		cfg.Passes = 2
	}
	if cfg.Lanes == 0 {
		cfg.Lanes = 1
	}
	if cfg.Wait == 0 {
		cfg.Wait = 5 * time.Second
	}
	h := &Hasher{
		params: argon2id.Params{Memory: cfg.Memory, Iterations: cfg.Passes, Parallelism: cfg.Lanes, SaltLength: 16, KeyLength: 32},
		slots:  make(chan struct{}, cfg.Slots), first: make(chan struct{}), queue: int64(cfg.Queue), wait: cfg.Wait,
	}
	h.dummy = dummyHash(h.params)
	if _, _, _, err := argon2id.DecodeHash(h.dummy); err != nil {
		return nil, fmt.Errorf("login: hash: %w", err)
	}
	return h, nil
}

// dummyHash is a hash in PHC form that nothing is known to have: its bits are
// random. Comparing with it takes what comparing with a real one takes.
func dummyHash(p argon2id.Params) string {
	random := func(n uint32) string {
		b := make([]byte, n)
		_, _ = rand.Read(b) // never fails (crypto/rand)
		return base64.RawStdEncoding.EncodeToString(b)
	}
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", p.Memory, p.Iterations, p.Parallelism, random(p.SaltLength), random(p.KeyLength))
}

// RetryAfter is when whoever got ErrBusy may try again.
func (h *Hasher) RetryAfter() time.Duration { return h.wait }

// Slots returns how many hashes are being made now, and how many may be.
func (h *Hasher) Slots() (int, int) { return len(h.slots), cap(h.slots) }

// Counts returns what has been done so far.
func (h *Hasher) Counts() Counts {
	c := &h.counts
	return Counts{Compared: c.compared.Load(), Wasted: c.wasted.Load(), Made: c.made.Load(), Refused: c.refused.Load()}
}

// Make hashes a clave in a slot of its own, for whoever sets claves outside a
// page.
func (h *Hasher) Make(ctx context.Context, clave string) (string, error) {
	slot, err := h.Take(ctx)
	if err != nil {
		return "", err
	}
	defer slot.Release()
	return slot.Make(clave)
}

// Slot is the right to hash, one thing after another, until Release.
type Slot struct{ h *Hasher }

// Take waits for a slot, at most as long as configured, or returns ErrBusy.
func (h *Hasher) Take(ctx context.Context) (*Slot, error) { return h.take(ctx, nil, &h.waiting.rest) }

// TakeFirst is Take for who signs in on a known device. They have a queue of
// their own and get every other slot before all others, so that a flood of
// strangers does not keep people out (T02, T03), nor one of theirs the strangers.
func (h *Hasher) TakeFirst(ctx context.Context) (*Slot, error) {
	return h.take(ctx, h.first, &h.waiting.first)
}

func (h *Hasher) take(ctx context.Context, first <-chan struct{}, waiting *atomic.Int64) (*Slot, error) {
	select {
	case h.slots <- struct{}{}:
		return &Slot{h}, nil
	default:
	}
	defer waiting.Add(-1)
	if waiting.Add(1) > h.queue {
		h.counts.refused.Add(1)
		return nil, ErrBusy
	}
	timer := time.NewTimer(h.wait)
	defer timer.Stop()
	select {
	case h.slots <- struct{}{}:
		return &Slot{h}, nil
	case <-first: // somebody's slot, handed over
		return &Slot{h}, nil
	case <-timer.C:
		h.counts.refused.Add(1)
		return nil, ErrBusy
	case <-ctx.Done():
		return nil, fmt.Errorf("login: hash slot: %w", ctx.Err())
	}
}

// Release gives the slot back.
func (s *Slot) Release() {
	if s.h.turn.Add(1)%2 == 1 {
		select {
		case s.h.first <- struct{}{}:
			return
		default:
		}
	}
	<-s.h.slots
}

// Compare reports, first, whether clave is the one that phc is the hash of and,
// second, whether phc was made with other parameters than today's.
func (s *Slot) Compare(phc, clave string) (bool, bool, error) {
	s.h.counts.compared.Add(1)
	right, used, err := argon2id.CheckHash(clave, phc)
	if err != nil {
		return false, false, fmt.Errorf("login: compare clave: %w", err)
	}
	return right, *used != s.h.params, nil
}

// Waste does the work of Compare for a clave that nothing is stored for.
func (s *Slot) Waste(clave string) error {
	s.h.counts.wasted.Add(1)
	if _, err := argon2id.ComparePasswordAndHash(clave, s.h.dummy); err != nil {
		return fmt.Errorf("login: compare clave: %w", err)
	}
	return nil
}

// Make hashes a new clave, in PHC form.
func (s *Slot) Make(clave string) (string, error) {
	s.h.counts.made.Add(1)
	phc, err := argon2id.CreateHash(clave, &s.h.params)
	if err != nil {
		return "", fmt.Errorf("login: hash clave: %w", err)
	}
	return phc, nil
}
