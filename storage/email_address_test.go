package storage_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// addAddress stores a further address of a person at at, still to be proved.
func addAddress(t testing.TB, db *storage.DB, afiliadoID, email string, at time.Time) storage.EmailAddress {
	t.Helper()
	e := storage.EmailAddress{ID: storage.NewID(), AfiliadoID: afiliadoID, Email: email, AddedAt: storage.At(at)}
	inTx(t, db, func(tx *storage.Tx) error { return tx.AddEmailAddress(t.Context(), e) })
	return e
}

func provedAddress(t testing.TB, db *storage.DB, afiliadoID, email string, at time.Time) storage.EmailAddress {
	t.Helper()
	e := addAddress(t, db, afiliadoID, email, at)
	if did, err := decided(t.Context(), db, func(tx *storage.Tx) (bool, error) { return tx.ProveEmailAddress(t.Context(), e.ID, at) }); err != nil || !did {
		t.Fatalf("got %v, %v; want it proved", did, err)
	}
	e.ProvedAt = storage.At(at)
	return e
}

func mailboxes(t testing.TB, db *storage.DB, afiliadoID string) []string {
	t.Helper()
	a, err := db.Afiliado(t.Context(), afiliadoID)
	if err != nil {
		t.Fatal(err)
	}
	out, err := db.Mailboxes(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// ASVS 6.3.7, DEV-7: what happens to her account is told at every address that is
// proved, and at no other; each once, whatever its capitals.
func TestASVS_6_3_7_EveryProvedAddressIsTold(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		a, other := person(t, db, "1759999913"), person(t, db, "0959999913")
		e := addAddress(t, db, a.ID, "second@example.org", now)
		if got := mailboxes(t, db, a.ID); !slices.Equal(got, []string{a.Email}) {
			t.Errorf("unproved: told at %q", got)
		}
		won := parallel(t, 20, func(ctx context.Context, _ int) (bool, error) {
			return decided(ctx, db, func(tx *storage.Tx) (bool, error) { return tx.ProveEmailAddress(ctx, e.ID, now) })
		})
		if won != 1 {
			t.Errorf("%d proved it, want one", won)
		}
		third := provedAddress(t, db, a.ID, "Third@example.org", now.Add(time.Minute))
		if got := mailboxes(t, db, a.ID); !slices.Equal(got, []string{a.Email, e.Email, third.Email}) {
			t.Errorf("told at %q", got)
		}
		if got := mailboxes(t, db, other.ID); !slices.Equal(got, []string{other.Email}) {
			t.Errorf("somebody else is told at %q", got)
		}
		_, err := decided(ctx, db, func(tx *storage.Tx) (bool, error) {
			_, err := tx.RemoveEmailAddress(ctx, other.ID, e.ID, now)
			return false, err
		})
		if !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("another person's address: got %v, want ErrNotFound", err)
		}
		inTx(t, db, func(tx *storage.Tx) error {
			gone, err := tx.RemoveEmailAddress(ctx, a.ID, e.ID, now)
			if err == nil && gone.Email != e.Email {
				t.Errorf("removed %+v", gone)
			}
			return err
		})
		inTx(t, db, func(tx *storage.Tx) error { // "No fui yo"
			return done(tx.RemoveEmailAddressesSince(ctx, a.ID, now.Add(30*time.Second), now))
		})
		if got := mailboxes(t, db, a.ID); !slices.Equal(got, []string{a.Email}) {
			t.Errorf("removed: told at %q", got)
		}
		if again := addAddress(t, db, a.ID, "SECOND@example.org", now.Add(time.Hour)); again.ID == e.ID {
			t.Error("it was not added again")
		}
	})
}

// One that is to be proved gives its place to another; nobody has more than five,
// or one twice.
func TestEmailAddressesAreFew(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		ctx := t.Context()
		a := person(t, db, "1759999913")
		add := func(email string) error {
			return db.InTx(ctx, func(tx *storage.Tx) error {
				return tx.AddEmailAddress(ctx, storage.EmailAddress{ID: storage.NewID(), AfiliadoID: a.ID, Email: email, AddedAt: storage.At(now)})
			})
		}
		first := addAddress(t, db, a.ID, "typo@example.org", now)
		for _, email := range []string{"b@example.org", "c@example.org", "d@example.org", "e@example.org"} {
			provedAddress(t, db, a.ID, email, now)
		}
		if did, err := decided(ctx, db, func(tx *storage.Tx) (bool, error) { return tx.ProveEmailAddress(ctx, first.ID, now) }); err != nil || did {
			t.Errorf("got %v, %v; want that before replaced", did, err)
		}
		for _, email := range []string{"f@example.org", "B@example.org", a.Email} {
			if err := add(email); !errors.Is(err, storage.ErrConflict) {
				t.Errorf("%s: got %v, want ErrConflict", email, err)
			}
		}
		if all, err := db.EmailAddresses(ctx, a.ID); err != nil || len(all) != storage.MaxEmailAddresses-1 {
			t.Errorf("got %d, %v; want four beside the one on file", len(all), err)
		}
		if n, err := db.ContactChangePeople(ctx, "C@example.org", now.Add(-time.Hour)); err != nil || n != 1 {
			t.Errorf("got %d, %v; want one person with that address", n, err)
		}
		if _, err := db.Purge(ctx, now.Add(91*24*time.Hour), 10); err != nil {
			t.Fatal(err)
		}
		var left int
		if err := raw.QueryRowContext(ctx, `SELECT COUNT(*) FROM email_address`).Scan(&left); err != nil || left != 4 {
			t.Errorf("got %d, %v; want the four that are hers", left, err)
		}
	})
}

// A further address that becomes the one on file leaves its place to that before.
// D18: an import leaves both alone.
func TestD18_AFurtherAddressTakesTheFirstPlace(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		e := provedAddress(t, db, a.ID, "second@example.org", now)
		c := askChange(t, db, a.ID, e.Email, now)
		if did, err := prove(t.Context(), db, c.ID, now); err != nil || !did {
			t.Fatal(did, err)
		}
		if did, err := apply(t.Context(), db, c, now.Add(wait72)); err != nil || !did {
			t.Fatal(did, err)
		}
		if got := mailboxes(t, db, a.ID); !slices.Equal(got, []string{e.Email, a.Email}) {
			t.Errorf("told at %q, want both", got)
		}
		all, err := db.EmailAddresses(t.Context(), a.ID)
		if err != nil || len(all) != 1 || all[0].Email != a.Email || all[0].ProvedAt.IsZero() {
			t.Errorf("got %+v, %v; want the former among the further ones", all, err)
		}
	})
}

// T19: no address stands in the table. What else she chose is kept beside it.
func TestT19_FurtherAddressesAreSealed(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		ctx := t.Context()
		a := person(t, db, "1759999913")
		e := provedAddress(t, db, a.ID, "canary@example.org", now)
		var sealed []byte
		if err := raw.QueryRowContext(ctx, `SELECT email FROM email_address`).Scan(&sealed); err != nil || len(sealed) == 0 {
			t.Fatal(err)
		}
		if bytes.Contains(sealed, []byte(e.Email)) {
			t.Error("it is in the clear")
		}
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(tx.SetImage(ctx, a.ID, "condor"), tx.SetRenewalDay(ctx, a.ID, 229), tx.SetImage(ctx, a.ID, "tren"))
		})
		if got, err := db.Tastes(ctx, a.ID); err != nil || got != (storage.Tastes{RenewalDay: 229, Image: "tren"}) {
			t.Errorf("got %+v, %v", got, err)
		}
		if got, err := db.Tastes(ctx, "nobody"); err != nil || got != (storage.Tastes{}) {
			t.Errorf("got %+v, %v; want nothing chosen", got, err)
		}
	})
}
