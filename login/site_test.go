package login_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

const (
	cedula  = storage.Identifier("1759999913")
	another = storage.Identifier("0959999913")
	nobody  = storage.Identifier("2359999915")
	clave   = "Cotopaxi47"
	wrong   = "Chimborazo63"
)

// site is the pages on an HTTP server, with the simplest Protocol there is.
type site struct {
	*login.Server
	t          *testing.T
	url        string
	statements atomic.Int64
	commits    atomic.Int64
	clock      atomic.Int64
	waits      atomic.Int64
	logged     *safeBuffer
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// each runs f against a fresh site on each database.
func each(t *testing.T, f func(t *testing.T, s *site), change ...func(*login.Config)) {
	t.Helper()
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			f(t, newSite(t, engine, change...))
		})
	}
}

var pages = sync.OnceValues(func() (*templates.Pages, error) {
	return templates.Parse(templates.Config{Issuer: "http://localhost:8080"})
})

func newSite(t *testing.T, engine string, change ...func(*login.Config)) *site {
	t.Helper()
	s := &site{t: t, logged: &safeBuffer{}}
	s.clock.Store(time.Date(2026, time.November, 22, 15, 0, 0, 0, time.UTC).UnixMicro())
	db := storagetest.Open(t, engine, func(c *storage.Config) {
		c.OnStatement = func(_ context.Context, query string) {
			switch query {
			case "COMMIT":
			case "COMMITTED":
				s.commits.Add(1)
			default:
				s.statements.Add(1)
			}
		}
	})
	h, err := s.build(db, change...)
	if err != nil {
		t.Fatal(err)
	}
	s.serve(h)
	s.application("historia", true, "openid profile")
	return s
}

func (s *site) serve(h http.Handler) {
	srv := httptest.NewServer(h)
	s.t.Cleanup(srv.Close)
	s.url = srv.URL
}

// build makes the server and its router on db.
func (s *site) build(db *storage.DB, change ...func(*login.Config)) (http.Handler, error) {
	p, err := pages()
	if err != nil {
		return nil, err
	}
	hash, err := login.NewHasher(login.HashConfig{Memory: 8, Passes: 1, Queue: 1000, Wait: time.Minute})
	if err != nil {
		return nil, err
	}
	cfg := login.Config{
		Issuer: "http://localhost:8080", DB: db, Clients: storage.NewClientCache(db, s.now), Pages: p, Hash: hash, Now: s.now,
		Log: slog.New(slog.NewJSONHandler(s.logged, nil)), Renewal: login.DefaultRenewal(),
		Wait: func(context.Context, time.Duration) error { s.waits.Add(1); return nil },
	}
	for _, c := range change {
		c(&cfg)
	}
	if s.Server, err = login.New(cfg); err != nil {
		return nil, err
	}
	s.Protocol = protocol{}
	r := mux.NewRouter()
	s.Routes(r)
	r.HandleFunc("/authorize", s.authorize)
	r.HandleFunc("/oauth/logout", s.logout)
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.ServeHTTP(w, q.WithContext(storage.WithRequestID(q.Context(), "request")))
	}), nil
}

func (s *site) now() time.Time { return time.UnixMicro(s.clock.Load()).UTC() }

func (s *site) pass(d time.Duration) { s.clock.Add(d.Microseconds()) }

func (s *site) in(f func(tx *storage.Tx) error) {
	s.t.Helper()
	if err := s.DB.InTx(s.t.Context(), f); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) application(id string, firstParty bool, scope string) {
	s.t.Helper()
	s.in(func(tx *storage.Tx) error {
		return tx.SaveClient(s.t.Context(), storage.Client{ID: id, UpdatedAt: storage.At(s.now()), Metadata: storage.ClientMetadata{
			ClientName: "App " + id, ClientURI: "https://" + id + ".example/", FirstParty: firstParty, Scope: scope,
			RedirectURIs: []string{"https://" + id + ".example/cb"},
		}})
	})
	s.pass(time.Second) // the cache asks again
}

// person adds somebody; an empty clave is none.
func (s *site) person(id storage.Identifier, clave string) *storage.Afiliado {
	s.t.Helper()
	ctx, now := s.t.Context(), storage.At(s.now())
	a := storage.Afiliado{
		ID: storage.NewID(), Identifier: id, IdentifierType: storage.IdentifierCedula, GivenName: "María Fernanda",
		FamilyName: "Quishpe Andrade", Birthdate: "1985-03-14", Email: "mquishpe@correo.example", Mobile: "+593991234567",
		Kinds: []string{"afiliado"}, Estado: "activa", CreatedAt: now, UpdatedAt: now,
	}
	phc := ""
	if clave != "" {
		var err error
		if phc, err = s.Hash.Make(ctx, clave); err != nil {
			s.t.Fatal(err)
		}
	}
	s.in(func(tx *storage.Tx) error {
		if err := tx.AddAfiliado(ctx, a); err != nil || clave == "" {
			return err
		}
		return tx.SetClave(ctx, storage.Clave{
			AfiliadoID: a.ID, PHC: phc, Long: login.Long(clave), CreatedAt: now,
			DueAt: storage.At(s.Renewal.DueAt(now.Time, clave, a.ID)),
		}, s.History)
	})
	return &a
}

// logout does what the protocol's end_session_endpoint does once the person has
// agreed: it ends this browser's session, where it has one.
func (s *site) logout(w http.ResponseWriter, r *http.Request) {
	found, err := s.Session(r.Context(), r)
	if err == nil {
		var forget func(http.ResponseWriter)
		err = s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
			var err error
			forget, err = s.EndSession(r.Context(), tx, r, found, "historia")
			return err
		})
		if err == nil {
			forget(w)
		}
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// authorize does what the protocol does: store the request, advance it.
func (s *site) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	req := storage.AuthRequest{
		ID: storage.NewID(), ClientID: q.Get("client_id"), RedirectURI: "https://" + q.Get("client_id") + ".example/cb",
		Scope: q.Get("scope"), State: "st", BrowserHash: s.Browser(w, r), CreatedAt: storage.At(s.now()),
		ExpiresAt: storage.At(s.now().Add(30 * time.Minute)),
		Params: storage.AuthParams{
			Prompt: strings.Fields(q.Get("prompt")), LoginHint: q.Get("login_hint"), UILocales: q.Get("ui_locales"),
			ACRValues: strings.Fields(q.Get("acr_values")), ACREssential: q.Get("acr_essential") == "1",
		},
	}
	if q.Get("max_age") == "0" {
		zero := int64(0)
		req.Params.MaxAge = &zero
	}
	var answer http.Handler
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		if err := tx.AddAuthRequest(r.Context(), req); err != nil {
			return err
		}
		var err error
		answer, err = s.Advance(r.Context(), tx, r, &req)
		return err
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer.ServeHTTP(w, r)
}

// protocol completes requests as the real one does.
type protocol struct{}

func (protocol) Grant(ctx context.Context, tx *storage.Tx, req *storage.AuthRequest, s *storage.Session) (http.Handler, error) {
	code := storage.NewSecret()
	q := *req
	q.CompletedAt, q.SessionID, q.AfiliadoID, q.AuthAt, q.ACR, q.AMR = s.SeenAt, s.ID, s.AfiliadoID, s.AuthAt, s.ACR, s.AMR
	q.CodeHash = storage.Hash(code)
	return complete(ctx, tx, q, url.Values{"code": {code}, "scope": {req.Scope}, "acr": {s.ACR}})
}

func (protocol) Deny(ctx context.Context, tx *storage.Tx, req *storage.AuthRequest, code, description string) (http.Handler, error) {
	q := *req
	q.CompletedAt = req.CreatedAt
	return complete(ctx, tx, q, url.Values{"error": {code}, "error_description": {description}, "whom": {req.AfiliadoID}})
}

func complete(ctx context.Context, tx *storage.Tx, q storage.AuthRequest, out url.Values) (http.Handler, error) {
	if err := tx.CompleteAuthRequest(ctx, q); err != nil {
		return nil, err
	}
	out.Set("state", q.State)
	return http.RedirectHandler(q.RedirectURI+"?"+out.Encode(), http.StatusSeeOther), nil
}

// events counts the audit rows of a name.
func (s *site) events(name string) int {
	s.t.Helper()
	rows, err := s.DB.AuditRows(s.t.Context(), 0, 10000)
	if err != nil {
		s.t.Fatal(err)
	}
	n := 0
	for _, row := range rows {
		if row.Event == name {
			n++
		}
	}
	return n
}
