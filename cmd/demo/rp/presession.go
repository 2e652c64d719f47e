package rp

import (
	"net/http"
	"time"
)

// A sign-in has to come back within this time.
const preSessionLife = 10 * time.Minute

// preSession is what the application remembers of a sign-in it has started
// (ASVS 10.1.2, 10.2.1): the answer is accepted only with this state, only once,
// and only from the browser that started it.
type preSession struct {
	browser  string // hash of the browser's cookie
	nonce    string
	verifier string // PKCE, RFC 7636
	target   string // own path to go on to
	maxAge   time.Duration
	sub      string  // who steps up; "" for a plain sign-in
	monto    dollars // of the solicitud that waits for it
	expires  time.Time
	used     bool
}

// outcome is what became of a state that comes back.
type outcome int

const (
	stateUnknown outcome = iota // zero: never ours, or long forgotten
	stateForeign                // of another browser
	stateUsed                   // has come back before
	stateExpired
	stateGood
)

// redeem takes the pre-session of state, once, for the browser of r.
func (a *App) redeem(r *http.Request, state string, now time.Time) (preSession, outcome) {
	var pre preSession
	result := stateUnknown
	browser := a.cookie(r, a.browserCookie)
	a.pre.update(hash(state), func(p *preSession) bool {
		switch {
		case browser == "" || !equal(p.browser, hash(browser)):
			result = stateForeign
			return false
		case p.used:
			result = stateUsed
			return false
		case !now.Before(p.expires):
			result = stateExpired
			return false
		}
		pre, result = *p, stateGood
		*p = preSession{browser: p.browser, expires: p.expires, used: true}
		return true
	})
	return pre, result
}

// remember stores p and returns its state. It binds it to the browser of r,
// giving it a cookie where it has none.
func (a *App) remember(w http.ResponseWriter, r *http.Request, p preSession, now time.Time) string {
	state := newSecret()
	p.browser, p.expires = hash(a.bindBrowser(w, r)), now.Add(preSessionLife)
	// Kept twice as long as it is good, to tell "too late" from "never ours".
	a.pre.put(hash(state), p, now, now.Add(2*preSessionLife))
	return state
}

// bindBrowser returns the secret that ties what comes back to this browser.
func (a *App) bindBrowser(w http.ResponseWriter, r *http.Request) string {
	secret := a.cookie(r, a.browserCookie)
	if secret == "" {
		secret = newSecret()
		a.setCookie(w, a.browserCookie, secret)
	}
	return secret
}
