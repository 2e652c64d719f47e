package storage_test

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// factorWrites02 are the writes that concern all factors of a person, and the offer
// of a passkey, for FT-02.
func factorWrites02() []write {
	adding := func(do func(ctx context.Context, tx *storage.Tx, f filled02) error) func(context.Context, *storage.Tx, filled02) error {
		return func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return errors.Join(tx.AddPasskey(ctx, passkeyOf(f.a.ID, storage.NewID())), do(ctx, tx, f))
		}
	}
	return []write{
		{"DisavowFactors", adding(func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.DisavowFactors(ctx, f.a.ID, now.Add(-time.Hour), now))
		})},
		{"EndFactors", adding(func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.EndFactors(ctx, f.a.ID, now))
		})},
		{"DeclineOffer", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.DeclineOffer(ctx, f.a.ID, storage.At(now))
		}},
		{"SettleOffer", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			s := f.session
			s.ID, s.SecretHash, s.Offer = storage.NewID(), storage.NewID(), true
			return errors.Join(tx.AddSession(ctx, s), tx.SettleOffer(ctx, s.ID))
		}},
	}
}

// micros is an instant as the database keeps it.
func micros(at storage.Instant) string {
	if at.IsZero() {
		return "0"
	}
	return strconv.FormatInt(at.UnixMicro(), 10)
}

// T11: what was added since somebody may have been at it ends, what is older stays,
// and goes on where it was to end; of nobody else anything changes.
func TestT11_DisavowedFactors(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		her, other := person(t, db, "1759999913"), person(t, db, "0959999913")
		since := now.Add(-72 * time.Hour)
		add := func(who storage.Afiliado, name string, made time.Time, ends storage.Instant) {
			t.Helper()
			p := passkeyOf(who.ID, name)
			p.ID, p.CreatedAt = name, storage.At(made)
			inTx(t, db, func(tx *storage.Tx) error {
				if _, err := tx.UserHandle(t.Context(), who.ID, made); err != nil {
					return err
				}
				return tx.AddPasskey(t.Context(), p)
			})
			must(t, raw, `UPDATE passkey SET revoked_at = `+micros(ends)+` WHERE id = '`+name+`'`)
		}
		add(her, "old", since.Add(-time.Second), storage.Instant{})
		add(her, "ending", since.Add(-time.Hour), storage.At(now.Add(time.Hour)))
		add(her, "gone", since.Add(-time.Hour), storage.At(now.Add(-time.Hour)))
		add(her, "new", since, storage.Instant{})
		add(her, "new ending", now.Add(-time.Minute), storage.At(now.Add(time.Hour)))
		add(other, "other", now, storage.At(now.Add(time.Hour)))
		for _, who := range []storage.Afiliado{her, other} {
			must(t, raw, `INSERT INTO totp (afiliado_id, secret, created_at, confirmed_at) VALUES ('`+who.ID+`', '', `+micros(storage.At(now))+`, 1)`)
			must(t, raw, `INSERT INTO recovery_code (mac, afiliado_id, created_at) VALUES ('`+who.ID+`', '`+who.ID+`', `+micros(storage.At(now))+`)`)
			must(t, raw, `INSERT INTO preference (afiliado_id, second_step) VALUES ('`+who.ID+`', TRUE)`)
		}
		want := func(what string, who storage.Afiliado, f storage.Factors, passkeys ...string) {
			t.Helper()
			got, err := db.Factors(t.Context(), who.ID, now)
			if err != nil || got != f {
				t.Errorf("%s: got %+v, %v, want %+v", what, got, err, f)
			}
			all, err := db.Passkeys(t.Context(), who.ID, now)
			if err != nil || len(all) != len(passkeys) {
				t.Fatalf("%s: got %d passkeys, %v, want %v", what, len(all), err, passkeys)
			}
			for i, p := range all {
				if p.ID != passkeys[i] || who.ID == her.ID && !p.RevokedAt.IsZero() {
					t.Errorf("%s: got %s, which ends %v, want %s", what, p.ID, p.RevokedAt, passkeys[i])
				}
			}
		}
		inTx(t, db, func(tx *storage.Tx) error {
			got, err := tx.DisavowFactors(t.Context(), her.ID, since, now)
			if want := (storage.EndedFactors{Passkeys: 2, TOTP: 1, Codes: 1, Kept: 1}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			return err
		})
		want("disavowed", her, storage.Factors{Passkeys: 2}, "ending", "old")
		all := storage.Factors{Passkeys: 1, TOTP: true, Codes: 1, SecondStep: true}
		want("another", other, all, "other")
		inTx(t, db, func(tx *storage.Tx) error { return done(tx.EndFactors(t.Context(), her.ID, now)) })
		want("ended", her, storage.Factors{})
		want("another, still", other, all, "other")
		inTx(t, db, func(tx *storage.Tx) error { return tx.DeclineOffer(t.Context(), her.ID, storage.At(now)) })
		want("declined", her, storage.Factors{Declined: true})
		inTx(t, db, func(tx *storage.Tx) error { return tx.DeclineOffer(t.Context(), her.ID, storage.Instant{}) })
		want("declined no more", her, storage.Factors{})
	})
}

// T11: an application that nobody has confirmed is no factor: it goes, nobody is told
// of its end, and the second step that her passkey is stays.
func TestT11_DisavowedBeforeItWasConfirmed(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		p := passkeyOf(a.ID, "old")
		p.CreatedAt = storage.At(now.Add(-365 * 24 * time.Hour))
		addPasskey(t, db, p)
		var ended storage.EndedFactors
		inTx(t, db, func(tx *storage.Tx) error {
			err := errors.Join(tx.SetSecondStep(t.Context(), a.ID, true), done(tx.BeginTOTP(t.Context(), begun(a.ID, now))))
			if err == nil {
				ended, err = tx.DisavowFactors(t.Context(), a.ID, now.Add(-time.Hour), now)
			}
			return err
		})
		if ended.Any() {
			t.Errorf("got %+v, want nothing ended", ended)
		}
		if got, err := db.Factors(t.Context(), a.ID, now); err != nil || got != (storage.Factors{Passkeys: 1, SecondStep: true}) {
			t.Errorf("got %+v, %v; want her passkey, and asked for it", got, err)
		}
		if _, err := db.TOTP(t.Context(), a.ID); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v, want the application gone", err)
		}
	})
}
