package storage

import (
	"crypto/cipher"
	"sync"
)

// ring keeps the ciphers that Keys derive: deriving one costs more than using it.
type ring struct {
	keys  Keys
	aeads sync.Map // id and purpose → cipher.AEAD
}

func (r *ring) aead(id, purpose string) (cipher.AEAD, error) {
	name := id + "\x00" + purpose
	if a, ok := r.aeads.Load(name); ok {
		return a.(cipher.AEAD), nil //nolint:forcetypeassert // only this function stores here
	}
	a, err := r.keys.aead(id, purpose)
	if err != nil {
		return nil, err
	}
	r.aeads.Store(name, a)
	return a, nil
}

// mark is what stands in front of every value sealed now: the length of the
// current key's id and the id.
func (r *ring) mark() []byte {
	id := r.keys.Current
	return append([]byte{byte(len(id))}, id...) //nolint:gosec // at most 32, see Keys.check
}
