package provider

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage/storagetest"
)

// jkt is the thumbprint of k.
func (k testKey) jkt(t *testing.T) string {
	t.Helper()
	sum, err := (&jose.JSONWebKey{Key: k.private.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// proofWith is a DPoP proof by key in alg, whose header and claims are changed.
func proofWith(t *testing.T, key any, alg jose.SignatureAlgorithm, header map[string]any, claims any) string {
	t.Helper()
	opts := &jose.SignerOptions{EmbedJWK: true, ExtraHeaders: map[jose.HeaderKey]any{"typ": "dpop+jwt"}}
	for name, value := range header {
		opts.ExtraHeaders[jose.HeaderKey(name)] = value
	}
	if header["jwk"] != nil {
		opts.EmbedJWK = false
	}
	return signed(t, jose.SigningKey{Algorithm: alg, Key: key}, opts, claims)
}

// proofClaims are those of a good proof, changed by pairs; nil removes.
func (h *house) proofClaims(method, path string, pairs ...any) map[string]any {
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": h.url + path, "iat": h.clock.now().Unix()}
	for i := 0; i+1 < len(pairs); i += 2 {
		name := pairs[i].(string) //nolint:forcetypeassert // written so
		if pairs[i+1] == nil {
			delete(claims, name)
		} else {
			claims[name] = pairs[i+1]
		}
	}
	return claims
}

// proof is a good DPoP proof by k, changed by pairs.
func (h *house) proof(k testKey, method, path string, pairs ...any) string {
	h.t.Helper()
	return proofWith(h.t, k.private, jose.ES256, nil, h.proofClaims(method, path, pairs...))
}

// bound are tokens of mobile, a public client, bound to k.
func (h *house) bound(k testKey) answerOf {
	h.t.Helper()
	code := h.code("mobile", "scope", "openid offline_access")
	f := with(h.redeem("mobile", code), "client_id", "mobile")
	a := h.json(h.do(http.MethodPost, PathToken, f.Encode(), "DPoP", h.proof(k, http.MethodPost, PathToken)))
	if a.status != http.StatusOK {
		h.t.Fatalf("token: got %d %s", a.status, a.text)
	}
	return a
}

// show brings access to userinfo under scheme with a proof.
func (h *house) show(scheme, access, proof string) answerOf {
	h.t.Helper()
	header := []string{"Authorization", scheme + " " + access}
	if proof != "" {
		header = append(header, "DPoP", proof)
	}
	return h.json(h.do(http.MethodGet, PathUserinfo, "", header...))
}

func TestRFC9449_BCP_2_2_1_ASVS_10_3_5_TokensServeOnlyWhoHoldsTheKey(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key, thief := newTestKey(t, ""), newTestKey(t, "")
		a := h.bound(key)
		access := a.get("access_token")
		want(t, "token_type", a.get("token_type"), "DPoP")
		proof := func(k testKey, pairs ...any) string {
			return h.proof(k, http.MethodGet, PathUserinfo, append([]any{"ath", accessHash(access)}, pairs...)...)
		}
		for _, scheme := range []string{"DPoP", "dpop", "DPOP"} {
			want(t, scheme, h.show(scheme, access, proof(key)).status, http.StatusOK)
		}
		algs := `algs="ES256 PS256 EdDSA"`
		for name, got := range map[string]answerOf{
			"as a bearer token":            h.show("Bearer", access, ""),
			"as a bearer token with proof": h.show("Bearer", access, proof(key)),
			"by another key":               h.show("DPoP", access, proof(thief)),
			"without a proof":              h.show("DPoP", access, ""),
			"without ath":                  h.show("DPoP", access, proof(key, "ath", nil)),
			"with another token's ath":     h.show("DPoP", access, proof(key, "ath", accessHash("x"))),
			"by another method":            h.show("DPoP", access, h.proof(key, http.MethodPost, PathUserinfo, "ath", accessHash(access))),
			"in a form":                    h.json(h.do(http.MethodPost, PathUserinfo, "access_token="+access, "DPoP", proof(key))),
		} {
			want(t, name, got.status, http.StatusUnauthorized)
			challenge := got.header.Get("WWW-Authenticate")
			if dpop := strings.HasPrefix(challenge, "DPoP "); dpop && !strings.Contains(challenge, algs) || !strings.Contains(challenge, `error="`+got.get("error")+`"`) {
				t.Errorf("%s: challenge %s with %s", name, challenge, got.get("error"))
			}
		}
		plain := h.tokens("web", "openid").get("access_token")
		unbound := h.proof(key, http.MethodGet, PathUserinfo, "ath", accessHash(plain))
		want(t, "a bearer token is no DPoP token", h.show("DPoP", plain, unbound).get("error"), "invalid_token")
		want(t, "a bearer token, and a proof nobody asked for", h.show("Bearer", plain, unbound).status, http.StatusOK)
		res, _ := h.do(http.MethodGet, PathUserinfo, "")
		want(t, "both schemes are offered", strings.Join(res.Header.Values("WWW-Authenticate"), " | "), `Bearer realm="clave" | DPoP realm="clave", `+algs)
	})
}

// Nothing else binds a public client's refresh token (RFC 9449 section 5); a thief
// who lacks the key does not even end the family.
func TestRFC9449_5_ASVS_10_4_5_RefreshTokensOfPublicClientsAreBound(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key, thief := newTestKey(t, ""), newTestKey(t, "")
		token := h.bound(key).get("refresh_token")
		f := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {"mobile"}}.Encode()
		want(t, "without proof", h.json(h.do(http.MethodPost, PathToken, f)).get("error"), "invalid_grant")
		want(t, "another key", h.json(h.do(http.MethodPost, PathToken, f, "DPoP", h.proof(thief, http.MethodPost, PathToken))).get("error"), "invalid_grant")
		got := h.json(h.do(http.MethodPost, PathToken, f, "DPoP", h.proof(key, http.MethodPost, PathToken)))
		want(t, "its key", got.status, http.StatusOK)
		want(t, "rotated", got.get("refresh_token") != "" && got.get("refresh_token") != token, true)
		want(t, "token_type", got.get("token_type"), "DPoP")
		want(t, "replays seen", h.audited(eventRefreshReplayed), 0)
	})
}

// What the RFC tells to check (section 4.3) is checked wherever a proof may come.
func TestRFC9449_4_3_FaultyProofsAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storagetest.Open(t, "sqlite")) // nothing of it depends on the database
	key, now := newTestKey(t, ""), h.clock.now().Unix()
	private := map[string]any{"kty": "EC", "crv": "P-256"}
	if raw, err := json.Marshal(jose.JSONWebKey{Key: key.private}); err != nil || json.Unmarshal(raw, &private) != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good := func(pairs ...any) map[string]any { return h.proofClaims(http.MethodPost, PathToken, pairs...) }
	by := func(header map[string]any, pairs ...any) string {
		return proofWith(t, key.private, jose.ES256, header, good(pairs...))
	}
	text := func(members string, pairs ...any) string { // with members as they are written
		claims, err := json.Marshal(good(pairs...))
		if err != nil {
			t.Fatal(err)
		}
		return proofWith(t, key.private, jose.ES256, nil, json.RawMessage("{"+members+","+string(claims[1:])))
	}
	parts := strings.Split(by(nil), ".")
	other := strings.Split(by(nil), ".")
	head := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	public, err := json.Marshal(jose.JSONWebKey{Key: key.private.Public()})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 300)
	for name, proof := range map[string]string{
		"no JWS":                "x",
		"two parts":             parts[0] + "." + parts[1],
		"another signature":     parts[0] + "." + parts[1] + "." + other[2],
		"no signature":          parts[0] + "." + parts[1] + ".",
		"alg none":              head(`{"typ":"dpop+jwt","alg":"none","jwk":`+string(public)+`}`) + "." + parts[1] + ".",
		"no alg":                head(`{"typ":"dpop+jwt","jwk":`+string(public)+`}`) + "." + parts[1] + "." + parts[2],
		"no jwk":                head(`{"typ":"dpop+jwt","alg":"ES256"}`) + "." + parts[1] + "." + parts[2],
		"a symmetric key":       head(`{"typ":"dpop+jwt","alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}`) + "." + parts[1] + "." + parts[2],
		"a point off the curve": head(`{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}}`) + "." + parts[1] + "." + parts[2],
		"no typ":                by(map[string]any{"typ": "JWT"}),
		"another typ":           by(map[string]any{"typ": "dpop+jwt+x"}),
		"a critical header":     by(map[string]any{"crit": []string{"x"}, "x": 1}),
		"a private key":         by(map[string]any{"jwk": private}),
		"another curve":         proofWith(t, p384, jose.ES384, nil, good()),
		"a weak RSA key":        proofWith(t, weak, jose.PS256, nil, good()),
		"RS256":                 proofWith(t, weak, jose.RS256, nil, good()),
		"no jti":                by(nil, "jti", nil),
		"empty jti":             by(nil, "jti", ""),
		"long jti":              by(nil, "jti", long),
		"jti a number":          by(nil, "jti", 5),
		"no htm":                by(nil, "htm", nil),
		"another htm":           by(nil, "htm", "GET"),
		"htm in small letters":  by(nil, "htm", "post"),
		"no htu":                by(nil, "htu", nil),
		"another path":          by(nil, "htu", h.url+PathPush),
		"another host":          by(nil, "htu", "https://evil.example"+PathToken),
		"a longer path":         by(nil, "htu", h.url+PathToken+"/"),
		"a path that begins so": by(nil, "htu", h.url+PathToken+"x"),
		"a user in front":       by(nil, "htu", strings.Replace(h.url, "://", "://a@", 1)+PathToken),
		"an escaped path":       by(nil, "htu", h.url+"/oauth%2Ftoken"),
		"no iat":                by(nil, "iat", nil),
		"iat a text":            by(nil, "iat", "now"),
		"12 seconds old":        by(nil, "iat", now-12),
		"12 seconds ahead":      by(nil, "iat", now+12),
		"an hour old":           by(nil, "iat", now-3600),
		"nbf ahead":             by(nil, "nbf", now+60),
		"exp past":              by(nil, "exp", now-60),
		"a claim twice":         text(`"jti":"a","jti":"b"`, "jti", nil),
		"JTI for jti":           by(nil, "jti", nil, "JTI", "a"),
		"not UTF-8":             text("\"x\":\"\xff\""),
		"deeper than anybody":   text(`"x":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)),
		"too long":              by(nil, "x", strings.Repeat("x", maxProof)),
		"a client assertion":    key.sign(t, "JWT", h.assertionClaims("mobile")),
		"an ID token":           h.tokens("web", "openid").get("id_token"),
		"empty":                 " ",
		"two in one header":     by(nil) + ", " + by(nil),
	} {
		code := h.code("mobile")
		f := with(h.redeem("mobile", code), "client_id", "mobile").Encode()
		got := h.json(h.do(http.MethodPost, PathToken, f, "DPoP", proof))
		want(t, name, got.status, http.StatusBadRequest)
		want(t, name, got.get("error"), "invalid_dpop_proof")
		want(t, name+": burned", h.token("mobile", h.redeem("mobile", code)).status, http.StatusOK)
	}
	for name, proof := range map[string]string{
		"10 seconds old":       by(nil, "iat", now-10),
		"10 seconds ahead":     by(nil, "iat", now+10),
		"nbf now, exp in five": by(nil, "nbf", now, "exp", now+300),
		"query and fragment":   by(nil, "htu", h.url+PathToken+"?a=b#c"),
		"other letters":        by(nil, "htu", strings.Replace(h.url, "http", "HTTP", 1)+PathToken),
		"typ in other letters": by(map[string]any{"typ": "DPoP+JWT"}), // RFC 7515 section 4.1.9
		"more than is known":   by(map[string]any{"x": 1}, "y", 2),
		"EdDSA":                proofWith(t, ed, jose.EdDSA, nil, good()),
	} {
		f := with(h.redeem("mobile", h.code("mobile")), "client_id", "mobile").Encode()
		got := h.json(h.do(http.MethodPost, PathToken, f, "DPoP", proof))
		want(t, name, got.status, http.StatusOK)
	}
}

func TestRFC9449_4_3_HeaderComesOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := newTestKey(t, "")
		access := h.bound(key).get("access_token")
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+PathUserinfo, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "DPoP "+access)
		for range 2 {
			req.Header.Add("DPoP", h.proof(key, http.MethodGet, PathUserinfo, "ath", accessHash(access)))
		}
		res, err := h.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		want(t, "two proofs", res.StatusCode, http.StatusUnauthorized)
	})
}

// Fifty uses of one proof at once, one of which succeeds; afterwards none, though
// its key and time are still good (RFC 9449 section 11.1).
func TestT18_RFC9449_11_1_ProofCountsOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := newTestKey(t, "")
		access := h.bound(key).get("access_token")
		claims := h.proofClaims(http.MethodGet, PathUserinfo, "ath", accessHash(access))
		proof := proofWith(t, key.private, jose.ES256, nil, claims)
		fiftyAtOnce(t, func() (*http.Response, error) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+PathUserinfo, nil)
			if err != nil {
				return nil, err
			}
			req.Header.Set("Authorization", "DPoP "+access)
			req.Header.Set("DPoP", proof)
			return h.http.Do(req)
		})
		again := maps.Clone(claims)
		again["x"] = 1
		got := h.show("DPoP", access, proofWith(t, key.private, jose.ES256, nil, again))
		want(t, "its jti in another proof", got.get("error"), "invalid_dpop_proof")
		if _, err := h.db.Purge(t.Context(), h.clock.now().Add(3*nonceWindow), 100); err != nil {
			t.Fatal(err)
		}
		want(t, "remembered while it lives", h.show("DPoP", access, proof).get("error"), "invalid_dpop_proof")
		f := with(h.redeem("mobile", h.code("mobile")), "client_id", "mobile").Encode()
		once := h.proof(key, http.MethodPost, PathToken)
		want(t, "at the token endpoint", h.json(h.do(http.MethodPost, PathToken, f, "DPoP", once)).status, http.StatusOK)
		f = with(h.redeem("mobile", h.code("mobile")), "client_id", "mobile").Encode()
		want(t, "there again", h.json(h.do(http.MethodPost, PathToken, f, "DPoP", once)).get("error"), "invalid_dpop_proof")
		want(t, "and the code is not burned", h.json(h.do(http.MethodPost, PathToken, f, "DPoP", h.proof(key, http.MethodPost, PathToken))).status, http.StatusOK)
	})
}

// The code is bound to the key that was named when it was asked for, by parameter
// or by a proof (RFC 9449 section 10).
func TestRFC9449_10_CodeIsBoundToTheKey(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key, thief := newTestKey(t, ""), newTestKey(t, "")
		redeem := func(client, code string, proof ...string) answerOf {
			var header []string
			if len(proof) > 0 {
				header = []string{"DPoP", proof[0]}
			}
			f := h.redeem(client, code)
			if client == "mobile" {
				return h.json(h.do(http.MethodPost, PathToken, with(f, "client_id", client).Encode(), header...))
			}
			return h.post(PathToken, client, f, header...)
		}
		proof := func(k testKey) string { return h.proof(k, http.MethodPost, PathToken) }
		pushed := h.push("web", h.request("web"), "DPoP", h.proof(key, http.MethodPost, PathPush))
		for name, tt := range map[string]struct{ client, code string }{
			"dpop_jkt":          {"mobile", h.code("mobile", "dpop_jkt", key.jkt(t))},
			"dpop_jkt, pushed":  {"web", location(t, h.visit("web", h.pushed("web", "dpop_jkt", key.jkt(t)))).Get("code")},
			"proof at the push": {"web", location(t, h.visit("web", pushed.get("request_uri"))).Get("code")},
		} {
			want(t, name+": another key", redeem(tt.client, tt.code, proof(thief)).get("error"), "invalid_grant")
			want(t, name+": no proof", redeem(tt.client, tt.code).get("error"), "invalid_grant")
			got := redeem(tt.client, tt.code, proof(key))
			want(t, name, got.status, http.StatusOK)
			want(t, name, got.get("token_type"), "DPoP")
		}
		mismatch := h.push("web", h.request("web", "dpop_jkt", thief.jkt(t)), "DPoP", h.proof(key, http.MethodPost, PathPush))
		want(t, "two keys at the push", mismatch.get("error"), "invalid_dpop_proof")
		want(t, "a proof for elsewhere", h.push("web", h.request("web"), "DPoP", proof(key)).get("error"), "invalid_dpop_proof")
		once := h.proof(key, http.MethodPost, PathPush)
		want(t, "once", h.push("web", h.request("web"), "DPoP", once).status, http.StatusCreated)
		want(t, "twice", h.push("web", h.request("web"), "DPoP", once).get("error"), "invalid_dpop_proof")
		want(t, "no thumbprint", h.authorize(h.request("mobile", "dpop_jkt", "x")).Get("error"), "invalid_request")
	})
}

func TestProofNonceOutlivesItsWindow(t *testing.T) {
	h := newHouse(t, storagetest.Open(t, "sqlite"))
	nonce := h.nonce(h.clock.now())
	for _, tt := range []struct {
		at   time.Duration
		want bool
	}{{-nonceWindow, true}, {0, true}, {nonceWindow, true}, {-2 * nonceWindow, false}, {2 * nonceWindow, false}, {24 * time.Hour, false}} {
		want(t, tt.at.String(), h.knownNonce(nonce, h.clock.now().Add(tt.at)), tt.want)
	}
	want(t, "another", h.knownNonce(nonce[1:]+"A", h.clock.now()), false)
	want(t, "none", h.knownNonce("", h.clock.now()), false)
	want(t, "the next one differs", h.nonce(h.clock.now().Add(nonceWindow)) == nonce, false)
}
