package clave_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
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

const (
	cedula = storage.Identifier("0959999913")
	old    = "Guayas2019x"
	nueva  = "Chimborazo63"
	long   = "Archipielago1969Tortuga"
)

// site is login and renewal on an HTTP server, with the simplest Protocol.
type site struct {
	*login.Server
	claves  *clave.Server
	t       testing.TB
	url     string
	clock   atomic.Int64
	commits atomic.Int64
	stmts   atomic.Int64
	hook    atomic.Pointer[func(query string)] // called before each statement of a transaction
	who     *storage.Afiliado
	dbURL   string
}

var pages = sync.OnceValues(func() (*templates.Pages, error) {
	return templates.Parse(templates.Config{Issuer: "http://localhost:8080"})
})

// each runs f on each database, with one person whose clave old is a year old.
func each(t *testing.T, f func(t *testing.T, s *site), change ...func(*login.Config)) {
	t.Helper()
	t.Parallel()
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			f(t, newSite(t, engine, change...))
		})
	}
}

func newSite(t testing.TB, engine string, change ...func(*login.Config)) *site {
	t.Helper()
	s := &site{t: t}
	s.clock.Store(time.Date(2025, time.November, 8, 15, 0, 0, 0, time.UTC).UnixMicro())
	db := storagetest.Open(t, engine, func(c *storage.Config) {
		s.dbURL = c.URL
		c.OnStatement = func(_ context.Context, query string) {
			switch query {
			case "COMMIT":
			case "COMMITTED":
				s.commits.Add(1)
			default:
				s.stmts.Add(1)
			}
			if hook := s.hook.Load(); hook != nil {
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
		Issuer: "http://localhost:8080", DB: db, Clients: storage.NewClientCache(db, s.now), Pages: p, Hash: hash, Now: s.now,
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
	r := mux.NewRouter()
	s.Routes(r)
	s.claves = clave.New(s.Server)
	s.claves.Routes(r)
	r.HandleFunc("/authorize", s.authorize)
	srv := httptest.NewUnstartedServer(r)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // of handlers that tests kill
	srv.Start()
	t.Cleanup(srv.Close)
	s.url = srv.URL
	s.fill()
	return s
}

func (s *site) now() time.Time { return time.UnixMicro(s.clock.Load()).UTC() }

func (s *site) pass(d time.Duration) { s.clock.Add(d.Microseconds()) }

func (s *site) in(f func(tx *storage.Tx) error) {
	s.t.Helper()
	if err := s.DB.InTx(s.t.Context(), f); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) fill() {
	s.t.Helper()
	ctx, now := s.t.Context(), storage.At(s.now())
	phc, err := s.Hash.Make(ctx, old)
	if err != nil {
		s.t.Fatal(err)
	}
	s.who = &storage.Afiliado{
		ID: storage.NewID(), Identifier: cedula, IdentifierType: storage.IdentifierCedula, GivenName: "Carlos Alberto", FamilyName: "Mina Ortiz",
		Birthdate: "1988-02-29", Email: "carlos.mina@correo.example", Fingerprint: true, Kinds: []string{"afiliado"}, Estado: "activa", CreatedAt: now, UpdatedAt: now,
	}
	s.in(func(tx *storage.Tx) error {
		err := tx.SaveClient(ctx, storage.Client{ID: "historia", UpdatedAt: now, Metadata: storage.ClientMetadata{
			ClientName: "Historia Laboral", ClientURI: "https://historia.example/", FirstParty: true,
		}})
		if err != nil {
			return err
		}
		if err := tx.AddAfiliado(ctx, *s.who); err != nil {
			return err
		}
		return tx.SetClave(ctx, storage.Clave{AfiliadoID: s.who.ID, PHC: phc, CreatedAt: now, DueAt: storage.At(s.Renewal.DueAt(now.Time, old, s.who.ID))}, s.History)
	})
	s.pass(366 * 24 * time.Hour)
}

func (s *site) authorize(w http.ResponseWriter, r *http.Request) {
	req := storage.AuthRequest{
		ID: storage.NewID(), ClientID: "historia", RedirectURI: "https://historia.example/cb", Scope: "openid", BrowserHash: s.Browser(w, r),
		CreatedAt: storage.At(s.now()), ExpiresAt: storage.At(s.now().Add(24 * time.Hour)),
		Params: storage.AuthParams{Prompt: strings.Fields(r.URL.Query().Get("prompt"))},
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

type protocol struct{}

func (protocol) Grant(ctx context.Context, tx *storage.Tx, req *storage.AuthRequest, s *storage.Session) (http.Handler, error) {
	code := storage.NewSecret()
	q := *req
	q.CompletedAt, q.SessionID, q.CodeHash = s.SeenAt, s.ID, storage.Hash(code)
	return http.RedirectHandler(q.RedirectURI+"?code="+code+"&acr="+s.ACR, http.StatusSeeOther), tx.CompleteAuthRequest(ctx, q)
}

func (protocol) Deny(ctx context.Context, tx *storage.Tx, req *storage.AuthRequest, code, _ string) (http.Handler, error) {
	q := *req
	q.CompletedAt = req.CreatedAt
	return http.RedirectHandler(q.RedirectURI+"?error="+code, http.StatusSeeOther), tx.CompleteAuthRequest(ctx, q)
}

// browser is somebody's browser.
type browser struct {
	s      *site
	client *http.Client
}

type answer struct {
	status   int
	location string
	body     string
	header   http.Header
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{s, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (b *browser) do(method, path, body string) answer {
	r, err := http.NewRequestWithContext(b.s.t.Context(), method, b.s.url+path, strings.NewReader(body))
	if err != nil {
		b.s.t.Error(err)
		return answer{}
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.s.url)
	}
	res, err := b.client.Do(r)
	if err != nil {
		b.s.t.Error(err)
		return answer{}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.s.t.Error(err)
	}
	return answer{res.StatusCode, res.Header.Get("Location"), string(text), res.Header}
}

func (b *browser) get(path string) answer { return b.do(http.MethodGet, path, "") }

func (b *browser) post(path string, pairs ...string) answer {
	f := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Set(pairs[i], pairs[i+1])
	}
	return b.do(http.MethodPost, path, f.Encode())
}

// answering posts a form and, where pressure asks for a challenge, does as a person
// without script does: it waits and sends it again.
func (b *browser) answering(path string, pairs ...string) answer {
	got := b.post(path, pairs...)
	if m := ticket.FindStringSubmatch(got.body); m != nil && strings.Contains(got.body, refused) {
		b.s.pass(80 * time.Second)
		got = b.post(path, append(pairs, "reto", m[1])...)
	}
	return got
}

const refused = `id="reto-error"`

func (b *browser) signIn(request, clave string) answer {
	return b.answering("/ingresar", "id", request, "cedula", string(cedula), "clave", clave)
}

// renew posts the form with everything right but what more says.
func (b *browser) renew(request, clave string, more ...string) answer {
	return b.post("/renovar", append([]string{"id", request, "clave_nueva", clave, "clave_confirmacion", clave, "acuerdo", "1"}, more...)...)
}

// ask begins a request at the application and returns its id.
func (b *browser) ask(query string) (string, answer) {
	got := b.get("/authorize?" + query)
	u, err := url.Parse(got.location)
	if err != nil {
		b.s.t.Fatal(err)
	}
	return u.Query().Get("id"), got
}

func (s *site) want(got answer, status int, leads string) {
	s.t.Helper()
	path, _, _ := strings.Cut(got.location, "?")
	if got.status != status || path != leads {
		_, main, _ := strings.Cut(got.body, "<h1>")
		s.t.Errorf("got %d to %q, want %d to %q: %.300s", got.status, got.location, status, leads, main)
	}
}

func (s *site) events(name string) int {
	s.t.Helper()
	rows, err := s.DB.AuditRows(s.t.Context(), 0, 1000)
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
