// Package passkeytest is a browser with an authenticator, for tests: it answers the
// options of package passkey as navigator.credentials would, honestly or with one
// thing wrong.
package passkeytest

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/url"
	"slices"

	"github.com/fxamacker/cbor/v2"
)

// COSE algorithms.
const (
	ES256 = -7
	EdDSA = -8
	RS256 = -257
)

// ErrExcluded says that the authenticator holds one of excludeCredentials already.
var ErrExcluded = errors.New("passkeytest: excluded")

// ErrNoPasskey says that it holds none that the options allow.
var ErrNoPasskey = errors.New("passkeytest: no passkey")

// Authenticator makes passkeys and proves by them. Its zero value with an Origin is
// an honest device without a counter, whose person is present and verified.
type Authenticator struct {
	Origin string // of the page, as the browser sees it
	Alg    int    // of new passkeys; 0 is ES256
	Synced bool   // backup eligible (BE)
	Copied bool   // backed up (BS)
	Step   uint32 // by which the counter of each passkey moves

	// What is wrong with it.
	RPID        string                        // another relying party than Origin's host
	Absent      bool                          // nobody touched it (UP)
	Unverified  bool                          // nobody was verified (UV)
	CrossOrigin bool                          // the page lay in a frame of another origin
	TopOrigin   string                        // which
	ClientData  func(data map[string]any)     // changes what the browser signs
	Response    func(response map[string]any) // changes what it sends
	IDLength    int                           // of new credential ids, in bytes; 0 is 32

	keys []*key
}

type key struct {
	id, handle []byte
	rpID       string
	signer     crypto.Signer
	counter    uint32
}

// options are those of either ceremony.
type options struct {
	PublicKey struct {
		Challenge string `json:"challenge"`
		RPID      string `json:"rpId"`
		RP        struct {
			ID string `json:"id"`
		} `json:"rp"`
		User struct {
			ID string `json:"id"`
		} `json:"user"`
		Exclude []descriptor `json:"excludeCredentials"`
		Allow   []descriptor `json:"allowCredentials"`
	} `json:"publicKey"`
}

type descriptor struct {
	ID string `json:"id"`
}

func read(text []byte) (options, error) {
	var o options
	err := json.Unmarshal(text, &o)
	return o, err
}

// Clone is another device with the same passkeys, whose counters go their own way
// from now on.
func (a *Authenticator) Clone() *Authenticator {
	b := *a
	b.keys = nil
	for _, k := range a.keys {
		other := *k
		b.keys = append(b.keys, &other)
	}
	return &b
}

// Create makes a passkey as options, {"publicKey": …}, ask, and returns what
// PublicKeyCredential.toJSON gives.
func (a *Authenticator) Create(optionsJSON []byte) (string, error) {
	o, err := read(optionsJSON)
	if err != nil {
		return "", err
	}
	rpID := a.rpID(o.PublicKey.RP.ID)
	for _, d := range o.PublicKey.Exclude {
		if slices.ContainsFunc(a.keys, func(k *key) bool { return k.rpID == rpID && encode(k.id) == d.ID }) {
			return "", ErrExcluded
		}
	}
	k := &key{rpID: rpID, id: make([]byte, cmp.Or(a.IDLength, 32))}
	if _, err := rand.Read(k.id); err != nil {
		return "", err
	}
	if k.handle, err = base64.RawURLEncoding.DecodeString(o.PublicKey.User.ID); err != nil {
		return "", err
	}
	cose, err := k.make(a.Alg)
	if err != nil {
		return "", err
	}
	a.keys = append(a.keys, k)
	attested := slices.Concat(make([]byte, 16), binary.BigEndian.AppendUint16(nil, uint16(len(k.id))), k.id, cose) //nolint:gosec // short
	data := a.authData(k, 0x40, attested)
	object, err := marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	if err != nil {
		return "", err
	}
	client, err := a.clientData("webauthn.create", o.PublicKey.Challenge)
	if err != nil {
		return "", err
	}
	return a.answer(k, map[string]any{
		"clientDataJSON": encode(client), "attestationObject": encode(object), "transports": []string{"internal"},
	})
}

// Get proves by a passkey that the options, {"publicKey": …}, allow: the newest of
// the relying party where they name none.
func (a *Authenticator) Get(optionsJSON []byte) (string, error) {
	o, err := read(optionsJSON)
	if err != nil {
		return "", err
	}
	k := a.find(a.rpID(o.PublicKey.RPID), o.PublicKey.Allow)
	if k == nil {
		return "", ErrNoPasskey
	}
	k.counter += a.Step
	data := a.authData(k, 0, nil)
	client, err := a.clientData("webauthn.get", o.PublicKey.Challenge)
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256(client)
	signature, err := k.sign(slices.Concat(data, hash[:]))
	if err != nil {
		return "", err
	}
	return a.answer(k, map[string]any{
		"clientDataJSON": encode(client), "authenticatorData": encode(data), "signature": encode(signature), "userHandle": encode(k.handle),
	})
}

func (a *Authenticator) find(rpID string, allow []descriptor) *key {
	for _, k := range slices.Backward(a.keys) {
		if k.rpID != rpID && a.RPID == "" {
			continue
		}
		if len(allow) == 0 || slices.ContainsFunc(allow, func(d descriptor) bool { return d.ID == encode(k.id) }) {
			return k
		}
	}
	return nil
}

func (a *Authenticator) rpID(asked string) string {
	if a.RPID != "" {
		return a.RPID
	}
	if u, err := url.Parse(a.Origin); err == nil && asked == "" {
		return u.Hostname()
	}
	return asked
}

func (a *Authenticator) authData(k *key, flags byte, attested []byte) []byte {
	for flag, set := range map[byte]bool{0x01: !a.Absent, 0x04: !a.Unverified, 0x08: a.Synced, 0x10: a.Copied} {
		if set {
			flags |= flag
		}
	}
	rp := k.rpID
	if a.RPID != "" {
		rp = a.RPID
	}
	hash := sha256.Sum256([]byte(rp))
	return slices.Concat(hash[:], []byte{flags}, binary.BigEndian.AppendUint32(nil, k.counter), attested)
}

func (a *Authenticator) clientData(kind, challenge string) ([]byte, error) {
	data := map[string]any{"type": kind, "challenge": challenge, "origin": a.Origin, "crossOrigin": a.CrossOrigin}
	if a.TopOrigin != "" {
		data["topOrigin"] = a.TopOrigin
	}
	if a.ClientData != nil {
		a.ClientData(data)
	}
	return json.Marshal(data)
}

func (a *Authenticator) answer(k *key, response map[string]any) (string, error) {
	if a.Response != nil {
		a.Response(response)
	}
	text, err := json.Marshal(map[string]any{
		"id": encode(k.id), "rawId": encode(k.id), "type": "public-key", "authenticatorAttachment": "platform",
		"clientExtensionResults": map[string]any{}, "response": response,
	})
	return string(text), err
}

// make gives the passkey a key pair of alg and returns the public one in COSE.
func (k *key) make(alg int) ([]byte, error) {
	switch alg {
	case EdDSA:
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		k.signer = private
		return marshal(map[int]any{1: 1, 3: EdDSA, -1: 6, -2: []byte(public)})
	case RS256:
		private, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		k.signer = private
		return marshal(map[int]any{1: 3, 3: RS256, -1: private.N.Bytes(), -2: big(private.E)})
	default:
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		k.signer = private
		if alg == 0 {
			alg = ES256
		}
		point, err := private.PublicKey.Bytes() // 4, x, y
		if err != nil {
			return nil, err
		}
		return marshal(map[int]any{1: 2, 3: alg, -1: 1, -2: point[1:33], -3: point[33:]})
	}
}

func big(e int) []byte {
	return bytes.TrimLeft(binary.BigEndian.AppendUint32(nil, uint32(e)), "\x00") //nolint:gosec // 65537
}

func (k *key) sign(message []byte) ([]byte, error) {
	if _, ok := k.signer.(ed25519.PrivateKey); ok {
		return k.signer.Sign(rand.Reader, message, crypto.Hash(0))
	}
	sum := sha256.Sum256(message)
	return k.signer.Sign(rand.Reader, sum[:], crypto.SHA256)
}

// marshal is CTAP2's canonical CBOR.
func marshal(value any) ([]byte, error) {
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		return nil, err
	}
	return mode.Marshal(value)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
