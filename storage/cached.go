package storage

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// How old a cached answer may be before the revision is asked again, and how old
// it may get while that is being asked: every replica knows of a change within a
// second.
const (
	cacheAge  = 500 * time.Millisecond
	cacheMost = time.Second
)

// Cached keeps in memory what is made of rows that have a revision. It asks the
// database at most every half second whether anything has changed. It is safe for
// concurrent use, inside transactions too: single reads have connections of their
// own, so that whoever asks never waits for one that a waiting caller holds.
type Cached[T any] struct {
	db       *DB
	now      func() time.Time
	revision string
	load     func(ctx context.Context, now time.Time) (T, time.Time, error)

	asking  chan struct{} // holds something while somebody asks
	current atomic.Pointer[cachedAt[T]]
}

// cachedAt is a value as of one revision. It is not changed once made.
type cachedAt[T any] struct {
	value    T
	checked  time.Time
	revision int64
	until    time.Time // when it has to be made anew even so; zero: never
}

// NewCached returns an empty cache of what load makes of the rows with that
// revision. The time load returns is when its value is over even where no row has
// changed; zero: never.
func NewCached[T any](db *DB, now func() time.Time, revision string, load func(ctx context.Context, now time.Time) (T, time.Time, error)) *Cached[T] {
	return &Cached[T]{db: db, now: now, revision: revision, load: load, asking: make(chan struct{}, 1)}
}

// Get returns the value as it was less than a second ago, or is. The caller must
// not change it.
func (c *Cached[T]) Get(ctx context.Context) (T, error) {
	if at := c.current.Load(); at.younger(cacheAge, c.now()) {
		return at.value, nil
	}
	select {
	case c.asking <- struct{}{}:
		return c.ask(ctx, cacheAge)
	default: // somebody asks already
	}
	if at := c.current.Load(); at.younger(cacheMost, c.now()) {
		return at.value, nil
	}
	return c.wait(ctx, cacheAge)
}

// Now returns the value as it is, or as somebody found it while the caller waited
// to ask: for whoever misses in Get's answer what must have been added since.
func (c *Cached[T]) Now(ctx context.Context) (T, error) { return c.wait(ctx, 0) }

// wait asks as soon as nobody else does.
func (c *Cached[T]) wait(ctx context.Context, age time.Duration) (T, error) {
	select {
	case c.asking <- struct{}{}:
		return c.ask(ctx, age)
	case <-ctx.Done():
		var zero T
		return zero, fmt.Errorf("storage: cached %s: %w", c.revision, ctx.Err())
	}
}

// ask asks the database, unless somebody has just done so. The caller has filled
// asking.
func (c *Cached[T]) ask(ctx context.Context, age time.Duration) (T, error) {
	defer func() { <-c.asking }()
	now, old := c.now(), c.current.Load()
	if old.younger(age, now) {
		return old.value, nil
	}
	var zero T
	revisions, err := c.db.Revisions(ctx)
	if err != nil {
		return zero, err
	}
	fresh := &cachedAt[T]{checked: now, revision: revisions[c.revision]}
	if old != nil && fresh.revision == old.revision && (old.until.IsZero() || now.Before(old.until)) {
		fresh.value, fresh.until = old.value, old.until
	} else if fresh.value, fresh.until, err = c.load(ctx, now); err != nil { // read after the revision: a change in between is loaded now, and once more
		return zero, err
	}
	c.current.Store(fresh)
	return fresh.value, nil
}

// younger reports whether the value was current less than age before now.
func (a *cachedAt[T]) younger(age time.Duration, now time.Time) bool {
	return a != nil && now.Sub(a.checked) < age && !now.Before(a.checked)
}
