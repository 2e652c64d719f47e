package provider

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"iess.gob.ec/clave/storage"
)

// nonceWindow is how long one nonce for proofs is handed out. It is good for the
// window after its own too, and in the one before at replicas whose clock is behind.
const nonceWindow = 2 * time.Minute

// possession is what the sender of a request has proved to hold. The zero value is
// nothing.
type possession struct {
	jkt string // thumbprint of a DPoP key (RFC 9449), "" for none
	jti string // of its proof, to be spent
	x5t string // hash of a client certificate (RFC 8705 section 3.1), "" for none
}

// tokenType is the type of an access token bound to p.
func (p possession) tokenType() string {
	if p.jkt != "" {
		return "DPoP"
	}
	return "Bearer"
}

func invalidProof() *protocolError {
	return &protocolError{"invalid_dpop_proof", "the DPoP proof is not valid"}
}

// constrained reports whether every access token of m is bound to a key.
func constrained(m storage.ClientMetadata) bool { return m.DPoPBound || m.CertificateBound }

// possess reads what the sender of a request by c to path has proved to hold, and
// refuses where it is less than c promised.
func (s *Server) possess(ctx context.Context, header http.Header, c *storage.Client, path string) (possession, *protocolError) {
	var p possession
	if c.Metadata.CertificateBound {
		cert := clientCertificate(ctx)
		if cert == nil {
			return p, invalidRequest("the tokens of the client are bound to its certificate, and there is none")
		}
		p.x5t = certificateHash(cert.Raw)
	}
	proofs := header.Values("DPoP")
	if len(proofs) == 0 {
		if c.Metadata.DPoPBound {
			return p, &protocolError{"invalid_dpop_proof", "the tokens of the client are bound to its key, and there is no DPoP proof"}
		}
		return p, nil
	}
	proved, bad := s.prove(ctx, proofs, http.MethodPost, path, "", c)
	p.jkt, p.jti = proved.jkt, proved.jti
	return p, bad
}

// prove checks the DPoP proof of a request by method to path that shows access, in
// the name of c (RFC 9449 section 4.3). It does not spend it.
func (s *Server) prove(ctx context.Context, proofs []string, method, path, access string, c *storage.Client) (proof, *protocolError) {
	refused := func(err error) (proof, *protocolError) {
		s.logger(ctx).WarnContext(ctx, "DPoP proof refused", "client_id", c.ID, "path", path, "error", err)
		return proof{}, invalidProof()
	}
	if len(proofs) != 1 {
		return refused(errProof("one and only one is needed"))
	}
	p, err := readProof(proofs[0])
	if err != nil {
		return refused(err)
	}
	now := s.Now()
	if err := p.check(method, s.addresses(path), access, now); err != nil {
		return refused(err)
	}
	switch {
	case p.nonce != "" && s.knownNonce(p.nonce, now):
		return p, nil
	case p.nonce != "" || needsNonce(c.Metadata):
		return proof{}, &protocolError{"use_dpop_nonce", "the DPoP proof needs the nonce of the DPoP-Nonce header"}
	case !p.recent(now):
		return refused(errProof("iat is too far from now"))
	default:
		return p, nil
	}
}

// needsNonce reports whether the proofs of m must carry a nonce of ours: none can
// then be made beforehand (RFC 9449 section 11.2).
func needsNonce(m storage.ClientMetadata) bool { return m.DPoPBound || m.Profile == profileFAPI2 }

// addresses are those of path as a client may know it.
func (s *Server) addresses(path string) []string {
	out := []string{s.Issuer + path}
	if s.MTLSOrigin != "" {
		out = append(out, s.MTLSOrigin+path)
	}
	return out
}

// spend notes in tx that the proof of p has been used; a second use is refused, at
// whatever replica (RFC 9449 section 11.1).
func (p possession) spend(ctx context.Context, tx *storage.Tx, now time.Time) error {
	if p.jti == "" {
		return nil
	}
	first, err := tx.SpendJTI(ctx, "dpop", p.jkt, p.jti, now.Add(proofMemory))
	if err == nil && !first {
		err = &protocolError{"invalid_dpop_proof", "the DPoP proof has been used before"}
	}
	return err
}

// proofMemory is longer than any proof is taken: its nonce lives for three windows
// at most, its iat counts for less.
const proofMemory = 4 * nonceWindow

// nonce is what proofs made now should carry.
func (s *Server) nonce(now time.Time) string { return s.nonceOf(now.UnixNano() / int64(nonceWindow)) }

func (s *Server) nonceOf(window int64) string {
	return base64.RawURLEncoding.EncodeToString(s.DB.ProofNonce(strconv.FormatInt(window, 10)))
}

func (s *Server) knownNonce(nonce string, now time.Time) bool {
	window, known := now.UnixNano()/int64(nonceWindow), false
	for _, w := range []int64{window, window - 1, window + 1} {
		known = subtle.ConstantTimeCompare([]byte(nonce), []byte(s.nonceOf(w))) == 1 || known
	}
	return known
}

// offerNonce tells whoever sent a proof which nonce the next one needs (RFC 9449
// section 8.2).
func (s *Server) offerNonce(w http.ResponseWriter, r *http.Request) {
	if len(r.Header.Values("DPoP")) > 0 {
		w.Header().Set("DPoP-Nonce", s.nonce(s.Now()))
	}
}

// certificateHash is the x5t#S256 of a certificate (RFC 8705 section 3.1).
func certificateHash(der []byte) string {
	sum := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// shown is an access token as it came to a resource of ours.
type shown struct {
	token  string
	scheme string // Bearer, DPoP; "": in a form
	proofs []string
	method string
}

func invalidToken() *protocolError {
	return &protocolError{"invalid_token", "the access token is not valid"}
}

// owns reports whether whoever showed t holds the keys it is bound to, spending its
// proof (RFC 9449 section 7.1, RFC 8705 section 3). A bound token shown as a bearer
// token is refused, and so is one with a proof that it is not bound to.
func (s *Server) owns(ctx context.Context, v shown, t storage.AccessToken, c *storage.Client, path string) error {
	if t.X5T != "" {
		cert := clientCertificate(ctx)
		if cert == nil || certificateHash(cert.Raw) != t.X5T {
			return invalidToken()
		}
	}
	if dpop := strings.EqualFold(v.scheme, "DPoP"); dpop != (t.JKT != "") {
		return invalidToken()
	} else if !dpop {
		return nil
	}
	p, bad := s.prove(ctx, v.proofs, v.method, path, v.token, c)
	if bad != nil {
		return bad
	}
	if p.jkt != t.JKT {
		return invalidToken()
	}
	now := s.Now()
	return s.DB.InTx(ctx, func(tx *storage.Tx) error {
		return possession{jkt: p.jkt, jti: p.jti}.spend(ctx, tx, now)
	})
}

// challengeFor is the WWW-Authenticate of an answer of a resource of ours with
// error code ("": none) to a token shown under scheme (RFC 6750 section 3, RFC 9449
// section 7.1).
func challengeFor(scheme, code string) string {
	value := `Bearer realm="clave"`
	if strings.EqualFold(scheme, "DPoP") {
		value = `DPoP realm="clave", algs="` + strings.Join(proofAlgs(), " ") + `"`
	}
	if code != "" {
		value += `, error="` + code + `"`
	}
	if code == "insufficient_scope" {
		value += `, scope="openid"`
	}
	return value
}

// confirmation is the cnf of a token (RFC 7800 section 3.1), nil for a bearer
// token.
type confirmation struct {
	JKT string `json:"jkt,omitempty"`
	X5T string `json:"x5t#S256,omitempty"`
}

func confirmationOf(jkt, x5t string) *confirmation {
	if jkt == "" && x5t == "" {
		return nil
	}
	return &confirmation{jkt, x5t}
}

// refusedTo reports whether p lacks a key that refresh tokens of g are bound to.
func (p possession) refusedTo(g *storage.Grant) bool {
	return g.JKT != "" && g.JKT != p.jkt || g.X5T != "" && g.X5T != p.x5t
}

// target is for whom an access token is, and to which keys it is bound.
type target struct {
	audience string
	possession
}
