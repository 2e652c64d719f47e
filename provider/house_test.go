package provider

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

const (
	secret   = "wJ4pG7qLx2Vd9sRk0NfTzYbM5cHa8eUi"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

// clock is the test's own time.
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

// house is a provider over a database, with somebody at the browser.
type house struct {
	*Server
	t       *testing.T
	db      *storage.DB
	clock   *clock
	url     string
	http    *http.Client
	log     *logBuffer
	person  storage.Afiliado
	session *storage.Session // nil: nobody is signed in
	cleared bool             // the session's cookie was cleared
	asked   string           // the application that asked for it
	wait    bool             // Advance sends people to a page
	pending *storage.AuthRequest
}

type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

// Write implements io.Writer.
func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// each runs f with a fresh house on each database.
func each(t *testing.T, f func(t *testing.T, h *house)) {
	t.Helper()
	t.Parallel() // most of the time goes into waiting for the disk
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			f(t, newHouse(t, storagetest.Open(t, engine)))
		})
	}
}

// housePages are the same for every house: parsing them costs more than most
// tests do.
var housePages = sync.OnceValues(func() (*templates.Pages, error) {
	return templates.Parse(templates.Config{Issuer: "http://localhost:8080", Logout: PathLogout})
})

func newHouse(t *testing.T, db *storage.DB) *house {
	t.Helper()
	h := &house{t: t, db: db, clock: &clock{t: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}, log: &logBuffer{}}
	srv := httptest.NewUnstartedServer(nil)
	h.url = "http://" + srv.Listener.Addr().String()
	pages, err := housePages()
	if err != nil {
		t.Fatal(err)
	}
	h.apply(clientFile)
	h.Server, err = New(t.Context(), Config{
		Issuer: h.url, DB: db, Clients: storage.NewClientCache(db, h.clock.now), Pages: pages, Login: h, Now: h.clock.now, ClavesExpire: true,
		Log:     slog.New(slog.NewJSONHandler(h.log, nil)),
		Logouts: LogoutConfig{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := mux.NewRouter()
	h.Routes(r)
	srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.ServeHTTP(w, req.WithContext(storage.WithRequestID(req.Context(), "request-1")))
	})
	srv.Start()
	t.Cleanup(srv.Close)
	own := &http.Transport{} // closing a server of another test closes idle connections of the common one
	t.Cleanup(own.CloseIdleConnections)
	h.http = &http.Client{Transport: own, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	h.person = h.addPerson("1759999913")
	h.signIn(h.person)
	return h
}

// clientFile registers the applications of the tests.
const clientFile = `[
{"client_id":"web","client_secret":"` + secret + `","client_name":"Historia Laboral","client_uri":"https://web.example/",
 "redirect_uris":["https://web.example/cb","https://web.example/cb?app=1"],"post_logout_redirect_uris":["https://web.example/bye","https://web.example/bye?a=1"],
 "grant_types":["authorization_code","refresh_token"],"scope":"openid profile email phone cedula afiliacion offline_access","iess_first_party":true},
{"client_id":"other","client_secret":"` + secret + `","client_name":"Préstamos","redirect_uris":["https://other.example/cb"],
 "grant_types":["authorization_code","refresh_token"],"scope":"openid profile offline_access","post_logout_redirect_uris":["https://other.example/bye"]},
{"client_id":"post","client_secret":"` + secret + `","client_name":"Fondos","redirect_uris":["https://post.example/cb"],
 "token_endpoint_auth_method":"client_secret_post","scope":"openid email","initiate_login_uri":"https://post.example/start"},
{"client_id":"mobile","client_name":"Móvil","application_type":"native","token_endpoint_auth_method":"none",
 "redirect_uris":["http://127.0.0.1/cb","http://[::1]:9000/cb?x=1","ec.gob.iess.movil:/cb"],"grant_types":["authorization_code","refresh_token"],"scope":"openid offline_access"},
{"client_id":"legacy","client_secret":"` + secret + `","client_name":"Heredada","redirect_uris":["https://legacy.example/cb"],"iess_pkce":"optional"},
{"client_id":"ed","client_secret":"` + secret + `","client_name":"Ed","redirect_uris":["https://ed.example/cb"],"id_token_signed_response_alg":"EdDSA",
 "default_max_age":600,"default_acr_values":["urn:iess:acr:clave15"]}
]`

// rsaClients are apart because making RSA keys takes long.
const rsaClients = `[{"client_id":"rs","client_secret":"` + secret + `","client_name":"RS","redirect_uris":["https://rs.example/cb"],"id_token_signed_response_alg":"RS256","subject_type":"public"},
{"client_id":"ps","client_secret":"` + secret + `","client_name":"PS","redirect_uris":["https://ps.example/cb"],"id_token_signed_response_alg":"PS256","subject_type":"public"}]`

func (h *house) apply(file string) {
	h.t.Helper()
	registrations, err := ParseClients([]byte(file))
	if err != nil {
		h.t.Fatal(err)
	}
	h.inTx(func(tx *storage.Tx) error {
		return ApplyClients(h.t.Context(), tx, registrations, h.url, h.clock.now())
	})
}

func (h *house) inTx(f func(tx *storage.Tx) error) {
	h.t.Helper()
	if err := h.db.InTx(h.t.Context(), f); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) addPerson(identifier string) storage.Afiliado {
	h.t.Helper()
	now := storage.At(h.clock.now())
	a := storage.Afiliado{
		ID: storage.NewID(), Identifier: storage.Identifier(identifier), IdentifierType: storage.IdentifierCedula,
		GivenName: "María Fernanda", FamilyName: "Quishpe Andrade", Birthdate: "1985-03-14", Email: "mquishpe@correo.example",
		EmailVerified: true, Mobile: "+593991234567", Kinds: []string{"afiliado"}, Estado: "activa", CreatedAt: now, UpdatedAt: now,
	}
	h.inTx(func(tx *storage.Tx) error { return tx.AddAfiliado(h.t.Context(), a) })
	return a
}

// signIn gives the browser a session of a.
func (h *house) signIn(a storage.Afiliado) {
	h.t.Helper()
	now := storage.At(h.clock.now())
	h.session = &storage.Session{
		ID: storage.NewID(), SecretHash: storage.Hash(storage.NewSecret()), AfiliadoID: a.ID, AMR: "pwd", ACR: "urn:iess:acr:clave",
		AuthAt: now, SeenAt: now, CreatedAt: now, ExpiresAt: storage.At(h.clock.now().Add(12 * time.Hour)),
	}
	h.inTx(func(tx *storage.Tx) error { return tx.AddSession(h.t.Context(), *h.session) })
}

// Browser implements Login.
func (h *house) Browser(http.ResponseWriter, *http.Request) string { return "browser" }

// Advance implements Login: whoever is signed in gets what was asked.
func (h *house) Advance(ctx context.Context, tx *storage.Tx, _ *http.Request, req *storage.AuthRequest) (http.Handler, error) {
	h.pending = req
	switch {
	case h.wait:
		return seeOther("/ingresar?id=" + req.ID), nil
	case h.session == nil:
		return h.Deny(ctx, tx, req, "login_required", "")
	default:
		return h.Grant(ctx, tx, req, h.session)
	}
}

// Session implements Login.
func (h *house) Session(context.Context, *http.Request) (*storage.Session, error) {
	if h.session == nil {
		return nil, storage.ErrNotFound
	}
	return h.session, nil
}

// EndSession implements Login.
func (h *house) EndSession(ctx context.Context, tx *storage.Tx, _ *http.Request, s *storage.Session, clientID string) (func(http.ResponseWriter), error) {
	_, err := tx.EndSession(ctx, s.ID, "logout", h.clock.now())
	h.asked = clientID
	return func(http.ResponseWriter) { h.cleared, h.session = true, nil }, err
}

// eachWith is each over databases that count their commits.
func eachWith(t *testing.T, f func(t *testing.T, h *house, commits *counter)) {
	t.Helper()
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			commits := &counter{}
			db := storagetest.Open(t, engine, func(cfg *storage.Config) { cfg.OnStatement = commits.add })
			f(t, newHouse(t, db), commits)
		})
	}
}
