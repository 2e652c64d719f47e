package rp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/cmd/demo/rp/rptest"
	"iess.gob.ec/clave/storage"
)

// signingKey is the key with which the provider signs, and its id.
func (w *world) signingKey() (any, string) {
	w.t.Helper()
	keys, err := w.db.SigningKeys(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, k := range keys {
		if k.State == storage.KeyActive && k.Alg == "ES256" {
			private, err := x509.ParsePKCS8PrivateKey(k.Private)
			if err != nil {
				w.t.Fatal(err)
			}
			return private, k.KID
		}
	}
	w.t.Fatal("no key signs")
	return nil, ""
}

func sign(t *testing.T, key any, kid, typ string, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: kid}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// end sends a logout token as the provider does and returns the status.
func (w *world) end(token string) int {
	w.t.Helper()
	res, err := http.PostForm(w.base+"/fin-de-sesion", url.Values{"logout_token": {token}})
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		w.t.Fatal(err)
	}
	if got := res.Header.Get("Cache-Control"); got != "no-store" {
		w.t.Errorf("Cache-Control: got %q", got)
	}
	return res.StatusCode
}

// claimOf is a claim of the ID token as /datos shows it.
func claimOf(t *testing.T, p *rptest.Page, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(strings.ReplaceAll(p.Body, "&#34;", `"`), `"`+name+`": "`)
	value, _, _ := strings.Cut(rest, `"`)
	if !ok {
		t.Fatalf("no %s in %s", name, p.Text())
	}
	return value
}

// An application ends what a logout token names, and nothing for a token that is
// not one (ASVS 10.5.5, OpenID Connect Back-Channel Logout 1.0, section 2.6).
func TestASVS_10_5_5_T18_LogoutTokens(t *testing.T) {
	w := newWorld(t, "sqlite")
	hers, elsewhere, his := rptest.New(t), rptest.New(t), rptest.New(t)
	w.signIn(hers, maria, mariaClave)
	w.signIn(elsewhere, maria, mariaClave)
	w.signIn(his, pedro, pedroClave)
	data := hers.Get(w.base + "/datos")
	sid, sub := claimOf(t, data, "sid"), claimOf(t, data, "sub")
	inside := func(b *rptest.Browser) bool { return b.Get(w.base+"/datos").Status == http.StatusOK }

	key, kid := w.signingKey()
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	good := map[string]any{
		"iss": w.issuer, "aud": "prestamos", "sub": sub, "sid": sid, "iat": now, "exp": now + 120, "jti": "one",
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	with := func(name string, value any) map[string]any {
		out := maps.Clone(good)
		if out[name] = value; value == nil {
			delete(out, name)
		}
		return out
	}
	idToken := ""
	for _, seen := range w.wire.seen {
		if strings.Count(seen, ".") == 2 {
			idToken = seen
		}
	}
	unsigned := "eyJhbGciOiJub25lIiwidHlwIjoibG9nb3V0K2p3dCJ9." + strings.Split(sign(t, key, kid, "logout+jwt", good), ".")[1] + "."
	neither := with("sid", nil)
	delete(neither, "sub")
	for name, token := range map[string]string{
		"none": "", "not a token": "x.y.z", "alg none": unsigned, "an ID token": idToken,
		"typ JWT":            sign(t, key, kid, "JWT", good),
		"another key":        sign(t, other, kid, "logout+jwt", good),
		"an unknown key":     sign(t, other, "nobody", "logout+jwt", good),
		"another issuer":     sign(t, key, kid, "logout+jwt", with("iss", "https://clave.example")),
		"another audience":   sign(t, key, kid, "logout+jwt", with("aud", "historia-laboral")),
		"two audiences":      sign(t, key, kid, "logout+jwt", with("aud", []string{"prestamos", "historia-laboral"})),
		"a nonce":            sign(t, key, kid, "logout+jwt", with("nonce", "x")),
		"no events":          sign(t, key, kid, "logout+jwt", with("events", nil)),
		"another event":      sign(t, key, kid, "logout+jwt", with("events", map[string]any{"https://x.example": map[string]any{}})),
		"an event as text":   sign(t, key, kid, "logout+jwt", with("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": "x"})),
		"no jti":             sign(t, key, kid, "logout+jwt", with("jti", nil)),
		"no iat":             sign(t, key, kid, "logout+jwt", with("iat", nil)),
		"of tomorrow":        sign(t, key, kid, "logout+jwt", with("iat", now+3600)),
		"no exp":             sign(t, key, kid, "logout+jwt", with("exp", nil)),
		"expired":            sign(t, key, kid, "logout+jwt", with("exp", now-60)),
		"good for a day":     sign(t, key, kid, "logout+jwt", with("exp", now+24*3600)),
		"of nobody":          sign(t, key, kid, "logout+jwt", neither),
		"a token cut":        sign(t, key, kid, "logout+jwt", good)[:40],
		"claims not of JSON": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImxvZ291dCtqd3QifQ.eA.eA",
	} {
		if got := w.end(token); got != http.StatusBadRequest {
			t.Errorf("%s: got %d, want 400", name, got)
		}
	}
	if !inside(hers) || !inside(elsewhere) || !inside(his) {
		t.Fatal("a bad token ended a session")
	}
	token := sign(t, key, kid, "logout+jwt", good)
	if got := w.end(token); got != http.StatusOK || inside(hers) || !inside(elsewhere) {
		t.Errorf("by sid: got %d, inside %v, elsewhere %v; want that one session over", got, inside(hers), inside(elsewhere))
	}
	if got := w.end(token); got != http.StatusOK || !inside(elsewhere) {
		t.Errorf("once more: got %d, want 200 and nothing done", got)
	}
	person := with("jti", "two")
	delete(person, "sid")
	if got := w.end(sign(t, key, kid, "logout+jwt", person)); got != http.StatusOK || inside(elsewhere) || !inside(his) {
		t.Errorf("by sub: got %d, hers elsewhere %v, his %v; want all of hers over and his not", got, inside(elsewhere), inside(his))
	}
	w.wire.mu.Lock()
	w.wire.cut = true
	w.wire.mu.Unlock()
	if got := w.end(sign(t, other, "new", "logout+jwt", with("jti", "three"))); got < 500 {
		t.Errorf("while the provider's keys cannot be had: got %d, want to be asked again", got)
	}
	if p := rptest.New(t).Get(w.base + "/fin-de-sesion"); p.Status != http.StatusMethodNotAllowed && p.Status != http.StatusNotFound {
		t.Errorf("GET: got %d", p.Status)
	}
}

// What the provider sends ends the session, and its page says so.
func TestLogoutAtTheProviderEndsTheSessionHere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := rptest.New(t)
		w.want(w.signIn(b, maria, mariaClave), http.StatusOK, "María Fernanda Quishpe Andrade")
		b.Get(w.issuer + "/oauth/logout")
		p := b.Press("salir", nil)
		if p.URL.Path != "/oauth/logout/fin" || !strings.Contains(p.Text(), "Las aplicaciones en las que ingresó Préstamos") {
			t.Errorf("got %s: %s", p.URL, p.Text())
		}
		look := time.NewTicker(20 * time.Millisecond)
		defer look.Stop()
		for !strings.Contains(p.Text(), "Cerrada") {
			<-look.C
			p = b.Get(p.URL.String())
		}
		w.want(b.Get(w.base+"/datos"), http.StatusUnauthorized, "Ingrese para continuar")
	})
}
