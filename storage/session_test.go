package storage_test

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

func TestSessionIsLiveOrNotFound(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		s := session(t, db, a.ID)
		for _, tt := range []struct {
			name            string
			at, idle        time.Time
			secret          string
			found, disabled bool
		}{
			{name: "live", at: now, idle: now.Add(-15 * time.Minute), secret: s.SecretHash, found: true},
			{name: "last moment", at: s.ExpiresAt.Add(-time.Microsecond), idle: now.Add(-time.Microsecond), secret: s.SecretHash, found: true},
			{name: "over", at: s.ExpiresAt.Time, idle: now.Add(-time.Second), secret: s.SecretHash},
			{name: "idle", at: now, idle: now, secret: s.SecretHash},
			{name: "another cookie", at: now, idle: now.Add(-time.Hour), secret: "other"},
			{name: "disabled", at: now, idle: now.Add(-time.Hour), secret: s.SecretHash, disabled: true},
		} {
			if tt.disabled {
				inTx(t, db, func(tx *storage.Tx) error { return tx.DisableAfiliado(t.Context(), a.ID, "asked", now) })
			}
			got, err := db.SessionBySecret(t.Context(), tt.secret, tt.at, tt.idle)
			if tt.found && (err != nil || got.ID != s.ID) || !tt.found && !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%s: got %v, %v", tt.name, got, err)
			}
		}
	})
}

// Tokens are given to a session that is held live; the clave's dates come with it.
func TestASVS_7_4_2_HeldSessionIsLive(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a, b := person(t, db, "1759999913"), person(t, db, "0959999913")
		live, ended, hers := session(t, db, a.ID), session(t, db, a.ID), session(t, db, b.ID)
		due, recovered := storage.At(now.Add(time.Hour)), storage.At(now.Add(-time.Hour))
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(
				done(tx.EndSession(t.Context(), ended.ID, "logout", now)), tx.DisableAfiliado(t.Context(), b.ID, "asked", now),
				tx.SetClave(t.Context(), storage.Clave{AfiliadoID: a.ID, PHC: "x", CreatedAt: storage.At(now), DueAt: due, RecoveredAt: recovered}, 1))
		})
		for _, tt := range []struct {
			name, id string
			at       time.Time
			found    bool
		}{
			{"live", live.ID, live.ExpiresAt.Add(-time.Microsecond), true},
			{"over", live.ID, live.ExpiresAt.Time, false},
			{"ended", ended.ID, now, false},
			{"of somebody disabled", hers.ID, now, false},
			{"unknown", "unknown", now, false},
		} {
			inTx(t, db, func(tx *storage.Tx) error {
				got, at, err := tx.HoldSession(t.Context(), tt.id, tt.at)
				if tt.found && (err != nil || got != due || at != recovered) || !tt.found && !errors.Is(err, storage.ErrNotFound) {
					t.Errorf("%s: got %v and %v, %v", tt.name, got, at, err)
				}
				return nil
			})
		}
	})
}

func TestTouchedSessionStaysAndEndedOneDoesNot(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		s := session(t, db, person(t, db, "1759999913").ID)
		later := now.Add(time.Hour)
		inTx(t, db, func(tx *storage.Tx) error {
			return errors.Join(tx.TouchSession(t.Context(), s.ID, later), tx.TouchSession(t.Context(), s.ID, now)) // never back
		})
		if got, err := db.SessionBySecret(t.Context(), s.SecretHash, later, later.Add(-time.Second)); err != nil || !got.SeenAt.Equal(later) {
			t.Errorf("got %v, %v; want it seen an hour later", got, err)
		}
		for _, want := range []bool{true, false} {
			inTx(t, db, func(tx *storage.Tx) error {
				open, err := tx.EndSession(t.Context(), s.ID, "logout", later)
				if open != want {
					t.Errorf("ending: it was open %v, want %v", open, want)
				}
				return err
			})
		}
		if _, err := db.SessionBySecret(t.Context(), s.SecretHash, later, now); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v, want it gone", err)
		}
	})
}

// Ending a session takes the grants that live with it, and no other.
func TestEndSessionRevokesWhatLivesWithIt(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		a := person(t, db, "1759999913")
		mine, other := session(t, db, a.ID), session(t, db, a.ID)
		grants := map[string]storage.Grant{
			"plain":      grant(t, db, a.ID, mine.ID, "openid profile"),
			"offline":    grant(t, db, a.ID, mine.ID, "openid offline_access"),
			"look-alike": grant(t, db, a.ID, mine.ID, "openid offlineXaccess offline_accesses"),
			"elsewhere":  grant(t, db, a.ID, other.ID, "openid"),
		}
		revoked := func(name string) bool {
			return count(t, raw, `SELECT COUNT(*) FROM oauth_grant WHERE revoked_at > 0 AND id = '`+grants[name].ID+`'`) == 1
		}
		check := func(when string, want map[string]bool) {
			t.Helper()
			for name := range grants {
				if got := revoked(name); got != want[name] {
					t.Errorf("%s, %s: revoked %v, want %v", when, name, got, want[name])
				}
			}
		}
		inTx(t, db, func(tx *storage.Tx) error { return done(tx.EndSession(t.Context(), mine.ID, "logout", now)) })
		check("after the session", map[string]bool{"plain": true, "look-alike": true})

		inTx(t, db, func(tx *storage.Tx) error { return tx.EndSessions(t.Context(), a.ID, other.ID, "change", now) })
		check("after all but the other", map[string]bool{"plain": true, "look-alike": true, "offline": true})

		inTx(t, db, func(tx *storage.Tx) error { return tx.EndSessions(t.Context(), a.ID, "", "recovery", now) })
		check("after all", map[string]bool{"plain": true, "look-alike": true, "offline": true, "elsewhere": true})
		if n := count(t, raw, `SELECT COUNT(*) FROM session WHERE ended_at = 0`); n != 0 {
			t.Errorf("%d sessions are still open", n)
		}
	})
}

// The sid is the application's alone, and the same each time it comes back.
func TestJoinSessionGivesEachApplicationItsSID(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		s := session(t, db, person(t, db, "1759999913").ID)
		join := func(client string) string {
			var sid string
			inTx(t, db, func(tx *storage.Tx) error {
				var err error
				sid, err = tx.JoinSession(t.Context(), s.ID, client, now)
				return err
			})
			return sid
		}
		first, other, again := join("historia"), join("prestamos"), join("historia")
		if first == "" || first != again || first == other || first == s.ID {
			t.Errorf("got sids %q, %q, %q; want the first and last alike, the middle its own", first, other, again)
		}
		if clients, err := db.SessionClients(t.Context(), s.ID); err != nil || len(clients) != 2 {
			t.Errorf("got %v, %v; want both applications", clients, err)
		}
	})
}
