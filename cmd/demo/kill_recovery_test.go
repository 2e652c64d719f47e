package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

// recoveryDeeds are those of somebody without a clave, or who has lost hers, from
// where her answers were right. Those that set the clave die at every statement on
// both databases, always.
func (k *killer) recoveryDeeds() []deed {
	return []deed{
		{name: "recovery: the link asked for", prepare: (*killer).beforeLink},
		{name: "recovery: confirmed", prepare: func(k *killer) *round { return k.beforeConfirm(&k.lost) }, every: 1},
		{name: "first clave: confirmed", prepare: func(k *killer) *round { return k.beforeConfirm(&k.first) }, rest: true, every: 1},
	}
}

// fillLost adds as many people who have lost their clave as people who never had
// one. Each has a case whose questions are answered, and the secret of its
// browser.
func (k *killer) fillLost(ctx context.Context, db *storage.DB, tx *storage.Tx, each int) error {
	set, now, phc := time.Now().Add(-400*day), time.Now(), k.hash()
	var answers []storage.Answer
	for _, q := range templates.PersonalQuestions()[:2] {
		answers = append(answers, storage.Answer{Question: q, PHC: phc, CreatedAt: storage.At(set)})
	}
	for i := range 2 * each {
		id := generated(80_000 + i)
		p := addressee{cedula: string(id), id: "first-" + storage.NewID(), email: "r" + strconv.Itoa(i) + "@correo.example", browser: storage.NewSecret()}
		if i%2 == 0 {
			p.id = "lost-" + storage.NewID()
		}
		k.emailOf[p.id] = p.email
		caso := storage.Recovery{
			ID: storage.NewID(), BrowserHash: storage.Hash(p.browser), Identifier: id, IdentifierMAC: db.IdentifierMAC(id), NetworkMAC: []byte{0},
			AfiliadoID: p.id, Step: "datos", CreatedAt: storage.At(now), ExpiresAt: storage.At(now.Add(365 * day)),
		}
		_, spent := tx.ReserveRecoveryAttempt(ctx, caso.IdentifierMAC, 5, now, now.Add(365*day))
		err := errors.Join(spent, tx.AddAfiliado(ctx, storage.Afiliado{
			ID: p.id, Identifier: id, IdentifierType: storage.IdentifierCedula, GivenName: "Afiliado", FamilyName: "de prueba",
			Birthdate: "1980-01-01", Email: p.email, Kinds: []string{"afiliado"}, Estado: "activa", CreatedAt: storage.At(set), UpdatedAt: storage.At(set),
		}), tx.AddRecovery(ctx, caso))
		if i%2 == 1 {
			k.first = append(k.first, p)
			if err != nil {
				return err
			}
			continue
		}
		k.lost = append(k.lost, p)
		err = errors.Join(err,
			tx.SetClave(ctx, storage.Clave{AfiliadoID: p.id, PHC: phc, CreatedAt: storage.At(set), DueAt: storage.At(now.Add(365 * day))}, 5),
			tx.SaveConsent(ctx, storage.Consent{AfiliadoID: p.id, ClientID: killClient, Kind: "notice", Scope: "openid cedula offline_access", CreatedAt: storage.At(set)}),
			tx.SetAnswers(ctx, p.id, answers),
			tx.AddLink(ctx, storage.Link{
				ID: storage.NewID(), Purpose: storage.LinkCambio, AfiliadoID: p.id, Life: time.Hour, CreatedAt: storage.At(now), LatestAt: storage.At(now.Add(365 * day)),
			}))
		if err != nil {
			return err
		}
	}
	return nil
}

// atData is somebody of from who is shown what is on file. Who had a clave has a
// session, a device and an application's tokens elsewhere, and is locked.
func (k *killer) atData(from *[]addressee) (*round, *sheet, url.Values) {
	k.t.Helper()
	r := k.mailed(from)
	if r.had() {
		r.lives(r.redeem(r.code(r.start())))
		k.lock(r.who.id)
	}
	r.v = newVisitor(k.t, "http://localhost:9/")
	issuer, err := url.Parse(k.issuer())
	if err != nil {
		k.t.Fatal(err)
	}
	r.v.client.Jar.SetCookies(issuer, []*http.Cookie{{Name: "clave-browser-" + issuer.Port(), Value: r.who.browser}})
	page := r.v.open(k.issuer() + "/generar-recuperar")
	if page.find("celular") == nil {
		k.t.Fatalf("not what is on file: %s\n%s", page.url, page.words())
	}
	k.quiet()
	return r, page, url.Values{"celular": {"0990000001"}}
}

func (r *round) had() bool { return strings.HasPrefix(r.who.id, "lost-") }

// lock closes the clave of a person as five wrong recoveries do.
func (k *killer) lock(id string) {
	k.t.Helper()
	db := storagetest.Raw(k.t, k.Database)
	defer db.Close()
	at := k.now().UnixMicro()
	query := fmt.Sprintf(`INSERT INTO login_budget (identifier_mac, failures, lock_reason, locked_at, last_at)
		SELECT identifier_mac, 0, '%s', %d, %d FROM afiliado WHERE id = '%s'
		ON CONFLICT (identifier_mac) DO UPDATE SET lock_reason = excluded.lock_reason, locked_at = excluded.locked_at`, storage.LockRecuperacion, at, at, id)
	if _, err := db.ExecContext(k.t.Context(), query); err != nil {
		k.t.Fatal(err)
	}
}

// generates is the address of the last link to a new clave that came to her.
func (r *round) generates() string {
	r.k.t.Helper()
	all := r.k.post.to(r.who.email)
	for i := len(all) - 1; i >= 0; i-- {
		if strings.Contains(all[i].text, "Crear mi clave") {
			return linkURL.FindString(all[i].text)
		}
	}
	r.k.t.Fatalf("no link came\n%s", r.k.provider.stderr)
	return ""
}

// newFields are those of the last step.
func (r *round) newFields() url.Values {
	f := renewal(newClave)
	f.Set("declaracion", "1")
	if !r.had() {
		for i, answer := range []string{"Doña Eufrosina", "El sastre valiente"} {
			n := strconv.Itoa(i + 1)
			f.Set("pregunta_"+n, templates.PersonalQuestions()[i])
			f.Set("respuesta_"+n, answer)
		}
	}
	return f
}

const (
	sentPath = "/generar-recuperar/enviado"
	donePath = "/generar-recuperar/listo"
)

// beforeLink: she sends the form again where she got no answer, and has one link.
func (k *killer) beforeLink() *round {
	k.t.Helper()
	r, page, fields := k.atData(&k.lost)
	r.strike = func() (bool, error) {
		ok, _, err := r.post(page, fields, sentPath)
		return ok, err
	}
	r.resume = func(acknowledged bool) {
		k.t.Helper()
		if !acknowledged {
			r.must(page, fields, sentPath)
		}
		r.settled()
		r.must(r.v.open(r.generates()), r.newFields(), donePath)
		r.recovered()
	}
	return r
}

// atNewClave is somebody one press away from her new clave.
func (k *killer) atNewClave(from *[]addressee) (*round, *sheet) {
	k.t.Helper()
	r, page, fields := k.atData(from)
	r.must(page, fields, sentPath)
	r.settled()
	page = r.v.open(r.generates())
	if page.find("declaracion") == nil {
		k.t.Fatalf("the link opens nothing: %s\n%s", page.url, page.words())
	}
	return r, page
}

// beforeConfirm: she presses the button again, and is told that her clave is set,
// whether or not it had been.
func (k *killer) beforeConfirm(from *[]addressee) *round {
	k.t.Helper()
	r, page := k.atNewClave(from)
	r.strike = func() (bool, error) {
		ok, _, err := r.post(page, r.newFields(), donePath)
		return ok, err
	}
	r.resume = func(acknowledged bool) {
		k.t.Helper()
		if !acknowledged {
			r.must(page, r.newFields(), donePath)
		}
		r.recovered()
	}
	return r
}

// recovered checks that her new clave is the one that opens, and that her link
// opens nothing any more.
func (r *round) recovered() {
	r.k.t.Helper()
	if r.had() && r.proves(killClave) {
		r.k.t.Error("the lost clave still opens")
	}
	if !r.proves(newClave) {
		r.k.t.Error("the new clave does not open")
	}
	if s := newVisitor(r.k.t, "").open(r.generates()); s.find("declaracion") != nil || s.find("dia") != nil {
		r.k.t.Error("a link can be used twice")
	}
}

// recoveryInvariants are what must be 0 of recoveries whenever and however the
// provider died: the new clave and all that goes with it, or nothing.
func recoveryInvariants() []invariant {
	const done = `(SELECT COUNT(*) FROM audit u WHERE u.afiliado_id = a.id AND u.event = '` + login.EventRecovered + `')`
	const since = `(SELECT MAX(u.at) FROM audit u WHERE u.afiliado_id = a.id AND u.event = '` + login.EventRecovered + `')`
	const asked = `(SELECT COUNT(*) FROM audit u WHERE u.afiliado_id = a.id AND u.event = 'recovery.asked')`
	people := func(what, where string) invariant {
		return invariant{what, `SELECT COUNT(*) FROM afiliado a WHERE ` + where}
	}
	return []invariant{
		people("claves recovered twice", done+` > 1`),
		people("recoveries without exactly one used link", done+` <>
			(SELECT COUNT(*) FROM link l WHERE l.afiliado_id = a.id AND l.purpose = 'generar' AND l.used_at > 0)`),
		people("recoveries whose clave is another", done+` <>
			(SELECT COUNT(*) FROM clave c WHERE c.afiliado_id = a.id AND c.recovered_at > 0 AND c.recovered_at = `+since+` AND c.created_at = c.recovered_at)`),
		people("people who had no clave and have one without a recovery, or have none after it", `a.id LIKE 'first-%' AND `+done+` <>
			(SELECT COUNT(*) FROM clave c WHERE c.afiliado_id = a.id)`),
		people("cases done without a recovery, or recoveries whose case is not done", done+` <>
			(SELECT COUNT(*) FROM recovery r WHERE r.afiliado_id = a.id AND r.step = 'hecho' AND r.done_at = `+since+`)`),
		people("open cases beside a recovery", done+` > 0 AND EXISTS
			(SELECT 1 FROM recovery r WHERE r.afiliado_id = a.id AND r.done_at = 0 AND r.ended_at = 0)`),
		people("sessions that outlived a recovery", `EXISTS (SELECT 1 FROM session s WHERE s.afiliado_id = a.id AND s.ended_at = 0 AND s.created_at < `+since+`)`),
		people("sessions that ended without one", `a.id LIKE 'lost-%' AND `+done+` = 0 AND EXISTS
			(SELECT 1 FROM session s WHERE s.afiliado_id = a.id AND s.ended_at > 0)`),
		people("grants that outlived a recovery", `EXISTS (SELECT 1 FROM oauth_grant g WHERE g.afiliado_id = a.id AND g.revoked_at = 0 AND g.created_at < `+since+`)`),
		people("grants revoked without one", `a.id LIKE 'lost-%' AND `+done+` = 0 AND EXISTS
			(SELECT 1 FROM oauth_grant g WHERE g.afiliado_id = a.id AND g.revoked_at > 0)`),
		people("devices that outlived a recovery", `EXISTS (SELECT 1 FROM device d WHERE d.afiliado_id = a.id AND d.created_at < `+since+`)`),
		people("links that outlived a recovery", `EXISTS (SELECT 1 FROM link l WHERE l.afiliado_id = a.id AND l.created_at < `+since+`
			AND l.purpose IN ('generar', 'desbloqueo', 'cambio') AND l.used_at = 0 AND l.replaced_at = 0)`),
		people("locks that a recovery left, or lifted without a word", `a.id LIKE 'lost-%' AND `+done+` <>
			(SELECT COUNT(*) FROM audit u JOIN login_budget b ON b.identifier_mac = a.identifier_mac
			WHERE u.afiliado_id = a.id AND u.event = 'clave.unlocked' AND b.lock_reason = '')`),
		people("attempts to answer that a recovery left, or that were forgiven without one", `(a.id LIKE 'lost-%' OR a.id LIKE 'first-%') AND
			`+done+` + (SELECT COUNT(*) FROM recovery_budget b WHERE b.identifier_mac = a.identifier_mac) <> 1`),
		people("personal answers halved, lost or too early", `(a.id LIKE 'lost-%' OR `+done+` > 0 OR a.id LIKE 'first-%') AND
			(SELECT COUNT(*) FROM personal_answer p WHERE p.afiliado_id = a.id) <> CASE WHEN a.id LIKE 'lost-%' THEN 2 ELSE 2 * `+done+` END`),
		people("telephones on file without a recovery, or none after it", `(a.id LIKE 'lost-%' OR a.id LIKE 'first-%') AND
			`+done+` <> CASE WHEN a.mobile IS NULL THEN 0 ELSE 1 END`),
		people("recoveries not told of exactly once", done+` <> (SELECT COUNT(*) FROM errand e WHERE e.identifier_mac = a.identifier_mac
			AND e.kind = 'clave-recuperada' AND e.done_at = 0) + (SELECT COUNT(*) FROM outbox o WHERE o.afiliado_id = a.id AND o.template = 'clave-recuperada')`),
		people("links asked for twice, or without their case", asked+` <>
			(SELECT COUNT(*) FROM recovery r WHERE r.afiliado_id = a.id AND r.requested_at > 0 AND r.step IN ('enviado', 'hecho'))`),
		people("wishes for a link without exactly one", asked+` <> (SELECT COUNT(*) FROM link l WHERE l.afiliado_id = a.id AND l.purpose = 'generar')`),
	}
}
