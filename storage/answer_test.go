package storage_test

import (
	"database/sql"
	"errors"
	"reflect"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// Answers come in the order in which they were given, and new ones take the place
// of all there were.
func TestAnswersAreReplacedAsOne(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		ctx := t.Context()
		a, b := person(t, db, "1759999913"), person(t, db, "0959999913")
		set := func(id string, answers ...storage.Answer) error {
			return db.InTx(ctx, func(tx *storage.Tx) error { return tx.SetAnswers(ctx, id, answers) })
		}
		first := []storage.Answer{{Question: "z", PHC: "one", CreatedAt: storage.At(now)}, {Question: "a", PHC: "two", CreatedAt: storage.At(now)}}
		second := []storage.Answer{{Question: "a", PHC: "three", CreatedAt: storage.At(now.Add(time.Hour))}}
		for _, want := range [][]storage.Answer{first, second, first} {
			if err := set(a.ID, want...); err != nil {
				t.Fatal(err)
			}
			if got, err := db.Answers(ctx, a.ID); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
		}
		if got, err := db.Answers(ctx, b.ID); err != nil || len(got) != 0 {
			t.Errorf("got %+v, %v; want none of who never enrolled", got, err)
		}
		if err := set(a.ID, second[0], second[0]); !errors.Is(err, storage.ErrConflict) {
			t.Errorf("got %v for the same question twice, want a conflict", err)
		}
		if got, err := db.Answers(ctx, a.ID); err != nil || !reflect.DeepEqual(got, first) {
			t.Errorf("got %+v, %v; want hers unharmed", got, err)
		}
		if err := set("nobody", first...); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v for nobody, want not found", err)
		}
		if err := set(a.ID); err != nil {
			t.Fatal(err)
		}
		if n := count(t, raw, `SELECT COUNT(*) FROM personal_answer`); n != 0 {
			t.Errorf("%d answers left, want none", n)
		}
	})
}

// A change and a renewal keep when the clave was recovered; another recovery
// moves it. Whoever mints tokens or answers for one reads it.
func TestRecoveredAtOutlivesTheClave(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		ctx := t.Context()
		a := person(t, db, "1759999913")
		g := grant(t, db, a.ID, "", "openid")
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(
				tx.AddAccessToken(ctx, storage.AccessToken{Hash: "access", GrantID: g.ID, ExpiresAt: storage.At(now.Add(time.Hour))}),
				tx.AddRefreshToken(ctx, storage.RefreshToken{Hash: "refresh", GrantID: g.ID}))
		})
		for i, step := range []struct{ set, want time.Time }{
			{time.Time{}, time.Time{}}, {now, now}, {time.Time{}, now}, {now.Add(time.Hour), now.Add(time.Hour)}, {time.Time{}, now.Add(time.Hour)},
		} {
			c := storage.Clave{AfiliadoID: a.ID, PHC: "phc", CreatedAt: storage.At(now.Add(time.Duration(i) * time.Hour)), RecoveredAt: storage.At(step.set)}
			inTx(t, db, func(tx *storage.Tx) error { return tx.SetClave(ctx, c, 5) })
			inTx(t, db, func(tx *storage.Tx) error { return tx.RehashClave(ctx, c, "again") })
			whole, err := db.Clave(ctx, a.ID)
			if err != nil || whole.PHC != "again" || !whole.RecoveredAt.Equal(step.want) {
				t.Errorf("%d: got %+v, %v; want recovered %v", i, whole, err, step.want)
			}
			facts, err := db.ClaveFacts(ctx, a.ID)
			dates, errDates := db.ClaveDates(ctx, "", 10)
			whole.PHC = ""
			if err != nil || errDates != nil || *facts != *whole || len(dates) != 1 || dates[0].Clave != *whole {
				t.Errorf("%d: got %+v, %v and %+v, %v; want %+v", i, facts, err, dates, errDates, whole)
			}
			if b, err := db.Bearer(ctx, "access", now); err != nil || !b.RecoveredAt.Equal(step.want) {
				t.Errorf("%d: got %+v, %v; want recovered %v", i, b, err, step.want)
			}
			inTx(t, db, func(tx *storage.Tx) error {
				if _, g, err := tx.LockRefreshToken(ctx, "refresh"); err != nil || !g.RecoveredAt.Equal(step.want) {
					t.Errorf("%d: got %+v, %v; want recovered %v", i, g, err, step.want)
				}
				return nil
			})
		}
	})
}

// Typed telephones take the place of those on file; none typed keeps them, and a
// celular stays proven while it is the same.
func TestS031_TypedTelephonesAreStored(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		ctx := t.Context()
		a := maria("1759999913")
		a.Mobile, a.Landline, a.PhoneVerified = "+593991234567", "", true
		inTx(t, db, func(tx *storage.Tx) error { return tx.AddAfiliado(ctx, a) })
		for _, tt := range []struct {
			mobile, landline, wantMobile, wantLandline string
			verified                                   bool
		}{
			{"", "", "+593991234567", "", true},
			{"+593991234567", "+59322222222", "+593991234567", "+59322222222", true},
			{"+593987654321", "", "+593987654321", "+59322222222", false},
		} {
			inTx(t, db, func(tx *storage.Tx) error { return tx.SetPhones(ctx, a.ID, tt.mobile, tt.landline, now.Add(time.Hour)) })
			got, err := db.Afiliado(ctx, a.ID)
			if err != nil || got.Mobile != tt.wantMobile || got.Landline != tt.wantLandline || got.PhoneVerified != tt.verified ||
				got.Email != a.Email || !got.UpdatedAt.Equal(now.Add(time.Hour)) {
				t.Errorf("got %+v, %v; want %+v", got, err, tt)
			}
		}
		err := db.InTx(ctx, func(tx *storage.Tx) error { return tx.SetPhones(ctx, "nobody", "+593987654321", "", now) })
		if !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v for nobody, want not found", err)
		}
		if n := count(t, raw, `SELECT COUNT(*) FROM afiliado WHERE landline IS NULL`); n != 0 {
			t.Errorf("%d without a convencional, want none", n)
		}
	})
}
