// Package logintest puts the pages of login and its sub-packages on an HTTP server
// for their tests, with a clock of its own and one of the databases.
package logintest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
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
	// Handler is what answers at URL.
	Handler http.Handler
	// Database is the address of the database, for what no method asks.
	Database string
	// RequestLife is how long what an application asks lives: a day.
	RequestLife time.Duration
	Stmts       atomic.Int64 // statements of transactions so far
	Commits     atomic.Int64 // transactions that have been committed
	// Hook is called before each statement, and as COMMIT and COMMITTED before and
	// after each commit.
	Hook  atomic.Pointer[func(query string)]
	clock *atomic.Int64
	more  func(s *Site, r *mux.Router)
	wires *http.Transport // of browsers: closing a server of another test closes idle connections of the common one
}

// What does not depend on the site is made once in a test binary.
var (
	pages = sync.OnceValues(func() (*templates.Pages, error) {
		return templates.Parse(templates.Config{Issuer: "http://localhost:8080"})
	})
	common = sync.OnceValues(login.CommonClaves)
)

// Each runs f for each engine, in parallel, as a subtest that is named after it.
func Each(t *testing.T, f func(t *testing.T, engine string)) {
	t.Helper()
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			f(t, engine)
		})
	}
}

// NewSite starts one on a fresh database of engine, at storagetest.Noon. More mounts
// further pages on its router, where it is not nil; each change alters the
// configuration of login.
func NewSite(t testing.TB, engine string, more func(s *Site, r *mux.Router), change ...func(*login.Config)) *Site {
	t.Helper()
	s := &Site{T: t, RequestLife: 24 * time.Hour, clock: new(atomic.Int64), more: more}
	s.SetTime(storagetest.Noon())
	db := storagetest.Open(t, engine, func(c *storage.Config) {
		s.Database = c.URL
		c.OnStatement = func(_ context.Context, query string) {
			switch query {
			case "COMMIT":
			case "COMMITTED":
				s.Commits.Add(1)
			default:
				s.Stmts.Add(1)
			}
			if hook := s.Hook.Load(); hook != nil {
				(*hook)(query)
			}
		}
	})
	storagetest.AddClient(t, db, "historia", "", storage.ClientMetadata{
		ClientName: "Historia Laboral", ClientURI: "https://historia.example/", FirstParty: true,
	})
	s.serve(db, change)
	return s
}

// Replica is another process on the site's database and by its clock; each change
// alters its configuration, as in NewSite. What it does to the database counts as
// the site's.
func (s *Site) Replica(change ...func(*login.Config)) *Site {
	s.T.Helper()
	other := &Site{T: s.T, Database: s.Database, RequestLife: s.RequestLife, clock: s.clock, more: s.more}
	other.serve(s.DB, change)
	return other
}

func (s *Site) serve(db *storage.DB, change []func(*login.Config)) {
	s.T.Helper()
	p, err := pages()
	if err != nil {
		s.T.Fatal(err)
	}
	policy := login.DefaultPolicy()
	if policy.Common, err = common(); err != nil {
		s.T.Fatal(err)
	}
	hash, err := login.NewHasher(login.HashConfig{Memory: 8, Passes: 1, Queue: 1000, Wait: time.Minute})
	if err != nil {
		s.T.Fatal(err)
	}
	cfg := login.Config{
		Issuer: "http://localhost:8080", DB: db, Clients: storage.NewClientCache(db, s.Time), Pages: p, Hash: hash, Now: s.Time,
		Log: slog.New(slog.DiscardHandler), Policy: policy, Renewal: login.DefaultRenewal(),
		Wait: func(context.Context, time.Duration) error { return nil },
	}
	for _, c := range change {
		c(&cfg)
	}
	if s.Server, err = login.New(cfg); err != nil {
		s.T.Fatal(err)
	}
	s.Protocol = protocol{}
	s.Claves = clave.New(s.Server)
	r := mux.NewRouter()
	s.Routes(r)
	s.Claves.Routes(r)
	if s.more != nil {
		s.more(s, r)
	}
	r.HandleFunc("/authorize", s.authorize)
	r.HandleFunc("/oauth/logout", s.logout)
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.ServeHTTP(w, q.WithContext(storage.WithRequestID(q.Context(), "request")))
	})
	srv := httptest.NewUnstartedServer(s.Handler)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // of handlers that tests kill
	srv.Start()
	s.wires = &http.Transport{}
	s.T.Cleanup(func() { s.wires.CloseIdleConnections(); srv.Close() })
	s.URL = srv.URL
}

// Time is the site's clock.
func (s *Site) Time() time.Time { return time.UnixMicro(s.clock.Load()).UTC() }

// SetTime sets it, to the microsecond.
func (s *Site) SetTime(now time.Time) { s.clock.Store(now.UnixMicro()) }

// Pass moves it on.
func (s *Site) Pass(d time.Duration) { s.clock.Add(d.Microseconds()) }

// SetClave gives a person that clave, set now; a zero due never expires.
func (s *Site) SetClave(afiliadoID, clave string, due time.Time) {
	s.T.Helper()
	phc, err := s.Hash.Make(s.T.Context(), clave)
	if err != nil {
		s.T.Fatal(err)
	}
	s.In(func(tx *storage.Tx) error {
		return tx.SetClave(s.T.Context(), storage.Clave{
			AfiliadoID: afiliadoID, PHC: phc, Long: login.Long(clave), CreatedAt: storage.At(s.Time()), DueAt: storage.At(due),
		}, s.History)
	})
}

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

// Subscribe registers an application that the person let know her and that receives
// every security event, and returns those it is to be told of, as "type: cause", in
// their order by name.
func (s *Site) Subscribe(afiliadoID string) func() []string {
	s.T.Helper()
	ctx, id := s.T.Context(), storage.NewID()
	s.In(func(tx *storage.Tx) error {
		m := storage.ClientMetadata{Events: storage.SecurityEvents(), EventsURI: "https://" + id + ".example/"}
		return errors.Join(tx.SaveClient(ctx, storage.Client{ID: id, Metadata: m}),
			tx.SaveConsent(ctx, storage.Consent{AfiliadoID: afiliadoID, ClientID: id, Kind: "notice"}))
	})
	return func() []string {
		s.T.Helper()
		all, err := s.DB.ClientDeliveries(ctx, id, 100)
		if err != nil {
			s.T.Fatal(err)
		}
		var out []string
		for _, d := range all {
			out = append(out, storage.EventName(d.Event)+": "+d.Cause)
		}
		slices.Sort(out)
		return out
	}
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
