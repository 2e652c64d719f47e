package storage

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// cacheAge is how old a cached answer may be before the revision is asked
// again: half of the second within which every replica must know of a change.
const cacheAge = 500 * time.Millisecond

// ClientCache answers for registered applications from memory. It asks the
// database at most every half second whether anything has changed. It is safe
// for concurrent use, inside transactions too: while one caller asks the
// database, the others get the last answer instead of waiting for a connection
// they may be holding themselves.
type ClientCache struct {
	db  *DB
	now func() time.Time

	asking  sync.Mutex
	current atomic.Pointer[clientSet] // nil until loaded
}

// clientSet is every registered application as of one revision. It is not
// changed once made.
type clientSet struct {
	checked  time.Time
	revision int64
	all      []Client
	byID     map[string]*Client
}

// NewClientCache returns an empty cache.
func NewClientCache(db *DB, now func() time.Time) *ClientCache { return &ClientCache{db: db, now: now} }

// Client returns an application that may be served. Unknown and disabled ones
// are ErrNotFound. The caller must not change what it gets.
func (c *ClientCache) Client(ctx context.Context, id string) (*Client, error) {
	set, err := c.set(ctx)
	if err != nil {
		return nil, err
	}
	if client, ok := set.byID[id]; ok && client.DisabledAt.IsZero() {
		return client, nil
	}
	return nil, fmt.Errorf("storage: client: %w", ErrNotFound)
}

// Clients returns every application that may be served, by id. The caller must
// not change what it gets.
func (c *ClientCache) Clients(ctx context.Context) ([]*Client, error) {
	set, err := c.set(ctx)
	if err != nil {
		return nil, err
	}
	var out []*Client
	for i := range set.all {
		if set.all[i].DisabledAt.IsZero() {
			out = append(out, &set.all[i])
		}
	}
	return out, nil
}

func (c *ClientCache) set(ctx context.Context) (*clientSet, error) {
	now := c.now()
	set := c.current.Load()
	switch {
	case set != nil && now.Sub(set.checked) < cacheAge && !now.Before(set.checked):
		return set, nil
	case set == nil:
		c.asking.Lock()
	case !c.asking.TryLock():
		return set, nil
	}
	defer c.asking.Unlock()
	if newer := c.current.Load(); newer != set {
		return newer, nil // somebody asked while this one waited
	}
	set, err := c.refresh(ctx, set, now)
	if err != nil {
		return nil, err
	}
	c.current.Store(set)
	return set, nil
}

func (c *ClientCache) refresh(ctx context.Context, old *clientSet, now time.Time) (*clientSet, error) {
	revisions, err := c.db.Revisions(ctx)
	if err != nil {
		return nil, err
	}
	if old != nil && revisions[RevisionClient] == old.revision {
		return &clientSet{now, old.revision, old.all, old.byID}, nil
	}
	set := &clientSet{checked: now, revision: revisions[RevisionClient], byID: map[string]*Client{}}
	if set.all, err = c.db.Clients(ctx); err != nil {
		return nil, err
	}
	for i := range set.all {
		set.byID[set.all[i].ID] = &set.all[i]
	}
	return set, nil
}
