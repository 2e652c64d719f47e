package main

import (
	"cmp"
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

// killRounds is how often the provider is killed on each database, where every
// statement is died at on one of the two, and those of a deed with every on both. At
// each of all deeds on both, and a hundred times in the middle of each deed, which
// takes longer than go test waits by itself:
// CLAVE_KILLS=460 go test -timeout 0 -run TestFT01_Kill$ ./cmd/demo.
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
	eachKiller(t, killRounds, func(t *testing.T, k *killer) {
		k.deeds = []deed{
			{name: "login", prepare: (*killer).beforeLogin},
			{name: "renewal", prepare: (*killer).beforeRenewal},
			{name: "code exchange", prepare: (*killer).beforeExchange},
			{name: "refresh", prepare: (*killer).beforeRefresh},
		}
		k.fill(k.rounds*2 + 200/k.every)
		k.begin()
		k.sweep()
		k.random()
	})
}

// eachKiller runs f on each database, and verifies the audit when it is over.
func eachKiller(t *testing.T, rounds int, f func(*testing.T, *killer)) {
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("CLAVE_KILL_SEED"), 10, 64); err == nil {
		seed = s
	}
	every := 2
	if n, err := strconv.Atoi(os.Getenv("CLAVE_KILLS")); err == nil {
		rounds, every = n, 1
	}
	for offset, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel() // each waits most of the time for a process to start
			t.Logf("seed %d (CLAVE_KILL_SEED)", seed)
			k := &killer{t: t, chance: rand.New(rand.NewPCG(seed, 1)), rounds: rounds, offset: offset % every, every: every, took: map[string]time.Duration{}, covered: map[string]bool{}, emailOf: map[string]string{}}
			k.killSettings = killSettings{Database: storagetest.URL(t, engine), Address: "localhost:" + strconv.Itoa(freePort(t))}
			f(t, k)
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
	offset   int // of a deed's statements, the one at which it dies first here
	every    int // and how many on the next
	deeds    []deed
	provider *process
	metadata endpoints
	next     int                      // the next person nobody has used
	took     map[string]time.Duration // how long each deed takes where nobody dies
	covered  map[string]bool          // statements that have been died at

	post         *post             // the mail server, nil for none
	locked, open []addressee       // people with a mailbox whom nobody has used
	lost, first  []addressee       // who have lost their clave, and who never had one
	emailOf      map[string]string // by id

	deaths, randoms, acknowledged int
}

// begin starts the provider for the first time.
func (k *killer) begin() {
	k.t.Helper()
	k.provider = startProvider(k.t, k.killSettings)
	k.t.Cleanup(func() { k.provider.kill() })
	k.metadata = discover(k.t, k.issuer())
}

// fill registers the application and that many people, all with the same clave,
// who have seen the notice; one in four has to renew.
func (k *killer) fill(people int) {
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
		"backchannel_logout_uri": "http://localhost:9/fin", // where nobody answers: what is queued stays to be seen
		"iess_events":            storage.SecurityEvents(), "iess_events_uri": "http://localhost:9/eventos",
	}})
	if err != nil {
		k.t.Fatal(err)
	}
	if err := register(k.t.Context(), db, file, "http://"+k.Address, time.Now()); err != nil {
		k.t.Fatal(err)
	}
	phc := k.hash()
	set := time.Now().Add(-400 * day)
	storagetest.InTx(k.t, db, func(tx *storage.Tx) error {
		for i := range people {
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

// hash is killClave as it is stored.
func (k *killer) hash() string {
	k.t.Helper()
	hash, err := login.NewHasher(login.HashConfig{Memory: 64, Passes: 1})
	if err != nil {
		k.t.Fatal(err)
	}
	phc, err := hash.Make(k.t.Context(), killClave)
	if err != nil {
		k.t.Fatal(err)
	}
	return phc
}

// deed is that in whose middle the provider dies.
type deed struct {
	name string
	// prepare takes somebody new to where the deed is one step away.
	prepare func(*killer) *round
	// of is whose statements are counted; "": ofRequests.
	of string
	// rest is set where only statements count that no deed before has had, and
	// the commits.
	rest bool
	// every is how many of its statements it goes on from one death to the next, on
	// each database; 0: as many as the killer.
	every int
}

// dies reports whether the killer dies at the statement i of a deed, from 0 on.
func (k *killer) dies(d deed, i int) bool {
	every := cmp.Or(d.every, k.every)
	return i%every == k.offset%every
}

func (d deed) counts() string {
	if d.of == "" {
		return ofRequests
	}
	return d.of
}

// round is one journey with a death in it.
type round struct {
	k      *killer
	v      *visitor
	who    addressee // where she has a mailbox
	cedula string
	clave  string // the one that holds at present, as far as the person knows

	strike func() (acknowledged bool, err error) // the deed
	resume func(acknowledged bool)               // what the person or the application does when the provider is back
}

// sweep dies at the statements of each deed, one after another.
func (k *killer) sweep() {
	k.t.Helper()
	for _, d := range k.deeds {
		var here []string
		known, met := 0, k.statements(d)
		for i, s := range met {
			if d.rest && k.covered[s] && s != "COMMIT" && s != "COMMITTED" {
				known++
				continue
			}
			if !k.dies(d, i) {
				continue
			}
			statement := k.dieAt(d, i+1)
			if statement == "" {
				break // it has fewer this time
			}
			here = append(here, strconv.Itoa(i+1)+" "+statement[:min(len(statement), 110)])
		}
		if len(met) == 0 {
			k.t.Errorf("%s: no statement was met", d.name)
		}
		k.t.Logf("%s: death at each of %d statements (%d more are those of deeds before):\n  %s", d.name, len(here), known, strings.Join(here, "\n  "))
		for _, s := range met {
			k.covered[s] = true
		}
	}
}

// dieAt dies at the nth statement of d and recovers. It returns the statement, ""
// where d has fewer.
func (k *killer) dieAt(d deed, n int) string {
	k.t.Helper()
	r := d.prepare(k)
	k.provider.order("arm %s %d", d.counts(), n)
	acknowledged, err := r.strike()
	if err == nil && k.provider.disarm() { // else it died right behind the last commit
		r.resume(acknowledged)
		return ""
	}
	statement := k.provider.gone()
	if statement == "" {
		k.t.Fatalf("%s: failed without a death: %v\n%s", d.name, err, k.provider.stderr)
	}
	k.recover(r, acknowledged, d.name+", death at statement "+strconv.Itoa(n)+", "+statement)
	return statement
}

// statements lists those of d, in which nobody dies.
func (k *killer) statements(d deed) []string {
	k.t.Helper()
	r := d.prepare(k)
	k.provider.order("spare %s", d.counts())
	began := time.Now()
	acknowledged, err := r.strike()
	if err != nil {
		k.t.Fatalf("%s: %v\n%s", d.name, err, k.provider.stderr)
	}
	k.took[d.name] = time.Since(began)
	met := k.provider.statements()
	r.resume(acknowledged)
	return met
}

// recover checks what a death has left, starts the provider again and lets the
// person go on.
func (k *killer) recover(r *round, acknowledged bool, after string) {
	k.t.Helper()
	k.deaths++
	holds(k.t, k.Database, after)
	if k.post != nil {
		k.mailHolds(after)
	}
	k.provider = startProvider(k.t, k.killSettings)
	r.resume(acknowledged)
	if k.t.Failed() {
		k.t.Fatalf("%s (answer: %v)\n%s", after, acknowledged, k.provider.stderr)
	}
}

// random dies at any moment of a deed, or just after it, each deed in its turn,
// until there have been enough deaths.
func (k *killer) random() {
	k.t.Helper()
	for k.deaths < k.rounds {
		d := k.deeds[k.randoms%len(k.deeds)]
		delay := time.Duration(k.chance.Int64N(int64(k.took[d.name]*5/4) + 1))
		r := d.prepare(k)
		timer := time.AfterFunc(delay, k.provider.kill)
		acknowledged, _ := r.strike()
		timer.Stop()
		k.provider.kill()
		k.provider.gone()
		if acknowledged {
			k.acknowledged++
		}
		k.randoms++
		k.recover(r, acknowledged, d.name+", death after "+delay.String())
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
