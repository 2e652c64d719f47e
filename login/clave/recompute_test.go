package clave_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/clave"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// A clave that falls due while its person is at an application that declared a
// window does not interrupt her there, and does everywhere else and at her next
// sign-in.
func TestS092_RunningTransactionFinishes(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		window := func(seconds int64) {
			s.In(func(tx *storage.Tx) error {
				return tx.SaveClient(t.Context(), storage.Client{ID: "historia", UpdatedAt: storage.At(s.Time()), Metadata: storage.ClientMetadata{
					ClientName: "Historia Laboral", ClientURI: "https://historia.example/", FirstParty: true, RenewalWindow: seconds,
				}})
			})
			s.Pass(time.Second) // every replica knows by then
		}
		const there = "https://historia.example/cb"
		window(20 * 60)
		s.In(func(tx *storage.Tx) error {
			return storagetest.MoveDue(t.Context(), tx, s.who.ID, s.Time().Add(10*time.Minute))
		})
		b := s.browser()
		id, _ := b.ask("")
		s.Want(b.signIn(id, old), http.StatusSeeOther, "/autorizar")
		s.Want(b.Post("/autorizar", "id", id, "continuar", "1"), http.StatusSeeOther, there)
		s.Pass(11 * time.Minute) // it fell due a minute ago
		_, got := b.ask("")
		s.Want(got, http.StatusSeeOther, there)
		_, got = b.ask("prompt=none")
		s.Want(got, http.StatusSeeOther, there)
		id, got = b.ask("prompt=login") // a step-up in the transaction
		s.Want(got, http.StatusSeeOther, "/ingresar")
		s.Want(b.signIn(id, old), http.StatusSeeOther, there)
		window(0)
		_, got = b.ask("")
		s.Want(got, http.StatusSeeOther, "/renovar")
		window(20 * 60)
		fresh := s.browser()
		id, _ = fresh.ask("")
		s.Want(fresh.signIn(id, old), http.StatusSeeOther, "/renovar")
		s.Pass(10 * time.Minute)
		_, got = b.ask("")
		s.Want(got, http.StatusSeeOther, there)
		s.Pass(10 * time.Minute) // the window is over
		_, got = b.ask("")
		s.Want(got, http.StatusSeeOther, "/renovar")
		s.Want(b.renew("", nueva, "clave_actual", old), http.StatusSeeOther, "/cuenta")
		_, got = b.ask("")
		s.Want(got, http.StatusSeeOther, there)
	})
}

// Moving the due dates after an edit of the policy: the preview writes nothing, an
// interrupted run goes on, each batch is audited, and a second one has nothing to
// do.
func TestS092_RecomputeGoesOnAfterAnInterruption(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		now := storagetest.Noon()
		const people = 1200 // three batches
		storagetest.InTx(t, db, func(tx *storage.Tx) error {
			for i := range people {
				a := storage.Afiliado{
					ID: storage.NewID(), Identifier: storage.Identifier(fmt.Sprint("P", i)), IdentifierType: storage.IdentifierCodigo,
					Birthdate: "1985-03-14", Kinds: []string{"afiliado"}, Estado: "activa", CreatedAt: storage.At(now), UpdatedAt: storage.At(now),
				}
				c := storage.Clave{AfiliadoID: a.ID, PHC: "x", CreatedAt: storage.At(now.AddDate(0, 0, -200)), DueAt: storage.At(now.AddDate(0, 0, 165)), Compromised: i == 0}
				if err := errors.Join(tx.AddAfiliado(t.Context(), a), tx.SetClave(t.Context(), c, 1)); err != nil {
					return err
				}
			}
			return nil
		})
		shorter := login.Renewal{MaxAge: 90 * 24 * time.Hour, Waiver: 15, Spread: 30 * 24 * time.Hour}
		looked := int64(0)
		run := func(ctx context.Context, reason string, seen func()) (clave.Recomputing, error) {
			return clave.Recompute(ctx, db, shorter, reason, now, func(done, total int64) {
				if looked = done; total != people {
					t.Errorf("%d of %d, want of %d", done, total, people)
				}
				seen()
			})
		}
		is := func(what string, r clave.Recomputing, earlier, audited int64) {
			t.Helper()
			if r.Claves != people || r.Earlier != earlier || r.Moves() != earlier || r.Changed != 0 || r.Due != 0 {
				t.Errorf("%s: %+v, want %d earlier", what, r, earlier)
			}
			if got := recomputed(t, db); got != audited {
				t.Errorf("%s: %d audit rows, want %d", what, got, audited)
			}
		}
		r, err := run(t.Context(), "", func() {})
		if err != nil || looked != people {
			t.Fatal(looked, err)
		}
		is("preview", r, people, 0)
		var after int64
		for _, m := range r.Months {
			if after += m.After; m.After > 0 && (m.Month < "2026-12" || m.Month > "2027-01") {
				t.Errorf("%d fall due in %s", m.After, m.Month)
			}
		}
		if after != people {
			t.Errorf("the months hold %d", after)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if _, err := run(ctx, "resolución 1", cancel); !errors.Is(err, context.Canceled) || looked != 500 {
			t.Fatalf("got %v after %d, want it interrupted after the first batch", err, looked)
		}
		r, err = run(t.Context(), "resolución 1", func() {})
		if err != nil {
			t.Fatal(err)
		}
		is("gone on", r, people-500, 3)
		r, err = run(t.Context(), "resolución 1", func() {})
		if err != nil {
			t.Fatal(err)
		}
		is("again", r, 0, 3)
		all, err := db.ClaveDates(t.Context(), "", people+1)
		if err != nil {
			t.Fatal(err)
		}
		compromised := 0
		for _, c := range all {
			if in := c.DueAt.Sub(now); in < 30*24*time.Hour || in > 60*24*time.Hour {
				t.Errorf("falls due in %v", in)
			}
			if c.Compromised {
				compromised++
			}
		}
		if len(all) != people || compromised != 1 {
			t.Errorf("%d claves, %d compromised", len(all), compromised)
		}
	})
}

func recomputed(t *testing.T, db *storage.DB) int64 {
	t.Helper()
	rows, err := db.AuditRows(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for _, row := range rows {
		if row.Event == "clave.due_recomputed" {
			n++
		}
	}
	return n
}

// S092: every way to a new clave spreads its due date as the policy says.
func TestS092_NewClavesAreSpread(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		spread := func(what, clave string) {
			t.Helper()
			got, never := mustClave(s).DueAt, s.Time().Add(365*24*time.Hour)
			if want := s.Renewal.DueAt(s.Time(), clave, storage.Holder{AfiliadoID: s.who.ID}); !got.Equal(want) || got.Equal(never) {
				t.Errorf("%s: due %v, want %v, which is not %v", what, got, want, never)
			}
		}
		b := s.browser()
		id, _ := b.ask("")
		s.Want(b.signIn(id, old), http.StatusSeeOther, "/renovar")
		s.Want(b.renew(id, nueva), http.StatusSeeOther, "/autorizar")
		spread("renewed", nueva)
		s.Pass(time.Hour)
		c := s.browser()
		s.Want(c.prove(s.who.Identifier, nueva), http.StatusSeeOther, "/cambio")
		s.Want(c.setNew("Tungurahua58"), http.StatusSeeOther, "/cambio/listo")
		spread("changed", "Tungurahua58")
	}, func(c *login.Config) { c.Renewal.Spread = 30 * 24 * time.Hour })
}
