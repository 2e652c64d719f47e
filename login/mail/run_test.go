package mail_test

import (
	"context"
	"testing"
	"time"

	"iess.gob.ec/clave/login/mail"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// Sixteen replicas send what lies there: each message once.
func TestFT07_ReplicasSendEachMessageOnce(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		s := build(t, db, serve(t, "none"))
		a := s.person(1)
		const messages = 120
		storagetest.InTx(t, db, func(tx *storage.Tx) error {
			for range messages {
				if err := tx.Enqueue(t.Context(), s.notice(a)); err != nil {
					return err
				}
			}
			return nil
		})
		ended := make(chan error)
		const replicas = 16
		for range replicas {
			cfg := s.config()
			cfg.Batch, cfg.Connections = 5, 2
			w, err := mail.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				for empty := 0; empty < 3; {
					n, err := w.Deliver(t.Context())
					if err != nil {
						ended <- err
						return
					}
					if n == 0 {
						empty++
					}
				}
				ended <- nil
			}()
		}
		for range replicas {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		seen := map[string]int{}
		for _, m := range s.server.taken() {
			seen[m.header(t, "Message-Id")]++
		}
		if len(seen) != messages || len(s.server.taken()) != messages || s.counted(storage.MessageSent) != messages {
			t.Errorf("%d messages arrived %d times, want %d", len(seen), len(s.server.taken()), messages)
		}
	})
}

// A worker that is told to stop ends the message it is handing over, notes it,
// and gives the rest back.
func TestStopGivesBackWhatWasNotBegun(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		s := build(t, db, serve(t, "starttls", func(srv *server) { srv.onTaken = cancel }), func(c *mail.Config) { c.Connections = 1 })
		a := s.person(1)
		for range 5 {
			s.enqueue(s.notice(a))
		}
		s.worker.Run(ctx)
		if n := len(s.server.taken()); n != 1 || s.counted(storage.MessageSent) != 1 {
			t.Errorf("%d arrived, %d noted, want the one that was begun", n, s.counted(storage.MessageSent))
		}
		left, err := db.LeaseMessages(t.Context(), 10, s.clock.now(), s.clock.now().Add(time.Minute))
		if err != nil || len(left) != 4 {
			t.Errorf("%d are left for others, %v; want 4", len(left), err)
		}
	})
}

// Two of its like share what is there while a slow server makes the first one
// take long: a lease that nears its end is given back, not overrun.
func TestFT07_ASlowServerDoesNotOverrunTheLease(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		var s *site
		srv := serve(t, "starttls", func(srv *server) { srv.onTaken = func() { s.clock.add(90 * time.Second) } })
		s = build(t, db, srv, func(c *mail.Config) { c.Connections = 1 })
		a := s.person(1)
		for range 5 {
			s.enqueue(s.notice(a))
		}
		s.deliver()
		if n := len(srv.taken()); n != 3 { // at 4:30 another, of four exchanges of ten seconds, would not end within five minutes
			t.Errorf("%d mails in one lease, want 3", n)
		}
		s.deliver()
		if n := len(srv.taken()); n != 5 || s.counted(storage.MessageSent) != 5 {
			t.Errorf("%d mails, want all five once", n)
		}
	})
}

// FT-07: with the longest timeout a message on a fresh connection still begins,
// and a longer one, with which none would end in time, is refused.
func TestFT07_TheLongestTimeout(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		s := build(t, db, serve(t, "starttls"), func(c *mail.Config) { c.SMTP.Timeout = mail.MaxTimeout })
		s.enqueue(s.notice(s.person(1)))
		s.deliver()
		if n := len(s.server.taken()); n != 1 {
			t.Errorf("%d mails, want one", n)
		}
		for _, timeout := range []time.Duration{mail.MaxTimeout + time.Second, -time.Second} {
			cfg := s.config()
			cfg.SMTP.Timeout = timeout
			if _, err := mail.New(cfg); err == nil {
				t.Errorf("a timeout of %v is taken", timeout)
			}
		}
	})
}
