package server

import (
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"iess.gob.ec/clave/provider"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// What the keys of the test do, in time of its clock: a key signs for as short as
// it may, and tokens outlive several.
const (
	rotationCache  = 20 * time.Second
	rotationLife   = 30 * time.Second // provider.KeyTimes.Lead
	rotationAccess = 2 * time.Minute
	rotationID     = 3 * time.Minute
	rotationLeeway = 20 * time.Second // that applications allow for clocks that differ
)

// Keys rotate by themselves under load, at two replicas behind one address. A
// second of the clock passes whenever so many tokens have been issued: what is late
// here is late by that clock too. Applications that believe the Cache-Control of
// the JWKS to the second verify each token when they get it, when it ends and as
// long after as clocks may differ. In the middle a key is revoked that signs, right
// after it has begun: the next one then nobody knows.
func TestFT10_T29_KeysRotateUnderLoad(t *testing.T) {
	rotations, load := fromEnv(t, "CLAVE_ROTATIONS", 5), fromEnv(t, "CLAVE_ROTATION_LOAD", 1)
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, engine)
			begin := time.Now()
			stop := f.work(4)
			f.until(load, func() bool { return f.rotated.Load() >= int64(rotations) })
			strict := f.verified()

			for _, r := range f.apps {
				r.mu.Lock()
				r.refetches = true
				r.mu.Unlock()
			}
			for known := true; known && !t.Failed(); known = f.known(storage.KeyNext) {
				at := f.rotated.Load()
				f.until(load, func() bool { return f.rotated.Load() > at })
				f.pass(load, 2*time.Second) // both replicas publish the one after
			}
			revoked, samples := f.revoke()
			f.pass(load, time.Second)
			for end := f.now().Add(time.Minute); f.now().Before(end) && !t.Failed(); f.pass(load, 10*time.Second) {
				f.refused(revoked, samples)
			}
			stop()
			f.drain()
			f.refused(revoked, samples)
			for _, token := range samples {
				for _, r := range f.apps {
					if _, err := r.verify(token); err == nil {
						t.Error("an application whose JWKS is fresh takes what a revoked key signed")
					}
				}
			}
			took := time.Since(begin)
			learned, reads := 0, 0
			for _, r := range f.apps {
				learned, reads = learned+r.learned, reads+r.reads
			}
			if learned == 0 {
				t.Error("everybody knew the successor of the revoked key")
			}
			if len(f.kids) < rotations+2 || f.issued[kindCode] == 0 || f.issued[kindRefresh] == 0 || f.issued[kindMachine] == 0 {
				t.Errorf("%d keys signed %v", len(f.kids), f.issued)
			}
			t.Logf("%d rotations, one revocation and %v tokens of %d keys in %s (%.1f tokens and %.2f rotations a second); %d verifications, %d of them before the revocation; %d reads of the JWKS, %d of them to learn of a successor; %d failures",
				f.rotated.Load(), f.issued, len(f.kids), took.Round(time.Millisecond), float64(f.all())/took.Seconds(), float64(f.rotated.Load())/took.Seconds(),
				f.verified(), strict, reads, learned, f.failures)
		})
	}
}

// fromEnv is a number that makes a test longer.
func fromEnv(t *testing.T, name string, normal int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return normal
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s is no number", name, text)
	}
	return n
}

// late is a token whose signature is to be good still at some time.
type late struct {
	issuedToken
	at time.Time
}

// keep puts a token away until it ends. One that a revoked key signed within the
// second is refused as it should be.
func (f *fleet) keep(token issuedToken) {
	switch {
	case token.err != nil:
		f.fail("no token: %v", token.err)
		return
	case len(token.refused) > 0 && token.kid != f.gone:
		f.fail("%s at once: %q", token.kind, token.refused)
	}
	f.issued[token.kind]++
	f.kids[token.kid] = true
	if token.kid == f.gone && token.iat.After(f.goneAt.Add(time.Second)) {
		f.fail("a revoked key signed %s at %s", token.kind, token.iat.Sub(f.goneAt))
	}
	f.later = append(f.later, late{token, token.exp}, late{token, token.exp.Add(rotationLeeway)})
}

// step lets a second pass: each replica looks after its jobs, and the applications
// after what has come to its end.
func (f *fleet) step() {
	now := f.clock.Add(int64(time.Second))
	if now/int64(time.Second)%2 == 0 {
		f.begins()
		done := make(chan error)
		for _, s := range f.servers {
			i := slices.IndexFunc(s.jobs, func(j job) bool { return j.name == "keys" })
			go func() { done <- s.runJob(f.t.Context(), s.jobs[i]) }()
		}
		for range f.servers {
			if err := <-done; err != nil {
				f.fail("keys: %v", err)
			}
		}
	}
	f.later = slices.DeleteFunc(f.later, func(l late) bool {
		if f.now().Before(l.at) {
			return false
		}
		for i, r := range f.apps {
			if kid, err := r.verify(l.token); err != nil && kid != f.gone {
				f.fail("application %d, %s after the end of %s: %v", i, f.now().Sub(l.exp), l.kind, err)
			}
		}
		return true
	})
}

// begins has the last application read the JWKS anew right before every other
// rotation, when it lacks the key after the next one for the longest time.
func (f *fleet) begins() {
	if n := f.rotated.Load(); n != f.turns {
		f.turns, f.turned = n, f.now()
	}
	if f.turns%2 == 1 || f.now().Sub(f.turned) < rotationLife-2*time.Second {
		return
	}
	r := f.apps[len(f.apps)-1]
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.read(); err != nil {
		f.fail("%v", err)
	}
}

// until lets time pass with that many tokens a second until done, or until the keys
// should have rotated thrice since they did.
func (f *fleet) until(load int, done func() bool) {
	at, since := f.rotated.Load(), f.now()
	for !done() && !f.t.Failed() {
		if n := f.rotated.Load(); n != at {
			at, since = n, f.now()
		}
		if f.now().Sub(since) > 3*rotationLife {
			f.fail("no key has rotated for %s", f.now().Sub(since))
		}
		for range load {
			f.keep(<-f.came)
		}
		f.step()
	}
}

func (f *fleet) pass(load int, d time.Duration) {
	end := f.now().Add(d)
	f.until(load, func() bool { return !f.now().Before(end) })
}

// drain lets time pass until every token has ended.
func (f *fleet) drain() {
	for len(f.later) > 0 && !f.t.Failed() {
		f.step()
	}
}

// key is the id of the key in that state.
func (f *fleet) key(state string) string {
	f.t.Helper()
	all, err := provider.Keys(f.t.Context(), f.servers[0].db)
	if err != nil {
		f.t.Fatal(err)
	}
	return all[slices.IndexFunc(all, func(k provider.Key) bool { return k.State == state })].KID
}

// known reports whether every application knows the key in that state, or will
// read the JWKS any moment.
func (f *fleet) known(state string) bool {
	kid := f.key(state)
	return !slices.ContainsFunc(f.apps, func(r *relying) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.set.Key(kid)) == 0 && r.until.After(f.now().Add(rotationCache/4))
	})
}

// revoke withdraws the key that signs. It returns its id and what it signed last.
func (f *fleet) revoke() (string, []string) {
	f.t.Helper()
	kid := f.key(storage.KeyActive)
	token, err := f.machine(f.t.Context())
	if err != nil || token.kid != kid {
		f.t.Fatalf("got %+v, %v; want a token of %s", token, err, kid)
	}
	if !f.counts(f.t, 0, token.token) || !f.counts(f.t, 1, token.token) {
		f.t.Error("what the key signed does not count before")
	}
	if err := provider.RevokeKey(f.t.Context(), f.servers[0].db, kid, "test", f.now()); err != nil {
		f.t.Fatal(err)
	}
	f.gone, f.goneAt = kid, f.now()
	return f.gone, []string{token.token}
}

// refused fails where a replica takes what the revoked key signed, or publishes it.
func (f *fleet) refused(kid string, tokens []string) {
	f.t.Helper()
	for i := range f.servers {
		for _, token := range tokens {
			if f.counts(f.t, i, token) {
				f.fail("replica %d takes what a revoked key signed", i)
			}
		}
		if slices.Contains(f.published(f.t, i), kid) {
			f.fail("replica %d publishes a revoked key", i)
		}
	}
}

func (f *fleet) verified() int {
	n := 0
	for _, r := range f.apps {
		r.mu.Lock()
		n += r.verified
		r.mu.Unlock()
	}
	return n
}

func (f *fleet) all() int {
	n := 0
	for _, i := range f.issued {
		n += i
	}
	return n
}

// work issues tokens at n places until the function it returns is called, which
// takes what is under way.
func (f *fleet) work(n int) func() {
	ctx := f.t.Context()
	var at atomic.Int64
	quit, done := make(chan struct{}), make(chan struct{}, n)
	for range n {
		go func() {
			defer func() { done <- struct{}{} }()
			var refresh string
			for {
				select {
				case <-quit:
					return
				case <-ctx.Done():
					return
				default:
				}
				var tokens []issuedToken
				var err error
				switch kind := at.Add(1) % 3; {
				case kind == 0:
					var one issuedToken
					one, err = f.machine(ctx)
					tokens = []issuedToken{one}
				case kind == 1 && refresh != "":
					tokens, refresh, err = f.person(ctx, kindRefresh, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
				default:
					tokens, refresh, err = f.signOn(ctx)
				}
				f.handOver(ctx, tokens, err)
			}
		}()
	}
	return func() {
		close(quit)
		for left := n; left > 0 || len(f.came) > 0; {
			select {
			case <-done:
				left--
			case token := <-f.came:
				f.keep(token)
			}
		}
	}
}
