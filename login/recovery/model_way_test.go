package recovery_test

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/login/recovery"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// wanted is for whom a browser begins: mostly for who sits there.
func (w *world) wanted(b *tab) *human {
	var known []*human
	for _, h := range w.people {
		if b.knows[h] {
			known = append(known, h)
		}
	}
	if len(known) > 0 && w.IntN(8) > 0 {
		return pick(w, known)
	}
	return pick(w, w.people)
}

func (w *world) start(b *tab, h *human) {
	w.say("start", "%s for %s", b.name, h.name)
	page := b.start(h.a.Identifier)
	if old := b.caso; old != nil {
		old.ended = true
	}
	b.caso = &caso{id: page.Hidden("caso"), h: h, tab: b, step: "preguntas", expires: w.Time().Add(time.Hour)}
	w.cases[b.caso.id] = b.caso
	w.same(b, h)
}

// reserve is one attempt of h's: its number, 0 for none.
func (h *human) reserve(now time.Time) int {
	const limit = 5
	until := now.Add(30 * 24 * time.Hour)
	switch {
	case !h.spentUntil.IsZero() && !h.spentUntil.After(now):
		h.spent, h.spentUntil = 1, until
	default:
		if h.spent < limit {
			h.spentUntil = until
		}
		h.spent = min(h.spent+1, limit+1)
	}
	if h.spent > limit || h.lock == storage.LockRecuperacion {
		return 0
	}
	return h.spent
}

// beyond reports whether no mail opens her account: "No fui yo" was said soon after
// the mailbox on file became hers, say.
func (h *human) beyond() bool {
	doubtful := !h.emailAt.IsZero() && h.said.After(h.emailAt) && h.said.Sub(h.emailAt) <= 30*24*time.Hour && (h.recovered == 0 || !h.set.After(h.said))
	return doubtful || h.disabled || h.lock == storage.LockOperador || h.email == ""
}

// shut is what may be locked for once no attempt is left: the clave, or only this
// way and for a day, where the network has locked many.
func (w *world) shut(h *human) {
	budget, err := w.DB.LoginBudget(w.T.Context(), w.DB.IdentifierMAC(h.a.Identifier))
	if err != nil {
		w.T.Fatal(err)
	}
	if h.lock == "" || h.lock == storage.LockLogin {
		if budget.LockReason == storage.LockRecuperacion {
			h.lock = storage.LockRecuperacion
		}
	}
	if day := w.Time().Add(24 * time.Hour); h.lock != storage.LockRecuperacion && h.spent >= 5 && h.spentUntil.After(day) {
		h.spentUntil = day
	}
}

// right are the right answers of h. The questions change with the month, as the
// last three are not asked for.
func (w *world) right(h *human) form {
	month := w.Time().Format("2006-01 ") + h.name
	if _, found := w.asked[month]; !found {
		w.asked[month] = w.quiz(h.a)
	}
	return form{
		day: strings.TrimPrefix(h.a.Birthdate[8:], "0"), month: strings.TrimPrefix(h.a.Birthdate[5:7], "0"), history: w.asked[month], personal: h.enrolled,
	}
}

// post sends a form that was never sent before: what is sent twice in a row gets
// the first answer (FT-14), and a thief knows that.
func (w *world) post(b *tab, path string, pairs ...string) logintest.Answer {
	got := b.Post(path, append([]string{"vez", strconv.FormatInt(w.forms.Add(1), 10)}, pairs...)...)
	if got.Status >= http.StatusInternalServerError { // R1
		w.T.Errorf("%s answers %d: %.300s", path, got.Status, got.Main())
	}
	return got
}

// typed is what somebody types at the questions of h, and whether all of it is
// right.
func (w *world) typed(b *tab, h *human) (form, bool) {
	f := w.right(h)
	known := h.a.ID != "" && h.history
	if b.knows[h] && w.IntN(6) > 0 {
		return f, known
	}
	switch n := w.IntN(5); {
	case n == 0:
		f.day = strconv.Itoa(1 + int(f.day[0]-'0')) // another than 10 to 31 begin with
		if f.day == strings.TrimPrefix(h.a.Birthdate[8:], "0") {
			f.day = "9"
		}
	case n == 1:
		f.history[0] = other(f.history[0])
	case n == 2:
		f.history[1] = other(f.history[1])
	case n == 3 && h.enrolled[0] != "":
		f.personal[0] = ""
	case h.enrolled[0] != "":
		f.personal[1] = "Otra cosa"
	default:
		f.month = strconv.Itoa(13 - int(f.month[0]-'0'))
		if f.month == strings.TrimPrefix(h.a.Birthdate[5:7], "0") {
			f.month = "7"
		}
		if f.day == "31" || f.day == "30" || f.day == "29" {
			f.day = "28"
		}
	}
	return f, false
}

func (w *world) sendAnswers(b *tab, id string, f form) logintest.Answer {
	return w.post(b, "/generar-recuperar", "caso", id, "dia", f.day, "mes", f.month, "historia_1", f.history[0], "historia_2", f.history[1],
		"personal_1", f.personal[0], "personal_2", f.personal[1], "continuar", "1")
}

// answer sends the questions: of the case, of an older one, or where they are not
// asked.
func (w *world) answer(b *tab) {
	c, now := b.caso, w.Time()
	if c == nil {
		return
	}
	f, right := w.typed(b, c.h)
	id := c.id
	if w.IntN(10) == 0 {
		id = storage.NewID()
	}
	if w.IntN(15) == 0 {
		f.history[0] = "" // a fault costs nothing
	}
	before := c.h.spent
	got := w.sendAnswers(b, id, f)
	if !c.live(now) || c.step != "preguntas" || id != c.id || f.history[0] == "" {
		w.say("answer.stale", "%s at %q for %s: %d", b.name, c.step, c.h.name, got.Status)
		w.same(b, c.h)
		return
	}
	n := c.h.reserve(now)
	switch {
	case right && n > 0:
		w.passed(c)
		c.h.spent-- // right ones cost none
	case n == 0 || n == 5:
		c.step = "fallida"
		w.shut(c.h)
	}
	w.say("answer."+c.step, "%s for %s, right %v, attempt %d after %d", b.name, c.h.name, right, n, before)
	if (got.Status == http.StatusSeeOther) != (c.step == "datos") {
		w.fail("answered %d %q", got.Status, got.Location)
	}
	w.same(b, c.h)
}

// passed moves a case on whose answers are right. What the risk said is read from
// it, and must come out the same again.
func (w *world) passed(c *caso) {
	c.passed, c.step = true, "datos"
	stored, err := w.DB.Recovery(w.T.Context(), c.id)
	if err != nil {
		w.T.Fatal(err)
	}
	again, before, err := recovery.Replay(stored.Risk)
	if err != nil || again.Route != before.Route {
		w.fail("a decision comes out otherwise: %+v, %+v, %v", again, before, err)
	}
	if c.h.beyond() || again.Route == recovery.RouteOffice {
		c.step = "asistida"
	}
}

// data sends the data: the same address, or another.
func (w *world) data(b *tab) {
	c, now := b.caso, w.Time()
	if c == nil {
		return
	}
	id, address := c.id, ""
	if w.IntN(10) == 0 {
		id = storage.NewID()
	}
	switch w.IntN(10) {
	case 0:
		address = "otro" + strconv.Itoa(w.IntN(4)) + "@example.com"
	case 1:
		for _, a := range w.addresses() {
			if b.reads[a] {
				address = a
			}
		}
	case 2:
		address = strings.ToUpper(c.h.email)
	case 3:
		if w.IntN(4) == 0 {
			address = "nada"
		}
	}
	got := w.post(b, "/generar-recuperar", "caso", id, "correo", address, "celular", "0990000001", "convencional", "", "continuar", "1")
	if !c.live(now) || c.step != "datos" || id != c.id || address == "nada" {
		w.say("data.stale", "%s at %q: %d", b.name, c.step, got.Status)
		w.same(b, c.h)
		return
	}
	w.sent(c, address)
	w.say("data."+c.step, "%s for %s, address %q", b.name, c.h.name, address)
	if (got.Status == http.StatusSeeOther) != (c.step == "enviado") {
		w.fail("answered %d %q", got.Status, got.Location)
	}
	w.same(b, c.h)
}

// addresses are all mailboxes there may be, in an order.
func (w *world) addresses() []string {
	out := []string{"thief@example.com"}
	for i := range 4 {
		out = append(out, "otro"+strconv.Itoa(i)+"@example.com", "registro"+strconv.Itoa(i)+"@example.ec")
	}
	for _, h := range w.people {
		if h.a.Email != "" {
			out = append(out, h.a.Email)
		}
	}
	return out
}

// sent is what follows from the data of a case at its step.
func (w *world) sent(c *caso, address string) {
	now := w.Time()
	if c.h.beyond() {
		c.step = "asistida"
		return
	}
	if address == "" || strings.EqualFold(address, c.h.email) {
		c.step, c.requested, c.expires = "enviado", true, now.Add(75*time.Minute)
		w.askLink(c)
		return
	}
	if !w.room(c.h, "correo-nuevo", address) { // it stays where it is
		return
	}
	c.step, c.requested, c.expires, c.other = "enviado", true, now.Add(75*time.Minute), true
	c.h.change = &change{email: address, asked: now, ready: now.Add(72 * time.Hour)}
	for _, purpose := range []string{storage.LinkCorreoNuevo, storage.LinkCorreoViejo} {
		c.h.killed[purpose] = now
	}
}

// room reports whether one mail more of a kind may go, and counts it.
func (w *world) room(h *human, template, address string) bool {
	since := w.Time().Add(-15 * time.Minute)
	lately := func(all []time.Time) int {
		n := 0
		for _, at := range all {
			if at.After(since) {
				n++
			}
		}
		return n
	}
	shared := 0
	for _, other := range w.people {
		shared += lately(other.mails[template+" "+strings.ToLower(address)])
	}
	if lately(h.mails[template]) >= 3 || shared >= 6 {
		return false
	}
	h.mails[template] = append(h.mails[template], w.Time())
	h.mails[template+" "+strings.ToLower(address)] = append(h.mails[template+" "+strings.ToLower(address)], w.Time())
	return true
}

// askLink is what a wish for the link does. It reports whether it was answered.
func (w *world) askLink(c *caso) bool {
	now := w.Time()
	h := c.h
	held := h.change != nil && h.change.proved && h.change.ready.After(now) || !h.approved && !h.emailAt.IsZero() && h.emailAt.Add(72*time.Hour).After(now)
	template := "enlace-generar"
	if held {
		template = "enlace-retenido"
	}
	answered := c.written < 6 && w.room(h, template, h.email)
	went := answered && !held
	if answered {
		c.written++
	}
	if went {
		h.killed[storage.LinkGenerar] = now
	}
	link, err := w.DB.LiveLink(w.T.Context(), storage.LinkGenerar, h.a.ID, now)
	if is := err == nil && link.CreatedAt.Equal(now); is != went {
		w.fail("a link to a new clave was made: %v, want %v", is, went)
	}
	return answered
}

func (w *world) resend(b *tab) {
	c, now := b.caso, w.Time()
	if c == nil {
		return
	}
	got := w.post(b, "/generar-recuperar/reenviar", "caso", c.id, "reenviar", "1")
	if c.live(now) && c.step == "enviado" && !c.other && !c.h.beyond() {
		if w.askLink(c) {
			c.expires = now.Add(75 * time.Minute)
		}
		w.say("resend", "%s for %s: %d", b.name, c.h.name, got.Status)
	} else {
		w.say("resend.stale", "%s at %q: %d", b.name, c.step, got.Status)
	}
	w.same(b, c.h)
}

// newFields are those of the last step, for h.
func newFields(h *human, clave string) []string {
	out := []string{"declaracion", "1", "clave_nueva", clave, "clave_confirmacion", clave, "confirmar", "1"}
	if h.enrolled[0] == "" {
		q := templates.PersonalQuestions()
		out = append(out, "pregunta_1", q[2], "respuesta_1", newAnswer1, "pregunta_2", q[3], "respuesta_2", newAnswer2)
	}
	return out
}
