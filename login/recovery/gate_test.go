package recovery_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/recovery"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// pages is each on one database, for promises that are kept by the pages alone.
func pages(t *testing.T, f func(t *testing.T, s *site), change ...func(*recovery.Config)) {
	t.Helper()
	t.Parallel()
	f(t, newSite(t, "sqlite", change...))
}

// gate is what lies between the browsers of a site and its servers: it brings them
// from another network, to another replica, or changes what they send.
type gate struct {
	to     atomic.Pointer[url.URL]
	from   atomic.Pointer[net.TCPAddr]
	change atomic.Pointer[func(*http.Request)]
}

// gate puts one before all browsers of s.
func (s *site) gate() *gate {
	s.T.Helper()
	g := &gate{}
	g.lead(s.T, s.URL)
	srv := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(g.to.Load())
			p.Out.Host = p.In.Host
			if change := g.change.Load(); change != nil {
				(*change)(p.Out)
			}
		},
		ModifyResponse: func(r *http.Response) error {
			if g.change.Load() != nil { // the answer is another browser's
				r.Header.Del("Set-Cookie")
			}
			return nil
		},
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			var d net.Dialer
			if from := g.from.Load(); from != nil {
				d.LocalAddr = from
			}
			return d.DialContext(ctx, network, address)
		}},
	})
	s.T.Cleanup(srv.Close)
	s.URL = srv.URL
	return g
}

func (g *gate) lead(t testing.TB, address string) {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	g.to.Store(to)
}

// come brings the browsers from an address: each 127.0.n.0/24 is a network.
func (g *gate) come(from string) { g.from.Store(&net.TCPAddr{IP: net.ParseIP(from)}) }

// replica is the address of another process on the database of s, which knows
// nothing but that.
func (s *site) replica() string {
	s.T.Helper()
	db, err := storage.Open(s.T.Context(), storage.Config{URL: s.Database, Keys: storagetest.Keys()})
	if err != nil {
		s.T.Fatal(err)
	}
	cfg := s.Config
	cfg.DB, cfg.Clients = db, storage.NewClientCache(db, s.Time)
	other, err := login.New(cfg)
	if err != nil {
		s.T.Fatal(err)
	}
	other.Protocol = s.Protocol
	way, err := recovery.New(other, recovery.Config{})
	if err != nil {
		s.T.Fatal(err)
	}
	r := mux.NewRouter()
	other.Routes(r)
	way.Routes(r)
	srv := httptest.NewServer(r)
	s.T.Cleanup(func() {
		srv.Close()
		if err := db.Close(); err != nil {
			s.T.Error(err)
		}
	})
	return srv.URL
}

// content is all that the database holds, a line for each row.
func (s *site) content() string {
	s.T.Helper()
	db := storagetest.Raw(s.T, s.Database)
	defer db.Close()
	catalogue := `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`
	if strings.HasPrefix(s.Database, "sqlite:") {
		catalogue = `SELECT name FROM sqlite_master WHERE type = 'table'`
	}
	read := func(query string) []string {
		rows, err := db.QueryContext(s.T.Context(), query)
		if err != nil {
			s.T.Fatal(err)
		}
		defer rows.Close()
		names, err := rows.Columns()
		if err != nil {
			s.T.Fatal(err)
		}
		var out []string
		for rows.Next() {
			values, to := make([]any, len(names)), make([]any, len(names))
			for i := range values {
				to[i] = &values[i]
			}
			if err := rows.Scan(to...); err != nil {
				s.T.Fatal(err)
			}
			for i, value := range values {
				if text, ok := value.([]byte); ok {
					values[i] = string(text)
				}
			}
			out = append(out, strings.Trim(fmt.Sprint(values), "[]"))
		}
		if err := rows.Err(); err != nil {
			s.T.Fatal(err)
		}
		return out
	}
	var out []string
	for _, table := range read(catalogue) {
		for _, row := range read(`SELECT * FROM ` + table) {
			out = append(out, table+" "+row)
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}
