package recovery_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
)

var (
	changing = regexp.MustCompile(`name="(reto|caso)" value="[^"]*"|data-reto="[^"]*"|[A-Za-z0-9_-]{43,}`)
	clock    = regexp.MustCompile(`\d{1,2}[h:]\d{2}|data-left="\d+"|quedan? \d+ minutos?`)
	quizText = regexp.MustCompile(`(?s)<legend>.*?</legend>|<span>[^<]*</span>|<label for="personal_\d">.*?</label>`)
)

// normal is what every identifier must get: without secrets, times and the words of
// the questions.
func normal(a logintest.Answer, id storage.Identifier) string {
	body := strings.ReplaceAll(a.Body, string(id), "CEDULA")
	body = quizText.ReplaceAllString(changing.ReplaceAllString(body, "SECRET"), "WORDS")
	var lines []string
	for name, values := range a.Header {
		if name != "Date" && name != "Content-Length" {
			lines = append(lines, name+": "+changing.ReplaceAllString(strings.Join(values, "; "), "SECRET"))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + clock.ReplaceAllString(body, "CLOCK")
}

// work is what one form took and what it was answered.
type work struct {
	status             int
	leads, page        string
	statements, hashes int64
}

// measure does f and says what it took.
func (s *site) measure(id storage.Identifier, f func() logintest.Answer) work {
	count := func() int64 { c := s.Hash.Counts(); return c.Compared + c.Wasted + c.Made }
	stmts, hashes := s.Stmts.Load(), count()
	got := f()
	return work{got.Status, got.Location, normal(got, id), s.Stmts.Load() - stmts, count() - hashes}
}

// T01, T17: up to the verdict whoever the identifier belongs to does the same
// statements and hashes and gets the same bytes, at each of five attempts and
// after them: the known, who enrolled and who did not, whose account is closed or
// who has no mailbox, and nobody.
func TestT17_EverybodyIsTheSameUpToTheVerdict(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		walk := func(id storage.Identifier) []work {
			j := s.journey()
			var out []work
			var page logintest.Answer
			begin := func() {
				out = append(out, s.measure(id, func() logintest.Answer { return j.Get("/generar-recuperar?nuevo=1") }))
				reto := j.Ticket(j.Get("/generar-recuperar?nuevo=1"))
				out = append(out, s.measure(id, func() logintest.Answer {
					return j.Post("/generar-recuperar", "identificacion", string(id), "reto", reto)
				}), s.measure(id, func() logintest.Answer { page = j.Get("/generar-recuperar"); return page }))
			}
			begin()
			for range 5 {
				out = append(out, s.measure(id, func() logintest.Answer {
					return j.answer(page, form{day: "31", month: "12", history: [2]string{"0", "1"}, personal: [2]string{"uno", "dos"}})
				}))
			}
			begin()
			return append(out, s.measure(id, func() logintest.Answer {
				return j.answer(page, form{day: "31", month: "12", history: [2]string{"0", "1"}})
			}))
		}
		want := walk(nobody)
		closed := s.person("0759999915", "cerrada@example.ec")
		s.In(func(tx *storage.Tx) error { return tx.DisableAfiliado(t.Context(), closed.ID, "prueba", s.Time()) })
		for _, id := range []storage.Identifier{s.maria.Identifier, s.diana.Identifier, closed.Identifier, s.person("1859999912", "").Identifier} {
			s.Pass(time.Hour) // the network is not crowded then
			for i, got := range walk(id) {
				if got.page != want[i].page {
					t.Errorf("%s, step %d: the pages differ: %s", id, i, difference(got.page, want[i].page))
				}
				if w := want[i]; got.status != w.status || got.leads != w.leads || got.statements != w.statements || got.hashes != w.hashes {
					t.Errorf("%s, step %d: got %d %q, %d statements, %d hashes, want %d %q, %d, %d", id, i, got.status, got.leads, got.statements, got.hashes,
						w.status, w.leads, w.statements, w.hashes)
				}
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

// S022: what is on file of who never had a clave, and of who forgot hers, shows in
// no page before the link.
func TestS022_TheBranchShowsOnlyBehindTheLink(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		pages := func(a storage.Afiliado) []string {
			j := s.journey()
			page := j.pass(a)
			sent := j.data(page)
			s.Want(sent, http.StatusSeeOther, "/generar-recuperar/enviado")
			mask := regexp.MustCompile(`<dd[^>]*>[^<]*</dd>`)
			return []string{
				mask.ReplaceAllString(normal(page, a.Identifier), "MASKED"), normal(sent, a.Identifier), normal(j.Get("/generar-recuperar/enviado"), a.Identifier),
			}
		}
		first, again := pages(s.diana), pages(s.maria)
		for i := range first {
			if first[i] != again[i] {
				t.Errorf("page %d: %s", i, difference(first[i], again[i]))
			}
		}
	})
}

// T23: two hundred starts, in as many browsers, ask the same: a hundred on each
// database, as only the order of its rows could make a difference.
func TestT23_RestartsShowOneSet(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.fewerMonths()
		for _, id := range []storage.Identifier{nobody, s.diana.Identifier} {
			sets := map[string]bool{}
			for range 100 {
				sets[fmt.Sprint(s.way.Quiz(t, id, s.Time()))] = true
			}
			if len(sets) != 1 {
				t.Errorf("%s was asked %d sets", id, len(sets))
			}
			one, two := s.journey().start(id), s.journey().start(id)
			words := func(a logintest.Answer) string { return strings.Join(quizText.FindAllString(a.Body, -1), "\n") }
			if words(one) != words(two) || words(one) == "" {
				t.Errorf("%s was shown two sets", id)
			}
		}
	})
}
