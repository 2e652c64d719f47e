package server

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"iess.gob.ec/clave/provider"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// Kinds of tokens by how they came.
const (
	kindCode    = "code"
	kindRefresh = "refresh_token"
	kindMachine = "client_credentials"
)

// issuedToken is a signed token that an application got, or why it got none.
type issuedToken struct {
	kind, token, kid string
	iat, exp         time.Time
	refused          []string // by which applications at once, and why
	err              error
}

// fleet is two replicas behind one address, a person who is signed in, and the
// applications that verify what they get. Its fields below the blank line are of
// who lets time pass.
type fleet struct {
	t       *testing.T
	clock   atomic.Int64 // nanoseconds since begin
	begin   time.Time
	issuer  string
	servers []*Server
	at      []string // their addresses
	browser *http.Client
	plain   *http.Client
	apps    []*relying
	came    chan issuedToken
	rotated atomic.Int64

	turns    int64 // rotations that were noticed, the last one at turned
	turned   time.Time
	later    []late
	issued   map[string]int
	kids     map[string]bool
	gone     string // the key that was revoked
	goneAt   time.Time
	failures int
}

func (f *fleet) now() time.Time { return f.begin.Add(time.Duration(f.clock.Load())) }

// fail counts what must not be; the first ones are told.
func (f *fleet) fail(format string, args ...any) {
	f.t.Helper()
	if f.failures++; f.failures <= 10 {
		f.t.Errorf(format, args...)
	}
}

const fleetClients = `[
{"client_id":"web","client_secret":"` + webSecret + `","client_name":"Web","redirect_uris":["https://web.example/cb"],
 "grant_types":["authorization_code","refresh_token"],"scope":"openid profile offline_access","iess_first_party":true,"iess_access_token_format":"jwt"},
{"client_id":"tool","client_secret":"` + webSecret + `","client_name":"Tool","grant_types":["client_credentials"],"scope":"historia:leer",
 "iess_access_token_format":"jwt","iess_resources":["urn:iess:api"]},
{"client_id":"api","client_secret":"` + webSecret + `","client_name":"API","grant_types":[],"iess_resource_server":"urn:iess:api"}]`

func newFleet(t *testing.T, engine string) *fleet {
	t.Helper()
	f := &fleet{
		t: t, begin: storagetest.Noon(), came: make(chan issuedToken, 16), issued: map[string]int{}, kids: map[string]bool{},
		plain: &http.Client{Timeout: time.Minute},
	}
	doors := []net.Listener{listener(t), listener(t)}
	address := storagetest.URL(t, engine)
	_, port, err := net.SplitHostPort(doors[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	f.issuer = "http://localhost:" + port
	for _, door := range doors {
		s, _ := openOn(t, address, func(c *Config) {
			c.Issuer, c.Now = f.issuer, f.now
			c.Provider.KeyCache, c.Provider.KeyLife = rotationCache, rotationLife
			c.Provider.AccessLife, c.Provider.IDTokenLife = rotationAccess, rotationID
			c.Login.Idle, c.Login.Absolute = 24*time.Hour, 24*time.Hour
			c.Storage.OnEvents = func(events []storage.Event) {
				for _, e := range events {
					if e.Name == "key.rotated" {
						f.rotated.Add(1)
					}
				}
			}
		})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx, door, nil) }()
		t.Cleanup(func() {
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		f.servers, f.at = append(f.servers, s), append(f.at, door.Addr().String())
	}
	f.balance()
	f.signIn()
	for range 4 { // each reads the JWKS at other times than the rest
		r := &relying{issuer: f.issuer, client: f.plain, now: f.now}
		if err := r.read(); err != nil {
			t.Fatal(err)
		}
		f.apps = append(f.apps, r)
		f.clock.Add(int64(rotationCache / 4))
	}
	return f
}

// balance leads each new connection to the other replica.
func (f *fleet) balance() {
	var n atomic.Int64
	network := &http.Transport{MaxIdleConnsPerHost: 16, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, f.at[int(n.Add(1))%len(f.at)])
	}}
	f.t.Cleanup(network.CloseIdleConnections)
	jar, err := cookiejar.New(nil)
	if err != nil {
		f.t.Fatal(err)
	}
	f.plain.Transport = network
	f.browser = &http.Client{Timeout: time.Minute, Jar: jar, Transport: network, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// signIn has the person sign in at web, and see its notice, once.
func (f *fleet) signIn() {
	f.t.Helper()
	s := f.servers[0]
	all, err := provider.ParseClients([]byte(fleetClients))
	if err != nil {
		f.t.Fatal(err)
	}
	for _, one := range all {
		storagetest.InTx(f.t, s.db, func(tx *storage.Tx) error { return one.Apply(f.t.Context(), tx, f.now()) })
	}
	phc, err := mustHasher(f.t, s.cfg.Hash).Make(f.t.Context(), timingClave)
	if err != nil {
		f.t.Fatal(err)
	}
	a := storagetest.AddAfiliado(f.t, s.db, storage.Afiliado{})
	storagetest.AddClave(f.t, s.db, a.ID, phc, time.Time{})
	f.clock.Add(int64(time.Second)) // both know the applications
	(&person{t: f.t, server: s, client: f.browser}).code()
}

// signOn gets a code with the session, and tokens for it.
func (f *fleet) signOn(ctx context.Context) ([]issuedToken, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.issuer+provider.PathAuthorize+"?"+request().Encode(), nil)
	if err != nil {
		return nil, "", err
	}
	res, err := f.browser.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	to, err := res.Location()
	if err != nil {
		return nil, "", fmt.Errorf("authorize: %s: %w", res.Status, err)
	}
	return f.person(ctx, kindCode, url.Values{
		"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "redirect_uri": {"https://web.example/cb"},
		"code_verifier": {"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
	})
}

// person gets tokens for the person, of which two are signed, and a refresh token.
func (f *fleet) person(ctx context.Context, kind string, form url.Values) ([]issuedToken, string, error) {
	got, err := f.post(ctx, f.issuer, provider.PathToken, "web", form)
	if err != nil {
		return nil, "", err
	}
	var tokens []issuedToken
	for _, name := range []string{"id_token", "access_token"} {
		token, err := readToken(kind, got[name])
		if err != nil {
			return nil, "", fmt.Errorf("%s of %v: %w", name, got, err)
		}
		tokens = append(tokens, token)
	}
	refresh, _ := got["refresh_token"].(string)
	return tokens, refresh, nil
}

// machine gets an access token of tool's own.
func (f *fleet) machine(ctx context.Context) (issuedToken, error) {
	got, err := f.post(ctx, f.issuer, provider.PathToken, "tool", url.Values{"grant_type": {"client_credentials"}, "resource": {"urn:iess:api"}})
	if err != nil {
		return issuedToken{}, err
	}
	return readToken(kindMachine, got["access_token"])
}

// counts reports whether replica i takes a token of tool.
func (f *fleet) counts(t *testing.T, i int, token string) bool {
	t.Helper()
	got, err := f.post(t.Context(), "http://"+f.at[i], provider.PathInspect, "api", url.Values{"token": {token}})
	if err != nil {
		t.Fatal(err)
	}
	return got["active"] == true
}

// published are the ids of the keys that replica i publishes.
func (f *fleet) published(t *testing.T, i int) []string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+f.at[i]+provider.PathKeys, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.read(r)
	if err != nil {
		t.Fatal(err)
	}
	var kids []string
	keys, _ := got["keys"].([]any)
	for _, k := range keys {
		kid, _ := k.(map[string]any)["kid"].(string)
		kids = append(kids, kid)
	}
	return kids
}

func (f *fleet) post(ctx context.Context, to, path, client string, form url.Values) (map[string]any, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(client, webSecret)
	return f.read(r)
}

// read sends r to the replica it names, or to either.
func (f *fleet) read(r *http.Request) (map[string]any, error) {
	client := f.plain
	if slices.Contains(f.at, r.URL.Host) {
		client = http.DefaultClient
	}
	r.Host = strings.TrimPrefix(f.issuer, "http://")
	res, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s %s: %w", r.URL.Path, res.Status, body, err)
	}
	var out map[string]any
	err = json.Unmarshal(body, &out)
	return out, err
}

// readToken reads a token without verifying it.
func readToken(kind string, raw any) (issuedToken, error) {
	token, _ := raw.(string)
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return issuedToken{}, fmt.Errorf("%v is no JWT", raw)
	}
	var head struct {
		KID string `json:"kid"`
	}
	var claims struct {
		Iat int64 `json:"iat"`
		Exp int64 `json:"exp"`
	}
	for i, to := range []any{&head, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err == nil {
			err = json.Unmarshal(text, to)
		}
		if err != nil {
			return issuedToken{}, err
		}
	}
	return issuedToken{kind: kind, token: token, kid: head.KID, iat: time.Unix(claims.Iat, 0), exp: time.Unix(claims.Exp, 0)}, nil
}

// handOver gives each token to every application at once, and then to who keeps
// them.
func (f *fleet) handOver(ctx context.Context, tokens []issuedToken, err error) {
	if err != nil {
		tokens = []issuedToken{{err: err}}
	}
	for _, token := range tokens {
		for i, r := range f.apps {
			if token.err != nil {
				break
			}
			if _, err := r.verify(token.token); err != nil {
				token.refused = append(token.refused, fmt.Sprintf("application %d: %v", i, err))
			}
		}
		select {
		case f.came <- token:
		case <-ctx.Done():
			return
		}
	}
}
