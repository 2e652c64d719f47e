package storage_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// all02 is one call of every method of Tx that writes.
func all02() []write {
	return slices.Concat(
		writes02(),
		mailWrites02(),
		recoveryWrites02(),
		deliveryWrites02(),
		pushedWrites02(),
		passkeyWrites02(),
		factorWrites02(),
		rightsWrites02(),
		secondWrites02(),
		ownWrites02(),
	)
}

// recoveryWrites02 are those of cases, answers and contact changes. Each uses what
// the ones before it have left.
func recoveryWrites02() []write {
	later := now.Add(time.Hour)
	other := maria("0959999921") // the first is disabled by now
	change := func(id string) storage.ContactChange {
		return storage.ContactChange{ID: id, AfiliadoID: other.ID, Email: "new@example.org", AskedAt: storage.At(now), ReadyAt: storage.At(later)}
	}
	linked := func(do func(ctx context.Context, tx *storage.Tx) error) func(context.Context, *storage.Tx, filled02) error {
		return func(ctx context.Context, tx *storage.Tx, f filled02) error {
			if err := tx.AddLink(ctx, link02(f.a.ID, "generate", storage.LinkGenerar)); err != nil {
				return err
			}
			return do(ctx, tx)
		}
	}
	return []write{
		{"AddRecovery", func(ctx context.Context, tx *storage.Tx, f filled02) error { // the second takes the first one's place
			first, second := recoveryCase(f.mac), recoveryCase(f.mac)
			first.ID, second.ID = "first", "case"
			if err := tx.AddRecovery(ctx, first); err != nil {
				return err
			}
			return tx.AddRecovery(ctx, second)
		}},
		{"MoveRecovery", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			c := recoveryCase(f.mac)
			c.ID, c.Step = "case", "datos"
			return done(tx.MoveRecovery(ctx, "preguntas", c, now))
		}},
		{"DecideRecovery", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			c := recoveryCase(f.mac)
			c.ID, c.Step = "case", "fallida"
			return done(tx.DecideRecovery(ctx, "datos", c, now))
		}},
		{"EndRecoveries", func(ctx context.Context, tx *storage.Tx, f filled02) error { return tx.EndRecoveries(ctx, f.mac, now) }},
		{"ReserveRecoveryAttempt", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.ReserveRecoveryAttempt(ctx, f.mac, 5, now, later))
		}},
		{"ReturnRecoveryAttempt", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.ReturnRecoveryAttempt(ctx, f.mac, 5)
		}},
		{"LetRecoveryEnd", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			if err := done(tx.ReserveRecoveryAttempt(ctx, f.mac, 5, now, later.Add(time.Hour))); err != nil {
				return err
			}
			return done(tx.LetRecoveryEnd(ctx, f.mac, 1, now, later))
		}},
		{"SettleRecovery", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.SettleRecovery(ctx, f.mac, 1, now))
		}},
		{"ForgiveRecovery", func(ctx context.Context, tx *storage.Tx, f filled02) error { return tx.ForgiveRecovery(ctx, f.mac) }},
		{"SetAnswers", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.SetAnswers(ctx, f.a.ID, []storage.Answer{{Question: "a", PHC: "x"}, {Question: "b", PHC: "y"}})
		}},
		{"AskContactChange", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			if err := tx.AddAfiliado(ctx, other); err != nil {
				return err
			}
			if err := tx.AskContactChange(ctx, change("before")); err != nil {
				return err
			}
			return tx.AskContactChange(ctx, change("change"))
		}},
		{"ProveContactChange", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return done(tx.ProveContactChange(ctx, "change", now))
		}},
		{"ApproveContactChange", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return done(tx.ApproveContactChange(ctx, "change", now))
		}},
		{"ApplyContactChange", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return done(tx.ApplyContactChange(ctx, change("change"), now))
		}},
		{"CancelContactChanges", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			if err := tx.AskContactChange(ctx, change("after")); err != nil {
				return err
			}
			return done(tx.CancelContactChanges(ctx, other.ID, now))
		}},
		{"SetPhones", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.SetPhones(ctx, f.a.ID, "+593987654321", "", now)
		}},
		{"RebindLink", linked(func(ctx context.Context, tx *storage.Tx) error { return tx.RebindLink(ctx, "generate", "other") })},
		{"UseLinkOpened", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return done(tx.UseLinkOpened(ctx, "generate", now, later))
		}},
	}
}

// recoveryCase is a case at its questions, begun now, for an hour.
func recoveryCase(mac []byte) storage.Recovery {
	return storage.Recovery{
		ID: storage.NewID(), BrowserHash: storage.Hash("browser"), Identifier: "1759999913", IdentifierMAC: mac, NetworkMAC: []byte("network"),
		Step: "preguntas", ClientID: "historia", AuthRequest: "request", CreatedAt: storage.At(now), ExpiresAt: storage.At(now.Add(time.Hour)),
	}
}

func addRecovery(t testing.TB, db *storage.DB, c storage.Recovery) storage.Recovery {
	t.Helper()
	inTx(t, db, func(tx *storage.Tx) error { return tx.AddRecovery(t.Context(), c) })
	return c
}
