package storage

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

// Keys are the secrets that live outside the database. Each is 32 random bytes.
type Keys struct {
	// Current names the key of Seal with which new values are sealed.
	Current string
	// Seal holds every key that may still have to open something, by its id (1
	// to 32 bytes). Add a key on every replica first, then make it current on
	// each, Reseal, then drop the old one: a replica that lacks the current key
	// opens nothing of what the others have sealed.
	Seal map[string][]byte
	// Index keys what is looked up by a hash: identifiers, addresses no mail
	// reaches, buckets of pressure; clients' secrets; the tokens and codes in mails;
	// challenges; and what recovery asks. Changing it loses them all.
	Index []byte
	// Pairwise keys the subject identifiers applications receive (OpenID Core
	// 8.1). Changing it gives every person a new sub everywhere.
	Pairwise []byte
}

func (k Keys) check() error {
	if _, ok := k.Seal[k.Current]; !ok {
		return fmt.Errorf("storage: keys: the current sealing key %q is not among the keys", k.Current)
	}
	for id, key := range k.Seal {
		if len(key) != 32 || len(id) == 0 || len(id) > 32 {
			return fmt.Errorf("storage: keys: sealing key %q must be 32 bytes and its id 1 to 32", id)
		}
	}
	if len(k.Index) != 32 || len(k.Pairwise) != 32 {
		return errors.New("storage: keys: the index key and the pairwise key must be 32 bytes each")
	}
	return nil
}

// derived gives each purpose a key of its own, so that no value sealed for one
// opens under another (RFC 5869).
func derived(master []byte, purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, master, nil, "clave-iess/"+purpose, 32)
}

func (k Keys) aead(id, purpose string) (cipher.AEAD, error) {
	master, ok := k.Seal[id]
	if !ok {
		return nil, fmt.Errorf("storage: no sealing key %q", id)
	}
	key, err := derived(master, "seal/"+purpose)
	if err != nil {
		return nil, fmt.Errorf("storage: derive key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("storage: cipher: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// seal encrypts value for one purpose ("clave.phc", "afiliado") and place: the
// place (table.column and row) is authenticated, so a value moved to another
// row or column does not open. The key id goes in front.
func (r *ring) seal(purpose, place string, value []byte) ([]byte, error) {
	aead, err := r.aead(r.keys.Current, purpose)
	if err != nil {
		return nil, err
	}
	return aead.Seal(r.mark(), nil, value, []byte(place)), nil
}

// open reverses seal. Nothing sealed (nil) opens to nothing.
func (r *ring) open(purpose, place string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	n := int(sealed[0])
	if len(sealed) < 1+n {
		return nil, fmt.Errorf("storage: sealed value of %s is cut short", place)
	}
	aead, err := r.aead(string(sealed[1:1+n]), purpose)
	if err != nil {
		return nil, err
	}
	value, err := aead.Open(nil, nil, sealed[1+n:], []byte(place))
	if err != nil {
		return nil, fmt.Errorf("storage: %s does not open: %w", place, err)
	}
	return value, nil
}

// MAC returns the keyed hash by which a value of that kind is looked up.
func (k Keys) MAC(kind, value string) []byte {
	h := hmac.New(sha256.New, k.Index)
	h.Write([]byte(kind + "\x00" + value))
	return h.Sum(nil)
}

// Hash is how a bearer secret (code, token, cookie) is stored: SHA-256, which
// suffices because the secret has 256 random bits (ASVS 6.5.2).
func Hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// NewSecret returns 256 random bits, base64url (ASVS 7.2.3).
func NewSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

// NewID returns the id of a new row: 130 random bits, safe in a URL.
func NewID() string { return rand.Text() }
