package rp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"iess.gob.ec/clave/cmd/clave/server"
	"iess.gob.ec/clave/cmd/demo/rp"
	"iess.gob.ec/clave/cmd/demo/rp/rptest"
	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/provider"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// The two people of these tests, as in the demo.
const (
	maria, mariaClave = "1759999913", "Cotopaxi47"
	pedro, pedroClave = "2059999918", "Archipielago1969Tortuga" // long enough for acr clave15
)

// world is a provider and one application, Préstamos, on real ports.
type world struct {
	t      *testing.T
	issuer string
	base   string // of the application
	db     *storage.DB
	wire   *wire

	mu     sync.Mutex
	ahead  time.Duration // of the application's clock
	behind time.Duration // of the provider's
}

func newWorld(t *testing.T, engine string) *world {
	t.Helper()
	w := &world{t: t, wire: &wire{}}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.issuer = "http://localhost:" + port(l.Addr().String())
	app := httptest.NewUnstartedServer(nil)
	w.base = "http://localhost:" + port(app.Listener.Addr().String())
	cfg := rp.Config{
		Issuer: w.issuer, ClientID: "prestamos", ClientSecret: storage.NewSecret(), AuthMethod: rp.AuthPost, BaseURL: w.base,
		Name: "Préstamos", Institution: "BIESS", Lead: "Prueba.", Theme: "prestamos", Solicitud: true, Events: true, Fresh: time.Minute,
		Scopes: []string{"openid", "profile", "email", "phone", "cedula", "afiliacion", "offline_access"},
		Now:    w.appNow, Log: slog.New(slog.DiscardHandler), Transport: w.wire,
	}
	w.start(l, storage.Config{URL: storagetest.URL(t, engine), Keys: storagetest.Keys()}, cfg)
	a, err := rp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	app.Config.Handler = a
	app.Start()
	t.Cleanup(app.Close)
	return w
}

// start fills the database and runs the provider until the test ends.
func (w *world) start(l net.Listener, db storage.Config, app rp.Config) {
	w.t.Helper()
	hash, err := login.NewHasher(login.HashConfig{Memory: 64, Passes: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	fill(w.t, db, hash, app)
	s, err := server.New(w.t.Context(), server.Config{
		Issuer: w.issuer, Version: "test", Storage: db, Login: login.Config{Hash: hash, Renewal: login.DefaultRenewal()}, Now: w.providerNow, Log: slog.New(slog.DiscardHandler),
		Provider: provider.Config{Logouts: provider.LogoutConfig{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.db = s.DB()
	ctx, stop := context.WithCancel(context.WithoutCancel(w.t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, l, nil) }()
	w.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
		if err := s.Close(); err != nil {
			w.t.Error(err)
		}
	})
}

func fill(t *testing.T, cfg storage.Config, hash *login.Hasher, app rp.Config) {
	t.Helper()
	db, err := storage.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	file, err := json.Marshal([]map[string]any{{
		"client_id": app.ClientID, "client_secret": app.ClientSecret, "client_name": app.Name, "client_uri": app.BaseURL + "/",
		"redirect_uris": []string{app.RedirectURI()}, "post_logout_redirect_uris": []string{app.PostLogoutRedirectURI()},
		"backchannel_logout_uri": app.BackchannelLogoutURI(), "iess_events": rp.EventTypes(), "iess_events_uri": app.EventsURI(),
		"initiate_login_uri": app.InitiateLoginURI(), "token_endpoint_auth_method": app.AuthMethod,
		"grant_types": []string{"authorization_code", "refresh_token"}, "scope": strings.Join(app.Scopes, " "),
	}})
	if err != nil {
		t.Fatal(err)
	}
	registrations, err := provider.ParseClients(file)
	if err != nil {
		t.Fatal(err)
	}
	now := storage.At(time.Now())
	err = db.InTx(t.Context(), func(tx *storage.Tx) error {
		for _, r := range registrations {
			if err := r.Apply(t.Context(), tx, now.Time); err != nil {
				return err
			}
		}
		for _, p := range [][]string{
			{maria, "María Fernanda", "Quishpe Andrade", "1985-03-14", "maria.quishpe@correo.example", mariaClave},
			{pedro, "Pedro", "Tomalá Suárez", "1969-08-23", "pedro.tomala@correo.example", pedroClave},
		} {
			a := storage.Afiliado{
				ID: storage.NewID(), Identifier: storage.Identifier(p[0]), IdentifierType: storage.IdentifierCedula,
				GivenName: p[1], FamilyName: p[2], Birthdate: p[3], Email: p[4], EmailVerified: true, Mobile: "+593990000001",
				Kinds: []string{"afiliado"}, Estado: "activa", CreatedAt: now, UpdatedAt: now,
			}
			if err := tx.AddAfiliado(t.Context(), a); err != nil {
				return err
			}
			phc, err := hash.Make(t.Context(), p[5])
			if err != nil {
				return err
			}
			if err := tx.SetClave(t.Context(), storage.Clave{AfiliadoID: a.ID, PHC: phc, Long: login.Long(p[5]), CreatedAt: now}, 1); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func port(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

func (w *world) appNow() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.ahead)
}

func (w *world) providerNow() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(-w.behind)
}

// clocks sets how far the application's clock is ahead and the provider's behind.
func (w *world) clocks(ahead, behind time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead, w.behind = ahead, behind
}

// wire is between the application and the provider.
type wire struct {
	mu     sync.Mutex
	change func(path string, body []byte) []byte // nil changes nothing
	cut    bool                                  // no answer at all
	sent   []string                              // "path grant_type" of each POST
	seen   []string                              // access, refresh and ID tokens that came
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		return nil, io.ErrUnexpectedEOF
	}
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		w.sent = append(w.sent, r.URL.Path+" "+form.Get("grant_type"))
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body.Close()
	var tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		ID      string `json:"id_token"`
	}
	if json.Unmarshal(body, &tokens) == nil {
		for _, token := range []string{tokens.Access, tokens.Refresh, tokens.ID} {
			if token != "" {
				w.seen = append(w.seen, token)
			}
		}
	}
	if w.change != nil {
		body = w.change(r.URL.Path, body)
		resp.ContentLength = int64(len(body))
		resp.Header.Del("Content-Length")
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

func (w *wire) set(f func(*wire)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w)
}

// refreshes counts the refresh tokens sent.
func (w *wire) refreshes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, s := range w.sent {
		if strings.HasSuffix(s, " refresh_token") {
			n++
		}
	}
	return n
}

// signIn walks from the application's home page through the provider and back.
func (w *world) signIn(b *rptest.Browser, cedula, clave string) *rptest.Page {
	w.t.Helper()
	b.Get(w.base + "/")
	b.Press("ingresar", nil)
	return w.prove(b, cedula, clave)
}

// prove fills the provider's login form, and its consent where it asks: with
// everything that may be left out.
func (w *world) prove(b *rptest.Browser, cedula, clave string) *rptest.Page {
	w.t.Helper()
	if p := b.Page(); p.URL.Path != "/ingresar" {
		w.t.Fatalf("at %s (%d), want the login page: %s", p.URL, p.Status, p.Text())
	}
	p := b.Press("ingresar", url.Values{"cedula": {cedula}, "clave": {clave}})
	if p.Has("autorizar") {
		p = b.Press("autorizar", url.Values{"opcional": {"email", "phone"}})
	}
	return p
}

// want fails unless the browser shows a page of the application with that
// status and text.
func (w *world) want(p *rptest.Page, status int, text string) {
	w.t.Helper()
	if p.Status != status || !strings.HasPrefix(p.URL.String(), w.base) || !strings.Contains(p.Text(), text) {
		w.t.Fatalf("%s %d, want %d with %q:\n%s", p.URL, p.Status, status, text, p.Text())
	}
}
