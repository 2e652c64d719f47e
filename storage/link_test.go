package storage_test

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// unlockLink is a link of three minutes, asked for at now.
func unlockLink(afiliadoID string) storage.Link {
	return storage.Link{
		ID: storage.NewID(), Purpose: storage.LinkDesbloqueo, AfiliadoID: afiliadoID, BrowserHash: storage.Hash("cookie"), ClientID: "historia",
		Life: 3 * time.Minute, CreatedAt: storage.At(now), LatestAt: storage.At(now.Add(time.Hour)),
	}
}

func addLink(t testing.TB, db *storage.DB, l storage.Link) storage.Link {
	t.Helper()
	inTx(t, db, func(tx *storage.Tx) error { return tx.AddLink(t.Context(), l) })
	return l
}

func deliver(t testing.TB, db *storage.DB, id string, at time.Time) {
	t.Helper()
	inTx(t, db, func(tx *storage.Tx) error { return tx.DeliverLink(t.Context(), id, at) })
}

func use(t testing.TB, db *storage.DB, id string, at time.Time) bool {
	t.Helper()
	var did bool
	inTx(t, db, func(tx *storage.Tx) error {
		var err error
		did, err = tx.UseLink(t.Context(), id, at)
		return err
	})
	return did
}

// However many press at once, one of them does what the link is for.
func TestASVS_6_5_1_ALinkIsUsedOnce(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		l := addLink(t, db, unlockLink(person(t, db, "1759999913").ID))
		won := parallel(t, 50, func(ctx context.Context, _ int) (bool, error) {
			var did bool
			err := db.InTx(ctx, func(tx *storage.Tx) error {
				var err error
				did, err = tx.UseLink(ctx, l.ID, now)
				return err
			})
			return did, err
		})
		if won != 1 {
			t.Errorf("%d used it, want one", won)
		}
	})
}

// The minutes of a link begin when the next mail server has it (D06), and end
// an hour after it was asked for whatever happens (T12).
func TestS072_D06_T12_TheClockStartsAtHandOver(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		for _, tt := range []struct {
			name               string
			delivered, at      time.Duration
			want, notDelivered bool
		}{
			{name: "2:59 after hand-over", delivered: 10 * time.Minute, at: 12*time.Minute + 59*time.Second, want: true},
			{name: "3:00 after hand-over", delivered: 10 * time.Minute, at: 13 * time.Minute},
			{name: "3:01 after hand-over", delivered: 10 * time.Minute, at: 13*time.Minute + time.Second},
			{name: "handed over in the last minute", delivered: 59 * time.Minute, at: time.Hour - time.Second, want: true},
			{name: "an hour old", delivered: 59 * time.Minute, at: time.Hour},
			{name: "on its way", notDelivered: true, at: 30 * time.Minute, want: true},
			{name: "never came", notDelivered: true, at: time.Hour},
			{name: "handed over when it was dead", delivered: 61 * time.Minute, at: 62 * time.Minute},
		} {
			a := person(t, db, storage.NewID())
			l := addLink(t, db, unlockLink(a.ID))
			if !tt.notDelivered {
				deliver(t, db, l.ID, now.Add(tt.delivered))
			}
			at := now.Add(tt.at)
			got, err := db.Link(t.Context(), l.ID)
			if err != nil || got.Live(at) != tt.want {
				t.Errorf("%s: got %+v, %v; want live %v", tt.name, got, err, tt.want)
			}
			if live, err := db.LiveLink(t.Context(), l.Purpose, a.ID, at); (err == nil) != tt.want || (tt.want && live.ID != l.ID) {
				t.Errorf("%s: got %+v, %v; want found %v", tt.name, live, err, tt.want)
			}
			if used := use(t, db, l.ID, at); used != tt.want {
				t.Errorf("%s: got used %v, want %v", tt.name, used, tt.want)
			}
		}
	})
}

// A mail that goes twice does not wake a link that is over.
func TestT12_ALateRepeatWakesNoLink(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		l := addLink(t, db, unlockLink(person(t, db, "1759999913").ID))
		deliver(t, db, l.ID, now)
		deliver(t, db, l.ID, now.Add(3*time.Minute))
		if got, err := db.Link(t.Context(), l.ID); err != nil || !got.ExpiresAt.Equal(now.Add(3*time.Minute)) || !got.DeliveredAt.Equal(now) {
			t.Errorf("got %+v, %v; want it over", got, err)
		}
	})
}

// A new link kills the one before; the links of others and for other things live.
func TestT12_OneLiveLinkPerPurpose(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		a, b := person(t, db, "1759999913"), person(t, db, "0959999913")
		first, hers := addLink(t, db, unlockLink(a.ID)), addLink(t, db, unlockLink(b.ID))
		notice := unlockLink(a.ID)
		notice.Purpose = storage.LinkNoFuiYo
		addLink(t, db, notice)
		second := addLink(t, db, unlockLink(a.ID))
		for _, tt := range []struct {
			name string
			id   string
			want bool
		}{{"first", first.ID, false}, {"second", second.ID, true}, {"another's", hers.ID, true}, {"another purpose", notice.ID, true}} {
			if l, err := db.Link(t.Context(), tt.id); err != nil || l.Live(now) != tt.want {
				t.Errorf("%s: got %+v, %v; want live %v", tt.name, l, err, tt.want)
			}
			if used := use(t, db, tt.id, now); used != tt.want {
				t.Errorf("%s: got used %v, want %v", tt.name, used, tt.want)
			}
		}
		parallel(t, 8, func(ctx context.Context, _ int) (bool, error) {
			l := unlockLink(a.ID)
			return true, db.InTx(ctx, func(tx *storage.Tx) error { return tx.AddLink(ctx, l) })
		})
		if n := count(t, raw, `SELECT COUNT(*) FROM link WHERE purpose = 'desbloqueo' AND used_at = 0 AND replaced_at = 0`); n != 1 {
			t.Errorf("%d live links, want one", n)
		}
		inTx(t, db, func(tx *storage.Tx) error { return tx.KillLinks(t.Context(), a.ID, "", now) })
		if n := count(t, raw, `SELECT COUNT(*) FROM link WHERE used_at = 0 AND replaced_at = 0`); n != 0 {
			t.Errorf("%d live links after all were killed", n)
		}
	})
}

// Notices of one day share a link, so that an older notice keeps its "No fui yo";
// those of another have one beside it, and each ends in its own time.
func TestNoticesOfADayShareALink(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		share := func(at time.Time) string {
			t.Helper()
			l := storage.Link{
				ID: storage.NewID(), Purpose: storage.LinkNoFuiYo, AfiliadoID: a.ID, Life: 10 * 24 * time.Hour,
				CreatedAt: storage.At(at), LatestAt: storage.At(at.Add(11 * 24 * time.Hour)),
			}
			var id string
			inTx(t, db, func(tx *storage.Tx) error {
				var err error
				id, err = tx.ShareLink(t.Context(), l)
				return err
			})
			return id
		}
		ends := func(id string, want time.Time) {
			t.Helper()
			if l, err := db.Link(t.Context(), id); err != nil || !l.ExpiresAt.Equal(want) || !l.Live(want.Add(-time.Second)) {
				t.Errorf("got %+v, %v; want it to end at %v", l, err, want)
			}
		}
		first := share(now)
		deliver(t, db, first, now)
		later := now.Add(24*time.Hour - time.Second)
		if again := share(later); again != first {
			t.Errorf("got another link within the day, want the same")
		}
		ends(first, later.Add(11*24*time.Hour)) // the mail may be late: until it is handed over the link lives
		deliver(t, db, first, later)
		ends(first, later.Add(10*24*time.Hour))
		week := now.Add(7 * 24 * time.Hour)
		second := share(week)
		if second == first {
			t.Fatal("a week later the same link is given again")
		}
		deliver(t, db, second, week)
		ends(first, later.Add(10*24*time.Hour))
		ends(second, week.Add(10*24*time.Hour))
		if !use(t, db, second, week) {
			t.Fatal("it cannot be used")
		}
		if again := share(week); again == first || again == second {
			t.Error("a used link, or one of another day, is given again")
		}
	})
}

func TestASVS_6_5_2_ASVS_6_5_4_TokensAndCodesAreDerived(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		a := person(t, db, "1759999913")
		l := addLink(t, db, unlockLink(a.ID))
		token, code := db.LinkToken(l.ID), db.LinkCode(l.ID)
		if token != db.LinkToken(l.ID) || len(token) != 43 || token == db.LinkToken("other") {
			t.Errorf("got %q, want 256 bits that are the same each time", token)
		}
		if !regexp.MustCompile(`^[0-9]{8}$`).MatchString(code) || code != db.LinkCode(l.ID) || code == db.LinkCode("other") {
			t.Errorf("got %q, want eight digits that are the same each time", code)
		}
		if !db.IsLinkCode(l.ID, code) || db.IsLinkCode(l.ID, "") || db.IsLinkCode("other", code) {
			t.Error("a code is taken for another's")
		}
		got, err := db.LinkByToken(t.Context(), token)
		if err != nil || got.ID != l.ID || got.Life != 3*time.Minute || got.BrowserHash != l.BrowserHash || got.ClientID != l.ClientID {
			t.Errorf("got %+v, %v; want the link", got, err)
		}
		for _, wrong := range []string{"", code, l.ID, token[1:], storage.Hash(token), "\x00", "\xff"} {
			if got, err := db.LinkByToken(t.Context(), wrong); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%q: got %+v, %v; want nothing", wrong, got, err)
			}
		}
		if all := dump(t, db, raw); strings.Contains(all, token) || strings.Contains(all, code) {
			t.Error("token or code is stored")
		}
		inTx(t, db, func(tx *storage.Tx) error {
			held, err := tx.LockLink(t.Context(), l.ID)
			if err != nil || held.ID != l.ID {
				t.Errorf("got %+v, %v; want the link held", held, err)
			}
			for name, attempt := range map[string]func(context.Context, string, int, time.Time) (int, error){ // neither uses up the other
				"answer": tx.LinkAttempt, "code": tx.CodeAttempt,
			} {
				for _, want := range []int{1, 2, 3, 0} {
					if n, err := attempt(t.Context(), l.ID, 3, now); err != nil || n != want {
						t.Errorf("%s: got attempt %d, %v; want %d", name, n, err, want)
					}
				}
				if n, err := attempt(t.Context(), l.ID, 9, l.LatestAt.Time); err != nil || n != 0 {
					t.Errorf("%s: got attempt %d, %v on a dead link", name, n, err)
				}
			}
			return nil
		})
	})
}

func TestLinksNeedAnEnd(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		for name, change := range map[string]func(*storage.Link){
			"no id":     func(l *storage.Link) { l.ID = "" },
			"no life":   func(l *storage.Link) { l.Life = 0 },
			"no end":    func(l *storage.Link) { l.LatestAt = storage.Instant{} },
			"nobody":    func(l *storage.Link) { l.AfiliadoID = "" },
			"ended yet": func(l *storage.Link) { l.LatestAt = l.CreatedAt },
		} {
			l := unlockLink(a.ID)
			change(&l)
			if err := db.InTx(t.Context(), func(tx *storage.Tx) error { return tx.AddLink(t.Context(), l) }); err == nil {
				t.Errorf("%s: stored", name)
			}
		}
	})
}

// Used links stay thirty days, as a hash, so that who opens one again is told.
func TestASVS_14_2_7_LinksArePurged(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		l := addLink(t, db, unlockLink(person(t, db, "1759999913").ID))
		deliver(t, db, l.ID, now)
		use(t, db, l.ID, now.Add(time.Minute))
		expired := now.Add(3 * time.Minute)
		for _, tt := range []struct {
			at   time.Time
			want int64
		}{{expired.Add(30*24*time.Hour - time.Second), 0}, {expired.Add(30 * 24 * time.Hour), 1}} {
			if n, err := db.Purge(t.Context(), tt.at, 10); err != nil || n != tt.want {
				t.Errorf("purged %d, %v; want %d", n, err, tt.want)
			}
		}
	})
}
