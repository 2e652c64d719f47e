package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// assertionType is the client_assertion_type of RFC 7523 section 2.2.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// clientKey is the ES256 key with which an application authenticates
// (private_key_jwt) and to which its tokens are bound (DPoP, RFC 9449).
type clientKey struct {
	assertions, proofs jose.Signer
	public             jose.JSONWebKeySet
}

func newClientKey() (*clientKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	signing := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: private, KeyID: "bench"}}
	assertions, err := jose.NewSigner(signing, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, err
	}
	proofs, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: private}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		return nil, err
	}
	public := jose.JSONWebKey{Key: private.Public(), KeyID: "bench", Algorithm: string(jose.ES256), Use: "sig"}
	return &clientKey{assertions, proofs, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}}}, nil
}

// jwks are the public keys, as an application registers them.
func (k *clientKey) jwks() (json.RawMessage, error) { return json.Marshal(k.public) }

// assertion proves that its bearer is client, to issuer alone, for a minute.
func (k *clientKey) assertion(client, issuer string, now time.Time) (string, error) {
	return jwt.Signed(k.assertions).Claims(jwt.Claims{
		Issuer: client, Subject: client, ID: rand.Text(), IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute)),
	}).Claims(struct {
		Audience string `json:"aud"` // alone, not in an array (FAPI 2.0 Security Profile 5.3.2.1)
	}{issuer}).Serialize()
}

// proof is a DPoP proof for one request; nonce nil: none is known yet.
func (k *clientKey) proof(method, address string, nonce *string, now time.Time) (string, error) {
	if method == "" || address == "" {
		return "", errors.New("a DPoP proof names a method and an address")
	}
	return jwt.Signed(k.proofs).Claims(struct {
		ID     string           `json:"jti"`
		Method string           `json:"htm"`
		URI    string           `json:"htu"`
		Nonce  *string          `json:"nonce,omitempty"`
		At     *jwt.NumericDate `json:"iat"`
	}{rand.Text(), method, address, nonce, jwt.NewNumericDate(now)}).Serialize()
}
