package provider

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

const (
	// proofSkew is how far a proof's iat may be from our clock, where no nonce of ours
	// shows when it was made.
	proofSkew = 10 * time.Second
	// maxProof is the most bytes of a proof; one with an RSA key has some 1500.
	maxProof = 4096
	// maxProofRSA is the longest RSA key of a proof, in bits: anybody sends us keys.
	maxProofRSA = 4096
)

// proof is a DPoP proof (RFC 9449 section 4.2) whose signature is right: whoever
// sent it, or made it, holds the key of jkt.
type proof struct {
	jkt   string // thumbprint of its key (RFC 7638)
	jti   string
	htm   string
	htu   string
	ath   string // "": for no access token
	nonce string
	iat   numericDate
	nbf   *numericDate
	exp   *numericDate
}

func errProof(what string) error { return errors.New("provider: DPoP proof: " + what) }

// readProof reads a proof and checks its form and signature (RFC 9449 section 4.3,
// points 2 to 7). It knows nothing of the request it came with.
func readProof(raw string) (proof, error) {
	if len(raw) > maxProof {
		return proof{}, errProof("too long")
	}
	var algs []jose.SignatureAlgorithm
	for _, alg := range proofAlgs() {
		algs = append(algs, jose.SignatureAlgorithm(alg))
	}
	jws, err := jose.ParseSignedCompact(raw, algs)
	if err != nil {
		return proof{}, fmt.Errorf("provider: DPoP proof: %w", err)
	}
	if len(jws.Signatures) != 1 {
		return proof{}, errProof("not one signature")
	}
	header := jws.Signatures[0].Protected
	if !isType(header.ExtraHeaders[jose.HeaderType], "dpop+jwt") {
		return proof{}, errProof("typ")
	}
	if _, critical := header.ExtraHeaders["crit"]; critical {
		return proof{}, errProof("crit")
	}
	key := header.JSONWebKey
	if key == nil || !key.IsPublic() || !serves(jose.JSONWebKey{Key: key.Key}, header.Algorithm, "") {
		return proof{}, errProof("jwk is missing, no public key or of another algorithm")
	}
	if k, ok := key.Key.(*rsa.PublicKey); ok && k.N.BitLen() > maxProofRSA {
		return proof{}, errProof("the RSA key is too long")
	}
	if err := strong(key.Key); err != nil {
		return proof{}, fmt.Errorf("provider: DPoP proof: %w", err)
	}
	payload, err := jws.Verify(key.Key)
	if err != nil {
		return proof{}, fmt.Errorf("provider: DPoP proof: %w", err)
	}
	thumbprint, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return proof{}, fmt.Errorf("provider: DPoP proof: %w", err)
	}
	return readProofClaims(payload, base64.RawURLEncoding.EncodeToString(thumbprint))
}

func readProofClaims(payload []byte, jkt string) (proof, error) {
	if !utf8.Valid(payload) { // RFC 8725 section 3.7
		return proof{}, errProof("not UTF-8")
	}
	if err := checkJSON(payload); err != nil {
		return proof{}, fmt.Errorf("provider: DPoP proof: %w", err)
	}
	var c struct {
		JTI   string       `json:"jti"`
		HTM   string       `json:"htm"`
		HTU   string       `json:"htu"`
		ATH   string       `json:"ath"`
		Nonce string       `json:"nonce"`
		Iat   *numericDate `json:"iat"`
		Nbf   *numericDate `json:"nbf"`
		Exp   *numericDate `json:"exp"`
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return proof{}, fmt.Errorf("provider: DPoP proof: %w", err)
	}
	if c.JTI == "" || len(c.JTI) > 256 || c.HTM == "" || c.HTU == "" || c.Iat == nil {
		return proof{}, errProof("jti, htm, htu and iat are required")
	}
	return proof{jkt, c.JTI, c.HTM, c.HTU, c.ATH, c.Nonce, *c.Iat, c.Nbf, c.Exp}, nil
}

// check says what is wrong with p for a request by method to one of addresses that
// shows access ("": no access token), or nil. A rule: it sees values only.
func (p proof) check(method string, addresses []string, access string, now time.Time) error {
	switch {
	case p.htm != method:
		return errProof("htm is another method")
	case !namesOne(p.htu, addresses):
		return errProof("htu is another address")
	case access != "" && subtle.ConstantTimeCompare([]byte(p.ath), []byte(accessHash(access))) != 1:
		return errProof("ath is not of this access token")
	case p.nbf != nil && p.nbf.after(now.Add(proofSkew)), p.exp != nil && !p.exp.after(now.Add(-proofSkew)):
		return errProof("nbf or exp")
	default:
		return nil
	}
}

// recent reports whether p was made now, by its own word. Where a nonce of ours
// shows it, the clock of whoever made it does not matter (RFC 9449 section 4.3,
// point 11).
func (p proof) recent(now time.Time) bool {
	return !p.iat.after(now.Add(proofSkew)) && p.iat.after(now.Add(-proofSkew-time.Second))
}

// accessHash is the ath of an access token (RFC 9449 section 4.2).
func accessHash(access string) string {
	sum := sha256.Sum256([]byte(access))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// namesOne reports whether htu is one of addresses, which are ours: without query
// and fragment, and as RFC 3986 sections 6.2.2 and 6.2.3 compare scheme, host and
// port.
func namesOne(htu string, addresses []string) bool {
	if end := strings.IndexAny(htu, "?#"); end >= 0 {
		htu = htu[:end]
	}
	given, ok := normal(htu)
	if !ok {
		return false
	}
	for _, address := range addresses {
		if ours, ok := normal(address); ok && ours == given {
			return true
		}
	}
	return false
}

func normal(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	default:
		return "", false
	}
	return scheme + "://" + host + u.EscapedPath(), true
}
