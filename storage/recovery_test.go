package storage_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// However many cases a browser begins at once, it has one that goes on; the others
// stay, ended.
func TestABrowserHasOneCase(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		mac := db.IdentifierMAC("1759999913")
		other := recoveryCase(mac)
		other.BrowserHash = storage.Hash("another browser")
		addRecovery(t, db, other)
		parallel(t, 50, func(ctx context.Context, _ int) (bool, error) {
			c := recoveryCase(mac)
			return true, db.InTx(ctx, func(tx *storage.Tx) error { return tx.AddRecovery(ctx, c) })
		})
		if n := count(t, raw, `SELECT COUNT(*) FROM recovery WHERE ended_at = 0`); n != 2 {
			t.Errorf("%d cases go on, want one of each browser", n)
		}
		if n := count(t, raw, `SELECT COUNT(*) FROM recovery`); n != 51 {
			t.Errorf("%d cases are known, want 51", n)
		}
		last := recoveryCase(mac)
		last.CreatedAt = storage.At(now.Add(time.Minute))
		addRecovery(t, db, last)
		if c, err := db.BrowserRecovery(t.Context(), last.BrowserHash, now); err != nil || c.ID != last.ID {
			t.Errorf("got %+v, %v; want the newest", c, err)
		}
		if c, err := db.BrowserRecovery(t.Context(), last.BrowserHash, last.ExpiresAt.Time); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %+v, %v; want none an hour later", c, err)
		}
		for _, again := range []storage.Recovery{last, other} { // its own id, and that of another browser's
			again.BrowserHash = last.BrowserHash
			err := db.InTx(t.Context(), func(tx *storage.Tx) error { return tx.AddRecovery(t.Context(), again) })
			if !errors.Is(err, storage.ErrConflict) {
				t.Errorf("got %v for a known id, want a conflict", err)
			}
		}
		if c, err := db.BrowserRecovery(t.Context(), last.BrowserHash, now); err != nil || c.ID != last.ID {
			t.Errorf("got %+v, %v; want it unharmed", c, err)
		}
	})
}

// Of those who move a case from one step at once, one does; a step that is over,
// a case that has expired and one that was ended are left alone.
func TestASVS_6_5_1_OneMovesACase(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		a := person(t, db, "1759999913")
		c := addRecovery(t, db, recoveryCase(db.IdentifierMAC(a.Identifier)))
		to := c
		to.Step, to.AfiliadoID, to.Risk, to.PassedAt = "datos", a.ID, `{"Route":"enlace"}`, storage.At(now)
		to.Contact = storage.RecoveryContact{Email: "new@example.org", Mobile: "+593987654321", Landline: "+59322222222"}
		to.ExpiresAt = storage.At(now.Add(2 * time.Hour))
		to.BrowserHash, to.Identifier = "other", "0959999913" // what it began with stays
		move := func(ctx context.Context, from string, to storage.Recovery, at time.Time) (bool, error) {
			moved := false
			err := db.InTx(ctx, func(tx *storage.Tx) error {
				var err error
				moved, err = tx.MoveRecovery(ctx, from, to, at)
				return err
			})
			return moved, err
		}
		won := parallel(t, 50, func(ctx context.Context, _ int) (bool, error) { return move(ctx, "preguntas", to, now) })
		if won != 1 {
			t.Errorf("%d moved it, want one", won)
		}
		want := to
		want.BrowserHash, want.Identifier = c.BrowserHash, c.Identifier
		got, err := db.Recovery(ctx, c.ID)
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
		for name, at := range map[string]time.Time{"the step before": now, "expired": now.Add(2 * time.Hour)} {
			from := map[string]string{"the step before": "preguntas", "expired": "datos"}[name]
			if moved, err := move(ctx, from, want, at); err != nil || moved {
				t.Errorf("%s: got %v, %v; want it left alone", name, moved, err)
			}
		}
		want.Contact = storage.RecoveryContact{}
		if moved, err := move(ctx, "datos", want, now); err != nil || !moved {
			t.Errorf("got %v, %v; want it to stay at its step with what is new", moved, err)
		}
		if got, err = db.Recovery(ctx, c.ID); err != nil || got.Contact != want.Contact {
			t.Errorf("got %+v, %v; want nothing typed", got, err)
		}
		inTx(t, db, func(tx *storage.Tx) error { return tx.EndRecoveries(ctx, c.IdentifierMAC, now) })
		if moved, err := move(ctx, "datos", want, now); err != nil || moved {
			t.Errorf("ended: got %v, %v; want it left alone", moved, err)
		}
		if got, err = db.Recovery(ctx, c.ID); err != nil || !got.EndedAt.Equal(now) {
			t.Errorf("got %+v, %v; want it ended", got, err)
		}
	})
}

// S030: what was answered before a case was ended is decided, once, and opens
// nothing; a case that has expired is not.
func TestS030_AnEndedCaseIsDecidedOnce(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		c := addRecovery(t, db, recoveryCase(db.IdentifierMAC("1759999913")))
		inTx(t, db, func(tx *storage.Tx) error { return tx.EndRecoveries(ctx, c.IdentifierMAC, now) })
		to := c
		to.Step = "fallida"
		decide := func(ctx context.Context, at time.Time) (bool, error) {
			decided := false
			err := db.InTx(ctx, func(tx *storage.Tx) error {
				var err error
				decided, err = tx.DecideRecovery(ctx, "preguntas", to, at)
				return err
			})
			return decided, err
		}
		if decided, err := decide(ctx, c.ExpiresAt.Time); err != nil || decided {
			t.Errorf("expired: got %v, %v; want it left alone", decided, err)
		}
		if won := parallel(t, 20, func(ctx context.Context, _ int) (bool, error) { return decide(ctx, now) }); won != 1 {
			t.Errorf("%d decided it, want one", won)
		}
		got, err := db.Recovery(ctx, c.ID)
		if err != nil || got.Step != "fallida" || !got.EndedAt.Equal(now) {
			t.Errorf("got %+v, %v; want it decided and ended", got, err)
		}
		if got, err := db.BrowserRecovery(ctx, c.BrowserHash, now); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("the browser has %+v, %v", got, err)
		}
	})
}

// Ending the cases of an identifier leaves those of others, and the one that has
// led to a new clave, whose last page may be shown again.
func TestEndRecoveriesSparesTheDone(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		hers, others := db.IdentifierMAC("1759999913"), db.IdentifierMAC("0959999913")
		cases := map[string]storage.Recovery{}
		for name, mac := range map[string][]byte{"done": hers, "elsewhere": hers, "another's": others} {
			c := recoveryCase(mac)
			c.BrowserHash = name
			cases[name] = addRecovery(t, db, c)
		}
		inTx(t, db, func(tx *storage.Tx) error {
			c := cases["done"]
			c.Step, c.DoneAt = "hecho", storage.At(now)
			return errors.Join(done(tx.MoveRecovery(ctx, "preguntas", c, now)), tx.EndRecoveries(ctx, hers, now))
		})
		for name, live := range map[string]bool{"done": true, "elsewhere": false, "another's": true} {
			c, err := db.BrowserRecovery(ctx, name, now)
			if (err == nil) != live || (live && c.ID != cases[name].ID) {
				t.Errorf("%s: got %+v, %v; want live %v", name, c, err, live)
			}
		}
	})
}

// A network is known by the identifiers asked for from it, not by how often.
func TestNetworkRecoveriesCountsIdentifiers(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		for i, identifier := range []storage.Identifier{"1759999913", "1759999913", "0959999913", "0959999921"} {
			c := recoveryCase(db.IdentifierMAC(identifier))
			c.CreatedAt = storage.At(now.Add(time.Duration(i) * time.Minute))
			addRecovery(t, db, c)
		}
		elsewhere := recoveryCase(db.IdentifierMAC("0959999939"))
		elsewhere.NetworkMAC = []byte("another network")
		addRecovery(t, db, elsewhere)
		for since, want := range map[time.Duration]int{-time.Minute: 3, 0: 3, time.Minute: 2, 3 * time.Minute: 0} {
			if n, err := db.NetworkRecoveries(t.Context(), []byte("network"), now.Add(since)); err != nil || n != want {
				t.Errorf("since %v: got %d, %v; want %d", since, n, err, want)
			}
		}
	})
}

// Seeds are the same each time and differ in all that they are made of.
func TestT01_QuestionsAreDrawnTheSameWay(t *testing.T) {
	db := openEngine(t, "sqlite")
	seen := map[string]bool{}
	for _, seed := range [][]byte{
		db.QuizSeed("1759999913"), db.QuizSeed("0959999913"),
		db.QuestionSeed("1759999913"), db.QuestionSeed("0959999913"), db.IdentifierMAC("1759999913"),
	} {
		if len(seed) != 32 || seen[string(seed)] {
			t.Errorf("got %x, want 32 bytes of its own", seed)
		}
		seen[string(seed)] = true
	}
	if !bytes.Equal(db.QuizSeed("1759999913"), db.QuizSeed("1759999913")) {
		t.Error("a seed is not stable")
	}
}

// What lies in the tables of recovery is sealed for its row and column, and goes
// with the new key.
func TestT19_RecoveryIsSealed(t *testing.T) {
	at(t, func(t *testing.T, url string) {
		db, raw := open(t, url), beside(t, url)
		canaries := fillRecovery(t, db)
		all := dump(t, db, raw)
		for _, c := range canaries {
			if strings.Contains(all, c.value) {
				t.Errorf("the %s lies open in the database", c.name)
			}
		}
		for _, table := range []string{"recovery ", "recovery_budget ", "personal_answer ", "contact_change "} {
			if !strings.Contains(all, table) {
				t.Errorf("nothing of table %s was looked at", table)
			}
		}
		fresh := newKey()
		rotated := withKeys(t, url, func(k *storage.Keys) {
			k.Seal = map[string][]byte{k.Current: k.Seal[k.Current], "second": fresh}
			k.Current = "second"
		})
		for _, want := range []int64{12, 0} { // of each of two people: she, her case's identifier and contact, her change, two answers
			if n, err := rotated.Reseal(t.Context(), nil); err != nil || n != want {
				t.Errorf("resealed %d, %v; want %d", n, err, want)
			}
		}
		alone := withKeys(t, url, func(k *storage.Keys) { k.Current, k.Seal = "second", map[string][]byte{"second": fresh} })
		opens := func(who string) map[string]error {
			_, answers := alone.Answers(t.Context(), who)
			_, change := alone.OpenContactChange(t.Context(), who)
			_, open := alone.Recovery(t.Context(), "case-"+who)
			return map[string]error{"personal_answer": answers, "contact_change": change, "recovery": open}
		}
		for table, err := range opens("one") {
			if err != nil {
				t.Errorf("%s: got %v, want it open with the new key alone", table, err)
			}
		}
		for _, m := range []struct{ table, column, key, a, b string }{
			{"recovery", "identifier", "id", "case-one", "case-two"},
			{"recovery", "contact", "id", "case-one", "case-two"},
			{"personal_answer", "phc", "id", "one-0", "two-0"},
			{"personal_answer", "phc", "id", "one-0", "one-1"},
			{"contact_change", "email", "id", "change-one", "change-two"},
		} {
			swap(t, raw, m.table, m.column, m.key, m.a, m.b)
			if opens("one")[m.table] == nil {
				t.Errorf("%s of %s opened in %s", m.column, m.b, m.a)
			}
			swap(t, raw, m.table, m.column, m.key, m.a, m.b)
		}
		must(t, raw, `DELETE FROM personal_answer WHERE afiliado_id = 'one'`)
		must(t, raw, `UPDATE personal_answer SET afiliado_id = 'one' WHERE afiliado_id = 'two'`)
		if _, err := alone.Answers(t.Context(), "one"); err == nil {
			t.Error("another's answers opened as hers")
		}
	})
}

// fillRecovery stores two people, "one" and "two", in the middle of everything
// that recovery is, and returns what must not be found in the database.
func fillRecovery(t *testing.T, db *storage.DB) []leaked {
	t.Helper()
	ctx := t.Context()
	for id, identifier := range map[string]string{"one": "1759999913", "two": "0959999913"} {
		a := maria(identifier)
		a.ID = id
		c := recoveryCase(db.IdentifierMAC(a.Identifier))
		c.ID, c.BrowserHash, c.Identifier = "case-"+id, id, a.Identifier
		c.Contact = storage.RecoveryContact{Email: "canario@example.org", Mobile: "+593987654321", Landline: "+59322222222"}
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(
				tx.AddAfiliado(ctx, a),
				tx.AddRecovery(ctx, c),
				done(tx.ReserveRecoveryAttempt(ctx, c.IdentifierMAC, 5, now, now)),
				tx.SetAnswers(ctx, id, []storage.Answer{{Question: "a", PHC: "$argon2id$first"}, {Question: "b", PHC: "$argon2id$second"}}),
				tx.AskContactChange(ctx, storage.ContactChange{
					ID: "change-" + id, AfiliadoID: id, Email: "Nueva@example.org", AskedAt: storage.At(now), ReadyAt: storage.At(now.Add(time.Hour)),
				}),
			)
		})
	}
	return []leaked{
		{"identifier", "1759999913"},
		{"identifier", "0959999913"},
		{"typed address", "canario"},
		{"typed celular", "987654321"},
		{"typed convencional", "22222222"},
		{"answer", "argon2id"},
		{"new address", "Nueva"},
		{"new address", "nueva"},
	}
}
