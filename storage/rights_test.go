package storage_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

func request02(afiliadoID, id string) storage.RightsRequest {
	return storage.RightsRequest{
		ID: id, Number: "DER-" + id, AfiliadoID: afiliadoID, Kind: storage.RightErasure, Detail: "Borren mi teléfono",
		CreatedAt: storage.At(now), DueAt: storage.At(now.Add(15 * 24 * time.Hour)),
	}
}

// rightsWrites02 are the methods of Tx that write what applications received and
// what people ask.
func rightsWrites02() []write {
	return []write{
		{"AddDisclosures", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.AddDisclosures(ctx, []storage.Disclosure{{AfiliadoID: f.a.ID, ClientID: "historia", Claims: "name", FirstAt: storage.At(now), LastAt: storage.At(now)}})
		}},
		{"AddRightsRequest", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.AddRightsRequest(ctx, request02(f.a.ID, "first"))
		}},
		{"CancelRightsRequest", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.CancelRightsRequest(ctx, f.a.ID, "first", now))
		}},
		{"AnswerRightsRequest", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			if err := tx.AddRightsRequest(ctx, request02(f.a.ID, "second")); err != nil {
				return err
			}
			return done(tx.AnswerRightsRequest(ctx, "second", storage.OutcomeGranted, "Listo", now))
		}},
		{"CloseAccess", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			s := session02(f.a.ID)
			if err := errors.Join(tx.SaveConsent(ctx, storage.Consent{AfiliadoID: f.a.ID, ClientID: "told0", Kind: "consent"}), tx.AddSession(ctx, s),
				done(tx.JoinSession(ctx, s.ID, "told0", now)), tx.AddGrant(ctx, storage.Grant{
					ID: storage.NewID(), ClientID: "told0", AfiliadoID: f.a.ID, SessionID: s.ID, ExpiresAt: storage.At(now.Add(time.Hour)),
				})); err != nil {
				return err
			}
			return done(tx.CloseAccess(ctx, f.a.ID, "told0", true, now))
		}},
	}
}

func session02(afiliadoID string) storage.Session {
	return storage.Session{
		ID: storage.NewID(), SecretHash: storage.Hash(storage.NewSecret()), AfiliadoID: afiliadoID, AuthAt: storage.At(now), SeenAt: storage.At(now),
		CreatedAt: storage.At(now), ExpiresAt: storage.At(now.Add(time.Hour)),
	}
}

// What applications have received of a person becomes known for longer, never for
// less, however late or out of order it is written down.
func TestLAW02_DisclosuresOnlyGrow(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a, b := person(t, db, "1759999913"), person(t, db, "0959999913")
		row := func(who, client, claims string, first, last time.Duration) storage.Disclosure {
			return storage.Disclosure{AfiliadoID: who, ClientID: client, Claims: claims, FirstAt: storage.At(now.Add(first)), LastAt: storage.At(now.Add(last))}
		}
		for _, rows := range [][]storage.Disclosure{
			{row(a.ID, "x", "name", 0, time.Hour), row(b.ID, "x", "name email", 0, 0)},
			{row(a.ID, "x", "name", time.Minute, time.Minute), row(a.ID, "x", "name email", time.Minute, time.Minute)},
			{row(a.ID, "x", "name", -time.Hour, 2*time.Hour)},
		} {
			inTx(t, db, func(tx *storage.Tx) error { return tx.AddDisclosures(t.Context(), rows) })
		}
		got, err := db.Disclosures(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := []storage.Disclosure{row(a.ID, "x", "name", -time.Hour, 2*time.Hour), row(a.ID, "x", "name email", time.Minute, time.Minute)}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// Whoever takes back what she allowed ends the application's tokens, codes and its
// part of her sessions; it is told that they ended, of nothing else any more, and
// has to ask anew. Other applications and people keep theirs.
func TestLAW02_WithdrawnPermissionEndsAllAccess(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		ctx := t.Context()
		a, other := person(t, db, "1759999913"), person(t, db, "0959999913")
		all := storage.SecurityEvents()
		enter := func(who, client, code string) storage.Grant {
			s := session(t, db, who)
			g := storage.Grant{
				ID: storage.NewID(), ClientID: client, AfiliadoID: who, SessionID: s.ID, Scope: "openid offline_access", ExpiresAt: storage.At(now.Add(time.Hour)),
			}
			inTx(t, db, func(tx *storage.Tx) error {
				var err error
				if g.SID, err = tx.JoinSession(ctx, s.ID, client, now); err != nil {
					return err
				}
				return errors.Join(tx.SaveConsent(ctx, storage.Consent{AfiliadoID: who, ClientID: client, Kind: "consent", Scope: "openid email"}), tx.AddGrant(ctx, g),
					tx.CompleteAuthRequest(ctx, storage.AuthRequest{
						ID: storage.NewID(), ClientID: client, AfiliadoID: who, SessionID: s.ID, CodeHash: code, CodeExpiresAt: storage.At(now.Add(time.Minute)),
						ExpiresAt: storage.At(now.Add(time.Hour)), CompletedAt: storage.At(now), CreatedAt: storage.At(now),
					}))
			})
			return g
		}
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(tx.SaveClient(ctx, subscriber("banco", all...)), tx.SaveClient(ctx, subscriber("tienda", all...)))
		})
		g := enter(a.ID, "banco", "hers")
		keeps := []storage.Grant{enter(a.ID, "tienda", "shop"), enter(other.ID, "banco", "theirs")}
		inTx(t, db, func(tx *storage.Tx) error {
			return tx.QueueEvent(ctx, storage.CredentialChange, storage.CauseChanged, a.ID, now)
		})
		later := now.Add(time.Second)
		closed := func() bool {
			var some bool
			inTx(t, db, func(tx *storage.Tx) error {
				var err error
				some, err = tx.CloseAccess(ctx, a.ID, "banco", true, later)
				return err
			})
			return some
		}
		if !closed() || closed() {
			t.Error("the first time ends something, the second nothing")
		}
		var states []string
		deliveries, err := db.ClientDeliveries(ctx, "banco", 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range deliveries {
			if d.AfiliadoID == a.ID {
				states = append(states, storage.EventName(d.Event)+" "+d.State)
			}
			if d.Event != storage.CredentialChange && d.SID != g.SID {
				t.Errorf("told of %q, want %q", d.SID, g.SID)
			}
		}
		slices.Sort(states)
		if want := []string{"backchannel-logout pending", "credential-change cancelled", "session-revoked pending"}; !slices.Equal(states, want) {
			t.Errorf("got deliveries %q, want %q", states, want)
		}
		if n := count(t, raw, `SELECT COUNT(*) FROM oauth_grant WHERE revoked_at > 0 AND id = '`+g.ID+`'`); n != 1 {
			t.Error("the grant lives on")
		}
		for _, k := range keeps {
			if n := count(t, raw, `SELECT COUNT(*) FROM oauth_grant WHERE revoked_at = 0 AND id = '`+k.ID+`'`); n != 1 {
				t.Errorf("a grant of %s was revoked", k.ClientID)
			}
		}
		use := func(code, client string) error {
			return db.InTx(ctx, func(tx *storage.Tx) error { return done(tx.UseCode(ctx, code, client, "g", later)) })
		}
		if err := use("hers", "banco"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("her code is still good: %v", err)
		}
		if err := errors.Join(use("theirs", "banco"), use("shop", "tienda")); err != nil {
			t.Errorf("somebody else's code is no good any more: %v", err)
		}
		// A code that was given beside it gives no tokens either.
		again := g
		again.ID = storage.NewID()
		add := func() error { return db.InTx(ctx, func(tx *storage.Tx) error { return tx.AddGrant(ctx, again) }) }
		if err := add(); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v for a grant after she withdrew, want ErrNotFound", err)
		}
		standing, err := db.Standing(ctx, a.ID, "banco", now)
		if err != nil || standing.Consent != nil {
			t.Errorf("got %v, %v: it does not have to ask anew", standing, err)
		}
		inTx(t, db, func(tx *storage.Tx) error {
			return tx.QueueEvent(ctx, storage.AccountDisabled, storage.CauseDisabled, a.ID, later)
		})
		if got := eventsFor(t, db, "banco"); slices.Contains(got, storage.AccountDisabled+": "+storage.CauseDisabled) {
			t.Error("it hears of her account still")
		}
		// She comes back, in the same session: under another name, whose end is told again.
		var sid string
		inTx(t, db, func(tx *storage.Tx) error {
			err := tx.SaveConsent(ctx, storage.Consent{AfiliadoID: a.ID, ClientID: "banco", Kind: "consent"})
			if err == nil {
				sid, err = tx.JoinSession(ctx, g.SessionID, "banco", later)
			}
			return err
		})
		if sid == g.SID || add() != nil {
			t.Error("who comes back is not let in anew")
		}
	})
}

// A request is sealed, and ends once: cancelled by its own person, or answered.
func TestLAW05_RightsRequestsEndOnce(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		ctx := t.Context()
		a, other := person(t, db, "1759999913"), person(t, db, "0959999913")
		for _, id := range []string{"one", "two"} {
			inTx(t, db, func(tx *storage.Tx) error { return tx.AddRightsRequest(ctx, request02(a.ID, id)) })
		}
		if n := count(t, raw, `SELECT COUNT(*) FROM rights_request WHERE CAST(detail AS TEXT) LIKE '%Borren%'`); n != 0 {
			t.Error("what she asked lies open in the database")
		}
		act := func(f func(tx *storage.Tx) (bool, error)) bool {
			var did bool
			inTx(t, db, func(tx *storage.Tx) error {
				var err error
				did, err = f(tx)
				return err
			})
			return did
		}
		cancel := func(who, id string) bool {
			return act(func(tx *storage.Tx) (bool, error) { return tx.CancelRightsRequest(ctx, who, id, now) })
		}
		answer := func(id string) bool {
			return act(func(tx *storage.Tx) (bool, error) {
				return tx.AnswerRightsRequest(ctx, id, storage.OutcomePartly, "Quitamos el celular", now)
			})
		}
		if cancel(other.ID, "one") || !cancel(a.ID, "one") || cancel(a.ID, "one") || answer("one") || !answer("two") || answer("two") || cancel(a.ID, "two") {
			t.Error("a request ends once, and by its own person")
		}
		found, err := db.RightsRequest(ctx, "DER-two")
		if err != nil || found.Detail != "Borren mi teléfono" || found.Answer != "Quitamos el celular" || found.Outcome != storage.OutcomePartly {
			t.Errorf("got %+v, %v", found, err)
		}
		inTx(t, db, func(tx *storage.Tx) error { return tx.AddRightsRequest(ctx, request02(a.ID, "three")) })
		waiting, err := db.RightsWaiting(ctx, found.DueAt.Time)
		if err != nil || waiting.Open != 1 || waiting.Overdue != 1 || !waiting.DueAt.Equal(found.DueAt.Time) {
			t.Errorf("got %+v, %v; want one, overdue since then", waiting, err)
		}
		if all, err := db.RightsRequests(ctx, other.ID); err != nil || len(all) != 0 {
			t.Errorf("got %v, %v of another person's", all, err)
		}
	})
}
