package main

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// killMailMoments is how often TestFT01_KillMail kills on each database at random
// moments, beside the statements (CLAVE_KILLS as in TestFT01_Kill).
const killMailMoments = 15

// TestFT01_KillMail kills the provider, which now runs the mail worker too, in
// the middle of unlocking, of changing and of recovering the clave: at every statement of the
// forms, of the errands that put mails into the outbox and of their hand-over to
// a mail server that lives on, at steps of that server's protocol, and at random
// moments. After each death nothing acknowledged is lost and nothing has happened
// twice; in the end there is no mail without its effect, no effect without its
// mail, and every copy of a mail is the same mail.
func TestFT01_KillMail(t *testing.T) {
	t.Parallel()
	eachKiller(t, killMailMoments, func(t *testing.T, k *killer) {
		k.deeds = slices.Concat(k.unlockDeeds(), k.recoveryDeeds(), k.changeDeeds())
		k.post = newPost(t)
		k.Mail = k.post.port
		k.fill(0)
		k.fillMailed(k.rounds + 100/k.every)
		k.begin()
		k.sweep()
		k.handOver()
		k.rounds += k.deaths
		k.random()
		k.drain()
	})
}

// addressee is somebody with a mailbox.
type addressee struct {
	cedula, id, email string
	browser           string // the secret of the browser in which her case is, "" for none
}

// fillMailed adds people with a mailbox and killClave, so many who are locked, as
// many who are not, and those of fillLost. Nothing is purged, so that all of it can be counted.
func (k *killer) fillMailed(each int) {
	k.t.Helper()
	ctx := k.t.Context()
	db, err := storage.Open(ctx, storage.Config{URL: k.Database, Keys: storagetest.Keys()})
	if err != nil {
		k.t.Fatal(err)
	}
	defer db.Close()
	phc, set, now := k.hash(), time.Now().Add(-400*day), time.Now()
	storagetest.InTx(k.t, db, func(tx *storage.Tx) error {
		if _, err := tx.LeaseJob(ctx, "purge", 0, now, now.Add(23*time.Hour)); err != nil {
			return err
		}
		if err := k.fillLost(ctx, db, tx, each); err != nil {
			return err
		}
		for i := range 2 * each {
			p := addressee{cedula: string(generated(50_000 + i)), id: "open-" + storage.NewID(), email: "k" + strconv.Itoa(i) + "@correo.example"}
			if i%2 == 0 {
				p.id = "locked-" + storage.NewID()
			}
			k.emailOf[p.id] = p.email
			a := storage.Afiliado{
				ID: p.id, Identifier: storage.Identifier(p.cedula), IdentifierType: storage.IdentifierCedula, GivenName: "Afiliado", FamilyName: "de prueba",
				Birthdate: "1980-01-01", Email: p.email, Fingerprint: true, Kinds: []string{"afiliado"}, Estado: "activa", CreatedAt: storage.At(set), UpdatedAt: storage.At(set),
			}
			c := storage.Clave{AfiliadoID: p.id, PHC: phc, CreatedAt: storage.At(set), DueAt: storage.At(now.Add(365 * day))}
			told := storage.Consent{AfiliadoID: p.id, ClientID: killClient, Kind: "notice", Scope: "openid cedula offline_access", CreatedAt: storage.At(set)}
			if err := errors.Join(tx.AddAfiliado(ctx, a), tx.SetClave(ctx, c, 5), tx.SaveConsent(ctx, told)); err != nil {
				return err
			}
			if i%2 == 1 {
				k.open = append(k.open, p)
				continue
			}
			k.locked = append(k.locked, p)
			if _, err := tx.LockClave(ctx, db.IdentifierMAC(a.Identifier), storage.LockLogin, set); err != nil {
				return err
			}
		}
		return nil
	})
}

// mailed is a round of somebody with a mailbox.
func (k *killer) mailed(from *[]addressee) *round {
	k.t.Helper()
	if len(*from) == 0 {
		k.t.Fatal("everybody has been used")
	}
	p := (*from)[0]
	*from = (*from)[1:]
	return &round{k: k, v: newVisitor(k.t, "http://localhost:9/"), who: p, cedula: p.cedula, clave: killClave}
}

// pass makes time pass for the provider.
func (k *killer) pass(d time.Duration) {
	k.t.Helper()
	k.Ahead += d
	k.provider.order("ahead %s", k.Ahead)
}

// mailInvariants are what must be 0 of unlocks, changes and their mail whenever
// and however the provider died.
func mailInvariants() []invariant {
	const changed = `(SELECT COUNT(*) FROM audit u WHERE u.afiliado_id = a.id AND u.event = 'clave.changed')`
	const unlocked = `(SELECT COUNT(*) FROM audit u WHERE u.afiliado_id = a.id AND u.event = 'clave.unlocked' AND u.detail NOT LIKE '%"by":"recovery"%')`
	told := func(kind string) string {
		return `((SELECT COUNT(*) FROM errand e WHERE e.identifier_mac = a.identifier_mac AND e.kind = '` + kind + `' AND e.done_at = 0)
			+ (SELECT COUNT(*) FROM outbox o WHERE o.afiliado_id = a.id AND o.template = '` + kind + `'))`
	}
	return []invariant{
		{"locks lifted without an unlock, or left by one", `SELECT COUNT(*) FROM afiliado a JOIN login_budget b ON b.identifier_mac = a.identifier_mac
			WHERE a.id LIKE 'locked-%' AND (b.lock_reason = '') <> (` + unlocked + ` > 0)`},
		{"unlocks that happened twice", `SELECT COUNT(*) FROM afiliado a WHERE ` + unlocked + ` > 1`},
		{"unlocks without exactly one used link", `SELECT COUNT(*) FROM afiliado a WHERE ` + unlocked + ` <>
			(SELECT COUNT(*) FROM link l WHERE l.afiliado_id = a.id AND l.purpose = 'desbloqueo' AND l.used_at > 0)`},
		{"unlocks not told of exactly once", `SELECT COUNT(*) FROM afiliado a WHERE ` + unlocked + ` <> ` + told("clave-desbloqueada")},
		{"wishes to unlock that are not waiting and were not answered exactly once", `SELECT (SELECT COUNT(*) FROM audit WHERE event = 'unlock.asked')
			- (SELECT COUNT(*) FROM audit WHERE event = 'unlock.sent') - (SELECT COUNT(*) FROM errand WHERE kind = 'desbloqueo' AND done_at = 0)`},
		{"answers without exactly one link", `SELECT COUNT(*) FROM afiliado a WHERE
			(SELECT COUNT(*) FROM audit u WHERE u.afiliado_id = a.id AND u.event = 'unlock.sent')
			<> (SELECT COUNT(*) FROM link l WHERE l.afiliado_id = a.id AND l.purpose = 'desbloqueo')`},
		{"links without exactly one mail", `SELECT COUNT(*) FROM link l WHERE l.purpose IN ('desbloqueo', 'generar')
			AND (SELECT COUNT(*) FROM outbox o WHERE o.link_id = l.id AND o.template = 'enlace-' || l.purpose) <> 1`},
		{"mails without their link", `SELECT COUNT(*) FROM outbox o WHERE o.template IN ('enlace-desbloqueo', 'enlace-generar')
			AND NOT EXISTS (SELECT 1 FROM link l WHERE l.id = o.link_id AND o.template = 'enlace-' || l.purpose)`},
		{"links handed over whose clock does not run", `SELECT COUNT(*) FROM outbox o JOIN link l ON l.id = o.link_id
			WHERE o.template IN ('enlace-desbloqueo', 'enlace-generar') AND o.state = 'sent' AND (l.delivered_at <> o.done_at OR l.expires_at > o.done_at + l.life)`},
		{"grants of the form that were used without a change", `SELECT COUNT(*) FROM afiliado a WHERE
			(SELECT COUNT(*) FROM link l WHERE l.afiliado_id = a.id AND l.purpose = 'cambio' AND l.used_at > 0)
			<> (SELECT COUNT(*) FROM audit u WHERE u.afiliado_id = a.id AND u.event = 'clave.changed' AND u.detail LIKE '%"from":"form"%')`},
		// The notice of a new device, where it still waits, tells of the change too.
		{"changes not told of exactly once", `SELECT COUNT(*) FROM afiliado a WHERE a.id LIKE 'open-%' AND ` + changed + ` <> ` + told(`clave-cambiada`) + `
			AND NOT (` + told("clave-cambiada") + ` = 0 AND (SELECT COUNT(*) FROM outbox o WHERE o.afiliado_id = a.id AND o.template = 'equipo-nuevo') = 1)`},
		{"new devices not told of exactly once", `SELECT COUNT(*) FROM afiliado a WHERE (a.id LIKE 'open-%' OR a.id LIKE 'lost-%') AND ` + told("equipo-nuevo") + ` <>
			CASE WHEN EXISTS (SELECT 1 FROM audit u WHERE u.afiliado_id = a.id AND u.event = 'session.started') THEN 1 ELSE 0 END`},
	}
}

// mailHolds checks that each mail the outbox calls sent has come, and that each
// that has come is one of the outbox, to its person and the same in every copy.
// The provider is down; the clock goes on by as much as the mails it was just
// handing over stay leased.
func (k *killer) mailHolds(after string) {
	k.t.Helper()
	db := storagetest.Raw(k.t, k.Database)
	defer db.Close()
	first := map[string]letter{}
	for _, l := range k.post.all() {
		if before, ok := first[l.id]; !ok {
			first[l.id] = l
		} else if !l.same(before) {
			k.t.Errorf("after %s: two mails are called %s:\n%s\n\n%s", after, l.id, before.text, l.text)
		}
	}
	rows, err := db.QueryContext(k.t.Context(), `SELECT id, afiliado_id, state FROM outbox`)
	if err != nil {
		k.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, who, state string
		if err := rows.Scan(&id, &who, &state); err != nil {
			k.t.Fatal(err)
		}
		l, came := first[id]
		if state == storage.MessageSent && !came {
			k.t.Errorf("after %s: mail %s is called sent and has not come", after, id)
		}
		if came && k.emailOf[who] != l.to {
			k.t.Errorf("after %s: the mail %s of %s came to %s", after, id, who, l.to)
		}
		delete(first, id)
	}
	if err := rows.Err(); err != nil {
		k.t.Fatal(err)
	}
	for id := range first {
		k.t.Errorf("after %s: mail %s came from nowhere", after, id)
	}
	if k.count(db, `SELECT COUNT(*) FROM outbox WHERE state = 'pending' AND leased_until > 0`) > 0 {
		k.Ahead += 5*time.Minute + time.Second
	}
}

func (k *killer) count(db *sql.DB, query string) int {
	k.t.Helper()
	var n int
	if err := db.QueryRowContext(k.t.Context(), query).Scan(&n); err != nil {
		k.t.Fatal(err)
	}
	return n
}

var errDead = errors.New("the provider is dead")

// settle waits until nothing is left to be done for one person, "" for
// everybody; what waits for its time does not count. It returns errDead where the
// provider ends before.
func (k *killer) settle(who string) error {
	k.t.Helper()
	db := storagetest.Raw(k.t, k.Database)
	defer db.Close()
	late := time.After(time.Minute)
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, 160*time.Millisecond) {
		soon := k.now().Add(time.Second).UnixMicro() // what is put into the outbox while the query runs counts too
		left := k.count(db, fmt.Sprintf(`SELECT (SELECT COUNT(*) FROM errand e WHERE e.done_at = 0 AND e.next_at <= %d
			AND ('%s' = '' OR e.identifier_mac = (SELECT a.identifier_mac FROM afiliado a WHERE a.id = '%s')))
			+ (SELECT COUNT(*) FROM outbox o WHERE o.state = 'pending' AND o.next_at <= %d AND ('%s' = '' OR o.afiliado_id = '%s'))`,
			soon, who, who, soon, who, who))
		if left == 0 {
			return nil
		}
		select {
		case <-k.provider.ended:
			return errDead
		case <-late:
			k.t.Fatalf("%d errands or mails of %q are left\n%s", left, who, k.provider.stderr)
		case <-time.After(wait):
		}
	}
}

func (k *killer) now() time.Time { return time.Now().Add(k.Ahead) }

// settleOrDie is settle for a deed: the provider may be about to die after the
// last commit, which the database shows already.
func (k *killer) settleOrDie(who string) error {
	k.t.Helper()
	if err := k.settle(who); err != nil {
		return err
	}
	select {
	case <-k.provider.ended:
		return errDead
	case <-time.After(100 * time.Millisecond):
		return nil
	}
}

// quiet waits until no mail is under way, so that the next to come is that of the
// deed.
func (k *killer) quiet() {
	k.t.Helper()
	if err := k.settle(""); err != nil {
		k.t.Fatalf("%v\n%s", err, k.provider.stderr)
	}
}

// settled waits until she has got all her mail.
func (r *round) settled() {
	r.k.t.Helper()
	if err := r.k.settle(r.who.id); err != nil {
		r.k.t.Fatalf("%v\n%s", err, r.k.provider.stderr)
	}
}

// drain lets an hour pass and checks that all has come which was to come.
func (k *killer) drain() {
	k.t.Helper()
	k.pass(time.Hour)
	k.quiet()
	k.pass(time.Minute) // what waited for the notice of a new device
	k.quiet()
	k.provider.kill()
	k.provider.gone()
	const after = "the end"
	holds(k.t, k.Database, after)
	k.mailHolds(after)
	db := storagetest.Raw(k.t, k.Database)
	defer db.Close()
	if n := k.count(db, `SELECT COUNT(*) FROM outbox WHERE state NOT IN ('sent', 'expired')
		OR state = 'expired' AND template NOT IN ('enlace-desbloqueo', 'enlace-generar')`); n != 0 {
		k.t.Errorf("%d mails never went", n)
	}
	if n := k.count(db, `SELECT COUNT(*) FROM errand WHERE done_at = 0`); n != 0 {
		k.t.Errorf("%d errands were never done", n)
	}
	copies := map[string]int{}
	for _, l := range k.post.all() {
		copies[l.id]++
	}
	if len(copies) == len(k.post.all()) {
		k.t.Error("no mail was handed over twice: the deaths after 250 prove nothing")
	}
	k.t.Logf("%d mails came in %d copies", len(copies), len(k.post.all()))
}
