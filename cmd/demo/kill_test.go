package main

import (
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// killRounds is how often the provider is killed on each database. A longer run:
// CLAVE_KILLS=2000 go test -run TestFT01 -timeout 2h ./cmd/demo.
const killRounds = 60

// killClave is the expired clave that everybody of FT-01 has in the beginning.
const killClave = "Chimborazo6263y"

// TestFT01_Kill kills the provider with kill -9 in the middle of a login, a
// renewal, a code exchange and a refresh: at every statement and around every
// commit, then at random moments, killRounds times on each database. After each
// death the invariants hold, what was acknowledged is there, and the person
// comes to her application.
func TestFT01_Kill(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("CLAVE_KILL_SEED"), 10, 64); err == nil {
		seed = s
	}
	rounds := killRounds
	if n, err := strconv.Atoi(os.Getenv("CLAVE_KILLS")); err == nil {
		rounds = n
	}
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel() // each waits most of the time for a process to start
			t.Logf("seed %d (CLAVE_KILL_SEED)", seed)
			k := newKiller(t, engine, rand.New(rand.NewPCG(seed, 1)), rounds)
			k.sweep()
			k.random()
			k.provider.kill()
			k.provider.gone()
			auditHolds(t, k.Database)
			t.Logf("%d deaths: %d at statements, %d at random moments; %d answers were acknowledged before the end",
				k.deaths, k.deaths-k.randoms, k.randoms, k.acknowledged)
		})
	}
}

// killer goes through rounds of a journey, death and recovery.
type killer struct {
	killSettings
	t        *testing.T
	chance   *rand.Rand
	rounds   int
	provider *process
	metadata endpoints
	next     int                      // the next person nobody has used
	took     map[string]time.Duration // how long each deed takes where nobody dies

	deaths, randoms, acknowledged int
}

func newKiller(t *testing.T, engine string, chance *rand.Rand, rounds int) *killer {
	t.Helper()
	k := &killer{t: t, chance: chance, rounds: rounds, took: map[string]time.Duration{}}
	k.killSettings = killSettings{Database: storagetest.URL(t, engine), Address: "localhost:" + strconv.Itoa(freePort(t))}
	k.fill()
	k.provider = startProvider(t, k.killSettings)
	t.Cleanup(func() { k.provider.kill() })
	k.metadata = discover(t, k.issuer())
	return k
}

// fill registers the application and as many people as there are rounds, all
// with the same expired clave, who have seen the notice.
func (k *killer) fill() {
	k.t.Helper()
	db, err := storage.Open(k.t.Context(), storage.Config{URL: k.Database, Keys: storagetest.Keys()})
	if err != nil {
		k.t.Fatal(err)
	}
	defer db.Close()
	file, err := json.Marshal([]map[string]any{{
		"client_id": killClient, "client_secret": interopSecret, "client_name": "FT-01", "client_uri": "http://localhost:9/inicio",
		"redirect_uris": []string{interopCallback}, "grant_types": []string{"authorization_code", "refresh_token"},
		"response_types": []string{"code"}, "scope": "openid cedula offline_access", "iess_first_party": true,
	}})
	if err != nil {
		k.t.Fatal(err)
	}
	if err := register(k.t.Context(), db, file, time.Now()); err != nil {
		k.t.Fatal(err)
	}
	hash, err := login.NewHasher(login.HashConfig{Memory: 64, Passes: 1})
	if err != nil {
		k.t.Fatal(err)
	}
	phc, err := hash.Make(k.t.Context(), killClave)
	if err != nil {
		k.t.Fatal(err)
	}
	set := time.Now().Add(-400 * day)
	storagetest.InTx(k.t, db, func(tx *storage.Tx) error {
		for i := range k.rounds*2 + 200 {
			a := storage.Afiliado{
				ID: storage.NewID(), Identifier: generated(i), IdentifierType: storage.IdentifierCedula, GivenName: "Afiliado", FamilyName: "de prueba",
				Birthdate: "1980-01-01", Kinds: []string{"afiliado"}, Estado: "activa", CreatedAt: storage.At(set), UpdatedAt: storage.At(set),
			}
			c := storage.Clave{AfiliadoID: a.ID, PHC: phc, CreatedAt: storage.At(set), DueAt: storage.At(set.Add(365 * day))}
			if i%4 != 0 { // one in four has to renew
				c.DueAt = storage.At(time.Now().Add(365 * day))
			}
			told := storage.Consent{AfiliadoID: a.ID, ClientID: killClient, Kind: "notice", Scope: "openid cedula offline_access", CreatedAt: storage.At(set)}
			if err := errors.Join(tx.AddAfiliado(k.t.Context(), a), tx.SetClave(k.t.Context(), c, 5), tx.SaveConsent(k.t.Context(), told)); err != nil {
				return err
			}
		}
		return nil
	})
}

const killClient = "ft-01"

// deed is the request in whose middle the provider dies.
type deed struct {
	name string
	// prepare takes somebody new to where the deed is one request away.
	prepare func(*killer) *round
}

func deeds() []deed {
	return []deed{
		{"login", (*killer).beforeLogin},
		{"renewal", (*killer).beforeRenewal},
		{"code exchange", (*killer).beforeExchange},
		{"refresh", (*killer).beforeRefresh},
	}
}

// round is one journey with a death in it.
type round struct {
	k      *killer
	v      *visitor
	cedula string
	clave  string // the one that holds at present, as far as the person knows

	strike func() (acknowledged bool, err error) // the deed
	resume func(acknowledged bool)               // what the person or the application does when the provider is back
}

// sweep dies at the first statement of each deed, at the second, and so on,
// until the deed survives.
func (k *killer) sweep() {
	k.t.Helper()
	for _, d := range deeds() {
		var covered []string
		for n := 1; ; n++ {
			r := d.prepare(k)
			k.provider.arm(n)
			began := time.Now()
			acknowledged, err := r.strike()
			if err == nil { // it has fewer statements
				k.took[d.name] = time.Since(began)
				k.provider.arm(0)
				r.resume(acknowledged)
				break
			}
			statement := k.provider.gone()
			if statement == "" {
				k.t.Fatalf("%s: failed without a death: %v\n%s", d.name, err, k.provider.stderr)
			}
			covered = append(covered, statement)
			k.deaths++
			holds(k.t, k.Database, d.name+", death at "+statement)
			k.provider = startProvider(k.t, k.killSettings)
			r.resume(acknowledged)
			if k.t.Failed() {
				k.t.Fatalf("%s, death at statement %d: %s\n%s", d.name, n, statement, k.provider.stderr)
			}
		}
		if len(covered) == 0 {
			k.t.Errorf("%s: no statement was met", d.name)
		}
		k.t.Logf("%s: death at each of %d statements:\n  %s", d.name, len(covered), strings.Join(abridged(covered), "\n  "))
	}
}

// abridged are statements short enough to be read.
func abridged(statements []string) []string {
	out := make([]string, len(statements))
	for i, s := range statements {
		out[i] = strconv.Itoa(i+1) + " " + s[:min(len(s), 110)]
	}
	return out
}

// random dies at any moment of the deed, or just after it, until there have been
// enough deaths.
func (k *killer) random() {
	k.t.Helper()
	for k.deaths < k.rounds {
		d := deeds()[k.chance.IntN(len(deeds()))]
		delay := time.Duration(k.chance.Int64N(int64(k.took[d.name] * 5 / 4)))
		r := d.prepare(k)
		timer := time.AfterFunc(delay, k.provider.kill)
		acknowledged, err := r.strike()
		timer.Stop()
		k.provider.kill()
		k.provider.gone()
		if acknowledged {
			k.acknowledged++
		}
		k.deaths++
		k.randoms++
		holds(k.t, k.Database, d.name+", random death")
		k.provider = startProvider(k.t, k.killSettings)
		r.resume(acknowledged)
		if k.t.Failed() {
			k.t.Fatalf("%s, death after %v (answer: %v, %v)\n%s", d.name, delay, acknowledged, err, k.provider.stderr)
		}
	}
}

// answer is what the token endpoint says.
type answer struct {
	status       int
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Error        string `json:"error"`
}

// token asks the token endpoint.
func (k *killer) token(fields url.Values) (answer, error) {
	var a answer
	r, err := http.NewRequest(http.MethodPost, k.metadata.Token, strings.NewReader(fields.Encode()))
	if err != nil {
		return a, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(killClient, interopSecret)
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return a, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return a, err
	}
	a.status = res.StatusCode
	return a, json.Unmarshal(body, &a)
}
