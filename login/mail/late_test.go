package mail_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login/mail"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// FT-07: a message that does not open holds up no other, does not vanish in
// silence, and goes once its key is back.
func TestFT07_ADamagedMessageHoldsUpNoOther(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			url := ""
			db := storagetest.Open(t, engine, func(c *storage.Config) { url = c.URL })
			keys := storagetest.Keys()
			keys.Current, keys.Seal["later"] = "later", bytes.Repeat([]byte{7}, 32)
			both, err := storage.Open(t.Context(), storage.Config{URL: url, Keys: keys})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { both.Close() })
			s := build(t, db, serve(t, "starttls"))
			bad := s.notice(s.person(1))
			storagetest.InTx(t, both, func(tx *storage.Tx) error { return tx.Enqueue(t.Context(), bad) })
			for n := range 3 {
				s.enqueue(s.notice(s.person(2 + n)))
			}
			s.deliver()
			if n := len(s.server.taken()); n != 3 {
				t.Errorf("%d mails, want the three that open", n)
			}
			got, err := both.Message(t.Context(), bad.ID)
			if err != nil || got.State != storage.MessagePending || got.Attempts != 1 || got.LastError != "sealed" {
				t.Errorf("got %+v, %v; want it put off", got, err)
			}
			if log := s.log.String(); !strings.Contains(log, "mail cannot be written") || !strings.Contains(log, bad.ID) || s.counted("retry") != 1 {
				t.Errorf("nobody is told: %s", log)
			}
			s.clock.add(time.Minute)
			again := build(t, both, s.server, func(c *mail.Config) { c.Now = s.clock.now })
			again.deliver()
			if n := len(s.server.taken()); n != 4 {
				t.Errorf("%d mails, want it too once it opens", n)
			}
		})
	}
}

// T12: a notice written while its link is still shared goes with the link
// alive, though the mail server was away for an hour.
func TestT12_ALateNoticeKeepsItsLink(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		s := build(t, db, serve(t, "starttls"))
		a := s.person(1)
		const life = 10 * 24 * time.Hour
		share := func() string {
			m, now := s.notice(a), s.clock.now()
			storagetest.InTx(t, db, func(tx *storage.Tx) error {
				var err error
				m.LinkID, err = tx.ShareLink(t.Context(), storage.Link{
					ID: storage.NewID(), Purpose: storage.LinkNoFuiYo, AfiliadoID: a.ID, Life: life,
					CreatedAt: storage.At(now), LatestAt: storage.At(now.Add(life + 4*24*time.Hour)),
				})
				if err != nil {
					return err
				}
				return tx.Enqueue(t.Context(), m)
			})
			return m.LinkID
		}
		first := share()
		s.deliver()
		s.clock.add(24*time.Hour - 30*time.Second)
		if again := share(); again != first {
			t.Fatal("another link: the older notice lost its own")
		}
		s.server.stop()
		s.deliver()
		s.clock.add(time.Hour)
		s.server.back()
		s.deliver()
		mails := s.server.taken()
		if len(mails) != 2 {
			t.Fatalf("%d mails, want two", len(mails))
		}
		for _, m := range mails {
			if _, text, html := parts(t, m.raw); !strings.Contains(text, issuer+"/enlace/"+db.LinkToken(first)) || !strings.Contains(html, "/enlace/") {
				t.Errorf("a notice without its link: %s", text)
			}
		}
		if l := s.link(first); !l.ExpiresAt.Equal(s.clock.now().Add(life)) {
			t.Errorf("it ends %v, want ten days after hand-over", l.ExpiresAt)
		}
	})
}

// FT-07: what a server does not want now is tried for five days; on the first of
// them so often that it arrives within five minutes of the server's return.
func TestFT07_PutOffAndGivenUp(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		srv := serve(t, "none", func(srv *server) { srv.onRcpt = func(string) error { return reply(451, "later") } })
		for priority := range storage.PriorityReminder {
			longest := 4 * time.Minute
			s := build(t, db, srv)
			m := s.notice(s.person(priority))
			m.Priority = priority
			s.enqueue(m)
			waited := time.Duration(0)
			for n := range 12 {
				s.deliver()
				got := s.message(m.ID)
				wait := got.NextAt.Sub(s.clock.now())
				if got.Attempts != n+1 || wait < waited || wait > longest || n == 0 && wait != 30*time.Second {
					t.Fatalf("attempt %d of priority %d: got %+v, want it tried again", n+1, priority, got)
				}
				waited = wait
				s.clock.add(wait)
			}
			if waited != longest {
				t.Errorf("priority %d waits %v in the end, want %v", priority, waited, longest)
			}
			longest = 30 * time.Minute
			s.clock.add(m.CreatedAt.Add(5*24*time.Hour).Sub(s.clock.now()) - longest)
			s.deliver()
			if got := s.message(m.ID); got.State != storage.MessagePending {
				t.Errorf("got %+v, want it tried to the end of five days", got)
			}
			s.clock.add(longest)
			s.deliver()
			if got := s.message(m.ID); got.State != storage.MessageFailed || got.LastError != "451" {
				t.Errorf("got %+v, want it given up", got)
			}
		}
	})
}
