package rp

import "net/http"

// postLogout ends the session here, then sends the person to the provider to end
// the one there (OpenID RP-Initiated Logout 1.0).
func (a *App) postLogout(w http.ResponseWriter, r *http.Request) error {
	now := a.cfg.Now()
	secret := a.cookie(r, a.sessionCookie)
	a.clearCookie(w, a.sessionCookie)
	s := a.forget(r.Context(), secret, now)
	if s == nil {
		http.Redirect(w, r, pathLoggedOut, http.StatusSeeOther)
		return nil
	}
	p, err := a.discover(r.Context())
	if err != nil {
		return a.notice(w, r, a.halfOut())
	}
	state := newSecret()
	a.goodbyes.put(hash(state), hash(a.bindBrowser(w, r)), now, now.Add(preSessionLife))
	to := p.endSession(s.snapshot().tokens.id, a.cfg.ClientID, a.cfg.PostLogoutRedirectURI(), state)
	if to == "" {
		to = pathLoggedOut
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// getLoggedOut says what has ended. That the provider's session has, it says
// only to the browser that asked for it: anybody can make a link to this page.
func (a *App) getLoggedOut(w http.ResponseWriter, r *http.Request) error {
	now := a.cfg.Now()
	s, err := a.session(w, r, now)
	if err != nil {
		return err
	}
	if s != nil {
		return a.notice(w, r, a.stillIn())
	}
	browser, ok := a.goodbyes.take(hash(r.URL.Query().Get("state")), now)
	everywhere := ok && equal(browser, hash(a.cookie(r, a.browserCookie)))
	there := a.cfg.Issuer
	if p, err := a.discover(r.Context()); err == nil && !everywhere {
		there = p.party.GetEndSessionEndpoint() // without a hint it asks first
	}
	return a.render(w, r, http.StatusOK, "adios", goodbyePage{frame: a.frame(nil), Everywhere: everywhere, Others: a.cfg.Others, Provider: there})
}
