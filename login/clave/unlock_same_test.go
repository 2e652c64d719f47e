package clave_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

var (
	changing = regexp.MustCompile(`name="reto" value="[^"]*"|data-reto="[^"]*"|[A-Za-z0-9_-]{43,}`)
	clock    = regexp.MustCompile(`\d{1,2}[h:]\d{2}`)
)

func normal(body string, id storage.Identifier) string {
	body = strings.ReplaceAll(body, string(id), "CEDULA")
	return clock.ReplaceAllString(changing.ReplaceAllString(body, "SECRET"), "CLOCK")
}

// headers are those of an answer, cookies among them, but for the time and secrets.
func headers(got answer, id storage.Identifier) string {
	var lines []string
	for name, values := range got.Header {
		if name != "Date" {
			lines = append(lines, name+": "+normal(strings.Join(values, "; "), id))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// T01, T17: whoever the identifier belongs to, the request does the same
// statements and gets the same bytes; only the errand run afterwards tells them
// apart.
func TestT17_DesbloqueoIsTheSameForEverybody(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		type work struct {
			statements, commits  int64
			status               int
			leads, sent, codeAns string
			header, codeHeader   string
			code                 int64
		}
		measure := func(id storage.Identifier) work {
			b := s.browser()
			reto := b.ticketOf(b.Get("/desbloqueo"))
			stmts, commits := s.Stmts.Load(), s.Commits.Load()
			got := b.Post("/desbloqueo", "identificacion", string(id), "reto", reto)
			w := work{statements: s.Stmts.Load() - stmts, commits: s.Commits.Load() - commits, status: got.Status, leads: got.Location, header: headers(got, id)}
			w.sent = normal(b.Get("/desbloqueo/enviado").Body, id)
			stmts = s.Stmts.Load()
			typed := b.Post("/desbloqueo/codigo", "codigo_mensaje", "00000000")
			w.codeAns, w.codeHeader = normal(typed.Body, id), headers(typed, id)
			w.code = s.Stmts.Load() - stmts
			return w
		}
		want := measure(nobody)
		for n, state := range []func(){
			func() {}, func() { s.lock(storage.LockLogin) },
			func() { s.change(func(a *storage.Afiliado) { a.Identifier, a.Fingerprint = "1059999910", false }) },
			func() { s.change(func(a *storage.Afiliado) { a.Identifier, a.Email = "1359999917", "" }) },
			func() {
				s.In(func(tx *storage.Tx) error { return tx.DisableAfiliado(t.Context(), s.who.ID, "prueba", s.Time()) })
			},
		} {
			state()
			for range 2 { // the second time some have a live link
				got := measure(s.who.Identifier)
				if got.sent != want.sent || got.codeAns != want.codeAns {
					t.Errorf("state %d: the pages differ: %q", n, difference(got.sent+got.codeAns, want.sent+want.codeAns))
				}
				got.sent, got.codeAns, want.sent, want.codeAns = "", "", "", ""
				if got != want {
					t.Errorf("state %d: got %+v, want %+v", n, got, want)
				}
				want = measure(nobody)
				s.Work()
			}
		}
	})
}

// difference is where two texts part.
func difference(a, b string) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	return a[max(0, i-80):min(len(a), i+80)] + " ≠ " + b[max(0, i-80):min(len(b), i+80)]
}

// S024, S025: without the challenge nobody is looked up and nothing is left.
func TestS025_ChallengeComesFirst(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		reto := b.ticketOf(b.Get("/desbloqueo"))
		for name, form := range map[string][]string{
			"none":      {"identificacion", string(s.who.Identifier)},
			"wrong":     {"identificacion", string(s.who.Identifier), "reto", "x"},
			"malformed": {"identificacion", "0959999914", "reto", reto},
			"empty":     {"reto", reto},
		} {
			if got := b.Post("/desbloqueo", form...); got.Status != http.StatusOK {
				t.Errorf("%s: %d %s", name, got.Status, got.Location)
			}
		}
		if s.Events("unlock.asked") != 0 {
			t.Error("an errand was left")
		}
		s.Want(b.Post("/desbloqueo", "identificacion", string(s.who.Identifier), "reto", reto), http.StatusSeeOther, "/desbloqueo/enviado")
		s.Pass(6 * time.Second)
		if got := b.Post("/desbloqueo", "identificacion", string(s.who.Identifier), "reto", reto); got.Status != http.StatusOK {
			t.Errorf("a used challenge: %d", got.Status)
		}
	})
}
