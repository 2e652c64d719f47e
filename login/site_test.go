package login_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

const (
	cedula  = storage.Identifier("1759999913")
	another = storage.Identifier("0959999913")
	nobody  = storage.Identifier("2359999915")
	clave   = "Cotopaxi47"
	wrong   = "Chimborazo63"
)

// site is login on a server, with the log that it writes and the delays that it has
// passed.
type site struct {
	*logintest.Site
	waits  atomic.Int64
	logged *safeBuffer
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
	logintest.Each(t, func(t *testing.T, engine string) { f(t, newSite(t, engine, change...)) })
}

func newSite(t testing.TB, engine string, change ...func(*login.Config)) *site {
	t.Helper()
	s := &site{logged: &safeBuffer{}}
	s.Site = logintest.NewSite(t, engine, nil, append([]func(*login.Config){s.watched}, change...)...)
	s.RequestLife = 30 * time.Minute
	s.application("historia", true, "openid profile")
	return s
}

// replica is another process on the same database at the same time, with the same
// log.
func (s *site) replica(change ...func(*login.Config)) *site {
	s.T.Helper()
	other := &site{logged: s.logged}
	other.Site = s.Replica(append([]func(*login.Config){other.watched}, change...)...)
	return other
}

// watched keeps what the site logs and counts what it waits.
func (s *site) watched(c *login.Config) {
	c.Log = slog.New(slog.NewJSONHandler(s.logged, nil))
	c.Wait = func(context.Context, time.Duration) error { s.waits.Add(1); return nil }
}

func (s *site) application(id string, firstParty bool, scope string) {
	s.T.Helper()
	storagetest.AddClient(s.T, s.DB, id, "", storage.ClientMetadata{
		ClientName: "App " + id, ClientURI: "https://" + id + ".example/", FirstParty: firstParty, Scope: scope,
		RedirectURIs: []string{"https://" + id + ".example/cb"},
	})
	s.Pass(time.Second) // the cache asks again
}

// person adds somebody; an empty clave is none.
func (s *site) person(id storage.Identifier, clave string) *storage.Afiliado {
	s.T.Helper()
	a := storagetest.AddAfiliado(s.T, s.DB, storage.Afiliado{
		Identifier: id, Email: "mquishpe@correo.example", Mobile: "+593991234567", CreatedAt: storage.At(s.Time()),
	})
	if clave != "" {
		s.SetClave(a.ID, clave, s.Renewal.DueAt(s.Time(), clave, storage.Holder{AfiliadoID: a.ID}))
	}
	return &a
}

// browser is somebody's browser.
type browser struct {
	*logintest.Browser
	s *site
}

type answer = logintest.Answer

func (s *site) browser() *browser { return &browser{s.NewBrowser(), s} }

// ask begins a request at an application and returns the page it leads to.
func (b *browser) ask(client, scope string, more ...string) answer {
	q := url.Values{"client_id": {client}, "scope": {scope}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return b.Get("/authorize?" + q.Encode())
}

// signIn sends the form, and the answer to a challenge where pressure asks for one.
func (b *browser) signIn(request string, id storage.Identifier, clave string) answer {
	return b.Answering("/ingresar", fields(request, id, clave)...)
}

// try sends the form once, with the answer to a challenge if there is one.
func (b *browser) try(request string, id storage.Identifier, clave string, reto ...string) answer {
	in := fields(request, id, clave)
	for _, r := range reto {
		in = append(in, "reto", r)
	}
	return b.Post("/ingresar", in...)
}

func fields(request string, id storage.Identifier, clave string) []string {
	in := []string{"cedula", string(id), "clave", clave, "ingresar", "1"}
	if request != "" {
		in = append(in, "id", request)
	}
	return in
}

func head(body string) string {
	_, body, _ = strings.Cut(body, "<main")
	return body[:min(len(body), 400)]
}
