package storage

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// cacheAge is how old a cached answer may be before the revision is asked
// again: half of the second within which every replica must know of a change.
const cacheAge = 500 * time.Millisecond

// ClientCache answers for registered applications from memory. It asks the
// database at most every half second whether anything has changed. It is safe
// for concurrent use.
type ClientCache struct {
	db  *DB
	now func() time.Time

	mu       sync.Mutex
	checked  time.Time
	loaded   bool
	revision int64
	byID     map[string]*Client
}

// NewClientCache returns an empty cache.
func NewClientCache(db *DB, now func() time.Time) *ClientCache { return &ClientCache{db: db, now: now} }

// Client returns an application that may be served. Unknown and disabled ones
// are ErrNotFound. The caller must not change what it gets.
func (c *ClientCache) Client(ctx context.Context, id string) (*Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); !c.loaded || now.Sub(c.checked) >= cacheAge || now.Before(c.checked) {
		if err := c.refresh(ctx); err != nil {
			return nil, err
		}
		c.checked = now
	}
	if client, ok := c.byID[id]; ok && client.DisabledAt.IsZero() {
		return client, nil
	}
	return nil, fmt.Errorf("storage: client: %w", ErrNotFound)
}

func (c *ClientCache) refresh(ctx context.Context) error {
	revisions, err := c.db.Revisions(ctx)
	if err != nil {
		return err
	}
	if c.loaded && revisions[RevisionClient] == c.revision {
		return nil
	}
	all, err := c.db.Clients(ctx)
	if err != nil {
		return err
	}
	c.byID = make(map[string]*Client, len(all))
	for i := range all {
		c.byID[all[i].ID] = &all[i]
	}
	c.revision, c.loaded = revisions[RevisionClient], true
	return nil
}
