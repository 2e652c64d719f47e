package storage_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// fillMail02 stores what the writes of mailWrites02 need: a link, and a leased
// message for each of them that ends one.
func fillMail02(t *testing.T, db *storage.DB, f *filled02) {
	t.Helper()
	ctx := t.Context()
	inTx(t, db, func(tx *storage.Tx) error {
		for i := range 7 {
			m := mailTo(f.a)
			m.ID = "mail" + strconv.Itoa(i)
			if err := tx.Enqueue(ctx, m); err != nil {
				return err
			}
		}
		return tx.AddLink(ctx, link02(f.a.ID, "link", storage.LinkDesbloqueo))
	})
	f.mails = map[string]storage.Message{}
	for _, m := range lease(t, db, 100, now) {
		f.mails[m.ID] = m
	}
}

func link02(afiliadoID, id, purpose string) storage.Link {
	return storage.Link{
		ID: id, Purpose: purpose, AfiliadoID: afiliadoID, Life: time.Minute, CreatedAt: storage.At(now), LatestAt: storage.At(now.Add(time.Hour)),
	}
}

// mailWrites02 are the methods of Tx that write messages, links and errands.
func mailWrites02() []write {
	later := now.Add(time.Minute)
	end := func(id string, do func(context.Context, *storage.Tx, storage.Message) error) func(context.Context, *storage.Tx, filled02) error {
		return func(ctx context.Context, tx *storage.Tx, f filled02) error { return do(ctx, tx, f.mails[id]) }
	}
	return []write{
		{"Enqueue", func(ctx context.Context, tx *storage.Tx, f filled02) error { return tx.Enqueue(ctx, mailTo(f.a)) }},
		{"ComposeMessage", end("mail0", func(ctx context.Context, tx *storage.Tx, m storage.Message) error {
			return tx.ComposeMessage(ctx, m, now)
		})},
		{"MarkSent", end("mail0", func(ctx context.Context, tx *storage.Tx, m storage.Message) error {
			return tx.MarkSent(ctx, m, "hash", now)
		})},
		{"DeferMessage", end("mail1", func(ctx context.Context, tx *storage.Tx, m storage.Message) error {
			return tx.DeferMessage(ctx, m, "down", later)
		})},
		{"RetryMessage", end("mail2", func(ctx context.Context, tx *storage.Tx, m storage.Message) error {
			return tx.RetryMessage(ctx, m, "later", later)
		})},
		{"FailMessage", end("mail3", func(ctx context.Context, tx *storage.Tx, m storage.Message) error {
			return tx.FailMessage(ctx, m, "refused", now)
		})},
		{"SuppressMessage", end("mail4", func(ctx context.Context, tx *storage.Tx, m storage.Message) error {
			return tx.SuppressMessage(ctx, m, now)
		})},
		{"ExpireMessage", end("mail5", func(ctx context.Context, tx *storage.Tx, m storage.Message) error {
			return tx.ExpireMessage(ctx, m, now)
		})},
		{"ReleaseMessages", end("mail6", func(ctx context.Context, tx *storage.Tx, m storage.Message) error {
			return tx.ReleaseMessages(ctx, m.Lease)
		})},
		{"SuppressAddress", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.SuppressAddress(ctx, f.a.Email, "550", now, later)
		}},
		{"AllowAddress", func(ctx context.Context, tx *storage.Tx, f filled02) error { return tx.AllowAddress(ctx, f.a.Email) }},
		{"LinkAttempt", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return done(tx.LinkAttempt(ctx, "link", 5, now))
		}},
		{"CodeAttempt", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return done(tx.CodeAttempt(ctx, "link", 5, now))
		}},
		{"DeliverLink", func(ctx context.Context, tx *storage.Tx, _ filled02) error { return tx.DeliverLink(ctx, "link", now) }},
		{"UseLink", func(ctx context.Context, tx *storage.Tx, _ filled02) error { return done(tx.UseLink(ctx, "link", now)) }},
		{"AddLink", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.AddLink(ctx, link02(f.a.ID, "link2", storage.LinkDesbloqueo))
		}},
		{"ShareLink", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.ShareLink(ctx, link02(f.a.ID, "link3", storage.LinkNoFuiYo)))
		}},
		{"KillLinks", func(ctx context.Context, tx *storage.Tx, f filled02) error { return tx.KillLinks(ctx, f.a.ID, "", now) }},
		{"SpendChallenge", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return done(tx.SpendChallenge(ctx, "challenge", later))
		}},
		{"AddErrand", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.AddErrand(ctx, storage.Errand{Kind: "desbloqueo", IdentifierMAC: f.mac, BrowserHash: "b", CreatedAt: storage.At(now)})
		}},
		{"AddErrandIf", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.AddErrandIf(ctx, storage.Errand{Kind: "desbloqueo", IdentifierMAC: f.mac, CreatedAt: storage.At(now)}, true)
		}},
		{"PutOffErrand", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return tx.PutOffErrand(ctx, "errand", later)
		}},
		{"TakeErrand", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return done(tx.TakeErrand(ctx, "errand", now))
		}},
	}
}
