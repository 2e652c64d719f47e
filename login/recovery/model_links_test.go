package recovery_test

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
)

// deliver works errands out, or hands over what is due, or both. Each may be late
// or never come.
func (w *world) deliver() {
	if w.IntN(2) == 0 {
		w.Work()
	}
	if w.IntN(4) == 0 {
		return
	}
	now := w.Time()
	for _, m := range w.Deliver() {
		in := &mail{template: m.Template}
		if m.LinkID != "" {
			in.link = w.link(m.LinkID, m.Recipient)
			l := in.link
			if c := l.h.change; c != nil && l.purpose == storage.LinkCorreoViejo && l.created.Equal(c.asked) {
				c.told = true
			}
			// Its clock starts: D06.
			latest := l.created.Add(time.Hour)
			if want := now.Add(15 * time.Minute); l.purpose == storage.LinkGenerar && !l.dead() && !l.used && latest.After(now) {
				if latest.Before(want) {
					want = latest
				}
				if !l.expires.Equal(want) {
					w.fail("link %s ends at %s, want %s", l.id, l.expires, want)
				}
			}
		}
		w.boxes[m.Recipient] = append(w.boxes[m.Recipient], in)
		w.say("mail", "%s to %s", m.Template, m.Recipient)
	}
}

// link is the one with that id, as it came to an address.
func (w *world) link(id, to string) *enlace {
	stored, err := w.DB.Link(w.T.Context(), id)
	if err != nil {
		w.T.Fatal(err)
	}
	l := w.links[id]
	if l == nil {
		l = &enlace{id: id, purpose: stored.Purpose, to: to, created: stored.CreatedAt.Time}
		for _, h := range w.people {
			if h.a.ID == stored.AfiliadoID {
				l.h = h
			}
		}
		if l.purpose == storage.LinkGenerar {
			owner, _, _ := strings.Cut(id, "-")
			l.caso = w.cases[owner]
			l.tab = l.caso.tab
			if to != l.h.email && !l.dead() {
				w.fail("a link to a new clave for %s went to %s, on file is %s", l.h.name, to, l.h.email)
			}
			if !l.caso.passed || !l.caso.requested {
				w.fail("a link to a new clave for a case at %q", l.caso.step)
			}
		}
		w.links[id] = l
	}
	l.expires = stored.ExpiresAt.Time
	return l
}

// open opens a link that lies in a mailbox read here.
func (w *world) open(b *tab) {
	var all []*mail
	for _, address := range w.addresses() {
		if b.reads[address] {
			box := w.boxes[address]
			for _, m := range box[max(0, len(box)-6):] {
				if m.link != nil && (m.link.purpose != storage.LinkNoFuiYo || w.IntN(12) == 0) {
					all = append(all, m)
				}
			}
		}
	}
	if len(all) == 0 {
		return
	}
	l := pick(w, all).link
	if w.IntN(3) > 0 { // mostly what leads on
		for _, m := range all {
			if m.link.purpose != storage.LinkNoFuiYo && m.link.opens(b, w.Time()) {
				l = m.link
			}
		}
	}
	got := b.Get("/enlace/" + w.DB.LinkToken(l.id))
	if got.Status != http.StatusSeeOther {
		w.fail("a link answers %d", got.Status)
	}
	b.opened = l
	if l.purpose == storage.LinkGenerar {
		b.kept = l
	}
	w.say("open."+l.purpose, "%s for %s, opens %v", b.name, l.h.name, l.opens(b, w.Time()))
	if l.purpose == storage.LinkGenerar {
		w.see(b)
	}
}

// see opens the page of the new clave. A form that the browser has shown outlives
// its link there.
func (w *world) see(b *tab) {
	l, now := b.kept, w.Time()
	got := b.Get("/generar-recuperar/clave")
	form := got.Hidden("abierto")
	running := b.formOf == l && !l.used && !l.dead() && now.Before(b.formAt.Add(15*time.Minute))
	if want := (l.opens(b, now) || running) && l.tab == b; (form != "") != want {
		w.fail("the form of a new clave is shown: %v, want %v (%d %q, link %+v)", form != "", want, got.Status, got.Location, *l)
	}
	b.shows(form, l, now)
}

// shows notes the form of a new clave that b has on its page, "" for none. What it
// says of when it was first shown is all that tells one from another.
func (b *tab) shows(form string, l *enlace, now time.Time) {
	if form != "" && form != b.form {
		b.form, b.formOf, b.formAt = form, l, now
	}
}

// elsewhere answers what a link asks in a browser that did not ask for it.
func (w *world) elsewhere(b *tab) {
	l, now := b.kept, w.Time()
	if l == nil {
		return
	}
	f, right := w.typed(b, l.h)
	if f.personal[0] == "" {
		f.personal[0] = "Algo"
	}
	got := w.post(b, "/generar-recuperar/clave", "dia", f.day, "mes", f.month, "historia_1", f.history[0], "personal_1", f.personal[0], "continuar", "1")
	if !l.opens(b, now) || l.tab == b {
		w.say("elsewhere.stale", "%s: %d", b.name, got.Status)
		w.same(b, l.h)
		return
	}
	l.attempts++
	ok := got.Status == http.StatusSeeOther
	if right && !ok || ok && !w.partly(f, l.h) {
		w.fail("answers of another browser, right %v: %d %q", right, got.Status, got.Location)
	}
	w.say("elsewhere", "%s for %s, right %v, attempt %d: %d", b.name, l.h.name, right, l.attempts, got.Status)
	if ok {
		l.tab = b
		w.see(b)
	}
	w.same(b, l.h)
}

// partly reports whether those answers are right that another browser is asked.
func (w *world) partly(f form, h *human) bool {
	r := w.right(h)
	if f.day != r.day || f.month != r.month {
		return false
	}
	if h.enrolled[0] != "" {
		return strings.EqualFold(f.personal[0], r.personal[0])
	}
	return f.history[0] == r.history[0]
}

// confirm sends the form of a new clave, as it was shown some time ago.
func (w *world) confirm(b *tab) {
	if b.form == "" {
		return
	}
	clave := w.newClave(b.formOf.h)
	fields := append([]string{"abierto", b.form}, newFields(b.formOf.h, clave)...)
	if w.IntN(10) == 0 {
		fields[3] = "" // no declaration
	}
	w.confirmed(b, clave, fields, 1)
}

// newClave is mostly one nobody has had.
func (w *world) newClave(h *human) string {
	if len(h.claves) > 0 && w.IntN(8) == 0 {
		return pick(w, h.claves)
	}
	w.serial++
	return "Volcan" + string(rune('a'+w.serial%26)) + string(rune('a'+w.serial/26%26)) + string(rune('a'+w.serial/676%26)) + "5286"
}

// confirmed sends such a form so many times at once: it has one effect, if it may
// have any.
func (w *world) confirmed(b *tab, clave string, fields []string, times int) {
	l, now := b.kept, w.Time()
	var want bool
	var h *human
	if l != nil {
		h = l.h
		past := h.claves[max(0, len(h.claves)-5):]
		want = b.formOf == l && !l.used && !l.dead() && l.tab == b && now.Before(b.formAt.Add(15*time.Minute)) &&
			l.expires.After(b.formAt) && !h.disabled && h.lock != storage.LockOperador && fields[3] != ""
		for _, c := range past {
			want = want && c != clave
		}
		if (h.enrolled[0] == "") != (b.formOf.h.enrolled[0] == "") {
			want = want && h.enrolled[0] != ""
		}
	}
	got := make([]logintest.Answer, times)
	var all sync.WaitGroup
	for i := range times {
		all.Go(func() { got[i] = w.post(b, "/generar-recuperar/clave", fields...) })
	}
	all.Wait()
	done := got[0].Location == "/generar-recuperar/listo"
	if h == nil {
		w.say("confirm.nothing", "%s: %d", b.name, got[0].Status)
		return
	}
	if want {
		w.recovered(b, l, clave)
	}
	b.shows(got[0].Hidden("abierto"), l, now) // one that came too late is shown anew while the link lives
	for _, g := range got {
		if times == 1 && done != (l.used && l.tab == b) {
			w.fail("confirmed with %d %q, want done %v: %.300s", g.Status, g.Location, want, g.Main())
		}
	}
	w.say("confirm", "%s for %s: %v, %d times", b.name, h.name, want, times)
	if want {
		w.came["confirm.done"]++
		if times > 1 {
			w.came["confirm.done at once"]++
		}
	}
	w.same(b, h)
}

// recovered is all that follows from a new clave. It may only come of the mailbox
// on file, and of right answers.
func (w *world) recovered(b *tab, l *enlace, clave string) {
	h, now := l.h, w.Time()
	if !strings.EqualFold(l.to, h.email) || !b.reads[l.to] || !l.caso.passed {
		w.fail("%s sets the clave of %s by a link to %s; on file is %s, questions passed: %v", b.name, h.name, l.to, h.email, l.caso.passed)
	}
	h.claves, h.set, h.recovered = append(h.claves, clave), now, h.recovered+1
	h.lock, h.spent, h.spentUntil = "", 0, time.Time{}
	l.used = true
	h.change = nil
	for _, purpose := range []string{
		storage.LinkGenerar, storage.LinkDesbloqueo, storage.LinkCambio, storage.LinkCorreoNuevo, storage.LinkCorreoViejo,
	} {
		h.killed[purpose] = now
	}
	if h.enrolled[0] == "" {
		h.enrolled = [2]string{newAnswer1, newAnswer2}
	}
	if c := l.caso; c.live(now) && c.step == "enviado" {
		c.step = "hecho"
	}
	w.endCases(h)
}

// endCases ends the cases of h that are not done.
func (w *world) endCases(h *human) {
	for _, c := range w.cases {
		if c.h == h && c.step != "hecho" {
			c.ended = true
		}
	}
}
