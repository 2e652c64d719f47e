package main

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestT20_NothingSecretIsLogged puts claves, cédulas, codes and tokens into every
// field of every form and endpoint, right ones and misplaced ones, and looks for
// them in the log, at its lowest level, and in the metrics.
func TestT20_NothingSecretIsLogged(t *testing.T) {
	w := newWorld(t, "sqlite", withInterop(t))
	w.goOIDC(t, "interop-go")

	const carlos = "0959999913"
	v := newVisitor(t, interopCallback)
	page := v.open(w.authorize(url.Values{"login_hint": {carlos}, "state": {carlos + wrongClave}, "nonce": {secondClave}}))
	page = v.press(page, "ingresar", credentials(carlos, wrongClave))
	page = v.press(page, "ingresar", credentials(wrongClave, carlos)) // in each other's place
	page = v.press(page, "ingresar", credentials(carlos, "Guayas2019x"))
	page = v.press(page, "aceptar", url.Values{"clave_nueva": {wrongClave}, "clave_confirmacion": {secondClave}})
	page = v.press(page, "aceptar", url.Values{"clave_nueva": {newClave}, "clave_confirmacion": {newClave}, "acuerdo": {"1"}})
	code := v.agree(page).arrival(t).Get("code")

	everything := url.Values{}
	for _, name := range []string{
		"id", "cedula", "clave", "codigo", "code", "code_verifier", "client_id", "client_secret", "redirect_uri", "refresh_token", "token",
		"access_token", "id_token_hint", "login_hint", "state", "nonce", "scope", "claims", "request", "grant_type", "post_logout_redirect_uri",
	} {
		everything.Set(name, carlos+"."+wrongClave+"."+code)
	}
	e := discover(t, w.issuer)
	for _, path := range []string{
		e.Token, e.Userinfo, e.EndSession, "/", "/ingresar", "/renovar", "/autorizar", "/continuar", "/authorize", "/.well-known/openid-configuration",
		"/static/" + wrongClave, "/" + carlos + "/" + wrongClave,
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			w.shout(t, method, strings.TrimPrefix(path, w.issuer), everything, "Bearer "+code)
			w.shout(t, method, strings.TrimPrefix(path, w.issuer), everything, "Basic "+wrongClave)
		}
	}
	w.shout(t, http.MethodPost, strings.TrimPrefix(e.Token, w.issuer), codeFields(code), "")
	w.checkLog(t)

	res, err := http.Get(w.app(6) + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	metrics, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(string(metrics), "session_started") && !strings.Contains(string(metrics), "session.started") {
		t.Errorf("metrics: %v\n%s", err, metrics)
	}
	for _, c := range []string{carlos, wrongClave, newClave, secondClave, code} {
		if strings.Contains(string(metrics), c) {
			t.Errorf("the metrics hold %q", c)
		}
	}
}

// authorize is the address at which the interop application begins.
func (w *world) authorize(more url.Values) string {
	q := url.Values{
		"client_id": {"interop-go"}, "redirect_uri": {interopCallback}, "response_type": {"code"}, "scope": {"openid cedula"},
		"state": {"s"}, "code_challenge": {killChallenge}, "code_challenge_method": {"S256"},
	}
	for name, values := range more {
		q[name] = values
	}
	return w.issuer + "/authorize?" + q.Encode()
}

// shout sends fields to the provider in the address, or in body and address.
// It must not be what breaks it.
func (w *world) shout(t *testing.T, method, path string, fields url.Values, authorization string) {
	t.Helper()
	r, err := http.NewRequest(method, w.issuer+path+"?"+fields.Encode(), strings.NewReader(fields.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", w.issuer)
	r.Header.Set("User-Agent", "Mozilla/5.0 ("+wrongClave+")")
	r.Header.Set("Referer", w.issuer+"/?clave="+wrongClave)
	r.Header.Set("Cookie", "clave-session="+wrongClave)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode >= http.StatusInternalServerError && res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s %s answers %d", method, path, res.StatusCode)
	}
}
