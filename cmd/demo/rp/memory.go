package rp

import (
	"sync"
	"time"
)

// memory keeps values until they expire, at most limit of them: beyond that the
// one that would expire first makes room, so that nobody can fill the machine by
// starting sign-ins. It is safe for concurrent use.
type memory[V any] struct {
	limit int

	mu    sync.Mutex
	items map[string]item[V]
}

type item[V any] struct {
	value   V
	expires time.Time
}

func newMemory[V any](limit int) *memory[V] {
	return &memory[V]{limit: limit, items: make(map[string]item[V])}
}

// put stores v under key until expires.
func (m *memory[V]) put(key string, v V, now, expires time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.items[key]; !known && len(m.items) >= m.limit {
		m.makeRoom(now)
	}
	m.items[key] = item[V]{v, expires}
}

// add is put for what is not there yet; it reports whether it was not.
func (m *memory[V]) add(key string, v V, now, expires time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.live(key, now); known {
		return false
	}
	if _, stale := m.items[key]; !stale && len(m.items) >= m.limit {
		m.makeRoom(now)
	}
	m.items[key] = item[V]{v, expires}
	return true
}

// drop forgets the values that match and returns how many there were.
func (m *memory[V]) drop(match func(V) bool) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.items)
	for key, it := range m.items {
		if match(it.value) {
			delete(m.items, key)
		}
	}
	return n - len(m.items)
}

// makeRoom drops everything that has expired or, where nothing has, the value
// nearest to it.
func (m *memory[V]) makeRoom(now time.Time) {
	var first string
	var at time.Time
	for key, it := range m.items {
		if !now.Before(it.expires) {
			delete(m.items, key)
			continue
		}
		if first == "" || it.expires.Before(at) {
			first, at = key, it.expires
		}
	}
	if len(m.items) >= m.limit {
		delete(m.items, first)
	}
}

// get returns the value under key unless it has expired.
func (m *memory[V]) get(key string, now time.Time) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.live(key, now)
}

func (m *memory[V]) live(key string, now time.Time) (V, bool) {
	it, ok := m.items[key]
	if !ok || !now.Before(it.expires) {
		var none V
		return none, false
	}
	return it.value, true
}

// update changes the value under key in one step; f reports whether it did.
func (m *memory[V]) update(key string, f func(*V) bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	it, ok := m.items[key]
	if !ok || !f(&it.value) {
		return false
	}
	m.items[key] = it
	return true
}

// extend moves the moment at which the value under key expires.
func (m *memory[V]) extend(key string, expires time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if it, ok := m.items[key]; ok {
		it.expires = expires
		m.items[key] = it
	}
}

// take returns the value under key, unless it has expired, and forgets it.
func (m *memory[V]) take(key string, now time.Time) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.live(key, now)
	delete(m.items, key)
	return v, ok
}
