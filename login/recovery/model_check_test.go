package recovery_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// same checks that what a step was about is as the model has it.
func (w *world) same(b *tab, h *human) {
	w.T.Helper()
	ctx := w.T.Context()
	if b != nil && b.caso != nil {
		c := b.caso
		stored, err := w.DB.Recovery(ctx, c.id)
		if err != nil {
			w.T.Fatal(err)
		}
		if stored.Step != c.step || stored.EndedAt.IsZero() == c.ended || !c.ended && !stored.ExpiresAt.Equal(c.expires) {
			w.fail("the case of %s for %s is at %q until %s, ended %v; want %q, %s, %v", b.name, c.h.name, stored.Step, stored.ExpiresAt,
				!stored.EndedAt.IsZero(), c.step, c.expires, c.ended)
		}
	}
	mac := w.DB.IdentifierMAC(h.a.Identifier)
	budget, err := w.DB.LoginBudget(ctx, mac)
	if err != nil {
		w.T.Fatal(err)
	}
	spent, err := w.DB.RecoveryBudget(ctx, mac, w.Time())
	if err != nil {
		w.T.Fatal(err)
	}
	want := h.spent
	if !h.spentUntil.IsZero() && !h.spentUntil.After(w.Time()) {
		want = 0
	}
	if budget.LockReason != h.lock || spent != want {
		w.fail("%s is locked %q after %d attempts, want %q after %d", h.name, budget.LockReason, spent, h.lock, want)
	}
	if h.a.ID != "" {
		w.sameAccount(h)
	}
}

func (w *world) sameAccount(h *human) {
	w.T.Helper()
	ctx := w.T.Context()
	a, err := w.DB.Afiliado(ctx, h.a.ID)
	if err != nil {
		w.T.Fatal(err)
	}
	if !strings.EqualFold(a.Email, h.email) || !a.EmailAt.Equal(h.emailAt) || a.Disabled() != h.disabled {
		w.fail("%s has %s since %s, disabled %v; want %s since %s, %v", h.name, a.Email, a.EmailAt, a.Disabled(), h.email, h.emailAt, h.disabled)
	}
	c, err := w.DB.ClaveFacts(ctx, h.a.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		w.T.Fatal(err)
	}
	if (err == nil) != (len(h.claves) > 0) || err == nil && h.recovered > 0 && (!c.CreatedAt.Equal(h.set) || !c.RecoveredAt.Equal(h.set)) {
		w.fail("%s has a clave %+v, %v; want one of %s", h.name, c, err, h.set)
	}
	open, err := w.DB.OpenContactChange(ctx, h.a.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		w.T.Fatal(err)
	}
	if (err == nil) != (h.change != nil) || err == nil && (open.Email != h.change.email || !open.ReadyAt.Equal(h.change.ready) || open.ProvedAt.IsZero() == h.change.proved) {
		w.fail("%s has an open change of address %+v, want %+v", h.name, open, h.change)
	}
}

// raced learns what became of answers that were sent at once, of which at least so
// many were of the case: any of what may.
func (w *world) raced(c *caso, right bool, atLeast, times int) {
	h, now, ctx := c.h, w.Time(), w.T.Context()
	stored, err := w.DB.Recovery(ctx, c.id)
	if err != nil {
		w.T.Fatal(err)
	}
	mac := w.DB.IdentifierMAC(h.a.Identifier)
	spent, err := w.DB.RecoveryBudget(ctx, mac, now)
	if err != nil {
		w.T.Fatal(err)
	}
	budget, err := w.DB.LoginBudget(ctx, mac)
	if err != nil {
		w.T.Fatal(err)
	}
	if !h.spentUntil.IsZero() && !h.spentUntil.After(now) {
		h.spent = 0
	}
	if h.spent < 5 && (atLeast > 0 || spent != h.spent || stored.Step != "preguntas") {
		h.spentUntil = now.Add(30 * 24 * time.Hour)
	}
	before := h.spent
	allowed := false
	for counted := atLeast; counted <= times; counted++ {
		allowed = allowed || h.mayCome(right, counted, stored.Step, spent)
	}
	lock := h.lock
	if stored.Step == "fallida" && lock != storage.LockOperador && lock != storage.LockCompromiso { // whoever finds none left has locked
		lock = storage.LockRecuperacion
	}
	if !allowed || budget.LockReason != lock {
		w.fail("%d to %d forms at once, right %v, after %d attempts and lock %q: at %q, %d attempts, lock %q, want lock %q", atLeast, times, right, before,
			h.lock, stored.Step, spent, budget.LockReason, lock)
	}
	h.spent, c.step = spent, stored.Step
	if c.step == "fallida" {
		w.shut(h)
	}
	if c.step == "datos" || c.step == "asistida" {
		w.passed(c)
	}
}

// mayCome reports whether so many forms at once may leave their case at step, and so
// many attempts spent.
func (h *human) mayCome(right bool, forms int, step string, spent int) bool {
	before, left := h.spent, max(0, 5-h.spent)
	if h.lock == storage.LockRecuperacion {
		left = 0
	}
	least, most := before, min(6, before+forms)
	may := []string{"preguntas"}
	switch {
	case forms == 0:
	case left == 0, !right && forms >= left:
		may, least = []string{"fallida"}, min(6, before+max(1, left))
	case !right:
		least = most
	case forms <= left:
		may, most = []string{"datos", "asistida"}, before // right ones cost none
	default: // more of them than attempts: one finds none left, before or after one that passes
		may, least = []string{"datos", "asistida", "fallida"}, 0
	}
	return slices.Contains(may, step) && spent >= least && spent <= most
}

// none is something of which there must be none in the whole database (R0, R3).
type none struct{ what, query string }

func nones() []none {
	const recovered = `(SELECT COUNT(*) FROM audit u WHERE u.afiliado_id = a.id AND u.event = 'clave.recovered')`
	told := func(event, template string) string {
		return `SELECT COUNT(*) FROM afiliado a WHERE (SELECT COUNT(*) FROM audit u WHERE u.afiliado_id = a.id AND u.event = '` + event + `') <>
			(SELECT COUNT(*) FROM errand e WHERE e.identifier_mac = a.identifier_mac AND e.kind = '` + template + `' AND e.done_at = 0)
			+ (SELECT COUNT(*) FROM outbox o WHERE o.afiliado_id = a.id AND o.template = '` + template + `')
			+ (SELECT COUNT(*) FROM audit u WHERE u.afiliado_id = a.id AND u.event = 'notice.unsent' AND u.detail LIKE '%"` + template + `"%')`
	}
	return []none{
		{"links to a new clave that were used without exactly one effect", `SELECT COUNT(*) FROM link l WHERE l.purpose = 'generar' AND l.used_at > 0
			AND (SELECT COUNT(*) FROM audit u WHERE u.afiliado_id = l.afiliado_id AND u.event = 'clave.recovered' AND u.at = l.used_at) <> 1`},
		{"new claves without exactly one used link", `SELECT COUNT(*) FROM afiliado a WHERE ` + recovered + ` <>
			(SELECT COUNT(*) FROM link l WHERE l.afiliado_id = a.id AND l.purpose = 'generar' AND l.used_at > 0)`},
		{"links of a changed address that were used without exactly one effect", `SELECT COUNT(*) FROM link l
			WHERE l.purpose IN ('correo-nuevo', 'no-fui-yo') AND l.used_at > 0 AND (SELECT COUNT(*) FROM audit u
			WHERE u.afiliado_id = l.afiliado_id AND u.event = CASE l.purpose WHEN 'correo-nuevo' THEN 'contact.proved' ELSE 'clave.disavowed' END
			AND u.at = l.used_at) <> 1`},
		{"new claves without exactly one declaration", `SELECT COUNT(*) FROM afiliado a WHERE ` + recovered + ` <>
			(SELECT COUNT(*) FROM acceptance x WHERE x.afiliado_id = a.id AND x.document = 'declaracion')`},
		{"new claves not told of exactly once", told("clave.recovered", "clave-recuperada")},
		{"right answers not told of at once, but after three mails of a day", `SELECT COUNT(*) FROM audit u WHERE u.event = 'recovery.passed'
			AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.afiliado_id = u.afiliado_id AND o.template = 'preguntas-superadas' AND o.created_at = u.at)
			AND NOT EXISTS (SELECT 1 FROM audit x WHERE x.afiliado_id = u.afiliado_id AND x.event = 'notice.unsent' AND x.at = u.at
				AND x.detail LIKE '%"preguntas-superadas"%')
			AND (SELECT COUNT(*) FROM outbox o WHERE o.afiliado_id = u.afiliado_id AND o.template = 'preguntas-superadas'
				AND o.created_at > u.at - 86400000000 AND o.created_at <= u.at) <> 3`},
		{"more than three mails of a day, or mails of nothing", `SELECT COUNT(*) FROM outbox n WHERE n.template = 'preguntas-superadas'
			AND ((SELECT COUNT(*) FROM outbox o WHERE o.afiliado_id = n.afiliado_id AND o.template = n.template
				AND o.created_at > n.created_at - 86400000000 AND o.created_at <= n.created_at) > 3
			OR NOT EXISTS (SELECT 1 FROM audit u WHERE u.afiliado_id = n.afiliado_id AND u.event = 'recovery.passed' AND u.at = n.created_at))`},
		// They lock, or, where a network locks many, close this way for a day.
		{"spent attempts that closed nothing", `SELECT COUNT(*) FROM recovery_budget r WHERE r.failures >= 5
			AND (r.expires_at = 0 OR r.expires_at > r.last_at + 86400000000)
			AND NOT EXISTS (SELECT 1 FROM login_budget b WHERE b.identifier_mac = r.identifier_mac AND b.lock_reason <> '')`},
		{"sessions without a sign-in", `SELECT COUNT(*) FROM session s WHERE NOT EXISTS
			(SELECT 1 FROM audit u WHERE u.event = 'session.started' AND u.afiliado_id = s.afiliado_id AND u.at = s.created_at)`},
		{"sessions that outlived a new clave", `SELECT COUNT(*) FROM session s JOIN clave c ON c.afiliado_id = s.afiliado_id
			WHERE s.ended_at = 0 AND s.auth_at < c.recovered_at`},
		{"devices that outlived a new clave", `SELECT COUNT(*) FROM device d JOIN clave c ON c.afiliado_id = d.afiliado_id WHERE d.created_at < c.recovered_at`},
		{"live links that outlived a new clave", `SELECT COUNT(*) FROM link l JOIN clave c ON c.afiliado_id = l.afiliado_id
			WHERE l.purpose IN ('generar', 'desbloqueo', 'cambio', 'correo-nuevo', 'correo-viejo') AND l.used_at = 0 AND l.replaced_at = 0 AND l.created_at < c.recovered_at`},
		{"links to a new clave without exactly one mail", `SELECT COUNT(*) FROM link l WHERE l.purpose = 'generar'
			AND (SELECT COUNT(*) FROM outbox o WHERE o.link_id = l.id AND o.template = 'enlace-generar') <> 1`},
		{"mails without their link", `SELECT COUNT(*) FROM outbox o WHERE o.link_id <> '' AND NOT EXISTS (SELECT 1 FROM link l WHERE l.id = o.link_id)`},
		{"wishes for a link without exactly one", `SELECT (SELECT COUNT(*) FROM audit WHERE event = 'recovery.asked') - (SELECT COUNT(*) FROM link WHERE purpose = 'generar')`},
		{"links held back without a word", `SELECT (SELECT COUNT(*) FROM audit WHERE event = 'recovery.held') - (SELECT COUNT(*) FROM outbox WHERE template = 'enlace-retenido')`},
		{"changes of address that were asked for and not told, or not asked", `SELECT ABS((SELECT COUNT(*) FROM contact_change) - (SELECT COUNT(*) FROM audit WHERE event = 'contact.asked'))
			+ ABS((SELECT COUNT(*) FROM contact_change) - (SELECT COUNT(*) FROM outbox WHERE template = 'correo-nuevo'))
			+ ABS((SELECT COUNT(*) FROM contact_change) - (SELECT COUNT(*) FROM outbox WHERE template = 'correo-viejo'))`},
		{"addresses applied that were not proved, or too early", `SELECT COUNT(*) FROM contact_change
			WHERE applied_at > 0 AND (proved_at = 0 OR applied_at < ready_at OR cancelled_at > 0)`},
		{"waits that nobody cut short from the address on file", `SELECT COUNT(*) FROM contact_change c WHERE c.ready_at < c.asked_at + 259200000000
			AND NOT EXISTS (SELECT 1 FROM audit u WHERE u.event = 'contact.approved' AND u.afiliado_id = c.afiliado_id AND u.at = c.ready_at)`},
		{"claves that never came of a link", `SELECT COUNT(*) FROM clave c WHERE c.recovered_at > 0
			AND NOT EXISTS (SELECT 1 FROM link l WHERE l.afiliado_id = c.afiliado_id AND l.purpose = 'generar' AND l.used_at = c.created_at)`},
		{"cases past their questions that were not passed", `SELECT COUNT(*) FROM recovery WHERE (step IN ('datos', 'enviado', 'hecho', 'asistida'))
			<> (passed_at > 0 AND afiliado_id <> '')`},
		{"passed cases without exactly one audit row", `SELECT COUNT(*) FROM recovery r WHERE r.passed_at > 0
			AND (SELECT COUNT(*) FROM audit u WHERE u.event = 'recovery.passed' AND u.detail LIKE '%' || r.id || '%') <> 1`},
		{"cases done without a clave", `SELECT COUNT(*) FROM recovery r WHERE (r.step = 'hecho') <> (r.done_at > 0) OR r.done_at > 0
			AND NOT EXISTS (SELECT 1 FROM audit u WHERE u.event = 'clave.recovered' AND u.afiliado_id = r.afiliado_id AND u.at = r.done_at)`},
		{"personal answers that are not two", `SELECT COUNT(*) FROM afiliado a WHERE (SELECT COUNT(*) FROM personal_answer p WHERE p.afiliado_id = a.id) NOT IN (0, 2)`},
		{"histories over five", `SELECT COUNT(*) FROM afiliado a WHERE (SELECT COUNT(*) FROM clave_history h WHERE h.afiliado_id = a.id) > 5`},
	}
}

// whole checks the database and everybody in it.
func (w *world) whole() {
	w.T.Helper()
	db := storagetest.Raw(w.T, w.Database)
	defer db.Close()
	for _, i := range nones() {
		var n int
		if err := db.QueryRowContext(w.T.Context(), i.query).Scan(&n); err != nil {
			w.T.Fatalf("%s: %v", i.what, err)
		}
		if n != 0 {
			w.fail("%s: %d", i.what, n)
		}
	}
	for _, h := range w.people {
		w.same(nil, h)
	}
	for _, b := range w.tabs {
		if b.caso != nil {
			w.same(b, b.caso.h)
		}
	}
}

// verify seals the audit and verifies all of it (R2).
func (w *world) verify() {
	w.T.Helper()
	ctx := w.T.Context()
	for {
		n, err := w.DB.SealAudit(ctx, 1000)
		if err != nil {
			w.T.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	if _, err := w.DB.VerifyAudit(context.WithoutCancel(ctx), nil, nil, func(f storage.AuditFinding) { w.fail("audit: %+v", f) }, nil); err != nil {
		w.fail("audit: %v", err)
	}
}
