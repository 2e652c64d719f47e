package mail_test

import (
	"context"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"iess.gob.ec/clave/login/mail"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// outage is FT-07: an hour without a mail server while messages come, a
// server with a wrong certificate, then a strict and slow one. Waiting costs no
// real time; work does, and both count.
type outage struct {
	*site
	t       *testing.T
	began   time.Time // real
	waited  time.Duration
	stop    context.CancelFunc
	next    []stage
	done    time.Duration
	people  []storage.Afiliado
	notices int
	links   map[string]storage.Message // by link
	mu      sync.Mutex
	first   map[string]time.Duration // when the greylist saw an address first
	checked time.Duration
}

type stage struct {
	at time.Duration
	do func()
}

const (
	unlocks  = 250 // asked for when the outage begins, and as many in its middle
	deadMail = "p0@example.ec"
)

func (o *outage) elapsed() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.waited + time.Since(o.began)
}

// after is the worker's clock for waiting: it makes time pass and things happen.
func (o *outage) after(d time.Duration) <-chan time.Time {
	o.mu.Lock()
	o.waited += d
	o.mu.Unlock()
	for len(o.next) > 0 && o.elapsed() >= o.next[0].at {
		o.next[0].do()
		o.next = o.next[1:]
	}
	if len(o.next) == 0 && o.elapsed() > o.checked+5*time.Second {
		o.checked = o.elapsed()
		states, err := o.db.MessageStates(o.t.Context(), storagetest.Noon())
		if err != nil {
			o.t.Error(err)
		}
		if err != nil || states[storage.MessagePending] == 0 || o.elapsed() > 90*time.Minute {
			o.done = o.elapsed()
			o.stop()
		}
	}
	fired := make(chan time.Time, 1)
	fired <- time.Time{}
	return fired
}

// enqueueUnlocks asks for a link for each of some people.
func (o *outage) enqueueUnlocks(people []storage.Afiliado) {
	storagetest.InTx(o.t, o.db, func(tx *storage.Tx) error {
		for _, a := range people {
			m, err := o.unlock(tx, a)
			if err != nil {
				return err
			}
			o.links[m.LinkID] = m
		}
		return nil
	})
}

// greylist refuses an address until it has been known for a minute.
func (o *outage) greylist(to string) error {
	if to == deadMail {
		return reply(550, "no such user")
	}
	now := o.elapsed()
	o.mu.Lock()
	defer o.mu.Unlock()
	seen, ok := o.first[to]
	if !ok {
		o.first[to] = now
	}
	if !ok || now-seen < time.Minute {
		return reply(451, "greylisted, come back")
	}
	return nil
}

// ft07Notices are those that wait beside the links: with them enough go out for the
// server to break off a connection that has taken 700, and to be slow now and then.
// As many as FT-07 speaks of: CLAVE_MAILS=4500 go test -timeout 0 -run FT07_T12 ./login/mail.
const ft07Notices = 600

// FT-07, T12, D06.
func TestFT07_T12_D06_AnHourWithoutAMailServer(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		notices := ft07Notices
		if n, err := strconv.Atoi(os.Getenv("CLAVE_MAILS")); err == nil { //nolint:forbidigo // what a person who wants the whole hour says
			notices = n
		}
		srv := serve(t, "starttls")
		srv.stop()
		o := &outage{t: t, began: time.Now(), links: map[string]storage.Message{}, first: map[string]time.Duration{}}
		start := storagetest.Noon()
		now := func() time.Time { return start.Add(o.elapsed()) }
		o.notices = notices
		o.site = build(t, db, srv, func(c *mail.Config) { c.Now, c.After = now, o.after })
		for i := range 2 * unlocks {
			o.people = append(o.people, o.person(i))
		}
		storagetest.InTx(t, db, func(tx *storage.Tx) error {
			for i := range notices {
				if err := tx.Enqueue(t.Context(), o.notice(o.people[i%100])); err != nil {
					return err
				}
			}
			return nil
		})
		o.began = time.Now() // what it took to prepare does not count
		o.enqueueUnlocks(o.people[:unlocks])

		good := srv.cert
		slow := 0
		returned := time.Hour
		o.next = []stage{
			{30 * time.Minute, func() {
				o.clock.add(30 * time.Minute) // by which messages are dated
				o.enqueueUnlocks(o.people[unlocks:])
			}},
			{50 * time.Minute, func() { // it comes back with a certificate of somebody else
				if o.worker.Trouble() != "down" {
					t.Errorf("got trouble %q, want down", o.worker.Trouble())
				}
				other, _ := certificate(t, "localhost")
				srv.behave(func(s *server) { s.cert = other })
				srv.back()
			}},
			{returned, func() {
				if o.worker.Trouble() != "tls" {
					t.Errorf("got trouble %q, want tls", o.worker.Trouble())
				}
				srv.stop()
				srv.behave(func(s *server) {
					s.cert = good
					s.onRcpt = o.greylist
					s.onData = func(string, []byte) error {
						srv.mu.Lock()
						slow++
						mine := slow
						srv.mu.Unlock()
						if mine%100 == 0 {
							<-time.After(50 * time.Millisecond)
						}
						if mine%700 == 0 {
							return reply(421, "enough for one connection")
						}
						return nil
					}
				})
				srv.back()
			}},
		}
		ctx, cancel := context.WithCancel(t.Context())
		o.stop = cancel
		o.worker.Run(ctx)
		t.Cleanup(func() {
			if t.Failed() {
				t.Log(o.log)
			}
		})

		took := o.done - returned
		t.Logf("all settled %v after the server was back", took.Round(time.Second))
		if took > 5*time.Minute {
			t.Errorf("it took %v, want at most five minutes", took)
		}
		o.verify(start.Add(returned))
	})
}

// verify checks what arrived against what was asked for.
func (o *outage) verify(returned time.Time) {
	t := o.t
	seen := map[string]int{}
	byID := map[string]received{}
	for _, m := range o.server.taken() {
		id := m.header(t, "Message-Id")
		seen[id]++
		byID[id] = m
		if len(m.to) != 1 || m.header(t, "To") != "<"+m.to[0]+">" {
			t.Errorf("%s went to %q", id, m.to)
		}
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s arrived %d times", id, n)
		}
	}
	states, err := o.db.MessageStates(t.Context(), storagetest.Noon())
	if err != nil {
		t.Fatal(err)
	}
	// p0's address is dead: what was tried failed, the rest was not tried. Her
	// link went with those that died in the outage.
	dead := o.notices / 100
	lost := states[storage.MessageFailed] + states[storage.MessageSuppressed]
	if states[storage.MessageSent] != o.notices-dead+unlocks || states[storage.MessageExpired] != unlocks || lost != dead || states[storage.MessagePending] != 0 {
		t.Errorf("got %v, want all but the dead sent", states)
	}
	if states[storage.MessageSent] != len(seen) {
		t.Errorf("%d noted as sent, %d arrived", states[storage.MessageSent], len(seen))
	}
	for id, m := range o.links {
		l := o.site.link(id)
		got, arrived := byID["<"+strings.ToLower(m.ID)+"@clave.example>"]
		if early := m.CreatedAt.Equal(storagetest.Noon()); early == arrived {
			t.Errorf("a link asked for at %v: arrived %v", m.CreatedAt, arrived)
		}
		if !arrived {
			continue
		}
		if l.DeliveredAt.Before(returned) || !l.ExpiresAt.Equal(l.DeliveredAt.Add(3*time.Minute)) || l.ExpiresAt.After(l.CreatedAt.Add(time.Hour)) {
			t.Errorf("got %+v, want three minutes from hand-over", l)
		}
		_, text, _ := parts(t, got.raw)
		if !strings.Contains(text, o.db.LinkToken(id)) {
			t.Errorf("the mail lacks its link: %s", text)
		}
	}
}
