package main

import (
	"net/http"
	"net/url"
	"strings"
)

// changeDeeds are those of somebody who changes her clave.
func (k *killer) changeDeeds() []deed {
	return []deed{
		{name: "change: present clave", prepare: (*killer).beforeProof, rest: true},
		{name: "change: new clave", prepare: (*killer).beforeChange, rest: true},
		{name: "notice of a change, from effect to hand-over", prepare: (*killer).beforeChangeNotice, of: ofMail, rest: true},
		{name: "change in session", prepare: (*killer).beforeSessionChange, rest: true},
	}
}

func (k *killer) changePage() string { return k.issuer() + "/cambio" }

func present(cedula, clave string) url.Values {
	return url.Values{"cedula": {cedula}, "clave_actual": {clave}, "acuerdo": {"1"}}
}

// proves reports whether clave is hers, by what the public form of a change says
// to it: a sign-in in all but the session.
func (r *round) proves(clave string) bool {
	r.k.t.Helper()
	v := newVisitor(r.k.t, r.k.changePage())
	req, err := http.NewRequest(http.MethodPost, r.k.changePage(), strings.NewReader(present(r.cedula, clave).Encode()))
	if err != nil {
		r.k.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", r.k.issuer())
	s, err := v.do(req)
	if err != nil {
		r.k.t.Fatalf("%v\n%s", err, r.k.provider.stderr)
	}
	return s.status == 0 // it leads to the second step
}

// asksNew reports whether a page is the second step of the public form.
func asksNew(s *sheet) bool { return s.find("clave_nueva") != nil && s.find("clave_actual") == nil }

// changed checks that the new clave is hers and the old is not.
func (r *round) changed() {
	r.k.t.Helper()
	if r.proves(killClave) {
		r.k.t.Error("the old clave still opens")
	}
	if !r.proves(newClave) {
		r.k.t.Error("the new clave does not open")
	}
}

// beforeProof: she types her clave again where she got no answer.
func (k *killer) beforeProof() *round {
	k.t.Helper()
	r := k.mailed(&k.open)
	page := r.v.open(k.changePage())
	k.quiet()
	r.strike = func() (bool, error) {
		ok, _, err := r.post(page, present(r.cedula, killClave), "/cambio")
		return ok, err
	}
	r.resume = func(acknowledged bool) {
		k.t.Helper()
		if !acknowledged {
			r.must(page, present(r.cedula, killClave), "/cambio")
		}
		r.must(r.v.open(k.changePage()), renewal(newClave), "/cambio/listo")
		r.changed()
	}
	return r
}

// atNew is somebody who has proved her clave and may set a new one.
func (k *killer) atNew() (*round, *sheet) {
	k.t.Helper()
	r := k.mailed(&k.open)
	page := r.v.press(r.v.open(k.changePage()), "aceptar", present(r.cedula, killClave))
	if !asksNew(page) {
		k.t.Fatalf("her clave is not taken: %s\n%s", page.url, page.words())
	}
	k.quiet()
	return r, page
}

// beforeChange: she sends the form again, and is told that the change is made,
// whether or not it had been.
func (k *killer) beforeChange() *round {
	k.t.Helper()
	r, page := k.atNew()
	r.strike = func() (bool, error) {
		ok, _, err := r.post(page, renewal(newClave), "/cambio/listo")
		return ok, err
	}
	r.resume = func(acknowledged bool) {
		k.t.Helper()
		if !acknowledged {
			r.must(page, renewal(newClave), "/cambio/listo")
		}
		r.changed()
	}
	return r
}

// beforeChangeNotice: the change has been acknowledged, and the provider dies over
// the notice of it.
func (k *killer) beforeChangeNotice() *round {
	k.t.Helper()
	r, page := k.atNew()
	r.strike = func() (bool, error) {
		if ok, _, err := r.post(page, renewal(newClave), "/cambio/listo"); !ok {
			return false, err
		}
		return true, k.settleOrDie(r.who.id)
	}
	r.resume = func(acknowledged bool) {
		k.t.Helper()
		if !acknowledged {
			r.must(page, renewal(newClave), "/cambio/listo")
		}
		r.settled()
		r.changed()
	}
	return r
}

// beforeSessionChange: somebody signed in changes her clave with one form. Where
// its answer was lost she may have to sign in again, with the new clave.
func (k *killer) beforeSessionChange() *round {
	k.t.Helper()
	r := k.mailed(&k.open)
	r.code(r.start())
	page := r.v.open(k.changePage())
	if page.find("clave_nueva") == nil || page.find("clave_actual") == nil {
		k.t.Fatalf("not the form of somebody signed in: %s\n%s", page.url, page.words())
	}
	fields := renewal(newClave)
	fields.Set("clave_actual", killClave)
	k.quiet()
	r.strike = func() (bool, error) {
		ok, _, err := r.post(page, fields, "/cambio/listo")
		return ok, err
	}
	r.resume = func(acknowledged bool) {
		k.t.Helper()
		if !acknowledged && !r.proves(newClave) {
			r.must(page, fields, "/cambio/listo")
		}
		r.changed()
		if acknowledged { // her session lives on
			if s := r.start(); s.status != 0 {
				k.t.Errorf("she is asked again after an acknowledged change:\n%s", s.words())
			}
		}
	}
	return r
}
