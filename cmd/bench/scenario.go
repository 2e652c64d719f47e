package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// scenario is one operation of the table.
type scenario struct {
	name    string
	what    string
	target  float64 // CPU ms per operation with PostgreSQL (of a sign-in with clave: beside its hash); 0: none
	p99     float64 // ms at 16 workers; 0: none
	commits float64 // that write; 0: none
	hashes  bool    // a clave is hashed each time
	prepare func(ctx context.Context, l *lab, workers int) (operation, error)
}

// lab is a site that serves, with everything at hand that operations need.
type lab struct {
	*site
	rp       *rp
	browsers []*browser // signed in, a person in each
	crowd    []person   // others, who have seen the notices of both applications
	next     atomic.Int64
	pool     int // how many tokens are shown in turn
}

// scenarios are in the order in which they run: first what hashes nothing, so that
// the memory of the server can be looked at in between.
func scenarios() []scenario {
	return []scenario{
		{name: "discovery", target: 0.03, prepare: func(_ context.Context, l *lab, _ int) (operation, error) {
			return func(ctx context.Context, _ int) error { return l.rp.get(ctx, l.issuer()+discovery, "", nil) }, nil
		}},
		{name: "jwks", target: 0.03, prepare: func(_ context.Context, l *lab, _ int) (operation, error) {
			return func(ctx context.Context, _ int) error { return l.rp.get(ctx, l.rp.JWKS, "", nil) }, nil
		}},
		{name: "client_credentials", target: 0.20, prepare: func(_ context.Context, l *lab, _ int) (operation, error) {
			return func(ctx context.Context, _ int) error {
				_, err := l.rp.clientCredentials(ctx, l.apps.machine)
				return err
			}, nil
		}},
		{name: "introspect", target: 0.13, p99: 20, prepare: prepareIntrospect},
		{name: "userinfo", target: 0.20, prepare: prepareUserinfo},
		{name: "refresh", target: 0.50, p99: 40, commits: 2, prepare: prepareRefresh},
		{name: "sso", what: "a session exists", target: 0.80, prepare: func(_ context.Context, l *lab, _ int) (operation, error) {
			return func(ctx context.Context, worker int) error {
				_, err := l.again(ctx, worker, l.apps.web)
				return err
			}, nil
		}},
		{name: "code", what: "with clave", target: 1.3, commits: 4, hashes: true, prepare: codes(func(a applications) application { return a.web })},
		{name: "code, FAPI 2.0", what: "PAR, DPoP, private_key_jwt", hashes: true, prepare: codes(func(a applications) application { return a.fapi })},
	}
}

// restart stops the server, starts it anew and returns how long that took.
func (l *lab) restart(ctx context.Context) (time.Duration, error) {
	l.rp.http.CloseIdleConnections()
	if err := l.stop(); err != nil {
		return 0, err
	}
	return l.start(ctx)
}

// again is the code flow in the browser of a worker, who is signed in.
func (l *lab) again(ctx context.Context, worker int, app application) (tokens, error) {
	return l.rp.signIn(ctx, l.browsers[worker], app, person{})
}

// codes signs somebody in each time, in a new browser.
func codes(of func(applications) application) func(context.Context, *lab, int) (operation, error) {
	return func(_ context.Context, l *lab, _ int) (operation, error) {
		return func(ctx context.Context, _ int) error {
			b, err := l.rp.newBrowser()
			if err != nil {
				return err
			}
			_, err = l.rp.signIn(ctx, b, of(l.apps), l.crowd[int(l.next.Add(1))%len(l.crowd)])
			return err
		}, nil
	}
}

func prepareIntrospect(ctx context.Context, l *lab, _ int) (operation, error) {
	return l.shown(func(int) (string, error) { return l.rp.clientCredentials(ctx, l.apps.machine) },
		func(ctx context.Context, token string) error { return l.rp.introspect(ctx, l.apps.api, token) })
}

func prepareUserinfo(ctx context.Context, l *lab, workers int) (operation, error) {
	return l.shown(func(n int) (string, error) {
		t, err := l.again(ctx, n%workers, l.apps.web)
		return t.Access, err
	}, l.rp.userinfo)
}

// shown gets tokens and shows them in turn.
func (l *lab) shown(get func(n int) (string, error), show func(context.Context, string) error) (operation, error) {
	pool := make([]string, l.pool)
	for n := range pool {
		var err error
		if pool[n], err = get(n); err != nil {
			return nil, err
		}
	}
	var next atomic.Int64
	return func(ctx context.Context, _ int) error { return show(ctx, pool[int(next.Add(1))%len(pool)]) }, nil
}

// prepareRefresh gives each worker a chain of its own, of which it always uses the
// newest token.
func prepareRefresh(ctx context.Context, l *lab, workers int) (operation, error) {
	chain := make([]string, workers)
	for w := range chain {
		t, err := l.again(ctx, w, l.apps.web)
		if err != nil {
			return nil, err
		}
		chain[w] = t.Refresh
	}
	return func(ctx context.Context, worker int) error {
		t, err := l.rp.refresh(ctx, l.apps.web, chain[worker])
		if err != nil {
			if begun, again := l.again(ctx, worker, l.apps.web); again == nil {
				chain[worker] = begun.Refresh
			}
			return err
		}
		chain[worker] = t.Refresh
		return nil
	}, nil
}

// signEverybodyIn takes everybody past the notices of both applications, workers at
// a time, and keeps the browsers of the first ones.
func (l *lab) signEverybodyIn(ctx context.Context, workers, keep, people int) error {
	l.browsers = make([]*browser, keep)
	for n := keep; n < people; n++ {
		l.crowd = append(l.crowd, somebody(n))
	}
	var next atomic.Int64
	run := load(ctx, workers, 0, func(ctx context.Context, _ int) error {
		for n := int(next.Add(1)) - 1; n < people; n = int(next.Add(1)) - 1 {
			b, err := l.rp.newBrowser()
			if err != nil {
				return err
			}
			for _, app := range []application{l.apps.web, l.apps.fapi} {
				if _, err := l.rp.signIn(ctx, b, app, somebody(n)); err != nil {
					return err
				}
			}
			if n < keep {
				l.browsers[n] = b
			}
		}
		return nil
	})
	for text := range run.errors {
		return fmt.Errorf("%s: %s", l.name, text)
	}
	return nil
}

// spentTwice uses a refresh token in all workers at once, tries times, and counts
// the tokens beyond the first that came of it and can then be used: one owner, one
// chain.
func (l *lab) spentTwice(ctx context.Context, workers, tries int) (int, error) {
	twice := 0
	for range tries {
		t, err := l.again(ctx, 0, l.apps.web)
		if err != nil {
			return 0, err
		}
		got := make([]string, workers)
		load(ctx, workers, 0, func(ctx context.Context, worker int) error {
			t, err := l.rp.refresh(ctx, l.apps.web, t.Refresh)
			got[worker] = t.Refresh
			return err
		})
		live, came := 0, 0
		for _, token := range got {
			if token != "" {
				came++
				if _, err := l.rp.refresh(ctx, l.apps.web, token); err == nil {
					live++
				}
			}
		}
		if came == 0 {
			return 0, errors.New("a refresh token could not be used even once")
		}
		twice += max(0, live-1)
	}
	return twice, nil
}
