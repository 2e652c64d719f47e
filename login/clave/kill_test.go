package clave_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// killAt makes the nth statement from now on the last one of its request or job,
// as if the process had died there. It returns what it was, once it has come.
func (s *site) killAt(nth int) func() string {
	var n atomic.Int64
	var at atomic.Value
	at.Store("")
	hook := func(query string) {
		if n.Add(1) == int64(nth) {
			at.Store(query)
			panic(http.ErrAbortHandler)
		}
	}
	s.hook.Store(&hook)
	return func() string {
		s.hook.Store(nil)
		return at.Load().(string) //nolint:forcetypeassert // stored above
	}
}

// dies runs f, which may be killed.
func dies(f func()) {
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler { //nolint:errorlint // a panic's value is no chain
			panic(v)
		}
	}()
	f()
}

// try posts a form whose answer may never come.
func (b *browser) try(path, body string) {
	r, err := http.NewRequestWithContext(b.s.t.Context(), http.MethodPost, b.s.url+path, strings.NewReader(body))
	if err != nil {
		b.s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.s.url)
	if res, err := b.client.Do(r); err == nil {
		_ = res.Body.Close()
	}
}

// FT-01: killed at each statement of unlock, of change and of their errands, and
// tried again, everything happens once: no mail without its effect, no effect
// without its mail.
func TestFT01_KilledAtEachStatement(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(s *site) *browser
		path    string
		body    string
		event   string
		mail    string
	}{
		{
			name: "unlock", path: "/desbloqueo/abrir", body: "desbloquear=1", event: "clave.unlocked", mail: "clave-desbloqueada",
			prepare: func(s *site) *browser {
				b, link := locked(s)
				b.open(link)
				return b
			},
		},
		{
			name: "change", path: "/cambio", body: "clave_nueva=" + nueva + "&clave_confirmacion=" + nueva + "&cerrar_otras=1",
			event: "clave.changed", mail: "clave-cambiada",
			prepare: func(s *site) *browser {
				b := s.browser()
				s.want(b.prove(s.who.Identifier, old), http.StatusSeeOther, "/cambio")
				return b
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fresh(t, func(t *testing.T, s *site) {
				nth := 1
				for ; ; nth++ {
					s.renewWho()
					b := tt.prepare(s)
					events := s.events(tt.event)
					killed := s.killAt(nth)
					b.try(tt.path, tt.body)
					at := killed()
					if at == "" {
						break
					}
					t.Logf("%s: killed at %s", tt.name, line(at))
					done := s.events(tt.event) - events
					if (done == 1) != (at == "COMMITTED") || done > 1 {
						t.Errorf("killed at %s: %d effects", at, done)
					}
					s.pass(6 * time.Second)
					b.try(tt.path, tt.body)
					if got := s.events(tt.event) - events; got != 1 {
						t.Errorf("killed at %s and tried again: %d effects", at, got)
					}
					s.killErrands(t, tt.name, nth)
					if got := count(s.kinds(), tt.mail); got != 1 {
						t.Errorf("killed at %s: %d mails", at, got)
					}
				}
				if nth < 5 {
					t.Errorf("only %d statements: the test proves nothing", nth)
				}
			})
		})
	}
}

// killErrands runs the errands, killed at the nth statement, and again.
func (s *site) killErrands(t *testing.T, name string, nth int) {
	t.Helper()
	killed := s.killAt(nth)
	dies(func() { _ = s.claves.RunErrands(t.Context(), s.now()) })
	if at := killed(); at != "" {
		t.Logf("errands of %s: killed at %s", name, line(at))
	}
	s.work()
}

// renewWho makes another person the one of the next round.
func (s *site) renewWho() {
	s.n++
	a := *s.who
	a.Identifier = storage.Identifier("EXT-" + string(rune('A'+s.n/26)) + string(rune('A'+s.n%26)) + "913")
	a.IdentifierType, a.Email = storage.IdentifierCodigo, fmt.Sprintf("persona%d@correo.example", s.n) // one address gets so many links
	s.replaceWho(a)
}

func line(query string) string { return strings.Join(strings.Fields(query), " ") }

func count(all []string, one string) int {
	n := 0
	for _, s := range all {
		if s == one {
			n++
		}
	}
	return n
}
