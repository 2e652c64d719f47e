// Package logintest puts the pages of login and its sub-packages on an HTTP server
// for their tests, with a clock of its own and one of the databases.
package logintest

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/clave"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

// Site is login on a server, with the simplest Protocol and one application,
// historia.
type Site struct {
	*login.Server
	Claves *clave.Server
	T      testing.TB
	URL    string
	// Database is the address of the database, for what no method asks.
	Database string
	Stmts    atomic.Int64 // statements of transactions so far
	// Hook is called before each of them, COMMIT among them.
	Hook  atomic.Pointer[func(query string)]
	clock atomic.Int64
}

var pages = sync.OnceValues(func() (*templates.Pages, error) {
	return templates.Parse(templates.Config{Issuer: "http://localhost:8080"})
})

// NewSite starts one on a fresh database of engine, at storagetest.Noon. More mounts
// further pages on its router; each change alters the configuration of login.
func NewSite(t testing.TB, engine string, more func(s *Site, r *mux.Router), change ...func(*login.Config)) *Site {
	t.Helper()
	s := &Site{T: t}
	s.clock.Store(storagetest.Noon().UnixMicro())
	db := storagetest.Open(t, engine, func(c *storage.Config) {
		s.Database = c.URL
		c.OnStatement = func(_ context.Context, query string) {
			if query != "COMMIT" && query != "COMMITTED" {
				s.Stmts.Add(1)
			}
			if hook := s.Hook.Load(); hook != nil {
				(*hook)(query)
			}
		}
	})
	p, err := pages()
	if err != nil {
		t.Fatal(err)
	}
	hash, err := login.NewHasher(login.HashConfig{Memory: 8, Passes: 1, Queue: 1000, Wait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	cfg := login.Config{
		Issuer: "http://localhost:8080", DB: db, Clients: storage.NewClientCache(db, s.Time), Pages: p, Hash: hash, Now: s.Time,
		Log: slog.New(slog.DiscardHandler), Renewal: login.DefaultRenewal(),
		Wait: func(context.Context, time.Duration) error { return nil },
	}
	for _, c := range change {
		c(&cfg)
	}
	if s.Server, err = login.New(cfg); err != nil {
		t.Fatal(err)
	}
	s.Protocol = protocol{}
	s.Claves = clave.New(s.Server)
	r := mux.NewRouter()
	s.Routes(r)
	s.Claves.Routes(r)
	more(s, r)
	r.HandleFunc("/authorize", s.authorize)
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	s.URL = srv.URL
	storagetest.AddClient(t, db, "historia", "", storage.ClientMetadata{
		ClientName: "Historia Laboral", ClientURI: "https://historia.example/", FirstParty: true,
	})
	return s
}

// Time is the site's clock.
func (s *Site) Time() time.Time { return time.UnixMicro(s.clock.Load()).UTC() }

// Pass moves it on.
func (s *Site) Pass(d time.Duration) { s.clock.Add(d.Microseconds()) }

// In is InTx for a test that cannot go on without it.
func (s *Site) In(f func(tx *storage.Tx) error) {
	s.T.Helper()
	storagetest.InTx(s.T, s.DB, f)
}

// Work works out the errands that are due.
func (s *Site) Work() {
	s.T.Helper()
	if err := s.Claves.RunErrands(s.T.Context(), s.Time()); err != nil {
		s.T.Fatal(err)
	}
}

// Errors of UnlockByOperator.
var (
	ErrDisavowed    = clave.ErrDisavowed
	ErrOnlyRecovery = clave.ErrOnlyRecovery
)

// UnlockByOperator lifts a person's lock as the operator of the machine does.
func (s *Site) UnlockByOperator(ctx context.Context, afiliadoID string) error {
	return clave.UnlockByOperator(ctx, s.DB, afiliadoID, "prueba", s.Time())
}

// DisableByOperator switches a person's account off in the same way.
func (s *Site) DisableByOperator(ctx context.Context, afiliadoID string) error {
	return clave.DisableByOperator(ctx, s.DB, afiliadoID, "prueba", s.Time())
}

// Deliver hands every mail over that is due: the clocks of their links start. It
// returns them.
func (s *Site) Deliver() []storage.Message {
	s.T.Helper()
	all, err := s.DB.LeaseMessages(s.T.Context(), 1000, s.Time(), s.Time().Add(time.Minute))
	if err != nil {
		s.T.Fatal(err)
	}
	for _, m := range all {
		if _, err := templates.DecodeMail(m.Template, m.Data); err != nil {
			s.T.Error(err)
		}
		s.In(func(tx *storage.Tx) error { return tx.MarkSent(s.T.Context(), m, "hash", s.Time()) })
	}
	return all
}

// Mails are the messages to a person, oldest first.
func (s *Site) Mails(afiliadoID string) []storage.Message {
	s.T.Helper()
	all, err := s.DB.Messages(s.T.Context(), afiliadoID, 1000)
	if err != nil {
		s.T.Fatal(err)
	}
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	return all
}

// LinkOf is the newest link in a mail of that kind to a person.
func (s *Site) LinkOf(afiliadoID, kind string) *storage.Link {
	s.T.Helper()
	var id string
	for _, m := range s.Mails(afiliadoID) {
		if m.Template == kind && m.LinkID != "" {
			id = m.LinkID
		}
	}
	link, err := s.DB.Link(s.T.Context(), id)
	if err != nil {
		s.T.Fatalf("no link in a mail %s: %v", kind, err)
	}
	return link
}

// Events counts the audit rows of that name.
func (s *Site) Events(name string) int {
	s.T.Helper()
	rows, err := s.DB.AuditRows(s.T.Context(), 0, 10_000)
	if err != nil {
		s.T.Fatal(err)
	}
	n := 0
	for _, row := range rows {
		if row.Event == name {
			n++
		}
	}
	return n
}

func (s *Site) authorize(w http.ResponseWriter, r *http.Request) {
	req := storage.AuthRequest{
		ID: storage.NewID(), ClientID: "historia", RedirectURI: "https://historia.example/cb", Scope: "openid", BrowserHash: s.Browser(w, r),
		CreatedAt: storage.At(s.Time()), ExpiresAt: storage.At(s.Time().Add(24 * time.Hour)),
		Params: storage.AuthParams{Prompt: strings.Fields(r.URL.Query().Get("prompt"))},
	}
	var answer http.Handler
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		err := tx.AddAuthRequest(r.Context(), req)
		if err == nil {
			answer, err = s.Advance(r.Context(), tx, r, &req)
		}
		return err
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer.ServeHTTP(w, r)
}

type protocol struct{}

// Grant implements login.Protocol.
func (protocol) Grant(ctx context.Context, tx *storage.Tx, req *storage.AuthRequest, s *storage.Session) (http.Handler, error) {
	code := storage.NewSecret()
	q := *req
	q.CompletedAt, q.SessionID, q.CodeHash = s.SeenAt, s.ID, storage.Hash(code)
	return http.RedirectHandler(q.RedirectURI+"?code="+code, http.StatusSeeOther), tx.CompleteAuthRequest(ctx, q)
}

// Deny implements login.Protocol.
func (protocol) Deny(ctx context.Context, tx *storage.Tx, req *storage.AuthRequest, code, _ string) (http.Handler, error) {
	q := *req
	q.CompletedAt = q.CreatedAt
	return http.RedirectHandler(q.RedirectURI+"?error="+code, http.StatusSeeOther), tx.CompleteAuthRequest(ctx, q)
}
