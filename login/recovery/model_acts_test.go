package recovery_test

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"iess.gob.ec/clave/storage"
)

// press does what an opened link is for that is not to a new clave: it confirms or
// approves another address, or says "No fui yo".
func (w *world) press(b *tab) {
	l := b.opened
	if l == nil || l.purpose == storage.LinkGenerar {
		return
	}
	path := map[string]string{
		storage.LinkCorreoNuevo: "/correo/confirmar", storage.LinkCorreoViejo: "/correo/aprobar", storage.LinkNoFuiYo: "/no-fui-yo",
	}[l.purpose]
	page := b.Get(path)
	if !strings.Contains(page.Body, `name="reto"`) {
		w.say("press.dead", "%s %s: %d %q", b.name, path, page.Status, page.Location)
		if w.link(l.id, l.to).opens(b, w.Time()) {
			w.fail("a live link opens nothing: %s %d", path, page.Status)
		}
		return
	}
	reto := b.Ticket(page)
	live := w.link(l.id, l.to).opens(b, w.Time())
	got := b.Post(path, "reto", reto)
	w.say("press"+path, "%s for %s, live %v: %d", b.name, l.h.name, live, got.Status)
	if live {
		l.used = true
		w.pressed(l)
	}
	w.same(b, l.h)
}

func (w *world) pressed(l *enlace) {
	h, now := l.h, w.Time()
	c := h.change
	switch l.purpose {
	case storage.LinkNoFuiYo:
		w.killAll(h)
		h.change, h.said = nil, now
		w.endCases(h)
		if h.lock != storage.LockOperador {
			h.lock, h.spent, h.spentUntil = storage.LockCompromiso, 0, time.Time{}
		}
		return
	case storage.LinkCorreoNuevo:
		if c != nil {
			if !strings.EqualFold(l.to, c.email) {
				w.fail("the address %s is proved by a mail to %s", c.email, l.to)
			}
			c.proved = true
			h.killed[storage.LinkGenerar] = now
		}
	case storage.LinkCorreoViejo:
		if c != nil && c.ready.After(now) {
			if !strings.EqualFold(l.to, h.email) {
				w.fail("the wait of %s is cut short by a mail to %s", h.name, l.to)
			}
			c.ready = now
		}
	}
	w.apply(h)
}

// killAll ends every link of h but those of a running change of clave, which are
// in no mail and not part of this.
func (w *world) killAll(h *human) {
	for _, purpose := range []string{
		storage.LinkGenerar, storage.LinkDesbloqueo, storage.LinkNoFuiYo, storage.LinkCorreoNuevo, storage.LinkCorreoViejo,
	} {
		h.killed[purpose] = w.Time()
	}
}

// apply makes a due address the one on file.
func (w *world) apply(h *human) {
	c, now := h.change, w.Time()
	if c == nil || !c.proved || !c.told || c.ready.After(now) || h.disabled || h.lock == storage.LockOperador {
		return
	}
	if h.registry == "" {
		h.registry = h.email
	}
	h.email, h.emailAt, h.approved, h.change = c.email, c.asked, c.ready.Before(c.asked.Add(72*time.Hour)), nil
	w.killAll(h)
	w.came["address applied"]++
}

// job applies what is due.
func (w *world) job() {
	if err := w.way.Contacts.Apply(w.T.Context(), w.Time()); err != nil {
		w.T.Fatal(err)
	}
	w.say("job", "")
	for _, h := range w.people {
		w.apply(h)
		w.same(nil, h)
	}
}

// later lets time pass: minutes, around the life of a link, hours, or days.
func (w *world) later() {
	d := []time.Duration{
		time.Duration(w.IntN(300)) * time.Second, time.Duration(840+w.IntN(120)) * time.Second, time.Duration(w.IntN(90)) * time.Minute,
		time.Duration(w.IntN(90)) * time.Minute, time.Duration(w.IntN(12)) * time.Hour, 71*time.Hour + time.Duration(w.IntN(7200))*time.Second,
	}[w.IntN(6)]
	w.Pass(d)
	w.say("later", "%s", d)
}

// officer unlocks, locks, or, seldom, disables.
func (w *world) officer(h *human) {
	ctx, now := w.T.Context(), w.Time()
	if h.a.ID == "" {
		return
	}
	switch n := w.IntN(100); {
	case n == 0:
		if err := w.DisableByOperator(ctx, h.a.ID); (err == nil) == h.disabled {
			w.fail("disabled %v: %v", h.disabled, err)
		}
		if !h.disabled {
			h.disabled, h.change = true, nil
			w.killAll(h)
			w.endCases(h)
			h.change = nil
			w.endCases(h)
		}
		w.say("officer.disable", "%s", h.name)
	case n < 6:
		var locked bool
		w.In(func(tx *storage.Tx) error {
			var err error
			locked, err = tx.LockClave(ctx, w.DB.IdentifierMAC(h.a.Identifier), storage.LockOperador, now)
			return err
		})
		if locked != (h.lock == "") {
			w.fail("locked by an officer: %v, was %q", locked, h.lock)
		}
		if locked {
			h.lock = storage.LockOperador
		}
		w.say("officer.lock", "%s", h.name)
	default:
		err := w.UnlockByOperator(ctx, h.a.ID)
		if err == nil && (h.lock == "" || h.lock == storage.LockCompromiso) || err != nil && (h.lock == storage.LockLogin || h.lock == storage.LockRecuperacion) &&
			!w.disavowed(h) {
			w.fail("an officer unlocks %q: %v", h.lock, err)
		}
		if err != nil && strings.Contains(err.Error(), "may be recovered again") {
			h.spent, h.spentUntil = 0, time.Time{}
		}
		if err == nil {
			h.lock, h.spent, h.spentUntil = "", 0, time.Time{}
		}
		w.say("officer.unlock", "%s: %v", h.name, err)
	}
	w.same(nil, h)
}

// disavowed reports whether h ever said "No fui yo": then an officer may refuse.
func (w *world) disavowed(h *human) bool {
	for _, l := range w.links {
		if l.h == h && l.purpose == storage.LinkNoFuiYo && l.used {
			return true
		}
	}
	return false
}

// imported gives somebody another address, from the registry.
func (w *world) imported() {
	h := pick(w, w.people)
	if h.a.ID == "" {
		return
	}
	address := "registro" + strconv.Itoa(w.IntN(4)) + "@example.ec"
	file := "cedula,nombres,apellidos,fecha_nacimiento,correo,tipo_asegurado,estado,huella\n" + strings.Join([]string{
		string(h.a.Identifier), h.a.GivenName, h.a.FamilyName, h.a.Birthdate, address, "afiliado", "activa", "si",
	}, ",") + "\n"
	report, err := w.DB.ImportAfiliados(w.T.Context(), strings.NewReader(file), storage.ImportOptions{
		Identifier: func(text string) (storage.Identifier, string, error) {
			return storage.Identifier(text), storage.IdentifierCedula, nil
		},
		Now: w.Time, Actor: "operator", Refused: func(storage.Refusal) error { return nil },
	})
	if err != nil || report.Refused > 0 {
		w.T.Fatal(report, err)
	}
	w.say("import", "%s to %s", h.name, address)
	switch {
	case strings.EqualFold(address, h.email):
		h.registry = ""
	case strings.EqualFold(address, h.registry):
		w.came["address kept"]++ // the file says what it said before she changed it here
	default:
		h.email, h.emailAt, h.approved, h.change, h.registry = address, w.Time(), false, nil, ""
		w.killAll(h)
	}
	w.same(nil, h)
}

// signIn tries a clave: the present one, one of before, or another. The present
// one always opens where nothing is locked; no other ever does.
func (w *world) signIn(b *tab) {
	h := pick(w, w.people)
	typed, present := "Antisana5758", false
	if n := len(h.claves); n > 0 && w.IntN(3) > 0 {
		i := n - 1 - w.IntN(min(n, 2))
		typed, present = h.claves[i], i == n-1
	}
	budget, err := w.DB.LoginBudget(w.T.Context(), w.DB.IdentifierMAC(h.a.Identifier))
	if err != nil {
		w.T.Fatal(err)
	}
	fresh := w.NewBrowser()
	if w.IntN(2) == 0 {
		fresh = b.Browser
	}
	got := fresh.Post("/ingresar", "cedula", string(h.a.Identifier), "clave", typed)
	in := got.Status == http.StatusSeeOther
	free := h.lock == "" && budget.Failures < 5 && !h.disabled
	if in && !present || !in && present && free || in && (h.disabled || h.lock == storage.LockCompromiso || h.lock == storage.LockOperador) {
		w.fail("%s signs in: %d %q; the present clave: %v, lock %q, failures %d", h.name, got.Status, got.Location, present, h.lock, budget.Failures)
	}
	if present && free && w.IntN(2) == 0 { // and begins to change it, which leaves a link that a recovery ends
		w.NewBrowser().Post("/cambio", "cedula", string(h.a.Identifier), "clave_actual", typed, "acuerdo", "1")
		w.came["change begun"]++
	}
	w.say("sign in", "%s as %s, present clave %v: %d", b.name, h.name, present, got.Status)
	if !present && h.lock == "" {
		if budget, err = w.DB.LoginBudget(w.T.Context(), w.DB.IdentifierMAC(h.a.Identifier)); err != nil {
			w.T.Fatal(err)
		}
		if budget.LockReason == storage.LockLogin && budget.Failures >= 5 {
			h.lock = storage.LockLogin
		}
	}
	w.same(nil, h)
}

// atOnce sends one form several times at a time.
func (w *world) atOnce(b *tab) {
	c, now := b.caso, w.Time()
	times := 2 + w.IntN(4)
	each := func(f func()) {
		var all sync.WaitGroup
		for range times {
			all.Go(f)
		}
		all.Wait()
	}
	switch {
	case b.form != "" && w.IntN(2) == 0:
		clave := w.newClave(b.formOf.h)
		w.confirmed(b, clave, append([]string{"abierto", b.form}, newFields(b.formOf.h, clave)...), times)
	case c.live(now) && c.step == "datos":
		each(func() {
			w.post(b, "/generar-recuperar", "caso", c.id, "correo", "", "celular", "0990000001", "convencional", "", "continuar", "1")
		})
		w.sent(c, "")
		w.say("data at once", "%s for %s, %d times", b.name, c.h.name, times)
		w.same(b, c.h)
	case c.live(now) && c.step == "preguntas" && w.IntN(2) == 0:
		w.anewAtOnce(b, times)
	case c.live(now) && c.step == "preguntas":
		f, right := w.typed(b, c.h)
		each(func() { w.sendAnswers(b, c.id, f) })
		w.say("answers at once", "%s for %s, right %v, %d times after %d", b.name, c.h.name, right, times, c.h.spent)
		w.raced(c, right, times, times)
		w.same(b, c.h)
	}
}

// anewAtOnce sends answers several times and begins anew in the same browser, all of
// it at a time.
func (w *world) anewAtOnce(b *tab, times int) {
	c := b.caso
	reto := b.Ticket(b.Get("/generar-recuperar?nuevo=1"))
	if now := w.Time(); !c.live(now) { // it took a minute
		return
	}
	f, right := w.typed(b, c.h)
	var all sync.WaitGroup
	for range times {
		all.Go(func() { w.sendAnswers(b, c.id, f) })
	}
	all.Go(func() {
		w.post(b, "/generar-recuperar", "identificacion", string(c.h.a.Identifier), "reto", reto, "buscar", "1")
	})
	all.Wait()
	w.say("answers and a new case at once", "%s for %s, right %v, %d times after %d", b.name, c.h.name, right, times, c.h.spent)
	w.raced(c, right, 0, times) // what comes after the new case is not of it
	c.ended = true
	w.same(b, c.h)
	b.caso = &caso{id: b.Get("/generar-recuperar").Hidden("caso"), h: c.h, tab: b, step: "preguntas", expires: w.Time().Add(time.Hour)}
	w.cases[b.caso.id] = b.caso
	w.same(b, c.h)
}
