package mail_test

import (
	"errors"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// A relay that refuses everybody has a fault of its own: no address is given up
// for it, and all arrives once it is mended. One that takes other mail is right
// about the one it refuses.
func TestFT07_AServerThatRefusesEverybodyBlamesNobody(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		s := build(t, db, serve(t, "starttls", func(s *server) {
			s.onRcpt = func(string) error { return reply(550, "5.1.1 no such user") }
		}))
		one, two := s.enqueue(s.notice(s.person(1))), s.enqueue(s.notice(s.person(2)))
		s.deliver()
		if got := s.worker.Trouble(); got != "refused" {
			t.Errorf("got trouble %q, want refused", got)
		}
		for _, m := range []storage.Message{one, two} {
			if got := s.message(m.ID); got.State != storage.MessagePending || got.LastError != "550" {
				t.Errorf("got %+v, want it to wait", got)
			}
			if _, err := db.Suppressed(t.Context(), m.Recipient, s.clock.now()); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%s was given up: %v", m.Recipient, err)
			}
		}
		s.server.behave(func(s *server) {
			s.onRcpt = func(to string) error {
				if to == two.Recipient {
					return reply(550, "5.1.1 no such user")
				}
				return nil
			}
		})
		s.clock.add(time.Minute)
		s.deliver()
		if got := s.message(one.ID).State; got != storage.MessageSent || s.worker.Trouble() != "" {
			t.Errorf("got %s, trouble %q; want it sent", got, s.worker.Trouble())
		}
		if _, err := db.Suppressed(t.Context(), two.Recipient, s.clock.now()); err != nil || s.message(two.ID).State != storage.MessageFailed {
			t.Errorf("got %+v, %v; want the dead address given up", s.message(two.ID), err)
		}
	})
}

// A relay that puts everybody off, for an hour, has everything within five
// minutes of its return.
func TestFT07_AServerThatPutsEverybodyOff(t *testing.T) {
	db := storagetest.Open(t, "sqlite")
	s := build(t, db, serve(t, "starttls", func(s *server) {
		s.onRcpt = func(string) error { return reply(451, "4.3.0 later") }
	}))
	m := s.enqueue(s.notice(s.person(1)))
	back := s.clock.now().Add(time.Hour)
	for s.clock.now().Before(back) {
		s.deliver()
		s.clock.add(s.message(m.ID).NextAt.Sub(s.clock.now()))
	}
	s.server.behave(func(s *server) { s.onRcpt = nil })
	s.deliver()
	if got := s.message(m.ID); got.State != storage.MessageSent || got.DoneAt.Sub(back) > 5*time.Minute {
		t.Errorf("got %+v, want it sent within five minutes of %v", got, back)
	}
}
