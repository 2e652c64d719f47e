package main

import (
	"net/url"
	"strings"
	"time"
)

// unlockDeeds are those of somebody whose clave is locked.
func (k *killer) unlockDeeds() []deed {
	return []deed{
		{name: "unlock asked", prepare: (*killer).beforeAsking},
		{name: "mail of the link, from wish to hand-over", prepare: (*killer).beforeLinkMail, of: ofMail},
		{name: "unlock", prepare: func(k *killer) *round { return k.beforeUnlock(opened) }},
		{name: "unlock in another browser", prepare: func(k *killer) *round { return k.beforeUnlock(elsewhere) }, rest: true},
		{name: "unlock by the code", prepare: func(k *killer) *round { return k.beforeUnlock(typed) }, rest: true},
		{name: "notice of an unlock, from effect to hand-over", prepare: (*killer).beforeUnlockNotice, of: ofMail, rest: true},
	}
}

// asking is the form of /desbloqueo, whose challenge has been waited for, and
// what is typed there.
func (r *round) asking() (*sheet, url.Values) {
	r.k.t.Helper()
	s := r.v.open(r.k.issuer() + "/desbloqueo")
	return s, r.typed(s)
}

func (r *round) typed(s *sheet) url.Values {
	r.k.t.Helper()
	reto := s.find("reto")
	if reto == nil {
		r.k.t.Fatalf("%s has no challenge:\n%s", s.url, s.words())
	}
	r.k.pass(6 * time.Second)
	return url.Values{"identificacion": {r.cedula}, "reto": {attr(reto, "value")}}
}

// post sends a form. It reports whether the answer, which is not followed, leads
// to path: that is what acknowledges it.
func (r *round) post(page *sheet, fields url.Values, path string) (bool, *sheet, error) {
	button := "aceptar"
	for _, name := range []string{"desbloquear", "confirmar", "continuar"} {
		if page.find(name) != nil {
			button = name
			break
		}
	}
	end := r.v.until
	r.v.until = r.k.issuer() + path
	defer func() { r.v.until = end }()
	s, err := r.v.do(r.v.form(page, button, fields))
	return err == nil && s.status == 0, s, err
}

// must is post that must lead to path.
func (r *round) must(page *sheet, fields url.Values, path string) *sheet {
	r.k.t.Helper()
	ok, s, err := r.post(page, fields, path)
	if err != nil {
		r.k.t.Fatalf("%v\n%s", err, r.k.provider.stderr)
	}
	if !ok {
		r.k.t.Fatalf("%s leads to %s, want %s\n%s", page.url, s.url, path, s.words())
	}
	return s
}

// ask sends the form until it is taken. Who is told that her challenge has been
// used sends the next.
func (r *round) ask(s *sheet, fields url.Values) {
	r.k.t.Helper()
	for range 3 {
		ok, next, err := r.post(s, fields, "/desbloqueo/enviado")
		if err != nil {
			r.k.t.Fatalf("%v\n%s", err, r.k.provider.stderr)
		}
		if ok {
			return
		}
		s, fields = next, r.typed(next)
	}
	r.k.t.Fatalf("cannot ask to unlock: %s\n%s", s.url, s.words())
}

// unlocks opens the last link that came, unlocks with it, and finds that it works
// once.
func (r *round) unlocks() {
	r.k.t.Helper()
	link, _ := r.link()
	r.must(r.v.open(link), nil, "/desbloqueo/listo")
	r.unlocked()
}

// unlocked checks that her link opens nothing any more and that her clave does.
func (r *round) unlocked() {
	r.k.t.Helper()
	if !r.unlockedBefore() {
		r.k.t.Error("a link can be used twice")
	}
	if !r.proves(killClave) {
		r.k.t.Error("she is unlocked and her clave opens nothing")
	}
}

// beforeAsking: she sends the form again where she got no answer.
func (k *killer) beforeAsking() *round {
	k.t.Helper()
	r := k.mailed(&k.locked)
	page, fields := r.asking()
	k.quiet()
	r.strike = func() (bool, error) {
		ok, _, err := r.post(page, fields, "/desbloqueo/enviado")
		return ok, err
	}
	r.resume = func(acknowledged bool) {
		k.t.Helper()
		if !acknowledged {
			r.ask(page, fields)
		}
		r.settled()
		r.unlocks()
	}
	return r
}

// beforeLinkMail: her wish has been acknowledged, and the provider dies over the
// mail. It comes after all, if twice then as the same mail.
func (k *killer) beforeLinkMail() *round {
	k.t.Helper()
	r := k.mailed(&k.locked)
	page, fields := r.asking()
	k.quiet()
	r.strike = func() (bool, error) {
		if ok, _, err := r.post(page, fields, "/desbloqueo/enviado"); !ok {
			return false, err
		}
		return true, k.settleOrDie(r.who.id)
	}
	r.resume = func(acknowledged bool) {
		k.t.Helper()
		if !acknowledged { // a death at random may come before the answer
			r.ask(page, fields)
		}
		r.settled()
		if first := k.post.to(r.who.email); acknowledged && first[0].id != first[len(first)-1].id {
			k.t.Errorf("one wish, %d mails", len(first))
		}
		r.unlocks()
	}
	return r
}

// link is the address of the last link that came to her, and its code.
func (r *round) link() (string, string) {
	r.k.t.Helper()
	address, code := r.k.post.link(r.who.email)
	if address == "" {
		r.k.t.Fatalf("no link came\n%s", r.k.provider.stderr)
	}
	return address, code
}

// opening is how somebody who has got the mail comes to where one button unlocks.
type opening func(r *round) (*sheet, url.Values)

func opened(r *round) (*sheet, url.Values) {
	link, _ := r.link()
	return r.v.open(link), nil
}

func elsewhere(r *round) (*sheet, url.Values) {
	r.v = newVisitor(r.k.t, "http://localhost:9/")
	s, _ := opened(r)
	return s, url.Values{"ultimos": {r.cedula[len(r.cedula)-4:]}}
}

func typed(r *round) (*sheet, url.Values) {
	_, code := r.link()
	return r.v.open(r.k.issuer() + "/desbloqueo/codigo"), url.Values{"codigo_mensaje": {code}}
}

// beforeUnlock: she presses the button again, or is told that her link has been
// used.
func (k *killer) beforeUnlock(open opening) *round {
	k.t.Helper()
	r, page, fields := k.atButton(open)
	r.strike = func() (bool, error) {
		ok, _, err := r.post(page, fields, "/desbloqueo/listo")
		return ok, err
	}
	r.resume = func(acknowledged bool) {
		k.t.Helper()
		if !acknowledged && !r.unlockedBefore() {
			r.must(page, fields, "/desbloqueo/listo")
		}
		r.unlocked()
	}
	return r
}

// atButton is somebody one press away from being unlocked.
func (k *killer) atButton(open opening) (*round, *sheet, url.Values) {
	k.t.Helper()
	r := k.mailed(&k.locked)
	r.ask(r.asking())
	r.settled()
	page, fields := open(r)
	if page.find("desbloquear") == nil {
		k.t.Fatalf("the link opens nothing: %s\n%s", page.url, page.words())
	}
	k.quiet()
	return r, page, fields
}

// unlockedBefore reports whether the unlock of which she got no answer has
// happened: the link then says so.
func (r *round) unlockedBefore() bool {
	r.k.t.Helper()
	link, _ := r.link()
	s := newVisitor(r.k.t, "").open(link)
	return s.find("desbloquear") == nil && strings.Contains(s.url.Path, "/desbloqueo/")
}

// beforeUnlockNotice: the unlock has been acknowledged, and the provider dies over
// the notice of it.
func (k *killer) beforeUnlockNotice() *round {
	k.t.Helper()
	r, page, fields := k.atButton(opened)
	r.strike = func() (bool, error) {
		if ok, _, err := r.post(page, fields, "/desbloqueo/listo"); !ok {
			return false, err
		}
		return true, k.settleOrDie(r.who.id)
	}
	r.resume = func(acknowledged bool) {
		k.t.Helper()
		if !acknowledged && !r.unlockedBefore() {
			r.must(page, fields, "/desbloqueo/listo")
		}
		r.settled()
		r.unlocked()
	}
	return r
}

// handOver dies at the steps of the mail server's protocol, which no statement
// marks.
func (k *killer) handOver() {
	k.t.Helper()
	d := k.deeds[1]
	for _, step := range []string{stepAddress, stepTaken} {
		r := d.prepare(k)
		k.post.on(func(met string) {
			if met == step {
				k.provider.kill()
			}
		})
		acknowledged, err := r.strike()
		k.post.on(nil)
		if err == nil {
			k.t.Fatalf("%s: nobody died", step)
		}
		k.provider.gone()
		k.recover(r, acknowledged, d.name+", death at "+step)
	}
	k.t.Logf("%s: death at %s and at %s", d.name, stepAddress, stepTaken)
}
