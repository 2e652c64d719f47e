package rp

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	oidcrp "github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// postLogin starts a sign-in; destino is the page of ours to go on to.
func (a *App) postLogin(w http.ResponseWriter, r *http.Request) error {
	return a.authorize(w, r, preSession{target: a.page(r.PostFormValue("destino"))}, need{}, "")
}

// initiate starts a sign-in at the wish of a third party, such as the provider's
// list of applications (OpenID Core section 4). Only our provider is answered,
// and only one of our own pages is gone on to.
func (a *App) initiate(w http.ResponseWriter, r *http.Request) error {
	if r.FormValue("iss") != a.cfg.Issuer {
		return a.notice(w, r, a.foreignIssuer())
	}
	hint := r.FormValue("login_hint")
	if len(hint) > 256 {
		hint = ""
	}
	target := pathHome
	if u, ok := strings.CutPrefix(r.FormValue("target_link_uri"), a.cfg.BaseURL); ok {
		target = a.page(u)
	}
	return a.authorize(w, r, preSession{target: target}, need{}, hint)
}

// page returns path if it is a page of ours to go on to, else home.
func (a *App) page(path string) string {
	if path == pathData || path == pathSolicitud && a.cfg.Solicitud {
		return path
	}
	return pathHome
}

// authorize sends the person to the provider, asking for what n needs.
func (a *App) authorize(w http.ResponseWriter, r *http.Request, pre preSession, n need, hint string) error {
	p, err := a.discover(r.Context())
	if err != nil {
		return err
	}
	pre.nonce, pre.verifier, pre.maxAge = newSecret(), newSecret(), n.maxAge
	opts := []oidcrp.AuthURLOpt{
		oidcrp.WithCodeChallenge(oidc.NewSHACodeChallenge(pre.verifier)),
		param("nonce", pre.nonce),
	}
	if n.maxAge > 0 {
		opts = append(opts, param("max_age", strconv.Itoa(int(n.maxAge.Seconds()))))
	}
	if len(n.acr) > 0 {
		opts = append(opts, param("acr_values", strings.Join(n.acr, " ")))
	}
	if hint != "" {
		opts = append(opts, param("login_hint", hint))
	}
	state := a.remember(w, r, pre, a.cfg.Now())
	http.Redirect(w, r, oidcrp.AuthURL(state, p.party, opts...), http.StatusSeeOther)
	return nil
}

func param(name, value string) oidcrp.AuthURLOpt {
	return oidcrp.AuthURLOpt(oidcrp.WithURLParam(name, value))
}

// getCallback takes the provider's answer.
func (a *App) getCallback(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet { // HEAD has no effect, so that nothing but the browser's visit spends the answer
		w.WriteHeader(http.StatusMethodNotAllowed)
		return nil
	}
	now := a.cfg.Now()
	q, err := once(r.URL.RawQuery, "iss", "state", "code", "error")
	if err != nil {
		return a.notice(w, r, a.unknownAnswer())
	}
	// First of all, so that another provider's answer changes nothing here (RFC 9207).
	if q["iss"] != a.cfg.Issuer {
		return a.notice(w, r, a.foreignAnswer())
	}
	pre, result := a.redeem(r, q["state"], now)
	switch result {
	case stateForeign:
		return a.notice(w, r, a.foreignBrowser())
	case stateUsed:
		return a.notice(w, r, a.replayed())
	case stateExpired:
		return a.notice(w, r, a.tooLate())
	case stateUnknown:
		return a.notice(w, r, a.unknownAnswer())
	case stateGood:
	}
	if q["error"] != "" {
		return a.denied(w, r, pre, q["error"])
	}
	p, err := a.discover(r.Context())
	if err != nil {
		return err
	}
	t, err := p.redeem(r.Context(), q["code"], pre.verifier)
	if err == nil {
		err = checkLogin(t.claims, a.cfg.ClientID, pre.nonce, pre.maxAge, now)
	}
	if err != nil {
		return err
	}
	info, err := p.userinfo(r.Context(), t.access, t.claims.Subject)
	if err != nil {
		return err
	}
	s := a.startSession(w, r, known{tokens: *t, userinfo: info, asked: now}, now)
	return a.goOn(w, r, s, pre, now)
}

// denied answers an error response (RFC 6749 4.1.2.1, OpenID Core 3.1.2.6).
func (a *App) denied(w http.ResponseWriter, r *http.Request, pre preSession, code string) error {
	if pre.sub != "" && code == "unmet_authentication_requirements" {
		http.Redirect(w, r, pathLevel, http.StatusSeeOther)
		return nil
	}
	kept := pre.monto
	if pre.sub == "" { // nobody's session holds the amount
		kept = 0
	}
	return a.notice(w, r, a.deniedNotice(code, kept))
}

// once returns the named parameters of a query, "" where they are missing. One
// that is repeated, which tells two readers two stories, is an error.
func once(query string, names ...string) (map[string]string, error) {
	q, err := url.ParseQuery(query)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(names))
	for name, values := range q {
		if !slices.Contains(names, name) {
			continue
		}
		if len(values) > 1 {
			return nil, errors.New("repeated parameter")
		}
		out[name] = values[0]
	}
	return out, nil
}
