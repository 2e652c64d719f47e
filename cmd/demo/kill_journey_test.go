package main

import (
	"net/http"
	"net/url"
)

// Verifier and challenge of RFC 7636, appendix B.
const (
	killVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	killChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// someone is a person nobody has used: one who must renew her clave, or not.
func (k *killer) someone(renews bool) *round {
	for k.next%4 == 0 != renews {
		k.next++
	}
	r := &round{k: k, v: newVisitor(k.t, "http://localhost:9/"), cedula: string(generated(k.next)), clave: killClave}
	k.next++
	return r
}

// start begins at the application.
func (r *round) start() *sheet {
	r.k.t.Helper()
	return r.v.open(r.k.metadata.Authorization + "?" + url.Values{
		"client_id": {killClient}, "redirect_uri": {interopCallback}, "response_type": {"code"}, "scope": {"openid cedula offline_access"},
		"code_challenge": {killChallenge}, "code_challenge_method": {"S256"}, "state": {"s"},
	}.Encode())
}

// code walks on from s until the application has a code. Where the person comes
// to its front door she begins again, as she would.
func (r *round) code(s *sheet) string {
	r.k.t.Helper()
	for range 8 {
		switch {
		case s.status == 0 && s.url.Query().Get("code") != "":
			return s.url.Query().Get("code")
		case s.status == 0:
			s = r.start()
		case s.status >= http.StatusInternalServerError:
			r.k.t.Fatalf("%s answered %d:\n%s\n%s", s.url, s.status, s.words(), r.k.provider.stderr)
		case s.find("clave_nueva") != nil:
			s = r.v.press(s, "aceptar", renewal(newClave))
			r.clave = newClave
		case s.find("clave") != nil:
			s = r.v.press(s, "ingresar", credentials(r.cedula, r.clave))
			if s.status != 0 && s.find("clave") != nil && r.clave == killClave {
				r.clave = newClave // the renewal she got no answer to has happened
				s = r.v.press(s, "ingresar", credentials(r.cedula, r.clave))
			}
		default: // the page says that the request is over: the way on leads to the application
			s = r.start()
		}
	}
	r.k.t.Fatalf("did not come to the application, but to %s:\n%s", s.url, s.words())
	return ""
}

func renewal(clave string) url.Values {
	return url.Values{"clave_nueva": {clave}, "clave_confirmacion": {clave}, "acuerdo": {"1"}}
}

func codeFields(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {interopCallback}, "code_verifier": {killVerifier}}
}

func refreshFields(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}

// redeem exchanges a code that must be good.
func (r *round) redeem(code string) answer {
	r.k.t.Helper()
	a, err := r.k.token(codeFields(code))
	if err != nil || a.status != http.StatusOK {
		r.k.t.Fatalf("a good code is refused: %d %s %v\n%s", a.status, a.Error, err, r.k.provider.stderr)
	}
	return a
}

// lives checks that tokens open what they should.
func (r *round) lives(a answer) {
	r.k.t.Helper()
	req, err := http.NewRequest(http.MethodGet, r.k.metadata.Userinfo, nil)
	if err != nil {
		r.k.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+a.AccessToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.k.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		r.k.t.Errorf("a token that was given opens nothing: %d", res.StatusCode)
	}
}

// submit makes a form's button the deed. What it leads to is acknowledged when
// the person holds a code.
func (r *round) submit(page *sheet, button string, typed url.Values) {
	got := ""
	r.strike = func() (bool, error) {
		s, err := r.v.do(r.v.form(page, button, typed))
		if err != nil {
			return false, err
		}
		if s.status == 0 {
			got = s.url.Query().Get("code")
		}
		return got != "", nil
	}
	r.resume = func(acknowledged bool) {
		r.k.t.Helper()
		if acknowledged {
			r.lives(r.redeem(got))
			if again := r.start(); again.status != 0 { // her session is there too
				r.k.t.Errorf("she is asked again after an acknowledged sign-in:\n%s", again.words())
			}
			return
		}
		r.lives(r.redeem(r.code(r.v.press(page, button, typed)))) // she presses the button again
	}
}

func (k *killer) beforeLogin() *round {
	k.t.Helper()
	r := k.someone(false)
	r.submit(r.start(), "ingresar", credentials(r.cedula, r.clave))
	return r
}

func (k *killer) beforeRenewal() *round {
	k.t.Helper()
	r := k.someone(true)
	page := r.v.press(r.start(), "ingresar", credentials(r.cedula, r.clave))
	if page.find("clave_nueva") == nil {
		k.t.Fatalf("not asked to renew:\n%s", page.words())
	}
	r.submit(page, "aceptar", renewal(newClave))
	return r
}

// beforeExchange: the application asks again with the same code. It gets its
// tokens unless the first answer was lost after its commit; then the code is
// spent, and the person, whose session lives, brings another without being asked.
func (k *killer) beforeExchange() *round {
	k.t.Helper()
	r := k.someone(false)
	code := r.code(r.start())
	var got answer
	r.strike = func() (bool, error) {
		var err error
		got, err = k.token(codeFields(code))
		return err == nil && got.status == http.StatusOK, err
	}
	r.resume = func(acknowledged bool) {
		k.t.Helper()
		if acknowledged {
			r.lives(got)
			return
		}
		spent := k.spent(code)
		a, err := k.token(codeFields(code))
		switch {
		case err != nil:
			k.t.Fatal(err)
		case !spent && a.status == http.StatusOK:
			r.lives(a)
		case spent && a.status == http.StatusBadRequest && a.Error == "invalid_grant":
			s := r.start()
			if s.status != 0 {
				k.t.Fatalf("she is asked again:\n%s", s.words())
			}
			r.lives(r.redeem(s.url.Query().Get("code")))
		default:
			k.t.Errorf("code spent: %v, and the exchange answers %d %s", spent, a.status, a.Error)
		}
	}
	return r
}

// beforeRefresh: the application asks again with the same refresh token and gets
// tokens, whether or not the first answer was lost after its commit.
func (k *killer) beforeRefresh() *round {
	k.t.Helper()
	r := k.someone(false)
	first := r.redeem(r.code(r.start()))
	var got answer
	r.strike = func() (bool, error) {
		var err error
		got, err = k.token(refreshFields(first.RefreshToken))
		return err == nil && got.status == http.StatusOK, err
	}
	r.resume = func(acknowledged bool) {
		k.t.Helper()
		if !acknowledged {
			var err error
			if got, err = k.token(refreshFields(first.RefreshToken)); err != nil || got.status != http.StatusOK {
				k.t.Fatalf("the refresh token is lost: %d %s %v", got.status, got.Error, err)
			}
		}
		r.lives(got)
		next, err := k.token(refreshFields(got.RefreshToken))
		if err != nil || next.status != http.StatusOK {
			k.t.Fatalf("the refresh token given is worth nothing: %d %s %v", next.status, next.Error, err)
		}
	}
	return r
}
