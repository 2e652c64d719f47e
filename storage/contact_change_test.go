package storage_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

const wait72 = 72 * time.Hour

// askChange asks at at for another address of a person.
func askChange(t testing.TB, db *storage.DB, afiliadoID, email string, at time.Time) storage.ContactChange {
	t.Helper()
	c := storage.ContactChange{ID: storage.NewID(), AfiliadoID: afiliadoID, Email: email, AskedAt: storage.At(at), ReadyAt: storage.At(at.Add(wait72))}
	inTx(t, db, func(tx *storage.Tx) error { return tx.AskContactChange(t.Context(), c) })
	return c
}

// decided runs one of the statements that decide in a transaction of its own.
func decided(ctx context.Context, db *storage.DB, f func(tx *storage.Tx) (bool, error)) (bool, error) {
	did := false
	err := db.InTx(ctx, func(tx *storage.Tx) error {
		var err error
		did, err = f(tx)
		return err
	})
	return did, err
}

func prove(ctx context.Context, db *storage.DB, id string, at time.Time) (bool, error) {
	return decided(ctx, db, func(tx *storage.Tx) (bool, error) { return tx.ProveContactChange(ctx, id, at) })
}

func approve(ctx context.Context, db *storage.DB, id string, at time.Time) (bool, error) {
	return decided(ctx, db, func(tx *storage.Tx) (bool, error) { return tx.ApproveContactChange(ctx, id, at) })
}

func apply(ctx context.Context, db *storage.DB, c storage.ContactChange, at time.Time) (bool, error) {
	return decided(ctx, db, func(tx *storage.Tx) (bool, error) { return tx.ApplyContactChange(ctx, c, at) })
}

func due(t testing.TB, db *storage.DB, at time.Time) []storage.ContactChange {
	t.Helper()
	out, err := db.DueContactChanges(t.Context(), at, 10)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A new address takes the place of the one on file when it is proved and the wait
// is over, not a minute before, once; what lay in the former mailbox is dead.
func TestD18_T05_AProvedAddressWaits(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		a := person(t, db, "1759999913")
		c := askChange(t, db, a.ID, "nueva@example.org", now)
		ready := now.Add(wait72)
		if did, err := apply(ctx, db, c, ready); err != nil || did || len(due(t, db, ready)) != 0 {
			t.Errorf("got %v, %v; want nothing of what is not proved", did, err)
		}
		if won := parallel(t, 50, func(ctx context.Context, _ int) (bool, error) { return prove(ctx, db, c.ID, now.Add(time.Minute)) }); won != 1 {
			t.Errorf("%d proved it, want one", won)
		}
		if did, err := apply(ctx, db, c, ready.Add(-time.Minute)); err != nil || did || len(due(t, db, ready.Add(-time.Minute))) != 0 {
			t.Errorf("got %v, %v; want nothing after 71 h 59", did, err)
		}
		if got, err := db.Afiliado(ctx, a.ID); err != nil || got.Email != a.Email {
			t.Errorf("got %+v, %v; want the address on file", got, err)
		}
		inTx(t, db, func(tx *storage.Tx) error {
			l := link02(a.ID, "unlock", storage.LinkDesbloqueo)
			l.CreatedAt, l.LatestAt = storage.At(ready), storage.At(ready.Add(time.Hour))
			m := mailTo(a)
			m.ID, m.LinkID = "unlock-mail", l.ID
			return errors.Join(tx.AddLink(ctx, l), tx.Enqueue(ctx, m))
		})
		all := due(t, db, ready)
		if len(all) != 1 || all[0].ID != c.ID || all[0].Email != c.Email || !all[0].AskedAt.Equal(now) {
			t.Fatalf("got %+v, want it due", all)
		}
		told := all[0]
		told.Email = "forged@example.org" // what is stored holds, not what the caller says
		if won := parallel(t, 50, func(ctx context.Context, _ int) (bool, error) { return apply(ctx, db, told, ready) }); won != 1 {
			t.Errorf("%d applied it, want one", won)
		}
		got, err := db.Afiliado(ctx, a.ID)
		if err != nil || got.Email != c.Email || !got.EmailVerified || !got.EmailAt.Equal(now) || !got.UpdatedAt.Equal(ready) {
			t.Errorf("got %+v, %v; want the new address, hers since %v", got, err, now)
		}
		if l, err := db.Link(ctx, "unlock"); err != nil || l.Live(ready) {
			t.Errorf("got %+v, %v; want the link in the former mailbox dead", l, err)
		}
		if m, err := db.Message(ctx, "unlock-mail"); err != nil || m.State != storage.MessageExpired {
			t.Errorf("got %+v, %v; want the mail with it not sent", m, err)
		}
		if open, err := db.OpenContactChange(ctx, a.ID); !errors.Is(err, storage.ErrNotFound) || len(due(t, db, ready)) != 0 {
			t.Errorf("got %+v, %v; want nothing open", open, err)
		}
		if got, err := db.ContactChange(ctx, c.ID); err != nil || !got.AppliedAt.Equal(ready) {
			t.Errorf("got %+v, %v; want it applied", got, err)
		}
	})
}

// "No fui yo" kills a change an hour before its time, proved or not; of it and the
// job that applies it at the same moment, one wins.
func TestD18_T05_ACancelledAddressIsNeverUsed(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		a := person(t, db, "1759999913")
		ready := now.Add(wait72)
		cancel := func(ctx context.Context, at time.Time) (bool, error) {
			return decided(ctx, db, func(tx *storage.Tx) (bool, error) {
				n, err := tx.CancelContactChanges(ctx, a.ID, at)
				return n > 0, err
			})
		}
		c := askChange(t, db, a.ID, "nueva@example.org", now)
		if did, err := prove(ctx, db, c.ID, now); err != nil || !did {
			t.Fatalf("got %v, %v; want it proved", did, err)
		}
		if did, err := cancel(ctx, now.Add(71*time.Hour)); err != nil || !did {
			t.Errorf("got %v, %v; want it cancelled", did, err)
		}
		for name, f := range map[string]func() (bool, error){
			"apply":   func() (bool, error) { return apply(ctx, db, c, ready) },
			"prove":   func() (bool, error) { return prove(ctx, db, c.ID, ready) },
			"approve": func() (bool, error) { return approve(ctx, db, c.ID, now.Add(71*time.Hour)) },
			"cancel":  func() (bool, error) { return cancel(ctx, ready) },
		} {
			if did, err := f(); err != nil || did {
				t.Errorf("%s: got %v, %v; want nothing of what is cancelled", name, did, err)
			}
		}
		if got, err := db.Afiliado(ctx, a.ID); err != nil || got.Email != a.Email || !got.EmailAt.IsZero() || len(due(t, db, ready)) != 0 {
			t.Errorf("got %+v, %v; want the address on file", got, err)
		}
		both := askChange(t, db, a.ID, "otra@example.org", now)
		if did, err := prove(ctx, db, both.ID, now); err != nil || !did {
			t.Fatalf("got %v, %v; want it proved", did, err)
		}
		won := parallel(t, 20, func(ctx context.Context, i int) (bool, error) {
			if i%2 == 0 {
				return cancel(ctx, ready)
			}
			return apply(ctx, db, both, ready)
		})
		got, err := db.Afiliado(ctx, a.ID)
		end, errEnd := db.ContactChange(ctx, both.ID)
		if err != nil || errEnd != nil || won != 1 || (got.Email == both.Email) == end.AppliedAt.IsZero() || end.AppliedAt.IsZero() == end.CancelledAt.IsZero() {
			t.Errorf("%d won; got %+v, %v and %+v, %v", won, got, err, end, errEnd)
		}
	})
}

// A second change starts the clock anew, and however many are asked for at once a
// person has one.
func TestD18_T05_ASecondChangeStartsTheClockAnew(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		ctx := t.Context()
		a := person(t, db, "1759999913")
		first := askChange(t, db, a.ID, "nueva@example.org", now)
		if did, err := prove(ctx, db, first.ID, now); err != nil || !did {
			t.Fatalf("got %v, %v; want it proved", did, err)
		}
		second := askChange(t, db, a.ID, "otra@example.org", now.Add(71*time.Hour))
		if open, err := db.OpenContactChange(ctx, a.ID); err != nil || open.ID != second.ID || open.Email != second.Email || !open.ProvedAt.IsZero() {
			t.Errorf("got %+v, %v; want the second, not proved", open, err)
		}
		if did, err := prove(ctx, db, second.ID, now.Add(71*time.Hour)); err != nil || !did {
			t.Fatalf("got %v, %v; want it proved", did, err)
		}
		if all := due(t, db, now.Add(72*time.Hour)); len(all) != 0 {
			t.Errorf("got %+v, want nothing 72 hours after the first", all)
		}
		if all := due(t, db, now.Add(143*time.Hour)); len(all) != 1 || all[0].ID != second.ID {
			t.Errorf("got %+v, want the second 72 hours after it", all)
		}
		parallel(t, 50, func(ctx context.Context, _ int) (bool, error) {
			c := second
			c.ID = storage.NewID()
			return true, db.InTx(ctx, func(tx *storage.Tx) error { return tx.AskContactChange(ctx, c) })
		})
		if n := count(t, raw, `SELECT COUNT(*) FROM contact_change WHERE cancelled_at = 0 AND applied_at = 0`); n != 1 {
			t.Errorf("%d are open, want one", n)
		}
	})
}

// Approved from the address on file, a change waits for nothing but its proof;
// that is done once, and not after it was ready anyway.
func TestD18_ApprovedFromTheFormerMailbox(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		a, b := person(t, db, "1759999913"), person(t, db, "0959999913")
		early := now.Add(time.Hour)
		c := askChange(t, db, a.ID, b.Email, now) // families share mailboxes
		if won := parallel(t, 50, func(ctx context.Context, _ int) (bool, error) { return approve(ctx, db, c.ID, early) }); won != 1 {
			t.Errorf("%d approved it, want one", won)
		}
		if did, err := apply(ctx, db, c, early); err != nil || did {
			t.Errorf("got %v, %v; want it to wait for its proof", did, err)
		}
		if did, err := prove(ctx, db, c.ID, early); err != nil || !did {
			t.Errorf("got %v, %v; want it proved", did, err)
		}
		if did, err := apply(ctx, db, c, early); err != nil || !did {
			t.Errorf("got %v, %v; want it applied", did, err)
		}
		if got, err := db.Afiliado(ctx, a.ID); err != nil || got.Email != b.Email || !got.EmailAt.Equal(now) {
			t.Errorf("got %+v, %v; want the family's mailbox", got, err)
		}
		for at, want := range map[time.Time]bool{now: true, early: false} {
			if got, err := db.ContactApproved(ctx, a.ID, storage.At(at)); err != nil || got != want {
				t.Errorf("got %v, %v; want %v of an address that is hers since %v", got, err, want, at)
			}
		}
		waited := askChange(t, db, b.ID, "otra@example.org", now)
		if did, err := prove(ctx, db, waited.ID, now); err != nil || !did {
			t.Errorf("got %v, %v; want it proved", did, err)
		}
		if did, err := apply(ctx, db, waited, now.Add(wait72)); err != nil || !did {
			t.Errorf("got %v, %v; want it applied", did, err)
		}
		if got, err := db.ContactApproved(ctx, b.ID, storage.At(now)); err != nil || got {
			t.Errorf("got %v, %v; want it to have waited, whatever the wait is today", got, err)
		}
		late := askChange(t, db, a.ID, "nueva@example.org", now)
		if did, err := approve(ctx, db, late.ID, now.Add(wait72)); err != nil || did {
			t.Errorf("got %v, %v; want nothing approved of what is ready", did, err)
		}
		askChange(t, db, b.ID, "Nueva@example.org", now)
		askChange(t, db, b.ID, "nueva@example.org", now.Add(time.Second))
		if n, err := db.ContactChangePeople(ctx, "NUEVA@example.org", now.Add(-time.Second)); err != nil || n != 2 {
			t.Errorf("got %d people, %v; want two who asked for that address", n, err)
		}
		if n, err := db.ContactChangePeople(ctx, "nueva@example.org", now); err != nil || n != 1 {
			t.Errorf("got %d people, %v; want one since", n, err)
		}
	})
}

// The address of a person whom an officer has disabled or locked does not change,
// and what does not open holds up nobody else's.
func TestD18_DueChangesDoNotHoldEachOtherUp(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		ctx := t.Context()
		ready := now.Add(wait72)
		changes := map[string]storage.ContactChange{}
		for i, name := range []string{"disabled", "damaged", "good", "locked"} {
			a := person(t, db, "175999991"+string(rune('0'+i)))
			if name == "locked" {
				inTx(t, db, func(tx *storage.Tx) error {
					return done(tx.LockClave(ctx, db.IdentifierMAC(a.Identifier), storage.LockOperador, now))
				})
			}
			changes[name] = askChange(t, db, a.ID, name+"@example.org", now.Add(time.Duration(i)*time.Second))
			if did, err := prove(ctx, db, changes[name].ID, now); err != nil || !did {
				t.Fatalf("got %v, %v; want it proved", did, err)
			}
		}
		inTx(t, db, func(tx *storage.Tx) error { return tx.DisableAfiliado(ctx, changes["disabled"].AfiliadoID, "r", now) })
		swap(t, raw, "contact_change", "email", "id", changes["damaged"].ID, changes["disabled"].ID)
		later := ready.Add(time.Minute)
		if all := due(t, db, later); len(all) != 2 || all[0].ID != changes["damaged"].ID || all[0].Email != "" || all[1].Email != "good@example.org" {
			t.Errorf("got %+v, want the damaged one closed and the good one", all)
		}
		for _, name := range []string{"disabled", "locked"} {
			if did, err := apply(ctx, db, changes[name], later); err != nil || did {
				t.Errorf("%s: got %v, %v; want nothing done", name, did, err)
			}
		}
		if did, err := apply(ctx, db, changes["damaged"], later); err == nil {
			t.Errorf("damaged: got %v, want an error", did)
		}
		if c, err := db.DueContactChanges(ctx, later, 1); err != nil || len(c) != 1 || c[0].ID != changes["damaged"].ID {
			t.Errorf("got %+v, %v; want it due still", c, err)
		}
		if did, err := apply(ctx, db, changes["good"], later); err != nil || !did {
			t.Errorf("good: got %v, %v; want it applied", did, err)
		}
		wrong := changes["good"]
		wrong.AfiliadoID = "nobody"
		if did, err := apply(ctx, db, wrong, later); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v, %v; want nobody found", did, err)
		}
	})
}

// The registry's file says since when an address is hers, unless she is new, and
// cancels what she asked for herself.
func TestD18_T05_ImportDatesTheAddress(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		var refused []string
		file := func(name, address string) string {
			return afiliadosHeader + "1759999913," + name + ",Quishpe,1985-03-14," + address + ",,,afiliado,activa,si\n"
		}
		since := func(want time.Time) *storage.Afiliado {
			t.Helper()
			a, err := db.AfiliadoByIdentifier(ctx, "1759999913")
			if err != nil || !a.EmailAt.Equal(want) {
				t.Fatalf("got %+v, %v; want the address hers since %v", a, err, want)
			}
			return a
		}
		at := func(d time.Duration) storage.ImportOptions {
			o := importing(&refused)
			o.Now = func() time.Time { return now.Add(d) }
			return o
		}
		importAfiliados(t, db, file("María", "maria@example.org"), at(0))
		a := since(time.Time{})
		c := askChange(t, db, a.ID, "nueva@example.org", now)
		importAfiliados(t, db, file("María Fernanda", "Maria@example.org"), at(time.Hour)) // capitals are no cause
		since(time.Time{})
		if open, err := db.OpenContactChange(ctx, a.ID); err != nil || open.ID != c.ID {
			t.Errorf("got %+v, %v; want her change open", open, err)
		}
		importAfiliados(t, db, file("María Fernanda", "mf@example.net"), at(2*time.Hour))
		since(now.Add(2 * time.Hour))
		if open, err := db.OpenContactChange(ctx, a.ID); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %+v, %v; want it cancelled", open, err)
		}
		importAfiliados(t, db, file("Fernanda", "mf@example.net"), at(3*time.Hour))
		since(now.Add(2 * time.Hour))
	})
}
