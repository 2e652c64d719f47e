package storage

import (
	"context"
	"fmt"
	"time"
)

// ClientCache answers for registered applications from memory, as Cached does.
type ClientCache struct{ sets *Cached[clientSet] }

// clientSet is every registered application. It is not changed once made.
type clientSet struct {
	all  []Client
	byID map[string]*Client
}

// NewClientCache returns an empty cache.
func NewClientCache(db *DB, now func() time.Time) *ClientCache {
	return &ClientCache{NewCached(db, now, RevisionClient, func(ctx context.Context, _ time.Time) (clientSet, time.Time, error) {
		set := clientSet{byID: map[string]*Client{}}
		var err error
		if set.all, err = db.Clients(ctx); err != nil {
			return clientSet{}, time.Time{}, err
		}
		for i := range set.all {
			set.byID[set.all[i].ID] = &set.all[i]
		}
		return set, time.Time{}, nil
	})}
}

// Client returns an application that may be served. Unknown and disabled ones
// are ErrNotFound. The caller must not change what it gets.
func (c *ClientCache) Client(ctx context.Context, id string) (*Client, error) {
	set, err := c.sets.Get(ctx)
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
	set, err := c.sets.Get(ctx)
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
