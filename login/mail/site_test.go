package mail_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"iess.gob.ec/clave/login/mail"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

const issuer = "https://clave.example"

// clock is the time of a test.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// site is a worker with what it works on.
type site struct {
	t      *testing.T
	db     *storage.DB
	server *server
	clock  *clock
	log    *buffer
	worker *mail.Worker

	mu      sync.Mutex
	results map[string]int
}

func (s *site) config() mail.Config {
	return mail.Config{
		DB: s.db, Pages: pages(s.t), Issuer: issuer, From: "IESS Clave <clave@iess.example>", ReplyTo: "ayuda@iess.example",
		SMTP: mail.SMTP{Host: "localhost", Port: s.server.port, TLS: mail.TLS(s.server.mode), Roots: s.server.roots, Timeout: 10 * time.Second},
		Observe: func(result string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.results[result]++
		},
		Now: s.clock.now, Log: slog.New(slog.NewJSONHandler(s.log, nil)),
	}
}

func build(t *testing.T, db *storage.DB, srv *server, change ...func(*mail.Config)) *site {
	t.Helper()
	s := &site{t: t, db: db, server: srv, clock: &clock{t: storagetest.Noon()}, log: &buffer{}, results: map[string]int{}}
	cfg := s.config()
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if s.worker, err = mail.New(cfg); err != nil {
		t.Fatal(err)
	}
	return s
}

func pages(t testing.TB) *templates.Pages {
	t.Helper()
	p, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// parsed are the pages of every worker: nothing changes them, and to parse them
// takes longer than most of the tests.
var parsed = sync.OnceValues(func() (*templates.Pages, error) { return templates.Parse(templates.Config{Issuer: issuer}) })

// deliver sends one batch.
func (s *site) deliver() {
	s.t.Helper()
	if _, err := s.worker.Deliver(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) counted(result string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.results[result]
}

func (s *site) message(id string) storage.Message {
	s.t.Helper()
	m, err := s.db.Message(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return *m
}

func (s *site) link(id string) storage.Link {
	s.t.Helper()
	l, err := s.db.Link(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return *l
}

// person adds somebody with an address of her own.
func (s *site) person(n int) storage.Afiliado {
	s.t.Helper()
	return storagetest.AddAfiliado(s.t, s.db, storage.Afiliado{
		Identifier: storage.Identifier(fmt.Sprintf("%010d", n)), Email: fmt.Sprintf("p%d@example.ec", n),
	})
}

// notice is a message to a that her clave was changed.
func (s *site) notice(a storage.Afiliado) storage.Message {
	s.t.Helper()
	now := s.clock.now()
	return s.draft(a, templates.MailClaveChanged{Name: a.GivenName, When: now, Network: "Quito", Device: "Firefox, Linux"})
}

func (s *site) draft(a storage.Afiliado, m templates.Mail) storage.Message {
	s.t.Helper()
	data, err := json.Marshal(m)
	if err != nil {
		s.t.Fatal(err)
	}
	return storage.Message{
		ID: storage.NewID(), AfiliadoID: a.ID, Template: m.Template(), Recipient: a.Email, Locale: "es-EC", Data: data,
		Priority: storage.PriorityNotice, CreatedAt: storage.At(s.clock.now()),
	}
}

// unlock is a message to a with a link of three minutes, which it adds.
func (s *site) unlock(tx *storage.Tx, a storage.Afiliado) (storage.Message, error) {
	now := storage.At(s.clock.now())
	l := storage.Link{
		ID: storage.NewID(), Purpose: storage.LinkDesbloqueo, AfiliadoID: a.ID, BrowserHash: "b", Life: 3 * time.Minute,
		CreatedAt: now, LatestAt: storage.At(now.Add(time.Hour)),
	}
	m := s.draft(a, templates.MailUnlockLink{Name: a.GivenName, When: now.Time, Life: l.Life})
	m.LinkID, m.Priority = l.ID, storage.PriorityAwaited
	if err := tx.AddLink(s.t.Context(), l); err != nil {
		return m, err
	}
	return m, tx.Enqueue(s.t.Context(), m)
}

func (s *site) enqueue(m storage.Message) storage.Message {
	s.t.Helper()
	storagetest.InTx(s.t, s.db, func(tx *storage.Tx) error { return tx.Enqueue(s.t.Context(), m) })
	return m
}

func (s *site) enqueueUnlock(a storage.Afiliado) storage.Message {
	s.t.Helper()
	var m storage.Message
	storagetest.InTx(s.t, s.db, func(tx *storage.Tx) error {
		var err error
		m, err = s.unlock(tx, a)
		return err
	})
	return m
}
